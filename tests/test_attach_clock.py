"""Steps counted and networks named, however the training is written."""

from __future__ import annotations

import gc

import pytest
import torch
from torch import nn
from torch.nn import functional

import clinometer
from clinometer.attach.facts import facts_of_run
from clinometer.attach.recorder import Recorder
from clinometer.store.writer import Writer
from truth import places, record, rms, row

INPUTS, LABELS = torch.randn(8, 5), torch.arange(8) % 3


def mlp(width: int = 4) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, width), nn.Tanh(), nn.Linear(width, 3))


def loss_of(model):
    return functional.cross_entropy(model(INPUTS), LABELS)


def go(model, stepper, steps):
    for _ in range(steps):
        stepper.zero_grad()
        loss_of(model).backward()
        stepper.step()


def unscoped(tmp_path, train, every=1):
    """Record as `clinometer run` would: nobody names the model."""
    path = str(tmp_path / f"run{len(list(tmp_path.glob('*.clino')))}.clino")
    gc.collect()
    recorder = Recorder(Writer(path, facts_of_run("clock", [])), every=every)
    recorder.start()
    try:
        kept = train()  # noqa: F841 - the script's own names live as long
    finally:
        recorder.stop("normal")
    recording = clinometer.read(path)
    assert not [note for note in recording.notes if "Error" in note], recording.notes
    return recording


# -- steps -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("every", [1, 3, 1000])
def test_an_optimizer_replaced_in_the_middle_goes_on_counting(every, tmp_path):
    model = mlp()

    def train():
        go(model, torch.optim.SGD(model.parameters(), lr=0.1), 7)
        go(model, torch.optim.Adam(model.parameters(), lr=0.01), 6)

    recording = record(tmp_path, model, train, every=every)
    assert recording.steps in {12, 13}  # the first step of a second one may belong to the first
    assert recording.loss_seen.all()
    assert recording.scalars["lr"][-1] == 0.01
    assert recording.scalars["passes"].sum() == 13


@pytest.mark.parametrize("every", [1, 1000])
def test_two_optimizers_that_take_turns_are_one_step(every, tmp_path):
    one, two = mlp(), mlp(6)

    def train():
        steppers = [torch.optim.SGD(m.parameters(), lr=0.1) for m in (one, two)]
        for _ in range(5):
            for model, stepper in zip((one, two), steppers, strict=True):
                stepper.zero_grad()
                loss_of(model).backward()
                stepper.step()
        return steppers

    recording = unscoped(tmp_path, train, every)
    # The first of them counts: a step is over when it has stepped, and the other's last waits for none.
    assert recording.scalars["passes"].tolist() == [1, 2, 2, 2, 2]
    if every == 1:
        later = recording.rows["parameter"][1]
        assert (later[:, 0] > 0).all()  # the parameters of both are seen in one step


def test_of_two_optimizers_for_one_model_both_parts_are_measured(tmp_path):
    model = mlp()
    body, head = model[0], model[2]

    def train():
        steppers = [
            torch.optim.SGD(m.parameters(), lr=rate) for m, rate in ((body, 0.1), (head, 0.2))
        ]
        for _ in range(4):
            model.zero_grad()
            loss_of(model).backward()
            for stepper in steppers:
                stepper.step()

    recording = record(tmp_path, model, train)
    for at in range(1, recording.steps):
        for name, rate in (("0.weight", 0.1), ("2.weight", 0.2)):
            found = row(recording, "parameter", name, at)
            assert found["intended_rms"] == pytest.approx(rate * found["grad_step_rms"], rel=1e-5)


