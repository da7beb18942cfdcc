"""What the network is given: the scale of its inputs and of its targets, over the run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clinometer.records.recording import Recording


@dataclass(frozen=True)
class Input:
    """One place that takes raw data; medians over the observations.

    Attributes
    ----------
    layer : the place
    normalised : whether it is a normalisation, to which scale means nothing
    features, examples : how many
    offset : RMS over the features of their means [-]
    spread : RMS over the features of their standard deviations [-]
    largest, middle : the largest standard deviation of a feature, and the median one [-]
    constant : share of the features that never vary
    """

    layer: str
    normalised: bool
    features: float
    examples: float
    offset: float
    spread: float
    largest: float
    middle: float
    constant: float

    @property
    def rms(self) -> float:
        """Root mean square of the input [-]."""
        return float(np.hypot(self.offset, self.spread))


@dataclass(frozen=True)
class Target:
    """Targets of a regression, over the run: root mean square, mean and standard deviation."""

    term: str
    rms: float
    mean: float
    deviation: float
    rows: float


def inputs(recording: Recording) -> list[Input]:
    """Places that take raw data; none in recordings that did not measure them."""
    roles = {call.name: call.facts.get("role") for call in recording.of_kind("call")}
    found = []
    for i, site in enumerate(recording.of_kind("input")):
        numbers = {
            name: _median(recording, name, i)
            for name in (
                "features", "examples", "offset", "spread", "largest", "middle", "constant",
            )
        }  # fmt: skip
        found.append(Input(site.name, roles.get(site.name) == "normalisation", **numbers))
    return found


def _median(recording: Recording, column: str, site: int) -> float:
    values = recording.column("input", column)[:, site]
    values = values[~np.isnan(values)]
    return float(np.median(values)) if len(values) else float("nan")


def targets(recording: Recording) -> list[Target]:
    """Moments of the regression targets that were seen."""
    found = []
    for site in recording.of_kind("loss"):
        facts = recording.labels.get(site.name, {})
        rows = float(facts.get("rows") or 0)
        if not rows or facts.get("counts"):
            continue
        mean = np.asarray(facts["sum"], np.float64) / rows
        square = np.asarray(facts["squares"], np.float64) / rows
        found.append(
            Target(
                site.name,
                float(np.sqrt(square.mean())),
                float(np.sqrt((mean**2).mean())),
                float(np.sqrt(np.maximum(square - mean**2, 0).mean())),
                rows,
            )
        )
    return found
