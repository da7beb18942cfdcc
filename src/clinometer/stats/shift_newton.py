"""Loss, slope and curvature of softmax(beta z + c) in blocks of rows, and its minimum by damped Newton."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.stats.gaps import Array

Index = NDArray[np.int64]
BLOCK = 65_536  # elements of a block of logits, which with its exponentials stays in a core's cache
ROWS = 512  # of a block at least: fewer leave a large curvature to be added up more often than computed
MAX_STEPS = 200  # Newton needs about ten; next to separation each step moves beta by about 1 / beta
HALVINGS = 60  # of one step; one or two suffice, as the loss is convex and smooth
PRODUCTS = 2**33  # that a curvature may cost (some 1 s): beyond, evenly spread blocks stand for all
FEW = 32  # parameters up to which J costs next to nothing beside the exponentials
ROUNDING = 4.0 * np.finfo(np.float64).eps  # of a mean loss


@dataclass(frozen=True, slots=True)
class Point:
    """beta in the family's unit, and the shifts c (K,)."""

    beta: float
    shifts: Array


@dataclass(frozen=True, slots=True)
class Level:
    """At one point: losses of the rows, their mean, and its derivatives in (beta, shifts) of a basis.

    scatter : J, mean of slope times slope of the rows, under squared weights
    """

    rows: Array
    loss: float
    slope: Array
    curvature: Array
    scatter: Array

    def parameters(self, scatter: Array | None = None) -> float:
        """trace(J H^-1): what the fit flatters its rows by, times 2 n; their number if the model is right."""
        scatter = self.scatter if scatter is None else scatter
        return float(np.trace(np.linalg.pinv(self.curvature, hermitian=True) @ scatter))


