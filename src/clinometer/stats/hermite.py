"""The minimum of a convex function between nodes where its value and two derivatives are known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.polynomial import Polynomial

from clinometer.stats.gaps import Array

HALVINGS = 60  # an interval of one shrinks below float64's resolution after 53


class Minimum(NamedTuple):
    """Place, value and second derivative at the minimum."""

    x: float
    value: float
    second: float


def hermite_minimum(x: Array, f: Array, f1: Array, f2: Array) -> Minimum | None:
    """Minimum of the curve through f, f', f'' at nodes x (m,), m >= 2; None where it lies outside.

    f falls before its minimum and rises after it (f' changes sign once). The curve is the polynomial of
    degree 8 through nine numbers at the three nodes nearest to the minimum (of degree 5 through two where
    there are no three): a tenth of the quintic's error for the same sums.

    >>> import numpy as np
    >>> x = np.array([-1.0, 1.0, 3.0])
    >>> found = hermite_minimum(x, (x - 0.25) ** 2, 2 * (x - 0.25), np.full(3, 2.0))
    >>> round(found.x, 12), round(found.second, 12)
    (0.25, 2.0)
    """
    if f1[0] > 0.0 or f1[-1] < 0.0:
        return None
    if f1[0] == 0.0:
        return Minimum(float(x[0]), float(f[0]), float(f2[0]))
    right = int(np.argmax(f1 >= 0.0))
    left = right - 1
    near = _nearest(left, right, len(x), bool(-f1[left] < f1[right]))
    centre, h = float(x[right] + x[left]) / 2.0, float(x[right] - x[left]) / 2.0
    curve = _through((x[near] - centre) / h, f[near], h * f1[near], h * h * f2[near])
    t = _root(curve.deriv())
    return Minimum(centre + h * t, float(curve(t)), float(curve.deriv(2)(t)) / h**2)


def _nearest(left: int, right: int, nodes: int, leftwards: bool) -> slice:
    """The two nodes about the minimum, and the one beside the nearer of them if it is there."""
    if (leftwards and left > 0) or right == nodes - 1:
        return slice(max(left - 1, 0), right + 1)
    return slice(left, right + 2)


def _through(t: Array, f: Array, f1: Array, f2: Array) -> Polynomial:
    """Polynomial with the values and two derivatives at t: a confluent Vandermonde system."""
    j = np.arange(3 * len(t))
    power = t[:, None]
    rows = [
        power**j,
        j * power ** np.maximum(j - 1, 0),
        j * (j - 1) * power ** np.maximum(j - 2, 0),
    ]
    return Polynomial(np.linalg.solve(np.vstack(rows), np.concatenate([f, f1, f2])))


def _root(slope: Polynomial) -> float:
    """Where the slope changes sign between -1 and 1."""
    low, high = -1.0, 1.0
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if slope(middle) < 0.0 else (low, middle)
    return 0.5 * (low + high)