@pytest.mark.parametrize("every", [1, 1000])
def test_weights_moved_by_hand_make_a_step_of_each_backward_pass(every, tmp_path):
    model = mlp()

    def train():
        for _ in range(6):
            model.zero_grad()
            loss_of(model).backward()
            with torch.no_grad():
                for p in model.parameters():
                    p.sub_(0.1 * p.grad)

    recording = record(tmp_path, model, train, every=every)
    assert recording.steps == 6
    assert recording.scalars["passes"].tolist() == [1] * 6
    if every == 1:
        for at in range(2, 6):
            found = row(recording, "parameter", "0.weight", at)
            assert found["owned"] == 0
            assert found["stored_rms"] == pytest.approx(0.1 * found["grad_step_rms"], rel=1e-3)


def test_accumulation_before_the_first_step_is_no_training_by_hand(tmp_path):
    model = mlp()

    def train():
        stepper = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            for _ in range(4):
                (loss_of(model) / 4).backward()
            stepper.step()
            stepper.zero_grad()

    recording = record(tmp_path, model, train)
    assert recording.scalars["passes"].tolist() == [4] * 3
    assert recording.notes == ()


@pytest.mark.parametrize("when", ["before the model moves", "after"])
def test_an_optimizer_may_be_made_before_or_after_the_model_moves(when, tmp_path):
    def train():
        model = mlp()
        if when == "after":
            model = model.double()
        stepper = torch.optim.SGD(model.parameters(), lr=0.1)
        if when != "after":
            model = model.double()  # parameters stay the same objects, their memory does not
        for _ in range(3):
            stepper.zero_grad()
            functional.cross_entropy(model(INPUTS.double()), LABELS).backward()
            stepper.step()
        return model

    recording = unscoped(tmp_path, train)
    assert recording.steps == 3
    assert set(places(recording, "parameter")) == {"0.weight", "0.bias", "2.weight", "2.bias"}
    for at in range(3):
        assert row(recording, "parameter", "0.weight", at)["lost"] == 0
        assert row(recording, "call", "0", at)["seen"] == 1


def test_a_model_that_moves_in_the_middle_is_measured_where_it_is(tmp_path):
    model = mlp()
    moved = []

    def train():
        stepper = torch.optim.SGD(model.parameters(), lr=0.1)
        go(model, stepper, 2)
        for p in model.parameters():
            p.data = p.data.clone()  # as `to` does
        for _ in range(2):
            before = model[0].weight.detach().clone()
            go(model, stepper, 1)
            moved.append(rms(model[0].weight.detach().double() - before.double()))

    recording = record(tmp_path, model, train)
    for at in (2, 3):
        found = row(recording, "parameter", "0.weight", at)
        assert found["stored_rms"] == pytest.approx(moved[at - 2], rel=1e-5)


@pytest.mark.parametrize("every", [1, 1000])
def test_another_models_training_is_not_counted(every, tmp_path):
    model, other = mlp(), mlp(7)

    def train():
        stepper, stranger = (torch.optim.SGD(m.parameters(), lr=0.1) for m in (model, other))
        for _ in range(5):
            go(other, stranger, 2)
            go(model, stepper, 1)

    recording = record(tmp_path, model, train, every=every)
    assert recording.steps == 5
    assert recording.scalars["passes"].tolist() == [1] * 5
    if every == 1:
        assert set(places(recording, "parameter")) == {"0.weight", "0.bias", "2.weight", "2.bias"}


# -- names -------------------------------------------------------------------------------------------


class Listed(nn.Module):
    """Layers in a plain list, which registers nothing."""

    def __init__(self):
        super().__init__()
        self.enter = nn.Linear(5, 4)
        self.hidden = [nn.Linear(4, 4), nn.Linear(4, 3)]

    def forward(self, x):
        x = torch.tanh(self.enter(x))
        return self.hidden[1](torch.tanh(self.hidden[0](x)))


def test_layers_in_a_plain_list_are_named_by_their_place_there(tmp_path):
    def train():
        model = Listed()
        everything = [*model.parameters(), *(p for m in model.hidden for p in m.parameters())]
        go(model, torch.optim.SGD(everything, lr=0.1), 3)
        return model

    recording = unscoped(tmp_path, train)
    names = set(places(recording, "parameter"))
    assert {"enter.weight", "hidden[0].weight", "hidden[1].bias"} <= names
    assert {"enter", "hidden[0]", "hidden[1]"} <= set(places(recording))
    for at in range(1, 3):
        assert row(recording, "call", "hidden[0]", at)["seen"] == 1


