"""Gains at initialisation: closed values, a slower way at 30 digits, and drawn networks."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinometer.theory.activations import ACTIVATIONS
from clinometer.theory.gains import (
    INITIAL_VARIANCE,
    KINKS,
    activation_gain,
    expected_chain,
    layer_spread,
    next_length,
    normal_mean,
    weight_gain,
)

SLOPES = {
    "sigmoid": lambda h: mpmath.sech(h / 2) ** 2 / 4,
    "tanh": lambda h: mpmath.sech(h) ** 2,
    "softplus": lambda h: 1 / (1 + mpmath.exp(-h)),
    "gelu": lambda h: mpmath.ncdf(h) + h * mpmath.npdf(h),
    "hardtanh": lambda h: mpmath.mpf(abs(h) < 1),
    "relu6": lambda h: mpmath.mpf(0 < h < 6),
    "elu": lambda h: mpmath.exp(min(h, 0)),
    "softsign": lambda h: 1 / (1 + abs(h)) ** 2,
    "hardswish": lambda h: 0 if h <= -3 else 1 if h >= 3 else h / 3 + mpmath.mpf(1) / 2,
}


def slow_gain(name, q):
    scale = mpmath.sqrt(mpmath.mpf(q))
    marks = {mpmath.mpf(c) for c in (-3, -1, 0, 1, 3, 6, -0.1, 0.1, -20, 20)}
    marks |= {scale * c for c in (-16, -6, -2, -0.5, 0.5, 2, 6, 16)}
    marks = sorted(m for m in marks if abs(m) <= 16 * scale)
    total = mpmath.quad(lambda h: SLOPES[name](h) ** 2 * mpmath.npdf(h / scale) / scale, marks)
    return float(mpmath.sqrt(total))


@pytest.mark.parametrize("q", [1e-4, 0.3, 1.0, 30.0, 1e4])
@pytest.mark.parametrize("name", SLOPES)
def test_activation_gain_against_thirty_digits(name, q):
    with mpmath.workdps(30):
        assert activation_gain(name, q) == pytest.approx(slow_gain(name, q), rel=1e-11)


@pytest.mark.parametrize(
    ("init", "name", "closed"),
    [
        ("torch default", "relu", 1 / math.sqrt(6)),  # x0.408
        ("torch default", "tanh", 1 / math.sqrt(3)),  # x0.577, small signals
        ("torch default", "sigmoid", 0.25 / math.sqrt(3)),  # x0.144 at most
        ("Glorot", "sigmoid", 0.25),
        ("He", "relu", 1.0),
    ],
)
def test_closed_values_of_a_layer_of_equal_widths(init, name, closed):
    gain = weight_gain(INITIAL_VARIANCE[init](100, 100), 100) * activation_gain(name, 1e-9)
    assert gain == pytest.approx(closed, rel=1e-8)


@given(st.floats(1e-6, 1e6))
def test_no_length_lets_a_sigmoid_pass_on_more_than_a_quarter(q):
    assert activation_gain("sigmoid", q) <= 0.25 * (1 + 1e-12)


@given(st.floats(1e-9, 1e9))
def test_a_relu_passes_on_half_of_the_square_and_keeps_half_of_the_length(q):
    assert activation_gain("relu", q) == pytest.approx(0.5**0.5)
    assert next_length("relu", q, 2 / 300, 300) == pytest.approx(q, rel=1e-12)
    relu = lambda h: (h > 0).astype(float)  # noqa: E731 - the closed form against the panels
    assert normal_mean(relu, q, KINKS["relu"]) == pytest.approx(0.5, rel=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_kink_left_out_of_the_list_would_show(name):
    fast = activation_gain(name, 2.0)
    z = np.linspace(-12, 12, 1_200_001)
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    slope = np.asarray(ACTIVATIONS[name].slope(math.sqrt(2.0) * z))
    assert fast == pytest.approx(math.sqrt(float((slope**2 * density).sum() * 2e-5)), rel=2e-5)


def test_a_convolution_gathers_from_every_position_of_its_kernel():
    draw = np.random.default_rng(0)
    weight = draw.normal(size=(6, 5, 3, 3)) * 0.1
    gradient = draw.normal(size=(6, 40, 40))
    back = np.zeros((5, 2 * 40 + 1, 2 * 40 + 1))  # 3 x 3, stride 2
    for i in range(3):
        for j in range(3):
            back[:, i : i + 79 : 2, j : j + 79 : 2] += np.einsum(
                "oc,ohw->chw", weight[:, :, i, j], gradient
            )
    measured = math.sqrt((back[:, 2:-2, 2:-2] ** 2).mean() / (gradient**2).mean())
    assert measured == pytest.approx(weight_gain(0.01, 6, kernel=9, stride=4), rel=0.1)


def grown(name, depth, width, networks, draw):
    """ln of the squared norm that drawn networks (He, LeCun) pass back, over the one that enters."""
    signal = np.ones((networks, width, 1))
    weights, masks = [], []
    for _ in range(depth):
        scale = math.sqrt((2 if name == "relu" else 1) / width)
        weights.append(scale * draw.normal(size=(networks, width, width)))
        signal = weights[-1] @ signal
        masks.append(signal > 0 if name == "relu" else np.ones_like(signal))
        signal = signal * masks[-1]
    back = draw.normal(size=(networks, width, 1))
    first = np.log((back**2).sum(axis=(1, 2)))
    for weight, mask in zip(weights[::-1], masks[::-1], strict=True):
        back = weight.transpose(0, 2, 1) @ (back * mask)
    return np.log((back**2).sum(axis=(1, 2))) - first


@pytest.mark.parametrize(("name", "five"), [("identity", 2.0), ("relu", 5.0)])
def test_the_spread_over_initialisations_is_that_of_drawn_networks(name, five):
    """The variance of ln |d|^2 is 5/width a layer of ReLUs, 2/width without."""
    draw, depth, width = np.random.default_rng(1), 6, 64
    found = np.concatenate([grown(name, depth, width, 250, draw) for _ in range(12)])
    # relative error of a variance of 3,000 draws: sqrt(2 / 3000) = 2.6 %; next order in 1/width: 4 %
    assert found.var() == pytest.approx(five * depth / width, rel=0.13)
    decades = layer_spread(name, 1.0, width) * math.sqrt(depth)
    assert (0.5 * found / math.log(10)).std() == pytest.approx(decades, rel=0.065)


def test_a_chain_of_relus_in_torchs_default_loses_0389_decades_a_layer():
    chain = expected_chain("relu", [256] * 21, "torch default")
    assert (chain.weight + chain.activation) == pytest.approx(np.full(20, -0.38907562), abs=1e-8)
    assert chain.spread == pytest.approx(np.full(20, 0.5 * math.log10(math.e) * (5 / 256) ** 0.5))
    assert expected_chain("relu", [256] * 21, "He").length == pytest.approx(np.full(20, 2.0))
