"""Initialisation, inputs and targets (FLOW203, 205 to 208): sick, put right, and innocent look-alikes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

import clinometer
from clinometer.diagnosis.diagnosis import Diagnosis
from networks import Batch, batches, blobs, chain, codes, initialise, judged
from truth import record

TASK = blobs(400, 16, 4)
SEEDS = pytest.mark.parametrize("seed", range(3))


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def clean(found: Diagnosis) -> bool:
    """Whether nothing graver than a note is said."""
    return codes(found, "error", "warning") == []


def leading(found: Diagnosis) -> tuple[str, str, str]:
    """Code, cause and layer of the first finding."""
    return found.findings[0].code, found.findings[0].cause, found.findings[0].layer


def said(found: Diagnosis, code: str) -> list[str]:
    """Severities of a rule's findings."""
    return [finding.severity for finding in found.findings if finding.code == code]


class Pixels(nn.Module):
    """The same task as a small image: two convolutions and a head."""

    def __init__(self, bend: Callable[[torch.Tensor], torch.Tensor] = torch.relu):
        super().__init__()
        self.stem, self.body = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Linear(8 * 16, 4)
        self.bend = bend

    def forward(self, x):
        z = self.bend(self.body(self.bend(self.stem(x.view(-1, 1, 4, 4)))))
        return self.head(z.flatten(1))


def regression(
    folder: Path, model: nn.Module, data: Batch, *, rate: float, steps: int = 200
) -> Diagnosis:
    return judged(
        folder, model, data, loss=functional.mse_loss, lr=rate, steps=steps, every=5, size=32
    )


# -- symmetric initialisation --------------------------------------------------------------------


@pytest.mark.parametrize("value", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("activation", [nn.Tanh, nn.ReLU, nn.Sigmoid])
def test_weights_of_one_constant_are_named(value, activation, tmp_path):
    model = initialise(chain(2, 16, activation, classes=4), lambda w: nn.init.constant_(w, value))
    found = judged(tmp_path, model, TASK, every=5, steps=100)
    assert leading(found)[:2] == ("FLOW203", "symmetry")
    assert found.findings[0].layer in {"0", "2"}
    assert set(found.findings[0].layers) == {"0", "2"}
    assert found.findings[0].severity in {"error", "warning"}


def test_convolutions_of_ones_are_named(tmp_path):
    model = initialise(Pixels(), lambda w: nn.init.constant_(w, 0.05))
    found = judged(tmp_path, model, TASK, every=5, steps=100)
    assert leading(found)[:2] == ("FLOW203", "symmetry")
    assert set(found.findings[0].layers) == {"stem", "body"}


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam])
def test_weights_of_zero_are_named(optimizer, tmp_path):
    model = initialise(chain(2, 16, nn.Tanh, classes=4), nn.init.zeros_)
    found = judged(tmp_path, model, TASK, every=5, steps=150, optimizer=optimizer, lr=0.05)
    assert leading(found)[:2] == ("FLOW203", "symmetry")
    assert found.findings[0].severity == "error"


@SEEDS
def test_random_weights_are_innocent(seed, tmp_path):
    torch.manual_seed(seed)
    found = judged(tmp_path, chain(2, 16, nn.Tanh, classes=4), TASK, every=5)
    assert "FLOW203" not in codes(found)
    assert clean(found)


def test_a_head_that_starts_at_zero_is_innocent(tmp_path):
    model = chain(2, 16, nn.Tanh, classes=4)
    nn.init.zeros_(model[-1].weight)
    nn.init.zeros_(model[-1].bias)
    found = judged(tmp_path, model, TASK, every=5)
    assert "FLOW203" not in codes(found)
    assert clean(found)


def test_logistic_regression_from_zero_is_innocent(tmp_path):
    model = initialise(nn.Sequential(nn.Linear(16, 4)), nn.init.zeros_)
    found = judged(tmp_path, model, TASK, every=5)
    assert "FLOW203" not in codes(found)
    assert clean(found)


