"""`clinometer.forecast`: against slow loops, beside theory, and without a trace in the model."""

from __future__ import annotations

import copy
import json
import math
import random
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

import clinometer
from clinometer.errors import ForecastError, RequirementError
from networks import chain, initialise


class Residual(nn.Module):
    def __init__(self, width: int = 32):
        super().__init__()
        self.first, self.inside = nn.Linear(16, width), nn.Linear(width, width)
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 4)

    def forward(self, x):
        h = self.first(x)
        return self.head(self.norm(h + torch.tanh(self.inside(h))))


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3))


def test_gains_are_those_of_backpropagation_by_hand():
    torch.manual_seed(0)
    model = chain(3, 12, nn.Tanh, classes=5, inputs=7)
    x, labels = drawn(9, 7), torch.arange(9) % 5
    found = clinometer.forecast(
        model, x, loss=nn.functional.cross_entropy, targets=labels, inits=False
    )
    weights = [
        (p.weight.double().detach().numpy(), p.bias.double().detach().numpy()) for p in model[::2]
    ]
    h, inside = x.double().numpy(), []
    for w, b in weights:
        inside.append(h @ w.T + b)
        h = np.tanh(inside[-1])
    p = np.exp(inside[-1]) / np.exp(inside[-1]).sum(axis=1, keepdims=True)
    delta = (p - np.eye(5)[labels.numpy()]) / 9
    end = math.sqrt(np.mean(delta**2))
    arriving = [0.0]
    for (w, _), before in zip(weights[:0:-1], inside[-2::-1], strict=True):
        delta = (delta @ w) * (1 - np.tanh(before) ** 2)
        arriving.append(math.log10(math.sqrt(np.mean(delta**2)) / end))
    assert [row.arriving for row in found.rows] == pytest.approx(arriving[::-1], abs=1e-10)
    assert [row.size for row in found.rows] == pytest.approx(
        [0.5 * math.log10(np.mean(a**2)) for a in inside], abs=1e-10
    )
    assert found.start == pytest.approx(math.log10(end), abs=1e-10)


def test_the_parts_of_each_gain_add_up():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8),
        nn.GELU(), nn.Flatten(), nn.Linear(32, 6), nn.ReLU(), nn.Linear(6, 2),
    )  # fmt: skip
    rows = clinometer.forecast(model, drawn(8, 3, 10, 10), inits=False).rows
    assert [row.layer for row in rows] == ["0", "3", "7", "9"]
    for row, after in pairwise(rows):
        assert row.gain == pytest.approx(row.activation + row.other + after.weight, abs=1e-9)
    assert sum(row.gain for row in rows) == pytest.approx(rows[0].arriving, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "module"), [("relu", nn.ReLU), ("tanh", nn.Tanh), ("gelu", nn.GELU)]
)
def test_a_chain_of_linear_layers_lies_within_three_spreads_of_theory(name, module):
    torch.manual_seed(1)
    model = initialise(chain(20, 128, module), nn.init.xavier_normal_)
    found = clinometer.forecast(model, drawn(32, 128), inits=False)
    assert found.why_silent == ""
    assert abs(found.measured - found.expected) <= 3 * found.spread
    assert found.measured == pytest.approx(found.total, abs=1e-9)


def test_a_chain_of_convolutions_lies_within_three_tenths_of_a_decade_of_theory():
    torch.manual_seed(1)
    parts = [p for i in range(15) for p in (nn.Conv2d(32 if i else 3, 32, 3, padding=1), nn.Tanh())]
    found = clinometer.forecast(
        nn.Sequential(*parts, nn.Flatten(), nn.Linear(32 * 36, 10)), drawn(16, 3, 6, 6), inits=False
    )
    assert found.why_silent == ""
    assert abs(found.measured - found.expected) <= 0.3


def test_sixty_sigmoids_are_measured_where_float32_would_hold_nothing():
    torch.manual_seed(0)
    found = clinometer.forecast(chain(60, 64, nn.Sigmoid), drawn(8, 64), inits=False)
    assert found.dtype == "float64"
    assert found.total == pytest.approx(found.expected, abs=3 * found.spread)
    assert found.total < -45
    at = {(one.dtype, one.kind): one for one in found.reach}
    assert at["float32", "zero"].seen
    assert 40 < at["float32", "zero"].depth < 61


