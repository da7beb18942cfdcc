"""Losses against 50 digits at any logit, and the statement of why a gradient is small."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from clinometer.theory.losses import (
    BINARY_LOSSES,
    CROSS_ENTROPY,
    SQUARED_ERROR,
    softmax_cross_entropy,
    why_small,
)

mp = mpmath.mp


def oracle(name, h, y):
    """Value, dC/dyhat and dC/dh straight from the definitions, at 60 digits beyond the exponent."""
    with mpmath.workdps(700):
        p = 1 / (1 + mpmath.exp(-mpmath.mpf(h)))
        slope = p * (1 - p)
        if name == "cross-entropy":
            value, by_p = -mpmath.log(p if y else 1 - p), (p - y) / slope
        else:
            value, by_p = (p - y) ** 2, 2 * (p - y)
        return float(value), float(by_p), float(by_p * slope)


@pytest.mark.parametrize("name", BINARY_LOSSES)
@pytest.mark.parametrize("y", [0, 1])
@pytest.mark.parametrize(
    "h", [-690.0, -350.0, -20.0, -2.0, 0.0, 1e-9, 0.3, 2.0, 20.0, 37.0, 340.0, 690.0]
)
def test_a_loss_and_its_slopes_agree_with_the_definition(name, y, h):
    loss = BINARY_LOSSES[name]
    found = [float(f(h, y)) for f in (loss.value, loss.by_prediction, loss.by_logit)]
    assert found == pytest.approx(oracle(name, h, y), rel=1e-12, abs=1e-305)


@pytest.mark.parametrize("loss", BINARY_LOSSES.values(), ids=BINARY_LOSSES)
def test_the_logit_may_be_as_large_as_it_likes(loss):
    h = np.array([-1e4, 1e4])
    assert np.isfinite(loss.value(h, [1, 0])).all()
    assert np.isfinite(loss.by_logit(h, [1, 0])).all()


def test_cross_entropy_of_a_wrong_point_far_out_is_its_logit():
    assert float(CROSS_ENTROPY.value(-1e4, 1)) == 1e4
    assert float(CROSS_ENTROPY.by_logit(-1e4, 1)) == -1.0


def test_cross_entropy_cancels_the_sigmoids_slope_and_squared_error_does_not():
    assert CROSS_ENTROPY.cancels_sigmoid_slope
    assert not SQUARED_ERROR.cancels_sigmoid_slope
    assert float(CROSS_ENTROPY.by_logit(20.0, 0)) == pytest.approx(1.0)
    assert float(SQUARED_ERROR.by_logit(20.0, 0)) == pytest.approx(4.1223072193869902e-9)
    assert why_small(CROSS_ENTROPY, 20.0, 1) == "the point is right"
    assert why_small(SQUARED_ERROR, -20.0, 1) == "flat although the point is wrong"


def test_the_largest_slope_of_squared_error_is_8_27_at_one_third():
    h = np.linspace(-5, 5, 100_001)
    slope = np.abs(SQUARED_ERROR.by_logit(h, 1))
    assert slope.max() == pytest.approx(8 / 27, rel=1e-8)
    assert 1 / (1 + np.exp(-h[slope.argmax()])) == pytest.approx(1 / 3, rel=1e-4)


def test_softmax_over_two_classes_is_the_sigmoid():
    h = np.array([-700.0, -20.0, -2.0, 0.0, 3.0, 40.0])
    loss, slope = softmax_cross_entropy(np.column_stack([np.zeros(6), h]), np.ones(6, dtype=int))
    np.testing.assert_allclose(loss, CROSS_ENTROPY.value(h, 1), rtol=1e-14)
    np.testing.assert_allclose(slope[:, 1], CROSS_ENTROPY.by_logit(h, 1), rtol=1e-14)


def test_the_softmax_slope_of_each_row_sums_to_zero():
    z = np.random.default_rng(0).normal(size=(50, 7)) * 30
    y = np.random.default_rng(1).integers(0, 7, 50)
    np.testing.assert_allclose(softmax_cross_entropy(z, y)[1].sum(axis=1), 0.0, atol=1e-15)
