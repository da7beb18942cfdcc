"""Temperature and Firth fits: laws, degenerate data named before fitting, and slow oracles."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinometer.stats.firth import firth_beta
from clinometer.stats.gaps import logit_gaps, row_terms
from clinometer.stats.temperature import fit_temperature


def sample(seed, n=60, classes=3, scale=2.0, truth=1.0):
    """Logits and labels drawn from softmax(truth * logits)."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, classes)) * scale
    p = np.exp(truth * z)
    return z, np.array([rng.choice(classes, p=row / row.sum()) for row in p])


def gaps_of(seed, **kwargs):
    return logit_gaps(*sample(seed, **kwargs))


@given(seed=st.integers(0, 10**6), beta=st.floats(-30, 30))
@settings(max_examples=25)
def test_row_terms_are_the_derivatives_of_the_obvious_loss(seed, beta):
    d = gaps_of(seed, n=3)
    with mpmath.workdps(400):  # a loss of 1e-300 is ln(1 + 1e-300): fewer digits would lose it
        for row, *found in zip(d, *_fields(row_terms(d, beta)), strict=True):
            exact = _moments(row, beta)
            np.testing.assert_allclose(found, exact, rtol=1e-9, atol=1e-12)
            assert found[0] == pytest.approx(exact[0], rel=1e-12, abs=0)


def _fields(t):
    return t.loss, t.slope, t.curvature, t.third


def _moments(row, beta):
    d = [mpmath.mpf(float(v)) for v in row]
    w = [mpmath.exp(beta * v) for v in d]
    total = sum(w)
    p = [v / total for v in w]
    mean = sum(a * b for a, b in zip(p, d, strict=True))
    central = [sum(a * (b - mean) ** k for a, b in zip(p, d, strict=True)) for k in (2, 3)]
    return [float(v) for v in (mpmath.log(total), mean, *central)]


def test_the_loss_is_exact_down_to_1e_300_and_up_to_1e4():
    d = np.array([[-690.0, 0.0], [1e4, 0.0], [-1e4, 0.0]])
    loss = row_terms(d, 1.0).loss
    assert loss[0] == pytest.approx(float(mpmath.exp(-690)), rel=1e-12)
    assert loss[1:].tolist() == [1e4, 0.0]


@pytest.mark.parametrize("seed", range(5))
def test_the_fitted_temperature_agrees_with_fifty_digits(seed):
    d = gaps_of(seed, n=25, truth=0.5)
    fit = fit_temperature(d)
    with mpmath.workdps(50):
        root = mpmath.findroot(lambda b: sum(_slope(row, b) for row in d), fit.beta)
    assert fit.status == "finite"
    assert fit.beta == pytest.approx(float(root), rel=1e-12)


def _slope(row, beta):
    w = [mpmath.exp(beta * float(v)) for v in row]
    return sum(a * float(v) for a, v in zip(w, row, strict=True)) / sum(w)


@given(seed=st.integers(0, 10**6), power=st.floats(-6, 6))
def test_rescaled_logits_have_a_rescaled_temperature_and_the_same_refinement(seed, power):
    d, c = gaps_of(seed), 10.0**power
    one, other = fit_temperature(d), fit_temperature(c * d)
    assert other.beta == pytest.approx(one.beta / c, rel=1e-9)
    assert other.loss == pytest.approx(one.loss, abs=1e-14)
    assert firth_beta(c * d) == pytest.approx(firth_beta(d) / c, rel=1e-9)


@given(seed=st.integers(0, 10**6), scale=st.floats(0.01, 100))
def test_the_best_temperature_never_raises_the_loss(seed, scale):
    d = gaps_of(seed, n=12) * scale
    assert fit_temperature(d).loss <= row_terms(d, 1.0).loss.mean()


def test_all_right_has_temperature_zero_and_no_number():
    fit = fit_temperature(np.array([[0.0, -2.0], [-2.0, 0.0]]))
    assert (fit.status, fit.temperature, fit.loss) == ("zero", None, 0.0)
    tie = fit_temperature(np.array([[0.0, -2.0], [0.0, 0.0]]))
    assert tie.status == "zero"
    assert tie.loss == pytest.approx(math.log(2) / 2)


def test_all_wrong_is_inverted_and_no_signal_is_infinite():
    wrong = fit_temperature(np.array([[0.0, 2.0], [2.0, 0.0]]))
    assert (wrong.status, wrong.temperature, wrong.loss) == ("inverted", None, math.log(2))
    assert fit_temperature(np.zeros((4, 3))).status == "infinite"
    balanced = fit_temperature(np.array([[0.0, 1.0], [0.0, -1.0]]))
    assert (balanced.status, balanced.temperature) == ("infinite", None)
    z, y = sample(0, n=500)
    assert fit_temperature(logit_gaps(-z, y)).status == "inverted"


def test_a_wrong_row_of_no_size_is_not_answered_with_a_search_limit():
    fit = fit_temperature(np.array([[0.0, -1.0], [0.0, 5e-324]]))
    assert fit.temperature is None or math.isfinite(fit.temperature)


@pytest.mark.parametrize(("n", "margin"), [(1, 3.0), (2, 2.0), (2, 20.0), (7, 0.1), (500, 1e4)])
def test_firth_gives_the_krichevsky_trofimov_value_where_all_is_right(n, margin):
    d = np.column_stack([np.zeros(n), np.full(n, -margin)])
    confidence = 1 / (1 + math.exp(-firth_beta(d) * margin))
    assert confidence == pytest.approx((n + 0.5) / (n + 1), rel=1e-12)


def test_firth_is_negative_for_exchanged_labels_and_none_only_without_any_logit():
    d = np.array([[0.0, 2.0], [2.0, 0.0]])
    assert firth_beta(d) == pytest.approx(-math.log(5) / 2, rel=1e-12)
    assert firth_beta(np.zeros((3, 2))) is None


@pytest.mark.parametrize("seed", range(20))
def test_firth_is_where_the_penalised_likelihood_is_largest(seed):
    d = gaps_of(seed, n=4, classes=2 + seed % 3)
    betas = np.linspace(-4, 8, 24_001)
    height = [-(t := row_terms(d, b)).loss.sum() + 0.5 * np.log(t.curvature.sum()) for b in betas]
    assert firth_beta(d) == pytest.approx(betas[int(np.argmax(height))], abs=1e-3)


def test_firth_joins_maximum_likelihood_from_some_hundred_rows_on():
    d = gaps_of(3, n=3000)
    fit = fit_temperature(d)
    assert firth_beta(d, fit.beta) == pytest.approx(fit.beta, rel=2e-3)