@dataclass(frozen=True, slots=True)
class Family:
    """logits (n, K), labels (n,), weights (n,) >= 0; beta counts in `unit`; only `free` are shifted."""

    logits: NDArray[Any]
    labels: Index
    weights: Array
    unit: float
    free: Index

    def basis(self, fixed: bool) -> Array:
        """Directions (1 + r, parameters) in beta and the free shifts, whose sum stays; no beta if fixed."""
        r = len(self.free)
        basis = np.zeros((r + 1, r))
        basis[0, 0] = 1.0
        basis[1:r, 1:] = np.eye(r - 1)
        basis[r, 1:] = -1.0
        return basis[:, 1:] if fixed else basis

    def moved(self, point: Point, step: Array) -> Point:
        """The point after a step (1 + r,) in beta and the free shifts."""
        shifts = point.shifts.copy()
        shifts[self.free] += step[1:]
        return Point(point.beta + float(step[0]), shifts)

    def level(self, point: Point, basis: Array, scatter: bool = True) -> Level:
        """Everything at one point, in one pass; without `scatter` J is left at 0."""
        size = len(self.free) + 1
        rows, slope, seen = np.empty(len(self.labels)), np.zeros(size), np.zeros(2)
        curvature, squares = np.zeros((size, size)), np.zeros((size, size))
        every = max(1, len(self.labels) * size * size // PRODUCTS)
        for number, (part, block) in enumerate(self._blocks(point)):
            weight, score = self.weights[part], block.score(self.free)
            rows[part] = block.loss
            slope += score @ weight
            if number % every == 0:
                curvature += block.curvature(self.free, weight)
                if scatter:
                    weighted = score * weight
                    squares += weighted @ weighted.T
                seen += weight.sum(), weight @ weight
        total = float(self.weights.sum())
        return Level(
            rows,
            float(self.weights @ rows) / total,
            basis.T @ slope / total,
            basis.T @ curvature @ basis / seen[0],
            basis.T @ squares @ basis / seen[1],
        )

    def parameters(self, point: Point, level: Level, groups: Index, fixed: bool) -> float:
        """trace(J H^-1) with J from the sums of the slopes over whole groups, codes (n,)."""
        sums = np.zeros((int(groups.max()) + 1, len(self.free) + 1))
        for part, block in self._blocks(point):
            np.add.at(sums, groups[part], (block.score(self.free) * self.weights[part]).T)
        own = sums @ self.basis(fixed)
        return level.parameters(own.T @ own / float(self.weights @ self.weights))

    def every(self, stride: int) -> Family:
        """Every so many rows; classes without a label among them are not free."""
        labels = self.labels[::stride]
        free = self.free[np.isin(self.free, labels)]
        return Family(self.logits[::stride], labels, self.weights[::stride], self.unit, free)

    def _blocks(self, point: Point) -> Iterator[tuple[slice, Block]]:
        rows = max(ROWS, BLOCK // self.logits.shape[1])
        for start in range(0, len(self.labels), rows):
            part = slice(start, min(start + rows, len(self.labels)))
            gaps = np.array(self.logits[part].T, np.float64, order="C")
            label = self.labels[part]
            gaps -= gaps[label, np.arange(len(label))]
            gaps *= self.unit
            yield part, Block(label, gaps, point)


class Block:
    """Rows of a block, classes in front: gaps and probabilities (K, m); all else (m,)."""

    def __init__(self, label: Index, gaps: Array, point: Point) -> None:
        """From the gaps to the label's logit, so that the loss of a right row is exact."""
        self.place = (label, np.arange(len(label)))
        self.gaps = gaps
        chance = point.beta * gaps
        chance += point.shifts[:, None]
        chance -= point.shifts[label]
        chance[self.place] = -np.inf
        top = np.maximum(chance.max(axis=0), 0.0)
        chance -= top
        np.exp(chance, out=chance)
        others, own = chance.sum(axis=0), np.exp(-top)
        self.loss = top + np.log1p(others + np.expm1(-top))
        chance /= others + own
        self.wrong, self.right = others / (others + own), own / (others + own)
        self.slope = np.einsum("km,km->m", chance, gaps)
        self.chance = chance  # of the label's class: whatever was written there last

    def score(self, free: Index) -> Array:
        """Slope of each row's loss in beta and the free shifts, shape (1 + r, m)."""
        self.chance[self.place] = -self.wrong
        return np.concatenate([self.slope[None], self.chance[free]])

    def curvature(self, free: Index, weight: Array) -> Array:
        """Sum over the rows of weight times the covariance of (gap, class) under the probabilities."""
        self.chance[self.place] = self.right
        heavy = self.chance * weight
        second = np.einsum("km,km,km->", heavy, self.gaps, self.gaps) - weight @ self.slope**2
        chance, heavy = self.chance[free], heavy[free]
        mixed = np.einsum("km,km->k", heavy, self.gaps[free]) - heavy @ self.slope
        shifts = np.diag(heavy.sum(axis=1)) - heavy @ chance.T
        return np.block([[np.array([[second]]), mixed[None]], [mixed[:, None], shifts]])


def minimum(family: Family, point: Point, level: Level, fixed: bool) -> tuple[Point, Level]:
    """Where the mean loss is least, to rounding, from a point of known level, and never above it."""
    basis = family.basis(fixed)
    cheap = len(basis) <= FEW
    for _ in range(MAX_STEPS):
        step = -_solved(level.curvature, level.slope)
        gain = -float(level.slope @ step)  # a full step lowers a quadratic loss by half of it
        if not gain > 2.0 * ROUNDING * level.loss:
            break
        for halvings in range(HALVINGS):
            share = 0.5**halvings
            trial = family.moved(point, share * (basis @ step))
            reached = family.level(trial, basis, scatter=cheap)
            if (
                reached.loss <= level.loss - 1e-4 * share * gain + ROUNDING * level.loss
            ):  # Armijo (1966)
                break
        else:
            break
        point, level = trial, reached
    return point, level if cheap else family.level(point, basis)


def _solved(curvature: Array, slope: Array) -> Array:
    """Newton's step, in units of each parameter's own curvature; 0 along what the loss does not depend on."""
    size = np.sqrt(np.maximum(np.diag(curvature), np.finfo(np.float64).tiny))
    unit = curvature / size[:, None] / size
    try:
        half = np.linalg.cholesky(unit)
        return np.asarray(np.linalg.solve(half.T, np.linalg.solve(half, slope / size)) / size)
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.pinv(unit, hermitian=True) @ (slope / size) / size)
