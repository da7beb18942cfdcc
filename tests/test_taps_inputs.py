"""What the network is given: means and spreads of its raw data, by NumPy in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from truth import apart, places, record, row, steps


def by_hand(rows) -> dict[str, float]:
    """Columns of `INPUT` from (examples, features), one feature at a time."""
    rows = np.asarray(rows, dtype=np.float64)
    features = [rows[:, i] for i in range(rows.shape[1])]
    spreads = [float(np.sqrt(np.mean((f - f.mean()) ** 2))) for f in features]
    return {
        "examples": len(rows),
        "features": len(features),
        "constant": sum(len(set(f.tolist())) == 1 for f in features) / len(features),
        "offset": float(np.sqrt(np.mean([f.mean() ** 2 for f in features]))),
        "spread": float(np.sqrt(np.mean(np.square(spreads)))),
        "largest": max(spreads),
        "middle": float(np.median(spreads)),
    }


def recorded(tmp_path, model, inputs, times: int = 1):
    def loss(network):
        out = network(inputs)
        return (out[0] if isinstance(out, tuple) else out).square().mean()

    return record(tmp_path, model, steps(model, [loss] * times))


def data(*shape: int) -> torch.Tensor:
    """Features of unlike offset and spread, one of them constant; the second axis has them."""
    torch.manual_seed(5)
    scale = torch.logspace(-2, 3, shape[1]).reshape(1, -1, *[1] * (len(shape) - 2))
    found = (torch.randn(shape) + 3) * scale
    found[:, 1] = 7.0
    return found


def last_axis(inputs):
    return inputs.reshape(-1, inputs.shape[-1])


def channels(inputs):
    return inputs.flatten(2).movedim(1, 2).flatten(0, 1)


CASES = {
    "linear": (nn.Linear(5, 3), data(16, 5), last_axis),
    "linear on a sequence": (nn.Linear(6, 3), data(4, 5, 6), last_axis),
    "layer norm": (nn.LayerNorm(5), data(16, 5), last_axis),
    "batch norm": (nn.BatchNorm1d(5), data(16, 5), last_axis),
    "batch norm of pictures": (nn.BatchNorm2d(3), data(4, 3, 5, 5), channels),
    "group norm": (nn.GroupNorm(1, 4), data(4, 4, 5), channels),
    "convolution": (nn.Conv2d(3, 4, 3), data(8, 3, 6, 5), channels),
    "convolution in one dimension": (nn.Conv1d(3, 4, 3), data(8, 3, 9), channels),
    "transposed convolution": (nn.ConvTranspose1d(3, 4, 3), data(8, 3, 9), channels),
    "lstm": (nn.LSTM(6, 4), data(7, 5, 6), last_axis),
    "gru, batch first": (nn.GRU(6, 4, batch_first=True), data(7, 5, 6), last_axis),
    "half precision": (nn.Linear(5, 3).bfloat16(), data(16, 5).bfloat16(), last_axis),
}


@pytest.mark.parametrize("case", list(CASES))
def test_the_input_of_a_first_layer(case, tmp_path):
    layer, inputs, rows = CASES[case]
    recording = recorded(tmp_path, nn.Sequential(layer), inputs)
    assert list(places(recording, "input")) == ["0"]
    found = row(recording, "input", "0")
    assert found["seen"] == 1
    assert not apart(by_hand(rows(inputs).double()), found)


def test_one_number_an_example_is_one_feature(tmp_path):
    class Scalar(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(9, 2)

        def forward(self, x):
            return self.layer(x)

    inputs = torch.arange(9.0)
    found = row(recorded(tmp_path, Scalar(), inputs), "input", "layer")
    assert not apart(by_hand(inputs[:, None]), found)


def test_a_picture_without_an_axis_of_examples(tmp_path):
    inputs = data(1, 3, 8, 8)[0]
    inputs[1, 0, 0] = 2.0
    found = row(recorded(tmp_path, nn.Sequential(nn.Conv2d(3, 2, 3)), inputs), "input", "0")
    assert not apart(by_hand(inputs.flatten(1).T), found)


def test_a_large_offset_hides_no_spread(tmp_path):
    """Years: in float32, sums of squares would lose the spread."""
    inputs = 2000 + torch.rand(64, 3)
    found = row(recorded(tmp_path, nn.Sequential(nn.Linear(3, 2)), inputs), "input", "0")
    assert not apart(by_hand(inputs), found)
    assert found["offset"] > 1000 * found["spread"]


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(nn.Linear(40, 2), (20_000, 40)), (nn.Conv2d(3, 2, 3), (64, 3, 64, 64))],
)
def test_of_a_large_input_few_elements_are_read(layer, shape, tmp_path):
    inputs = data(*shape)
    found = row(recorded(tmp_path, nn.Sequential(layer), inputs), "input", "0")
    assert found["examples"] * found["features"] <= 65_536
    whole = by_hand(last_axis(inputs) if len(shape) == 2 else channels(inputs))
    for name in ("offset", "spread", "largest", "middle", "constant"):
        assert found[name] == pytest.approx(whole[name], rel=0.1)


def test_only_places_that_take_data_have_an_input(tmp_path):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.first = nn.Embedding(9, 4), nn.Linear(4, 4)
            self.beside, self.last = nn.Linear(3, 4), nn.Linear(4, 1)
            self.query = nn.Parameter(torch.ones(1, 4))
            self.asks = nn.Linear(4, 4)

        def forward(self, words, numbers):
            both = self.first(self.words(words)) + self.beside(numbers) + self.asks(self.query)
            return self.last(torch.tanh(both))

    model, words, numbers = Net(), torch.arange(8), torch.randn(8, 3)
    loss = lambda m: m(words, numbers).square().mean()  # noqa: E731
    recording = record(tmp_path, model, steps(model, [loss] * 2))
    assert list(places(recording, "input")) == ["beside"]
    assert places(recording, "input")["beside"] == {"class": "Linear"}


def test_two_calls_are_two_places_and_micro_batches_are_one(tmp_path):
    model, a, b = nn.Sequential(nn.Linear(3, 2)), torch.randn(8, 3), 5 + torch.randn(4, 3)
    twins = record(tmp_path, model, steps(model, [lambda m: (m(a).sum() - m(b).sum()).square()]))
    for name, inputs in (("0", a), ("0#2", b)):
        assert not apart(by_hand(inputs), row(twins, "input", name))

    def train():
        stepper = torch.optim.SGD(model.parameters(), lr=0.0)
        for inputs in (a, b):
            model(inputs).square().mean().backward()
        stepper.step()

    found, parts = row(record(tmp_path, model, train), "input", "0"), [by_hand(a), by_hand(b)]
    assert (found["seen"], found["examples"]) == (2, 12)
    offset = np.sqrt((8 * parts[0]["offset"] ** 2 + 4 * parts[1]["offset"] ** 2) / 12)
    assert found["offset"] == pytest.approx(offset, rel=1e-5)


def test_micro_batches_of_one_name_in_memory_are_told_apart(tmp_path):
    """Slices are freed after each pass: the next may lie where the last one lay."""
    model, inputs = nn.Sequential(nn.Linear(3, 2)), data(12, 3)

    def train():
        stepper = torch.optim.SGD(model.parameters(), lr=0.0)
        for k in range(3):
            model(inputs[4 * k : 4 * k + 4]).square().mean().backward()
        stepper.step()

    assert row(record(tmp_path, model, train), "input", "0")["seen"] == 3


def test_a_cell_is_looked_at_a_few_times_only(tmp_path):
    class Cells(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.head = nn.GRUCell(3, 4), nn.Linear(4, 1)

        def forward(self, x):
            state = x.new_zeros(len(x), 4)
            for step in x.unbind(1):
                state = self.cell(step, state)
            return self.head(state)

    inputs = torch.randn(6, 10, 3)
    found = row(recorded(tmp_path, Cells(), inputs), "input", "cell")
    assert (found["seen"], found["examples"]) == (4, 24)


@pytest.mark.parametrize("kind", ["linear", "matmul", "conv"])
def test_a_first_layer_that_is_a_plain_function(kind, tmp_path):
    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            shape = {"linear": (4, 5), "matmul": (5, 4), "conv": (4, 3, 2)}[kind]
            self.weight, self.last = nn.Parameter(torch.randn(shape)), nn.Linear(4, 1)

        def forward(self, x):
            call = {"linear": functional.linear, "matmul": torch.matmul, "conv": functional.conv1d}
            x = torch.tanh(call[kind](x, self.weight))
            return self.last(x.mean(dim=2) if kind == "conv" else x)

    inputs = data(8, 3, 6) if kind == "conv" else data(8, 5)
    recording = recorded(tmp_path, Plain(), inputs)
    (name,) = places(recording, "input")
    rows = channels(inputs) if kind == "conv" else inputs
    assert not apart(by_hand(rows), row(recording, "input", name))


@pytest.mark.parametrize("reentrant", [True, False])
def test_a_checkpointed_block_takes_no_raw_data(reentrant, tmp_path):
    class Blocks(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.block, self.last = nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 1)

        def forward(self, x):
            x = torch.tanh(self.first(x))
            return self.last(checkpoint(self.block, x, use_reentrant=reentrant))

    recording = recorded(tmp_path, Blocks(), torch.randn(8, 3), times=2)
    assert list(places(recording, "input")) == ["first"]


def test_nan_in_the_data_is_not_filtered_out(tmp_path):
    inputs = torch.randn(8, 3)
    inputs[2, 1] = float("nan")
    found = row(recorded(tmp_path, nn.Sequential(nn.Linear(3, 2)), inputs), "input", "0")
    assert found["constant"] == 0
    assert np.isnan(found["offset"])
