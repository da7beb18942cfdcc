"""One evaluation pass that the script made: what its rows claimed, and what came true, as sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from math import inf, nan
from typing import Any, NamedTuple

import numpy as np

from clinometer.stats.gaps import Array
from clinometer.stats.hermite import hermite_minimum
from clinometer.stats.running_fit import RunningFit, running_fit
from clinometer.stats.sums_layout import Layout, betas

NODES = 5  # inverse temperatures at which losses are summed: 1/4, 1/2, 1, 2, 4
DIGITS = 12  # of each sum that are kept
# The sums of `stats.sums_layout` that a recording holds, in this order, then each block's nodes. The order is
# the file's: what the estimators keep beside them, and where, may change.
SINGLES = (
    "rows", "weight", "weight_square", "loss", "loss_square", "loss_cross", "wrong", "error", "above",
    "below", "ties", "start", "start_square", "start_cross", "uniform", "not_finite",
)  # fmt: skip
BLOCKS = ("loss", "slope", "curvature", "slope_square")
KEPT = len(SINGLES) + NODES * len(BLOCKS)


class Change(NamedTuple):
    """What became of the same rows since earlier passes [nat].

    Attributes
    ----------
    since : the step of the pass of the least loss before this one
    loss, refinement : change since then of the mean loss, and of the mean loss at either pass' best
        temperature
    loss_error, refinement_error : standard errors, over pairs of rows
    best : the step of the pass of the least refinement before this one
    risen, risen_error : change of the refinement since then, and its standard error
    """

    since: int
    loss: float
    loss_error: float
    refinement: float
    refinement_error: float
    best: int
    risen: float
    risen_error: float

    @classmethod
    def from_json(cls, values: Sequence[Any]) -> Change:
        """What a list of its fields says."""
        since, loss, loss_error, refinement, refinement_error, best, risen, risen_error = values
        return cls(
            int(since), float(loss), float(loss_error), float(refinement),
            float(refinement_error), int(best), float(risen), float(risen_error),
        )  # fmt: skip


@dataclass(frozen=True)
class Evaluation:
    """Loss calls without gradients between two optimizer steps, from one place of the script.

    Attributes
    ----------
    step : optimizer steps that had been taken
    name : the loss, a second place of the script as `cross_entropy#2`
    rows : rows that were evaluated; the sums are over an even part of them
    most : rows of the most frequent label, among those in the sums
    sums : of `SINGLES`, and of `BLOCKS` at 5 nodes
    centre : inverse temperature of the middle node
    change : None where the rows, by their labels, are not those of the pass before
    """

    step: int
    name: str
    rows: int
    most: float
    sums: tuple[float, ...]
    centre: float = 1.0
    change: Change | None = None

    @cached_property
    def fit(self) -> RunningFit:
        """Loss, its two parts and the best temperature."""
        return running_fit(self.vector, betas(NODES, self.centre))

    @property
    def vector(self) -> Array:
        """The sums where the estimators have them; 0 for those that are not kept."""
        layout = Layout(NODES)
        whole = np.zeros(layout.size)
        for place, value in zip(_places(), self.sums, strict=True):
            whole[place] = value
        return whole

    def to_json(self) -> list[Any]:
        """Plain numbers, for the recording."""
        short = [float(f"{value:.{DIGITS}g}") for value in self.sums]
        change = None if self.change is None else list(self.change)
        return [self.step, self.name, self.rows, self.most, short, self.centre, change]

    @classmethod
    def from_json(cls, values: Sequence[Any]) -> Evaluation:
        """What `to_json` made."""
        step, name, rows, most, sums, centre, change = values
        return cls(
            int(step),
            str(name),
            int(rows),
            float(most),
            tuple(map(float, sums)),
            float(centre),
            None if change is None else Change.from_json(change),
        )


def kept(sums: Array) -> tuple[float, ...]:
    """Of a vector of sums, those that a recording holds."""
    return tuple(sums[_places()].tolist())


@cache
def _places() -> list[int]:
    layout = Layout(NODES)
    singles = [layout.single(name) for name in SINGLES]
    return singles + [i for name in BLOCKS for i in range(layout.size)[layout.block(name)]]


def mean_loss(sums: Array) -> float:
    """Mean loss of the rows, as the script's own loss has it [nat]; inf where rows are not finite."""
    layout = Layout(NODES)
    weight = sums[layout.single("weight")]
    if not weight or sums[layout.single("not_finite")]:
        return inf
    return float(sums[layout.single("loss")] / weight)


def best_beta(sums: Array, centre: float = 1.0) -> float:
    """1 / T of the least loss; 0 where there is no signal, inf where no row is wrong, nan for bad rows.

    0 and inf as well where it lies before the first node, or behind the last: see `is_outside`. As
    `fit.beta`, without what only a report needs: this runs beside the training.
    """
    layout, beta = Layout(NODES), betas(NODES, centre)
    weight = float(sums[layout.single("weight")])
    if not np.isfinite(mean_loss(sums)):
        return nan
    if not sums[layout.single("above")]:
        return inf
    if sums[layout.single("start")] >= 0:
        return 0.0
    blocks = (sums[layout.block(name)] / weight for name in ("loss", "slope", "curvature"))
    loss, slope, curvature = blocks
    first = beta * slope
    best = hermite_minimum(np.log(beta), loss, first, first + beta**2 * curvature)
    if best is None:
        return 0.0 if slope[0] > 0 else inf
    return float(np.exp(best.x))


def is_outside(sums: Array) -> bool:
    """Whether there is a best temperature, though not between the nodes, where `best_beta` is 0 or inf."""
    layout = Layout(NODES)
    return bool(sums[layout.single("above")] and sums[layout.single("start")] < 0)


def merged_evaluations(ranks: Sequence[Sequence[Evaluation]]) -> tuple[Evaluation, ...]:
    """Passes of all ranks: of the same step and name each has a part of the rows.

    The change is the first rank's; where ranks summed around other temperatures, so is the whole.

    >>> one = Evaluation(3, "cross_entropy", 8, 5.0, (8.0, 2.0))
    >>> merged_evaluations([[one], [one]])[0].sums
    (16.0, 4.0)
    """
    found: dict[tuple[int, str], Evaluation] = {}
    for one in (evaluation for rank in ranks for evaluation in rank):
        known = found.get((one.step, one.name))
        if known is None:
            found[one.step, one.name] = one
            continue
        if known.centre != one.centre:
            continue
        sums = tuple(a + b for a, b in zip(known.sums, one.sums, strict=True))
        found[one.step, one.name] = Evaluation(
            one.step,
            one.name,
            known.rows + one.rows,
            known.most + one.most,
            sums,
            known.centre,
            known.change,
        )
    return tuple(sorted(found.values(), key=lambda one: one.step))
