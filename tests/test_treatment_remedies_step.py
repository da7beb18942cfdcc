"""Remedies of the step and the wiring do what the same change in the script would do, bit for bit."""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook

from clinometer.diagnosis.remedies import REMEDIES
from clinometer.diagnosis.rules import flow302_step_too_small
from clinometer.treatment.controls import nothing, sham
from clinometer.treatment.masters import between, neighbour
from clinometer.treatment.remedies import larger_batch, loss_scaling, raise_rate, smaller_epsilon
from clinometer.treatment.remedy import NotApplicable, all_remedies
from treated import (
    blobs,
    losses_of,
    network,
    patient,
    streams_untouched,
    torch_as_it_was,
    treat,
)

Make = Callable[[nn.Module], Optimizer]
OURS = (
    "bfloat16", "change-optimizer", "clip-gradient", "fp32-master-weights", "kahan-summation",
    "larger-batch", "loss-scaling", "lower-rate", "own-parameters", "raise-rate", "smaller-epsilon",
    "step-optimizer", "stochastic-rounding", "training-mode", "unfreeze-parameters", "warm-up",
    "weight-decay", "zero-gradients",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    with torch_as_it_was():
        yield


def sgd(rate: float = 0.1, **options: float) -> Make:
    return lambda model: torch.optim.SGD(model.parameters(), lr=rate, **options)


def adam(rate: float = 0.01, **options: float) -> Make:
    return lambda model: torch.optim.Adam(model.parameters(), lr=rate, **options)


def treated(name: str, make: Make, **options: object) -> tuple[list[float], str]:
    """Losses of the plain training after a remedy, and what it says it did."""
    model = network()
    optimizer = make(model)
    about = {key: options.pop(key) for key in ("finding", "facts") if key in options}
    done = treat(name, model, optimizer, blobs()[0][:16], **about)
    return losses_of(model, optimizer, **options), done  # type: ignore[arg-type]


def by_hand(make: Make, **options: object) -> list[float]:
    model = network()
    return losses_of(model, make(model), **options)  # type: ignore[arg-type]


# -- controls ---------------------------------------------------------------------------------------


def test_nothing_changes_no_bit() -> None:
    model = network()
    optimizer = sgd()(model)
    assert nothing(patient(model, optimizer)) == "nothing"
    assert losses_of(model, optimizer) == by_hand(sgd())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_sham_moves_each_weight_by_one_rounding_of_its_format(dtype: torch.dtype) -> None:
    model = network(dtype=dtype)
    before = [p.detach().clone() for p in model.parameters()]
    with streams_untouched():
        sham(patient(model, sgd()(model)))
    spacing = torch.finfo(dtype).eps
    for old, new in zip(before, model.parameters(), strict=True):
        up, down = (old.double() * (1 + sign * spacing) for sign in (1, -1))
        assert ((new == up.to(dtype)) | (new == down.to(dtype))).all()
        assert (new != old).double().mean() > 0.9
        assert (new.double().abs() > old.double().abs()).any()
        assert (new.double().abs() < old.double().abs()).any()


def test_a_sham_is_drawn_from_the_trials_seed_and_leaves_zero_at_zero() -> None:
    found = []
    for seed in (1, 1, 2):
        model = network()
        nn.init.zeros_(model[0].bias)
        sham(patient(model, None, seed=seed))
        assert not model[0].bias.any()
        found.append(model[2].weight.detach().clone())
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_a_sham_reaches_a_weight_that_only_an_optimizer_has_and_needs_one_at_all() -> None:
    weight = nn.Parameter(torch.ones(5))
    sham(patient([], torch.optim.SGD([weight], lr=0.1)))
    assert (weight != 1).all()
    with pytest.raises(NotApplicable, match="no weight"):
        sham(patient([], None))


def test_a_sham_does_not_disturb_a_graph_that_waits_for_its_backward_pass() -> None:
    model = network()
    loss = model(blobs()[0]).square().mean()
    sham(patient(model, sgd()(model)))
    loss.backward()
    assert all(p.grad is not None for p in model.parameters())


# -- rates --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "factor"), [("lower-rate", 0.1), ("raise-rate", 10.0)])
@pytest.mark.parametrize("make", [sgd, adam])
def test_a_rate_is_changed_as_the_script_would_change_it(
    name: str, factor: float, make: Callable[..., Make]
) -> None:
    found, done = treated(name, make(0.02))
    assert found == by_hand(make(0.02 * factor))
    assert done == f"learning rate 0.02 -> {0.02 * factor:.3g}"


def test_a_schedule_goes_on_under_a_changed_rate() -> None:
    """The scheduler warns of nothing (warnings are errors here), and its rates are a tenth throughout."""
    model, own = network(), network()
    optimizer, other = sgd(0.5)(model), sgd(0.5 * 0.1)(own)
    schedules = [torch.optim.lr_scheduler.StepLR(one, 3, gamma=0.5) for one in (optimizer, other)]
    treat("lower-rate", model, optimizer)
    found = losses_of(model, optimizer, each=lambda _: schedules[0].step())
    expected = losses_of(own, other, each=lambda _: schedules[1].step())
    assert found == expected
    assert optimizer.param_groups[0]["lr"] == 0.5 * 0.5**4  # the script's own, as it would read it


def test_a_scheduler_that_is_made_after_the_treatment_works() -> None:
    model = network()
    optimizer = sgd(0.5)(model)
    treat("lower-rate", model, optimizer)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 3)
    losses_of(model, optimizer, each=lambda _: schedule.step())
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.5 * 0.1**4)


