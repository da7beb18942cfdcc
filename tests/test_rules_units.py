"""Rules of the unit: saturated activation, dead units, attention collapse, saturated output."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from networks import Batch, blobs, chain, codes, initialise, judged, leading, stepped

TASK = blobs(400, 16, 10)
SEEDS = pytest.mark.parametrize("seed", range(3))


def drawn(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


LABELS = torch.randint(0, 10, (400,), generator=drawn(6))  # nothing of the inputs tells them
NOISE = torch.randn(400, 16, generator=drawn(5)), LABELS


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def xavier(model: nn.Module) -> nn.Module:
    return initialise(model, nn.init.xavier_normal_)


def he(model: nn.Module) -> nn.Module:
    return initialise(model, lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"))


def loud(model: nn.Sequential, scale: float) -> nn.Sequential:
    """Every weight layer but the last, times `scale`."""
    with torch.no_grad():
        for layer in model[:-1]:
            if isinstance(layer, nn.Linear):
                layer.weight.mul_(scale)
    return model


class Pictures(nn.Module):
    """Two convolutions, each with an activation, and a linear head on the mean."""

    def __init__(self, activation, scale: float = 1.0, bias: float = 0.0):
        super().__init__()
        self.lower, self.lower_act = nn.Conv2d(1, 8, 3, padding=1), activation()
        self.upper, self.upper_act = nn.Conv2d(8, 8, 3, padding=1), activation()
        self.head = nn.Linear(8, 4)
        with torch.no_grad():
            self.lower.weight.mul_(scale)
            self.upper.weight.mul_(scale)
            self.upper.bias.add_(bias)

    def forward(self, x):
        hidden = self.upper_act(self.upper(self.lower_act(self.lower(x))))
        return self.head(hidden.mean((2, 3)))


CLASSES = torch.arange(128) % 4
GREY = torch.randn(128, 1, 8, 8, generator=drawn(3))  # the same for all four classes
BRIGHT = GREY + (CLASSES[:, None, None, None] - 1.5)  # the class is how bright it is


# -- saturated activation ----------------------------------------------------------------------


@SEEDS
@pytest.mark.parametrize(("activation", "scale"), [(nn.Tanh, 100.0), (nn.Sigmoid, 200.0)])
def test_units_flat_from_the_start_lead_in_a_network_that_learns_nothing(
    activation, scale, seed, tmp_path
):
    torch.manual_seed(seed)
    found = judged(tmp_path, loud(chain(3, 16, activation), scale), NOISE, lr=0.01)
    assert found.verdict == "stuck"
    assert leading(found) == ("FLOW101", "activation gain", "error")
    assert found.findings[0].layer in {"1", "3", "5"}
    assert "FLOW303" not in codes(found)  # no step threw them there


@pytest.mark.parametrize("activation", [nn.Hardtanh, nn.Softsign])
def test_every_bounded_activation_can_be_flat(activation, tmp_path):
    found = judged(tmp_path, loud(chain(3, 16, activation), 100.0), NOISE, lr=0.01)
    assert leading(found) == ("FLOW101", "activation gain", "error")


def test_a_flat_convolution_is_named(tmp_path):
    found = judged(tmp_path, Pictures(nn.Tanh, 300.0), (GREY, CLASSES), lr=0.01, steps=80, every=5)
    assert leading(found) == ("FLOW101", "activation gain", "error")
    assert found.findings[0].layer in {"lower_act", "upper_act"}


def test_units_flat_for_unscaled_data_are_put_down_to_the_data(tmp_path):
    data = TASK[0] * 128 + 128, LABELS
    found = judged(tmp_path, chain(3, 16, nn.Tanh), data, lr=0.01)
    assert found.findings[0].code == "FLOW205"
    flat = next(finding for finding in found.findings if finding.code == "FLOW101")
    assert flat.consequence_of == "FLOW205"


@SEEDS
def test_half_saturated_units_of_a_network_that_learns_are_a_note(seed, tmp_path):
    torch.manual_seed(seed)
    model = loud(chain(1, 16, nn.Tanh), 20.0)
    found = judged(tmp_path, model, TASK, optimizer=torch.optim.Adam, lr=0.01, steps=300)
    assert found.verdict == "learned"
    assert "FLOW101" in codes(found, "note")
    assert codes(found, "error", "warning") == []


@SEEDS
def test_a_shallow_sigmoid_network_that_learns_is_healthy(seed, tmp_path):
    torch.manual_seed(seed)
    model = chain(1, 32, nn.Sigmoid, inputs=16)
    found = judged(tmp_path, model, TASK, optimizer=torch.optim.Adam, lr=0.03, steps=300)
    assert found.verdict == "learned"
    assert codes(found, "error", "warning") == []


@pytest.mark.parametrize(
    "activation", [nn.GELU, nn.SiLU, nn.Tanh, nn.ELU, nn.LeakyReLU, nn.Softplus, nn.Mish]
)
def test_no_activation_is_flat_or_dead_in_a_network_that_learns(activation, tmp_path):
    model = xavier(chain(3, 32, activation, inputs=16))
    found = judged(tmp_path, model, TASK, steps=300)
    assert found.verdict == "learned"
    assert {"FLOW101", "FLOW102"}.isdisjoint(codes(found))
    assert codes(found, "error", "warning") == []


# -- dead units --------------------------------------------------------------------------------


@SEEDS
def test_a_convolution_killed_by_its_bias_is_named(seed, tmp_path):
    torch.manual_seed(seed)
    model = Pictures(nn.ReLU, bias=-100.0)
    found = judged(tmp_path, model, (BRIGHT, CLASSES), lr=0.05, steps=80, every=5)
    assert found.verdict == "stuck"
    assert leading(found) == ("FLOW102", "activation gain", "error")
    assert found.findings[0].layer == "upper_act"
    fading = next(finding for finding in found.findings if finding.code == "FLOW201")
    assert fading.consequence_of == "FLOW102"


@SEEDS
def test_a_convolution_whose_units_are_off_half_of_the_time_is_healthy(seed, tmp_path):
    torch.manual_seed(seed)
    found = judged(tmp_path, Pictures(nn.ReLU), (BRIGHT, CLASSES), every=20)
    assert found.verdict == "learned"
    assert "FLOW102" not in codes(found)
    assert codes(found, "error", "warning") == []


@SEEDS
def test_units_killed_by_a_huge_first_step_are_put_down_to_that_step(seed, tmp_path):
    torch.manual_seed(seed)
    model = he(chain(2, 32, nn.ReLU, inputs=16))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    found = stepped(
        tmp_path, model, TASK, optimizer, rate=lambda step: 6000.0 if step == 0 else 1.0, steps=150
    )
    assert found.verdict == "stuck"
    assert leading(found) == ("FLOW303", "optimizer gain", "error")
    dead = [finding for finding in found.findings if finding.code in {"FLOW102", "FLOW201"}]
    assert dead
    assert {finding.consequence_of for finding in dead} == {"FLOW303"}


def test_a_large_first_step_that_kills_nothing_is_a_note(tmp_path):
    model = he(chain(2, 32, nn.ReLU, inputs=16))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    found = stepped(
        tmp_path, model, TASK, optimizer, rate=lambda step: 60.0 if step == 0 else 1.0, steps=150
    )
    assert found.verdict == "learned"
    assert "FLOW303" in codes(found, "note")
    assert codes(found, "error", "warning") == []


# -- attention ---------------------------------------------------------------------------------


class Attention(nn.Module):
    """One head over the tokens, its mean and a linear layer; `written_out` uses a softmax module."""

    def __init__(self, scale: float = 0.25, sharp: float = 1.0, written_out: bool = False):
        super().__init__()
        self.q, self.k, self.v = nn.Linear(16, 16), nn.Linear(16, 16), nn.Linear(16, 16)
        self.head, self.soft = nn.Linear(16, 4), nn.Softmax(-1)
        self.scale, self.written_out = scale, written_out
        with torch.no_grad():
            self.q.weight.mul_(sharp)
            self.k.weight.mul_(sharp)

    def forward(self, x):
        q, k, v = self.q(x), self.k(x), self.v(x)
        if self.written_out:
            return self.head((self.soft(q @ k.mT * self.scale) @ v).mean(1))
        return self.head(functional.scaled_dot_product_attention(q, k, v, scale=self.scale).mean(1))


class Heads(nn.Module):
    """PyTorch's own attention with two heads."""

    def __init__(self, sharp: float = 1.0):
        super().__init__()
        self.heads, self.head = nn.MultiheadAttention(16, 2, batch_first=True), nn.Linear(16, 4)
        with torch.no_grad():
            self.heads.in_proj_weight[:32].mul_(sharp)

    def forward(self, x):
        return self.head(self.heads(x, x, x, need_weights=False)[0].mean(1))


