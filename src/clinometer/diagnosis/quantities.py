"""What rules read: quantities by name, worked out from a recording when first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from clinometer.diagnosis.course import LATE, Course, course, state
from clinometer.diagnosis.ledger import Line, decades, ledger
from clinometer.diagnosis.paths import Network
from clinometer.diagnosis.rule import NotJudged
from clinometer.records.recording import Float64, Recording

Bool = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


@dataclass(frozen=True)
class Activations:
    """Columns of the hidden activations, (observations, activations).

    `output` tells the activations that make the network's output, where being flat can be right.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    output: tuple[bool, ...]
    saturated: Float64
    gain: Float64
    units: Float64
    dead: Float64
    window: Float64


class Quantities(Mapping[str, Any]):
    """Named quantities of one recording; asking for one that is missing raises `NotJudged`."""

    NAMES = (
        "recording", "course", "lines", "unlined", "late", "activations", "motion", "state",
    )  # fmt: skip

    def __init__(self, recording: Recording) -> None:
        self.recording = recording

    def __getitem__(self, name: str) -> Any:
        if name not in self.NAMES:
            raise KeyError(name)
        return getattr(self, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.NAMES)

    def __len__(self) -> int:
        return len(self.NAMES)

    @cached_property
    def course(self) -> Course:
        """The course of the loss."""
        return course(self.recording)

    @cached_property
    def state(self) -> str:
        """The run's state by its loss alone: a verdict's word."""
        return state(self.course)

    @cached_property
    def _ledger(self) -> tuple[list[Line], dict[str, str]]:
        return ledger(self.recording)

    @property
    def lines(self) -> list[Line]:
        """Ledger lines of the weight layers, by depth."""
        if not self._ledger[0]:
            raise NotJudged(_why_no_lines(self.recording, self._ledger[1]))
        return self._ledger[0]

    @property
    def unlined(self) -> dict[str, str]:
        """Weight layers without a ledger line, and why."""
        return self._ledger[1]

    @cached_property
    def late(self) -> Bool:
        """bool (observations,): those in the last quarter of the run, at least one.

        A run that becomes non-finite ends, for this purpose, before it does.
        """
        late = late_observations(self.recording, self.course.bad_step)
        if not late.any():
            raise NotJudged("no step was observed while the numbers were finite")
        return late

    @cached_property
    def activations(self) -> Activations:
        """The activation modules that were seen."""
        network = Network(self.recording)
        places = [i for i in range(len(network.calls)) if network.role(i) == "activation"]
        if not places or not len(self.recording.observed):
            raise NotJudged("no activation module was observed")

        def take(column: str) -> Float64:
            return self.recording.column("call", column)[:, places]

        of_units = {s.name: i for i, s in enumerate(self.recording.of_kind("activation"))}
        at = [of_units.get(network.calls[i].name, -1) for i in places]

        def units(column: str) -> Float64:
            known = self.recording.column("activation", column) if of_units else None
            missing = np.full(len(self.recording.observed), np.nan)
            return np.stack(
                [missing if known is None or k < 0 else known[:, k] for k in at], axis=1
            )

        return Activations(
            names=tuple(network.calls[i].name for i in places),
            kinds=tuple(str(network.calls[i].facts.get("activation")) for i in places),
            output=tuple(bool(network.calls[i].facts.get("output")) for i in places),
            saturated=units("saturated"),
            gain=decades(take("grad_in_rms"), take("grad_out_rms")),
            units=units("units"),
            dead=units("dead"),
            window=units("window"),
        )

    @cached_property
    def motion(self) -> dict[str, float]:
        """Relative path length of each weight over the run so far: sum of its update ratios [-].

        Between two observations the mean of their update ratios is taken for every step.
        """
        observed = self.recording.observed
        if not len(observed):
            raise NotJudged("no step was observed")
        steps = self.recording.steps
        lengths = {}
        stored = self.recording.column("parameter", "stored_rms")
        weight = self.recording.column("parameter", "weight_rms")
        for i, site in enumerate(self.recording.of_kind("parameter")):
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = stored[:, i] / weight[:, i]
            known = np.isfinite(ratio)
            if known.any():
                every = np.interp(np.arange(steps), observed[known], ratio[known])
                lengths[site.name] = float(every.sum())
        return lengths


def late_observations(recording: Recording, bad_step: int | None) -> Bool:
    """bool (observations,): the last quarter of the run as far as it is finite; at least one."""
    observed = recording.observed
    good = observed < bad_step if bad_step is not None else np.ones(len(observed), dtype=bool)
    if not good.any():
        return np.zeros(len(observed), dtype=bool)
    end = observed[good][-1]
    if bad_step is None and len(recording.step):
        end = recording.step[-1]
    late = good & (observed >= end * (1 - 1 / LATE))
    late[np.flatnonzero(good)[-1]] = True
    return np.asarray(late)


def _why_no_lines(recording: Recording, unlined: dict[str, str]) -> str:
    if not len(recording.observed):
        return "no step was observed"
    if not unlined:
        return "no linear or convolution layer was observed"
    layer, why = next(iter(unlined.items()))
    return f"no layer has a single path to the loss ({layer}: {why})"