def test_a_rate_of_zero_is_not_raised() -> None:
    with pytest.raises(NotApplicable, match="stays 0"):
        treated("raise-rate", sgd(0.0))


def test_a_warm_up_takes_growing_shares_of_the_rate() -> None:
    found, done = treated("warm-up", sgd(0.4), facts={"steps": 80})
    assert done == "learning rate 0.05 -> 0.4 over the first 8 steps"
    model = network()
    optimizer = sgd(0.4)(model)
    warm = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 8))
    assert found == losses_of(model, optimizer, each=lambda _: warm.step())


def test_a_warm_up_lasts_two_memories_of_the_optimizer_where_the_run_is_long() -> None:
    make = adam(0.4, betas=(0.9, 0.98))  # type: ignore[arg-type]
    assert treated("warm-up", make, facts={"steps": 10_000})[1].endswith("the first 100 steps")
    with pytest.raises(NotApplicable, match="too short"):
        treated("warm-up", sgd(), facts={"steps": 9})


# -- the gradient of a step ---------------------------------------------------------------------------


def clipped(model: nn.Module, optimizer: Optimizer, steps: int = 12) -> list[float]:
    """The same training with `clip_grad_norm_` written into it."""
    x, y = blobs()
    losses = []
    for step in range(steps):
        rows = torch.arange(step * 16, (step + 1) * 16) % len(x)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_clipping_is_that_of_torch() -> None:
    model = network()
    with torch.no_grad():
        model[2].weight.mul_(20.0)  # gradients of a norm of 20 and more
    own = network()
    own.load_state_dict(model.state_dict())
    optimizer = sgd(0.3)(model)
    assert treat("clip-gradient", model, optimizer) == "gradient norm clipped at 1"
    plain = network()
    plain.load_state_dict(model.state_dict())
    found = losses_of(model, optimizer)
    assert found == clipped(own, sgd(0.3)(own))
    assert found != losses_of(plain, sgd(0.3)(plain))


def test_clipping_meets_the_gradients_that_a_closure_makes() -> None:
    """LBFGS evaluates the loss within its step: its first step is the clipped gradient times the rate."""
    weight = nn.Parameter(torch.tensor([3.0, 4.0]))
    optimizer = torch.optim.LBFGS([weight], lr=0.5, max_iter=1)
    treat("clip-gradient", [], optimizer)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = 50.0 * weight.square().sum()  # a gradient of (300, 400)
        loss.backward()
        return loss

    optimizer.step(closure)
    norm = (
        min(1.0, 1.0 / 1.4) * 0.5
    )  # LBFGS: rate x min(1, 1 / sum of abs(gradient)); abs sums to 1.4
    assert weight.detach().numpy() == pytest.approx(
        np.array([3.0, 4.0]) - norm * np.array([0.6, 0.8])
    )


def test_clipping_sums_the_rows_of_a_sparse_gradient_first() -> None:
    table = nn.Embedding(4, 2, sparse=True)
    optimizer = torch.optim.SGD(table.parameters(), lr=1.0)
    before = table.weight.detach().clone()
    treat("clip-gradient", table, optimizer)
    (table(torch.tensor([1, 1, 2])) * 3.0).sum().backward()
    optimizer.step()
    gradient = np.zeros((4, 2))
    gradient[1], gradient[2] = 6.0, 3.0
    expected = before.numpy() - gradient / np.sqrt((gradient**2).sum())
    assert table.weight.detach().numpy() == pytest.approx(expected, abs=1e-6)


def scaled_loss(
    model: nn.Module, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler
) -> float:
    """The fifth loss of a training under a loss scaler."""
    x, y = blobs()
    for _ in range(5):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
    return loss.item()


def test_clipping_meets_unscaled_gradients_under_a_loss_scaler() -> None:
    losses = []
    for scaled in (True, False):
        model = network()
        with torch.no_grad():
            model[2].weight.mul_(20.0)
        optimizer = sgd(0.3)(model)
        treat("clip-gradient", model, optimizer)
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, enabled=scaled)
        losses.append(scaled_loss(model, optimizer, scaler))
    assert losses[0] == losses[1]