def test_names_do_not_hang_on_what_the_collector_has_moved(tmp_path):
    class Collected(Listed):
        def __init__(self):
            super().__init__()
            gc.collect()  # the module itself is now old, and what follows young: memory's order is turned
            self.hidden = [nn.Linear(4, 4), nn.Linear(4, 3)]

    def train():
        model = Collected()
        everything = [*model.parameters(), *(p for m in model.hidden for p in m.parameters())]
        go(model, torch.optim.SGD(everything, lr=0.1), 3)
        return model

    names = set(places(unscoped(tmp_path, train), "parameter"))
    assert {"enter.weight", "hidden[0].weight", "hidden[1].bias"} <= names


def test_a_second_network_has_its_class_in_front(tmp_path):
    class Critic(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.Linear(3, 4), nn.Linear(4, 1)

        def forward(self, x):
            return self.head(torch.tanh(self.body(x)))

    def train():
        actor, critic, second = mlp(), Critic(), Critic()
        parts = [actor, critic, second]
        stepper = torch.optim.SGD([p for part in parts for p in part.parameters()], lr=0.1)
        for _ in range(2):
            stepper.zero_grad()
            out = actor(INPUTS)
            (critic(out).square().mean() + second(out).mean()).backward()
            stepper.step()
        return parts

    recording = unscoped(tmp_path, train)
    names = set(places(recording, "parameter"))
    assert "0.weight" in names or "Sequential.0.weight" in names
    assert len(names) == 12  # nobody's name hides another's
    assert sum(name.endswith("body.weight") for name in names) == 2


def test_tied_weights_are_one_parameter_with_another_name(tmp_path):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.enter, self.leave = nn.Linear(5, 5, bias=False), nn.Linear(5, 5, bias=False)
            self.leave.weight = self.enter.weight

        def forward(self, x):
            return self.leave(torch.tanh(self.enter(x)))[:, :3]

    model = Tied()
    recording = record(
        tmp_path, model, lambda: go(model, torch.optim.SGD(model.parameters(), lr=0.1), 2)
    )
    facts = places(recording, "parameter")
    assert list(facts) == ["enter.weight"]
    assert facts["enter.weight"]["also"] == ["leave.weight"]
    assert set(places(recording)) >= {"enter", "leave"}
    found = row(recording, "parameter", "enter.weight")
    loss_of(model).backward()
    assert found["grad_rms"] > 0


def test_a_global_tensor_is_called_by_its_name(tmp_path, monkeypatch):
    import sys

    weight = torch.randn(5, 3, requires_grad=True)
    monkeypatch.setattr(sys.modules["__main__"], "matrix", weight, raising=False)

    def train():
        stepper = torch.optim.SGD([weight], lr=0.1)
        for _ in range(3):
            stepper.zero_grad()
            functional.cross_entropy(INPUTS @ weight, LABELS).backward()
            stepper.step()

    recording = unscoped(tmp_path, train)
    assert "matrix" in places(recording, "parameter")
    assert recording.steps == 3


def test_a_wrapped_model_has_the_names_of_what_is_in_the_wrapper(tmp_path):
    class OptimizedModule(nn.Module):  # as torch.compile wraps one, without compiling
        def __init__(self, inner):
            super().__init__()
            self._orig_mod = inner

        def forward(self, x):
            return self._orig_mod(x)

    def train():
        model = OptimizedModule(mlp())
        go(model, torch.optim.SGD(model.parameters(), lr=0.1), 2)
        return model

    recording = unscoped(tmp_path, train)
    assert set(places(recording, "parameter")) == {"0.weight", "0.bias", "2.weight", "2.bias"}
    assert row(recording, "parameter", "0.weight", 1)["grad_rms"] > 0