class Residual(nn.Module):
    """Blocks whose last layer starts at zero."""

    def __init__(self):
        super().__init__()
        self.enter = nn.Linear(16, 24)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 24)) for _ in range(3)
        )
        self.head = nn.Linear(24, 4)
        for block in self.blocks:
            nn.init.zeros_(block[2].weight)
            nn.init.zeros_(block[2].bias)

    def forward(self, x):
        x = torch.relu(self.enter(x))
        for block in self.blocks:
            x = x + block(x)
        return self.head(x)


class Adapted(nn.Module):
    """A frozen layer with a low-rank addition A B, B = 0."""

    def __init__(self):
        super().__init__()
        self.base, self.head = nn.Linear(16, 24), nn.Linear(24, 4)
        self.down, self.up = nn.Linear(16, 2, bias=False), nn.Linear(2, 24, bias=False)
        nn.init.zeros_(self.up.weight)
        self.base.requires_grad_(False)

    def forward(self, x):
        return self.head(torch.tanh(self.base(x) + self.up(self.down(x))))


@pytest.mark.parametrize("network", [Residual, Adapted])
@pytest.mark.parametrize("every", [1, 5])
def test_a_factor_that_starts_at_zero_and_moves_is_innocent(network, every, tmp_path):
    model = network()
    moving = [p for p in model.parameters() if p.requires_grad]

    def train():
        stepper = torch.optim.SGD(moving, lr=0.1)
        stream = batches(TASK, 64)
        for _ in range(200):
            inputs, labels = next(stream)
            stepper.zero_grad()
            functional.cross_entropy(model(inputs), labels).backward()
            stepper.step()

    found = clinometer.diagnose(record(tmp_path, model, train, every=every))
    assert not {"FLOW203", "FLOW207", "FLOW408"} & set(codes(found))
    assert clean(found)


def test_a_normalisation_whose_gains_are_all_one_is_innocent(tmp_path):
    model = nn.Sequential(nn.Linear(16, 24), nn.LayerNorm(24), nn.ReLU(), nn.Linear(24, 4))
    found = judged(tmp_path, model, TASK, every=5)
    assert "FLOW203" not in codes(found)


# -- unscaled input ----------------------------------------------------------------------------


@SEEDS
@pytest.mark.parametrize("activation", [nn.Tanh, nn.Sigmoid])
def test_inputs_of_a_thousand_are_named(seed, activation, tmp_path):
    torch.manual_seed(seed)
    labels = torch.randint(0, 4, (400,))
    data = TASK[0] * 1000 + 3000, labels
    found = judged(tmp_path, chain(2, 16, activation, classes=4), data, every=5)
    assert leading(found) == ("FLOW205", "input size", "0")
    assert found.findings[0].severity in {"error", "warning"}
    assert found.findings[0].evidence[0].value > 1000


def test_bytes_that_are_not_divided_by_255_and_stop_convolutions_are_named(tmp_path):
    draw = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (400, 16), generator=draw).float()
    labels = torch.randint(0, 4, (400,), generator=draw)
    found = judged(tmp_path, Pixels(torch.tanh), (images, labels), every=5, lr=0.05)
    assert leading(found) == ("FLOW205", "input size", "stem")
    assert found.findings[0].severity in {"error", "warning"}


def test_one_feature_that_dwarfs_the_others_is_named(tmp_path):
    inputs = TASK[0].clone()
    inputs[:, 3] = torch.randn(400) * 5000  # says nothing, and drowns the rest
    found = judged(tmp_path, chain(2, 16, nn.Tanh, classes=4), (inputs, TASK[1]), every=5, lr=0.01)
    assert "FLOW205" in codes(found)
    finding = next(f for f in found.findings if f.code == "FLOW205")
    largest, middle = finding.evidence[1].value, finding.evidence[2].value
    assert largest > 1000 * middle


