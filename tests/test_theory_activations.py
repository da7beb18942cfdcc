"""Activations: torch's values, slopes to 1e-12 of 50 digits, and the region where they are flat."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import torch

from clinometer.errors import ClinometerError
from clinometer.theory.activations import ACTIVATIONS, activation, elu, leaky_relu

F = torch.nn.functional
TORCH = {
    "identity": lambda h: h * 1.0,
    "gelu_tanh": lambda h: F.gelu(h, approximate="tanh"),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}
# Off the kinks, where the convention is torch's own and changes between its versions.
H = np.concatenate([np.linspace(-9.03, 9.07, 401), [-40.5, 40.5, 1e-9, -1e-9]])


def in_torch(name):
    return TORCH.get(name) or getattr(F, name)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_value_and_slope_are_torchs(name):
    h = torch.tensor(H, requires_grad=True)
    value = in_torch(name)(h)
    value.sum().backward()
    a = activation(name)
    rtol = (
        1e-7 if name == "hardsigmoid" else 1e-9
    )  # torch's hardsigmoid multiplies by a float32 1/6
    np.testing.assert_allclose(a.value(H), value.detach().numpy(), rtol=rtol, atol=1e-13)
    np.testing.assert_allclose(a.slope(H), h.grad.numpy(), rtol=rtol, atol=1e-13)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "hardtanh", "relu6", "leaky_relu"])
def test_the_slope_at_a_kink_is_torchs(name):
    kinks = np.array([-1.0, 0.0, 1.0, 6.0])
    h = torch.tensor(kinks, requires_grad=True)
    in_torch(name)(h).sum().backward()
    np.testing.assert_allclose(activation(name).slope(kinks), h.grad.numpy(), rtol=1e-11)


EXACT = {
    "sigmoid": lambda h: 1 / (1 + mpmath.exp(-h)),
    "tanh": mpmath.tanh,
    "gelu": lambda h: h * mpmath.erfc(-h / mpmath.sqrt(2)) / 2,
    "silu": lambda h: h / (1 + mpmath.exp(-h)),
    "softplus": lambda h: mpmath.log(1 + mpmath.exp(h)),
    "softsign": lambda h: h / (1 + abs(h)),
    "mish": lambda h: h * mpmath.tanh(mpmath.log(1 + mpmath.exp(h))),
    "logsigmoid": lambda h: -mpmath.log(1 + mpmath.exp(-h)),
}


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("h", [-30.0, -8.5, -3.25, -0.3, 0.7, 2.0, 5.5, 20.0, 30.0])
def test_value_and_slope_agree_with_fifty_digits(name, h):
    with mpmath.workdps(50):
        value = EXACT[name](mpmath.mpf(h))
        slope = mpmath.diff(EXACT[name], mpmath.mpf(h))
    assert float(activation(name).value(h)) == pytest.approx(float(value), rel=1e-12)
    assert float(activation(name).slope(h)) == pytest.approx(float(slope), rel=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_no_slope_exceeds_the_peak_and_some_slope_reaches_it(name):
    slope = np.abs(activation(name).slope(np.linspace(-10, 10, 200_001)))
    assert slope.max() <= activation(name).peak_slope * (1 + 1e-15)
    assert slope.max() == pytest.approx(activation(name).peak_slope, rel=1e-4)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_region_is_where_the_slope_is_below_one_percent_of_its_peak(name):
    a = activation(name)
    h = np.random.default_rng(0).uniform(-12, 12, 20_000)
    inside = np.zeros(len(h), dtype=bool)
    for low, high in a.saturation_region:
        inside |= (low < h) & (h < high)
    assert (inside == a.saturated(h)).all()
    assert all(type(end) is float for interval in a.saturation_region for end in interval)
    assert type(a.peak_slope) is float


def test_regions_worked_by_hand():
    sigmoid = math.log((1 + math.sqrt(0.99)) / (1 - math.sqrt(0.99)))  # p (1 - p) = 0.0025
    assert activation("sigmoid").saturation_region[1] == (
        pytest.approx(sigmoid, rel=1e-14),
        math.inf,
    )
    assert activation("tanh").saturation_region[1][0] == pytest.approx(sigmoid / 2, rel=1e-14)
    assert activation("relu").saturation_region == ((-math.inf, 0.0),)
    assert activation("identity").saturation_region == ()
    assert activation("leaky_relu").saturation_region == ()
    assert leaky_relu(0.001).saturation_region == ((-math.inf, 0.0),)
    assert elu(2.0).peak_slope == 2.0
    assert activation("hardswish").saturation_region[1] == pytest.approx((-1.545, -1.455))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_nothing_warns_or_turns_nan_far_out(name):
    far = np.array([-1e300, -1e4, 1e4, 1e300])
    assert np.isfinite(activation(name).slope(far)).all()
    assert np.isfinite(activation(name).value(far)).all()


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ClinometerError, match=r"'swish'.*gelu.*tanh"):
        activation("swish")
