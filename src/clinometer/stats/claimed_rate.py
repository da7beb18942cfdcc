"""A claimed rate against a counted one: what record still earns the claim, for all practical purposes.

Who claims a rate c where r is true pays KL(r || c) more, in nats a row, than who claims r (Kullback and
Leibler 1951). The claim counts as right while that is at most a stated share of the loss that stays even
so, the entropy H(r). In log-odds the share of 1 % is about a quarter at any rate from 0.001 to 0.999.
"""

from __future__ import annotations

import math
from typing import Literal

from clinometer.errors import ClinometerError

Word = Literal["supported", "refuted", "unproven"]


def practical_limits(claimed: float, margin: float = 0.01) -> tuple[float, float]:
    """Smallest and largest true rate that a claimed rate is worth, within the margin [-].

    Parameters
    ----------
    claimed : rate in 0 .. 1; kept as small as it is, so give the error rate and not the success rate
    margin : largest cost KL(r || claimed) as a share of H(r) [-], above 0

    Returns
    -------
    Exact to about 1e-12 relative. (0, 0) for a claimed 0, which no count above 0 is equal to; likewise
    (1, 1).

    >>> practical_limits(0.153)
    (0.12282209, 0.18955433)
    """
    if not 0.0 <= claimed <= 1.0 or not margin > 0.0:
        raise ClinometerError(
            f"a claimed rate of {claimed} with margin {margin}: expected 0 to 1 and a margin above 0"
        )
    if claimed in {0.0, 1.0}:
        return claimed, claimed
    from scipy.optimize import brentq

    def excess(log_rate: float) -> float:
        rate = math.exp(log_rate)
        return _divergence(rate, claimed) - margin * _entropy(rate)

    middle = math.log(claimed)
    lowest = middle - 1.0
    while excess(lowest) < 0.0:
        lowest -= 1.0
    highest = math.log1p(
        -(2.0**-53)
    )  # just below 1: the divergence outgrows the entropy on the way
    low = brentq(excess, lowest, middle, xtol=1e-13)
    high = brentq(excess, middle, highest, xtol=1e-13) if excess(highest) > 0.0 else 0.0
    return math.exp(low), math.exp(high)


def judged(limits: tuple[float, float], interval: tuple[float, float]) -> Word:
    """Whether an interval of the true rate lies inside the limits, outside, or neither."""
    if interval[1] < limits[0] or interval[0] > limits[1]:
        return "refuted"
    return "supported" if limits[0] <= interval[0] and interval[1] <= limits[1] else "unproven"


def _entropy(rate: float) -> float:
    return -rate * math.log(rate) - (1.0 - rate) * math.log1p(-rate)


def _divergence(rate: float, claimed: float) -> float:
    """KL of two coins: rate against claimed [nat]."""
    other = math.log1p(-rate) - math.log1p(-claimed)
    return rate * (math.log(rate) - math.log(claimed)) + (1.0 - rate) * other