def test_clipping_allows_for_the_scale_that_a_fused_step_takes_off_itself() -> None:
    found = []
    for fused in (True, False):
        model = network()
        with torch.no_grad():
            model[2].weight.mul_(20.0)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.3, fused=fused)
        treat("clip-gradient", model, optimizer)
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
        found.append(scaled_loss(model, optimizer, scaler))
    assert found[0] == pytest.approx(found[1], rel=1e-4)


def test_decay_makes_adamw_of_adam() -> None:
    found, done = treated("weight-decay", adam(0.03))
    assert done == "weight decay 0 -> 0.01 (decoupled)"
    expected = by_hand(lambda m: torch.optim.AdamW(m.parameters(), lr=0.03, weight_decay=0.01))
    assert found == expected


def test_a_decay_that_is_there_becomes_ten_times_as_strong() -> None:
    def adamw(decay: float) -> Make:
        return lambda m: torch.optim.AdamW(m.parameters(), lr=0.03, weight_decay=decay)

    found, done = treated("weight-decay", adamw(0.01))
    assert done == "weight decay 0.01 -> 0.1 (decoupled)"
    assert found == pytest.approx(by_hand(adamw(0.1)), rel=1e-5)


def test_a_penalty_that_the_recording_tells_is_added_to_the_loss() -> None:
    found, done = treated("weight-decay", sgd(0.2), facts={"l2": 0.05})
    assert done == "loss + 0.05 times the sum of squared weights"
    model = network()
    optimizer = sgd(0.2)(model)
    x, y = blobs()
    for step in range(12):
        rows = torch.arange(step * 16, (step + 1) * 16) % len(x)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
        paid = sum(p.square().sum() for p in model.parameters() if p.ndim > 1)
        (loss + 0.05 * paid).backward()
        optimizer.step()
        assert loss.item() == pytest.approx(found[step], rel=1e-5)


def test_a_line_search_is_not_given_what_it_would_undo() -> None:
    for name in ("weight-decay", "larger-batch", "loss-scaling", "step-optimizer"):
        with pytest.raises(NotApplicable, match="LBFGS"):
            treated(name, lambda m: torch.optim.LBFGS(m.parameters()))


def test_a_batch_of_eight_is_eight_backward_passes_and_one_step() -> None:
    found, done = treated("larger-batch", adam(0.05), steps=33)
    assert done == "one step of the mean gradient of 8 batches"
    model = network()
    optimizer = adam(0.05)(model)
    x, y = blobs()
    for step in range(33):
        rows = torch.arange(step * 16, (step + 1) * 16) % len(x)
        loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
        (loss / larger_batch.BATCHES).backward()
        if step % 8 == 7:
            optimizer.step()
            optimizer.zero_grad()
        assert loss.item() == pytest.approx(found[step], rel=1e-6)


def test_a_scheduler_warns_of_no_missing_step_while_gradients_are_gathered() -> None:
    model = network()
    optimizer = sgd()(model)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 50)
    treat("larger-batch", model, optimizer)
    losses_of(model, optimizer, each=lambda _: schedule.step())


# -- the optimizer ------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [sgd(0.5, momentum=0.9), adam(0.3)])
def test_a_changed_optimizer_is_adamw_at_its_usual_rate(make: Make) -> None:
    found, done = treated("change-optimizer", make)
    assert done.endswith("-> AdamW with learning rate 0.001")
    assert found == by_hand(lambda m: torch.optim.AdamW(m.parameters(), lr=1e-3))


def test_a_changed_optimizer_keeps_the_schedule_as_a_share() -> None:
    model, own = network(), network()
    optimizer = sgd(0.5)(model)
    other = torch.optim.AdamW(own.parameters(), lr=1e-3)
    schedules = [torch.optim.lr_scheduler.StepLR(one, 3, gamma=0.5) for one in (optimizer, other)]
    treat("change-optimizer", model, optimizer)
    found = losses_of(model, optimizer, each=lambda _: schedules[0].step())
    assert found == losses_of(own, other, each=lambda _: schedules[1].step())


def test_a_changed_optimizer_is_one_that_hooks_of_all_optimizers_see() -> None:
    model = network()
    optimizer = sgd()(model)
    seen: list[type] = []
    hook = register_optimizer_step_post_hook(lambda one, _args, _kwargs: seen.append(type(one)))
    treat("change-optimizer", model, optimizer)
    losses_of(model, optimizer, steps=3)
    hook.remove()
    assert seen == [torch.optim.AdamW] * 3


def test_adamw_is_not_changed_into_itself_nor_given_what_it_cannot_take() -> None:
    with pytest.raises(NotApplicable, match="already"):
        treated("change-optimizer", lambda m: torch.optim.AdamW(m.parameters(), lr=1e-3))
    table = nn.Embedding(4, 2, sparse=True)
    with pytest.raises(NotApplicable, match="sparse"):
        treat("change-optimizer", table, torch.optim.SGD(table.parameters(), lr=0.1))
    half = network(dtype=torch.float16)
    with pytest.raises(NotApplicable, match="float16"):
        treat("change-optimizer", half, sgd()(half))


