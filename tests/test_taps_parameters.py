"""Rows of parameters against a second run of each optimizer: in float64, and bit by bit."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from clinometer.taps.elements import few, few_of_sparse
from clinometer.theory.floats import is_lost
from truth import apart, places, record, rms, row

INPUTS, LABELS = torch.randn(12, 6), torch.arange(12) % 3


def small() -> nn.Sequential:
    """No tensor above 512 elements: every one is read."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 3))


def loss_of(model, inputs=INPUTS):
    dtype = next(model.parameters()).dtype
    return functional.cross_entropy(model(inputs.to(dtype)), LABELS[: len(inputs)])


def copies(model):
    """{name: (weight, gradient)} as they lie there."""
    return {
        name: (p.detach().clone(), None if p.grad is None else p.grad.detach().clone())
        for name, p in model.named_parameters()
    }


class Watcher:
    """Trains, and copies weights and gradients around each step."""

    def __init__(self, model, stepper, between=lambda: None, loss=loss_of, steps=3):
        self.model, self.stepper, self.between, self.loss = model, stepper, between, loss
        self.steps, self.left, self.before, self.after = steps, [], [], []

    def __call__(self):
        for _ in range(self.steps):
            self.stepper.zero_grad()
            self.loss(self.model).backward()
            self.left.append(copies(self.model))
            self.between()
            self.before.append(copies(self.model))
            self.stepper.step()
            self.after.append(copies(self.model))


OPTIMIZERS = {
    "sgd": (torch.optim.SGD, {"lr": 0.1}),
    "momentum": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    "dampened": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}),
    "nesterov": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    "ascent": (torch.optim.SGD, {"lr": 0.1, "maximize": True, "weight_decay": 0.01}),
    "adam": (torch.optim.Adam, {"lr": 1e-2, "weight_decay": 0.01}),
    "amsgrad": (torch.optim.Adam, {"lr": 1e-2, "amsgrad": True}),
    "adamw": (torch.optim.AdamW, {"lr": 1e-2, "weight_decay": 0.1}),
    "adamw fused": (torch.optim.AdamW, {"lr": 1e-2, "weight_decay": 0.1, "fused": True}),
    "adamw foreach": (torch.optim.AdamW, {"lr": 1e-2, "weight_decay": 0.1, "foreach": True}),
    "rmsprop": (torch.optim.RMSprop, {"lr": 1e-2, "weight_decay": 0.01}),
    "rmsprop momentum": (torch.optim.RMSprop, {"lr": 1e-2, "momentum": 0.5}),
    "adagrad": (torch.optim.Adagrad, {"lr": 1e-2, "lr_decay": 0.1, "weight_decay": 0.01}),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_intended_step_is_what_a_float64_twin_moves_by(name, tmp_path):
    make, options = OPTIMIZERS[name]
    model = small()
    twin = copy.deepcopy(model).double()
    watcher = Watcher(model, make(model.parameters(), **options))
    recording = record(tmp_path, model, watcher)
    stepper = make(twin.parameters(), **options)
    for at in range(3):
        for p, (before, gradient) in zip(
            twin.parameters(), watcher.before[at].values(), strict=True
        ):
            p.data.copy_(before)  # the twin takes the same gradients at the same weights
            p.grad = gradient.double()
        stepper.step()
        decay = options["lr"] * options["weight_decay"] if make is torch.optim.AdamW else 0.0
        for p, (key, (before, gradient)) in zip(
            twin.parameters(), watcher.before[at].items(), strict=True
        ):
            start = before.double() * (1 - decay)
            stored = watcher.after[at][key][0].double() - start
            expected = {
                "sampled": p.numel(),
                "weight_rms": rms(before),
                "grad_rms": rms(gradient),
                "grad_step_rms": rms(gradient),
                "decay_rms": rms(before.double() * decay),
                "zero_grad": float((gradient == 0).double().mean()),
                "lr": options["lr"],
                "trainable": 1,
                "owned": 1,
                "received": 1,
                "nonfinite_grad": 0,
                "nonfinite_weight": 0,
            }
            found = row(recording, "parameter", key, at)
            assert not apart(expected, found), (key, at)
            assert found["intended_rms"] == pytest.approx(rms(p - start), rel=1e-4, abs=0)
            assert found["stored_rms"] == pytest.approx(rms(stored), rel=1e-5, abs=0)