@pytest.mark.parametrize(
    ("model", "where"),
    [
        (Residual(), "paths part or meet"),
        (nn.Sequential(nn.Linear(16, 32), nn.BatchNorm1d(32), nn.Linear(32, 4)), "batch_norm"),
        (nn.Sequential(nn.Linear(16, 32), nn.LayerNorm(32), nn.Linear(32, 4)), "layer_norm"),
        (nn.Sequential(nn.Linear(16, 32), nn.LeakyReLU(0.3), nn.Linear(32, 4)), "leaky_relu"),
    ],
)
def test_theory_is_silent_where_it_does_not_know_and_says_where(model, where):
    found = clinometer.forecast(model, drawn(16, 16), inits=False)
    assert where in found.why_silent
    assert math.isnan(found.expected)
    assert math.isfinite(found.total)
    assert "no prediction" in str(found)


def test_theory_is_silent_on_weights_that_have_learned():
    model = chain(2, 32, nn.ReLU)
    with torch.no_grad():
        model[2].weight += torch.outer(drawn(32), drawn(32)) / 10
    assert "does not look drawn" in clinometer.forecast(model, drawn(8, 32)).why_silent


def state_of(model: nn.Module) -> dict:
    return {
        "state": {name: value.clone() for name, value in model.state_dict().items()},
        "grads": [None if p.grad is None else p.grad.clone() for p in model.parameters()],
        "wants": [p.requires_grad for p in model.parameters()],
        "modes": [part.training for part in model.modules()],
        "hooks": [
            (len(part._forward_hooks), len(part._forward_pre_hooks), len(part._backward_hooks))
            for part in model.modules()
        ],
        "streams": (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()),  # noqa: NPY002
    }


def same(one, other) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, np.ndarray):
        return bool((one == other).all())
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def test_the_model_its_gradients_modes_hooks_and_the_random_streams_are_left_as_they_were():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(16, 32),
        nn.BatchNorm1d(32),
        nn.ReLU(inplace=True),
        nn.Dropout(0.3),
        nn.Linear(32, 4),
    )
    model[1].eval()
    model[0].bias.requires_grad_(False)
    model(drawn(8, 16)).sum().backward()
    x = drawn(8, 16)
    before, kept = state_of(model), x.clone()
    clinometer.forecast(model, x)
    assert same(before, state_of(model))
    assert torch.equal(x, kept)
    assert not x.requires_grad


def test_a_forecast_is_the_same_each_time():
    model = chain(3, 16, nn.ReLU)
    one, other = (clinometer.forecast(model, drawn(8, 16)).to_dict() for _ in range(2))
    assert one == other


def test_other_inits_are_measured_beside_their_theory():
    torch.manual_seed(0)
    found = clinometer.forecast(chain(12, 128, nn.ReLU), drawn(32, 128))
    by_name = {one.name: one for one in found.inits}
    assert set(by_name) == {"Glorot", "He", "orthogonal", "unit output (LSUV)"}
    for one in by_name.values():
        assert abs(one.measured - one.expected) <= 3 * one.spread
    assert by_name["He"].measured > by_name["Glorot"].measured > found.total


def test_require_passes_a_sound_network_and_names_the_layer_of_another():
    torch.manual_seed(0)
    sound = initialise(chain(5, 128, nn.ReLU, classes=128), nn.init.kaiming_normal_)
    found = clinometer.forecast(sound, drawn(32, 128))
    assert (
        found.require(gain=(-0.2, 0.2), total=(-0.5, 0.5), carried_by="float16", theory=0.3)
        is found
    )
    with torch.no_grad():
        sound[4].weight.mul_(0.01)
    with pytest.raises(
        RequirementError, match=r"layer 2 \(Linear\): gain -2.*larger first weights"
    ) as unmet:
        clinometer.forecast(sound, drawn(32, 128)).require(gain=(-0.2, 0.2))
    assert isinstance(unmet.value, AssertionError)


def test_what_was_not_measured_does_not_pass():
    found = clinometer.forecast(Residual(), drawn(8, 16), inits=False)
    with pytest.raises(RequirementError, match="no prediction to compare with"):
        found.require(theory=0.3)
    with pytest.raises(RequirementError, match="no width check"):
        found.require(width=0.1)