def marked_tokens(rows: int = 256) -> Batch:
    """Eight tokens, of which one is marked and tells the class; the others tell wrong ones."""
    draw = drawn(3)
    x = torch.randn(rows, 8, 16, generator=draw)
    labels = torch.randint(0, 4, (rows,), generator=draw)
    row, at = torch.arange(rows), torch.randint(0, 8, (rows,), generator=draw)
    x[:, :, 0] = 0.0
    x[:, :, 1:5] = 2 * torch.randn(rows, 8, 4, generator=draw)
    x[row, at, :5] = 0.0
    x[row, at, 0] = 3.0
    x[row, at, 1 + labels] = 4.0
    return x, labels


MARKED = marked_tokens()
ANY_TOKENS = torch.randn(256, 8, 16, generator=drawn(4)), MARKED[1]


@SEEDS
@pytest.mark.parametrize(
    ("make", "layer"),
    [
        (lambda: Attention(scale=1.0, sharp=10.0), "k:attention"),
        (lambda: Heads(sharp=30.0), "heads:attention"),
        (lambda: Attention(scale=1.0, sharp=40.0, written_out=True), "soft"),
    ],
    ids=["functional", "module", "written out"],
)
def test_attention_with_logits_far_too_large_is_named(make, layer, seed, tmp_path):
    torch.manual_seed(seed)
    found = judged(tmp_path, make(), ANY_TOKENS, lr=0.01, every=5, steps=100)
    assert found.verdict == "stuck"
    assert leading(found) == ("FLOW103", "attention gain", "error")
    assert found.findings[0].layer == layer