@pytest.mark.parametrize(
    "name", ["sgd", "momentum", "adam", "adamw", "adamw foreach", "adamw fused"]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_lost_step_is_one_that_changed_no_bit(name, dtype, tmp_path):
    make, options = OPTIMIZERS[name]
    model = small().to(dtype)
    tiny = 1e-8 if make is not torch.optim.SGD else 1e-6
    options = options | {"lr": tiny if dtype == torch.float32 else tiny * 3e4}
    watcher = Watcher(model, make(model.parameters(), **options))
    recording = record(tmp_path, model, watcher)
    lost = []
    for at in range(3):
        for key, (before, gradient) in watcher.before[at].items():
            after, start = watcher.after[at][key][0], before.clone()
            if make is torch.optim.AdamW:
                start.mul_(1 - options["lr"] * options["weight_decay"])
            movable = gradient != 0
            state = watcher.stepper.state[dict(model.named_parameters())[key]]
            moving = state.get("exp_avg", state.get("momentum_buffer"))
            assert moving is None or bool((moving != 0).all())  # so that all are movable
            movable = movable | True if moving is not None else movable
            same = (after == start) & movable
            found = row(recording, "parameter", key, at)
            assert found["movable"] == pytest.approx(float(movable.double().mean()))
            assert found["lost"] == pytest.approx(float(same.sum() / movable.sum()), abs=1e-6)
            lost.append(found["lost"])
    assert 0 < np.mean(lost) < 1


def test_lost_agrees_with_the_theory_of_floats(tmp_path):
    model = small()
    watcher = Watcher(model, torch.optim.SGD(model.parameters(), lr=3e-7))
    recording = record(tmp_path, model, watcher, every=1)
    for key, (before, gradient) in watcher.before[0].items():
        step = np.float32(-3e-7) * gradient.numpy()
        expected = is_lost(before.numpy(), step)[gradient.numpy() != 0].mean()
        # PyTorch fuses the product into the sum on some machines: one rounding less.
        assert row(recording, "parameter", key)["lost"] == pytest.approx(expected, abs=0.06)


def test_epsilon_is_the_floor_where_gradients_are_small(tmp_path):
    model = small()
    with torch.no_grad():
        model[2].weight.mul_(1e-6)
    for make, key, name in (
        (torch.optim.Adam, "exp_avg_sq", "adam"),
        (torch.optim.RMSprop, "square_avg", "rmsprop"),
        (torch.optim.Adagrad, "sum", "adagrad"),
    ):
        twin = copy.deepcopy(model)
        options = {"eps": 1e-3}
        watcher = Watcher(twin, make(twin.parameters(), lr=1e-9, **options), steps=1)
        recording = record(tmp_path, twin, watcher)
        for path, p in twin.named_parameters():
            second = watcher.stepper.state[p][key].double()
            root = (second / (1 - 0.999) if name == "adam" else second).sqrt()
            expected = float((root < 1e-3).double().mean())
            assert row(recording, "parameter", path)["floored"] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("how", ["norm", "value"])
def test_clipping_lies_between_the_two_gradients(how, tmp_path):
    model = small()

    def between():
        if how == "norm":
            nn.utils.clip_grad_norm_(model.parameters(), 1e-2)
        else:
            nn.utils.clip_grad_value_(model.parameters(), 1e-3)

    watcher = Watcher(model, torch.optim.SGD(model.parameters(), lr=0.1), between)
    recording = record(tmp_path, model, watcher)
    for at in range(3):
        whole = math.hypot(*(float(g.double().norm()) for _, g in watcher.left[at].values()))
        assert recording.scalars["grad_norm"][at] == pytest.approx(whole, rel=1e-5)
        if how == "norm":
            assert recording.scalars["clip"][at] == pytest.approx(1e-2 / (whole + 1e-6), rel=1e-5)
        for key in watcher.left[at]:
            found = row(recording, "parameter", key, at)
            assert found["grad_rms"] == pytest.approx(rms(watcher.left[at][key][1]), 1e-5, 0)
            taken = rms(watcher.before[at][key][1])
            assert found["grad_step_rms"] == pytest.approx(taken, rel=1e-5, abs=0)


@pytest.mark.parametrize("unscales", [False, True])
@pytest.mark.parametrize("clips", [False, True])
def test_the_scale_of_the_loss_is_taken_off(unscales, clips, tmp_path):
    model, twin = small(), small()
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**12)
    stepper = torch.optim.SGD(model.parameters(), lr=0.1)

    def train():
        scaler.scale(loss_of(model)).backward()
        if unscales:
            scaler.unscale_(stepper)
        if clips:
            nn.utils.clip_grad_norm_(model.parameters(), 1e-2)
        scaler.step(stepper)
        scaler.update()

    weights = copies(model)
    recording = record(tmp_path, model, train)
    loss = loss_of(twin)
    loss.backward()
    whole = math.hypot(*(float(p.grad.double().norm()) for p in twin.parameters()))
    assert recording.scalars["scale"][0] == 2.0**12
    assert recording.loss[0] == pytest.approx(loss.item(), rel=1e-5)
    assert recording.scalars["grad_norm"][0] == pytest.approx(whole, rel=1e-5)
    for key, p in twin.named_parameters():
        found = row(recording, "parameter", key)
        assert found["grad_rms"] == pytest.approx(rms(p.grad), rel=1e-5, abs=0)
        taken = dict(model.named_parameters())[key].grad
        assert found["grad_step_rms"] == pytest.approx(rms(taken), rel=1e-5, abs=0)
        moved = dict(model.named_parameters())[key].double() - weights[key][0].double()
        assert found["stored_rms"] == pytest.approx(rms(moved), rel=1e-5, abs=0)