def test_epsilon_is_lowered_to_the_usual_one_first_and_then_to_the_least() -> None:
    found, done = treated("smaller-epsilon", adam(0.01, eps=0.1))
    assert done == "eps 0.1 -> 1e-08"
    assert found == by_hand(adam(0.01, eps=1e-8))
    found, done = treated("smaller-epsilon", adam(0.01))
    assert done == "eps 1e-08 -> 1.08e-19"
    assert found == by_hand(adam(0.01, eps=smaller_epsilon.LEAST))


def test_the_least_epsilon_is_the_root_of_the_smallest_normal_number() -> None:
    assert math.sqrt(np.finfo(np.float32).tiny) == smaller_epsilon.LEAST


def test_no_epsilon_is_no_case_for_a_smaller_one() -> None:
    with pytest.raises(NotApplicable, match="no optimizer divides"):
        treated("smaller-epsilon", sgd())
    with pytest.raises(NotApplicable, match="no optimizer divides"):
        treated("smaller-epsilon", lambda m: torch.optim.Adadelta(m.parameters()))


# -- wiring -------------------------------------------------------------------------------------------


def test_gradients_are_cleared_as_by_zero_grad() -> None:
    found, _ = treated(
        "zero-gradients", sgd(0.1, momentum=0.9), finding={"code": "FLOW403"}, zero=False
    )
    assert found == by_hand(sgd(0.1, momentum=0.9))
    assert found != by_hand(sgd(0.1, momentum=0.9), zero=False)


def test_gradients_that_a_scaler_skips_are_cleared_too() -> None:
    """An Inf that stayed would stop every later step."""
    model = network()
    optimizer = sgd()(model)
    treat("zero-gradients", model, optimizer, finding={"code": "FLOW403"})
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0)
    before = model[0].weight.detach().clone()
    for factor in (math.inf, 1.0):
        scaler.scale(model(blobs()[0]).square().mean() * factor).backward()
        scaler.step(optimizer)
        scaler.update()
    assert torch.isfinite(model[0].weight).all()
    assert not torch.equal(before, model[0].weight)


def test_a_script_that_clears_its_gradients_is_not_made_to() -> None:
    with pytest.raises(NotApplicable, match="clears its gradients"):
        treated("zero-gradients", sgd())


def test_a_step_follows_each_backward_pass() -> None:
    model, own = network(), network()
    optimizer = sgd()(model)
    assert treat("step-optimizer", model, optimizer, finding={"code": "FLOW406"})
    x, y = blobs()
    found = []
    for _ in range(6):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        found.append(loss.item())
    other = sgd()(own)
    for step in range(6):
        other.zero_grad()
        loss = nn.functional.cross_entropy(own(x), y)
        loss.backward()
        other.step()
        assert loss.item() == found[step]
    with pytest.raises(NotApplicable, match="steps its optimizer"):
        treated("step-optimizer", sgd())


def test_gradients_that_no_step_has_used_do_not_add_up_over_the_steps_of_the_remedy() -> None:
    model, own = network(), network()
    optimizer, other = sgd()(model), sgd()(own)
    treat("step-optimizer", model, optimizer, finding={"code": "FLOW406"})
    x, y = blobs()
    for _ in range(4):  # the script clears once, before its epoch
        nn.functional.cross_entropy(model(x), y).backward()
        other.zero_grad()
        nn.functional.cross_entropy(own(x), y).backward()
        other.step()
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), own.parameters(), strict=True))


