"""One evaluation pass that the script made: what its rows claimed, and what came true, as sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Any, NamedTuple

import numpy as np

from clinometer.stats.gaps import Array
from clinometer.stats.hermite import hermite_minimum
from clinometer.stats.running_fit import RunningFit, running_fit
from clinometer.stats.sums_layout import Layout, betas

NODES = 5  # inverse temperatures at which losses are summed: 1/4, 1/2, 1, 2, 4
DIGITS = 12  # of each sum that are kept
KEPT = Layout(NODES).bins("weight").start  # sums kept; the bins of claimed confidence are not


class Change(NamedTuple):
    """What became of the same rows since the pass of the least loss before this one [nat].

    Attributes
    ----------
    since : the step of that pass
    loss, refinement : change of the mean loss, and of the mean loss at either pass' best temperature
    loss_error, refinement_error : standard errors, over pairs of rows
    """

    since: int
    loss: float
    loss_error: float
    refinement: float
    refinement_error: float


@dataclass(frozen=True)
class Evaluation:
    """Loss calls without gradients between two optimizer steps, from one place of the script.

    Attributes
    ----------
    step : optimizer steps that had been taken
    name : the loss, a second place of the script as `cross_entropy#2`
    rows : rows that were evaluated; the sums are over an even part of them
    most : rows of the most frequent label, among those in the sums
    sums : `stats.sums_layout` of 5 nodes, without its bins
    change : None where the rows, by their labels, are not those of the pass before
    """

    step: int
    name: str
    rows: int
    most: float
    sums: tuple[float, ...]
    change: Change | None = None

    @cached_property
    def fit(self) -> RunningFit:
        """Loss, its two parts and the best temperature."""
        whole = np.zeros(Layout(NODES).size)
        whole[: len(self.sums)] = self.sums
        return running_fit(whole, betas(NODES, 1.0))

    def to_json(self) -> list[Any]:
        """Plain numbers, for the recording."""
        short = [float(f"{value:.{DIGITS}g}") for value in self.sums]
        change = None if self.change is None else list(self.change)
        return [self.step, self.name, self.rows, self.most, short, change]

    @classmethod
    def from_json(cls, values: Sequence[Any]) -> Evaluation:
        """What `to_json` made."""
        step, name, rows, most, sums, change = values
        return cls(
            int(step),
            str(name),
            int(rows),
            float(most),
            tuple(map(float, sums)),
            None if change is None else Change(int(change[0]), *map(float, change[1:])),
        )


def mean_loss(sums: Sequence[float] | Array) -> float:
    """Mean loss of the rows, as the script's own loss has it [nat]; inf where rows are not finite."""
    layout = Layout(NODES)
    weight = sums[layout.single("weight")]
    if not weight or sums[layout.single("not_finite")]:
        return inf
    return float(sums[layout.single("loss")] / weight)


def best_beta(sums: Array) -> float | None:
    """1 / T of the least loss, 0 where there is no signal; None where it lies outside the nodes.

    As `fit.beta`, without what only a report needs: this runs beside the training.
    """
    layout, beta = Layout(NODES), betas(NODES, 1.0)
    weight = float(sums[layout.single("weight")])
    if not np.isfinite(mean_loss(sums)) or not sums[layout.single("above")]:
        return None
    if sums[layout.single("start")] >= 0:
        return 0.0
    blocks = (sums[layout.block(name)] / weight for name in ("loss", "slope", "curvature"))
    loss, slope, curvature = blocks
    first = beta * slope
    best = hermite_minimum(np.log(beta), loss, first, first + beta**2 * curvature)
    return None if best is None else float(np.exp(best.x))


def merged_evaluations(ranks: Sequence[Sequence[Evaluation]]) -> tuple[Evaluation, ...]:
    """Passes of all ranks: of the same step and name each has a part of the rows; rank 0's change stays.

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
        sums = tuple(a + b for a, b in zip(known.sums, one.sums, strict=True))
        found[one.step, one.name] = Evaluation(
            one.step, one.name, known.rows + one.rows, known.most + one.most, sums, known.change
        )
    return tuple(sorted(found.values(), key=lambda one: one.step))
