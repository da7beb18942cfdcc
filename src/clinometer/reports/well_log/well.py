"""What a well log shows of one run: every curve by depth, taken from the recording and its diagnosis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.records.recording import Bool, Float64, Int64
from clinometer.reports.well_log.beds import beds, spread
from clinometer.reports.well_log.lithology import kind_of
from clinometer.reports.well_log.readings import broken, readings

ABSENT = -1  # place of another well that this one does not have
UPWARDS = frozenset({"saturated", "dead", "slope"})  # read at the activation, the end of its bed
OF_BEDS = UPWARDS | {"weight_gain", "update_ratio", "rounding_limit"}


@dataclass(frozen=True)
class Well:
    """One run as a well.

    Attributes
    ----------
    diagnosis : what it was drawn from
    window : bool (observations,): those that the readings are the mean of
    names, kinds : of each place, in order of execution; kinds are those of `lithology`
    classes : of the modules, "" for a functional call
    bed : int64 (places,): see `beds`
    read : by name, float64 (places,), where each was read: `saturated`, `dead` and `lost` are shares;
        `gradient`, `activation`, `update_ratio`, `rounding_limit`, `slope`, `weight_gain` and
        `other_gain` are decades. -inf is exactly zero, nan was not measured.
    broken : by name (`gradient`, `activation`), bool (places,): NaN or Inf was seen there, in the window
        or when the run broke
    """

    diagnosis: Diagnosis
    window: Bool
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    classes: tuple[str, ...]
    bed: Int64
    read: Mapping[str, Float64]
    broken: Mapping[str, Bool]

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def drawn(self) -> dict[str, Float64]:
        """The readings as they are drawn: those that speak for a bed at all of its places."""
        return {
            name: spread(values, self.bed, upwards=name in UPWARDS) if name in OF_BEDS else values
            for name, values in self.read.items()
        }

    @cached_property
    def gain(self) -> Float64:
        """float64 (places,): what each place hands on of the gradient that it is handed [decades]."""
        slope, weight, other = (self.read[name] for name in ("slope", "weight_gain", "other_gain"))
        return np.where(np.isnan(slope), np.where(np.isnan(weight), other, weight), slope)

    @property
    def steps(self) -> tuple[int, int] | None:
        """First and last step of the window."""
        seen = self.diagnosis.recording.observed[self.window]
        return (int(seen[0]), int(seen[-1])) if len(seen) else None

    def places(self, layer: str) -> list[int]:
        """Numbers of the places that a finding's `layer` names: a call, a module, or a tensor's owner."""
        for wanted in (layer, layer.rpartition(".")[0]):
            if not wanted:
                continue
            exact = [i for i, name in enumerate(self.names) if name == wanted]
            found = exact or [i for i, name in enumerate(self.names) if _belongs(name, wanted)]
            if found:
                return found
        return []

    def on(self, names: tuple[str, ...], place: Int64) -> Well:
        """The same well on the depths of another: `place` says which of its own each is, or `ABSENT`."""
        absent = place == ABSENT

        def moved(values: Float64) -> Float64:
            return np.where(absent, np.nan, values[place])

        other = replace(
            self,
            names=names,
            kinds=tuple("" if i == ABSENT else self.kinds[i] for i in place),
            classes=tuple("" if i == ABSENT else self.classes[i] for i in place),
            bed=np.where(absent, ABSENT, self.bed[place]),
            read={name: moved(values) for name, values in self.read.items()},
            broken={name: ~absent & values[place] for name, values in self.broken.items()},
        )
        other.__dict__["drawn"] = {name: moved(values) for name, values in self.drawn.items()}
        return other


def _belongs(name: str, module: str) -> bool:
    """Whether a call is made by a module, or by one inside it."""
    return name.startswith(module) and name[len(module) :][:1] in {"", ".", ":", "#"}


def well_of(diagnosis: Diagnosis, steps: tuple[int, int] | None = None) -> Well:
    """Read a well off a diagnosis; over `steps`, both included, instead of the run's last quarter.

    A run that was never finite has no such quarter: all that was observed is read, for its marks.
    """
    calls = diagnosis.recording.of_kind("call")
    observed = diagnosis.recording.observed
    window = diagnosis.late if diagnosis.late.any() else np.ones(len(observed), dtype=bool)
    if steps is not None:
        window = np.asarray((observed >= steps[0]) & (observed <= steps[1]))
    kinds = tuple(kind_of(call) for call in calls)
    return Well(
        diagnosis=diagnosis,
        window=window,
        names=tuple(call.name for call in calls),
        kinds=kinds,
        classes=tuple(
            "" if call.facts.get("functional") else str(call.facts.get("class", ""))
            for call in calls
        ),
        bed=beds(kinds),
        read=readings(diagnosis, window),
        broken=broken(diagnosis, window),
    )
