"""The 28 sources of false alarms that other tools fall for, by number: a healthy run with that very
property says nothing graver than a note, and its sick twin is found all the same."""

from __future__ import annotations

import ast
import math
import re
import tomllib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks.zoo.cases import read_part
from torch import nn
from torch.nn import functional

import clinometer
import made
from clinometer.diagnosis.diagnose import all_rules
from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.diagnosis.rule import Finding
from clinometer.diagnosis.state import state
from clinometer.records.columns import names
from clinometer.records.recording import Recording
from clinometer.store.ranks import merge
from networks import batches, blobs, chain, codes, initialise, judged
from rule_limits import FACTS, LIMITS, Quantity, course

TASK = blobs(400, 16, 10)
LEARNS = {"learning", "learned"}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def he(model: nn.Module) -> nn.Module:
    return initialise(model, lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"))


def trained(
    folder: Path, model: nn.Module, step: Callable[[int], object], steps: int = 200, every: int = 10
) -> Diagnosis:
    """Run a training loop of one's own while watched, and diagnose."""
    path = folder / f"run{len(list(folder.glob('*.clino')))}.clino"
    with clinometer.watch(model, to=path, every=every):
        for i in range(steps):
            step(i)
    return clinometer.diagnose(clinometer.read(path))


def stepping(
    model: nn.Module,
    stepper: torch.optim.Optimizer,
    data: tuple[torch.Tensor, torch.Tensor] = TASK,
    loss: Callable[..., torch.Tensor] = functional.cross_entropy,
    size: int = 64,
) -> Callable[[int], None]:
    """One ordinary step on the next batch."""
    stream = batches(data, size)

    def step(i: int) -> None:
        inputs, labels = next(stream)
        stepper.zero_grad()
        loss(model(inputs), labels).backward()
        stepper.step()

    return step


def alarms(found: Diagnosis) -> list[str]:
    """What a user would have to look into."""
    return codes(found, "error", "warning")


def told(found: Diagnosis, code: str) -> Finding:
    """The finding of one rule."""
    return next(finding for finding in found.findings if finding.code == code)


def measured(found: Diagnosis, kind: str, column: str, site: str) -> np.ndarray:
    """One column of one site, by observation."""
    at = [s.name for s in found.recording.of_kind(kind)].index(site)
    return found.recording.column(kind, column)[:, at]


class Rows(nn.Module):
    """Small grey pictures out of rows of 64 numbers, for a convolution."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(len(x), 1, 8, 8)


def convolutions(activation: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    """Rows -> two convolutions, pooled -> 4 classes."""
    return nn.Sequential(
        Rows(), nn.Conv2d(1, 8, 3, padding=1), activation(), nn.Conv2d(8, 8, 3, padding=1),
        activation(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 4),
    )  # fmt: skip


PICTURES = blobs(256, 64, 4)


# -- 1: legitimate sparsity of a ReLU ------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["dense", "convolutions"])
def test_01_half_of_a_relus_outputs_are_zero(kind, seed, tmp_path):
    torch.manual_seed(seed)
    if kind == "dense":
        found = judged(tmp_path, he(chain(3, 32, nn.ReLU, inputs=16)), TASK, every=10)
    else:
        found = judged(tmp_path, he(convolutions()), PICTURES, every=10, lr=0.05)
    flat = found.recording.column("activation", "saturated")
    assert 0.3 < flat[0].min() <= flat[0].max() < 0.7  # zeros, at the start
    assert found.verdict in LEARNS
    assert alarms(found) == []
    assert "FLOW102" not in codes(found)


def test_01_nine_tenths_of_zeros_of_ever_different_units_are_no_alarm(tmp_path):
    model = he(chain(1, 256, nn.ReLU, inputs=16))
    with torch.no_grad():
        model[0].bias.fill_(-2.5)
    found = judged(tmp_path, model, TASK, every=10)
    assert measured(found, "activation", "saturated", "1")[0] > 0.9
    assert found.verdict in LEARNS
    assert alarms(found) == []


@pytest.mark.parametrize("seed", range(3))
def test_01_zeros_of_always_the_same_units_are_found(seed, tmp_path):
    torch.manual_seed(seed)
    model = he(convolutions())
    with torch.no_grad():
        model[3].bias.fill_(-100.0)
    found = judged(tmp_path, model, PICTURES, every=10)
    finding = found.findings[0]
    assert (finding.code, finding.layer, finding.severity) == ("FLOW102", "4", "error")


# -- 2: saturated because right ------------------------------------------------------------------


POINTS = torch.tensor([[1.0, 1.0], [-1.0, -1.0]]).repeat(32, 1)
RIGHT = torch.tensor([[1.0], [0.0]]).repeat(32, 1)


def steep(*above: nn.Module) -> nn.Sequential:
    """The chapter's model B: so steep that its output is flat on both points."""
    model = nn.Sequential(nn.Linear(2, 1), *above)
    with torch.no_grad():
        model[0].weight.fill_(10.0)
        model[0].bias.zero_()
    return model


@pytest.mark.parametrize("loss", [functional.binary_cross_entropy, functional.mse_loss])
def test_02_a_sigmoid_is_saturated_because_it_is_right(loss, tmp_path):
    found = judged(tmp_path, steep(nn.Sigmoid()), (POINTS, RIGHT), loss=loss, every=10)
    assert measured(found, "activation", "saturated", "1").min() == 1.0
    assert found.verdict == "learned"
    assert alarms(found) == []


def test_02_a_softmax_is_saturated_because_it_is_right(tmp_path):
    model = he(chain(1, 32, nn.ReLU, inputs=16))
    found = judged(tmp_path, model, blobs(400, 16, 10, spread=0.05), steps=400, every=10, lr=0.5)
    loss_end = found.lines[0].factors["loss_end"]
    assert loss_end[-1] < loss_end[0] - 1.5  # decades of gradient are gone, for a good reason
    assert found.verdict == "learned"
    assert alarms(found) == []


def test_02_a_sigmoid_is_saturated_although_it_is_wrong(tmp_path):
    found = judged(
        tmp_path, steep(nn.Sigmoid()), (POINTS, 1 - RIGHT), loss=functional.mse_loss, every=10
    )
    finding = found.findings[0]
    assert (finding.code, finding.layer, finding.severity) == ("FLOW104", "1", "error")
    assert found.verdict == "stuck"


class LastState(nn.Module):
    """A recurrent layer, and a linear map of its last state."""

    def __init__(self, cell: nn.Module, classes: int) -> None:
        super().__init__()
        self.cell, self.head = cell, nn.Linear(cell.hidden_size, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.cell(x)[0][:, -1])


def test_02_gates_that_are_wide_open_are_no_alarm(tmp_path):
    draw = torch.Generator().manual_seed(1)
    sequences = torch.randn(128, 8, 4, generator=draw)
    model = LastState(nn.LSTM(4, 16, batch_first=True), 2)
    with torch.no_grad():
        model.cell.bias_ih_l0[16:32].fill_(8.0)  # the forget gate: sigmoid(8) = 0.9997, slope 3e-4
    task = (sequences, (sequences.sum(1)[:, 0] > 0).long())
    found = judged(tmp_path, model, task, optimizer=torch.optim.Adam, lr=0.01, every=10, steps=120)
    assert found.verdict in LEARNS
    assert alarms(found) == []


class Retrieval(nn.Module):
    """Looks up the value of the key that matches a query: its solution is hard attention."""

    def __init__(self, keys: int, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width, bias=False)
        self.key, self.value = nn.Linear(width, width, bias=False), nn.Linear(keys, keys)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        items, query = x[:, :-1], x[:, -1:]
        attention = (self.query(query) @ self.key(items).transpose(1, 2)).softmax(-1)
        return self.value(attention[:, 0])


def test_02_attention_that_becomes_sharp_while_it_learns_is_no_alarm(tmp_path):
    draw = torch.Generator().manual_seed(1)
    items = torch.randn(256, 8, 16, generator=draw)
    place = torch.arange(256) % 8
    queries = items[torch.arange(256), place][:, None]
    model = Retrieval(8, 16)
    found = judged(
        tmp_path, model, (torch.cat([items, queries], 1), place),
        optimizer=torch.optim.Adam, lr=0.02, every=10, steps=200,
    )  # fmt: skip
    entropy = found.recording.column("attention", "entropy")[:, 0]
    assert math.exp(entropy[-1]) < 2 < math.exp(entropy[0])
    assert found.verdict in LEARNS
    assert alarms(found) == []


# -- 3: large outputs of layers that have no bound ---------------------------------------------------


@pytest.mark.parametrize("activation", [nn.GELU, nn.LeakyReLU, nn.Softplus])
def test_03_outputs_beyond_one_of_layers_without_a_bound_are_not_saturated(activation, tmp_path):
    model = chain(2, 32, activation, inputs=16)
    with torch.no_grad():
        model[0].weight.mul_(8.0)
    found = judged(tmp_path, model, TASK, optimizer=torch.optim.Adam, lr=3e-3, every=10)
    outputs = measured(found, "call", "out_rms", "0")
    assert outputs.min() > 3.0
    assert found.verdict in LEARNS
    assert alarms(found) == []
    assert "FLOW101" not in codes(found)


@pytest.mark.parametrize("seed", range(3))
def test_03_the_same_size_before_a_tanh_is_saturated(seed, tmp_path):
    torch.manual_seed(seed)
    model = chain(2, 32, nn.Tanh, inputs=16)
    with torch.no_grad():
        for layer in model[:-1:2]:
            layer.bias.fill_(8.0)  # tanh(8) = 1 - 2e-7: every unit says 1 whatever the input
    found = judged(tmp_path, model, TASK, every=10)
    finding = found.findings[0]
    assert (finding.code, finding.cause, finding.severity) == (
        "FLOW101", "activation gain", "error",
    )  # fmt: skip
    assert set(finding.layers) == {"1", "3"}


# -- 4: absolute sizes of gradients ------------------------------------------------------------------


@pytest.mark.parametrize("power", [-40, -20, 20, 40])
@pytest.mark.parametrize("kind", ["dense", "convolutions"])
def test_04_the_size_of_a_gradient_says_nothing_where_the_rate_makes_up_for_it(
    kind, power, tmp_path
):
    model, task = (
        (he(chain(2, 32, nn.ReLU, inputs=16)), TASK)
        if kind == "dense"
        else (he(convolutions()), PICTURES)
    )
    found = judged(
        tmp_path, model, task, every=10, lr=0.05 * 2.0**-power,
        loss=lambda out, labels: functional.cross_entropy(out, labels) * 2.0**power,
    )  # fmt: skip
    gradients = measured(
        found, "parameter", "grad_rms", "0.weight" if kind == "dense" else "1.weight"
    )
    assert np.all((gradients < 1e-6) if power < 0 else (gradients > 1e3))
    assert found.verdict in LEARNS
    assert alarms(found) == []


def test_04_a_sum_over_the_batch_under_adam_is_no_alarm(tmp_path):
    found = judged(
        tmp_path, he(chain(2, 32, nn.ReLU, inputs=16)), TASK, optimizer=torch.optim.Adam, lr=0.01,
        loss=lambda out, labels: functional.cross_entropy(out, labels, reduction="sum"), every=10,
    )  # fmt: skip
    assert found.verdict in LEARNS
    assert alarms(found) == []


def test_04_the_same_small_gradient_without_the_rate_for_it_is_too_small_a_step(tmp_path):
    found = judged(
        tmp_path, he(chain(2, 32, nn.ReLU, inputs=16)), TASK, every=10, lr=0.05,
        loss=lambda out, labels: functional.cross_entropy(out, labels) * 2.0**-30,
    )  # fmt: skip
    finding = found.findings[0]
    assert (finding.code, finding.cause, finding.severity) == ("FLOW302", "optimizer gain", "error")
    assert found.verdict == "stuck"


# -- 5: the ratio of the first layer's gradient to the last one's ------------------------------------


class Bag(nn.Module):
    """Mean of word vectors, and a linear map."""

    def __init__(self, words: int, width: int, classes: int) -> None:
        super().__init__()
        self.words, self.head = nn.Embedding(words, width), nn.Linear(width, classes)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.words(ids).mean(1))


