"""Temperature and Firth fits: laws, degenerate data named before fitting, and slow oracles."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinometer.stats import root
from clinometer.stats.firth import firth_beta
from clinometer.stats.gaps import Gaps, logit_gaps, row_losses, row_terms
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


@pytest.mark.parametrize("classes", [2, 3, 300, 10_000])
def test_blocks_of_any_shape_give_the_terms_of_a_plain_loop(classes):
    rng = np.random.default_rng(classes)
    n = 12 if classes > 1000 else 400
    z, y = 3 * rng.normal(size=(n, classes)), rng.integers(0, classes, n)
    for rows in (Gaps(z, y), logit_gaps(z, y)):
        found = np.column_stack(_fields(row_terms(rows, 0.7)))
        np.testing.assert_allclose(found, _plainly(z, y, 0.7), rtol=1e-11, atol=1e-12)
        assert np.array_equal(found[:, 0], row_losses(rows, 0.7))


def _plainly(z, y, beta):
    rows = []
    for row, label in zip(z, y, strict=True):
        d = row - row[label]
        w = np.exp(beta * (d - d.max()))
        p = w / w.sum()
        mean = (p * d).sum()
        central = [(p * (d - mean) ** k).sum() for k in (2, 3)]
        rows.append([beta * d.max() + np.log(w.sum()), mean, *central])
    return np.array(rows)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_float32_logits_are_read_as_the_numbers_they_are(dtype):
    z, y = sample(4, n=300)
    coarse = (3 * z).astype(dtype)
    one, other = fit_temperature(Gaps(coarse, y)), fit_temperature(Gaps(coarse.astype(float), y))
    assert one.beta == other.beta
    assert np.array_equal(one.rows, other.rows)


@given(seed=st.integers(0, 10**6), power=st.integers(-300, 300))
@settings(max_examples=20)
def test_a_power_of_two_changes_no_bit_of_the_refinement(seed, power):
    d = gaps_of(seed, n=15)
    one, other = fit_temperature(d), fit_temperature(np.ldexp(d, power))
    assert one.status == other.status
    assert one.beta == math.ldexp(other.beta, power) or one.status != "finite"
    assert np.array_equal(one.rows, other.rows) or one.status != "finite"


@pytest.mark.parametrize("size", [1e-300, 1e-150, 1.0, 1e50, 1e100])
def test_logits_of_any_size_have_a_temperature_an_optimism_and_an_interval(size):
    d = gaps_of(7, n=50)
    plain, fit = fit_temperature(d), fit_temperature(d * size)
    assert fit.beta * size == pytest.approx(plain.beta, rel=1e-12)
    assert fit.loss == pytest.approx(plain.loss, rel=1e-13)
    assert fit.optimism == pytest.approx(plain.optimism, rel=1e-9)
    assert fit.relative_error == pytest.approx(plain.relative_error, rel=1e-9)
    assert fit.interval()[0] / size == pytest.approx(plain.interval()[0], rel=1e-9)


def test_a_start_on_a_sample_ends_at_the_same_temperature(monkeypatch):
    rng = np.random.default_rng(0)
    z = 3 * rng.normal(size=(6000, 4))
    y = (z / 2 + rng.gumbel(size=z.shape)).argmax(axis=1)
    order = np.lexsort((z.max(axis=1), y))  # sorted rows: no sample of neighbours is like the rest
    whole = fit_temperature(Gaps(z, y))
    monkeypatch.setattr(root, "SAMPLE", 256)
    monkeypatch.setattr(root, "MANY", 1024)
    for rows in (np.arange(6000), order):
        fit = fit_temperature(Gaps(z[rows], y[rows]))
        assert fit.beta == pytest.approx(whole.beta, rel=1e-13)
        np.testing.assert_allclose(fit.rows, whole.rows[rows], rtol=1e-12)


def test_a_sample_without_a_wrong_row_or_without_signal_does_not_mislead(monkeypatch):
    monkeypatch.setattr(root, "SAMPLE", 64)
    monkeypatch.setattr(root, "MANY", 256)
    d = np.column_stack([np.zeros(5000), np.full(5000, -1.0)])
    d[4000:4100, 1] = 1.0
    assert fit_temperature(d).beta == pytest.approx(math.log(49), rel=1e-12)
    backwards = np.where(np.arange(5000)[:, None] < 64, -d, 5 * d)
    reference = fit_temperature(backwards[np.random.default_rng(0).permutation(5000)])
    assert fit_temperature(backwards).beta == pytest.approx(reference.beta, rel=1e-12)


def test_the_rows_are_those_of_the_temperature_to_the_last_digits():
    d = gaps_of(11, n=40) * 30
    fit = fit_temperature(d)
    np.testing.assert_allclose(fit.rows, row_losses(d, fit.beta), rtol=1e-12)
    np.testing.assert_allclose(fit.slopes, row_terms(d, fit.beta).slope, rtol=1e-9, atol=1e-9)
    assert np.array_equal(fit.given, row_losses(d, 1.0))


@pytest.mark.parametrize("seed", range(4))
def test_error_optimism_and_interval_are_those_of_fifty_digits(seed):
    d = gaps_of(seed, n=15)
    fit = fit_temperature(d)
    with mpmath.workdps(50):
        beta = mpmath.findroot(lambda b: sum(_slope(row, b) for row in d), fit.beta)
        terms = [_moments(row, beta) for row in d]
    square, curvature = np.mean([t[1] ** 2 for t in terms]), np.mean([t[2] for t in terms])
    assert fit.slope_square == pytest.approx(square, rel=1e-10)
    assert fit.curvature == pytest.approx(curvature, rel=1e-10)
    assert fit.optimism == pytest.approx(square / (2 * 15 * curvature), rel=1e-10)
    half = 2.1447866879 * math.sqrt(square / 15) / curvature  # Student's 97.5 %, 14 degrees
    low, high = fit.beta_interval()
    assert (low, high) == pytest.approx((fit.beta - half, fit.beta + half), rel=1e-8)
    assert fit.interval() == (1 / high, 1 / low if low > 0 else None)


def test_a_beta_that_may_be_zero_leaves_the_temperature_unbounded_above():
    fit = fit_temperature(np.array([[0.0, -1.0], [0.0, -1.2], [0.0, 1.1], [0.0, -0.5]]))
    assert fit.beta_interval()[0] < 0
    assert fit.interval()[1] is None


def test_what_has_no_finite_temperature_has_no_interval_optimism_or_test():
    for d in (np.array([[0.0, -2.0]] * 3), np.array([[0.0, 2.0]] * 3), np.zeros((3, 2))):
        fit = fit_temperature(d)
        assert (fit.interval(), fit.optimism, fit.scale_test()) == (None, None, None)


def test_the_scale_test_is_the_likelihood_ratio():
    from scipy.stats import chi2

    d = 1.3 * gaps_of(1, n=200)
    fit = fit_temperature(d)
    gain = sum(_moments(row, 1.0)[0] - _moments(row, fit.beta)[0] for row in d) / 200
    assert fit.scale == pytest.approx(gain, rel=1e-9)
    assert fit.scale_test() == pytest.approx(chi2.sf(2 * 200 * gain, 1), rel=1e-8)


@given(seed=st.integers(0, 10**6), unit=st.sampled_from([1e-200, 1.0, 1e200]))
@settings(max_examples=20)
def test_a_whole_weight_counts_as_so_many_rows_and_its_unit_does_not_matter(seed, unit):
    d = gaps_of(seed, n=30)
    times = np.random.default_rng(seed).integers(0, 4, 30)
    times[0] = 1
    fit, copied = fit_temperature(d, unit * times), fit_temperature(np.repeat(d, times, axis=0))
    assert fit.status == copied.status
    assert fit.beta == pytest.approx(copied.beta, rel=1e-12)
    assert fit.loss == pytest.approx(copied.loss, rel=1e-12)
    assert fit.n_effective == pytest.approx(times.sum() ** 2 / (times**2).sum())


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20)
def test_a_weight_of_zero_removes_its_row_from_every_number(seed):
    d, rng = gaps_of(seed, n=30), np.random.default_rng(seed)
    weights = rng.random(30) * (rng.random(30) < 0.5)
    weights[0] = 1.0
    kept = weights > 0
    fit, few = fit_temperature(d, weights), fit_temperature(d[kept], weights[kept])
    for name in ("status", "beta", "n_effective", "optimism", "relative_error", "curvature"):
        assert getattr(fit, name) == getattr(few, name)
    assert fit.loss == pytest.approx(few.loss, rel=1e-14)
    assert (fit.interval(), len(fit.rows)) == (few.interval(), 30)
    assert firth_beta(d, weights=weights) == firth_beta(d[kept], weights=weights[kept])


def test_rows_of_no_weight_decide_no_status():
    right, wrong = [0.0, -2.0], [0.0, 2.0]
    assert fit_temperature(np.array([right, right, wrong]), np.array([1, 1, 0.0])).status == "zero"
    fit = fit_temperature(np.array([wrong, wrong, right]), np.array([1, 1, 0.0]))
    assert (fit.status, fit.loss) == ("inverted", math.log(2))


def test_firth_with_weights_counts_effective_rows():
    d = gaps_of(5, n=8)
    assert firth_beta(d, weights=np.full(8, 7.0)) == pytest.approx(firth_beta(d), rel=1e-12)
    weights = np.array([1.0, 2, 1, 1, 3, 1, 1, 2])
    n = weights.sum() ** 2 / (weights**2).sum()
    share = n * weights / weights.sum()
    betas = np.linspace(0.0, 6.0, 12_001)
    height = [
        -(share * (t := row_terms(d, b)).loss).sum() + 0.5 * np.log((share * t.curvature).sum())
        for b in betas
    ]
    best = betas[int(np.argmax(height))]
    assert firth_beta(d, weights=weights) == pytest.approx(best, abs=1e-3)


@pytest.mark.parametrize("n", [5, 300, 30_000])
def test_firth_from_any_start_is_one_number(n):
    d = gaps_of(2, n=n)
    start = fit_temperature(d).beta
    found = [firth_beta(d, s) for s in (None, start, 0.3 * start, 5 * start)]
    assert found == pytest.approx([found[0]] * 4, rel=1e-12)


def test_exchanged_labels_are_inverted_and_a_constant_per_row_is_not_seen():
    z, y = sample(2, n=300)
    shift = np.random.default_rng(0).normal(size=(300, 1)) * 100
    assert fit_temperature(Gaps(-z, y)).status == "inverted"
    moved, plain = fit_temperature(Gaps(z + shift, y)), fit_temperature(Gaps(z, y))
    assert moved.beta == pytest.approx(plain.beta, rel=1e-10)
    assert moved.loss == pytest.approx(plain.loss, rel=1e-12)
