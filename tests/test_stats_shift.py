"""Temperature with class shifts: a slow minimiser, 50 digits, laws, and data without a finite answer."""

from __future__ import annotations

import itertools
import math
import time

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize

from clinometer.stats.gaps import logit_gaps
from clinometer.stats.separable import separable
from clinometer.stats.shift import fit_shift
from clinometer.stats.temperature import fit_temperature


def sample(seed, n=200, classes=4, beta=0.5, spread=1.0):
    """Logits, labels from softmax(beta z + c), and c."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, classes)) * 3
    c = rng.normal(size=classes) * spread
    return z, (beta * z + c + rng.gumbel(size=z.shape)).argmax(axis=1), c - c.mean()


def loss(z, y, beta, c, weights=None):
    total = beta * z + c
    top = total.max(axis=1)
    rows = top + np.log(np.exp(total - top[:, None]).sum(axis=1)) - total[np.arange(len(y)), y]
    return float(np.average(rows, weights=weights))


@pytest.mark.parametrize("classes", [2, 3, 6])
def test_the_fit_is_the_one_a_slow_minimiser_finds(classes):
    z, y, _ = sample(classes, classes=classes)
    weights = np.random.default_rng(0).random(200)
    found = fit_shift(z, y, weights)
    slow = minimize(
        lambda x: loss(z, y, x[0], np.append(x[1:], -x[1:].sum()), weights),
        np.append(1.0, np.zeros(classes - 1)),
        tol=1e-12,
    )
    assert found.beta == pytest.approx(slow.x[0], abs=1e-5)
    assert found.shifts[:-1] == pytest.approx(slow.x[1:], abs=1e-5)
    assert found.shifts.sum() == pytest.approx(0.0, abs=1e-12)
    assert np.average(found.rows, weights=weights) <= slow.fun + 1e-14
    assert found.parameters == classes


def test_platts_map_at_fifty_digits():
    z, y, _ = sample(1, n=40, classes=2)
    h = [mpmath.mpf(float(v)) for v in z[:, 1] - z[:, 0]]
    found = fit_shift(z, y)
    with mpmath.workdps(50):

        def slopes(beta, offset):
            wrong = [
                1 / (1 + mpmath.exp(-beta * a - offset)) - int(b) for a, b in zip(h, y, strict=True)
            ]
            return mpmath.fdot(wrong, h), mpmath.fsum(wrong)

        beta, offset = mpmath.findroot(
            slopes, (found.beta, float(found.shifts[1] - found.shifts[0]))
        )
    assert found.beta == pytest.approx(
        float(beta), rel=1e-7
    )  # the loss, not beta, is exact to rounding
    assert found.shifts[1] - found.shifts[0] == pytest.approx(float(offset), rel=1e-7)
    exact = [
        mpmath.log1p(mpmath.exp((-1 if b else 1) * (beta * a + offset)))
        for a, b in zip(h, y, strict=True)
    ]
    assert found.rows.mean() == pytest.approx(float(mpmath.fsum(exact) / 40), rel=1e-15)


def test_the_true_scale_and_shifts_are_found():
    z, y, c = sample(2, n=40_000, classes=5, beta=0.4)
    found = fit_shift(z, y)
    assert found.beta == pytest.approx(0.4, abs=0.01)
    assert found.shifts == pytest.approx(c, abs=0.06)
    # calibrated after the fit: every parameter flatters by 1 / (2 n)
    assert found.optimism * 2 * 40_000 == pytest.approx(5, rel=0.05)


@given(seed=st.integers(0, 10**6), power=st.floats(-6, 6), classes=st.integers(2, 4))
@settings(max_examples=25, deadline=None)
def test_rescaled_and_moved_logits_have_the_same_loss_and_never_a_higher_one(seed, power, classes):
    z, y, _ = sample(seed, n=40, classes=classes)
    gaps = logit_gaps(z, y)
    scale = fit_temperature(gaps)
    one = fit_shift(z, y, start_beta=scale.beta)
    factor = 10.0**power
    moved = factor * (z + np.random.default_rng(seed).normal(size=(40, 1)))
    other = fit_shift(moved, y, start_beta=scale.beta / factor)
    assert one.status == other.status
    if one.rows is not None:
        assert one.rows.mean() == pytest.approx(other.rows.mean(), rel=1e-10)
        assert one.beta == pytest.approx(other.beta * factor, rel=1e-5, abs=1e-9)
        assert one.rows.mean() <= scale.loss + 1e-14


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_a_weight_of_two_is_a_row_given_twice_and_of_zero_none(seed):
    z, y, _ = sample(seed, n=60, classes=3)
    weights = np.random.default_rng(seed).integers(0, 3, 60) + 0.0
    weights[:3] = 1.0
    twice = np.repeat(np.arange(60), weights.astype(int))
    one, other = fit_shift(z, y, weights * 0.3), fit_shift(z[twice], y[twice])
    assert one.status == other.status
    if one.rows is not None:
        assert one.rows[twice].mean() == pytest.approx(other.rows.mean(), rel=1e-12)
        assert len(one.rows) == 60


def solvable_by_linear_programming(z, y, free):
    """Whether shifts of sum 0 over the free classes put no class above a label."""
    classes = z.shape[1]
    left, right = [], []
    for row, label in zip(z, y, strict=True):
        for k in range(classes):
            if k != label:
                line = np.zeros(classes)
                line[k] += 1
                line[label] -= 1
                left.append(line)
                right.append(row[label] - row[k])
    bounds = [(None, None) if k in free else (0, 0) for k in range(classes)]
    total = np.array([[1.0 if k in free else 0.0 for k in range(classes)]])
    done = linprog(np.zeros(classes), left, right, total, [0.0], bounds=bounds)
    return done.status == 0


@given(
    seed=st.integers(0, 10**6), n=st.integers(2, 8), classes=st.integers(2, 4), held=st.booleans()
)
@settings(max_examples=60, deadline=None)
def test_separability_is_what_linear_programming_says(seed, n, classes, held):
    rng = np.random.default_rng(seed)
    z = rng.integers(-3, 4, size=(n, classes)) + 0.0  # whole numbers: ties are exact
    y = rng.integers(0, classes, n)
    free = np.unique(y) if held else np.arange(classes)
    assert separable(z, y, free) == solvable_by_linear_programming(z, y, set(free.tolist()))


def test_a_threshold_elsewhere_is_no_finite_fit():
    h = np.array([1.0, 2.0, 3.0, 4.0])
    z = np.column_stack([np.zeros(4), h])
    assert fit_temperature(logit_gaps(z, np.array([0, 0, 1, 1]))).status == "finite"
    assert fit_shift(z, np.array([0, 0, 1, 1])).status == "separable"
    assert fit_shift(z, np.array([0, 1, 0, 1])).status == "finite"
    assert fit_shift(z, np.array([1, 1, 1, 1])).status == "alone"


def test_logits_without_signal_leave_the_frequencies():
    z, y, _ = sample(3, n=3000, classes=3)
    shares = np.bincount(y) / 3000
    entropy = -float(shares @ np.log(shares))
    constant = np.tile([5.0, 0.0, -2.0], (3000, 1))
    for logits in (-z, constant, np.zeros((3000, 3))):
        found = fit_shift(logits, y)
        assert (found.status, found.beta, found.parameters) == ("finite", 0.0, 2)
        assert found.rows.mean() == pytest.approx(entropy, rel=1e-12)
        assert np.exp(found.shifts) / np.exp(found.shifts).sum() == pytest.approx(shares)


def test_a_class_without_labels_is_held_and_named():
    z, y, _ = sample(4, n=400, classes=5)
    kept = (y != 1) & (y != 3)
    found = fit_shift(z[kept], y[kept])
    assert found.held == (1, 3)
    assert found.shifts[[1, 3]].tolist() == [0.0, 0.0]
    assert found.parameters == 3
    assert np.isfinite(found.rows).all()
    for step in itertools.product([-1e-3, 1e-3], repeat=2):  # a minimum among shifts of sum 0
        c = found.shifts.copy()
        c[[0, 2, 4]] += [step[0], step[1], -sum(step)]
        assert loss(z[kept], y[kept], found.beta, c) > found.rows.mean()


def test_losses_are_exact_however_small_and_finite_however_large():
    h = np.concatenate([np.linspace(-3, 3, 50), [800.0, -700.0]])
    y = np.concatenate([np.arange(50) % 2, [1, 0]])
    found = fit_shift(np.column_stack([np.zeros(52), h * 1e80]), y, start_beta=1e-80)
    assert np.isfinite(found.rows).all()
    offset = found.shifts[1] - found.shifts[0]
    with mpmath.workdps(400):
        exact = mpmath.log1p(
            mpmath.exp(
                -(mpmath.mpf(found.beta) * mpmath.mpf(800.0 * 1e80) + mpmath.mpf(float(offset)))
            )
        )
    assert found.rows[50] == pytest.approx(float(exact), rel=1e-9)


def test_takeuchis_optimism_is_what_fresh_rows_cost():
    """Misspecified on purpose: the labels' own scale differs by row, so J and H differ."""
    rng = np.random.default_rng(6)

    def draw(n):
        z = rng.normal(size=(n, 3)) * 2
        own = z * rng.choice([0.2, 2.0], size=(n, 1)) + [0.5, 0.0, -0.5]
        return z, (own + rng.gumbel(size=z.shape)).argmax(axis=1)

    big_z, big_y = draw(400_000)
    best = fit_shift(big_z, big_y)
    n, flattery, told = 300, [], []
    for _ in range(300):
        z, y = draw(n)
        found = fit_shift(z, y)
        flattery.append(loss(z, y, best.beta, best.shifts) - found.rows.mean())
        told.append(found.optimism)
    spread = np.std(flattery) / math.sqrt(300)
    assert np.mean(told) == pytest.approx(
        np.mean(flattery), abs=3 * spread + 0.05 * np.mean(flattery)
    )


def test_dependent_rows_flatter_more():
    z, y, _ = sample(7, n=100, classes=3)
    codes = np.repeat(np.arange(100), 5)
    copied = fit_shift(np.repeat(z, 5, axis=0), np.repeat(y, 5), groups=codes)
    single = fit_shift(z, y)
    assert copied.optimism == pytest.approx(single.optimism, rel=1e-9)
    assert fit_shift(z, y, groups=np.arange(100)).optimism == pytest.approx(
        single.optimism, rel=1e-12
    )


@pytest.mark.parametrize(("n", "classes"), [(60, 10_000), (3000, 300)])
def test_many_classes_take_no_matrix_of_all_of_them(n, classes):
    z, y, _ = sample(8, n=n, classes=classes, beta=0.3)
    start = time.process_time()
    found = fit_shift(z, y, start_beta=0.3)
    assert time.process_time() - start < 30.0
    assert len(found.held) == classes - len(np.unique(y))
    assert found.status == "separable" or np.isfinite(found.rows).all()
