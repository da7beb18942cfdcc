"""Quantities that may fail: the failure of one is told once, and what does not need it is still judged."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from clinometer.diagnosis.course import Course
from clinometer.diagnosis.ledger import Line
from clinometer.diagnosis.quantities import Quantities
from clinometer.diagnosis.rule import NotJudged
from clinometer.records.recording import Recording

KEPT = frozenset({"course", "ledger"})  # these are empty where they fail


class Guarded(Quantities):
    """Quantities of a recording that may hold anything.

    Asking for one that raises is `NotJudged`, as for one that is missing; `failed` holds the errors. The
    course of the loss and the ledger, which a report cannot do without, are empty where they fail.
    """

    def __init__(self, recording: Recording) -> None:
        super().__init__(recording)
        self.failed: dict[str, Exception] = {}

    def __getitem__(self, name: str) -> Any:
        if name in self.failed and name not in KEPT:
            raise NotJudged(self._why(name))
        try:
            return super().__getitem__(name)
        except NotJudged:
            raise
        except Exception as error:
            if name not in self.NAMES:
                raise  # not a quantity: a fault of the rule
            self.failed[name] = error
            raise NotJudged(self._why(name)) from error

    @cached_property
    def course(self) -> Course:
        """The course of the loss."""
        try:
            return super().course
        except Exception as error:
            self.failed["course"] = error
            return Course(
                None, None, float("nan"), 0.0, None, self._why("course"), False, None, None, 0
            )

    @cached_property
    def _ledger(self) -> tuple[list[Line], dict[str, str]]:
        try:
            return super()._ledger
        except Exception as error:
            self.failed["ledger"] = error
            return [], {}

    @property
    def lines(self) -> list[Line]:
        """Ledger lines of the main weights of linear and convolution layers, by depth."""
        if not self._ledger[0] and "ledger" in self.failed:
            raise NotJudged(self._why("ledger"))
        return super().lines

    def _why(self, name: str) -> str:
        return f"{name} could not be worked out ({said(self.failed[name])})"


def said(error: Exception) -> str:
    """An error in one line, for a report."""
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