class Listed(nn.Module):
    """Layers in a plain list: they run, and no module has registered them."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(8, 8), nn.Linear(8, 3)
        self.between = [nn.Linear(8, 8), nn.Linear(8, 8)]

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for layer in (*self.between, self.between[0]):
            x = layer(x).relu()
        return self.last(x)


def test_layers_in_a_plain_list_are_given_to_the_optimizer_once_each() -> None:
    model = Listed()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    x, y = blobs()
    assert treat("own-parameters", model, optimizer, x).startswith("4 parameters (144 weights)")
    owned = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert len(owned) == len(set(owned)) == 8
    before = model.between[1].weight.clone()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
    assert not torch.equal(model.between[1].weight, before)


def test_a_checkpointed_segment_is_no_step_of_its_own() -> None:
    model = network()
    optimizer = sgd()(model)
    treat("step-optimizer", model, optimizer, finding={"code": "FLOW406"})
    calls: list[int] = []
    optimizer.register_step_post_hook(lambda *_: calls.append(1))
    x = blobs()[0].requires_grad_()
    hidden = torch.utils.checkpoint.checkpoint(model[:2], x, use_reentrant=True)
    model[2](hidden).square().mean().backward()
    assert calls == [1]


def test_forgotten_parameters_join_the_optimizer_and_its_schedule() -> None:
    model, own = network(), network()
    optimizer, other = torch.optim.SGD(model[0].parameters(), lr=0.5), sgd(0.5)(own)
    schedules = [torch.optim.lr_scheduler.StepLR(one, 3) for one in (optimizer, other)]
    assert (
        treat("own-parameters", model, optimizer)
        == "2 parameters (51 weights) given to the optimizer"
    )
    found = losses_of(model, optimizer, each=lambda _: schedules[0].step())
    assert found == losses_of(own, other, each=lambda _: schedules[1].step())
    with pytest.raises(NotApplicable, match="is in an optimizer"):
        treat("own-parameters", own, other)


def test_frozen_parameters_of_the_optimizer_are_trained_and_others_stay_frozen() -> None:
    model = network()
    model[0].requires_grad_(False)
    model[2].bias.requires_grad_(False)
    optimizer = torch.optim.SGD([*model[0].parameters(), model[2].weight], lr=0.1)
    done = treat("unfreeze-parameters", model, optimizer)
    assert done == "requires_grad on 2 parameters (144 weights)"
    assert model[0].weight.requires_grad
    assert not model[2].bias.requires_grad
    before = model[0].weight.detach().clone()
    losses_of(model, optimizer, steps=2)
    assert not torch.equal(before, model[0].weight)
    with pytest.raises(NotApplicable, match="already"):
        treat("unfreeze-parameters", model, optimizer)


def test_training_passes_run_in_training_mode_and_evaluation_passes_do_not() -> None:
    model = nn.Sequential(nn.Linear(8, 4), nn.BatchNorm1d(4))
    model.eval()
    optimizer = sgd()(model)
    treat("training-mode", model, optimizer)
    with torch.no_grad():
        model(blobs()[0])
    assert not model.training
    model(blobs()[0])
    assert model.training
    assert model[1].training


def test_a_mode_that_makes_no_difference_is_not_changed() -> None:
    with pytest.raises(NotApplicable, match="every layer"):
        treated("training-mode", sgd())
    model = network().eval()
    with pytest.raises(NotApplicable, match="behaves otherwise"):
        treat("training-mode", model, sgd()(model))


# -- number formats -----------------------------------------------------------------------------------


def bits_of(value: np.float32) -> int:
    return int(value.view(np.uint32))


def test_the_neighbour_of_a_bfloat16_number_is_the_next_one() -> None:
    values = torch.tensor(
        [1.0, -1.0, 0.0, -0.0, 1.5, -(2.0**-126), 2.0**-133], dtype=torch.bfloat16
    )
    for up in (True, False):
        moved = neighbour(values, torch.full(values.shape, up))
        for old, new in zip(values.float().tolist(), moved.float().tolist(), strict=True):
            assert (new > old) == up
            middle = torch.tensor((old + new) / 2).to(torch.bfloat16).item()
            assert middle in (old, new)  # no number lies between them


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_rounding_at_random_has_the_value_as_its_mean(dtype: torch.dtype) -> None:
    """Exactly, over all draws of a fine grid: the upper neighbour is taken as often as it is near."""
    grid = (torch.arange(4096) + 0.5) / 4096
    for value in (1.003, -1.003, 0.1, -3.14159, 1e-6):
        rounded = between(torch.full((4096,), value), torch.zeros(1, dtype=dtype), grid).double()
        spacing = float(rounded.max() - rounded.min())
        assert len(rounded.unique()) == 2
        exact = float(np.float32(value))
        assert float(rounded.mean()) == pytest.approx(exact, abs=spacing / 4096)


def test_numbers_that_the_format_has_are_never_rounded() -> None:
    values = torch.tensor([1.0, -0.0, 0.0, math.inf, 2.5])
    draw = torch.zeros(5)
    assert torch.equal(between(values, torch.zeros(1, dtype=torch.bfloat16), draw).float(), values)
    assert between(torch.tensor([math.nan]), torch.zeros(1, dtype=torch.bfloat16), draw[:1]).isnan()


def half_network() -> nn.Sequential:
    return network(dtype=torch.bfloat16)


def trained_half(name: str | None, make: Make, steps: int = 40) -> tuple[nn.Module, list[float]]:
    model = half_network()
    optimizer = make(model)
    if name is not None:
        treat(name, model, optimizer)
    return model, losses_of(model, optimizer, steps=steps)


def test_master_weights_are_a_float32_training_on_rounded_weights() -> None:
    """Second way: weights in a float32 list, rounded into the network before each pass."""
    model, found = trained_half("fp32-master-weights", sgd(1e-3))
    own = half_network()
    masters = [p.detach().float() for p in own.parameters()]
    x, y = blobs()
    for step in range(40):
        rows = torch.arange(step * 16, (step + 1) * 16) % len(x)
        own.zero_grad()
        loss = nn.functional.cross_entropy(own(x[rows].bfloat16()).float(), y[rows])
        loss.backward()
        with torch.no_grad():
            for master, parameter in zip(masters, own.parameters(), strict=True):
                master.sub_(1e-3 * parameter.grad.float())
                parameter.copy_(master.bfloat16())
        assert loss.item() == found[step]
    assert all(p.dtype == torch.bfloat16 for p in model.parameters())


@pytest.mark.parametrize("name", ["fp32-master-weights", "kahan-summation", "stochastic-rounding"])
@pytest.mark.parametrize("make", [sgd(1e-3), adam(1e-4)])
def test_steps_that_rounding_would_lose_are_kept(name: str, make: Make) -> None:
    """Over 40 steps the 16-bit weights follow a float32 training to within one spacing of bfloat16."""
    model, _ = trained_half(name, make)
    lost, _ = trained_half(None, make)
    exact = half_network().float()
    losses_of(exact, make(exact), steps=40)
    rows = [
        torch.cat([p.detach().float().flatten() for p in m.parameters()])
        for m in (model, lost, exact)
    ]
    start = torch.cat([p.detach().float().flatten() for p in half_network().parameters()])
    moved = rows[2] - start
    along = [float((row - start) @ moved / (moved @ moved)) for row in rows]
    assert along[0] == pytest.approx(1.0, abs=0.25)
    assert abs(along[1] - 1.0) > abs(along[0] - 1.0)


def test_kahan_carries_what_rounding_drops() -> None:
    """A hundred steps of 0.001 on a bfloat16 weight of 1, each far below half its spacing of 2^-7."""
    for name, low, high in (("kahan-summation", 1.09, 1.11), (None, 1.0, 1.0)):
        weight = nn.Parameter(torch.ones(3, dtype=torch.bfloat16))
        optimizer = torch.optim.SGD([weight], lr=1.0)
        if name:
            treat(name, [], optimizer)
        for _ in range(100):
            weight.grad = torch.full_like(weight, -0.001)
            optimizer.step()
        assert low <= weight.tolist()[0] <= high


def test_what_the_script_writes_into_a_weight_is_kept_by_its_master() -> None:
    weight = nn.Parameter(torch.ones(2, dtype=torch.bfloat16))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    treat("fp32-master-weights", [], optimizer)
    for target in (1.0, 5.0):
        with torch.no_grad():
            weight[0] = target
        weight.grad = torch.full_like(weight, 2.0**-10)
        optimizer.step()
    assert weight.tolist() == [5.0, 1.0]
    for _ in range(
        6
    ):  # the other one's steps add up: 8 x 2^-10 are one spacing below 1, of 2^-8, and more
        weight.grad = torch.full_like(weight, 2.0**-10)
        optimizer.step()
    assert weight[1] < 1.0


def test_averages_gathered_in_sixteen_bits_go_on_in_float32() -> None:
    model = half_network()
    optimizer = adam()(model)
    losses_of(model, optimizer, steps=3)
    treat("fp32-master-weights", model, optimizer)
    losses_of(model, optimizer, steps=3)
    assert {s["exp_avg"].dtype for s in optimizer.state.values()} == {torch.float32}
    assert {p.grad.dtype for p in model.parameters()} == {torch.bfloat16}


@pytest.mark.parametrize("name", ["fp32-master-weights", "kahan-summation", "stochastic-rounding"])
def test_float32_weights_need_no_masters(name: str) -> None:
    with pytest.raises(NotApplicable, match="float16 or bfloat16"):
        treated(name, sgd())


def underflowing(scaler: bool, treat_with: str | None = None) -> tuple[list[float], float]:
    """A tiny loss under float16 autocast; losses, and how far the first weight moved."""
    with torch_as_it_was():
        return _underflowing(scaler, treat_with)


def _underflowing(scaler: bool, treat_with: str | None) -> tuple[list[float], float]:
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    before = model[0].weight.detach().clone()
    if treat_with:
        treat(treat_with, model, optimizer, finding={"code": "FLOW305"})
    scale = torch.amp.GradScaler("cpu", init_scale=loss_scaling.FIRST, enabled=scaler)
    x, y = blobs()
    losses = []
    for _ in range(8):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.float16):
            loss = 1e-7 * nn.functional.cross_entropy(model(x), y)
        scale.scale(loss).backward()
        scale.step(optimizer)
        scale.update()
        losses.append(loss.item())
    return losses, float((model[0].weight.detach() - before).abs().max())


def test_loss_scaling_is_that_of_grad_scaler() -> None:
    found, moved = underflowing(False, "loss-scaling")
    assert (found, moved) == underflowing(True)
    assert moved > underflowing(False)[1]


def test_a_loss_that_is_scaled_already_is_not_scaled_again() -> None:
    scaler = torch.amp.GradScaler("cpu")
    with pytest.raises(NotApplicable, match="already"):
        treated("loss-scaling", sgd(), finding={"code": "FLOW305"})
    assert scaler.is_enabled()


def test_a_step_that_is_not_finite_is_left_out_and_halves_the_scale() -> None:
    model = network()
    optimizer = sgd()(model)
    treat("loss-scaling", model, optimizer, finding={"code": "FLOW305"})
    before = model[0].weight.detach().clone()
    for factor, stays in ((math.inf, True), (1.0, False)):
        optimizer.zero_grad()
        (model(blobs()[0]).square().mean() * factor).backward()
        optimizer.step()
        assert torch.equal(before, model[0].weight) == stays


def test_gradients_gathered_over_two_passes_are_unscaled_once() -> None:
    grads = []
    for name in (None, "loss-scaling"):
        model = network()
        optimizer = sgd()(model)
        if name:
            treat(name, model, optimizer, finding={"code": "FLOW305"})
        for part in blobs()[0].chunk(2):
            model(part).square().mean().backward()
        grads.append([p.grad.clone() for p in model.parameters()])
    assert all(map(torch.equal, *grads))


def test_autocast_in_float16_becomes_bfloat16_and_other_blocks_stay() -> None:
    model = network()
    x = blobs()[0]
    with torch.autocast("cpu", dtype=torch.float16):
        done = treat("bfloat16", model, sgd()(model))  # no finding, but the block is open
        assert done == "autocast float16 -> bfloat16"
        assert model(x).dtype == torch.bfloat16
    with torch.autocast("cpu", dtype=torch.float16):
        assert model(x).dtype == torch.bfloat16
    assert model(x).dtype == torch.float32


@pytest.mark.parametrize("name", ["bfloat16", "loss-scaling"])
def test_what_is_no_float16_is_left_alone(name: str) -> None:
    with pytest.raises(NotApplicable, match="no gradient"):
        treated(name, sgd())
    half = network(dtype=torch.float16)
    with pytest.raises(NotApplicable, match="stored in float16"):
        treat(name, half, sgd()(half), finding={"code": "FLOW305"})
    assert treated(name, sgd(), facts={"gradient_dtypes": ["float16"]})


# -- all of them --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OURS)
def test_no_remedy_draws_from_the_scripts_stream(name: str) -> None:
    dtype = torch.bfloat16 if name in OURS[3:5] or name.startswith("stoch") else torch.float32
    model = network(dtype=dtype)
    optimizer = adam()(model)
    code = {"zero-gradients": "FLOW403", "step-optimizer": "FLOW406"}.get(name, "FLOW305")
    with streams_untouched():
        try:
            treat(name, model, optimizer, finding={"code": code})
        except NotApplicable:
            assert name in {"own-parameters", "unfreeze-parameters", "training-mode"}
        losses_of(model, optimizer, steps=9)


@pytest.mark.parametrize("name", [one for one in OURS if one not in {"training-mode", "bfloat16"}])
def test_without_an_optimizer_nothing_of_the_step_applies(name: str) -> None:
    nobody = patient(network(), None, finding={"code": "FLOW403"})
    with pytest.raises(NotApplicable):
        all_remedies()[name].apply(nobody)


@pytest.mark.parametrize("name", OURS)
def test_the_lines_of_a_remedy_are_python_and_its_words_are_declared(name: str) -> None:
    remedy = all_remedies()[name]
    assert ast.parse(remedy.lines).body
    assert name in REMEDIES
    assert not remedy.new_loss  # each goes on with the script's own loss


# -- with what else a script may have ---------------------------------------------------------------


def test_a_cycle_of_rates_and_momenta_goes_on_under_a_changed_optimizer() -> None:
    """OneCycleLR writes into the groups that it knows; its peak rate is AdamW's own."""
    model = network()
    optimizer = sgd(0.1, momentum=0.9)(model)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.5, total_steps=13)
    treat("change-optimizer", model, optimizer)
    rates: list[float] = []
    optimizer.register_step_pre_hook(lambda one, *_: rates.append(one.param_groups[0]["lr"]))
    losses_of(model, optimizer, each=lambda _: cycle.step())
    assert max(rates) == pytest.approx(1e-3, rel=0.05)
    assert rates[0] == pytest.approx(1e-3 / 25)  # OneCycleLR begins at a 25th