def test_inputs_of_a_millionth_that_stop_a_network_are_named(tmp_path):
    data = TASK[0] * 1e-6, TASK[1]
    found = judged(tmp_path, chain(2, 16, nn.Tanh, classes=4), data, every=5)
    assert leading(found) == ("FLOW205", "input size", "0")
    assert found.findings[0].severity == "error"


@pytest.mark.parametrize("network", [lambda: chain(2, 16, nn.Tanh, classes=4), Pixels])
def test_standardised_inputs_are_innocent(network, tmp_path):
    found = judged(tmp_path, network(), TASK, every=5, steps=200)
    assert "FLOW205" not in codes(found)
    assert clean(found)


class Normed(nn.Module):
    """A first layer that normalises the raw data."""

    def __init__(self, norm: nn.Module):
        super().__init__()
        self.norm, self.body, self.head = norm, nn.Linear(16, 24), nn.Linear(24, 4)

    def forward(self, x):
        return self.head(torch.tanh(self.body(self.norm(x))))


@pytest.mark.parametrize("norm", [nn.BatchNorm1d, nn.LayerNorm])
def test_raw_inputs_of_a_normalisation_are_innocent(norm, tmp_path):
    data = TASK[0] * 300, TASK[1]
    found = judged(tmp_path, Normed(norm(16)), data, every=5)
    assert "FLOW205" not in codes(found)
    assert clean(found)


def test_large_inputs_of_a_network_that_learns_are_a_note_at_most(tmp_path):
    data = TASK[0] * 30, TASK[1]
    model = chain(2, 32, nn.ReLU, classes=4, inputs=16)
    found = judged(tmp_path, model, data, every=5, steps=300, optimizer=torch.optim.Adam, lr=1e-3)
    assert found.verdict in {"learning", "learned"}
    assert set(said(found, "FLOW205")) <= {"note"}
    assert clean(found)


def test_tokens_have_no_scale(tmp_path):
    """Numbers of words go into an embedding: however large, they are names."""
    words = torch.randint(0, 5000, (400, 6))
    labels = (words[:, 0] > 2500).long()
    model = nn.Sequential(nn.Embedding(5000, 8), nn.Flatten(), nn.Linear(48, 2))
    found = judged(
        tmp_path, model, (words, labels), every=5, steps=100, optimizer=torch.optim.Adam, lr=0.05
    )
    assert "FLOW205" not in codes(found)


# -- bad initialisation --------------------------------------------------------------------------


@SEEDS
@pytest.mark.parametrize("std", [0.01, 0.03])
def test_tiny_weights_of_a_deep_network_are_named(seed, std, tmp_path):
    torch.manual_seed(seed)
    model = initialise(
        chain(7, 24, nn.Tanh, classes=4, inputs=16), lambda w: w.data.normal_(0, std)
    )
    found = judged(tmp_path, model, TASK, every=5)
    assert leading(found)[:2] == ("FLOW206", "weight gain")
    assert found.findings[0].severity == "error"


def test_unit_normal_weights_of_a_deep_relu_network_are_named(tmp_path):
    model = initialise(chain(5, 64, nn.ReLU, classes=4, inputs=16), nn.init.normal_)
    found = judged(tmp_path, model, TASK, every=1, steps=60, lr=0.01)
    assert leading(found)[:2] == ("FLOW206", "weight gain")
    assert found.findings[0].severity in {"error", "warning"}


@pytest.mark.parametrize(
    "fill",
    [
        lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"),
        lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu"),
        nn.init.xavier_uniform_,
        nn.init.orthogonal_,
        lambda w: w,
    ],
)
def test_usual_schemes_are_innocent(fill, tmp_path):
    model = initialise(chain(3, 32, nn.ReLU, classes=4, inputs=16), fill)
    found = judged(tmp_path, model, TASK, every=5, steps=300)
    assert "FLOW206" not in codes(found)
    assert clean(found)