def test_the_width_check_finds_what_grows_with_width():
    def make(width: int = 32) -> nn.Module:
        model = nn.Sequential(
            nn.Linear(16, width), nn.ReLU(), nn.Linear(width, width), nn.Linear(width, 4)
        )
        nn.init.normal_(model[2].weight, std=0.1)  # grows with the root of the width
        return model

    found = clinometer.forecast(make, drawn(32, 16), widths=(32, 64, 128, 256), draws=4)
    slopes = {one.layer: one for one in found.widths}
    assert (
        slopes["0"].interval[0] <= 0.0 <= slopes["0"].interval[1] or abs(slopes["0"].slope) < 0.05
    )
    assert slopes["2"].slope == pytest.approx(0.5, abs=0.1)
    with pytest.raises(RequirementError, match="layer 2: the output goes with width"):
        found.require(width=0.2)


def test_with_a_loss_the_change_in_a_few_steps_is_told_too():
    def make(width: int = 32) -> nn.Module:
        return nn.Sequential(nn.Linear(16, width), nn.ReLU(), nn.Linear(width, 4))

    found = clinometer.forecast(
        make,
        drawn(16, 16),
        loss=nn.functional.cross_entropy,
        targets=torch.arange(16) % 4,
        widths=(16, 32, 64),
    )
    assert {one.what for one in found.widths} == {"output", "change"}


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.head = nn.Embedding(50, 8), nn.Linear(11, 3)

    def forward(self, ids, more):
        return {"logits": self.head(torch.cat([self.table(ids).mean(1), more], dim=1)), "ids": ids}


@pytest.mark.parametrize("by_name", [True, False])
def test_several_inputs_and_outputs_in_a_dict_are_taken(by_name):
    ids, more = torch.arange(20).reshape(4, 5), drawn(4, 3)
    inputs = {"more": more, "ids": ids} if by_name else (ids, more)
    assert [row.layer for row in clinometer.forecast(Two(), inputs).rows] == ["table", "head"]


@pytest.mark.parametrize(
    "part", [nn.LSTM(8, 8, batch_first=True), nn.TransformerEncoderLayer(8, 2, 16)]
)
def test_recurrent_and_attention_layers_are_measured(part):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = part, nn.Linear(8, 2)

        def forward(self, x):
            out = self.body(x)
            return self.head(out[0] if isinstance(out, tuple) else out)

    found = clinometer.forecast(Net(), drawn(4, 5, 8))
    assert all(math.isfinite(row.arriving) for row in found.rows)


def test_bfloat16_models_are_measured_in_float64():
    model = chain(4, 16, nn.ReLU).bfloat16()
    found = clinometer.forecast(model, drawn(8, 16).bfloat16())
    assert found.dtype == "float64"
    assert model[0].weight.dtype is torch.bfloat16


def test_a_model_that_only_runs_in_its_own_dtype_is_measured_there_and_says_so():
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.head = nn.Linear(8, 8), nn.Linear(8, 2)

        def forward(self, x):
            return self.head(self.first(x) @ torch.eye(8))

    found = clinometer.forecast(Fixed(), drawn(4, 8))
    assert found.dtype == "float32"
    assert "does not run in float64" in str(found)


def test_a_network_whose_first_weights_are_zero_sends_nothing_back_and_the_json_is_strict():
    model = chain(3, 8, nn.ReLU)
    nn.init.zeros_(model[2].weight)
    found = clinometer.forecast(model, drawn(4, 8))
    assert "exactly zero" in str(found)
    listed = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert listed["total"] == "zero"
    with pytest.raises(RequirementError, match="zero"):
        found.require(gain=(-1, 1))


@pytest.mark.parametrize(
    ("model", "inputs", "said"),
    [
        (chain(2, 8, nn.ReLU), drawn(4, 9), r"does not run on the inputs.*\(4, 9\)"),
        (nn.Embedding(4, 3), drawn(4, 3), "whole numbers"),
        (lambda: 3, drawn(4, 3), "returned int"),
        (3, drawn(4, 3), "expected a torch.nn.Module"),
        (nn.ReLU(), drawn(4, 3), "no layer with a weight matrix"),
        (lambda width: width, drawn(4, 3), "called without arguments"),
    ],
)
def test_what_cannot_be_measured_is_said(model, inputs, said):
    with pytest.raises(ForecastError, match=f"(?s){said}"):
        clinometer.forecast(model, inputs)


def test_the_report_keeps_to_eighty_columns_and_shows_itself_in_a_notebook():
    found = clinometer.forecast(copy.deepcopy(chain(30, 16, nn.Tanh)), drawn(4, 16))
    assert max(map(len, str(found).splitlines())) <= 80
    assert found._repr_html_().startswith("<pre>FORECAST")
