"""Intervals of a squared effect, where the effect may be 0."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import ncx2

from clinometer.stats.noncentral import LARGE, noncentrality, part_interval


@pytest.mark.parametrize("parameters", [1, 2, 9])
@pytest.mark.parametrize("statistic", [0.0, 0.5, 4.0, 30.0, 800.0, 9000.0])
def test_the_ends_are_those_that_a_scan_of_the_distribution_accepts(statistic, parameters):
    low, high = noncentrality(statistic, parameters)
    above = ncx2.sf(statistic, parameters, max(low, 1e-12))
    below = ncx2.cdf(statistic, parameters, max(high, 1e-12))
    assert above == pytest.approx(0.025, rel=1e-5) if low > 0.0 else above >= 0.025
    assert below == pytest.approx(0.025, rel=1e-5) if high > 0.0 else below <= 0.025


def test_the_large_branch_joins_the_exact_one():
    below, above = noncentrality(LARGE, 3), noncentrality(LARGE * (1 + 1e-9), 3)
    assert above == pytest.approx(below, rel=1e-3)


@pytest.mark.parametrize("truth", [0.0, 1.0, 25.0])
def test_the_interval_holds_the_noncentrality_as_often_as_it_says(truth):
    rng = np.random.default_rng(3)
    normal = rng.normal(size=(1000, 2)) + np.array([math.sqrt(truth), 0.0])
    ends = [noncentrality(float(row @ row), 2) for row in normal]
    held = np.mean([low <= truth <= high for low, high in ends])
    spread = math.sqrt(0.05 * 0.95 / 1000)
    assert held >= 0.95 - 3 * spread
    assert held <= 0.95 + 3 * spread or truth == 0.0  # 0 is also an end of the range


def test_a_part_next_to_zero_is_wider_than_its_own_scatter_says_and_a_large_one_is_not():
    assert part_interval((0.0009, 0.0011), 0.001, 0.0005, 1, 1000.0) == pytest.approx(
        (0.0, 0.005703), rel=0.01
    )
    assert part_interval((0.9, 1.1), 1.0, 1e-6, 1, 1e6) == pytest.approx((0.9, 1.1), rel=1e-4)
    assert part_interval(None, 1.0, 0.1, 1, 10.0) is None
    assert part_interval((0.1, 0.3), 0.2, 0.0, 0, 10.0) == (0.1, 0.3)