def test_small_weights_between_normalisations_are_innocent(tmp_path):
    layers = []
    for i in range(4):
        layers += [nn.Linear(16 if i == 0 else 24, 24, bias=False), nn.BatchNorm1d(24), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(24, 4))
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.01)
    found = judged(tmp_path, model, TASK, every=5, steps=200)
    assert "FLOW206" not in codes(found)
    assert clean(found)


def test_the_small_normal_weights_of_a_shallow_network_that_learns_are_innocent(tmp_path):
    model = initialise(
        chain(1, 64, nn.Tanh, classes=4, inputs=16), lambda w: w.data.normal_(0, 0.02)
    )
    found = judged(tmp_path, model, TASK, every=5, optimizer=torch.optim.Adam, lr=3e-3, steps=200)
    assert found.verdict in {"learning", "learned"}
    assert clean(found)


# -- linear network ----------------------------------------------------------------------------


def circles(rows: int = 400) -> Batch:
    """An inner and an outer ring: no plane separates them."""
    draw = torch.Generator().manual_seed(0)
    angle = 2 * torch.pi * torch.rand(rows, generator=draw)
    labels = torch.arange(rows) % 2
    radius = 0.5 + labels + 0.05 * torch.randn(rows, generator=draw)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1), labels


class Plain(nn.Module):
    def __init__(self, bend: Callable[[torch.Tensor], torch.Tensor] = lambda z: z):
        super().__init__()
        self.first, self.second, self.third = nn.Linear(2, 24), nn.Linear(24, 24), nn.Linear(24, 2)
        self.bend = bend

    def forward(self, x):
        return self.third(self.bend(self.second(self.bend(self.first(x)))))


def _dropped():
    return nn.Sequential(nn.Linear(2, 24), nn.Dropout(0.1), nn.Linear(24, 24), nn.Linear(24, 2))


def _normed():
    return nn.Sequential(nn.Linear(2, 24), nn.BatchNorm1d(24), nn.Linear(24, 2))


@pytest.mark.parametrize(("network", "place"), [(Plain, "first"), (_dropped, "0"), (_normed, "0")])
@pytest.mark.parametrize("every", [1, 10])
def test_a_network_without_a_nonlinearity_is_named(network, place, every, tmp_path):
    found = judged(tmp_path, network(), circles(), every=every)
    assert leading(found)[:2] == ("FLOW207", "no nonlinearity")
    assert place in found.findings[0].layers
    assert found.findings[0].severity == "error"
    assert found.verdict == "stuck"
    assert "it can only draw a plane" in found.findings[0].explanation


def test_convolutions_without_a_nonlinearity_are_named(tmp_path):
    found = judged(tmp_path, Pixels(lambda z: z), TASK, every=5)
    assert leading(found) == ("FLOW207", "no nonlinearity", "stem")
    assert found.findings[0].severity in {"error", "warning"}


@pytest.mark.parametrize(
    "bend", [torch.relu, torch.tanh, functional.gelu, torch.sin, torch.square, torch.abs]
)
def test_whatever_bends_is_innocent(bend, tmp_path):
    found = judged(
        tmp_path, Plain(bend), circles(), every=5, steps=200, optimizer=torch.optim.Adam, lr=1e-2
    )
    assert "FLOW207" not in codes(found)
    assert clean(found)


@pytest.mark.parametrize("network", [lambda: nn.Linear(16, 4), lambda: chain(1, 16, nn.ReLU, 4)])
def test_a_single_linear_layer_and_one_with_a_bend_are_innocent(network, tmp_path):
    found = judged(tmp_path, network(), TASK, every=5)
    assert "FLOW207" not in codes(found)
    assert clean(found)


def test_a_linear_autoencoder_is_factorised_on_purpose(tmp_path):
    inputs = TASK[0]
    model = nn.Sequential(nn.Linear(16, 3), nn.Linear(3, 16))
    found = regression(tmp_path, model, (inputs, inputs), rate=0.3, steps=300)
    assert "FLOW207" not in codes(found)
    assert clean(found)


