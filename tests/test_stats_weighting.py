"""Weighted means and intervals: laws of the weights, and a slow second way."""

from __future__ import annotations

import math

import numpy as np
import pytest

from clinometer.stats.paired import paired_interval, rows_to_decide
from clinometer.stats.weighting import effective_rows, variance_of_mean, weighted_mean

X = np.array([0.3, -1.0, 2.5, 0.1, 4.0])
W = np.array([1.0, 0.5, 2.0, 3.0, 0.2])


def test_equal_weights_are_no_weights():
    for weight in (1e-300, 1.0, 1e300):
        w = np.full(5, weight)
        assert effective_rows(5, w) == pytest.approx(5, rel=1e-15)
        assert weighted_mean(X, w) == pytest.approx(X.mean(), rel=1e-15)
        assert paired_interval(X, weights=w) == pytest.approx(paired_interval(X), rel=1e-14)
        assert rows_to_decide(X, 0.1, w) == rows_to_decide(X, 0.1)


def test_the_variance_of_a_weighted_mean_is_hajeks():
    total = sum(W)
    mean = sum(w * x for w, x in zip(W, X, strict=True)) / total
    squares = sum((w * (x - mean)) ** 2 for w, x in zip(W, X, strict=True)) / total**2
    m = total**2 / sum(w * w for w in W)
    assert variance_of_mean(X, W) == pytest.approx(squares * m / (m - 1), rel=1e-13)


def test_a_row_of_weight_zero_may_hold_anything():
    for anything in (math.inf, -math.inf, math.nan, 1e300):
        x, w = np.append(X, anything), np.append(W, 0.0)
        assert weighted_mean(x, w) == pytest.approx(weighted_mean(X, W), rel=1e-15)
        assert paired_interval(x, weights=w) == pytest.approx(paired_interval(X, weights=W))


def test_one_row_that_outweighs_the_rest_has_no_interval():
    assert paired_interval(X, weights=np.array([1.0, 1e-9, 1e-9, 1e-9, 1e-9])) is None
    assert variance_of_mean(X[:1]) == math.inf


def test_the_weighted_interval_covers_also_where_weights_go_with_the_values():
    inside, repeats = 0, 1000
    rng = np.random.default_rng(0)
    for _ in range(repeats):
        w = rng.choice([1.0, 4.0], size=200)
        x = rng.normal(size=200) * w  # the heavy rows scatter more: s^2 / n_eff would be too narrow
        low, high = paired_interval(x, weights=w)
        inside += low <= 0.0 <= high
    assert 0.93 <= inside / repeats <= 0.97  # 0.95 +- 3 standard errors of 1000 repeats
