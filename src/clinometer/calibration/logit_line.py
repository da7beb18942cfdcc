"""How alike two models' logits are on the same rows, read in blocks: nothing of their size is copied."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from clinometer.stats.blocks import CELLS
from clinometer.stats.gaps import Array


@dataclass(frozen=True)
class LogitLine:
    """B = scale * A, up to residual; logits less each row's mean, which softmax ignores.

    angle_rad : between A and B as vectors [rad]; None where one of them is zero
    scale, residual : c = <A, B> / <A, A> and abs(B - c A) / abs(B) [-]; None likewise
    cosine : correlation of the logits over the rows, class by class [-]; None where one is constant
    decisions_differ : share of the rows [-]
    """

    angle_rad: float | None
    scale: float | None
    residual: float | None
    cosine: float | None
    decisions_differ: float


def logit_line(a: Array, b: Array) -> LogitLine:
    """Compare logits a and b, both (n, K) and finite, of any size.

    Exact to rounding: lengths are taken in units of the largest entry, and the angle is Kahan's.
    """
    largest, means, changed = _look(a, b)
    differ = changed / len(a)
    units = tuple(1.0 / size if size else 0.0 for size in largest)
    cosine = _cosine(a, b, units, means)
    if 0.0 in largest:
        return LogitLine(None, None, None, cosine, differ)
    aa, ab, bb = _products(a, b, units)
    norm_a, norm_b, times = math.sqrt(aa), math.sqrt(bb), ab / aa
    less = more = left = 0.0
    for x, y in _blocks(a, b, units):
        left += _square(y - times * x)
        u, v = x / norm_a, y / norm_b
        less += _square(u - v)
        more += _square(u + v)
    angle = 2.0 * math.atan2(math.sqrt(less), math.sqrt(more))
    return LogitLine(
        angle, times * largest[1] / largest[0], math.sqrt(left) / norm_b, cosine, differ
    )


def _blocks(
    a: Array, b: Array, units: tuple[float, ...] = (1.0, 1.0)
) -> Iterator[tuple[Array, Array]]:
    """Rows of A and B in their units, each less its mean."""
    step = max(1, CELLS // a.shape[1])
    each = np.full(a.shape[1], 1.0 / a.shape[1])
    for start in range(0, len(a), step):
        x, y = (z[start : start + step] * unit for z, unit in zip((a, b), units, strict=True))
        yield x - (x @ each)[:, None], y - (y @ each)[:, None]


def _look(a: Array, b: Array) -> tuple[tuple[float, float], tuple[Array, Array], int]:
    """Largest entries, class means, and the number of rows that A and B decide differently."""
    largest, sums, differ = [0.0, 0.0], np.zeros((2, a.shape[1])), 0
    for pair in _blocks(a, b):
        for i, z in enumerate(pair):
            largest[i] = max(largest[i], float(z.max()), -float(z.min()))
            sums[i] += z.sum(axis=0)
    step = max(1, CELLS // a.shape[1])
    for start in range(0, len(a), step):
        rows = slice(start, start + step)
        differ += int((a[rows].argmax(axis=1) != b[rows].argmax(axis=1)).sum())
    sums /= len(a)
    return (largest[0], largest[1]), (sums[0], sums[1]), differ


def _products(a: Array, b: Array, units: tuple[float, ...]) -> tuple[float, float, float]:
    """<A, A>, <A, B>, <B, B>."""
    found = [0.0, 0.0, 0.0]
    for x, y in _blocks(a, b, units):
        for i, (p, q) in enumerate(((x, x), (x, y), (y, y))):
            found[i] += float(np.vdot(p, q))
    return found[0], found[1], found[2]


def _cosine(
    a: Array, b: Array, units: tuple[float, ...], means: tuple[Array, Array]
) -> float | None:
    """Correlation over the rows; None where the logits of a model do not vary beyond rounding."""
    level_a, level_b = means[0] * units[0], means[1] * units[1]
    aa = ab = bb = 0.0
    for x, y in _blocks(a, b, units):
        u, v = x - level_a, y - level_b
        aa, ab, bb = aa + _square(u), ab + float(np.vdot(u, v)), bb + _square(v)
    rounding = a.size * (a.shape[1] * np.finfo(float).eps) ** 2  # of entries of at most about 1
    if min(aa, bb) <= rounding:
        return None
    return min(1.0, max(-1.0, ab / math.sqrt(aa) / math.sqrt(bb)))


def _square(x: Array) -> float:
    return float(np.vdot(x, x))
