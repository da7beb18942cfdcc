"""Where each running sum stands in the one vector that is kept, merged and sent between machines.

All entries are sums over rows, so vectors of two shards add. `w` is the weight of a row (1 where none are
given), l, g and v its loss and the first two derivatives in the inverse temperature beta.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clinometer.stats.gaps import Array

SINGLES = (
    "rows",  # rows of weight above 0
    "weight",  # sum w
    "weight_square",  # sum w^2: effective rows are weight^2 / weight_square (Kish 1965)
    "loss",  # sum w l at beta = 1: the user's own loss
    "loss_square",  # sum w^2 l^2 at beta = 1
    "loss_cross",  # sum w^2 l at beta = 1: its variance about the mean needs it
    "right",  # sum w [decision == label]
    "error",  # sum w (1 - probability of the decision)
    "above",  # rows with a class above the label: none means that the best temperature is 0
    "below",  # rows with a class below the label: none (but some above) means that all is inverted
    "ties",  # sum w ln(classes tied with the label at the top): the loss that no scale removes
    "start",  # sum w g at beta = 0: at or above 0 there is no signal
    "start_square",  # sum w^2 g^2 at beta = 0
    "start_cross",  # sum w^2 g at beta = 0
    "uniform",  # sum w ln K: the loss at beta = 0
    "not_finite",  # rows with a logit that is NaN, infinite or beyond 1e100; in no other sum
    "outside",  # rows whose label is none of the classes; in no other sum
    "beyond",  # rows whose largest logit gap is beyond the budget that was given
)
BLOCKS = ("loss", "slope", "curvature", "slope_square")  # w l, w g, w v; w^2 g^2 for the interval
BINS = 15  # equal widths of claimed confidence, closed on the right (Guo et al. 2017)
BINNED = ("weight", "confidence", "right")


@dataclass(frozen=True, slots=True)
class Layout:
    """Places in a vector of sums at `nodes` values of beta."""

    nodes: int

    @property
    def size(self) -> int:
        return len(SINGLES) + len(BLOCKS) * self.nodes + len(BINNED) * BINS

    def single(self, name: str) -> int:
        return SINGLES.index(name)

    def block(self, name: str) -> slice:
        """The sums of one kind at each node."""
        start = len(SINGLES) + BLOCKS.index(name) * self.nodes
        return slice(start, start + self.nodes)

    def bins(self, name: str) -> slice:
        start = len(SINGLES) + len(BLOCKS) * self.nodes + BINNED.index(name) * BINS
        return slice(start, start + BINS)


def betas(nodes: int, centre: float) -> Array:
    """Inverse temperatures from centre / 4 to 4 centre, evenly spaced in ln beta, shape (nodes,).

    `nodes` is 4 m + 1, so that each octave has m of them and exp at the next octave is a square.

    >>> betas(5, 1.0).tolist()
    [0.25, 0.5, 1.0, 2.0, 4.0]
    """
    return np.asarray(centre * 2.0 ** np.linspace(-2.0, 2.0, nodes))
