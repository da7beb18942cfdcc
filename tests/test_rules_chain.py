"""Rules of the chain: gradients that vanish, explode, or do not reach the beginning of a sequence."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

import clinometer
from networks import Batch, batches, blobs, chain, codes, initialise, judged, leading

TASK = blobs(400, 16, 10)
SEEDS = pytest.mark.parametrize("seed", range(3))


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def he(model: nn.Module, scale: float = 1.0) -> nn.Module:
    def fill(weight):
        nn.init.kaiming_normal_(weight, nonlinearity="relu")
        with torch.no_grad():
            weight.mul_(scale)

    return initialise(model, fill)


# -- vanishing gradient ------------------------------------------------------------------------

CLASSES = torch.arange(128) % 4
BRIGHT = (
    torch.randn(128, 1, 8, 8, generator=torch.Generator().manual_seed(3))
    + (CLASSES[:, None, None, None] - 1.5),
    CLASSES,
)


def convolutions(activation, depth: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i in range(depth):
        layers += [nn.Conv2d(8 if i else 1, 8, 3, padding=1), activation()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))


@SEEDS
def test_deep_sigmoid_convolutions_lose_their_gradient_to_the_activations(seed, tmp_path):
    torch.manual_seed(seed)
    found = judged(tmp_path, convolutions(nn.Sigmoid, 8), BRIGHT, steps=80, size=32)
    assert found.verdict == "stuck"
    assert leading(found) == ("FLOW201", "activation gain", "error")
    assert found.findings[0].layer == "0"


@SEEDS
def test_shallow_sigmoid_convolutions_that_learn_are_healthy(seed, tmp_path):
    torch.manual_seed(seed)
    found = judged(
        tmp_path, convolutions(nn.Sigmoid, 2), BRIGHT, steps=150, size=32,
        optimizer=torch.optim.Adam, lr=0.03,
    )  # fmt: skip
    assert found.verdict == "learned"
    assert codes(found, "error", "warning") == []


@SEEDS
def test_a_very_deep_relu_network_with_default_weights_loses_its_gradient_to_the_weights(
    seed, tmp_path
):
    torch.manual_seed(seed)
    found = judged(tmp_path, chain(20, 16, nn.ReLU), TASK, lr=0.05, steps=150)
    assert found.verdict == "stuck"
    assert leading(found) == ("FLOW201", "weight gain", "error")
    assert found.findings[0].size > 7  # sqrt(1/3) * sqrt(1/2) a layer: 0.39 decades each


@SEEDS
def test_a_deep_tanh_network_with_weights_of_the_right_size_is_healthy(seed, tmp_path):
    torch.manual_seed(seed)
    model = initialise(chain(12, 32, nn.Tanh, inputs=16), nn.init.xavier_normal_)
    found = judged(tmp_path, model, TASK, lr=0.05, steps=200, every=20)
    assert found.verdict in {"learning", "learned"}
    assert "FLOW201" not in codes(found)
    assert codes(found, "error", "warning") == []


class Residual(nn.Module):
    """Twelve blocks of sigmoids, each beside a way that it does not interrupt."""

    def __init__(self, depth: int = 12, around: bool = True):
        super().__init__()
        self.around, self.into, self.head = around, nn.Linear(16, 16), nn.Linear(16, 10)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(16, 16), nn.Sigmoid(), nn.Linear(16, 16)) for _ in range(depth)
        )

    def forward(self, x):
        x = self.into(x)
        for block in self.blocks:
            x = x + block(x) if self.around else block(x)
        return self.head(x)


@pytest.mark.parametrize("around", [True, False])
def test_a_residual_way_keeps_the_gradient_that_the_same_blocks_in_a_row_lose(around, tmp_path):
    found = judged(tmp_path, Residual(around=around), TASK, lr=0.05, steps=150, every=15)
    if around:
        assert found.verdict in {"learning", "learned"}
        assert codes(found, "error", "warning") == []
    else:
        assert found.verdict == "stuck"
        assert leading(found)[::2] == ("FLOW201", "error")


def test_a_deep_network_with_batch_normalisation_is_healthy(tmp_path):
    layers: list[nn.Module] = []
    for _ in range(10):
        layers += [nn.Linear(16, 16), nn.BatchNorm1d(16), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(16, 10))
    found = judged(tmp_path, model, TASK, lr=0.05, steps=200, every=25)
    assert found.course.learned > 0.5
    assert codes(found, "error", "warning") == []


# -- exploding gradient ------------------------------------------------------------------------


@SEEDS
@pytest.mark.parametrize("activation", [nn.ReLU, nn.LeakyReLU])
def test_weights_far_too_large_lead_and_the_explosion_follows(activation, seed, tmp_path):
    torch.manual_seed(seed)
    model = initialise(chain(10, 32, activation, inputs=16), lambda w: nn.init.normal_(w, std=0.8))
    found = judged(tmp_path, model, TASK, every=1, steps=40, lr=0.01)
    assert found.verdict == "diverged"
    first = found.findings[0]
    assert first.code in {"FLOW202", "FLOW206"}  # the gradient that explodes, or why it does
    assert (first.cause, first.severity) == ("weight gain", "error")
    assert {"FLOW202", "FLOW501"} <= set(codes(found))
    follows = {f.code for f in found.findings if f.consequence_of == first.code}
    assert {"FLOW303", "FLOW501"} & set(codes(found)) <= follows


def test_a_usual_initialisation_that_explodes_with_the_depth_is_no_bad_layer(tmp_path):
    model = he(chain(24, 32, nn.ReLU, inputs=16), scale=1.7)  # 0.23 decades a layer
    found = judged(tmp_path, model, TASK, every=1, steps=40, lr=0.05)
    assert found.verdict == "diverged"
    assert leading(found) == ("FLOW202", "weight gain", "error")


@SEEDS
def test_a_clipped_deep_network_that_learns_is_healthy(seed, tmp_path):
    torch.manual_seed(seed)
    model = he(chain(8, 32, nn.ReLU, inputs=16))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    stream, path = batches(TASK, 64), tmp_path / "clipped.clino"
    with clinometer.watch(model, to=path, every=20):
        for _ in range(250):
            inputs, labels = next(stream)
            optimizer.zero_grad()
            functional.cross_entropy(model(inputs), labels).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
    found = clinometer.diagnose(clinometer.read(path))
    assert found.verdict in {"learning", "learned"}
    assert "FLOW202" not in codes(found)
    assert codes(found, "error", "warning") == []


# -- vanishing through time --------------------------------------------------------------------


class Sequences(nn.Module):
    """A recurrent layer and a head on its last step; `forget` is the bias of an LSTM's gate."""

    def __init__(self, layer, forget: float | None = None):
        super().__init__()
        self.layer, self.head = layer(8, 16, batch_first=True), nn.Linear(16, 4)
        if forget is not None:
            with torch.no_grad():
                self.layer.bias_hh_l0[16:32] = forget

    def forward(self, x):
        return self.head(self.layer(x)[0][:, -1])


