"""Calibration errors and tests: slow loops, scikit-learn, closed forms, and what they cannot see."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, ndtr

from clinometer.errors import ClinometerError, ShapeError
from clinometer.stats.calibration_error import (
    classwise_ece,
    ece,
    ece_from_logits,
    mass_edges,
    top_confidence,
    width_bins,
)
from clinometer.stats.calibration_tests import (
    kolmogorov_smirnov,
    kuiper,
    largest_excursion,
    range_of_motion,
    spiegelhalter,
)
from clinometer.stats.smooth_error import residual_spectrum, smooth_ece, smoothed


def sample(seed, n=300, power=1.5):
    """Confidence, and answers that come true less often than it says."""
    rng = np.random.default_rng(seed)
    confidence = rng.random(n)
    return confidence, rng.random(n) < confidence**power


def slow_ece(confidence, right, edges, weights):
    total = 0.0
    for low, high in itertools.pairwise(edges):
        first = low == 0.0
        inside = [i for i, c in enumerate(confidence) if low < c <= high or (first and c == 0.0)]
        w = [weights[i] for i in inside]
        if sum(w) > 0:
            mean = sum(confidence[i] * weights[i] for i in inside) / sum(w)
            rate = sum(right[i] * weights[i] for i in inside) / sum(w)
            total += sum(w) * abs(mean - rate)
    return total / sum(weights)


@given(seed=st.integers(0, 10**6), bins=st.integers(1, 40), by=st.sampled_from(["width", "mass"]))
@settings(max_examples=40)
def test_ece_is_what_a_loop_over_the_bins_says(seed, bins, by):
    confidence, right = sample(seed, n=60)
    confidence = np.round(confidence, 2)  # on edges, and tied
    weights = np.random.default_rng(seed).integers(0, 3, 60) + 0.0
    weights[0] = 1.0
    edges = np.linspace(0, 1, bins + 1)
    if by == "mass":
        edges = mass_edges(confidence, bins, weights)
        strictly = np.concatenate([[True], np.diff(edges) > 0])
        edges = edges[strictly]  # an empty bin between equal edges adds nothing
    found = ece(confidence, right, bins, by, weights)
    assert found == pytest.approx(slow_ece(confidence, right, edges, weights), abs=1e-12)


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_ece_agrees_with_scikit_learns_curve(strategy):
    from sklearn.calibration import calibration_curve

    confidence, right = sample(
        1, n=3000
    )  # a multiple of the bins: then both cut between the same rows
    rate, mean = calibration_curve(right, confidence, n_bins=15, strategy=strategy)
    by = {"uniform": "width", "quantile": "mass"}[strategy]
    place = width_bins(confidence, 15) if by == "width" else None
    share = np.bincount(place) / 3000 if by == "width" else np.full(15, 1 / 15)
    # scikit-learn interpolates between two rows where the mass is cut
    assert ece(confidence, right, 15, by) == pytest.approx(
        float(share @ abs(rate - mean)), abs=2e-12
    )


def test_confidence_one_lies_in_the_last_bin():  # torchmetrics 1.9.0 says 0.525 here (its issue 3510)
    assert ece(np.array([1.0, 0.95]), np.array([False, True]), bins=10) == pytest.approx(0.475)
    assert width_bins(np.array([0.0, 0.1, 0.3, 1.0]), 10).tolist() == [0, 0, 2, 9]


def test_low_error_cannot_see_unearned_confidence():
    """The two models of the chapter: all right, the second ten times as steep."""
    a, b = expit(np.array([2.0, 2.0])), expit(np.array([20.0, 20.0]))
    right = np.array([True, True])
    for error in (ece, smooth_ece):
        assert error(a, right) == pytest.approx(0.119202922, rel=1e-6)
        assert error(b, right) == pytest.approx(2.0611536e-9, rel=1e-6)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20)
def test_a_weight_of_two_is_a_row_given_twice_and_of_zero_none(seed):
    confidence, right = sample(seed, n=50)
    weights = np.random.default_rng(seed).integers(0, 3, 50) + 0.0
    weights[:2] = 2.0
    twice = np.repeat(np.arange(50), weights.astype(int))
    for error in (
        ece,
        lambda c, r, weights=None: ece(c, r, 7, "mass", weights),
        smooth_ece,
    ):
        given_weights = error(confidence, right, weights=weights * 0.125)
        assert given_weights == pytest.approx(
            error(confidence[twice], right[twice]), rel=1e-9, abs=1e-12
        )


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_top_confidence_is_the_softmax_of_each_row(dtype):
    rng = np.random.default_rng(3)
    logits = np.round(rng.normal(size=(20_000, 5)) * 4).astype(dtype)  # many ties
    labels = rng.integers(0, 5, 20_000)
    before = logits.copy()
    p = np.exp(logits - logits.max(axis=1, keepdims=True).astype(float))
    p /= p.sum(axis=1, keepdims=True)
    for given_logits in (logits, np.asfortranarray(logits)):
        confidence, right = top_confidence(given_logits, labels)
        np.testing.assert_allclose(confidence, p.max(axis=1), rtol=1e-6)
        assert (right == (logits.argmax(axis=1) == labels)).all()
        assert (given_logits == before).all()
    expected = ece(p.max(axis=1), logits.argmax(axis=1) == labels)
    assert ece_from_logits(logits, labels) == pytest.approx(expected, abs=1e-6)


def test_classwise_ece_judges_every_column():
    p = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.1, 0.8, 0.1]])
    labels = np.array([0, 2, 0])
    each = [slow_ece(p[:, k], labels == k, np.linspace(0, 1, 16), np.ones(3)) for k in range(3)]
    assert classwise_ece(p, labels) == pytest.approx(np.mean(each))


def test_unusable_input_is_named():
    with pytest.raises(ClinometerError, match="expected probabilities"):
        ece(np.array([0.5, np.nan]), np.array([True, False]))
    with pytest.raises(ShapeError, match="one of each per row"):
        ece(np.array([0.5]), np.array([True, False]))
    with pytest.raises(ShapeError, match="not all of them 0"):
        ece(np.array([0.5]), np.array([True]), weights=np.zeros(1))


def slow_smoothed(confidence, right, sigma, points=4001):
    """The paper's definition: each residual under the Gaussian and its images in 0 and 1; Simpson's rule."""
    t = np.linspace(0, 1, points)
    curve = np.zeros(points)
    for c, r in zip(confidence, right, strict=True):
        for image in range(-6, 7):
            for centre in (2 * image + c, 2 * image - c):
                curve += (c - r) * np.exp(-0.5 * ((t - centre) / sigma) ** 2)
    curve = np.abs(curve) / (sigma * math.sqrt(2 * math.pi) * len(confidence))
    return float(np.trapezoid(curve, t))


@pytest.mark.parametrize("sigma", [0.02, 0.1, 0.7])
def test_smoothed_residuals_are_those_of_the_reflected_gaussian(sigma):
    confidence, right = sample(4, n=40)
    confidence[:3] = [0.0, 1.0, 1e-12]
    found = smoothed(residual_spectrum(confidence, right), sigma)
    assert found == pytest.approx(slow_smoothed(confidence, right, sigma), rel=1e-4)


@given(seed=st.integers(0, 10**6), n=st.integers(2, 200))
@settings(max_examples=20)
def test_smooth_ece_is_the_width_at_which_it_equals_the_smoothed_error(seed, n):
    confidence, right = sample(seed, n)
    found = smooth_ece(confidence, right)
    assert (
        abs(np.mean(confidence - right)) - 1e-9 <= found <= np.mean(abs(confidence - right)) + 1e-9
    )
    if found > 2.0**-10:
        spectrum = residual_spectrum(confidence, right)
        assert smoothed(spectrum, found) == pytest.approx(found, rel=1e-8)
        narrow, wide = (smoothed(spectrum, factor * found) for factor in (0.5, 2.0))
        assert narrow >= found * (1 - 1e-9) >= wide * (1 - 2e-9)


def test_the_excursion_of_brownian_motion_in_both_its_series():
    for x in (0.6, 1.0, 1.3, 2.0, 3.0):
        images = 4 * sum((-1) ** k * (1 - ndtr((2 * k + 1) * x)) for k in range(200))
        assert largest_excursion(x) == pytest.approx(images, rel=1e-9)
        ranges = 8 * sum((-1) ** (k + 1) * k * (1 - ndtr(k * x)) for k in range(1, 200))
        assert range_of_motion(x) == pytest.approx(ranges, rel=1e-8)
    assert largest_excursion(1e-3) == range_of_motion(1e-3) == 1.0
    assert 0.0 < range_of_motion(8.0) < 1e-13


def test_range_and_excursion_are_those_of_simulated_walks():
    rng = np.random.default_rng(0)
    walks = np.cumsum(rng.choice([-1.0, 1.0], size=(4000, 4000)), axis=1) / math.sqrt(4000)
    high, low = np.maximum(walks.max(axis=1), 0), np.minimum(walks.min(axis=1), 0)
    for x in (1.0, 1.5, 2.5):
        assert np.mean(np.maximum(high, -low) > x) == pytest.approx(largest_excursion(x), abs=0.04)
        assert np.mean(high - low > x) == pytest.approx(range_of_motion(x), abs=0.04)


def test_statistics_agree_with_mapies_example_and_a_loop():
    confidence, right = np.array([0.1, 0.9, 0.21, 0.9, 0.5]), np.array([0, 1, 0, 1, 0])
    assert round(kolmogorov_smirnov(confidence, right).statistic, 3) == 0.978
    walk, at = [0.0], 0.0
    for i in np.argsort(confidence, kind="stable"):
        at += right[i] - confidence[i]
        walk.append(at)
    del walk[4]  # the two rows at 0.9 enter together
    deviation = math.sqrt(sum(c * (1 - c) for c in confidence))
    expected = (max(walk) - min(walk)) / deviation
    assert kuiper(confidence, right).statistic == pytest.approx(expected)
    slopes = 1 - 2 * confidence
    z = (slopes @ (right - confidence)) / math.sqrt(slopes**2 @ (confidence * (1 - confidence)))
    assert spiegelhalter(confidence, right).statistic == pytest.approx(z)


def test_a_calibrated_model_is_refused_as_often_as_the_p_value_says():
    rng = np.random.default_rng(5)
    refused = np.zeros(3)
    repeats = 800
    for _ in range(repeats):
        confidence = rng.random(400)
        right = rng.random(400) < confidence
        weights = rng.random(400)
        tests = (kolmogorov_smirnov, kuiper, spiegelhalter)
        refused += [test(confidence, right, weights).p_value < 0.05 for test in tests]
    # 0.05 +- 4 standard errors; the cumulative ones are discrete and a little careful
    assert (refused / repeats <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / repeats)).all()
    assert (refused / repeats >= 0.02).all()


def test_an_overconfident_model_is_refused_and_certainty_is_taken_at_its_word():
    confidence, right = sample(6, n=2000, power=2.0)
    for test in (kolmogorov_smirnov, kuiper):
        assert test(confidence, right).p_value < 1e-10
        assert test(np.ones(3), np.array([1, 1, 1])).p_value == 1.0
        assert test(np.ones(3), np.array([1, 0, 1])).p_value == 0.0


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20)
def test_the_order_of_the_rows_and_the_size_of_the_weights_are_no_matter(seed):
    confidence, right = sample(seed, n=80)
    confidence = np.round(confidence, 1)
    weights = np.random.default_rng(seed).random(80)
    order = np.random.default_rng(seed + 1).permutation(80)
    for test in (kolmogorov_smirnov, kuiper, spiegelhalter):
        one = test(confidence, right, weights)
        other = test(confidence[order], right[order], weights[order] * 8)
        assert other.statistic == pytest.approx(one.statistic, rel=1e-9, abs=1e-12)
