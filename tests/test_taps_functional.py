"""Plain function calls, told from the graph: their names, roles, parents and gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from truth import Keeper, Nothing, apart, places, record, rms, row, steps


class Plain(nn.Module):
    """A named block with two linear maps and something between them."""

    def __init__(self, middle, width: int = 8):
        super().__init__()
        self.first, self.second, self.head = nn.Linear(5, 8), nn.Linear(width, 8), nn.Linear(8, 3)
        self.middle, self.keep = middle, Nothing()

    def forward(self, x):
        x = self.keep("first", self.first(x))
        x = self.keep("middle", self.middle(x))
        return self.head(torch.tanh(self.keep("second", self.second(x))))


class Cubic(torch.autograd.Function):
    """x^3 by hand."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * gradient


def loss_of(inputs):
    return lambda model: model(inputs).square().mean()


def compared(tmp_path, model, inputs):
    """(recording, what autograd says of each kept tensor)."""
    recording = record(tmp_path, model, steps(model, [loss_of(inputs)] * 2))
    model.zero_grad()
    model.keep = Keeper()
    loss_of(inputs)(model).backward()
    return recording, model.keep


@pytest.mark.parametrize(
    ("middle", "name", "role"),
    [
        (functional.relu, "first:relu", "activation"),
        (torch.sigmoid, "first:sigmoid", "activation"),
        (torch.tanh, "first:tanh", "activation"),
        (functional.gelu, "first:gelu", "activation"),
        (functional.elu, "first:elu", "activation"),
        (lambda x: x * torch.sigmoid(x), "first:sigmoid+mul", "activation"),
        (lambda x: x * 3 + 1, "first:mul+add", "other"),
        (Cubic.apply, "first:cubic", "other"),
        (lambda x: functional.relu_(x.clone()), "first:relu", "activation"),
        (functional.relu_, "first:relu", "activation"),
    ],
)
def test_a_function_call_is_a_place_between_two_layers(middle, name, role, tmp_path):
    torch.manual_seed(0)
    model, inputs = Plain(middle), torch.randn(7, 5)
    recording, truth = compared(tmp_path, model, inputs)
    facts = places(recording)
    assert facts[name]["role"] == role
    assert facts[name]["parents"] == ["first"]
    assert facts["second"]["parents"] == [name]
    for at in range(2):
        found = row(recording, "call", name, at)
        assert found["grad_out_rms"] == pytest.approx(rms(truth["middle"].grad), rel=1e-5, abs=0)
        if middle is not functional.relu_:  # the kept tensor was overwritten there
            before = rms(truth["first"].grad)
            assert found["grad_in_rms"] == pytest.approx(before, rel=1e-5, abs=0)
        by_example = truth["middle"].grad.double().square().mean(dim=1).sqrt().sort().values
        assert found["grad_p50"] == pytest.approx(float(by_example[3]), rel=1e-5, abs=0)
        assert found["elements"] == truth["middle"].numel()


@pytest.mark.parametrize("shape", [(7, 5), (4, 3, 5)])
def test_an_activation_in_place_hides_no_layer(shape, tmp_path):
    torch.manual_seed(9)
    inputs = torch.randn(shape)
    apart_model, in_place = Plain(functional.relu), Plain(functional.relu_)
    in_place.load_state_dict(apart_model.state_dict())
    one = record(tmp_path, apart_model, steps(apart_model, [loss_of(inputs)] * 2))
    two = record(tmp_path, in_place, steps(in_place, [loss_of(inputs)] * 2))
    if len(shape) == 2:  # on a view, autograd does not tell what was done in place
        assert set(places(one)) == set(places(two))
    for name in ("first", "second", "second:tanh", "head"):
        for at in range(2):
            assert not apart(row(one, "call", name, at), row(two, "call", name, at)), name


def test_functional_and_module_activations_are_equally_flat(tmp_path):
    torch.manual_seed(1)
    inputs = torch.randn(30, 5) * 4
    for kind, call in (
        (nn.Sigmoid, torch.sigmoid),
        (nn.ReLU, functional.relu),
        (nn.Tanh, torch.tanh),
    ):
        by_function, by_module = Plain(call), Plain(nn.Identity())
        by_module.middle = kind()
        by_module.load_state_dict(by_function.state_dict())
        with torch.no_grad():
            for model in (by_function, by_module):
                model.first.weight.mul_(5)
        one = record(tmp_path, by_function, steps(by_function, [loss_of(inputs)]))
        two = record(tmp_path, by_module, steps(by_module, [loss_of(inputs)]))
        name = f"first:{kind.__name__.lower()}" if kind is not nn.ReLU else "first:relu"
        flat = row(one, "activation", name)
        assert not apart(flat, row(two, "activation", "middle"))
        assert 0 < flat["saturated"] < 1


def test_the_saturated_share_is_that_of_the_slope_itself(tmp_path):
    torch.manual_seed(2)
    inputs = torch.randn(30, 5) * 12
    model = Plain(torch.sigmoid)
    recording, truth = compared(tmp_path, model, inputs)
    h = truth["first"].detach().double()
    slope = torch.sigmoid(h) * (1 - torch.sigmoid(h))
    expected = float((slope < 0.01 * 0.25).double().mean())
    found = row(recording, "activation", "first:sigmoid")
    assert found["saturated"] == pytest.approx(expected, abs=1e-6)
    assert found["units"] != 0
    assert expected > 0.05


