"""Guarantee, price and break-even: hand-worked numbers and slow oracles."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from clinometer.errors import ClinometerError
from clinometer.stats.binomial import (
    clopper_pearson,
    guarantee,
    logit_budget,
    points_needed,
    wilson,
)
from clinometer.stats.break_even import break_even_error_rate
from clinometer.stats.paired import paired_interval, rows_to_decide


def test_two_of_two_guarantee_less_than_one_quarter():
    assert guarantee(2, 2) == pytest.approx(0.22360679774997896, rel=1e-14)


@given(n=st.integers(1, 60), data=st.data())
def test_at_the_guaranteed_rate_so_many_right_have_probability_alpha(n, data):
    k = data.draw(st.integers(1, n))
    rate = guarantee(k, n)
    tail = sum(math.comb(n, j) * rate**j * (1 - rate) ** (n - j) for j in range(k, n + 1))
    assert tail == pytest.approx(0.05, rel=1e-9)


def test_none_right_guarantees_nothing_and_impossible_counts_are_refused():
    assert guarantee(0, 5) == 0.0
    with pytest.raises(ClinometerError, match="3 right of 2"):
        guarantee(3, 2)


@given(n=st.integers(1, 2000), data=st.data())
def test_the_exact_interval_is_scipys(n, data):
    k = data.draw(st.integers(0, n))
    theirs = binomtest(k, n).proportion_ci(0.95, method="exact")
    assert clopper_pearson(k, n) == pytest.approx((theirs.low, theirs.high), rel=1e-9, abs=1e-12)


@given(n=st.integers(1, 2000), data=st.data())
def test_wilsons_interval_is_scipys(n, data):
    k = data.draw(st.integers(0, n))
    theirs = binomtest(k, n).proportion_ci(0.95, method="wilson")
    assert wilson(k, n) == pytest.approx((theirs.low, theirs.high), rel=1e-9, abs=1e-12)


@given(n=st.integers(2, 500), data=st.data())
def test_wilsons_limits_are_the_rates_that_a_score_test_just_does_not_reject(n, data):
    k = data.draw(st.integers(1, n - 1))
    for rate in wilson(k, n):
        z = (k / n - rate) / math.sqrt(rate * (1 - rate) / n)
        assert abs(z) == pytest.approx(1.959963984540054, rel=1e-9)


def test_wilson_by_hand_and_at_its_ends():
    z2 = 1.959963984540054**2
    assert wilson(0, 10) == (0.0, pytest.approx(z2 / (10 + z2)))
    assert wilson(10, 10) == (pytest.approx(10 / (10 + z2)), 1.0)
    with pytest.raises(ClinometerError, match="0 right of 0"):
        wilson(0, 0)


def test_the_price_of_the_chapters_claims():
    assert points_needed(0.11920292202211756) == 24
    assert points_needed(2.0611536181902036e-9) == 1453425036


@given(q=st.floats(1e-300, 0.999999))
def test_the_price_is_exact_at_any_size(q):
    n = points_needed(q)
    with mpmath.workdps(700):
        bound = mpmath.log(mpmath.mpf(0.05)) / mpmath.log(1 - mpmath.mpf(q))
        assert n == int(mpmath.ceil(bound))


def test_a_price_on_a_whole_number_is_not_rounded_away():
    assert points_needed(0.5, alpha=0.125) == 3
    assert points_needed(0.0) is None
    assert points_needed(1.0) == 1


def test_the_logit_budget_of_two_points_is_ln_5_and_of_float32s_one_8388608_points():
    assert logit_budget(2) == math.log(5)
    assert logit_budget(8_388_608) == pytest.approx(24 * math.log(2), rel=1e-8)


def test_break_even_of_the_chapter():
    rate = break_even_error_rate((0.1269280110429725, 2.0611536203143807e-9), (2.0, 20.0))
    assert rate == pytest.approx(0.12692800898181888 / 18, rel=1e-14)
    assert break_even_error_rate((1.0, 0.5), (2.0, 2.0)) is None
    assert break_even_error_rate((0.5, 1.0), (2.0, 3.0)) is None


def test_the_paired_interval_is_students():
    assert paired_interval(np.array([1.0, 3.0])) == pytest.approx((-10.7062047, 14.7062047))
    assert paired_interval(np.array([1.0])) is None
    assert rows_to_decide(np.array([1.0, -1.0]), 0.0) is None
    assert rows_to_decide(np.array([1.0, -1.0]), 1.0) == math.ceil(2 * 1.959963984540054**2)


@pytest.mark.parametrize("n", [50, 200])
def test_the_interval_covers_the_truth_about_as_often_as_it_says(n):
    rng = np.random.default_rng(n)
    inside = 0
    for _ in range(600):
        low, high = paired_interval(rng.exponential(size=n))
        inside += low <= 1.0 <= high
    assert 0.92 <= inside / 600 <= 0.97