def test_a_projection_without_a_bend_in_a_network_that_bends_is_a_note_at_most(tmp_path):
    model = nn.Sequential(nn.Linear(16, 24), nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 4))
    found = judged(tmp_path, model, TASK, every=5)
    assert set(said(found, "FLOW207")) <= {"note"}
    assert clean(found)


def test_depthwise_and_pointwise_convolutions_are_innocent(tmp_path):
    class Separable(nn.Module):
        def __init__(self):
            super().__init__()
            self.enter = nn.Conv2d(1, 8, 1)
            self.depth = nn.Conv2d(8, 8, 3, padding=1, groups=8)
            self.point = nn.Conv2d(8, 8, 1)
            self.head = nn.Linear(128, 4)

        def forward(self, x):
            z = torch.relu(self.enter(x.view(-1, 1, 4, 4)))
            return self.head(torch.relu(self.point(self.depth(z))).flatten(1))

    found = judged(tmp_path, Separable(), TASK, every=5)
    assert "FLOW207" not in codes(found)
    assert clean(found)


# -- unscaled target -----------------------------------------------------------------------------


def line(rows: int = 400, scale: float = 1.0, offset: float = 0.0) -> Batch:
    """A target that a linear model explains to nine tenths."""
    draw = torch.Generator().manual_seed(2)
    inputs = torch.randn(rows, 8, generator=draw)
    clean_target = inputs @ torch.randn(8, 1, generator=draw) / 8**0.5
    target = clean_target + 0.3 * torch.randn(rows, 1, generator=draw)
    return inputs, target * scale + offset


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.out = nn.Linear(8, 32), nn.Linear(32, 1)

    def forward(self, x):
        return self.out(torch.relu(self.body(x)))


def _sequential():
    return nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 1))


@SEEDS
@pytest.mark.parametrize("network", [Regressor, _sequential])
def test_prices_that_a_careful_optimizer_never_reaches_are_named(seed, network, tmp_path):
    torch.manual_seed(seed)
    found = judged(
        tmp_path, network(), line(scale=5e4, offset=2e5), loss=functional.mse_loss, every=5,
        optimizer=torch.optim.Adam, lr=1e-3,
    )  # fmt: skip
    assert leading(found)[:2] == ("FLOW208", "loss end")
    assert found.findings[0].layer in {"out", "2"}  # the last layer
    assert found.findings[0].severity in {"error", "warning"}
    assert found.findings[0].evidence[0].value == pytest.approx(2.06e5, rel=0.05)


@pytest.mark.parametrize(("network", "rate"), [(Regressor, 0.1), (_sequential, 0.3)])
def test_a_target_so_large_that_the_first_steps_overflow_is_named(network, rate, tmp_path):
    found = regression(tmp_path, network(), line(scale=300, offset=1500), rate=rate, steps=60)
    assert leading(found)[:2] == ("FLOW208", "loss end")
    assert found.findings[0].layer in {"out", "2"}  # the last layer
    assert found.findings[0].severity == "error"
    assert found.verdict == "diverged"


@pytest.mark.parametrize("network", [Regressor, _sequential])
def test_a_standardised_target_is_innocent(network, tmp_path):
    found = regression(tmp_path, network(), line(), rate=0.05)
    assert "FLOW208" not in codes(found)
    assert clean(found)


def test_a_large_target_that_is_learned_all_the_same_is_innocent(tmp_path):
    found = judged(
        tmp_path, Regressor(), line(scale=20), loss=functional.mse_loss, every=5, steps=400,
        optimizer=torch.optim.Adam, lr=0.03,
    )  # fmt: skip
    assert found.course.learned > 0.5
    assert "FLOW208" not in codes(found)
    assert clean(found)


def test_class_labels_are_no_target_of_a_regression(tmp_path):
    labels = TASK[1] + 90
    found = judged(tmp_path, chain(1, 32, nn.ReLU, 100, inputs=16), (TASK[0], labels), every=5)
    assert "FLOW208" not in codes(found)
    assert clean(found)
