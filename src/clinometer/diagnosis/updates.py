"""How far the weights move: one step, and the whole run, against the weight itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clinometer.diagnosis.ledger import decades
from clinometer.records.recording import Float64, Recording


@dataclass(frozen=True)
class Update:
    """One parameter that an optimizer owns; float64 (observations,), nan where not measured.

    Attributes
    ----------
    ratio : RMS of the stored step (decay taken off) / RMS of the weight before it [-]
    stored : RMS of the stored step itself [-]
    intended : the same as `ratio` of the step that the optimizer's formula asks for [-]
    lost : share of the movable elements whose stored bits did not change
    gain : intended step / gradient taken [decades]
    floored : share of the elements whose Adam denominator is mostly epsilon
    first : RMS of the weight at the first observation [-]
    """

    name: str
    layer: str
    shape: tuple[int, ...]
    dtype: str
    ratio: Float64
    stored: Float64
    intended: Float64
    lost: Float64
    gain: Float64
    floored: Float64
    gradient: Float64
    rate: Float64
    first: float

    @property
    def is_matrix(self) -> bool:
        """Whether it has rows: 1-D tensors (biases, gains) have no scale of their own at the start."""
        return len(self.shape) > 1


def updates(recording: Recording) -> list[Update]:
    """Every parameter with at least one measured step."""
    sites = recording.of_kind("parameter")
    if not sites:
        return []
    stored, weight, intended, lost, taken, floored, rate = (
        recording.column("parameter", name)
        for name in (
            "stored_rms",
            "weight_rms",
            "intended_rms",
            "lost",
            "grad_step_rms",
            "floored",
            "lr",
        )
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio, asked = stored / weight, intended / weight
    return [
        Update(
            name=site.name,
            layer=site.name.rpartition(".")[0],
            shape=tuple(site.facts.get("shape", ())),
            dtype=str(site.facts.get("dtype", "")),
            ratio=ratio[:, i],
            stored=stored[:, i],
            intended=asked[:, i],
            lost=lost[:, i],
            gain=decades(intended[:, i], taken[:, i]),
            floored=floored[:, i],
            gradient=taken[:, i],
            rate=rate[:, i],
            first=_first(weight[:, i]),
        )
        for i, site in enumerate(sites)
        if not np.isnan(stored[:, i]).all()
    ]


def _first(values: Float64) -> float:
    known = values[~np.isnan(values)]
    return float(known[0]) if len(known) else float("nan")


def motion(recording: Recording) -> dict[str, float]:
    """Relative path length of each weight over the run: sum of its update ratios [-].

    Between two observations the mean of their update ratios is taken for every step.
    """
    observed, steps = recording.observed, recording.steps
    lengths = {}
    for update in updates(recording):
        known = np.isfinite(update.ratio)
        if known.any():
            lengths[update.name] = path_length(observed[known], update.ratio[known], steps)
    return lengths


def path_length(observed: np.ndarray, ratio: Float64, steps: int) -> float:
    """Area under the ratio by step, the ends held: what `sum(interp(every step))` is, in one go."""
    inner = float(np.sum(np.diff(observed) * (ratio[1:] + ratio[:-1]) / 2))
    return inner + float(ratio[0] * observed[0] + ratio[-1] * (steps - observed[-1]))
