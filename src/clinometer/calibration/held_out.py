"""A temperature held against rows that did not choose it: other groups, and other rows at random.

Where a temperature fitted on some wells raises the loss in the next one, though it lowers it on rows drawn
at random, the scale belongs to the wells: no temperature mends the model for a new one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from clinometer.calibration.folds import Folds, group_folds, random_folds
from clinometer.calibration.predictions import Predictions
from clinometer.errors import PredictionsError
from clinometer.stats.gaps import Array, logit_gaps, loss_without_temperature, row_terms
from clinometer.stats.temperature import TemperatureFit, fit_temperature

MOST_FOLDS = 10  # one fit each; with more groups than that, several are held out together


@dataclass(frozen=True)
class HeldOutGroup:
    """One group's loss [nat/row] as it is, and at the temperature of the other groups.

    temperature : of the other groups; None where it is not finite
    change : loss at that temperature less the loss as it is; None where that temperature is not finite
    """

    name: str
    n: int
    loss: float
    temperature: float | None
    change: float | None


@dataclass(frozen=True)
class HeldOut:
    """Mean change of the loss [nat/row] by held-out groups and by as many random rows; sentence.

    None stands for what cannot be judged: other groups that have no finite temperature.
    """

    groups: tuple[HeldOutGroup, ...]
    by_groups: float | None
    by_rows: float | None
    folds: int
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """Strict JSON: None for what was not judged."""
        return asdict(self)


def held_out_temperature(model: Predictions, *, folds: int | None = None, seed: int = 0) -> HeldOut:
    """Loss of each group at the temperature that the other groups choose, beside random folds.

    Parameters
    ----------
    folds : held-out sets; default one a group, at most ten. Random folds have the same sizes
    seed : of the random folds; no global random number is drawn

    Raises
    ------
    PredictionsError : without groups, with one only, or with another number of folds than can be.
    """
    if model.groups is None:
        raise PredictionsError(
            f"{model.source}: found no groups: give `groups`, the name of what rows share"
        )
    names = np.unique(model.groups)
    whole = group_folds(model.groups, folds or min(len(names), MOST_FOLDS))
    weights = np.ones(model.n) if model.weights is None else model.weights
    gaps = logit_gaps(model.logits, model.labels)
    given = row_terms(gaps, 1.0).loss
    fits, held = _held_out(gaps, whole, weights)
    _, at_random = _held_out(gaps, random_folds(whole, seed), weights)
    found = []
    for name in names:
        rows = model.groups == name
        fit = fits[int(whole[np.argmax(rows)])]
        change = _mean(held[rows] - given[rows], weights[rows]) if weights[rows].any() else None
        loss = float(np.average(given[rows], weights=weights[rows])) if weights[rows].any() else 0.0
        found.append(HeldOutGroup(str(name), int(rows.sum()), loss, fit.temperature, change))
    by_groups, by_rows = _mean(held - given, weights), _mean(at_random - given, weights)
    told = _sentence(by_groups, by_rows, [group.change for group in found])
    return HeldOut(tuple(found), by_groups, by_rows, int(whole.max()) + 1, told)


def _held_out(gaps: Array, folds: Folds, weights: Array) -> tuple[list[TemperatureFit], Array]:
    """The fit on the rows outside each fold, and each row's loss (n,) at the fit it had no part in."""
    fits, loss = [], np.empty(len(gaps))
    for fold in range(int(folds.max()) + 1):
        inside = folds == fold
        fit = fit_temperature(gaps[~inside], weights[~inside])
        fits.append(fit)
        loss[inside] = _loss_at(gaps[inside], fit)
    return fits, loss


def _loss_at(gaps: Array, fit: TemperatureFit) -> Array:
    """Loss at the fit's temperature; NaN where that is 0 or of the wrong sign: it says nothing."""
    if fit.status == "zero":
        limit = loss_without_temperature(gaps)
        return np.where(np.isfinite(limit), limit, np.nan)
    if fit.status == "inverted":
        return np.full(len(gaps), np.nan)
    return row_terms(gaps, fit.beta).loss


def _mean(values: Array, weights: Array) -> float | None:
    """Weighted mean, or None where a row could not be judged: it is never left out."""
    mean = float(np.average(values, weights=weights))
    return mean if np.isfinite(mean) else None


def _sentence(by_groups: float | None, by_rows: float | None, each: list[float | None]) -> str:
    if by_groups is None or by_rows is None:
        return "Not judged: other rows have no finite temperature that could be held against these."
    raised = sum(change is not None and change > 0.0 for change in each)
    told = (
        f"A temperature chosen by other rows {_moves(by_rows)}, one chosen by other groups "
        f"{_moves(by_groups)}, and raises it in {raised} of {len(each)} groups"
    )
    if by_groups > 0.0 > by_rows:
        return (
            f"{told}: the scale belongs to the groups, and one temperature does not mend new ones."
        )
    if by_groups < 0.0:
        return f"{told}: on the whole it carries over to groups that it has not seen."
    return f"{told}: no one temperature helps."


def _moves(change: float) -> str:
    return f"{'raises' if change > 0.0 else 'lowers'} the loss by {abs(change):.3g} nat"
