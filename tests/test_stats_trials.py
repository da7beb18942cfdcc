"""Intervals of few paired differences, against mpmath and simulation."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

from clinometer.stats.trials import MeanDifference, mean_difference, outcome, trials_to_decide


def quantile(n: int, alpha: float = 0.05) -> mpmath.mpf:
    """Student's quantile from the incomplete beta function, by bisection, in 40 digits."""
    with mpmath.workdps(40):
        free = mpmath.mpf(n - 1)

        def tail(t):
            return mpmath.betainc(free / 2, 0.5, 0, free / (free + t * t), regularized=True)

        low, high = mpmath.mpf(0), mpmath.mpf(1000)
        for _ in range(140):
            middle = (low + high) / 2
            low, high = (middle, high) if tail(middle) > alpha else (low, middle)
        return high


@pytest.mark.parametrize("n", [2, 3, 5, 12])
def test_the_interval_is_students(n):
    values = np.random.default_rng(n).normal(0.3, 0.2, n)
    found = mean_difference(list(values))
    with mpmath.workdps(40):
        exact = [mpmath.mpf(float(one)) for one in values]
        mean = mpmath.fsum(exact) / n
        spread = mpmath.sqrt(mpmath.fsum([(one - mean) ** 2 for one in exact]) / (n - 1))
        half = quantile(n) * spread / mpmath.sqrt(n)
    assert found.mean == pytest.approx(float(mean), rel=1e-12)
    assert found.spread == pytest.approx(float(spread), rel=1e-12)
    assert found.low == pytest.approx(float(mean - half), rel=1e-10)
    assert found.high == pytest.approx(float(mean + half), rel=1e-10)
    assert found.interval == (found.low, found.high)


def test_one_pair_tells_no_spread():
    found = mean_difference([0.4])
    assert found.mean == 0.4
    assert found.interval is None
    assert found.low == -math.inf
    assert trials_to_decide(found, 0.01) is None


def test_no_pair_is_no_result():
    assert mean_difference([]) is None


def test_a_difference_that_is_not_finite_is_refused_not_dropped():
    with pytest.raises(ValueError, match="not finite"):
        mean_difference([0.1, math.nan])


@pytest.mark.parametrize(("mean", "spread"), [(0.2, 0.1), (0.05, 0.1), (-0.05, 0.1), (0.0, 0.02)])
def test_seeds_that_decide_are_the_fewest(mean, spread):
    found = MeanDifference(mean, -1.0, 1.0, spread, 3)
    margin = 0.01
    slow = next(
        n for n in range(2, 1000) if quantile(n) * spread / math.sqrt(n) < max(abs(mean), margin)
    )
    assert trials_to_decide(found, margin) == slow


def test_too_many_seeds_are_no_advice():
    assert trials_to_decide(MeanDifference(0.0, -1, 1, 1.0, 5), 1e-3, most=1000) is None


def test_a_difference_without_spread_is_decided_by_two():
    assert trials_to_decide(mean_difference([0.1, 0.1, 0.1]), 0.01) == 2


def test_the_interval_holds_the_truth_as_often_as_it_says():
    draws = np.random.default_rng(0).normal(0.0, 1.0, (4000, 5))
    held = [one.low <= 0.0 <= one.high for one in map(mean_difference, draws)]
    assert np.mean(held) == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / 4000))


def test_an_outcome_is_the_share_of_loss_over_loss_and_level():
    for loss in (0.0, 1e-9, 0.41, 2.303, 1e300):
        assert outcome(loss, 2.303) == pytest.approx(
            float(mpmath.mpf(loss) / (mpmath.mpf(loss) + 2.303))
        )
    assert outcome(math.inf, 2.3) == outcome(math.nan, 2.3) == 1.0
    with pytest.raises(ValueError, match="level"):
        outcome(-0.1, 2.3)
