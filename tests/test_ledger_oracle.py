"""The ledger against a second, slower way: float64, per example, from autograd alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import clinometer
from clinometer.diagnosis.ledger import Line, ledger
from clinometer.records.recording import Recording
from clinometer.theory.gains import expected_chain
from networks import chain, initialise

CONVOLUTIONS = {
    "plain": {"kernel_size": 3, "padding": 1},
    "strided": {"kernel_size": 3, "stride": 2, "padding": 1},
    "grouped": {"kernel_size": 3, "groups": 2},
    "dilated": {"kernel_size": 3, "dilation": 2, "padding": 2, "padding_mode": "circular"},
}


def traced(model: nn.Sequential, inputs: torch.Tensor) -> list[torch.Tensor]:
    """Every intermediate result, the input first, each keeping its gradient."""
    results = [inputs]
    for layer in model:
        results.append(layer(results[-1]))
        results[-1].retain_grad()
    return results


def rms(tensor: torch.Tensor) -> float:
    return float(tensor.detach().double().square().mean().sqrt())


def slow_reach(layer: nn.Module, inputs: torch.Tensor, gradient: torch.Tensor) -> float:
    """R by its definition: one weight gradient for each row, squared and summed."""
    total = 0.0
    if isinstance(layer, nn.Linear):
        for a, d in zip(inputs.flatten(0, -2), gradient.flatten(0, -2), strict=True):
            total += float(torch.outer(d, a).double().square().sum())
        return total**0.5
    weight = layer.weight.detach().double().requires_grad_()
    for example in range(len(inputs)):
        place = gradient[example].flatten(1)
        for position in range(place.shape[1]):
            for group in torch.arange(len(place)).chunk(layer.groups):
                one = torch.zeros_like(place, dtype=torch.float64)
                one[group, position] = place[group, position].double()
                out = layer._conv_forward(inputs[example : example + 1].double(), weight, None)
                (got,) = torch.autograd.grad(out, weight, one.reshape(out.shape))
                total += float(got.square().sum())
    return total**0.5


def slow_line(model: nn.Sequential, inputs: torch.Tensor, labels: torch.Tensor, at: int, lr: float):
    """The ledger's factors of layer `at`, for one plain SGD step."""
    model.zero_grad()
    results = traced(model, inputs)
    functional.cross_entropy(results[-1], labels).backward()
    layer, gradient = model[at], results[at + 1].grad
    weights = [i for i, found in enumerate(model) if isinstance(found, nn.Linear | nn.Conv2d)]
    logits, sums = weights[-1], {"weight": 0.0, "activation": 0.0, "other": 0.0}
    for i in range(at + 1, logits + 1):
        role = (
            "weight"
            if i in weights
            else "other"
            if isinstance(model[i], nn.Flatten)
            else "activation"
        )
        sums[role] += np.log10(rms(results[i].grad) / rms(results[i + 1].grad))
    reach = slow_reach(layer, results[at].detach(), gradient)
    fan_in = layer.weight[0].numel()
    rows = gradient.numel() / layer.weight.shape[0]
    entering = float(gradient.double().norm())
    return sums | {
        "loss_end": np.log10(rms(results[logits + 1].grad) * len(labels) ** 0.5),
        "sharing": np.log10((rows / len(labels)) ** 0.5),
        "input_size": np.log10(reach / entering / fan_in**0.5),
        "batch_agreement": np.log10(float(layer.weight.grad.double().norm()) / reach),
        "optimizer": np.log10(lr),
        "weight_size": -np.log10(rms(layer.weight)),
        "clip": 0.0,
    }


def weight_lines(recording: Recording) -> list[Line]:
    """Those that belong to the weights of linear maps and convolutions."""
    return [line for line in ledger(recording)[0] if line.is_weight]


def recorded(
    model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor, path: Path
) -> list[Line]:
    stepper = torch.optim.SGD(model.parameters(), lr=0.1)
    with clinometer.watch(model, to=path, every=1):
        functional.cross_entropy(model(inputs), labels).backward()
        stepper.step()
    return weight_lines(clinometer.read(path))


