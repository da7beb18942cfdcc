"""What lies between the last layer and the loss, in the order in which it ran."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from truth import places, record, steps

INPUTS = torch.randn(6, 4)
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])
TARGETS = torch.rand(6, 3)


def net(*ends: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3), *ends)


def facts(tmp_path, model, loss):
    return places(record(tmp_path, model, steps(model, [lambda m: loss(m(INPUTS))] * 2)))


def softmax(node: str, axis: int = 1, axes: int = 2, size: int = 3) -> dict[str, object]:
    return {"node": node, "axis": axis, "axes": axes, "size": size}


CROSS = ["LogSoftmaxBackward0", "NllLossBackward0"]
TAILS = {
    "cross entropy": (lambda out: functional.cross_entropy(out, LABELS), CROSS),
    "softmax twice": (
        lambda out: functional.cross_entropy(out.softmax(dim=-1), LABELS),
        ["SoftmaxBackward0", *CROSS],
    ),
    "divided": (
        lambda out: functional.cross_entropy(out, LABELS) / 4,
        [*CROSS, "DivBackward0"],
    ),
    "squeezed": (
        lambda out: functional.mse_loss(out[:, None].squeeze(1), TARGETS),
        ["UnsqueezeBackward0", "SqueezeBackward1", "MseLossBackward0"],
    ),
    "absolute": (
        lambda out: functional.l1_loss(out, TARGETS),
        ["SubBackward0", "AbsBackward0", "MeanBackward0"],
    ),
    "two ways, one to a loss term": (
        lambda out: functional.cross_entropy(out, LABELS) + 0.1 * out.square().mean(),
        [*CROSS, "AddBackward0"],
    ),
    "smoothed": (
        lambda out: functional.cross_entropy(out, LABELS, label_smoothing=0.1),
        [*CROSS, "MulBackward1", "AddBackward0"],
    ),
    "two ways, none of a term": (lambda out: out.sum() * out.mean(), None),
    "two terms": (
        lambda out: functional.cross_entropy(out, LABELS) + functional.cross_entropy(-out, LABELS),
        [*CROSS, "AddBackward0"],
    ),
}


@pytest.mark.parametrize("case", list(TAILS))
def test_the_tail_is_the_way_to_the_loss(case, tmp_path):
    loss, tail = TAILS[case]
    last = facts(tmp_path, net(), loss)["2"]
    assert last["output"] is True
    assert last.get("tail") == tail
    softmaxes = [softmax(node) for node in tail or [] if "Softmax" in node]
    assert last.get("softmax", []) == softmaxes


@pytest.mark.parametrize("module", [True, False])
def test_the_order_is_told_from_the_last_weight_layer_on(module, tmp_path):
    model = net(*([nn.Softmax(dim=1)] if module else []))
    found = facts(
        tmp_path,
        model,
        lambda out: functional.cross_entropy(out if module else out.softmax(1), LABELS),
    )
    way, here = [], next(reversed(found))
    while found[here]["role"] != "weight":
        way.insert(0, found[here]["class"])
        (here,) = found[here]["parents"]
    assert here == "2"
    end = found[next(reversed(found))]
    assert [*way, *end["tail"]] == (["Softmax"] if module else ["SoftmaxBackward0"]) + CROSS
    if module:
        assert {key: end[key] for key in ("axis", "axes", "size")} == {
            "axis": 1,
            "axes": 2,
            "size": 3,
        }


def test_a_functional_sigmoid_stands_in_the_tail_of_the_layer_below_and_is_a_call(tmp_path):
    found = facts(tmp_path, net(), lambda out: functional.mse_loss(out.sigmoid(), TARGETS))
    assert found["2"]["tail"] == ["SigmoidBackward0", "MseLossBackward0"]
    assert found["2:sigmoid"]["tail"] == ["MseLossBackward0"]
    assert "softmax" not in found["2"]


def test_a_sigmoid_module_is_the_output(tmp_path):
    found = facts(tmp_path, net(nn.Sigmoid()), lambda out: functional.mse_loss(out, TARGETS))
    assert found["3"]["tail"] == ["MseLossBackward0"]
    assert "tail" not in found["2"]


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_the_axis_of_a_softmax_is_counted_from_the_front(axis, tmp_path):
    def loss(out):
        return functional.nll_loss(out.log_softmax(axis), LABELS)

    (only,) = facts(tmp_path, net(), loss)["2"]["softmax"]
    at = axis % 2
    assert only == softmax("LogSoftmaxBackward0", axis=at, size=(6, 3)[at])


def test_a_softmax_inside_the_network(tmp_path):
    class Gate(nn.Module):
        def __init__(self):
            super().__init__()
            self.gate, self.body, self.last = nn.Linear(4, 5), nn.Linear(4, 5), nn.Linear(5, 1)

        def forward(self, x):
            return self.last(self.gate(x).softmax(dim=0) * self.body(x))

    found = facts(tmp_path, Gate(), lambda out: out.square().mean())
    (inside,) = [place for place in found.values() if place["role"] == "attention"]
    assert {key: inside[key] for key in ("axis", "axes", "size")} == {
        "axis": 0,
        "axes": 2,
        "size": 6,
    }


def test_a_network_with_two_heads_has_a_tail_for_each(tmp_path):
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.one, self.two = nn.Linear(4, 5), nn.Linear(5, 3), nn.Linear(5, 3)

        def forward(self, x):
            x = torch.tanh(self.body(x))
            return self.one(x), self.two(x)

    def loss(outs):
        return functional.cross_entropy(outs[0], LABELS) + functional.mse_loss(outs[1], TARGETS)

    found = facts(tmp_path, Two(), loss)
    assert found["one"]["tail"] == [*CROSS, "AddBackward0"]
    assert found["two"]["tail"] == ["MseLossBackward0", "AddBackward0"]
