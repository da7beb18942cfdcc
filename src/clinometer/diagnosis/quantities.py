"""What rules read: quantities by name, worked out from a recording when first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from clinometer.diagnosis import severity
from clinometer.diagnosis.course import Course, course
from clinometer.diagnosis.inputs import Input, Target, inputs, targets
from clinometer.diagnosis.ledger import Line, decades, ledger
from clinometer.diagnosis.linearity import Pair, linear_pairs
from clinometer.diagnosis.margins import LATE
from clinometer.diagnosis.output import Output, outputs
from clinometer.diagnosis.paths import Network
from clinometer.diagnosis.progress import Progress, progress
from clinometer.diagnosis.rule import NotJudged
from clinometer.diagnosis.state import state
from clinometer.diagnosis.updates import Update, motion, updates
from clinometer.diagnosis.validation import Validation, validation
from clinometer.diagnosis.wiring import Parameter, wiring
from clinometer.records.recording import Float64, Recording

PIECEWISE = frozenset({"relu", "relu6", "leaky_relu"})  # flat on half of their inputs by design
MOST = 0.5
FEW = 3
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
        "recording", "course", "state", "symptom", "suspect", "fault", "late", "lines", "ledger", "unlined",
        "activations", "motion", "updates", "wiring", "inputs", "targets", "outputs", "linear",
        "saturated_at_start", "progress", "validation",
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
        """Ledger lines of the main weights of linear and convolution layers, by depth."""
        found = [line for line in self._ledger[0] if getattr(line, "is_weight", True)]
        if not found:
            raise NotJudged(_why_no_lines(self.recording, self._ledger[1]))
        return found

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

    @property
    def saturated_at_start(self) -> list[str]:
        """Hidden activations most of whose units x examples were flat at the first observation."""
        try:
            seen = self.activations
        except NotJudged:
            return []
        return [
            name
            for i, name in enumerate(seen.names)
            if not seen.output[i]
            and seen.kinds[i] not in PIECEWISE
            and np.any(first := seen.saturated[~np.isnan(seen.saturated[:, i]), i][:1])
            and first[0] > MOST
        ]

    @property
    def symptom(self) -> str:
        """Severity of what harms only a run that does not learn."""
        return severity.symptom(self.state, self.course)

    @property
    def suspect(self) -> str:
        """Severity of what slows learning down from its first step."""
        return severity.suspect(self.state, self.course)

    @property
    def fault(self) -> str:
        """Severity of what is wrong whatever the run does."""
        return severity.fault(self.state)

    @property
    def ledger(self) -> list[Line]:
        """Ledger lines of every trainable tensor, by depth; may be empty."""
        return self._ledger[0]

    @cached_property
    def updates(self) -> list[Update]:
        """Steps of every parameter that an optimizer moved, against the weight itself."""
        if not len(self.recording.observed):
            raise NotJudged("no step was observed")
        return updates(self.recording)

    @cached_property
    def motion(self) -> dict[str, float]:
        """Relative path length of each weight over the run so far: sum of its update ratios [-]."""
        if not len(self.recording.observed):
            raise NotJudged("no step was observed")
        return motion(self.recording)

    @cached_property
    def wiring(self) -> list[Parameter]:
        """What became of every parameter."""
        found = wiring(self.recording)
        if not found:
            raise NotJudged("no parameter was observed")
        return found

    @cached_property
    def progress(self) -> Progress:
        """How much of the progress is scale."""
        found = progress(self.recording)
        if found is None:
            raise NotJudged("the growth of no linear or convolution layer was observed")
        return found

    @cached_property
    def validation(self) -> Validation:
        """The evaluation passes to judge by."""
        found = validation(self.recording)
        if found is None:
            raise NotJudged(
                self.recording.meta.get("evaluations_unheard")
                or "no late evaluation pass over a cross-entropy without gradients was seen"
            )
        return found

    @cached_property
    def inputs(self) -> list[Input]:
        """Where raw data enter, and on which scale."""
        found = inputs(self.recording)
        if not found:
            raise NotJudged("no input of floating-point numbers was observed")
        return found

    @cached_property
    def targets(self) -> list[Target]:
        """Moments of the targets of a regression."""
        found = targets(self.recording)
        if not found:
            raise NotJudged("no target of a regression was observed")
        return found

    @cached_property
    def outputs(self) -> list[Output]:
        """What lies between the last weight layer and the loss."""
        found = outputs(self.recording)
        if not found:
            raise NotJudged("the end of the network was not observed")
        return found

    @cached_property
    def linear(self) -> tuple[list[Pair], int, bool]:
        """Pairs of weight layers with nothing that bends between them; weight layers; what bends."""
        if not len(self.recording.observed):
            raise NotJudged("no step was observed")
        return linear_pairs(self.recording)


def late_observations(recording: Recording, bad_step: int | None) -> Bool:
    """bool (observations,): the last quarter of the run as far as it is finite; at least one.

    Where that holds fewer than `FEW` observations, those of the second half that come before are taken
    as well: one noisy step shall not speak alone.
    """
    observed = recording.observed
    good = observed < bad_step if bad_step is not None else np.ones(len(observed), dtype=bool)
    if not good.any():
        return np.zeros(len(observed), dtype=bool)
    end = observed[good][-1]
    if bad_step is None and len(recording.step):
        end = recording.step[-1]
    late = good & (observed >= end * (1 - 1 / LATE))
    if late.sum() < FEW:
        late[np.flatnonzero(good & (observed >= end / 2))[-FEW:]] = True
    late[np.flatnonzero(good)[-1]] = True
    return np.asarray(late)


def _why_no_lines(recording: Recording, unlined: dict[str, str]) -> str:
    if not len(recording.observed):
        return "no step was observed"
    if not unlined:
        return "no linear or convolution layer was observed"
    layer, why = next(iter(unlined.items()))
    return f"no layer has a single path to the loss ({layer}: {why})"
