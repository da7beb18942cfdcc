"""One evaluation pass that the script made: what its rows claimed, and what came true, as sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from clinometer.stats.running_fit import RunningFit, running_fit
from clinometer.stats.sums_layout import Layout, betas

NODES = 5  # inverse temperatures at which losses are summed: 1/4, 1/2, 1, 2, 4
DIGITS = 12  # of each sum that are kept
KEPT = Layout(NODES).bins("weight").start  # sums kept; the bins of claimed confidence are not


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
    """

    step: int
    name: str
    rows: int
    most: float
    sums: tuple[float, ...]

    @cached_property
    def fit(self) -> RunningFit:
        """Loss, its two parts and the best temperature."""
        whole = np.zeros(Layout(NODES).size)
        whole[: len(self.sums)] = self.sums
        return running_fit(whole, betas(NODES, 1.0))

    def to_json(self) -> list[Any]:
        """Plain numbers, for the recording."""
        short = [float(f"{value:.{DIGITS}g}") for value in self.sums]
        return [self.step, self.name, self.rows, self.most, short]

    @classmethod
    def from_json(cls, values: Sequence[Any]) -> Evaluation:
        """What `to_json` made."""
        step, name, rows, most, sums = values
        return cls(int(step), str(name), int(rows), float(most), tuple(float(v) for v in sums))


def merged_evaluations(ranks: Sequence[Sequence[Evaluation]]) -> tuple[Evaluation, ...]:
    """Passes of all ranks: of the same step and name each has a part of the rows.

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
            one.step, one.name, known.rows + one.rows, known.most + one.most, sums
        )
    return tuple(sorted(found.values(), key=lambda one: one.step))
