"""One link of a chain: the field of lengths behind it, and of squared gradients before it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np

from clinometer.theory.activations import activation
from clinometer.theory.gains import KINKS, normal_mean, slope_moment
from clinometer.theory.links import Activated, Dropped, Flattened, Link, WeightMap
from clinometer.theory.sigmoid import Array

# A moment of many lengths is worked out at few, this far apart in ln q, and interpolated linearly in its own
# logarithm: the error is below 1/8 of the square of the distance times the curvature, which is below 1.
APART, MOST_KNOTS = 0.05, 400


def forwards(link: Link, q: Array) -> Array:
    """Length field behind a link."""
    if isinstance(link, Activated):
        return _moment(link.name, q, slopes=False)
    if isinstance(link, Flattened):
        return _per_example(q)
    if isinstance(link, Dropped):
        return np.asarray(q / link.kept)
    variance = link.variance or 0.0
    return np.asarray(variance * link.inputs * _gathered(link, q) + link.bias)


def backwards(link: Link, q: Array, gradient: Array) -> Array:
    """Field of the squared gradient before a link; q is the length there."""
    if isinstance(link, Activated):
        return np.asarray(gradient * _moment(link.name, q, slopes=True))
    if isinstance(link, Flattened):
        return _spread_over(gradient, q.shape)
    if isinstance(link, Dropped):
        return np.asarray(gradient / link.kept)
    return np.asarray((link.variance or 0.0) * link.outputs * _scattered(link, gradient, q.shape))


def _taps(link: WeightMap, shape: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """For each tap of the kernel, what it reads of padded images, to write `shape`."""
    for offset in itertools.product(*(range(size) for size in link.kernel)):
        yield (
            slice(None),
            *(
                slice(at * apart, at * apart + step * (many - 1) + 1, step)
                for at, apart, step, many in zip(
                    offset, link.dilation, link.stride, shape, strict=True
                )
            ),
        )


def _gathered(link: WeightMap, q: Array) -> Array:
    """Sum over taps of what lies under them; the mean where a linear map sees several positions."""
    if not link.kernel:
        return _per_example(q)
    padded = np.pad(q, [(0, 0), *((size, size) for size in link.padding)])
    shape = tuple(
        (size - apart * (kernel - 1) - 1) // step + 1
        for size, apart, kernel, step in zip(
            padded.shape[1:], link.dilation, link.kernel, link.stride, strict=True
        )
    )
    return np.asarray(sum(padded[tap] for tap in _taps(link, shape)))


def _per_example(q: Array) -> Array:
    """Mean over positions, (examples,)."""
    return np.asarray(q.reshape(len(q), -1).mean(axis=1))


def _spread_over(gradient: Array, shape: tuple[int, ...]) -> Array:
    """The gradient (examples,) at every position."""
    return np.broadcast_to(gradient.reshape(-1, *(1 for _ in shape[1:])), shape)


def _scattered(link: WeightMap, gradient: Array, shape: tuple[int, ...]) -> Array:
    """Sum over taps of the outputs that look at each position."""
    if not link.kernel:
        return _spread_over(_per_example(gradient), shape)
    sides = list(zip(shape[1:], link.padding, strict=True))
    padded = np.zeros([shape[0], *(size + 2 * pad for size, pad in sides)])
    for tap in _taps(link, gradient.shape[1:]):
        padded[tap] += gradient
    return np.asarray(padded[:, *(slice(pad, pad + size) for size, pad in sides)])


def _moment(name: str, q: Array, *, slopes: bool) -> Array:
    """E[phi(sqrt(q) z)^2], or of phi', for each of a field; relative error below 4e-4."""
    lengths, back = np.unique(q, return_inverse=True)
    low, high = float(lengths[0]), float(lengths[-1])
    many = math.ceil(math.log(high / low) / APART) + 2 if low > 0 else 0
    if lengths.size <= many or low <= 0:
        found = np.array([moment_at(name, float(one), slopes) for one in lengths])
    else:
        knots = np.geomspace(low, high, min(many, MOST_KNOTS))
        values = np.log([moment_at(name, float(one), slopes) for one in knots])
        found = np.exp(np.interp(np.log(lengths), np.log(knots), values))
    return np.asarray(found[back].reshape(q.shape))


def moment_at(name: str, q: float, slopes: bool) -> float:
    """E[phi(sqrt(q) z)^2], or of its slope, at one length."""
    return slope_moment(name, q, 2) if slopes else value_moment(name, q, 2)


def value_moment(name: str, q: float, power: int) -> float:
    """E[abs(phi(sqrt(q) z))^power] for a standard normal z."""
    value = activation(name).value
    return normal_mean(lambda h: np.abs(value(h)) ** power, q, KINKS.get(name, ()))
