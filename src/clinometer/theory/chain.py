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
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from clinometer.theory.chain_spread import total_spread
from clinometer.theory.chain_steps import backwards, forwards
from clinometer.theory.links import Activated, Dropped, Flattened, Link, WeightMap
from clinometer.theory.sigmoid import Array

__all__ = [
    "Activated",
    "ChainForecast",
    "Dropped",
    "Flattened",
    "Link",
    "WeightMap",
    "chain_forecast",
]


@dataclass(frozen=True)
class ChainForecast:
    """What is expected along a chain, one entry for each link.

    Attributes
    ----------
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
    square : mean square of the input, (examples,) or (examples, height, width) [-]
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
        before.append(forwards(known, before[-1]) if length is None else length)
    gains = np.zeros(len(links))
    gradient = np.ones_like(before[-1])
    for k in range(len(links) - 1, -1, -1):
        handed = backwards(fitted[k], before[k], gradient)
        gains[k] = _decades(handed) - _decades(gradient)
        gradient = handed / max(float(handed.mean()), np.finfo(np.float64).tiny)
    return ChainForecast(
        lengths=np.array([field.mean() for field in before[1:]]),
        gains=gains,
        variances=np.array(
            [(link.variance or 0.0) if isinstance(link, WeightMap) else math.nan for link in fitted]
        ),
        spread=total_spread(
            fitted, [float(field.mean()) for field in before], held=bool(len(seen))
        ),
    )


def _decades(square: Array) -> float:
    mean = float(square.mean())
    return 0.5 * math.log10(mean) if mean > 0 else -math.inf


def _fitted(link: Link, q: Array) -> Link:
    """The link, with the variance that gives its output a length of 1 where none is given."""
    if not isinstance(link, WeightMap) or link.variance is not None:
        return link
    length = float(forwards(replace(link, variance=1.0, bias=0.0), q).mean())
    return replace(link, variance=1.0 / length if length > 0 else 0.0, bias=0.0)
