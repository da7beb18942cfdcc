"""The losses to judge by: every step's, or the loss term's own where they are not the same."""

from __future__ import annotations

import numpy as np

from clinometer.diagnosis.margins import LATE, MARGIN, MOSTLY
from clinometer.records.recording import Float64, Int64, Recording


def loss_series(recording: Recording, level: float) -> tuple[Int64, Float64, bool]:
    """(steps, losses, whether they are values of the one loss term, which has a level to be held against).

    What is propagated back may be the term times a constant (accumulation, a weight), or the term and
    something beside it (a penalty), which is taken off as it was in the observed steps. Anything else,
    such as a term weighted by rewards, is not the term. A loss of NaN or infinity whose step a loss
    scaler skipped did no harm, and is left out. Where the loss of the steps was not seen (parameters that
    are stepped inside the backward pass) a term with a level stands for it, in the observed steps.
    """
    in_vain = (recording.scalars["skipped"] == 1) & ~np.isfinite(recording.loss)
    seen = recording.loss_seen & ~in_vain
    steps, losses = recording.step[seen], recording.loss[seen]
    if len(recording.of_kind("loss")) != 1:
        return steps, losses, False
    value = recording.column("loss", "value")[:, 0]
    if level and not recording.loss_seen.any():
        read = recording.column("loss", "seen")[:, 0] > 0
        return recording.observed[read], value[read], True
    known = np.isfinite(value) & np.isin(recording.observed, steps)
    at = recording.observed[known]
    whole, term = losses[np.searchsorted(steps, at)], value[known]
    good = np.isfinite(whole)
    whole, term, at = whole[good], term[good], at[good]
    # A difference that is small beside it is rounding, by its RMS: in bfloat16 one may be beyond 1 %.
    near = MARGIN * np.maximum(np.abs(term), level)
    apart = np.abs(whole - term) / np.maximum(near, np.finfo(np.float64).tiny)
    if not len(term) or np.mean(apart**2) <= 1:
        return steps, losses, True
    factor = _factor(whole, term)
    if factor is not None:
        return steps, losses * factor, True
    if np.any(whole < term - near):
        return steps, losses, False
    if _is_smooth(at, whole - term, (1 - MOSTLY) * level):
        return steps, losses - np.interp(steps, at, whole - term), True
    return at, term, True


def level_of_whole(recording: Recording, level: float) -> float:
    """A level of the loss term in the units of what is propagated back [loss as propagated].

    The term times a constant has a level times that constant; beside a penalty it has the term's level and,
    added, what lies beside the term late in the run. NaN where no step tells both.
    """
    steps, terms, _ = loss_series(recording, level)
    whole = recording.loss[np.searchsorted(recording.step, steps)]
    good = np.isfinite(whole) & np.isfinite(terms)
    whole, terms = whole[good], terms[good]
    if not len(terms) or np.array_equal(whole, terms):
        return level if len(terms) else float("nan")
    factor = _factor(whole, terms)
    if factor is not None:
        return level / factor
    late = slice(-max(len(terms) // LATE, 1), None)
    return level + float(np.mean(whole[late] - terms[late]))


def _is_smooth(at: Int64, beside: Float64, tolerance: float) -> bool:
    """Whether what lies beside the term is told by its neighbours in time, within a tolerance."""
    if len(at) < 3:
        return False
    share = (at[1:-1] - at[:-2]) / (at[2:] - at[:-2])
    told = beside[:-2] + share * (beside[2:] - beside[:-2])
    return bool(np.all(np.abs(beside[1:-1] - told)[len(at) // 2 :] <= tolerance))


def _factor(whole: Float64, term: Float64) -> float | None:
    """The constant by which every loss is scaled; None where it is not one."""
    if len(whole) < 3 or np.any(whole == 0):
        return None
    ratios = term / whole
    middle = float(np.median(ratios))
    return middle if np.all(np.abs(ratios - middle) <= MARGIN * abs(middle)) else None