class ByHand(nn.Module):
    """A cell called step by step, whose recurrent weights are orthogonal times `gain`."""

    def __init__(self, gain: float):
        super().__init__()
        self.cell, self.head = nn.RNNCell(8, 16), nn.Linear(16, 4)
        nn.init.orthogonal_(self.cell.weight_hh, gain)

    def forward(self, x):
        state = x.new_zeros(len(x), 16)
        for step in range(x.shape[1]):
            state = self.cell(x[:, step], state)
        return self.head(state)


def told_at(step: int, length: int, rows: int = 256) -> Batch:
    """Sequences of which one step tells the class; the others are noise."""
    labels = torch.arange(rows) % 4
    x = 0.1 * torch.randn(rows, length, 8, generator=torch.Generator().manual_seed(1))
    x[torch.arange(rows), step, labels] += 2.0
    return x, labels


@SEEDS
@pytest.mark.parametrize(
    ("make", "layer"),
    [(lambda: Sequences(nn.LSTM), "layer"), (lambda: ByHand(0.3), "cell")],
    ids=["lstm", "by hand"],
)
def test_what_was_told_long_ago_cannot_be_learned(make, layer, seed, tmp_path):
    torch.manual_seed(seed)
    found = judged(
        tmp_path, make(), told_at(0, 32), optimizer=torch.optim.Adam, lr=1e-3, every=20, steps=80
    )
    assert found.verdict == "stuck"
    assert leading(found) == ("FLOW204", "recurrence", "error")
    assert found.findings[0].layer == layer


@SEEDS
def test_a_plain_recurrent_network_over_a_long_sequence_forgets_its_beginning(seed, tmp_path):
    torch.manual_seed(seed)
    found = judged(
        tmp_path, Sequences(nn.RNN), told_at(0, 64), optimizer=torch.optim.Adam, lr=3e-4,
        every=25, steps=100,
    )  # fmt: skip
    assert "FLOW204" in codes(found)
    assert next(f for f in found.findings if f.code == "FLOW204").size > 4


@SEEDS
def test_a_network_whose_task_needs_the_last_step_only_gets_a_note(seed, tmp_path):
    torch.manual_seed(seed)
    found = judged(
        tmp_path, Sequences(nn.RNN), told_at(-1, 48), optimizer=torch.optim.Adam, lr=1e-2,
        every=25, steps=100,
    )  # fmt: skip
    assert found.verdict == "learned"
    assert "FLOW204" in codes(found, "note")
    assert codes(found, "error", "warning") == []


@SEEDS
@pytest.mark.parametrize(
    ("make", "length"),
    [
        (lambda: Sequences(nn.LSTM, forget=5.0), 32),
        (lambda: Sequences(nn.GRU), 12),
        (lambda: ByHand(1.0), 20),
    ],
    ids=["lstm that remembers", "gru over a short sequence", "orthogonal"],
)
def test_recurrent_layers_that_reach_back_far_enough_are_healthy(make, length, seed, tmp_path):
    torch.manual_seed(seed)
    found = judged(
        tmp_path, make(), told_at(0, length), optimizer=torch.optim.Adam, lr=1e-2,
        every=25, steps=100,
    )  # fmt: skip
    assert found.course.learned > 0.3
    assert "FLOW204" not in codes(found)
    assert codes(found, "error", "warning") == []


def test_a_network_without_recurrence_is_not_judged_for_it(tmp_path):
    found = judged(tmp_path, chain(1, 16, nn.Tanh), TASK, steps=40)
    assert "FLOW204" in {code for code, _ in found.not_judged}
