"""The best temperature from running sums: one pass, no row kept, shards add.

Sums of loss, slope and curvature at five inverse temperatures (15 numbers; a few more for claims and
intervals), joined by a polynomial in ln beta: the one-pass fit of the reference. Where every row is right, or
there is no signal, that is named from counts, as in the exact fit; a node is never given as a temperature.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from clinometer.errors import ShapeError
from clinometer.stats.batch_sums import LARGEST, batch_sums
from clinometer.stats.compensated import added, joined
from clinometer.stats.gaps import Array
from clinometer.stats.running_fit import RunningFit, running_fit
from clinometer.stats.sums_layout import Layout, betas


@dataclass
class TemperatureSums:
    """Running sums over rows; `update` with batches, `merge` shards, `compute` when asked.

    Parameters
    ----------
    nodes : 5 (T within 7e-5), 9 (1e-5), or any 4 m + 1
    centre : inverse temperature to look around, for instance the last epoch's; the nodes reach from a
        quarter of it to four times as much, and near it the fit is nearest to the exact one
    budget : log-odds of the decision beyond which rows are counted, e.g. ln(2 n + 1) where n is known
    by_class : number of classes whose claimed and counted frequencies are kept; 0: they are not

    >>> sums = TemperatureSums()
    >>> sums.update(np.array([[2.0, 0.0], [1.0, 0.0], [0.5, 0.0]]), np.array([0, 0, 1]))
    >>> (sums + sums).compute().rows
    6
    """

    nodes: int = 5
    centre: float = 1.0
    budget: float = math.inf
    by_class: int = 0
    classes: int | None = None
    high: Array = field(default_factory=lambda: np.zeros(0))
    low: Array = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        if self.nodes < 5 or self.nodes % 4 != 1:
            raise ShapeError(f"nodes is {self.nodes}: expected 5, 9, 13, … (4 m + 1)")
        if not (math.isfinite(self.centre) and self.centre > 0.0):
            raise ShapeError(f"centre is {self.centre}: expected an inverse temperature above 0")
        if not len(self.high):
            self.high, self.low = np.zeros((2, self.layout.size))

    def update(self, logits: Any, labels: Any, weights: Any = None) -> None:
        """Add rows: logits (n, K), or (n,) or (n, 1) for one logit; labels (n,) in 0 .. K-1; weights (n,).

        Raises
        ------
        ShapeError : lengths or class numbers that differ, a label outside the classes, weights below 0.
        """
        z, y = np.asarray(logits), np.asarray(labels)
        if z.ndim == 1 or (z.ndim == 2 and z.shape[1] == 1):
            z = np.column_stack([np.zeros(len(z), z.dtype), z.reshape(-1)])
        w = None if weights is None else np.asarray(weights, dtype=np.float64)
        self._check(z, y, w)
        self._same_classes(z.shape[1])
        sums = batch_sums(
            z,
            y,
            w,
            nodes=self.nodes,
            centre=self.centre,
            budget=self.budget,
            by_class=bool(self.by_class),
        )
        self.add(sums, z.shape[1])

    def add(self, sums: Array, classes: int) -> None:
        """Add a vector of sums that was made elsewhere with the same nodes, centre and budget."""
        self._same_classes(classes)
        self.high, self.low = added(self.high, self.low, sums)

    def merge(self, other: TemperatureSums) -> None:
        """Add another shard's sums to these.

        Raises
        ------
        ShapeError : shards of different nodes, centre, budget or number of classes.
        """
        mine, theirs = ((s.nodes, s.centre, s.budget, s.by_class) for s in (self, other))
        if mine != theirs:
            raise ShapeError(
                f"sums of (nodes, centre, budget, by_class) {theirs} cannot join sums of {mine}: "
                "make all shards alike"
            )
        self._same_classes(other.classes)
        self.high, self.low = joined((self.high, self.low), (other.high, other.low))

    def __add__(self, other: TemperatureSums) -> TemperatureSums:
        both = replace(self)
        both.merge(other)
        return both

    @property
    def layout(self) -> Layout:
        """Where each sum stands in the vector."""
        return Layout(self.nodes, self.by_class)

    @property
    def vector(self) -> Array:
        """All sums as one float64 vector: what ranks send each other."""
        return self.high + self.low

    @property
    def weight(self) -> float:
        """Sum of the weights: the rows where none are given."""
        return float(self.vector[self.layout.single("weight")])

    @property
    def betas(self) -> Array:
        """Inverse temperatures of the nodes."""
        return betas(self.nodes, self.centre)

    def compute(self, alpha: float = 0.05) -> RunningFit:
        """What the rows so far say; the sums go on."""
        return running_fit(self.vector, self.betas, alpha, self.by_class)

    def _same_classes(self, classes: int | None) -> None:
        if classes is not None and {self.classes, self.by_class or classes} - {None, classes}:
            raise ShapeError(
                f"logits of {classes} classes after {self.classes or self.by_class}: "
                "keep one sum for each model"
            )
        self.classes = classes if self.classes is None else self.classes

    @staticmethod
    def _check(z: Array, y: Array, w: Array | None) -> None:
        if z.ndim != 2 or y.shape != z.shape[:1] or (w is not None and w.shape != y.shape):
            shape = None if w is None else w.shape
            raise ShapeError(
                f"logits {z.shape}, labels {y.shape} and weights {shape} do not fit: "
                "expected (n, K), (n,) and (n,)"
            )
        if y.dtype.kind not in "iub":
            raise ShapeError(f"labels are {y.dtype}: expected whole numbers from 0")
        if len(y) and (int(y.min()) < 0 or int(y.max()) >= z.shape[1]):
            raise ShapeError(
                f"labels from {y.min()} to {y.max()} lie outside the classes 0 to {z.shape[1] - 1}"
            )
        if w is not None and not ((w >= 0.0) & (w <= LARGEST)).all():
            raise ShapeError(
                "a weight is below 0, infinite or NaN: expected importances of 0 or more"
            )