def test_rates_that_are_tensors_are_changed_too() -> None:
    found = []
    for rate in (torch.tensor(0.02), torch.tensor(0.02 * 10)):
        model = network()
        optimizer = torch.optim.Adam(model.parameters(), lr=rate, foreach=False, capturable=False)
        if not found:
            treat("raise-rate", model, optimizer)
        found.append(losses_of(model, optimizer))
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_each_optimizer_of_several_is_treated() -> None:
    model, own = network(), network()
    pair = [torch.optim.SGD(model[k].parameters(), lr=rate) for k, rate in ((0, 0.3), (2, 0.2))]
    done = treat("lower-rate", model, pair)
    assert done == "learning rate 0.3, 0.2 -> 0.03, 0.02"
    groups = [{"params": own[0].parameters(), "lr": 0.03}, {"params": own[2].parameters()}]
    losses_of(model, pair[0], steps=1)
    pair[1].step()
    losses_of(own, torch.optim.SGD(groups, lr=0.02), steps=1)
    assert all(map(torch.allclose, model.parameters(), own.parameters()))


@pytest.mark.parametrize("options", [{"fused": True}, {"foreach": True}, {"foreach": False}])
def test_masters_step_by_every_way_of_stepping(options: dict[str, bool]) -> None:
    def make(model: nn.Module) -> Optimizer:
        return torch.optim.Adam(model.parameters(), lr=1e-4, **options)

    weights = [trained_half("fp32-master-weights", one)[0] for one in (make, adam(1e-4))]
    for one, other in zip(*(w.parameters() for w in weights), strict=True):
        assert torch.allclose(one.float(), other.float(), rtol=2**-7)  # one spacing of bfloat16


