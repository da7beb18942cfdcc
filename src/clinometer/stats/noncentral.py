"""How far from 0 a squared effect is, where it may be 0: there the usual mean +- t sd / sqrt n fails."""

from __future__ import annotations

import math

Interval = tuple[float, float]
LARGE = 1e4  # from here on the root of the statistic is normal to 1e-2 of its deviation


def noncentrality(statistic: float, parameters: int, alpha: float = 0.05) -> Interval:
    """Interval of the noncentrality of a chi-square statistic, at 1 - alpha: what a level-alpha test accepts.

    Parameters
    ----------
    statistic : such as 2 n times the loss that `parameters` fitted numbers remove [-], >= 0

    Notes
    -----
    Exact for a noncentral chi-square, which a likelihood ratio becomes close to the truth (Wald 1943). The
    ends are 0 where even none explains a statistic so small.

    >>> noncentrality(1.0, 1)
    (0.0, 8.75758295)
    """
    from scipy.optimize import brentq
    from scipy.special import chndtr, ndtri

    def end(level: float) -> float:
        """The noncentrality at which the statistic is the quantile of this level."""
        if chndtr(statistic, parameters, 0.0) <= level:
            return 0.0
        above = (math.sqrt(statistic) + math.sqrt(parameters) + 10.0) ** 2
        return float(
            brentq(lambda nc: chndtr(statistic, parameters, nc) - level, 0.0, above, rtol=1e-9)
        )

    if statistic > LARGE:
        root, z = math.sqrt(max(statistic - parameters + 1.0, 0.0)), -float(ndtri(alpha / 2))
        return max(root - z, 0.0) ** 2, (root + z) ** 2
    return end(1.0 - alpha / 2), end(alpha / 2)


def part_interval(
    delta: Interval | None,
    removed: float,
    optimism: float,
    parameters: int,
    n: float,
    alpha: float = 0.05,
) -> Interval | None:
    """Interval of the loss that a fit removes: mean +- t sd / sqrt n, widened to what holds next to 0.

    Parameters
    ----------
    delta : interval of the mean loss removed [nat]
    removed, optimism : that mean, and by how much its `parameters` flatter it [nat]
    n : effective number of independent rows, or of groups

    Notes
    -----
    Where nothing is to be removed the loss removed is optimism / parameters times a chi-square number, so
    there the noncentrality is judged, its unit widened by Student's quantile over the normal one.
    """
    if delta is None:
        return None
    low, high = max(delta[0] - optimism, 0.0), max(delta[1] - optimism, 0.0)
    if optimism <= 0.0 or parameters < 1 or n <= 1.0:
        return low, high
    from scipy.special import ndtri, stdtrit

    wider = float(stdtrit(n - 1.0, 1.0 - alpha / 2) / ndtri(1.0 - alpha / 2)) ** 2
    unit = optimism / parameters
    near = noncentrality(removed / (unit * wider), parameters, alpha)
    return min(low, near[0] * unit * wider), max(high, near[1] * unit * wider)
