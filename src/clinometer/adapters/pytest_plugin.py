"""pytest: the fixture `clinometer_watch`, so that a project can test that its model learns.

    def test_it_learns(clinometer_watch):
        model = make_model()
        with clinometer_watch(model) as run:
            train(model)
        run.require(verdict={"learning", "learned"}, without={"FLOW201"})

pytest loads this file at every start, wherever Clinometer is installed: it imports nothing heavy.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    import torch
    from torch import nn

    from clinometer.diagnosis.diagnosis import Diagnosis
    from clinometer.records.recording import Recording

FIRST_SCREEN = 24  # lines of the report that a failing test shows


class WatchedRun:
    """One training that a test watched.

    Attributes
    ----------
    path : the recording, in the test's `tmp_path`
    recording : it, read back
    diagnosis : what `clinometer.diagnose` says of it
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def recording(self) -> Recording:
        """The recording; read when the block is over."""
        from clinometer.store.reader import read

        return read(self.path)

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """Verdict, findings and ledger."""
        from clinometer.diagnosis.diagnose import diagnose

        return diagnose(self.recording)

    def require(
        self,
        *,
        verdict: str | Collection[str] | None = None,
        without: str | Collection[str] = (),
        judged: str | Collection[str] = (),
    ) -> None:
        """Fail the test unless the run was as expected.

        Parameters
        ----------
        verdict : the verdicts that will do, one or several; None for any
        without : codes of rules (`FLOW201`) that must not have found anything
        judged : codes of rules that must have been able to judge

        Raises
        ------
        AssertionError : what was expected and found, above the report's first screen.
        ValueError : for a verdict or a code that there is not: such a test could never fail.
        """
        __tracebackhide__ = True
        wrong = self._wrong(_listed(verdict), _listed(without), _listed(judged))
        if wrong:
            raise AssertionError("\n".join([*wrong, "", self._first_screen()]))

    def _wrong(self, verdicts: list[str], without: list[str], judged: list[str]) -> list[str]:
        from clinometer.diagnosis.diagnose import all_rules

        _check_known("verdict", verdicts, VERDICTS)
        _check_known("rule", [*without, *judged], [rule.code for rule in all_rules()])
        found = self.diagnosis
        wrong = []
        if verdicts and found.verdict not in verdicts:
            wrong.append(f"verdict {found.verdict}, expected {' or '.join(verdicts)}")
        for finding in found.findings:
            if finding.code in without:
                place = f" at {finding.layer}" if finding.layer else ""
                wrong.append(f"{finding.code} {finding.name}{place}, expected none")
        silent = dict(found.not_judged)
        wrong += [f"{code} not judged: {silent[code]}" for code in judged if code in silent]
        return wrong

    def _first_screen(self) -> str:
        from clinometer.reports.diagnosis_text import text

        lines = text(self.diagnosis).splitlines()
        more = ["..."] if len(lines) > FIRST_SCREEN else []
        shown = [*lines[:FIRST_SCREEN], *more]
        return "\n".join([*shown, "", f"The whole of it: clinometer report {self.path}"])


VERDICTS = ("learning", "learned", "stuck", "diverged", "not-training", "undecided")


class Watch(Protocol):
    """What `clinometer_watch` is: called with a model, it gives the block to train in."""

    def __call__(
        self,
        model: nn.Module,
        *,
        optimizer: torch.optim.Optimizer | None = None,
        budget: float = 0.01,
        every: int | None = None,
    ) -> AbstractContextManager[WatchedRun]: ...


@pytest.fixture
def clinometer_watch(tmp_path: Path) -> Watch:
    """Watch a model while it trains: `with clinometer_watch(model) as run: ...; run.require(...)`.

    Takes what `clinometer.watch` takes; the recordings lie in the test's `tmp_path`.
    """
    pytest.importorskip("torch", reason="clinometer_watch records PyTorch, which is not installed")
    numbers = itertools.count(1)

    @contextmanager
    def watching(model: nn.Module, **options: Any) -> Iterator[WatchedRun]:
        from clinometer.attach.watch import watch

        run = WatchedRun(tmp_path / f"watched-{next(numbers)}.clino")
        with watch(model, to=run.path, **options):
            yield run

    return watching


def _listed(given: str | Collection[str] | None) -> list[str]:
    return [given] if isinstance(given, str) else sorted(given or ())


def _check_known(what: str, given: list[str], known: Collection[str]) -> None:
    unknown = [one for one in given if one not in known]
    if unknown:
        raise ValueError(f"no such {what}: {', '.join(unknown)}; expected of {', '.join(known)}")
