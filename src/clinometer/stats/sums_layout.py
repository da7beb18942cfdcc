"""Where each running sum stands in the one vector that is kept, merged and sent between machines.

All entries are sums over rows, so vectors of two shards add. `w` is the weight of a row (1 where none are
given), l, g and v its loss and the first two derivatives in the inverse temperature beta. Recordings keep
such vectors (schema 4), so neither the order nor a meaning may change.
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
    "wrong",  # sum w [decision != label]
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
    "beyond",  # rows whose decision claims longer log-odds than the budget that was given
)
BLOCKS = ("loss", "slope", "curvature", "slope_square")  # w l, w g, w v; w^2 g^2 for the interval
BINS = 15  # equal widths of claimed confidence, closed on the right (Guo et al. 2017)
BINNED = ("weight", "confidence", "right")
BY_CLASS = ("claimed", "counted")  # sum w p_k, and sum w of the rows labelled k


@dataclass(frozen=True, slots=True)
class Layout:
    """Places in a vector of sums at `nodes` values of beta, and of `classes` classes (0: not kept)."""

    nodes: int
    classes: int = 0

    @property
    def size(self) -> int:
        return self._bins + len(BINNED) * BINS + len(BY_CLASS) * self.classes

    @property
    def _bins(self) -> int:
        return len(SINGLES) + len(BLOCKS) * self.nodes

    def single(self, name: str) -> int:
        return SINGLES.index(name)

    def block(self, name: str) -> slice:
        """The sums of one kind at each node."""
        return _part(len(SINGLES), BLOCKS.index(name), self.nodes)

    def bins(self, name: str) -> slice:
        """The sums of one kind in each bin of claimed confidence."""
        return _part(self._bins, BINNED.index(name), BINS)

    def by_class(self, name: str) -> slice:
        """The sums of one kind for each class."""
        return _part(self._bins + len(BINNED) * BINS, BY_CLASS.index(name), self.classes)


def _part(start: int, number: int, length: int) -> slice:
    return slice(start + number * length, start + (number + 1) * length)


def betas(nodes: int, centre: float) -> Array:
    """Inverse temperatures from centre / 4 to 4 centre, evenly spaced in ln beta, shape (nodes,).

    `nodes` is 4 m + 1, so that each octave has m of them and exp at the next octave is a square.

    >>> betas(5, 1.0).tolist()
    [0.25, 0.5, 1.0, 2.0, 4.0]
    """
    return np.asarray(centre * 2.0 ** np.linspace(-2.0, 2.0, nodes))
