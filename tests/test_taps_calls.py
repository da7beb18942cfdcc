"""Rows of calls against autograd: sizes, root mean squares, percentiles and the reach, layer by layer."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from truth import apart, places, record, rms, row, steps, traced


def squares(*inputs: torch.Tensor):
    """A loss whose gradient differs from element to element."""
    return lambda model: model(*inputs).square().mean()


def token_model() -> nn.Module:
    return nn.Sequential(
        nn.Embedding(11, 6), nn.LayerNorm(6), nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 3)
    )


def picture_model(inplace: bool = True) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(4, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU(inplace=inplace),
        nn.Conv2d(6, 8, 3, stride=2, groups=2), nn.GroupNorm(2, 8), nn.SiLU(), nn.Flatten(),
        nn.Linear(72, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 3),
    )  # fmt: skip


def wave_model() -> nn.Module:
    return nn.Sequential(
        nn.Conv1d(2, 4, 3, dilation=2), nn.ReLU(inplace=True), nn.Conv1d(4, 6, 2, groups=2),
        nn.AdaptiveAvgPool1d(3), nn.Conv1d(6, 2, 1),
    )  # fmt: skip


MODELS = {
    "flat": (
        lambda: nn.Sequential(
            nn.Linear(5, 7), nn.ReLU(inplace=True), nn.Linear(7, 7), nn.Sigmoid(), nn.Linear(7, 3)
        ),
        lambda: torch.randn(9, 5),
    ),
    "sequences": (
        lambda: nn.Sequential(nn.Linear(5, 7), nn.LayerNorm(7), nn.GELU(), nn.Linear(7, 3)),
        lambda: torch.randn(4, 6, 5),
    ),
    "sequences in place": (
        lambda: nn.Sequential(
            nn.Linear(5, 7),
            nn.ReLU(inplace=True),
            nn.Linear(7, 7),
            nn.LeakyReLU(inplace=True),
            nn.Linear(7, 3),
        ),
        lambda: torch.randn(4, 6, 5),
    ),
    "tokens": (token_model, lambda: torch.randint(11, (4, 6))),
    "pictures": (picture_model, lambda: torch.randn(5, 4, 7, 7)),
    "waves": (wave_model, lambda: torch.randn(5, 2, 12)),
}


@pytest.mark.parametrize("kind", MODELS)
def test_every_column_of_every_layer_is_what_autograd_says(kind, tmp_path):
    torch.manual_seed(0)
    make, draw = MODELS[kind]
    model, inputs = make(), draw()
    truth = traced(model, squares(inputs))
    recording = record(tmp_path, model, steps(model, [squares(inputs)] * 3))
    assert set(places(recording)) == set(truth)
    for name, call in truth.items():
        for at in range(3):  # in float64 first, in float32 where that is safe afterwards
            assert not apart(call.row(), row(recording, "call", name, at)), (name, at)
            if isinstance(call.module, nn.Linear | nn.Conv1d | nn.Conv2d):
                found = row(recording, "call", name, at)["reach"]
                assert found == pytest.approx(call.reach(), rel=1e-5, abs=0), (name, at)


@pytest.mark.parametrize("kind", MODELS)
def test_a_layers_parents_are_the_layers_below_it(kind, tmp_path):
    torch.manual_seed(0)
    make, draw = MODELS[kind]
    model, inputs = make(), draw()
    facts = places(record(tmp_path, model, steps(model, [squares(inputs)])))
    assert [facts[name]["parents"] for name in facts] == [[], *([name] for name in facts)][:-1]


@pytest.mark.parametrize("shrink", [1e-8, 1e-20, 1e-30])
def test_a_small_gradient_is_never_recorded_as_zero(shrink, tmp_path):
    torch.manual_seed(1)
    model, inputs = MODELS["flat"][0](), torch.randn(9, 5)
    small = lambda model: squares(inputs)(model) * shrink  # noqa: E731 - a loss is a function
    truth = traced(model, small)
    losses = [squares(inputs), squares(inputs), small, small, small]
    recording = record(tmp_path, model, steps(model, losses))
    gradients = ("grad_out_rms", "grad_in_rms", "grad_p10", "grad_p50", "grad_p90")
    for name, call in truth.items():
        expected = {key: value for key, value in call.row().items() if key in gradients}
        surprised = row(recording, "call", name, 2)
        for key, value in expected.items():  # right, or said to be unknown
            assert math.isnan(surprised[key]) or surprised[key] == pytest.approx(
                value, rel=1e-4, abs=0
            )
        if isinstance(call.module, nn.Linear):
            expected["reach"] = call.reach()
            assert surprised["reach"] != 0
        for at in (3, 4):
            assert not apart(expected, row(recording, "call", name, at), 1e-4), (name, at)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_reduced_without_rounding(dtype, tmp_path):
    torch.manual_seed(2)
    model, inputs = MODELS["sequences"][0]().to(dtype), torch.randn(4, 6, 5).to(dtype)
    scaled = lambda model: (model(inputs) * 1e-2).float().square().sum()  # noqa: E731
    truth = traced(model, scaled)
    recording = record(tmp_path, model, steps(model, [scaled] * 2))
    for name, call in truth.items():
        for at in range(2):
            assert not apart(call.row(), row(recording, "call", name, at)), (name, at)


def test_of_a_large_batch_every_nth_example_is_read(tmp_path):
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 2))
    inputs = torch.randn(4096, 32)
    truth = traced(model, squares(inputs))
    recording = record(tmp_path, model, steps(model, [squares(inputs)] * 2))
    stride = 4096 * 64 // 65_536
    for name, call in truth.items():
        chosen = slice(None, None, stride)
        for at in range(2):
            found = row(recording, "call", name, at)
            skip = {"grad_in_rms"} if at == 0 else set()  # strides settle after the first look
            near = {key: value for key, value in call.row(chosen).items() if key not in skip}
            if at == 1 or name != "0":
                assert not apart(near, found, 1e-4), (name, at)
            whole = call.row() | {"sampled": found["sampled"]}
            assert not apart(whole, found, 0.08), (name, at)
            if isinstance(call.module, nn.Linear):
                assert found["reach"] == pytest.approx(call.reach(), rel=0.05, abs=0)


def test_a_large_batch_of_few_examples_is_read_at_least_four_times(tmp_path):
    torch.manual_seed(4)
    model = nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 2))
    inputs = torch.randn(6, 4000, 64)
    recording = record(tmp_path, model, steps(model, [squares(inputs)]))
    assert row(recording, "call", "0")["sampled"] == inputs.numel()


def test_two_passes_of_a_step_are_one_larger_batch(tmp_path):
    torch.manual_seed(5)
    model = MODELS["flat"][0]()
    parts = torch.randn(9, 5).split([4, 5])

    def train():
        stepper = torch.optim.SGD(model.parameters(), lr=0.0)
        for part in parts:
            model(part).square().sum().backward()
        stepper.step()

    truth = traced(model, lambda model: model(torch.cat(parts)).square().sum())
    recording = record(tmp_path, model, train)
    for name, call in truth.items():
        found = row(recording, "call", name)
        assert not apart(call.row(), found), name
        assert found["seen"] == 2


def test_a_graph_that_two_losses_go_back_through_is_seen_twice(tmp_path):
    torch.manual_seed(9)

    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.one, self.two = nn.Linear(5, 6), nn.Linear(6, 3), nn.Linear(6, 2)

    model, inputs = Shared(), torch.randn(7, 5)

    def passes(between):
        body = model.body(inputs)
        body.retain_grad()
        model.one(body).square().mean().backward(retain_graph=True)
        between(body)
        model.two(body).square().mean().backward()
        between(body)

    gradients = []

    def keep(body):
        gradients.append(body.grad)
        body.grad = None

    def train():
        stepper = torch.optim.SGD(model.parameters(), lr=0.0)
        passes(lambda body: None)
        stepper.step()

    recording = record(tmp_path, model, train)
    passes(keep)
    found = row(recording, "call", "body")
    assert found["seen"] == 2
    assert found["sampled"] == found["elements"]
    both = rms(torch.stack(gradients))
    assert found["grad_out_rms"] == pytest.approx(both, rel=1e-5, abs=0)
    for name, gradient in zip(("one", "two"), gradients, strict=True):
        back = row(recording, "call", name)["grad_in_rms"]
        assert back == pytest.approx(rms(gradient), rel=1e-5, abs=0)


def test_a_layer_called_twice_is_two_places(tmp_path):
    torch.manual_seed(6)

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.head = nn.Linear(6, 6), nn.Linear(6, 2)

        def forward(self, x):
            return self.head(torch.tanh(self.inner(torch.tanh(self.inner(x)))))

    model, inputs = Twice(), torch.randn(7, 6)
    recording = record(tmp_path, model, steps(model, [squares(inputs)]))
    first = model.inner(inputs)
    second = model.inner(torch.tanh(first))
    first.retain_grad(), second.retain_grad()
    model.head(torch.tanh(second)).square().mean().backward()
    assert row(recording, "call", "inner")["grad_out_rms"] == pytest.approx(
        rms(first.grad), 1e-5, 0
    )
    found = row(recording, "call", "inner#2")
    assert found["grad_out_rms"] == pytest.approx(rms(second.grad), rel=1e-5, abs=0)


def test_an_expert_without_examples_costs_nobody_anything(tmp_path):
    torch.manual_seed(8)

    class Experts(nn.Module):
        def __init__(self):
            super().__init__()
            self.enter, self.head = nn.Linear(5, 6), nn.Linear(6, 2)
            self.experts = nn.ModuleList(nn.Sequential(nn.Linear(6, 6), nn.ReLU()) for _ in "abc")

        def forward(self, x, chosen):
            x = torch.tanh(self.enter(x))
            parts = [expert(x[chosen == k]) for k, expert in enumerate(self.experts)]
            return self.head(torch.cat(parts))

    model, inputs = Experts(), torch.randn(9, 5)
    for empty in range(3):
        chosen = (empty + 1 + torch.arange(9) % 2) % 3
        recording = record(tmp_path, model, steps(model, [squares(inputs, chosen)] * 2))
        truth = traced(model, squares(inputs, chosen))
        for at in range(2):
            found = row(recording, "call", f"experts.{empty}.0", at)
            assert (found["examples"], found["sampled"]) == (0, 0)
            assert math.isnan(found["grad_out_rms"])
            for name in ("enter", "head", *(f"experts.{k}.0" for k in range(3) if k != empty)):
                skip = {"grad_in_rms"}  # at the fork below the experts it is not known
                expected = {k: v for k, v in truth[name].row().items() if k not in skip}
                assert not apart(expected, row(recording, "call", name, at)), (name, at)


def test_an_unbatched_picture_has_a_reach_too_or_none(tmp_path):
    torch.manual_seed(7)
    model = nn.Sequential(nn.Conv1d(2, 4, 3, padding=1), nn.Tanh(), nn.Conv1d(4, 1, 1))
    inputs = torch.randn(2, 4)  # four channels out, four places
    truth = traced(model, squares(inputs))["0"]
    truth.given, batch = truth.given[None], truth.made.grad[None]
    truth.made = truth.made.detach()[None]
    truth.made.grad = batch
    found = row(record(tmp_path, model, steps(model, [squares(inputs)])), "call", "0")["reach"]
    assert math.isnan(found) or found == pytest.approx(truth.reach(), rel=1e-5, abs=0)


def test_nan_and_infinity_are_counted(tmp_path):
    model = nn.Sequential(nn.Linear(3, 3, bias=False), nn.ReLU(), nn.Linear(3, 3))
    with torch.no_grad():
        model[0].weight.copy_(torch.eye(3))
    inputs = torch.tensor([[math.nan, 1.0, 1.0], [math.inf, 1.0, 1.0], [1.0, 1.0, 1.0]])
    found = row(record(tmp_path, model, steps(model, [squares(inputs)])), "call", "0")
    assert found["nonfinite_in"] == 2
    assert found["nonfinite_out"] > 0
    assert found["nonfinite_grad"] > 0