def test_a_dead_unit_is_one_that_never_had_a_slope(tmp_path):
    torch.manual_seed(3)
    model, inputs = Plain(functional.relu), torch.rand(30, 5)
    with torch.no_grad():
        model.first.bias[2] = -100.0
        model.first.bias[5] = -100.0
    recording = record(tmp_path, model, steps(model, [loss_of(inputs)] * 3))
    h = model.first(inputs)
    dead = (h <= 0).all(dim=0)
    assert row(recording, "activation", "first:relu", 2)["dead"] == pytest.approx(
        float(dead.double().mean())
    )
    assert recording.dead_units["first:relu"] == np.flatnonzero(dead.numpy()).tolist()


class Bare(nn.Module):
    """A linear map whose matrix is a bare parameter of the block."""

    def __init__(self, width: int = 8, out: int = 8, product=functional.linear):
        super().__init__()
        shape = (width, out) if product is torch.matmul else (out, width)
        self.matrix, self.product = nn.Parameter(torch.randn(shape) * 0.3), product
        self.head, self.keep = nn.Linear(out, 3), Nothing()

    def forward(self, x):
        return self.head(self.keep("out", self.product(torch.tanh(x), self.matrix)))


PRODUCTS = {
    "linear": functional.linear,
    "x @ w": torch.matmul,
    "x @ w.T": lambda x, w: x @ w.T,
    "x @ w.t()": lambda x, w: x @ w.t(),
    "x @ w.transpose": lambda x, w: x @ w.transpose(0, 1),
}


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("shape", [(7, 8), (4, 3, 8)])
def test_a_linear_map_with_a_bare_parameter_is_a_weight(shape, product, tmp_path):
    torch.manual_seed(4)
    model, inputs = Bare(8, 5, PRODUCTS[product]), torch.randn(shape)
    recording, truth = compared(tmp_path, model, inputs)
    facts = places(recording)
    (name,) = [name for name, fact in facts.items() if fact.get("parameter")]
    assert facts[name]["role"] == "weight"
    assert facts[name]["parameter"] in places(recording, "parameter")
    assert (facts[name]["fan_in"], facts[name]["fan_out"]) == (8, 5)
    assert facts["head"]["parents"] == [name]
    for at in range(2):
        found = row(recording, "call", name, at)
        gradient, given = truth["out"].grad.double(), torch.tanh(inputs).double()
        assert found["grad_out_rms"] == pytest.approx(rms(gradient), rel=1e-5, abs=0)
        assert found["in_rms"] == pytest.approx(rms(given), rel=1e-5)
        rows = gradient.square().sum(dim=-1) * given.square().sum(dim=-1)
        assert found["reach"] == pytest.approx(float(rows.sum().sqrt()), rel=1e-5, abs=0)


def test_a_function_call_on_a_large_batch_speaks_of_all_of_it(tmp_path):
    torch.manual_seed(5)
    model, inputs = Bare(64, 64), torch.randn(4096, 64)
    recording, truth = compared(tmp_path, model, inputs)
    (name,) = [name for name, fact in places(recording).items() if fact.get("parameter")]
    for at in range(2):
        found = row(recording, "call", name, at)
        gradient, given = truth["out"].grad.double(), torch.tanh(inputs).double()
        rows = gradient.square().sum(dim=-1) * given.square().sum(dim=-1)
        assert (found["examples"], found["elements"]) == (4096, 4096 * 64)
        assert found["sampled"] < found["elements"]
        assert found["grad_out_rms"] == pytest.approx(rms(gradient), rel=0.05, abs=0)
        assert found["reach"] == pytest.approx(float(rows.sum().sqrt()), rel=0.05, abs=0)


def test_a_second_call_of_the_same_function_has_a_number(tmp_path):
    torch.manual_seed(6)
    model = Plain(lambda x: functional.relu(functional.relu(x) + 0.1))
    recording = record(tmp_path, model, steps(model, [loss_of(torch.randn(7, 5))]))
    facts = places(recording)
    assert "first:relu" in facts
    assert "first:relu#2" in facts
    assert facts["second"]["parents"] == ["first:relu#2"]


def test_a_sigmoid_between_network_and_loss_is_the_output(tmp_path):
    torch.manual_seed(7)
    model, inputs = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 1)), torch.randn(9, 5)
    labels = (torch.arange(9) % 2).float()[:, None]

    def loss(model):
        return functional.binary_cross_entropy(torch.sigmoid(model(inputs)), labels)

    recording = record(tmp_path, model, steps(model, [loss]))
    out = model(inputs)
    out.retain_grad()
    p = torch.sigmoid(out)
    p.retain_grad()
    functional.binary_cross_entropy(p, labels).backward()
    assert places(recording)["2:sigmoid"]["output"]
    found = row(recording, "call", "2:sigmoid")
    assert found["grad_out_rms"] == pytest.approx(rms(p.grad), rel=1e-5)
    assert found["grad_in_rms"] == pytest.approx(rms(out.grad), rel=1e-5)


def test_no_gradient_is_told_apart_from_a_gradient_of_nothing(tmp_path):
    torch.manual_seed(8)
    model, inputs = Plain(lambda x: functional.relu(x - 1e4)), torch.randn(7, 5)
    recording, _ = compared(tmp_path, model, inputs)
    for at in range(2):
        assert row(recording, "call", "first", at)["grad_out_rms"] == 0
    found = row(recording, "call", "first")
    assert found["seen"] == 1
    assert not math.isnan(found["grad_p50"])
