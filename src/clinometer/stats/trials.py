"""Paired differences over few trials: the mean with its Student interval, and how many would decide."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ALPHA = 0.05  # two-sided; a claim of "better" errs in 2.5 % of the cases without an effect
MOST_TRIALS = 100_000  # beyond it a number of seeds is no advice


@dataclass(frozen=True)
class MeanDifference:
    """The mean of paired differences, in their unit.

    Attributes
    ----------
    mean : of the differences
    low, high : ends of the two-sided Student interval; -inf and inf for one pair
    spread : standard deviation over pairs, n - 1 in the denominator; nan for one pair
    n : pairs
    """

    mean: float
    low: float
    high: float
    spread: float
    n: int

    @property
    def interval(self) -> tuple[float, float] | None:
        """(low, high); None where one pair tells no spread."""
        return (self.low, self.high) if self.n > 1 else None


def mean_difference(differences: Sequence[float], alpha: float = ALPHA) -> MeanDifference | None:
    """Mean of paired differences and its Student interval; None for no pair.

    Parameters
    ----------
    differences : finite floats, shape (n,), of independent pairs
    alpha : one minus the certainty of the interval

    Returns
    -------
    MeanDifference : exact for normal differences; for others approximate, and for few of them only that.

    Raises
    ------
    ValueError : for a difference that is not finite: it has no mean, and dropping it would be a choice.

    >>> found = mean_difference([1.0, 2.0, 3.0])
    >>> found.mean, found.low, found.high
    (2.0, -0.48413..., 4.48413...)
    """
    values = np.asarray(differences, dtype=np.float64)
    if not len(values):
        return None
    if not np.isfinite(values).all():
        raise ValueError("a difference that is not finite has no mean")
    n, mean = len(values), float(np.mean(values))
    if n == 1:
        return MeanDifference(mean, -math.inf, math.inf, math.nan, 1)
    spread = float(np.std(values, ddof=1))
    half = _quantile(n, alpha) * spread / math.sqrt(n)
    return MeanDifference(mean, mean - half, mean + half, spread, n)


def trials_to_decide(
    found: MeanDifference, margin: float, alpha: float = ALPHA, most: int = MOST_TRIALS
) -> int | None:
    """Pairs after which an interval with this mean and spread lies clear of 0, or within +- margin of 0.

    Parameters
    ----------
    found : what was seen so far
    margin : a difference that matters, in its unit; above 0
    most : the largest number that is worth saying

    Returns
    -------
    int : the least n, 2 or more, with t(n - 1) spread / sqrt(n) below max(abs(mean), margin); None where
        one pair told no spread or more than `most` are needed. It takes mean and spread for true: with as
        many pairs about half of such trials would still be open.

    Source: Cohen (1988), Statistical Power Analysis, chapter 2, at power one half.

    >>> trials_to_decide(mean_difference([0.1, 0.3, 0.2, 0.0]), margin=0.01)
    6
    """
    if math.isnan(found.spread):
        return None
    wanted = max(abs(found.mean), margin)

    def decides(n: int) -> bool:
        return _quantile(n, alpha) * found.spread / math.sqrt(n) < wanted

    low, high = 1, 2
    while not decides(high):
        if high >= most:
            return None
        low, high = high, min(2 * high, most)
    while high - low > 1:  # the half-width falls with n
        middle = (low + high) // 2
        low, high = (low, middle) if decides(middle) else (middle, high)
    return high


def _quantile(n: int, alpha: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(n - 1.0, 1.0 - alpha / 2))


def outcome(loss: float, level: float) -> float:
    """How a run ended, between 0 and 1: loss / (loss + level).

    Parameters
    ----------
    loss : mean training loss, 0 or above; NaN and Inf count as the limit 1 [unit of the loss]
    level : loss of the best constant prediction, above 0 [same unit]

    Returns
    -------
    float : 0 for a perfect run, 0.5 for one that knows no more than a constant, 1 for one that diverged.

    Notes
    -----
    Its slope at the level is 1 / (4 level): 1 % of what there is to learn is 0.0025.

    >>> outcome(0.0, 2.3), outcome(2.3, 2.3), outcome(math.nan, 2.3)
    (0.0, 0.5, 1.0)
    """
    if level <= 0 or loss < 0:
        raise ValueError("expected a loss of 0 or more and a level above 0")
    return loss / (loss + level) if math.isfinite(loss) else 1.0