def assert_lines_agree(model: nn.Sequential, inputs: torch.Tensor, path: Path) -> None:
    labels = torch.arange(len(inputs)) % 3
    twin = [slow_line(model, inputs, labels, int(i), 0.1) for i in weight_places(model)]
    model.zero_grad()
    for line, slow in zip(recorded(model, inputs, labels, path), twin, strict=True):
        for name, values in line.factors.items():
            # Rounding is the one factor that float32 really loses something to.
            tolerance = 1e-2 if name == "rounding" else 2e-5
            assert values[0] == pytest.approx(slow.get(name, 0.0), abs=tolerance), name
        assert abs(line.residual[0]) < 1e-5


def weight_places(model: nn.Sequential) -> list[int]:
    return [i for i, layer in enumerate(model) if isinstance(layer, nn.Linear | nn.Conv2d)]


@pytest.mark.parametrize(
    "activation", [nn.Sigmoid, nn.Tanh, nn.ReLU, lambda: nn.ReLU(inplace=True)]
)
def test_every_factor_of_a_linear_chain_agrees_with_its_definition(activation, tmp_path):
    torch.manual_seed(0)
    model = chain(4, 12, activation, classes=3)
    inputs = torch.randn(7, 12)
    if isinstance(model[1], nn.ReLU) and model[1].inplace:  # the trace cannot keep these apart
        twin = chain(4, 12, nn.ReLU, classes=3)
        twin.load_state_dict(model.state_dict())
        labels = torch.arange(7) % 3
        fast = recorded(model, inputs, labels, tmp_path / "a.clino")
        slow = recorded(twin, inputs, labels, tmp_path / "b.clino")
        for a, b in zip(fast, slow, strict=True):
            assert a.total.tolist() == b.total.tolist()
            assert a.factors["activation"].tolist() == b.factors["activation"].tolist()
        return
    assert_lines_agree(model, inputs, tmp_path / "a.clino")


@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_every_factor_of_a_convolution_chain_agrees_with_its_definition(kind, tmp_path):
    torch.manual_seed(1)
    model = nn.Sequential(
        nn.Conv2d(2, 4, **CONVOLUTIONS[kind]), nn.Tanh(), nn.Conv2d(4, 6, **CONVOLUTIONS[kind]),
        nn.ReLU(), nn.Flatten(), nn.LazyLinear(3),
    )  # fmt: skip
    inputs = torch.randn(3, 2, 5, 5)  # no tensor above 512 elements: all are read
    model(inputs)
    assert_lines_agree(model, inputs, tmp_path / "a.clino")


def test_functional_activations_are_told_from_the_graph(tmp_path):
    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second, self.head = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 3)

        def forward(self, x):
            x = torch.sigmoid(self.first(x)).flatten(1)
            return self.head(functional.relu(self.second(x)))

    torch.manual_seed(2)
    model = Functional()
    twin = nn.Sequential(model.first, nn.Sigmoid(), model.second, nn.ReLU(), model.head)
    inputs, labels = torch.randn(9, 8), torch.arange(9) % 3
    weights = [p.detach().clone() for p in model.parameters()]
    by_module = recorded(twin, inputs, labels, tmp_path / "a.clino")
    with torch.no_grad():
        for p, kept in zip(model.parameters(), weights, strict=True):
            p.copy_(kept)
    model.zero_grad()
    by_function = recorded(model, inputs, labels, tmp_path / "b.clino")
    for a, b in zip(by_module, by_function, strict=True):
        assert b.factors["activation"][0] == pytest.approx(a.factors["activation"][0], abs=1e-6)
        assert b.total[0] == pytest.approx(a.total[0], abs=1e-6)
    assert "first:sigmoid" in by_function[0].steps