def test_a_step_that_the_scaler_leaves_out_is_marked(tmp_path):
    model = small()
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**8)
    stepper = torch.optim.SGD(model.parameters(), lr=0.1)

    def train():
        for factor in (1.0, math.inf, 1.0):
            stepper.zero_grad()
            scaler.scale(loss_of(model) * factor).backward()
            scaler.step(stepper)
            scaler.update()

    recording = record(tmp_path, model, train)
    assert recording.scalars["skipped"].tolist() == [0, 1, 0]
    assert recording.scalars["scale"].tolist() == [2.0**8, 2.0**8, 2.0**7]


def test_sparse_gradients_count_repeated_rows_together(tmp_path):
    torch.manual_seed(1)
    model = nn.Sequential(nn.Embedding(10, 4, sparse=True), nn.Flatten(), nn.Linear(12, 3))
    words = torch.randint(10, (12, 3))

    def loss(model):
        return functional.cross_entropy(model(words), LABELS)

    watcher = Watcher(model, torch.optim.SGD(model.parameters(), lr=0.1), loss=loss, steps=1)
    recording = record(tmp_path, model, watcher)
    gradient = watcher.before[0]["0.weight"][1].to_dense()
    found = row(recording, "parameter", "0.weight")
    assert found["grad_rms"] == pytest.approx(rms(gradient), rel=1e-5)
    moved = watcher.after[0]["0.weight"][0].double() - watcher.before[0]["0.weight"][0].double()
    assert found["stored_rms"] == pytest.approx(rms(moved), rel=1e-5)
    assert found["intended_rms"] == pytest.approx(0.1 * rms(gradient), rel=1e-5)
    assert found["movable"] == pytest.approx(float((gradient != 0).double().mean()))
    assert found["zero_grad"] == pytest.approx(float((gradient == 0).double().mean()))
    assert found["lost"] == 0


@pytest.mark.parametrize("size", [(4, 3), (10, 16), (200, 16), (333, 5), (2000, 7)])
def test_of_a_sparse_gradient_the_same_elements_are_read(size):
    torch.manual_seed(6)
    weight = torch.randn(size)
    for words in (torch.randint(size[0], (40,)), torch.zeros(0, dtype=torch.long)):
        values = torch.randn(len(words), size[1])
        sparse = torch.sparse_coo_tensor(words[None], values, size, check_invariants=False)
        torch.testing.assert_close(few_of_sparse(sparse, weight), few(sparse.to_dense()))


class Headed(nn.Module):
    """Two heads, of which a pass uses one; a tied weight, and a bias in no optimizer."""

    def __init__(self):
        super().__init__()
        self.body, self.one, self.two = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 6)
        self.two.weight = self.one.weight
        self.spare, self.other = nn.Linear(6, 6), nn.Linear(6, 6)
        self.frozen = nn.Parameter(torch.ones(6), requires_grad=False)
        self.free = nn.Parameter(torch.ones(6))

    def forward(self, x, spare=False):
        x = torch.tanh(self.body(x) * self.frozen * self.free)
        x = self.two(torch.tanh(self.one(x)))
        return self.spare(x) if spare else self.other(x)


