"""What the factors of a line are held against, and which is blamed; profiles through time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import clinometer
from clinometer.diagnosis.ledger import FACTORS, GAINS, lags, ledger
from networks import chain
from truth import record, rms, steps

GOLDEN = Path(__file__).parent / "golden"
LABELS = torch.arange(24) % 5


def sequences(out):
    labels = torch.where(torch.arange(24) % 4 == 0, -100, LABELS)
    return functional.cross_entropy(out.reshape(-1, 5)[:24], labels)


LOSSES = {
    "mean": lambda out: functional.cross_entropy(out, LABELS),
    "sum": lambda out: functional.cross_entropy(out, LABELS, reduction="sum"),
    "padded": sequences,
    "binary": lambda out: functional.binary_cross_entropy_with_logits(
        out, (torch.arange(120) % 3 == 0).double().reshape(24, 5)
    ),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_network_that_predicts_all_classes_alike_has_the_loss_end_of_its_reference(
    loss, tmp_path
):
    torch.manual_seed(0)
    model, inputs = chain(2, 6, nn.Tanh, classes=5).double(), torch.randn(24, 6).double()
    nn.init.zeros_(model[-1].weight)
    nn.init.zeros_(model[-1].bias)
    recording = record(tmp_path, model, steps(model, [lambda m: LOSSES[loss](m(inputs))]))
    line = next(line for line in ledger(recording)[0] if line.layer == "4")
    expected = float(line.factors["loss_end"][0])
    assert line.reference["loss_end"] == pytest.approx(expected, abs=1e-6)


def test_a_loss_without_a_uniform_prediction_is_held_against_the_run_itself(tmp_path):
    torch.manual_seed(1)
    model, inputs = chain(1, 6, nn.Tanh, classes=5).double(), torch.randn(24, 6).double()
    losses = [lambda m, s=s: s * m(inputs).square().mean() for s in (1.0, 10.0, 0.1, 0.1)]
    recording = record(tmp_path, model, steps(model, losses, lr=1e-9))
    line = ledger(recording)[0][0]
    assert line.reference["loss_end"] == pytest.approx(float(line.factors["loss_end"][0]))
    late = np.array([False, False, True, True])
    assert line.shortfall(late)["loss_end"] == pytest.approx(1.0, abs=1e-6)
    assert line.shortfall(late)["optimizer"] == pytest.approx(0.0, abs=1e-6)
    assert line.blame(late)[0] == "loss_end"


def test_a_step_of_exactly_nothing_is_blamed_and_is_no_reference(tmp_path):
    torch.manual_seed(6)
    model, inputs = chain(1, 6, nn.Tanh, classes=5), torch.randn(24, 6)

    def train(rates):
        stepper = torch.optim.SGD(model.parameters(), lr=0.0)
        for stepper.param_groups[0]["lr"] in rates:
            stepper.zero_grad()
            LOSSES["mean"](model(inputs)).backward()
            stepper.step()

    warmed = ledger(record(tmp_path, model, lambda: train([0.0, 0.1, 0.1, 0.1] * 2)))[0][0]
    assert warmed.reference["optimizer"] == pytest.approx(-1.0, abs=1e-6)
    still = ledger(record(tmp_path, model, lambda: train([0.0] * 4)))[0][0]
    assert np.isnan(still.reference["optimizer"])
    assert still.blame(np.ones(4, dtype=bool)) == ("optimizer", np.inf)


def test_pooling_and_picking_are_held_against_what_they_do_by_definition(tmp_path):
    class Pooled(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.head = nn.Conv2d(2, 4, 3, padding=1), nn.Linear(4, 5)

        def forward(self, x):
            return self.head(self.first(x).mean(dim=(2, 3)))

    torch.manual_seed(2)
    model, inputs = Pooled(), torch.randn(6, 2, 4, 4)
    loss = lambda m: functional.cross_entropy(m(inputs), LABELS[:6])  # noqa: E731
    line = ledger(record(tmp_path, model, steps(model, [loss])))[0][0]
    assert line.factors["other"][0] == pytest.approx(-np.log10(16), abs=1e-6)
    assert line.reference["other"] == pytest.approx(-np.log10(16), abs=1e-6)


def test_a_sigmoid_falls_short_of_lossless_even_at_its_best(tmp_path):
    torch.manual_seed(3)
    model, inputs = chain(3, 64, nn.Sigmoid, classes=5), torch.randn(24, 64)
    recording = record(tmp_path, model, steps(model, [lambda m: LOSSES["mean"](m(inputs))], lr=0.1))
    line = ledger(recording)[0][0]
    factor, lost = line.blame(np.array([True]))
    assert factor == "activation"
    assert lost == pytest.approx(3 * np.log10(4), abs=0.15)


def test_a_recording_of_schema_1_keeps_its_lines():
    lines, missing = ledger(clinometer.read(GOLDEN / "schema1.clino"))
    assert not missing
    assert [line.layer for line in lines] == ["0", "0.bias", "2", "2.bias"]
    for line in lines:
        assert np.abs(line.residual).max() < 1e-5
    first = lines[0]
    assert first.path == ("1", "2")
    assert first.roles == {"1": "activation", "2": "weight"}
    assert first.factors["activation"][-1] == pytest.approx(-0.6419, abs=1e-4)
    assert tuple(first.factors) == FACTORS


def test_a_recording_made_by_hand_that_holds_no_network_has_no_line():
    lines, missing = ledger(clinometer.read(GOLDEN / "schema2.clino"))
    assert not lines
    assert list(missing) == ["layer.0"]


@pytest.mark.parametrize("kind", ["cell", "lstm"])
def test_the_profile_through_time_is_that_of_autograd(kind, tmp_path):
    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.RNNCell(3, 8) if kind == "cell" else nn.LSTM(3, 8, batch_first=True)
            self.head = nn.Linear(8, 5)

        def forward(self, x, keep=None):
            if kind == "lstm":
                return self.head(self.layer(x)[0][:, -1])
            state = x.new_zeros(len(x), 8)
            for at in range(x.shape[1]):
                state = self.layer(x[:, at], state)
                if keep is not None:
                    state.retain_grad()
                    keep.append(state)
            return self.head(state)

    torch.manual_seed(4)
    model, inputs = Reader().double(), torch.randn(6, 9, 3).double()
    loss = lambda out: functional.cross_entropy(out, LABELS[:6])  # noqa: E731
    recording = record(tmp_path, model, steps(model, [lambda m: loss(m(inputs))]))
    at, profile, length = lags(recording)["layer"]
    assert length == 9
    assert profile.shape == (1, len(at))
    states: list[torch.Tensor] = []
    given = inputs.clone().requires_grad_()
    loss(model(given, states) if kind == "cell" else model(given)).backward()
    by_time = (
        [rms(state.grad) for state in states]
        if kind == "cell"
        else [rms(given.grad[:, t]) for t in range(9)]
    )
    for lag, found in zip(at, profile[0], strict=True):
        if lag < 9:
            expected = np.log10(by_time[8 - lag] / by_time[8])
            assert found == pytest.approx(expected, abs=1e-5), lag
        else:
            assert np.isnan(found)


def test_gains_are_the_factors_of_the_chain_rule_and_none_is_missing_from_a_line(tmp_path):
    torch.manual_seed(5)
    model, inputs = chain(1, 6, nn.Tanh, classes=5), torch.randn(24, 6)
    recording = record(tmp_path, model, steps(model, [lambda m: LOSSES["mean"](m(inputs))]))
    for line in ledger(recording)[0]:
        assert set(GAINS) <= set(line.factors)
        assert line.spoken.startswith("layer" if line.is_weight else "parameter")