def sentences(words: int = 2000, classes: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    """Sentences of 6 words, each class with words of its own: a task for a bag of words."""
    draw = torch.Generator().manual_seed(1)
    labels = torch.arange(256) % classes
    part = words // classes
    return labels[:, None] * part + torch.randint(0, part, (256, 6), generator=draw), labels


def test_05_gradients_of_an_embedding_and_of_the_head_are_not_comparable(tmp_path):
    found = judged(
        tmp_path, Bag(2000, 16, 4), sentences(), optimizer=torch.optim.Adam, lr=0.02, every=10
    )
    first, last = (
        measured(found, "parameter", "grad_rms", name) for name in ("words.weight", "head.weight")
    )
    assert np.median(last / first) > 70  # where others say that it vanishes
    assert found.verdict in LEARNS
    assert alarms(found) == []


class Block(nn.Module):
    """A residual block that normalises first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.up, self.down = (
            nn.LayerNorm(width),
            nn.Linear(width, 32),
            nn.Linear(32, width),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.down(functional.gelu(self.up(self.norm(x))))


def test_05_larger_gradients_below_in_a_network_that_normalises_first_are_no_alarm(tmp_path):
    model = nn.Sequential(
        nn.Linear(16, 16), *(Block(16) for _ in range(6)), nn.LayerNorm(16), nn.Linear(16, 10)
    )
    with torch.no_grad():
        model[0].weight.mul_(0.02)  # a small stream: the first normalisations multiply
        model[0].bias.zero_()
    found = judged(tmp_path, model, TASK, optimizer=torch.optim.Adam, lr=2e-3, every=10)
    below, above = (measured(found, "parameter", "grad_rms", f"{i}.weight")[0] for i in (0, 8))
    assert below > 3 * above
    assert found.verdict in LEARNS
    assert alarms(found) == []


@pytest.mark.parametrize("seed", range(3))
def test_05_a_head_that_starts_at_zero_is_no_alarm(seed, tmp_path):
    torch.manual_seed(seed)
    model = he(chain(2, 32, nn.ReLU, inputs=16))
    nn.init.zeros_(model[-1].weight)
    found = judged(tmp_path, model, TASK, every=10)
    assert measured(found, "parameter", "grad_rms", "0.weight")[0] == 0
    assert found.verdict in LEARNS
    assert alarms(found) == []


@pytest.mark.parametrize("seed", range(3))
def test_05_a_signal_that_grows_with_every_layer_is_found(seed, tmp_path):
    torch.manual_seed(seed)
    model = initialise(chain(8, 32, nn.ReLU, inputs=16), lambda w: nn.init.normal_(w, std=0.8))
    found = judged(tmp_path, model, TASK, every=1, steps=60)
    assert {"FLOW202", "FLOW206"} & set(alarms(found))
    assert found.findings[0].cause == "weight gain"


# -- 6: gradients shrink because the loss is low -----------------------------------------------------


@pytest.mark.parametrize("kind", ["dense", "convolutions"])
def test_06_gradients_shrink_because_the_loss_is_low(kind, tmp_path):
    if kind == "dense":
        model, task = he(chain(2, 32, nn.ReLU, inputs=16)), blobs(400, 16, 10, spread=0.05)
    else:
        model, task = he(convolutions(nn.ReLU)), blobs(256, 64, 4, spread=0.05)
    found = judged(tmp_path, model, task, optimizer=torch.optim.Adam, lr=0.01, steps=300)
    gradients = measured(
        found, "parameter", "grad_rms", "0.weight" if kind == "dense" else "1.weight"
    )
    assert gradients[-1] < gradients[0] / 100
    assert found.verdict == "learned"
    assert alarms(found) == []


def test_06_gradients_that_are_small_while_the_loss_is_high_are_found(tmp_path):
    found = judged(tmp_path, chain(10, 16, nn.Sigmoid), TASK)
    finding = found.findings[0]
    assert (finding.code, finding.cause, finding.severity) == (
        "FLOW201", "activation gain", "error",
    )  # fmt: skip


# -- 7: frozen on purpose ----------------------------------------------------------------------------


def pretrained(model: nn.Module, data=TASK, steps: int = 150) -> nn.Module:
    """Train it first, unwatched."""
    step = stepping(model, torch.optim.Adam(model.parameters(), lr=0.01), data)
    for i in range(steps):
        step(i)
    return model


OTHER = (TASK[0], (TASK[1] * 3) % 10)  # the same inputs under other names


@pytest.mark.parametrize("given", ["the head", "all"])
def test_07_a_pretrained_body_is_frozen_on_purpose(given, tmp_path):
    model = pretrained(he(chain(2, 32, nn.ReLU, inputs=16)))
    model[:-1].requires_grad_(False)
    model[-1].reset_parameters()
    of = model if given == "all" else model[-1]
    stepper = torch.optim.Adam(of.parameters(), lr=0.02)
    found = trained(tmp_path, model, stepping(model, stepper, OTHER))
    assert found.verdict in LEARNS
    assert alarms(found) == []
    if given == "the head":
        assert {"FLOW401", "FLOW402", "FLOW408"}.isdisjoint(codes(found))


def test_07_a_layer_that_is_thawed_later_is_no_alarm(tmp_path):
    model = he(chain(2, 32, nn.ReLU, inputs=16))
    model[0].requires_grad_(False)
    step = stepping(model, torch.optim.Adam(model.parameters(), lr=0.01))

    def thawing(i: int) -> None:
        if i == 60:
            model[0].requires_grad_(True)
        step(i)

    found = trained(tmp_path, model, thawing)
    assert found.verdict in LEARNS
    assert alarms(found) == []


@pytest.mark.parametrize("seed", range(3))
def test_07_layers_frozen_by_accident_are_found(seed, tmp_path):
    torch.manual_seed(seed)
    model = chain(2, 32, nn.Tanh, inputs=16)
    model[:-1].requires_grad_(False)
    stepper = torch.optim.Adam(model.parameters(), lr=1e-3)
    found = trained(tmp_path, model, stepping(model, stepper))
    assert set(told(found, "FLOW408").layers) == {"0", "2"}
    assert "FLOW408" in alarms(found)


def test_07_a_layer_left_out_by_accident_is_found(tmp_path):
    model = convolutions()
    kept = [p for name, p in model.named_parameters() if not name.startswith("3.")]
    found = trained(tmp_path, model, stepping(model, torch.optim.Adam(kept, lr=0.01), PICTURES))
    finding = found.findings[0]
    assert (finding.code, finding.layer, finding.cause) == ("FLOW401", "3", "not in an optimizer")
    assert finding.severity in {"error", "warning"}


# -- 8: one factor starts at zero --------------------------------------------------------------------


class LoRA(nn.Module):
    """A frozen linear map, and a low-rank one beside it whose second factor starts at 0."""

    def __init__(self, base: nn.Linear, rank: int = 4) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.a = nn.Linear(base.in_features, rank, bias=False)
        self.b = nn.Linear(rank, base.out_features, bias=False)
        nn.init.zeros_(self.b.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.base(x) + self.b(self.a(x))


@pytest.mark.parametrize("seed", range(3))
def test_08_the_second_factor_of_an_adapter_starts_at_zero(seed, tmp_path):
    torch.manual_seed(seed)
    body = pretrained(he(chain(2, 32, nn.ReLU, inputs=16)))
    model = nn.Sequential(LoRA(body[0]), body[1], LoRA(body[2]), body[3], LoRA(body[4]))
    kept = [p for p in model.parameters() if p.requires_grad]
    found = trained(
        tmp_path, model, stepping(model, torch.optim.Adam(kept, lr=0.01), OTHER), every=10
    )
    assert measured(found, "parameter", "grad_rms", "0.a.weight")[0] == 0
    assert found.verdict in LEARNS
    assert alarms(found) == []


def test_08_residual_branches_that_start_at_zero_are_no_alarm(tmp_path):
    model = nn.Sequential(nn.Linear(16, 32), *(Block(32) for _ in range(4)), nn.Linear(32, 10))
    for block in model[1:-1]:
        nn.init.zeros_(block.down.weight)
        nn.init.zeros_(block.down.bias)
    found = judged(tmp_path, model, TASK, optimizer=torch.optim.Adam, lr=3e-3, every=10, steps=120)
    assert measured(found, "parameter", "grad_rms", "1.up.weight")[0] == 0
    assert found.verdict in LEARNS
    assert alarms(found) == []


class Modulated(nn.Module):
    """adaLN-zero: scale, shift and gate of a block come from a condition, and start at 0."""

    def __init__(self, width: int, conditions: int) -> None:
        super().__init__()
        self.body, self.condition = nn.Linear(width, width), nn.Linear(conditions, 3 * width)
        nn.init.zeros_(self.condition.weight)
        nn.init.zeros_(self.condition.bias)

    def forward(self, x: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        scale, shift, gate = self.condition(c).chunk(3, -1)
        return x + gate * functional.gelu(self.body(x * (1 + scale) + shift))


class Conditioned(nn.Module):
    """Two such blocks between two linear maps; the condition is the second half of the input."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(8, 24), nn.Linear(24, 10)
        self.blocks = nn.ModuleList([Modulated(24, 8), Modulated(24, 8)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.first(x[:, :8])
        for block in self.blocks:
            h = block(h, x[:, 8:])
        return self.last(h)


def test_08_gates_that_start_at_zero_are_no_alarm(tmp_path):
    found = judged(
        tmp_path, Conditioned(), TASK, optimizer=torch.optim.Adam, lr=0.01, every=10, steps=120
    )
    assert measured(found, "parameter", "grad_rms", "blocks.0.body.weight")[0] == 0
    assert found.verdict in LEARNS
    assert alarms(found) == []


@pytest.mark.parametrize("value", [0.0, 0.1])
@pytest.mark.parametrize("kind", ["dense", "convolutions"])
def test_08_every_factor_starting_alike_is_found(kind, value, tmp_path):
    model, task = (
        (chain(2, 32, nn.Tanh, inputs=16), TASK)
        if kind == "dense"
        else (convolutions(nn.Tanh), PICTURES)
    )
    initialise(model, lambda w: nn.init.constant_(w, value))
    found = judged(tmp_path, model, task, every=10)
    finding = found.findings[0]
    assert (finding.code, finding.cause) == ("FLOW203", "symmetry")
    assert finding.severity in {"error", "warning"}
    assert finding.layer in {"0", "1", "2", "3"}


# -- 9: a bias before a normalisation ----------------------------------------------------------------


@pytest.mark.parametrize("norm", [nn.BatchNorm1d, nn.LayerNorm, nn.InstanceNorm1d])
def test_09_a_bias_before_a_normalisation_has_no_gradient(norm, tmp_path):
    if norm is nn.LayerNorm:  # takes off the mean over the features: the mean of the bias has none
        body = nn.Sequential(nn.Linear(16, 32), nn.LayerNorm(32), nn.ReLU())
    elif norm is nn.BatchNorm1d:
        body = nn.Sequential(nn.Linear(16, 32), nn.BatchNorm1d(32), nn.ReLU())
    else:
        body = nn.Sequential(
            nn.Unflatten(1, (1, 16)),
            nn.Conv1d(1, 8, 3),
            nn.InstanceNorm1d(8),
            nn.ReLU(),
            nn.Flatten(),
        )
    model = nn.Sequential(*body, nn.Linear(32 if len(body) == 3 else 112, 10))
    found = judged(tmp_path, model, TASK, every=10, lr=0.05)
    if norm is not nn.LayerNorm:
        name = "0" if norm is nn.BatchNorm1d else "1"
        bias, weight = (
            measured(found, "parameter", "grad_rms", f"{name}.{part}")
            for part in ("bias", "weight")
        )
        assert np.all(bias < 1e-5 * weight)
    assert found.verdict in LEARNS
    assert alarms(found) == []


@pytest.mark.parametrize("seed", range(3))
def test_09_a_normalisation_that_leaves_no_gradient_at_all_is_found(seed, tmp_path):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(16, 1), nn.LayerNorm(1), nn.Linear(1, 10))
    found = judged(tmp_path, model, TASK, every=10)
    finding = found.findings[0]
    assert (finding.code, finding.layer) == ("FLOW405", "1")
    assert finding.severity in {"error", "warning"}


# -- 10: one-dimensional tensors have no scale of their own ------------------------------------------


class Scaled(nn.Module):
    """A residual branch behind a gain that starts at 1e-4, as in deep vision transformers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.map, self.gain = nn.Linear(width, width), nn.Parameter(torch.full((width,), 1e-4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.gain * functional.relu(self.map(x))


@pytest.mark.parametrize("seed", range(3))
def test_10_steps_of_biases_and_gains_are_large_against_their_start_at_zero(seed, tmp_path):
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(16, 32), nn.PReLU(init=0.0), Scaled(32), nn.BatchNorm1d(32), Scaled(32),
        nn.Linear(32, 10),
    )  # fmt: skip
    for layer in (model[0], model[-1]):
        nn.init.zeros_(layer.bias)
    found = judged(tmp_path, model, TASK, optimizer=torch.optim.Adam, lr=0.01, every=10, steps=120)
    step, weight = (
        measured(found, "parameter", name, "2.gain")[0] for name in ("stored_rms", "weight_rms")
    )
    assert step > 10 * weight
    assert measured(found, "parameter", "weight_rms", "0.bias")[0] == 0
    assert found.verdict in LEARNS
    assert alarms(found) == []


def test_10_the_same_step_against_the_size_of_a_matrix_is_too_large(tmp_path):
    model = he(chain(3, 32, nn.Tanh, inputs=16))
    found = judged(tmp_path, model, TASK, optimizer=torch.optim.Adam, lr=10.0, every=1, steps=80)
    finding = found.findings[0]
    assert (finding.code, finding.severity) == ("FLOW303", "error")


# -- 11: rows and experts that are seldom used -------------------------------------------------------


def test_11_most_words_of_an_embedding_get_no_gradient_in_a_batch(tmp_path):
    found = judged(
        tmp_path, Bag(2000, 16, 4), sentences(), optimizer=torch.optim.Adam, lr=0.02, size=16,
        steps=150,
    )  # fmt: skip
    assert measured(found, "parameter", "zero_grad", "words.weight").min() > 0.9
    assert found.verdict in LEARNS
    assert alarms(found) == []


class Experts(nn.Module):
    """Each example goes to the expert that it asks for; the last one is asked for once in a while."""

    def __init__(self, cut: int | None = None) -> None:
        super().__init__()
        self.experts = nn.ModuleList(nn.Linear(16, 10) for _ in range(4))
        self.cut = cut

    def forward(self, x: torch.Tensor, route: torch.Tensor) -> torch.Tensor:
        out = x.new_zeros(len(x), 10)
        for i, expert in enumerate(self.experts):
            rows = torch.nonzero(route == i)[:, 0]
            if len(rows):
                said = expert(x[rows])
                out = out.index_add(0, rows, said.detach() if i == self.cut else said)
        return out


def routed(folder: Path, model: Experts) -> Diagnosis:
    """Train it; expert 3 is asked for in every twentieth step only."""
    stepper = torch.optim.Adam(model.parameters(), lr=0.02)
    stream = batches(TASK, 64)

    def step(i: int) -> None:
        inputs, labels = next(stream)
        route = labels % 3
        if i % 20 == 0:
            route[0] = 3
        stepper.zero_grad()
        functional.cross_entropy(model(inputs, route), labels).backward()
        stepper.step()

    return trained(folder, model, step, every=5)


def test_11_an_expert_that_is_seldom_asked_is_no_alarm(tmp_path):
    found = routed(tmp_path, Experts())
    received = measured(found, "parameter", "received", "experts.3.weight")
    assert 0 < received.mean() < 0.5
    assert found.verdict in LEARNS
    assert alarms(found) == []


def test_11_an_expert_that_is_cut_off_is_found(tmp_path):
    found = routed(tmp_path, Experts(cut=1))
    finding = found.findings[0]
    assert (finding.code, finding.layer, finding.cause) == ("FLOW402", "experts.1", "graph cut")
    assert finding.severity in {"error", "warning"}


# -- 12: one tensor with two names -------------------------------------------------------------------


class Tied(nn.Module):
    """Predicts the next word; the table of words is the head as well."""

    def __init__(self, words: int, width: int) -> None:
        super().__init__()
        self.words, self.mix = nn.Embedding(words, width), nn.Linear(width, width)
        self.head = nn.Linear(width, words, bias=False)
        self.head.weight = self.words.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.head(torch.tanh(self.mix(self.words(ids))))


def next_words(words: int = 24) -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.arange(240) % words
    return ids, (ids * 5 + 1) % words


def test_12_a_weight_that_is_used_twice_is_one_weight(tmp_path):
    found = judged(
        tmp_path, Tied(24, 16), next_words(), optimizer=torch.optim.Adam, lr=0.01, every=10
    )
    names = {s.name for s in found.recording.of_kind("parameter")}
    assert len(names & {"words.weight", "head.weight"}) == 1
    assert found.verdict in LEARNS
    assert alarms(found) == []


class TiedAutoencoder(nn.Module):
    """Decodes with the transpose of what it encodes with."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.encode = nn.Linear(inputs, width)
        self.shift = nn.Parameter(torch.zeros(inputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.encode(x)) @ self.encode.weight + self.shift


def test_12_a_decoder_that_is_the_encoders_transpose_is_no_alarm(tmp_path):
    found = judged(
        tmp_path, TiedAutoencoder(16, 12), (TASK[0], TASK[0]), loss=functional.mse_loss,
        optimizer=torch.optim.Adam, lr=5e-3, every=10,
    )  # fmt: skip
    assert found.verdict in LEARNS
    assert alarms(found) == []


def test_12_a_tied_weight_that_no_optimizer_owns_is_found(tmp_path):
    model = Tied(24, 16)
    stepper = torch.optim.Adam(model.mix.parameters(), lr=1e-3)
    found = trained(tmp_path, model, stepping(model, stepper, next_words()))
    assert "FLOW401" in codes(found)
    assert told(found, "FLOW401").layer in {"words", "head"}


# -- 13: learning rates of nearly zero at both ends of a schedule ------------------------------------


def scheduled(
    folder: Path, model: nn.Module, rate: float, schedule: Callable[[int], float], steps: int = 200,
    watched: int | None = None, data=TASK,
) -> Diagnosis:  # fmt: skip
    """Adam with a scheduled rate; only the first `watched` steps are taken where that is given."""
    stepper = torch.optim.Adam(model.parameters(), lr=rate)
    scheduler = torch.optim.lr_scheduler.LambdaLR(stepper, schedule)
    plain = stepping(model, stepper, data)

    def step(i: int) -> None:
        plain(i)
        scheduler.step()

    return trained(folder, model, step, watched or steps)


def warm_up(i: int) -> float:
    return min((i + 1) / 100, 1.0) ** 2 * (0.1 if i < 30 else 1.0)


@pytest.mark.parametrize("kind", ["dense", "convolutions"])
def test_13_a_warm_up_from_nearly_zero_in_float32_is_no_alarm(kind, tmp_path):
    model, task = (
        (he(chain(2, 32, nn.ReLU, inputs=16)), TASK)
        if kind == "dense"
        else (he(convolutions()), PICTURES)
    )
    found = scheduled(tmp_path, model, 0.02, warm_up, data=task)
    step, weight = (
        measured(found, "parameter", name, "0.weight" if kind == "dense" else "1.weight")
        for name in ("stored_rms", "weight_rms")
    )
    assert 0 < step[0] < 1e-5 * weight[0]
    assert found.verdict in LEARNS
    assert alarms(found) == []


def test_13_a_rate_that_is_taken_to_zero_at_the_end_is_no_alarm(tmp_path):
    model = he(chain(2, 32, nn.ReLU, inputs=16))
    found = scheduled(tmp_path, model, 0.02, lambda i: max(0.0, 1 - i / 150) ** 2)
    assert measured(found, "parameter", "lr", "0.weight")[-1] == 0
    assert found.verdict in LEARNS
    assert alarms(found) == []


@pytest.mark.parametrize("seed", range(3))
def test_13_a_warm_up_that_bfloat16_rounds_away_is_found(seed, tmp_path):
    torch.manual_seed(seed)
    model = he(chain(2, 32, nn.ReLU, inputs=16)).to(torch.bfloat16)
    data = (TASK[0].to(torch.bfloat16), TASK[1])
    found = scheduled(tmp_path, model, 1e-4, lambda i: (i + 1) / 200, data=data)
    finding = found.findings[0]
    assert (finding.code, finding.cause, finding.severity) == (
        "FLOW301", "rounding survival", "error",
    )  # fmt: skip


# -- 14: gradient accumulation -----------------------------------------------------------------------


def accumulating(
    folder: Path, model: nn.Module, passes: int, clears: bool = True, data=TASK
) -> Diagnosis:
    """A step of the optimizer after so many micro-batches."""
    stepper = torch.optim.SGD(model.parameters(), lr=0.05)
    stream = batches(data, 16)

    def step(i: int) -> None:
        for _ in range(passes):
            inputs, labels = next(stream)
            (functional.cross_entropy(model(inputs), labels) / passes).backward()
        stepper.step()
        if clears:
            stepper.zero_grad()

    return trained(folder, model, step, 120)


@pytest.mark.parametrize("kind", ["dense", "convolutions"])
def test_14_micro_batches_are_added_up_to_one_step(kind, tmp_path):
    model, task = (
        (he(chain(2, 32, nn.ReLU, inputs=16)), TASK)
        if kind == "dense"
        else (he(convolutions()), PICTURES)
    )
    found = accumulating(tmp_path, model, 4, data=task)
    assert found.recording.scalars["passes"].tolist() == [4] * 120
    assert found.verdict in LEARNS
    assert alarms(found) == []
    assert "FLOW403" not in codes(found)


def test_14_a_step_for_each_parameter_inside_the_backward_pass_is_no_alarm(tmp_path):
    model = he(chain(2, 32, nn.ReLU, inputs=16))
    steppers = {p: torch.optim.SGD([p], lr=0.05) for p in model.parameters()}

    def follow(p: torch.Tensor) -> None:
        steppers[p].step()
        steppers[p].zero_grad()

    for p in model.parameters():
        p.register_post_accumulate_grad_hook(follow)
    stream = batches(TASK, 64)

    def step(i: int) -> None:
        inputs, labels = next(stream)
        functional.cross_entropy(model(inputs), labels).backward()

    found = trained(tmp_path, model, step, 150, every=2)
    assert found.recording.steps <= 151  # not one for each of the six parameters
    assert found.verdict in LEARNS
    assert alarms(found) == []


@pytest.mark.parametrize("passes", [1, 4])
def test_14_gradients_that_are_never_cleared_are_found(passes, tmp_path):
    found = accumulating(tmp_path, he(chain(2, 32, nn.ReLU, inputs=16)), passes, clears=False)
    finding = found.findings[0]
    assert (finding.code, finding.cause) == ("FLOW403", "gradients not cleared")
    assert finding.severity in {"error", "warning"}


# -- 15: loss scaling --------------------------------------------------------------------------------


def scaled(
    folder: Path, model: nn.Module, scale: float, poison: Callable[[int], float] = lambda i: 1.0,
    data=TASK,
) -> Diagnosis:  # fmt: skip
    """Train with a loss scaler."""
    scaler = torch.amp.GradScaler("cpu", init_scale=scale)
    stepper = torch.optim.SGD(model.parameters(), lr=0.05)
    stream = batches(data, 64)

    def step(i: int) -> None:
        inputs, labels = next(stream)
        stepper.zero_grad()
        loss = functional.cross_entropy(model(inputs), labels)
        scaler.scale(loss * poison(i)).backward()
        scaler.step(stepper)
        scaler.update()

    return trained(folder, model, step, 150)


@pytest.mark.parametrize("kind", ["dense", "convolutions"])
def test_15_the_first_steps_are_skipped_while_the_scale_is_looked_for(kind, tmp_path):
    model, task = (
        (he(chain(2, 32, nn.ReLU, inputs=16)), TASK)
        if kind == "dense"
        else (he(convolutions()), PICTURES)
    )
    for p in model.parameters():
        p.register_hook(lambda gradient: gradient.half().float())  # beyond 65504 it is infinite
    found = scaled(tmp_path, model, 2.0**24, data=task)
    skipped = found.recording.scalars["skipped"]
    assert skipped[0] == 1
    assert 3 <= skipped.sum() < 30
    assert skipped[-100:].sum() == 0
    assert found.verdict in LEARNS
    assert alarms(found) == []


def test_15_a_loss_that_overflows_in_a_step_that_is_skipped_is_no_alarm(tmp_path):
    model = he(chain(2, 32, nn.ReLU, inputs=16))
    found = scaled(tmp_path, model, 2.0**16, lambda i: math.inf if i % 50 == 40 else 1.0)
    assert found.recording.scalars["skipped"].sum() == 3
    assert found.verdict in LEARNS
    assert alarms(found) == []


def test_15_gradients_times_two_to_the_sixteenth_are_not_exploding(tmp_path):
    found = scaled(tmp_path, he(chain(2, 32, nn.ReLU, inputs=16)), 2.0**16)
    assert found.recording.scalars["scale"].min() == 2.0**16
    assert measured(found, "parameter", "grad_rms", "0.weight").max() < 1  # taken off
    assert found.verdict in LEARNS
    assert alarms(found) == []


@pytest.mark.parametrize("kind", ["dense", "convolutions"])
def test_15_steps_that_are_always_skipped_are_found(kind, tmp_path):
    model, task = (
        (he(chain(2, 32, nn.ReLU, inputs=16)), TASK)
        if kind == "dense"
        else (he(convolutions()), PICTURES)
    )
    first = next(p for p in model.parameters() if p.ndim > 1)
    first.register_hook(lambda gradient: gradient * math.inf)
    found = scaled(tmp_path, model, 2.0**16, data=task)
    finding = found.findings[0]
    assert (finding.code, finding.cause, finding.severity) == (
        "FLOW304",
        "skipped steps",
        "error",
    )


# -- 16: clipping ------------------------------------------------------------------------------------


def clipped(folder: Path, model: nn.Module, norm: float, rate: float, data=TASK) -> Diagnosis:
    """SGD behind a clip of the whole norm."""
    stepper = torch.optim.SGD(model.parameters(), lr=rate)
    stream = batches(data, 64)

    def step(i: int) -> None:
        inputs, labels = next(stream)
        stepper.zero_grad()
        functional.cross_entropy(model(inputs), labels).backward()
        nn.utils.clip_grad_norm_(model.parameters(), norm)
        stepper.step()

    return trained(folder, model, step, 150)


@pytest.mark.parametrize("kind", ["dense", "convolutions"])
def test_16_a_clip_that_is_always_active_is_no_alarm_where_the_rate_fits_it(kind, tmp_path):
    model, task = (
        (he(chain(2, 32, nn.ReLU, inputs=16)), TASK)
        if kind == "dense"
        else (he(convolutions()), PICTURES)
    )
    found = clipped(tmp_path, model, 1e-4, 2e2, task)
    assert found.recording.scalars["clip"].max() < 0.1
    name = "0.weight" if kind == "dense" else "1.weight"
    left, taken = (measured(found, "parameter", c, name) for c in ("grad_rms", "grad_step_rms"))
    assert np.all(taken < left / 10)  # both are kept: before the clip and after it
    assert found.verdict in LEARNS
    assert alarms(found) == []


@pytest.mark.parametrize("seed", range(3))
def test_16_a_clip_that_leaves_nothing_of_the_step_is_found(seed, tmp_path):
    torch.manual_seed(seed)
    found = clipped(tmp_path, he(chain(2, 32, nn.ReLU, inputs=16)), 1e-5, 0.1)
    finding = found.findings[0]
    assert (finding.code, finding.severity) == ("FLOW302", "error")
    assert found.verdict == "stuck"


# -- 17: weight decay --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["dense", "convolutions"])
def test_17_decay_that_moves_the_weights_more_than_the_gradient_is_no_alarm(kind, tmp_path):
    model, task = (
        (he(chain(2, 32, nn.ReLU, inputs=16)), TASK)
        if kind == "dense"
        else (he(convolutions()), PICTURES)
    )
    found = judged(
        tmp_path, model, task, optimizer=torch.optim.AdamW, lr=5e-3, weight_decay=1.0, every=10
    )
    name = "0.weight" if kind == "dense" else "1.weight"
    decay, step = (measured(found, "parameter", c, name) for c in ("decay_rms", "stored_rms"))
    assert np.median(decay / step) > 0.1
    assert found.verdict in LEARNS
    assert alarms(found) == []


def test_17_weights_that_only_decay_stand_still(tmp_path):
    found = judged(
        tmp_path, he(chain(2, 32, nn.ReLU, inputs=16)), TASK, optimizer=torch.optim.AdamW,
        lr=1e-8, weight_decay=2e4, every=10,
    )  # fmt: skip
    weight = measured(found, "parameter", "weight_rms", "0.weight")
    assert weight[-1] < 0.99 * weight[0]  # it moves, but no gradient moves it
    finding = found.findings[0]
    assert (finding.code, finding.severity) == ("FLOW302", "error")


def test_17_decay_hides_no_dead_layer(tmp_path):
    model = he(chain(3, 32, nn.ReLU, inputs=16))
    with torch.no_grad():
        model[2].bias.fill_(-100.0)
    found = judged(
        tmp_path, model, TASK, optimizer=torch.optim.AdamW, lr=0.01, weight_decay=0.1, every=10
    )
    weight = measured(found, "parameter", "weight_rms", "0.weight")
    assert weight[-1] < 0.9 * weight[0]
    finding = found.findings[0]
    assert (finding.code, finding.layer, finding.severity) == ("FLOW102", "3", "error")


# -- 18: learning rates ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("optimizer", "rate", "factor"),
    [
        (torch.optim.SGD, 0.5, 1.0),
        (torch.optim.Adadelta, 1.0, 1.0),
        (torch.optim.SGD, 1e3, 1e-4),
        (torch.optim.SGD, 1e-9, 1e8),
        (torch.optim.Rprop, 1e-3, 1.0),
    ],
)
def test_18_no_learning_rate_is_judged_by_itself(optimizer, rate, factor, tmp_path):
    size = 400 if optimizer is torch.optim.Rprop else 64
    found = judged(
        tmp_path, he(chain(2, 32, nn.ReLU, inputs=16)), TASK, optimizer=optimizer, lr=rate, every=10,
        loss=lambda out, labels: functional.cross_entropy(out, labels) * factor, size=size,
    )  # fmt: skip
    assert found.verdict in LEARNS
    assert alarms(found) == []


@pytest.mark.parametrize(("rate", "code"), [(1e3, "FLOW303"), (1e-9, "FLOW302")])
def test_18_the_same_rates_are_found_where_the_steps_do_not_fit_the_weights(rate, code, tmp_path):
    found = judged(tmp_path, he(chain(2, 32, nn.ReLU, inputs=16)), TASK, lr=rate, every=1, steps=80)
    assert found.findings[0].code == code
    assert found.findings[0].severity == "error"


# -- 19: changes that allclose does not see ----------------------------------------------------------


class Lazy(nn.Module):
    """What a network has moved by since its start, times a large factor (Chizat et al., 2019)."""

    def __init__(self, body: nn.Module, start: nn.Module, factor: float) -> None:
        super().__init__()
        self.body, self.start, self.factor = body, start.requires_grad_(False), factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.factor * (self.body(x) - self.start(x))


def lazy(dtype: torch.dtype, factor: float) -> nn.Module:
    body, start = (chain(1, 64, nn.Tanh, inputs=16).to(dtype) for _ in range(2))
    start.load_state_dict(body.state_dict())
    return Lazy(body, start, factor)


def test_19_weights_that_change_by_a_millionth_are_not_unchanged(tmp_path):
    model = lazy(torch.float32, 1e4)
    before = model.body[0].weight.detach().clone()
    stepper = torch.optim.SGD(model.body.parameters(), lr=0.1 / 1e4**2)
    found = trained(tmp_path, model, stepping(model, stepper))
    after = model.body[0].weight.detach()
    assert (after - before).norm() < 1e-3 * before.norm()
    ratio = measured(found, "parameter", "stored_rms", "body.0.weight") / measured(
        found, "parameter", "weight_rms", "body.0.weight"
    )
    assert np.all(ratio < 1e-5)
    assert found.verdict in LEARNS
    assert alarms(found) == []


@pytest.mark.parametrize("seed", range(3))
def test_19_weights_of_which_no_bit_changes_are_found(seed, tmp_path):
    torch.manual_seed(seed)
    data = (TASK[0].to(torch.bfloat16), TASK[1])
    model = chain(1, 64, nn.Tanh, inputs=16).to(torch.bfloat16)
    found = judged(tmp_path, model, data, lr=1e-5, every=10)
    finding = found.findings[0]
    assert (finding.code, finding.cause) == ("FLOW301", "rounding survival")
    assert finding.severity in {"error", "warning"}
    assert finding.evidence[0].value > 0.9


# -- 20: a mean of exactly zero ----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_20_a_mean_of_exactly_zero_is_no_fault(seed, tmp_path):
    torch.manual_seed(seed)
    half = torch.randint(0, 2, (200, 16), generator=torch.Generator().manual_seed(1)) * 2.0 - 1
    inputs = torch.cat([half, -half])  # every batch of all rows has a mean of exactly 0
    labels = (inputs[:, 0] * inputs[:, 1] + inputs[:, 2] > 0).long()
    model = nn.Sequential(nn.Linear(16, 32), nn.Tanh(), nn.LayerNorm(32), nn.Linear(32, 2))
    with torch.no_grad():
        model[0].weight[16:] = -model[0].weight[:16]
        model[0].bias.zero_()
        model[3].weight[1] = -model[3].weight[0]
        model[3].bias.zero_()
    seen = [inputs.mean(), model[3].weight.mean(), model[0].bias.mean()]
    assert [value.item() for value in seen] == [0.0, 0.0, 0.0]
    found = judged(
        tmp_path, model, (inputs, labels), optimizer=torch.optim.Adam, lr=0.01, every=10, size=400
    )
    assert found.verdict in LEARNS
    assert alarms(found) == []


def test_20_gradients_that_are_exactly_zero_everywhere_are_found(tmp_path):
    model = he(chain(2, 32, nn.ReLU, inputs=16))
    with torch.no_grad():
        model[2].bias.fill_(-1e3)
    found = judged(tmp_path, model, TASK, every=10)
    assert measured(found, "parameter", "grad_rms", "0.weight").max() == 0
    assert found.findings[0].code == "FLOW102"
    assert found.findings[0].severity == "error"


# -- 21: what runs beside the training, and what is masked out ---------------------------------------


class Dropped(nn.Module):
    """A residual block that is left out of half of the steps."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.map = nn.Linear(width, width)
        self.draw = torch.Generator().manual_seed(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training and torch.rand((), generator=self.draw) < 0.5:
            return x
        return x + functional.relu(self.map(x))


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_21_units_and_blocks_that_are_dropped_are_no_alarm(share, tmp_path):
    model = nn.Sequential(
        nn.Linear(16, 128), nn.ReLU(), nn.Dropout(share), Dropped(128), Dropped(128),
        nn.Linear(128, 10),
    )  # fmt: skip
    found = judged(tmp_path, model, TASK, optimizer=torch.optim.Adam, lr=0.01, every=10)
    assert found.verdict in LEARNS
    assert alarms(found) == []


def evaluating(folder: Path, returns: bool) -> Diagnosis:
    """Evaluate every 20 steps, and go back to training mode or forget to."""
    model = nn.Sequential(
        nn.Linear(16, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10)
    )
    plain = stepping(model, torch.optim.Adam(model.parameters(), lr=5e-3))

    def step(i: int) -> None:
        plain(i)
        if i % 20 == 19:
            model.eval()
            with torch.no_grad():
                for _ in range(3):
                    model(TASK[0] * 100)  # what it is shown there is no business of the training
            if returns:
                model.train()

    return trained(folder, model, step, 160)


def test_21_passes_without_gradients_are_not_judged(tmp_path):
    found = evaluating(tmp_path, returns=True)
    assert measured(found, "call", "in_rms", "0").max() < 5
    assert found.verdict in LEARNS
    assert alarms(found) == []


def test_21_a_network_left_in_evaluation_mode_is_found(tmp_path):
    found = evaluating(tmp_path, returns=False)
    finding = found.findings[0]
    assert (finding.code, finding.cause) == ("FLOW405", "left in evaluation mode")
    assert finding.layer in {"1", "3"}
    assert finding.severity in {"error", "warning"}


class Recomputed(nn.Module):
    """Forgets what is inside a block and computes it again on the way back."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(16, 32), nn.Linear(32, 10)
        self.blocks = nn.ModuleList([Block(32), Block(32)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.first(x)
        for block in self.blocks:
            h = torch.utils.checkpoint.checkpoint(block, h, use_reentrant=False)
        return self.last(h)


def test_21_a_forward_pass_that_is_computed_again_counts_once(tmp_path):
    found = judged(
        tmp_path, Recomputed(), TASK, optimizer=torch.optim.Adam, lr=3e-3, every=10, steps=120
    )
    assert found.recording.steps == 120
    assert measured(found, "call", "seen", "blocks.0.up").max() == 1
    assert found.verdict in LEARNS
    assert alarms(found) == []


class Masked(nn.Module):
    """Attention over words, most of which are padding that is masked out."""

    def __init__(self, words: int, width: int, classes: int) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width, padding_idx=0)
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.head = nn.Linear(width, classes)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        words, padding = self.words(ids), ids == 0
        mixed, _ = self.attention(words, words, words, key_padding_mask=padding)
        kept = (~padding)[..., None].float()
        return self.head((mixed * kept).sum(1) / kept.sum(1))


def test_21_padding_that_is_masked_out_is_no_alarm(tmp_path):
    ids, labels = sentences(words=200)
    padded = torch.cat([ids + 1, torch.zeros(len(ids), 12, dtype=torch.long)], 1)
    found = judged(
        tmp_path, Masked(201, 16, 4), (padded, labels), optimizer=torch.optim.Adam, lr=0.01,
        every=10, steps=120,
    )  # fmt: skip
    assert found.verdict in LEARNS
    assert alarms(found) == []


# -- 22: several optimizers and phases ---------------------------------------------------------------


class Pair(nn.Module):
    """A generator of points and a discriminator."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
        self.critic = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))


def adversarial(folder: Path, generator_is_owned: bool = True) -> Diagnosis:
    """Points on a ring, by a generator and a critic that take turns."""
    pair, draw = Pair(), torch.Generator().manual_seed(1)
    owned = pair.generator if generator_is_owned else pair.critic
    making = torch.optim.Adam(owned.parameters(), lr=1e-3, betas=(0.5, 0.9))
    judging = torch.optim.Adam(pair.critic.parameters(), lr=1e-3, betas=(0.5, 0.9))
    loss = functional.binary_cross_entropy_with_logits

    def step(i: int) -> None:
        angle = torch.rand(64, generator=draw) * 2 * math.pi
        real = torch.stack([angle.cos(), angle.sin()], 1)
        made = pair.generator(torch.randn(64, 4, generator=draw))
        judging.zero_grad()
        one, zero = torch.ones(64, 1), torch.zeros(64, 1)
        (loss(pair.critic(real), one) + loss(pair.critic(made.detach()), zero)).backward()
        judging.step()
        making.zero_grad()
        loss(pair.critic(made), one).backward()
        making.step()

    return trained(folder, pair, step, 120)


@pytest.mark.parametrize("seed", range(3))
def test_22_two_networks_that_take_turns_are_no_alarm(seed, tmp_path):
    torch.manual_seed(seed)
    found = adversarial(tmp_path)
    moved = {p.name.partition(".")[0] for p in found.recording.of_kind("parameter")}
    assert moved == {"generator", "critic"}
    assert alarms(found) == []


@pytest.mark.parametrize("seed", range(3))
def test_22_a_generator_whose_optimizer_holds_the_critic_is_found(seed, tmp_path):
    torch.manual_seed(seed)
    found = adversarial(tmp_path, generator_is_owned=False)
    finding = found.findings[0]
    assert finding.code == "FLOW401"
    assert finding.layer.startswith("generator.")
    assert finding.severity in {"error", "warning"}


def test_22_two_optimizers_for_two_parts_of_one_network_are_no_alarm(tmp_path):
    model = he(chain(2, 32, nn.ReLU, inputs=16))
    body = torch.optim.SGD(model[:-1].parameters(), lr=0.05)
    head = torch.optim.Adam(model[-1].parameters(), lr=0.01)
    stream = batches(TASK, 64)

    def step(i: int) -> None:
        inputs, labels = next(stream)
        model.zero_grad()
        functional.cross_entropy(model(inputs), labels).backward()
        head.step()
        if i % 2:
            body.step()

    found = trained(tmp_path, model, step, 150)
    assert found.verdict in LEARNS
    assert alarms(found) == []


# -- 23: one rank's part is not the whole ------------------------------------------------------------


def shards(lost: tuple[float, float]) -> list[Recording]:
    """Two ranks of a bfloat16 run that learns; each holds a part of net.0.weight, 90 and 10 elements."""
    losses = np.linspace(1.386, 0.8, 200)
    parts = []
    for rank, share in enumerate(lost):
        one = made.recording(losses=losses, meta={**made.META, "rank": rank, "world": 2})
        sites = tuple(
            replace(s, facts={**s.facts, "dtype": "bfloat16", "sharded": s.name == "net.0.weight"})
            if s.kind == "parameter"
            else s
            for s in one.sites
        )
        at = [s.name for s in one.of_kind("parameter")].index("net.0.weight")
        table = one.rows["parameter"].copy()
        given = {"sampled": (90.0, 10.0)[rank], "movable": 1.0, "lost": share}
        for name, value in given.items():
            table[:, at, names("parameter").index(name)] = value
        parts.append(replace(one, sites=sites, rows={**one.rows, "parameter": table}))
    return parts


def test_23_a_shard_that_stands_still_is_no_alarm_where_the_whole_moves():
    parts = shards((0.1, 0.9))
    assert alarms(clinometer.diagnose(parts[1])) == ["FLOW301"]  # what reading one rank would say
    whole = clinometer.diagnose(merge(dict(enumerate(parts)), 2, []))
    assert measured(whole, "parameter", "lost", "net.0.weight")[0] == pytest.approx(0.18)
    assert alarms(whole) == []


def test_23_shards_that_all_stand_still_are_found():
    found = clinometer.diagnose(merge(dict(enumerate(shards((0.9, 0.9)))), 2, []))
    finding = found.findings[0]
    assert (finding.code, finding.layer, finding.severity) == ("FLOW301", "net.0", "warning")


# -- 24: what was not observed is not zero -----------------------------------------------------------


@pytest.fixture
def compiler():
    """Nothing of what other tests had compiled, and nothing left."""
    torch.compiler.reset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own
        yield
    torch.compiler.reset()


def partly_compiled() -> nn.Sequential:
    inner = nn.Sequential(nn.Linear(32, 32), nn.Tanh())
    return nn.Sequential(
        nn.Linear(16, 32), nn.ReLU(), torch.compile(inner, backend="aot_eager"), nn.Linear(32, 10)
    )


@pytest.mark.parametrize("owned", ["all", "without the compiled part"])
def test_24_a_compiled_part_is_not_observed_and_never_zero(owned, compiler, tmp_path):
    model = partly_compiled()
    kept = [p for name, p in model.named_parameters() if owned == "all" or not name.startswith("2")]
    stepper = torch.optim.Adam(kept, lr=5e-3)
    found = trained(tmp_path, model, stepping(model, stepper), 120)
    unseen = found.recording.column("call", "seen") == 0
    assert unseen[-1].any()  # the compiled layers are not called one by one
    assert np.isnan(found.recording.column("call", "grad_out_rms")[unseen]).all()
    assert not any(row.get("zero") for row in found.to_dict()["ledger"])
    if owned == "all":
        assert found.verdict in LEARNS
        assert alarms(found) == []
    else:  # its parameters are seen all the same
        finding = found.findings[0]
        assert finding.code == "FLOW401"
        assert finding.layer.startswith("2.")


def test_24_a_run_of_which_no_step_was_observed_says_so_and_never_zero():
    whole = made.recording(losses=made.falling())
    rows = {kind: table[:0] for kind, table in whole.rows.items()}
    found = clinometer.diagnose(replace(whole, observed=whole.observed[:0], rows=rows))
    note = told(found, "RUN101")
    assert (note.cause, note.severity) == ("not observed", "note")
    assert {"FLOW101", "FLOW102", "FLOW201", "FLOW302"} <= {code for code, _ in found.not_judged}
    assert found.lines == ()
    assert alarms(found) == []


def test_24_a_layer_between_two_observations_is_not_observed_and_never_zero(tmp_path):
    model = Experts()
    stepper, stream = torch.optim.Adam(model.parameters(), lr=0.02), batches(TASK, 64)

    def step(i: int) -> None:
        inputs, labels = next(stream)
        route = labels % 3 if i % 10 == 0 else labels % 4  # expert 3 is never looked at
        stepper.zero_grad()
        functional.cross_entropy(model(inputs, route), labels).backward()
        stepper.step()

    found = trained(tmp_path, model, step, 120, every=10)
    assert "experts.3" not in {call.name for call in found.recording.of_kind("call")}
    assert alarms(found) == []


# -- 25: statistics of float16 gradients -------------------------------------------------------------


def halved(folder: Path, power: int, seed: int) -> Diagnosis:
    """A float16 network whose loss is 2^power times as large, and its rate as much smaller."""
    torch.manual_seed(seed)
    return judged(
        folder, he(chain(2, 64, nn.ReLU, inputs=16)).half(), (TASK[0].half(), TASK[1]), steps=120,
        every=10, lr=0.05 * 2.0**-power,
        loss=lambda out, labels: functional.cross_entropy(out.float(), labels) * 2.0**power,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_25_a_sum_of_squares_beyond_float16_is_no_infinity(seed, tmp_path):
    found = halved(tmp_path, 12, seed)
    gradient = measured(found, "parameter", "grad_rms", "2.weight")
    assert np.isfinite(gradient).all()
    assert gradient[0] ** 2 * 64 * 64 > 65504  # summed in float16 this is infinite
    assert found.recording.scalars["grad_norm"][0] ** 2 > 65504
    assert found.verdict in LEARNS
    assert alarms(found) == []


@pytest.mark.parametrize("seed", range(3))
def test_25_a_gradient_that_is_itself_beyond_float16_is_found(seed, tmp_path):
    found = halved(tmp_path, 22, seed)
    finding = found.findings[0]
    assert (finding.code, finding.severity) == ("FLOW501", "error")


# -- 26: one noisy step ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_26_the_noise_of_tiny_batches_is_no_alarm(seed, tmp_path):
    torch.manual_seed(seed)
    model = he(chain(2, 32, nn.ReLU, inputs=16))
    found = judged(tmp_path, model, TASK, steps=400, every=10, size=2, lr=0.02)
    losses = found.recording.loss
    assert np.mean(np.diff(losses) > 0) > 0.3  # a loss that rises is nothing special
    assert losses[-100:].max() > 10 * np.median(losses[-100:])
    assert found.verdict in LEARNS
    assert alarms(found) == []


def disturbed(folder: Path, model: nn.Module, at: int, factor: float, data=TASK) -> Diagnosis:
    """One batch whose inputs are wrong by a factor."""
    stepper, stream = torch.optim.SGD(model.parameters(), lr=0.1), batches(data, 64)

    def step(i: int) -> None:
        inputs, labels = next(stream)
        stepper.zero_grad()
        outputs = model(inputs * factor if i == at else inputs)
        functional.cross_entropy(outputs, labels.roll(1) if i == at else labels).backward()
        stepper.step()

    return trained(folder, model, step, 200, every=10)


@pytest.mark.parametrize("kind", ["dense", "convolutions"])
def test_26_one_bad_batch_that_leaves_no_trace_is_no_alarm(kind, tmp_path):
    model, task = (
        (he(chain(2, 32, nn.ReLU, inputs=16)), TASK)
        if kind == "dense"
        else (he(convolutions()), PICTURES)
    )
    found = disturbed(tmp_path, model, 120, 1.0, task)
    losses = found.recording.loss
    assert losses[120] > 5 * np.median(losses[90:120])
    assert found.verdict in LEARNS
    assert alarms(found) == []


@pytest.mark.parametrize("seed", range(3))
def test_26_one_bad_batch_that_undoes_what_was_learned_is_found(seed, tmp_path):
    torch.manual_seed(seed)
    found = disturbed(tmp_path, he(chain(2, 32, nn.ReLU, inputs=16)), 120, 16.0)
    finding = found.findings[0]
    assert (finding.code, finding.cause, finding.severity) == ("FLOW503", "loss spike", "warning")
    assert "At step 120 " in told(found, "FLOW503").explanation


# -- 27: labels of the tool's own making -------------------------------------------------------------


ZOO = Path(__file__).parents[1] / "benchmarks" / "zoo"


def imported(source: str) -> set[str]:
    """Top-level packages that a script imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


def test_27_no_script_of_the_zoo_knows_the_tool_that_it_measures():
    scripts = sorted((ZOO / "tuned").glob("*.py"))
    assert len(scripts) > 40
    assert [s.name for s in scripts if "clinometer" in imported(s.read_text("utf-8"))] == []


def test_27_labels_are_written_by_hand_and_only_read_by_the_benchmark():
    writers = re.compile(r"write_text|write_bytes|tomli_w|\bopen\(")
    for program in sorted(ZOO.glob("*.py")):
        lines = program.read_text("utf-8").splitlines()
        assert [line for line in lines if writers.search(line) and "toml" in line.lower()] == []
    with (ZOO / "tuned.toml").open("rb") as file:
        labels = tomllib.load(file)
    assert all(isinstance(label["what"], str) and label["what"] for label in labels.values())


def test_27_half_of_the_labels_are_healthy_shams_that_name_no_code():
    cases = read_part("tuned")
    healthy = [case for case in cases if not case.sick]
    assert 0.4 <= len(healthy) / len(cases) <= 0.6
    assert not any(case.codes for case in healthy)
    assert all(case.codes for case in cases if case.sick)


# -- 28: swapped constants ---------------------------------------------------------------------------


RULES = {rule.code: rule for rule in all_rules() if rule.code.startswith(("FLOW", "CONF", "RUN"))}


def speaks(code: str, given: Mapping[str, Any], severity: str | None = None) -> bool:
    signs = RULES[code].look(Quantity(given))
    return any(severity is None or sign.severity == severity for sign in signs)


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: f"{limit.code}-{limit.name}{limit.at}")
def test_28_a_rule_speaks_on_one_side_of_its_limit_only(limit):
    innocent, guilty = limit.sides
    assert abs(RULES[limit.code].limits[limit.name]) in {abs(limit.at), 1 / abs(limit.at)}
    assert not speaks(limit.code, limit.given(innocent), limit.severity)
    assert speaks(limit.code, limit.given(guilty), limit.severity)


@pytest.mark.parametrize("code", FACTS)
def test_28_a_rule_without_a_number_speaks_where_the_fact_is_there(code):
    absent, present = FACTS[code]
    assert not speaks(code, absent, "error")
    assert speaks(code, present, "note" if code.startswith("RUN") else None)


def test_28_every_limit_of_every_rule_is_pinned():
    pinned = {(limit.code, limit.name) for limit in LIMITS}
    by_fact = {(code, name) for code in FACTS for name in RULES[code].limits}
    assert {(code, name) for code in RULES for name in RULES[code].limits} == pinned | by_fact
    assert {limit.code for limit in LIMITS} | set(FACTS) == set(RULES)


@pytest.mark.parametrize(
    ("learned", "word"),
    [(0.0099, "stuck"), (0.0101, "undecided"), (0.899, "undecided"), (0.901, "learned")],
)
def test_28_stuck_and_learned_lie_on_their_sides_of_what_there_is_to_learn(learned, word):
    assert state(course(learned)) == word


@pytest.mark.parametrize(("last", "word"), [(1.99, "stuck"), (2.01, "diverged")])
def test_28_a_loss_that_rose_by_more_than_there_was_to_learn_has_diverged(last, word):
    assert state(course(1 - last)) == word