@pytest.mark.parametrize("make", [Attention, Heads, lambda: Attention(written_out=True)])
def test_attention_that_learns_is_healthy(make, tmp_path):
    found = judged(
        tmp_path, make(), MARKED, optimizer=torch.optim.Adam, lr=0.01, every=10, steps=200
    )
    assert found.verdict == "learned"
    assert codes(found, "error", "warning") == []


@SEEDS
def test_attention_that_became_sharp_while_it_learned_is_a_note(seed, tmp_path):
    torch.manual_seed(seed)
    model = Attention(scale=1.0)
    found = judged(
        tmp_path, model, MARKED, optimizer=torch.optim.Adam, lr=0.03, every=10, steps=250
    )
    assert found.verdict == "learned"
    assert "FLOW103" in codes(found, "note")
    assert codes(found, "error", "warning") == []


def test_a_network_without_attention_is_not_judged_for_it(tmp_path):
    found = judged(tmp_path, chain(1, 16, nn.Tanh), TASK, steps=40)
    assert ("FLOW103", "no attention was observed") in found.not_judged


# -- saturated output --------------------------------------------------------------------------


def ending(activation: nn.Module, bias: float = 0.0, units: int = 1) -> nn.Sequential:
    """A network whose first output unit starts with this bias."""
    model = nn.Sequential(nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, units), activation)
    with torch.no_grad():
        model[2].bias[0] += bias
    return model


EVEN = (torch.arange(400) % 2).float()[:, None]
BINARY = {"sigmoid": EVEN, "tanh": 2 * EVEN - 1}


@SEEDS
@pytest.mark.parametrize(("activation", "bias"), [(nn.Sigmoid(), 20.0), (nn.Tanh(), 15.0)])
def test_a_flat_output_that_is_wrong_under_a_squared_error_is_stuck(
    activation, bias, seed, tmp_path
):
    torch.manual_seed(seed)
    data = TASK[0], BINARY[type(activation).__name__.lower()]
    found = judged(tmp_path, ending(activation, bias), data, loss=functional.mse_loss)
    assert found.verdict == "stuck"
    assert found.findings[0].severity == "error"
    flat = next(finding for finding in found.findings if finding.code == "FLOW104")
    assert (flat.cause, flat.layer, flat.severity) == ("loss end", "3", "error")
    assert found.findings[0].code in {"FLOW104", "FLOW404"}  # the squared error is why it is flat


@SEEDS
def test_the_same_output_under_cross_entropy_finds_its_way_back(seed, tmp_path):
    torch.manual_seed(seed)
    model = ending(nn.Sigmoid(), 12.0)
    found = judged(tmp_path, model, (TASK[0], EVEN), loss=functional.binary_cross_entropy, lr=0.5)
    assert found.verdict == "learned"
    assert "FLOW104" not in codes(found)
    assert codes(found, "error", "warning") == []


@pytest.mark.parametrize("activation", [nn.Sigmoid(), nn.Tanh()])
def test_a_squared_error_behind_an_output_that_becomes_right_is_innocent(activation, tmp_path):
    data = TASK[0], BINARY[type(activation).__name__.lower()]
    found = judged(
        tmp_path, ending(activation), data, loss=functional.mse_loss,
        optimizer=torch.optim.Adam, lr=0.03, steps=300,
    )  # fmt: skip
    assert found.verdict == "learned"
    assert "FLOW104" not in codes(found)
    assert codes(found, "error", "warning") == []