def test_accumulated_micro_batches_read_as_one_batch(tmp_path):
    torch.manual_seed(3)
    whole = chain(3, 8, nn.Tanh, classes=3)
    parts = chain(3, 8, nn.Tanh, classes=3)
    parts.load_state_dict(whole.state_dict())
    inputs, labels = torch.randn(12, 8), torch.arange(12) % 3
    one = recorded(whole, inputs, labels, tmp_path / "a.clino")
    stepper = torch.optim.SGD(parts.parameters(), lr=0.1)
    with clinometer.watch(parts, to=tmp_path / "b.clino", every=1):
        for i in range(0, 12, 4):
            (functional.cross_entropy(parts(inputs[i : i + 4]), labels[i : i + 4]) / 3).backward()
        stepper.step()
    for a, b in zip(one, weight_lines(clinometer.read(tmp_path / "b.clino")), strict=True):
        for name in a.factors:
            assert b.factors[name][0] == pytest.approx(a.factors[name][0], abs=1e-5), name


@pytest.mark.parametrize(
    ("optimizer", "options"),
    [
        (torch.optim.SGD, {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 1e-2}),
        (torch.optim.Adam, {"lr": 1e-3, "amsgrad": True}),
        (torch.optim.AdamW, {"lr": 1e-2, "weight_decay": 0.1}),
    ],
)
def test_the_intended_step_is_the_optimizers_own_in_float64(optimizer, options, tmp_path):
    torch.manual_seed(4)
    model = chain(2, 6, nn.Tanh, classes=3).double()  # in float64 nothing to speak of is rounded
    inputs, labels = torch.randn(9, 6).double(), torch.arange(9) % 3
    stepper = optimizer(model.parameters(), **options)
    with clinometer.watch(model, to=tmp_path / "a.clino", every=1):
        for _ in range(5):
            stepper.zero_grad()
            functional.cross_entropy(model(inputs), labels).backward()
            stepper.step()
    for line in ledger(clinometer.read(tmp_path / "a.clino"))[0]:
        assert np.abs(line.factors["rounding"]).max() < 1e-6
        assert np.abs(line.residual).max() < 1e-5


def test_clipping_is_a_line_of_its_own(tmp_path):
    torch.manual_seed(5)
    model = chain(2, 8, nn.Tanh, classes=3)
    stepper = torch.optim.SGD(model.parameters(), lr=0.1)
    with clinometer.watch(model, to=tmp_path / "a.clino", every=1):
        functional.cross_entropy(model(torch.randn(9, 8)), torch.arange(9) % 3).backward()
        total = torch.nn.utils.clip_grad_norm_(model.parameters(), 1e-3)
        stepper.step()
    expected = np.log10(1e-3 / (float(total) + 1e-6))
    for line in ledger(clinometer.read(tmp_path / "a.clino"))[0]:
        assert line.factors["clip"][0] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("activation", "init", "fill", "most"),
    [
        ("relu", "torch default", None, -0.389 + 0.02),  # x0.408 a layer
        ("relu", "He", nn.init.kaiming_normal_, 0.02),  # x1
        ("sigmoid", "Glorot", nn.init.xavier_normal_, np.log10(0.25)),
        ("sigmoid", "torch default", None, np.log10(0.25 / 3**0.5)),
        ("tanh", "torch default", None, np.log10(1 / 3**0.5)),
    ],
)
def test_gains_at_initialisation_are_those_of_theory(activation, init, fill, most, tmp_path):
    """Weight and activation gain a layer, in 20 layers, within theory's spread over initialisations."""
    torch.manual_seed(6)
    module = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}[activation]
    model = chain(20, 256, module)
    if fill is not None:
        initialise(model, fill)
    line = recorded(model, torch.randn(256, 256), torch.arange(256) % 10, tmp_path / "a.clino")[0]
    theory = expected_chain(activation, [256] * 21, init)
    layers = [gain[0] for name, gain in line.steps.items() if name not in {"1", "40"}]
    assert len(layers) == 2 * 19  # without the layer that is judged, and the head
    expected = theory.weight[1:].mean() + theory.activation[1:].mean()
    spread = float(np.sqrt((theory.spread[1:] ** 2).sum())) / 19
    found = 2 * np.mean(layers)
    assert abs(found - expected) <= 3 * spread
    assert found <= most
