"""How far one drawn network may lie from what is expected of a chain."""

from __future__ import annotations

import math
from collections.abc import Sequence

from clinometer.theory.chain_steps import moment_at, value_moment
from clinometer.theory.gains import slope_moment
from clinometer.theory.links import Activated, Link, WeightMap

NUDGE = 1e-4  # of ln q, for derivatives; both moments are smooth in it


def total_spread(links: Sequence[Link], lengths: Sequence[float], *, held: bool) -> float:
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
        slope = math.log10(moment_at(link.name, up, True) / moment_at(link.name, down, True)) / (
            4 * NUDGE
        )
        grown = math.log(moment_at(link.name, up, False) / moment_at(link.name, down, False)) / (
            2 * NUDGE
        )
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
    square = value_moment(name, q, 2)
    return own, value_moment(name, q, 4) / square**2 - 1.0 if square > 0 else 0.0
