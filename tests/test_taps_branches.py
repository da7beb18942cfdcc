"""Where a signal parts: the gradient that each way hands back, against autograd of each way apart."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from truth import Keeper, Nothing, places, record, rms, row, steps


class Block(nn.Module):
    """A pre-norm transformer block on what a linear map made."""

    def __init__(self):
        super().__init__()
        self.enter = nn.Linear(6, 8)
        self.norm1, self.norm2 = nn.LayerNorm(8), nn.LayerNorm(8)
        self.qkv, self.out = nn.Linear(8, 24), nn.Linear(8, 8)
        self.up, self.down, self.head = nn.Linear(8, 16), nn.Linear(16, 8), nn.Linear(8, 3)
        self.keep = Nothing()

    def forward(self, x):
        keep = self.keep
        x = keep("enter", self.enter(x))
        way = keep.way("enter -> norm1", x)
        q, k, v = (
            part.unflatten(-1, (2, 4)).transpose(1, 2)
            for part in self.qkv(self.norm1(way)).chunk(3, dim=-1)
        )
        mixed = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = keep("out:add", keep.way("enter -> out:add", x) + self.out(mixed))
        inner = self.norm2(keep.way("out:add -> norm2", x))
        inner = self.down(functional.gelu(self.up(inner)))
        return self.head(keep.way("out:add -> down:add", x) + inner)


class Residual(nn.Module):
    """A residual block of pictures, whose other way is a convolution."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, padding=1)
        self.one, self.two = nn.Conv2d(4, 6, 3, 2, 1), nn.Conv2d(6, 6, 3, 1, 1)
        self.bn1, self.bn2 = nn.BatchNorm2d(6), nn.BatchNorm2d(6)
        self.downsample = nn.Sequential(nn.Conv2d(4, 6, 1, 2), nn.BatchNorm2d(6))
        self.head, self.keep = nn.Linear(6, 3), Nothing()

    def forward(self, x):
        x = self.keep("stem:relu", functional.relu(self.stem(x)))
        way = self.keep.way("stem:relu -> one", x)
        inner = self.bn2(self.two(functional.relu(self.bn1(self.one(way)))))
        short = self.downsample(self.keep.way("stem:relu -> downsample.0", x))
        return self.head(functional.relu(inner + short).mean(dim=(2, 3)))


class Three(nn.Module):
    """One tensor that three layers take, one of them by way of an activation."""

    def __init__(self):
        super().__init__()
        self.enter = nn.Linear(6, 8)
        self.a, self.b, self.c = nn.Linear(8, 4), nn.Linear(8, 4), nn.Linear(8, 4)
        self.head, self.keep = nn.Linear(4, 3), Nothing()

    def forward(self, x):
        x, way = self.keep("enter", self.enter(x)), self.keep.way
        bent = self.keep("bent", functional.silu(way("enter -> b", x)))
        parts = self.a(way("enter -> a", x)), self.b(bent), self.c(way("enter -> c", x))
        return self.head(torch.stack(parts).sum(dim=0))


class Doubled(nn.Module):
    """One tensor that goes to a sum twice, and to a second head."""

    def __init__(self):
        super().__init__()
        self.enter, self.head, self.other = nn.Linear(6, 8), nn.Linear(8, 3), nn.Linear(8, 3)
        self.keep = Nothing()

    def forward(self, x):
        x = self.keep("enter", self.enter(x))
        twice = self.keep.way("enter -> head", x)
        side = self.other(self.keep.way("enter -> other", x))
        return self.head(twice + torch.sigmoid(twice)) + 3 * side


CASES = {
    "block": (Block, (4, 5, 6)),
    "residual": (Residual, (3, 2, 6, 6)),
    "three": (Three, (7, 6)),
}


def loss_of(inputs):
    return lambda model: model(inputs).square().mean()


def compared(tmp_path, model, inputs):
    recording = record(tmp_path, model, steps(model, [loss_of(inputs)] * 3))
    model.zero_grad()
    model.keep = Keeper()
    loss_of(inputs)(model).backward()
    return recording, model.keep


