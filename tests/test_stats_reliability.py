"""What a reliability diagram shows, against a loop and scipy's exact interval."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from clinometer.stats.calibration_error import ece
from clinometer.stats.reliability import clopper_pearson, reliability_bins


def sample(seed, n=200):
    rng = np.random.default_rng(seed)
    confidence = 0.5 + rng.random(n) / 2
    return confidence, rng.random(n) < confidence


def test_each_bin_holds_what_a_loop_finds_and_an_empty_one_nothing():
    confidence, right = sample(0)
    found = reliability_bins(confidence, right, bins=8)
    assert found.count[:4].tolist() == [0, 0, 0, 0]
    for arrays in (found.mean_confidence, found.accuracy, found.low, found.high):
        assert np.isnan(arrays[:4]).all()
    for k in range(4, 8):
        inside = (confidence > found.edges[k]) & (confidence <= found.edges[k + 1])
        exact = binomtest(int(right[inside].sum()), int(inside.sum())).proportion_ci(0.95, "exact")
        assert found.count[k] == inside.sum()
        assert found.mean_confidence[k] == pytest.approx(confidence[inside].mean())
        assert found.accuracy[k] == pytest.approx(right[inside].mean())
        assert (found.low[k], found.high[k]) == pytest.approx((exact.low, exact.high), rel=1e-9)


@pytest.mark.parametrize(("right", "n"), [(0, 1), (1, 1), (0, 50), (50, 50), (3, 7)])
def test_the_band_is_clopper_and_pearsons(right, n):
    low, high = clopper_pearson(np.array([float(right)]), np.array([float(n)]), alpha=0.1)
    exact = binomtest(right, n).proportion_ci(0.9, "exact")
    assert (low[0], high[0]) == pytest.approx((exact.low, exact.high), rel=1e-9)


@given(seed=st.integers(0, 10**6), by=st.sampled_from(["width", "mass"]))
@settings(max_examples=20)
def test_the_bins_sum_to_the_calibration_error(seed, by):
    confidence, right = sample(seed, n=60)
    weights = np.random.default_rng(seed).integers(0, 4, 60) + 0.0
    weights[0] = 1.0
    found = reliability_bins(confidence, right, 6, by, weights)
    apart = np.where(
        found.count > 0, found.share * abs(found.mean_confidence - found.accuracy), 0.0
    )
    assert apart.sum() == pytest.approx(ece(confidence, right, 6, by, weights), abs=1e-12)
    assert found.count.sum() == (weights > 0).sum()


def test_only_ratios_of_weights_matter_and_unequal_ones_widen_the_band():
    confidence, right = sample(1)
    weights = np.random.default_rng(2).exponential(size=200)
    plain = reliability_bins(confidence, right)
    one, other = (reliability_bins(confidence, right, weights=w) for w in (weights, weights * 1e-9))
    np.testing.assert_allclose(one.low, other.low, rtol=1e-9)
    assert np.nanmean(one.high - one.low) > np.nanmean(plain.high - plain.low)


def test_the_band_holds_the_true_rate_at_least_as_often_as_it_says():
    held = []
    for seed in range(300):
        confidence, right = sample(seed, n=150)
        found = reliability_bins(confidence, right, bins=10)
        filled = found.count > 0
        truth = found.mean_confidence[filled]  # calibrated: the mean of the rows' own rates
        held += ((found.low[filled] <= truth) & (truth <= found.high[filled])).tolist()
    assert np.mean(held) >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / len(held))
