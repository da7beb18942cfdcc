"""Usual initialisations: what PyTorch itself draws has the scale that is told of it."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from clinometer.theory.initial import fans, usual_scales

SHAPES = [(64, 32), (32, 64), (40, 16, 5), (24, 8, 3, 3), (10, 6, 2, 3, 3)]
SHAPE = st.lists(st.integers(1, 50), min_size=2, max_size=5).map(tuple)
DRAWS = {  # each scheme as PyTorch draws it, uniform or normal
    "LeCun": [lambda w: nn.init.kaiming_normal_(w, nonlinearity="linear")],
    "Glorot": [nn.init.xavier_normal_, nn.init.xavier_uniform_],
    "He": [
        lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"),
        lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu"),
    ],
    "He, fan out": [lambda w: nn.init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu")],
    "PyTorch default": [lambda w: nn.init.kaiming_uniform_(w, a=math.sqrt(5))],
}


def rms(tensor):
    return float(tensor.detach().double().square().mean().sqrt())


def near(tensor, expected):
    """Within five standard errors: of a normal sample 1/sqrt(2n), of a uniform one less."""
    return abs(rms(tensor) / expected - 1) <= 5 / math.sqrt(2 * tensor.numel())


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("scheme", DRAWS)
def test_a_scheme_has_the_rms_that_pytorch_draws(scheme, shape):
    torch.manual_seed(0)
    for draw in DRAWS[scheme]:
        assert near(draw(torch.empty(shape)), usual_scales(shape)[scheme])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Linear(48, 64),
        lambda: nn.Conv1d(8, 16, 5),
        lambda: nn.Conv2d(8, 16, 3),
        lambda: nn.Conv3d(4, 8, 3),
    ],
)
def test_a_fresh_layer_has_the_default_scale(make, seed):
    torch.manual_seed(seed)
    weight = make().weight
    assert near(weight, usual_scales(tuple(weight.shape))["PyTorch default"])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_fans_are_those_of_pytorch(shape):
    expected = nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))
    assert fans(shape) == expected


def test_a_linear_layer_of_twelve_to_three_worked_by_hand():
    scales = usual_scales((3, 12))
    assert scales["PyTorch default"] == pytest.approx(1 / 6)  # sqrt(1/36)
    assert scales["LeCun"] == pytest.approx(math.sqrt(1 / 12))
    assert scales["Glorot"] == pytest.approx(math.sqrt(2 / 15))
    assert scales["He"] == pytest.approx(math.sqrt(1 / 6))
    assert scales["He, fan out"] == pytest.approx(math.sqrt(2 / 3))


@given(SHAPE)
def test_the_fans_multiply_to_the_weights_times_the_field(shape):
    fan_in, fan_out = fans(shape)
    assert fan_in * fan_out == math.prod(shape) * math.prod(shape[2:])


@given(SHAPE)
def test_the_schemes_keep_their_ratios(shape):
    scales = usual_scales(shape)
    assert scales["LeCun"] == pytest.approx(math.sqrt(3) * scales["PyTorch default"])
    assert scales["He"] == pytest.approx(math.sqrt(2) * scales["LeCun"])


@given(SHAPE)
def test_glorot_lies_between_the_two_of_he(shape):
    """2 / (in + out) is half the harmonic mean of 2/in and 2/out."""
    scales = usual_scales(shape)
    inverse = scales["He"] ** -2 + scales["He, fan out"] ** -2
    assert scales["Glorot"] ** -2 == pytest.approx(inverse)


@given(st.integers(1, 200))
def test_for_a_square_layer_glorot_is_lecun(width):
    scales = usual_scales((width, width))
    assert scales["Glorot"] == pytest.approx(scales["LeCun"])
    assert scales["He"] == pytest.approx(scales["He, fan out"])


@given(SHAPE, st.integers(2, 9))
def test_more_inputs_make_smaller_weights(shape, times):
    wider = usual_scales((shape[0], shape[1] * times, *shape[2:]))
    for scheme in ("PyTorch default", "LeCun", "He"):
        assert wider[scheme] == pytest.approx(usual_scales(shape)[scheme] / math.sqrt(times))