def test_masters_serve_a_closure() -> None:
    """The passes of a closure run on the 16-bit weights, and its loss is handed back."""
    found = []
    for closure_given in (True, False):
        model = half_network()
        optimizer = sgd(1e-3)(model)
        treat("fp32-master-weights", model, optimizer)
        x, y = blobs()

        def closure() -> Tensor:
            optimizer.zero_grad()  # noqa: B023
            output = model(x.bfloat16())  # noqa: B023
            assert output.dtype == torch.bfloat16
            loss = nn.functional.cross_entropy(output.float(), y)  # noqa: B023
            loss.backward()
            return loss

        for _ in range(5):
            if closure_given:
                loss = optimizer.step(closure)
            else:
                loss = closure()
                optimizer.step()
        found.append(loss.item())
    assert found[0] == found[1]


# -- what a finding tells -----------------------------------------------------------------------------


def too_small(distance: float | None) -> dict[str, object]:
    row = {"quantity": raise_rate.MISSING, "value": distance, "limit": 0.01}
    return {"code": "FLOW302", "evidence": [row]}


@pytest.mark.parametrize(
    ("distance", "rate"), [(0.009, "0.1"), (9e-4, "1"), (9e-6, "100"), (None, "0.1"), (0.0, "0.1")]
)
def test_a_rate_is_raised_by_the_decades_that_the_finding_measured(
    distance: float | None, rate: str
) -> None:
    assert treated("raise-rate", sgd(0.01), finding=too_small(distance))[1].endswith(f"-> {rate}")


