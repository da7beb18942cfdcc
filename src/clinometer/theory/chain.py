"""The layer-by-layer map of mean-field theory along one chain: lengths forwards, gradients backwards.

Weights are independent of mean 0. The length q of a place is the mean square of a unit there, and d the
mean square of its gradient; both are kept for each example, as some may fade where others do not, and for
each position of an image, as fewer taps reach a padded border. With V the variance of a weight and n
channels,

    forwards    q' = V n_in sum over taps of E[phi(sqrt(q) z)^2] + mean square of the biases
    backwards   d  = V n_out sum over taps of d',    then    d E[phi'(sqrt(q) z)^2]    through phi.

The map is iterated from the measured length of the input; no fixed point is assumed, which GELU under He
does not have. Poole et al. (2016), Schoenholz et al. (2017); convolutions: Xiao et al. (2018), ICML.

`spread` says how far one network may lie from that: what finite widths do to a gradient (Hanin & Nica
2018), and how far a length that drifts takes the gains behind it along. Where lengths are not held (GELU
under He) that is decades; the map can then be restarted from the lengths that one network has.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from clinometer.theory.activations import activation
from clinometer.theory.gains import KINKS, normal_mean, slope_moment
from clinometer.theory.sigmoid import Array

# A moment of many lengths is worked out at few, this far apart in ln q, and interpolated linearly in its own
# logarithm: the error is below 1/8 of the square of the distance times the curvature, which is below 1.
APART, MOST_KNOTS = 0.05, 400


@dataclass(frozen=True)
class WeightMap:
    """A linear map, or a convolution with a kernel.

    variance : mean square of a weight; None for one fitted so that its output has a length of 1
    bias : mean square of a bias
    inputs, outputs : channels of one group
    kernel, stride, padding, dilation : one number for each direction of the image; () for a linear map
    """

    variance: float | None
    bias: float
    inputs: int
    outputs: int
    kernel: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    padding: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    groups: int = 1


@dataclass(frozen=True)
class Activated:
    """An activation, by its name in `theory.activations`, over `width` independent units."""

    name: str
    width: int


@dataclass(frozen=True)
class Flattened:
    """All positions become units of one: what lies between a convolution and a linear layer."""


@dataclass(frozen=True)
class Dropped:
    """Dropout that keeps this share, and divides by it."""

    kept: float


Link = WeightMap | Activated | Flattened | Dropped


@dataclass(frozen=True)
class ChainForecast:
    """What is expected along a chain, one entry for each link.

    lengths : mean square behind the link, over all examples and positions [-]
    gains : log10 of RMS gradient before it / RMS gradient behind it [decades]
    variances : of a weight; nan where the link has none
    spread : standard deviation over initialisations of the sum of all gains, of one example [decades];
        positions of an image and examples of a batch are averages: they vary less
    """

    lengths: Array
    gains: Array
    variances: Array
    spread: float


def chain_forecast(
    links: Sequence[Link], square: Array, seen: Sequence[Array | None] = ()
) -> ChainForecast:
    """Iterate the map along a chain.

    Parameters
    ----------
    links : input first
    square : mean square of the input, (examples,) or (examples, *image) [-]
    seen : lengths behind each link that one network was seen to have; None where the map goes on

    >>> he = [WeightMap(2 / 256, 0.0, 256, 256), Activated("relu", 256)]
    >>> found = chain_forecast(he, np.ones(1))
    >>> float(found.lengths[0]), round(float(found.gains[0]), 4)
    (2.0, 0.1505)
    """
    before = [np.asarray(square, np.float64)]
    fitted = []
    for link, length in itertools.zip_longest(links, seen[: len(links)]):
        known = _fitted(link, before[-1])
        fitted.append(known)
        before.append(_forwards(known, before[-1]) if length is None else length)
    gains = np.zeros(len(links))
    gradient = np.ones_like(before[-1])
    for k in range(len(links) - 1, -1, -1):
        handed = _backwards(fitted[k], before[k], gradient)
        gains[k] = _decades(handed) - _decades(gradient)
        gradient = handed / max(float(handed.mean()), np.finfo(np.float64).tiny)
    return ChainForecast(
        lengths=np.array([field.mean() for field in before[1:]]),
        gains=gains,
        variances=np.array(
            [(link.variance or 0.0) if isinstance(link, WeightMap) else math.nan for link in fitted]
        ),
        spread=_spread(fitted, [float(field.mean()) for field in before], held=bool(len(seen))),
    )


def _decades(square: Array) -> float:
    mean = float(square.mean())
    return 0.5 * math.log10(mean) if mean > 0 else -math.inf


def _fitted(link: Link, q: Array) -> Link:
    """The link, with the variance that gives its output a length of 1 where none is given."""
    if not isinstance(link, WeightMap) or link.variance is not None:
        return link
    length = float(_forwards(replace(link, variance=1.0, bias=0.0), q).mean())
    return replace(link, variance=1.0 / length if length > 0 else 0.0, bias=0.0)


def _forwards(link: Link, q: Array) -> Array:
    """Length field behind a link."""
    if isinstance(link, Activated):
        return _moment(link.name, q, slopes=False)
    if isinstance(link, Flattened):
        return _per_example(q)
    if isinstance(link, Dropped):
        return np.asarray(q / link.kept)
    variance = link.variance or 0.0
    return np.asarray(variance * link.inputs * _gathered(link, q) + link.bias)


def _backwards(link: Link, q: Array, gradient: Array) -> Array:
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
        found = np.array([_at(name, float(one), slopes) for one in lengths])
    else:
        knots = np.geomspace(low, high, min(many, MOST_KNOTS))
        values = np.log([_at(name, float(one), slopes) for one in knots])
        found = np.exp(np.interp(np.log(lengths), np.log(knots), values))
    return np.asarray(found[back].reshape(q.shape))


def _at(name: str, q: float, slopes: bool) -> float:
    return slope_moment(name, q, 2) if slopes else _value_moment(name, q, 2)


def _value_moment(name: str, q: float, power: int) -> float:
    """E[abs(phi(sqrt(q) z))^power] for a standard normal z."""
    value = activation(name).value
    return normal_mean(lambda h: np.abs(value(h)) ** power, q, KINKS.get(name, ()))


NUDGE = 1e-4  # of ln q, for derivatives; both moments are smooth in it


def _spread(links: Sequence[Link], lengths: Sequence[float], *, held: bool) -> float:
    """Standard deviation of the summed gains over initialisations, of one example [decades].

    Two sources at each activation over n units: the gradient's own, of relative variance
    (3 E[phi'^4] / E[phi'^2]^2 - 1) / n of its square; and the length's, (E[phi^4] / E[phi^2]^2 - 1) / n,
    which the map carries on to every later length and, so, to every gain behind it. To first order in 1/n.
    """
    variance = ahead = 0.0  # ahead: d (sum of later gains, in decades) / d ln q at this place
    for link, q in zip(reversed(links), reversed(lengths[:-1]), strict=True):
        if isinstance(link, WeightMap):
            after = q * _per_length(link, q)
            ahead *= 1.0 - link.bias / after if after > 0 and not held else 0.0
        if not isinstance(link, Activated) or q <= 0:
            continue
        own, noise = _relative_variance(link.name, q)
        variance += (
            own / link.width * (0.5 * math.log10(math.e)) ** 2 + ahead**2 * noise / link.width
        )
        up, down = q * math.exp(NUDGE), q * math.exp(-NUDGE)
        slope = math.log10(_at(link.name, up, True) / _at(link.name, down, True)) / (4 * NUDGE)
        grown = math.log(_at(link.name, up, False) / _at(link.name, down, False)) / (2 * NUDGE)
        ahead = slope + ahead * grown
    return math.sqrt(variance)


def _per_length(link: WeightMap, q: float) -> float:
    """Length behind a map per length before it, inside an image."""
    return (link.variance or 0.0) * link.inputs * math.prod(link.kernel) + (
        link.bias / q if q else 0.0
    )


def _relative_variance(name: str, q: float) -> tuple[float, float]:
    """(of the gradient's square, of the square of what is handed on) at one unit: (5, 5) for a ReLU."""
    fourth, second = slope_moment(name, q, 4), slope_moment(name, q, 2)
    own = 3.0 * fourth / second**2 - 1.0 if second > 0 else 0.0
    square = _value_moment(name, q, 2)
    return own, _value_moment(name, q, 4) / square**2 - 1.0 if square > 0 else 0.0