@pytest.mark.parametrize(
    ("make", "options"),
    [(torch.optim.Adam, {"lr": 1e-2}), (torch.optim.SGD, {"lr": 1e-2, "momentum": 0.9})],
)
def test_a_layer_without_gradient_does_not_lose_steps(make, options, tmp_path):
    torch.manual_seed(2)
    model = Headed()
    stepper = make(model.parameters(), **options)

    def train():
        for at in range(4):
            stepper.zero_grad()
            functional.cross_entropy(model(INPUTS, spare=at % 2 == 0), LABELS).backward()
            stepper.step()

    recording = record(tmp_path, model, train)
    for at in range(4):
        idle = row(recording, "parameter", "other.weight" if at % 2 == 0 else "spare.weight", at)
        assert idle["received"] == 0
        assert idle["stored_rms"] == 0
        assert math.isnan(idle["grad_rms"])
        assert math.isnan(idle["grad_step_rms"])
        assert math.isnan(idle["lost"])  # it was not to move
        assert idle["movable"] == 0
        assert idle["intended_rms"] == 0 or math.isnan(idle["intended_rms"])


def test_tied_frozen_and_unowned_parameters_say_so(tmp_path):
    torch.manual_seed(3)
    model = Headed()
    owned = [p for name, p in model.named_parameters() if name not in {"free", "frozen"}]
    stepper = torch.optim.SGD(owned, lr=0.01)

    def train():
        for at in range(4):
            if at == 2:  # unfrozen in the middle
                model.frozen.requires_grad_()
                stepper.add_param_group({"params": [model.frozen]})
            stepper.zero_grad()
            functional.cross_entropy(model(INPUTS), LABELS).backward()
            stepper.step()

    recording = record(tmp_path, model, train)
    flags = ("trainable", "owned", "received")
    names = places(recording, "parameter")  # at the top, after the class
    assert "two.weight" not in names
    assert names["one.weight"]["also"] == ["two.weight"]

    def seen(name, at):
        found = row(recording, "parameter", name, at)
        return tuple(found[flag] for flag in flags)

    for at in range(4):
        assert seen("Headed.free", at) == (1, 0, 1)
        assert seen("body.weight", at) == (1, 1, 1)
        assert seen("Headed.frozen", at) == ((0, 0, 0) if at < 2 else (1, 1, 1))
    moved = row(recording, "parameter", "Headed.frozen", 3)
    assert moved["intended_rms"] == pytest.approx(0.01 * moved["grad_step_rms"], rel=1e-4)


def test_a_large_tensor_is_read_in_places(tmp_path):
    torch.manual_seed(4)
    model = nn.Sequential(nn.Linear(6, 400), nn.Tanh(), nn.Linear(400, 300), nn.Linear(300, 3))
    watcher = Watcher(model, torch.optim.AdamW(model.parameters(), lr=1e-2), steps=2)
    recording = record(tmp_path, model, watcher)
    before, gradient = watcher.before[1]["2.weight"]
    moved = watcher.after[1]["2.weight"][0].double() - before.double() * (1 - 1e-4)
    found = row(recording, "parameter", "2.weight", 1)
    assert found["sampled"] == 512
    assert found["grad_rms"] == pytest.approx(rms(gradient), rel=1e-5)
    assert found["weight_rms"] == pytest.approx(rms(few(before)), rel=1e-6)
    for name, value in (("weight_rms", rms(before)), ("stored_rms", rms(moved))):
        assert found[name] == pytest.approx(value, rel=0.15)


@pytest.mark.parametrize(
    "options", [{}, {"momentum": 0.9}, {"weight_decay": 0.1}, {"momentum": 0.9, "nesterov": True}]
)
def test_the_step_of_a_table_of_words_is_not_blown_up(options, tmp_path):
    torch.manual_seed(5)
    model = nn.Sequential(nn.Embedding(5000, 16), nn.Flatten(), nn.Linear(48, 3))
    with torch.no_grad():
        model[0].weight.mul_(10)
    draws = [torch.randint(5000, (12, 3)) for _ in range(5)]
    for words in draws:
        words[0, 0] = 0  # a row that is read
    stream = iter(draws)

    def loss(model):
        return functional.cross_entropy(model(next(stream)), LABELS)

    stepper = torch.optim.SGD(model.parameters(), lr=0.1, **options)
    watcher = Watcher(model, stepper, loss=loss, steps=5)
    recording = record(tmp_path, model, watcher)
    for at in range(5):
        before, after = watcher.before[at]["0.weight"][0], watcher.after[at]["0.weight"][0]
        moved = rms(after.double() - before.double())
        found = row(recording, "parameter", "0.weight", at)
        for name in ("intended_rms", "stored_rms"):
            assert moved / 5 < found[name] < 5 * moved, (name, at)