def assert_branch(found, part, whole):
    part, whole = part.double().flatten(), whole.double().flatten()
    assert found["seen"] == 1
    assert found["grad_rms"] == pytest.approx(rms(part), rel=1e-5, abs=0)
    assert found["share"] == pytest.approx(float(part.norm() / whole.norm()), rel=1e-5)
    cosine = float(part @ whole / part.norm() / whole.norm())
    assert found["cosine"] == pytest.approx(cosine, abs=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_every_way_hands_back_what_autograd_says(case, tmp_path):
    torch.manual_seed(0)
    make, shape = CASES[case]
    model, inputs = make(), torch.randn(shape)
    recording, truth = compared(tmp_path, model, inputs)
    ways = [name for name in truth if " -> " in name]
    assert set(ways) == set(places(recording, "branch"))
    for name in ways:
        source, target = name.split(" -> ")
        assert places(recording, "branch")[name] == {"from": source, "to": target}
        for at in range(3):
            assert_branch(row(recording, "branch", name, at), truth[name].grad, truth[source].grad)


@pytest.mark.parametrize("case", CASES)
def test_the_sum_of_all_ways_enters_the_place_that_parts(case, tmp_path):
    torch.manual_seed(1)
    make, shape = CASES[case]
    model, inputs = make(), torch.randn(shape)
    recording, truth = compared(tmp_path, model, inputs)
    for source in {name.split(" -> ")[0] for name in truth if " -> " in name}:
        found = row(recording, "call", source)["grad_out_rms"]
        assert found == pytest.approx(rms(truth[source].grad), rel=1e-5, abs=0)


def test_what_leaves_a_layer_at_a_fork_is_its_own_way_only(tmp_path):
    torch.manual_seed(2)
    model, inputs = Three(), torch.randn(7, 6)
    recording, truth = compared(tmp_path, model, inputs)
    for name in ("a", "c"):
        found = row(recording, "call", name)["grad_in_rms"]
        assert found == pytest.approx(rms(truth[f"enter -> {name}"].grad), rel=1e-5, abs=0)
    found = row(recording, "call", "b")["grad_in_rms"]
    assert found == pytest.approx(rms(truth["bent"].grad), rel=1e-5, abs=0)
    bent = row(recording, "call", "enter:silu")["grad_in_rms"]  # by way of an activation
    assert bent == pytest.approx(rms(truth["enter -> b"].grad), rel=1e-5, abs=0)


def test_two_ways_to_one_place_are_one_branch_with_their_sum(tmp_path):
    torch.manual_seed(3)
    model, inputs = Doubled(), torch.randn(7, 6)
    recording, truth = compared(tmp_path, model, inputs)
    (to_sum,) = [name for name in places(recording, "branch") if name != "enter -> other"]
    for name, kept in ((to_sum, "enter -> head"), ("enter -> other", "enter -> other")):
        assert_branch(row(recording, "branch", name), truth[kept].grad, truth["enter"].grad)


def test_a_way_that_parts_again_does_not_pass_for_the_loss(tmp_path):
    torch.manual_seed(4)

    class Chunked(nn.Module):
        def __init__(self):
            super().__init__()
            self.enter, self.head = nn.Linear(6, 8), nn.Linear(8, 3)
            self.a, self.b = nn.Linear(4, 8), nn.Linear(4, 8)

        def forward(self, x):
            x = self.enter(x)
            one, two = x.chunk(2, dim=-1)
            return self.head(x + self.a(one) + self.b(two))

    model = Chunked()
    recording = record(tmp_path, model, steps(model, [loss_of(torch.randn(7, 6))]))
    assert not any(name.endswith("-> loss") for name in places(recording, "branch"))


def test_ways_add_up_over_the_passes_of_a_step(tmp_path):
    torch.manual_seed(5)
    model, parts = Three(), torch.randn(9, 6).split([4, 5])

    def train():
        stepper = torch.optim.SGD(model.parameters(), lr=0.0)
        for part in parts:
            model(part).square().sum().backward()
        stepper.step()

    recording = record(tmp_path, model, train)
    model.keep = Keeper()
    model(torch.cat(parts)).square().sum().backward()
    for name in ("enter -> a", "enter -> b", "enter -> c"):
        found = row(recording, "branch", name)
        assert found["seen"] == 2
        assert_branch(found | {"seen": 1}, model.keep[name].grad, model.keep["enter"].grad)
