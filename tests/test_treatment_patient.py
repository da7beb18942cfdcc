"""What remedies do to a living run through `Patient`: no more than they say, and whatever the script does."""

from __future__ import annotations

import copy
import pickle
import random
from typing import Any

import pytest
import torch
from torch import nn

from clinometer.treatment.remedy import NotApplicable
from treated import patient


class Backwards(nn.Module):
    """Registered in another order than it is called in."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(4, 2)
        self.drop = nn.Dropout(0.5)
        self.norm = nn.BatchNorm1d(4)
        self.unused = nn.Linear(4, 4)
        self.first = nn.Linear(3, 4)

    def forward(self, x: torch.Tensor) -> Any:
        return self.last(self.drop(self.norm(self.first(x))))


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return Backwards()


def sgd(model: nn.Module, **settings: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=0.5, **settings)


def backward(model: nn.Module, x: torch.Tensor) -> None:
    model(x).square().mean().backward()


# -- looking -----------------------------------------------------------------------------------------


def test_layers_come_in_the_order_of_the_call(model: nn.Module) -> None:
    one = patient(model, sgd(model), torch.randn(5, 3))
    assert [layer.name for layer in one.layers()] == ["first", "norm", "drop", "last"]
    one = patient(model, sgd(model))  # no call was seen
    assert [layer.name for layer in one.layers()] == ["last", "drop", "norm", "unused", "first"]


def test_a_network_of_one_layer_is_its_own_layer() -> None:
    alone = nn.Linear(3, 2)
    (layer,) = patient(alone, sgd(alone), torch.randn(5, 3)).layers()
    assert layer.module is layer.parent is alone


def test_running_the_call_once_more_leaves_no_trace(model: nn.Module) -> None:
    x = torch.randn(5, 3)
    backward(model, x)
    before = copy.deepcopy([*model.state_dict().values(), *[p.grad for p in model.parameters()]])
    buffers, streams = [*model.buffers()], (torch.get_rng_state(), random.getstate())
    seen = patient(model, sgd(model), x).run()
    after = [*model.state_dict().values(), *[p.grad for p in model.parameters()]]
    assert seen.shape == (5, 2)
    assert not seen.requires_grad
    assert all(a is b or torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert all(a is b for a, b in zip(buffers, model.buffers(), strict=True))
    assert torch.equal(streams[0], torch.get_rng_state())
    assert streams[1] == random.getstate()


def test_a_call_that_fails_or_was_not_seen_makes_a_remedy_inapplicable(model: nn.Module) -> None:
    with pytest.raises(NotApplicable, match="no forward pass"):
        patient(model, sgd(model)).run()
    with pytest.raises(NotApplicable, match="RuntimeError"):
        patient(model, sgd(model), torch.randn(5, 7)).layers()


# -- the step ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("made", ["before", "after", "both"])
def test_a_scheduler_goes_on_whenever_it_was_made(made: str, model: nn.Module) -> None:
    optimizer, calls = sgd(model), []

    def scheduler() -> Any:
        return torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)

    first = scheduler() if made != "after" else None
    one = patient(model, optimizer)
    one.around_step(lambda owner, original, *a, **k: (calls.append(owner), original(*a, **k))[1])
    second = scheduler() if made != "before" else None
    for _ in range(3):
        optimizer.zero_grad()
        backward(model, torch.randn(5, 3))
        optimizer.step()
        for each in (first, second):
            if each is not None:
                each.step()
    assert one.steps_changed
    assert calls == [optimizer] * 3
    rates = 2 if made == "both" else 1
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.5 * 0.5 ** (3 * rates))
    assert set(pickle.loads(pickle.dumps(optimizer.state_dict()))) == {"state", "param_groups"}


def test_a_step_that_is_withheld_is_one_to_the_scheduler(model: nn.Module) -> None:
    optimizer = sgd(model)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    before = copy.deepcopy(model.state_dict())
    patient(model, optimizer).around_step(lambda *_args, **_kwargs: None)
    backward(model, torch.randn(5, 3))
    optimizer.step()
    scheduler.step()  # would warn, had the optimizer not stepped
    assert torch.equal(model.state_dict()["last.weight"], before["last.weight"])


def test_gradients_are_unscaled_when_a_remedy_sees_them(model: nn.Module) -> None:
    optimizer, seen, x = sgd(model), [], torch.randn(5, 3)
    model.eval()  # no draws: the gradient of the same batch is the same
    backward(model, x)
    expected = model.last.weight.grad.clone()
    optimizer.zero_grad()
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    one = patient(model, optimizer)
    one.before_step(lambda _: seen.append(model.last.weight.grad.clone()))
    one.after_step(lambda _: seen.append(model.last.weight.detach().clone()))
    before = model.last.weight.detach().clone()
    scaler.scale(model(x).square().mean()).backward()
    scaler.step(optimizer)
    scaler.update()
    torch.testing.assert_close(seen[0], expected)
    torch.testing.assert_close(seen[1], before - 0.5 * expected)
    scaler.scale(model(x).square().mean() * torch.inf).backward()
    scaler.step(optimizer)  # left out: nothing is called
    assert len(seen) == 2


def test_a_loss_is_changed_on_its_way_and_changes_add_up(
    model: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.autograd, "backward", torch.autograd.backward)  # put back at the end
    model.eval()
    x = torch.randn(5, 3)
    backward(model, x)
    expected = model.last.weight.grad.clone()
    model.zero_grad()
    one = patient(model, sgd(model))
    one.on_loss(lambda loss: 2 * loss)
    one.on_loss(lambda loss: 3 * loss)
    backward(model, x)
    torch.testing.assert_close(model.last.weight.grad, 6 * expected)


# -- the network -------------------------------------------------------------------------------------


def test_a_swapped_layer_takes_the_place_mode_type_and_optimizer_of_the_old() -> None:
    shared = nn.Linear(4, 4)
    model = nn.Sequential(shared, nn.ReLU(), shared).double().eval()
    slow = [*shared.parameters()]
    other = nn.Linear(4, 4).double()
    groups = [{"params": other.parameters()}, {"params": slow, "lr": 0.1, "weight_decay": 0.2}]
    optimizer = torch.optim.SGD(groups, lr=0.5)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    new = nn.Linear(4, 4)
    patient(model, optimizer).swap(shared, new)
    assert model[0] is model[2] is new
    assert not new.training
    assert new.weight.dtype == torch.float64
    assert [len(group["params"]) for group in optimizer.param_groups] == [2, 2]
    assert all(any(p is q for q in optimizer.param_groups[1]["params"]) for p in new.parameters())
    before = new.weight.detach().clone()
    model(torch.ones(1, 4, dtype=torch.float64)).sum().backward()
    optimizer.step()
    schedule.step()
    assert not torch.equal(before, new.weight)
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.05]


def test_parameters_are_adopted_once_and_only_where_there_is_an_optimizer(
    model: nn.Module,
) -> None:
    forgotten = nn.Linear(2, 2)
    forgotten.bias.requires_grad_(False)
    one = patient([model, forgotten], sgd(model, momentum=0.9))
    assert one.owner(forgotten.weight) is None
    assert [p is forgotten.weight for p in one.adopt(forgotten.parameters())] == [True]
    assert one.adopt(forgotten.parameters()) == []
    optimizer, group = one.owner(forgotten.weight)
    assert (optimizer, group["momentum"]) == (one.optimizers[0], 0.9)
    one.disown({id(forgotten.weight)})
    assert one.owner(forgotten.weight) is None
    with pytest.raises(NotApplicable, match="no optimizer"):
        patient(model, None).adopt(model.parameters())


def test_draws_of_a_remedy_are_new_each_time_and_never_the_scripts(model: nn.Module) -> None:
    one, again = (patient(model, sgd(model), seed=3) for _ in range(2))
    before = torch.get_rng_state()
    drawn = []
    for each in (one, one, again):
        with each.streams_kept():
            drawn.append(nn.Linear(3, 3).weight)
    assert torch.equal(before, torch.get_rng_state())
    assert not torch.equal(drawn[0], drawn[1])
    assert torch.equal(drawn[0], drawn[2])


def test_clearing_of_gradients_can_be_taken_over(model: nn.Module) -> None:
    optimizer, calls = sgd(model), []
    one = patient(model, optimizer)
    one.around_zero_grad(lambda owner, original, *a, **k: calls.append((owner, original)))
    backward(model, torch.randn(5, 3))
    optimizer.zero_grad()
    model.zero_grad(set_to_none=True)
    assert [owner for owner, _ in calls] == [optimizer, model]
    assert model.last.weight.grad is not None
    calls[0][1]()
    assert model.last.weight.grad is None