def test_the_evidence_that_is_read_is_what_the_rule_writes() -> None:
    assert raise_rate.MISSING in inspect.getsource(flow302_step_too_small)
    assert raise_rate.LARGEST in inspect.getsource(flow302_step_too_small)


def test_a_rate_that_a_schedule_took_away_is_held_at_the_largest_that_was_recorded() -> None:
    row = {"quantity": raise_rate.LARGEST, "value": 0.2, "limit": None}
    model = network()
    optimizer = sgd(1e-9)(model)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.1)
    done = treat("raise-rate", model, optimizer, finding={"code": "FLOW302", "evidence": [row]})
    assert done == "learning rate 1e-09 -> 0.2, and kept there"
    assert losses_of(model, optimizer, each=lambda _: schedule.step()) == by_hand(sgd(0.2))
    assert optimizer.param_groups[0]["lr"] == pytest.approx(1e-9 * 0.1**12)


def test_a_schedule_that_is_all_but_over_is_seen_without_a_recording() -> None:
    model = network()
    optimizer = sgd(0.2)(model)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.1)
    losses_of(model, optimizer, steps=3, each=lambda _: schedule.step())
    assert treat("raise-rate", model, optimizer) == "learning rate 0.0002 -> 0.2, and kept there"


class Rows(torch.utils.data.Dataset[Tensor]):
    def __len__(self) -> int:
        return 70

    def __getitem__(self, row: int) -> Tensor:
        return torch.tensor(row)


def rows_joined(batch: int) -> tuple[list[list[int]], list[list[int]]]:
    """Two passes over 70 rows, treated when the first batch has been read."""
    loader = torch.utils.data.DataLoader(Rows(), batch_size=batch)
    passes = []
    for treatment in (True, False):
        read = []
        for rows in loader:
            read.append(rows.tolist())
            if treatment and len(read) == 1:
                model = network()
                treat("larger-batch", model, sgd()(model), finding={"code": "FLOW405"})
        passes.append(read)
    return passes[0], passes[1]


def test_batches_of_a_loader_are_joined_in_their_order() -> None:
    first, second = rows_joined(2)
    assert first == [[0, 1], *(list(range(k, k + 16)) for k in (2, 18, 34, 50))]
    assert second == [list(range(k, k + 16)) for k in (0, 16, 32, 48)]


def test_a_pass_that_is_shorter_than_a_joined_batch_is_one_batch() -> None:
    assert rows_joined(30)[1] == [list(range(70))]


def test_batches_that_no_loader_makes_are_not_joined() -> None:
    with pytest.raises(NotApplicable, match="DataLoader"):
        treated("larger-batch", sgd(), finding={"code": "FLOW405"})
