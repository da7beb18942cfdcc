"""One model's loss, step by step: what one temperature removes, then class shifts, then any rising map.

total = scale + shift + shape + refinement [nat]. What is fitted flatters the rows it was fitted on: that
optimism is taken from each part and given to the refinement. Sources: Berta, Holzmüller, Jordan and Bach
(2025), arXiv 2501.19195; Bröcker (2009), arXiv 0806.0813; Takeuchi (1976) for the optimism.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from clinometer.calibration.predictions import Predictions
from clinometer.stats.clusters import cluster_interval, cluster_temperature
from clinometer.stats.gaps import Array, logit_gaps
from clinometer.stats.noncentral import part_interval
from clinometer.stats.paired import Interval, paired_interval
from clinometer.stats.shape import cross_fitted_losses
from clinometer.stats.shift import MOST, ShiftFit, fit_shift
from clinometer.stats.temperature import TemperatureFit
from clinometer.stats.weighting import effective_rows, weighted_mean

WHY_NOT = {
    "zero": "the parts of the loss are not judged: every row is right, so the best temperature is 0 and "
    "would leave nothing",
    "inverted": "the parts of the loss are not judged: the logits point the wrong way, which no "
    "temperature mends; look for exchanged labels or a changed sign",
    "separable": "shift and shape of the loss are not judged: a temperature with class shifts could leave "
    "no row wrong, so the best ones are infinite",
    "alone": "shift and shape of the loss are not judged: one class carries all labels",
}


@dataclass(frozen=True)
class Ladder:
    """Parts of the mean loss [nat]; None is not judged, never 0.

    Attributes
    ----------
    total : mean loss of the logits as they are
    scale, shift, shape : what the best temperature removes; class shifts beyond it; a rising map of the
        log-odds beyond both (two classes only); each >= 0, less its optimism
    refinement : what stays. total = scale + shift + shape + refinement, to rounding, over the judged parts
    raw : the parts before the optimism is moved; shape is cross-fitted and may be below 0
    optimism : what was moved from each part to the refinement. Below 0 for the shape: its rows are honest,
        while those of the step before it flatter themselves
    intervals : of scale and shift, by whole groups where the rows have them; the wider of the delta method
        and of what holds next to 0. Measured coverage of the 95 %, three classes, n = 50, 200, 1000: scale
        0.91 to 1.00, 0.94 to 1.00, 0.95 to 1.00; shift 0.97 to 1.00. By 5, 10, 30 unequal groups: scale
        0.93, 0.93, 0.92, shift above 0.99 (`python -m benchmarks.coverage_ladder`)
    p_values : of scale and of shift, likelihood ratio, chi-square (Wilks 1938); None for dependent rows
    shifts : the fit of temperature and class shifts
    notes : what was not judged, and why
    """

    total: float
    scale: float | None = None
    shift: float | None = None
    shape: float | None = None
    refinement: float | None = None
    raw: dict[str, float] = field(default_factory=dict)
    optimism: dict[str, float] = field(default_factory=dict)
    intervals: dict[str, Interval | None] = field(default_factory=dict)
    p_values: dict[str, float | None] = field(default_factory=dict)
    shifts: ShiftFit | None = None
    notes: tuple[str, ...] = ()


def ladder(predictions: Predictions, fit: TemperatureFit, *, alpha: float = 0.05) -> Ladder:
    """The parts of one model's loss; `fit` is its best temperature, with the same weights.

    >>> from clinometer.calibration.predictions import predictions
    >>> from clinometer.stats.temperature import fit_temperature
    >>> model = predictions([1, 0, 0, 1, 1], [3.0, -3.0, 3.0, 2.0, 4.0])
    >>> found = ladder(model, fit_temperature(logit_gaps(model.logits, model.labels)))
    >>> round(found.scale + found.shift + found.shape + found.refinement - found.total, 12)
    0.0
    """
    total = weighted_mean(fit.given, fit.weights)
    if fit.status in {"zero", "inverted"}:
        return Ladder(total, notes=(WHY_NOT[fit.status],))
    codes = None
    if predictions.groups is not None:
        codes = np.unique(predictions.groups, return_inverse=True)[1]
    scale = _scale(predictions, fit, codes, alpha)
    shifts = fit_shift(predictions.logits, predictions.labels, fit.weights, fit.beta, codes)
    shift = _shift(fit, shifts, scale, codes, alpha)
    shape = None if shift is None else _shape(predictions, fit, shifts, codes)
    steps = {"scale": scale, "shift": shift, "shape": shape}
    judged = {name: step for name, step in steps.items() if step is not None}
    parts = {name: step.size for name, step in judged.items()}
    return Ladder(
        total,
        **parts,
        refinement=total - sum(parts.values()),
        raw={name: step.raw for name, step in judged.items()},
        optimism={name: step.optimism for name, step in judged.items()},
        intervals={name: step.interval for name, step in judged.items() if name != "shape"},
        p_values={name: step.p_value for name, step in judged.items() if name != "shape"},
        shifts=shifts,
        notes=_notes(predictions, shifts),
    )


@dataclass(frozen=True)
class _Step:
    """One part: what the fit removes from these very rows, and how much of that is flattery [nat]."""

    raw: float
    optimism: float
    interval: Interval | None = None
    p_value: float | None = None

    @property
    def size(self) -> float:
        return max(self.raw - self.optimism, 0.0)


def _scale(
    model: Predictions, fit: TemperatureFit, codes: NDArray[np.int64] | None, alpha: float
) -> _Step:
    """At an infinite temperature nothing is fitted: its beta, 0, is an end of the range."""
    optimism, interval = fit.optimism or 0.0, None
    removed = fit.given - fit.rows
    if codes is None or fit.status != "finite":
        interval = _interval(removed, codes, fit, alpha)
    else:
        gaps = logit_gaps(model.logits, model.labels)
        found = cluster_temperature(gaps, codes, fit, fit.weights, alpha)
        if found is not None:
            interval = found.scale
            optimism *= found.slope_square / (fit.slope_square or np.inf)
    p_value = fit.scale_test() if codes is None else None
    interval = part_interval(interval, fit.scale, optimism, 1, _independent(fit, codes), alpha)
    return _Step(fit.scale, optimism, interval, p_value)


def _shift(
    fit: TemperatureFit,
    shifts: ShiftFit,
    scale: _Step,
    codes: NDArray[np.int64] | None,
    alpha: float,
) -> _Step | None:
    if shifts.rows is None or shifts.optimism is None:
        return None
    removed = fit.rows - shifts.rows
    raw = max(weighted_mean(removed, fit.weights), 0.0)  # nested fits: below 0 by rounding at most
    optimism = shifts.optimism - scale.optimism
    added = shifts.parameters - (fit.status == "finite")
    p_value = None
    if codes is None and added > 0:
        from scipy.special import chdtrc

        p_value = float(chdtrc(added, 2.0 * fit.n_effective * raw))
    delta = _interval(removed, codes, fit, alpha)
    interval = part_interval(delta, raw, optimism, added, _independent(fit, codes), alpha)
    return _Step(raw, optimism, interval, p_value)


def _shape(
    model: Predictions, fit: TemperatureFit, shifts: ShiftFit, codes: NDArray[np.int64] | None
) -> _Step | None:
    """Two classes only: with more there is no order to keep."""
    if model.logits.shape[1] != 2 or shifts.rows is None or shifts.optimism is None:
        return None
    rows = cross_fitted_losses(model.positive, model.labels, fit.weights, codes)
    if rows is None:
        return None
    return _Step(weighted_mean(shifts.rows - rows, fit.weights), -shifts.optimism)


def _interval(
    removed: Array, codes: NDArray[np.int64] | None, fit: TemperatureFit, alpha: float
) -> Interval | None:
    if codes is None:
        return paired_interval(removed, alpha, fit.weights)
    return cluster_interval(removed, codes, alpha, fit.weights)


def _independent(fit: TemperatureFit, codes: NDArray[np.int64] | None) -> float:
    """Effective number of rows, or of groups where the rows have them."""
    if codes is None:
        return fit.n_effective
    return effective_rows(0, np.bincount(codes, fit.weights).astype(np.float64))


def _notes(model: Predictions, shifts: ShiftFit) -> tuple[str, ...]:
    if shifts.status != "finite":
        return (WHY_NOT[shifts.status],)
    found = np.bincount(model.labels, model.weights, model.logits.shape[1])
    empty = [k for k in shifts.held if found[k] == 0.0]
    notes = []
    if empty:
        names = ", ".join(str(model.classes[k] if model.classes else k) for k in empty[:3])
        more = ", …" if len(empty) > 3 else ""
        notes.append(
            f"{len(empty)} of {len(found)} classes have no rows ({names}{more}): their shift is not judged"
        )
    if len(shifts.held) > len(empty):
        notes.append(
            f"only the {MOST:,} commonest classes are shifted; what others would gain is in the refinement"
        )
    return tuple(notes)
