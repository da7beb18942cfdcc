"""The best constant prediction against definitions worked through in full, and laws of every loss."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linprog
from scipy.stats import entropy
from torch.nn import functional

from clinometer.theory.constant import (
    absolute_level,
    cross_entropy_level,
    huber_level,
    level_by_output,
)

COUNTS = st.lists(st.integers(0, 10**6), min_size=1, max_size=12).filter(any)
TARGETS = arrays(np.float64, st.integers(1, 30), elements=st.floats(-1e3, 1e3, width=32))
DELTAS = st.floats(0.01, 100)


def huber(targets, constant, delta):
    """The definition, element by element."""
    each = [
        abs(t - constant) ** 2 / 2
        if abs(t - constant) <= delta
        else delta * (abs(t - constant) - delta / 2)
        for t in np.asarray(targets).tolist()
    ]
    return sum(each) / len(each)


# -- cross-entropy -----------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 3, 10, 1000])
def test_equal_counts_come_to_the_logarithm_of_the_number_of_classes(classes):
    assert cross_entropy_level([7] * classes) == pytest.approx(np.log(classes), rel=1e-14)


def test_one_in_four_comes_to_the_value_worked_by_hand():  # 2 ln 2 - 3/4 ln 3
    assert cross_entropy_level([1, 3]) == pytest.approx(2 * np.log(2) - 0.75 * np.log(3))


@given(COUNTS)
def test_cross_entropy_agrees_with_scipys_entropy(counts):
    assert cross_entropy_level(counts) == pytest.approx(entropy(counts), rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("counts", [[1, 10**12], [1e-300, 1.0], [1, 1, 10**15], [0.1, 0.2, 0.7]])
def test_cross_entropy_agrees_with_fifty_digits_when_a_class_is_rare(counts):
    with mpmath.workdps(50):
        total = mpmath.fsum(map(mpmath.mpf, counts))
        exact = -mpmath.fsum(n / total * mpmath.log(n / total) for n in map(mpmath.mpf, counts))
    assert cross_entropy_level(counts) == pytest.approx(float(exact), rel=1e-12, abs=3e-16)


@given(COUNTS, st.floats(1e-3, 1e3))
def test_scaling_every_count_changes_no_level(counts, scale):
    scaled = np.array(counts) * scale
    assert cross_entropy_level(scaled) == pytest.approx(
        cross_entropy_level(counts), rel=1e-9, abs=1e-12
    )


@given(COUNTS)
def test_a_class_that_never_comes_changes_no_level(counts):
    assert cross_entropy_level([*counts, 0]) == cross_entropy_level(counts)


@given(COUNTS)
def test_cross_entropy_lies_between_nothing_and_the_logarithm_of_the_classes(counts):
    level = cross_entropy_level(counts)
    assert -1e-12 <= level <= np.log(max(sum(n > 0 for n in counts), 1)) + 1e-12


@given(COUNTS, st.integers(1, 10**6))
def test_a_divisor_takes_the_place_of_the_number_of_rows(counts, divisor):
    expected = cross_entropy_level(counts) * sum(counts) / divisor
    assert cross_entropy_level(counts, divisor) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@given(st.lists(st.integers(0, 3), min_size=4, max_size=40), st.integers(0, 2**31))
def test_no_constant_logits_do_better_under_pytorchs_cross_entropy(labels, seed):
    level = cross_entropy_level(np.bincount(labels, minlength=4))
    logits = torch.from_numpy(np.random.default_rng(seed).normal(size=4) * 3)
    loss = functional.cross_entropy(logits.expand(len(labels), 4), torch.tensor(labels))
    assert float(loss) >= level - 1e-12


def test_pytorch_reaches_the_level_with_the_logarithms_of_the_frequencies():
    labels = torch.tensor([0] * 5 + [1] * 3 + [2] * 12)
    logits = torch.log(torch.bincount(labels).double() / len(labels))
    loss = functional.cross_entropy(logits.expand(len(labels), 3), labels)
    assert float(loss) == pytest.approx(cross_entropy_level([5, 3, 12]), rel=1e-14)


def test_weighted_counts_give_the_level_of_the_weighted_loss():
    labels, weight = torch.tensor([0] * 16 + [1] * 4), torch.tensor([1.0, 6.0]).double()
    counts = torch.bincount(labels) * weight
    logits = torch.log(counts / counts.sum())
    loss = functional.cross_entropy(logits.expand(20, 2), labels, weight)
    assert float(loss) == pytest.approx(cross_entropy_level(counts.numpy()), rel=1e-14)


# -- absolute error ----------------------------------------------------------------------------


def test_the_absolute_level_of_three_numbers_worked_by_hand():  # median 1: (1 + 0 + 4) / 3
    assert absolute_level([0.0, 1.0, 5.0]) == pytest.approx(5 / 3)
    assert absolute_level([4.0]) == 0.0


@given(TARGETS)
def test_the_absolute_level_is_the_least_over_every_target_as_the_constant(targets):
    """The sum is convex and bends at targets only, so that one of them is a best constant."""
    brute = min(np.abs(targets - constant).mean() for constant in targets)
    assert absolute_level(targets) == pytest.approx(brute, rel=1e-9, abs=1e-9)


def test_the_absolute_level_agrees_with_linear_programming():
    targets = np.random.default_rng(3).standard_cauchy(25)
    n = len(targets)
    cost = np.r_[0.0, np.full(n, 1 / n)]  # constant, and one slack for each absolute value
    above = np.c_[-np.ones(n), -np.eye(n)]
    below = np.c_[np.ones(n), -np.eye(n)]
    least = linprog(
        cost, np.r_[above, below], np.r_[-targets, targets],
        bounds=[(None, None)] + [(0, None)] * n,
    )  # fmt: skip
    assert absolute_level(targets) == pytest.approx(least.fun, rel=1e-7)


@given(TARGETS, st.floats(-100, 100))
def test_no_constant_has_a_smaller_absolute_error(targets, constant):
    assert absolute_level(targets) <= np.abs(targets - constant).mean() + 1e-9


@given(TARGETS, st.floats(-100, 100), st.floats(0.1, 10))
def test_the_absolute_level_follows_the_unit_and_not_the_origin(targets, shift, scale):
    moved = absolute_level(targets * scale + shift)
    assert moved == pytest.approx(absolute_level(targets) * scale, rel=1e-6, abs=1e-6)


# -- Huber and smooth L1 -----------------------------------------------------------------------


def test_the_huber_level_of_three_numbers_worked_by_hand():
    """Between 1 and 4 the pulls of 0 and 5 cancel, and 1 adds nothing only at the constant 1:
    (1/2 + 0 + 7/2) / 3."""
    assert huber_level([0.0, 1.0, 5.0], 1.0) == pytest.approx(4 / 3, rel=1e-8)


@given(TARGETS, DELTAS)
def test_the_huber_level_is_the_least_of_a_fine_grid(targets, delta):
    grid = np.linspace(targets.min(), targets.max(), 201)
    brute = min(huber(targets, constant, delta) for constant in grid)
    level = huber_level(targets, delta)
    spacing = (targets.max() - targets.min()) / 200
    assert level <= brute + 1e-6 * (1 + brute)
    assert level >= brute - delta * spacing - 1e-6 * (1 + brute)  # its slope is at most delta


@given(TARGETS, DELTAS)
def test_a_constant_that_reaches_the_huber_level_has_no_slope(targets, delta):
    """A second way: bisect the derivative, the mean of the clipped errors, which only rises."""
    low, high = targets.min(), targets.max()
    for _ in range(200):
        middle = (low + high) / 2
        if np.clip(middle - targets, -delta, delta).mean() > 0:
            high = middle
        else:
            low = middle
    assert huber_level(targets, delta) == pytest.approx(
        huber(targets, low, delta), rel=1e-6, abs=1e-9
    )


@given(TARGETS)
def test_a_wide_huber_loss_is_half_the_variance(targets):
    wide = huber_level(targets, 1e5)
    assert wide == pytest.approx(np.var(targets) / 2, rel=1e-6, abs=1e-9)


@given(TARGETS)
def test_a_narrow_huber_loss_is_the_absolute_error_times_its_parameter(targets):
    narrow = huber_level(targets, 1e-4) / 1e-4
    assert narrow == pytest.approx(absolute_level(targets), rel=1e-3, abs=1e-4)


@given(TARGETS, DELTAS)
def test_smooth_l1_is_huber_divided_by_its_parameter(targets, beta):
    assert huber_level(targets, beta, smooth_l1=True) == pytest.approx(
        huber_level(targets, beta) / beta, rel=1e-12
    )


@given(TARGETS, DELTAS, st.integers(0, 29))
def test_no_constant_of_pytorchs_huber_and_smooth_l1_does_better(targets, delta, at):
    t = torch.from_numpy(targets)
    guess = t[at % len(t)].expand(len(t))
    assert huber_level(targets, delta) <= float(functional.huber_loss(guess, t, delta=delta)) + 1e-6
    smooth = huber_level(targets, delta, smooth_l1=True)
    assert smooth <= float(functional.smooth_l1_loss(guess, t, beta=delta)) + 1e-6


@pytest.mark.parametrize("value", [0.0, -7.5, 1e6])
def test_a_constant_target_leaves_no_loss(value):
    targets = [value] * 5
    assert huber_level(targets, 1.0) == absolute_level(targets) == 0.0
    assert level_by_output([targets, targets], "smooth_l1", 2.0) == 0.0


# -- several outputs ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("term", "loss"),
    [
        ("absolute_error", functional.l1_loss),
        ("huber", lambda a, b: functional.huber_loss(a, b, delta=0.7)),
        ("smooth_l1", lambda a, b: functional.smooth_l1_loss(a, b, beta=0.7)),
    ],
)
def test_outputs_are_averaged_as_pytorch_averages_them(term, loss):
    """The best constant of each output, searched column by column with PyTorch's own loss."""
    draw = np.random.default_rng(1)
    columns = [draw.normal(0, 1, 40), draw.normal(5, 3, 40)]
    best = []
    for column in columns:
        t = torch.from_numpy(column)
        grid = torch.linspace(float(t.min()), float(t.max()), 4001).double()
        best.append(min(float(loss(c.expand(40), t)) for c in grid))
    assert level_by_output(columns, term, 0.7) == pytest.approx(np.mean(best), rel=1e-4)
