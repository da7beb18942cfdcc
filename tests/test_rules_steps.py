"""Rules of the step: lost, too small, too large, skipped, underflown."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from networks import blobs, chain, codes, initialise, leading, stepped

TASK = blobs(400, 16, 10)
SEEDS = pytest.mark.parametrize("seed", range(3))
SGD, ADAM, ADAMW = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW


def network(activation=nn.ReLU, width: int = 32, depth: int = 2) -> nn.Sequential:
    return initialise(chain(depth, width, activation, inputs=16), nn.init.xavier_normal_)


def explained_by(found, code: str) -> set[str]:
    return {finding.code for finding in found.findings if finding.consequence_of == code}


# -- lost steps --------------------------------------------------------------------------------


@SEEDS
@pytest.mark.parametrize(
    ("activation", "optimizer", "rate", "dtype"),
    [
        (nn.ReLU, SGD, 1e-3, torch.bfloat16),
        (nn.Tanh, ADAM, 1e-5, torch.bfloat16),
        (nn.GELU, ADAMW, 1e-4, torch.bfloat16),
        (nn.ReLU, SGD, 1e-4, torch.float16),
    ],
)
def test_small_steps_of_short_weights_are_rounded_away(
    activation, optimizer, rate, dtype, seed, tmp_path
):
    torch.manual_seed(seed)
    model = network(activation).to(dtype)
    found = stepped(tmp_path, model, TASK, optimizer(model.parameters(), lr=rate))
    assert found.verdict == "stuck"
    assert leading(found) == ("FLOW301", "rounding survival", "error")
    assert found.findings[0].evidence[0].value > 0.9
    assert "FLOW502" in explained_by(found, "FLOW301")


@SEEDS
def test_short_weights_that_learn_with_large_steps_get_a_note_at_most(seed, tmp_path):
    torch.manual_seed(seed)
    model = network().to(torch.bfloat16)
    found = stepped(tmp_path, model, TASK, SGD(model.parameters(), lr=0.1), steps=200)
    assert found.verdict == "learned"
    assert codes(found, "error", "warning") == []


@pytest.mark.parametrize(
    ("activation", "optimizer", "rate"), [(nn.ReLU, SGD, 0.1), (nn.GELU, ADAM, 3e-3)]
)
def test_autocast_to_bfloat16_over_float32_weights_loses_nothing(
    activation, optimizer, rate, tmp_path
):
    model = network(activation)
    found = stepped(
        tmp_path, model, TASK, optimizer(model.parameters(), lr=rate),
        autocast=torch.bfloat16, steps=200, every=20,
    )  # fmt: skip
    assert found.verdict == "learned"
    assert "FLOW301" not in codes(found)
    assert codes(found, "error", "warning") == []


@pytest.mark.parametrize(
    ("optimizer", "rate", "factor"),
    [
        (SGD, 0.2, lambda step: 0.9**step),  # 1e-9 of the first rate in the end
        (ADAM, 1e-2, lambda step: (1 + math.cos(math.pi * step / 200)) / 2),
    ],
    ids=["exponential", "cosine"],
)
def test_float32_steps_that_a_schedule_takes_to_zero_are_not_lost(
    optimizer, rate, factor, tmp_path
):
    model = network()
    found = stepped(
        tmp_path, model, TASK, optimizer(model.parameters(), lr=rate), rate=factor, steps=200
    )
    assert found.course.learned > 0.5
    assert "FLOW301" not in codes(found)
    assert codes(found, "error", "warning") == []


@SEEDS
def test_float32_steps_that_die_in_flat_units_are_not_put_down_to_the_format(seed, tmp_path):
    torch.manual_seed(seed)
    model = chain(3, 16, nn.Tanh)
    with torch.no_grad():
        for layer in model[:-1:2]:
            layer.weight.mul_(100.0)
    labels = torch.randint(0, 10, (400,), generator=torch.Generator().manual_seed(6))
    noise = torch.randn(400, 16, generator=torch.Generator().manual_seed(5))
    found = stepped(tmp_path, model, (noise, labels), SGD(model.parameters(), lr=0.01), every=10)
    assert found.findings[0].code == "FLOW101"
    assert "FLOW301" not in codes(found)


# -- step too small ----------------------------------------------------------------------------


@SEEDS
@pytest.mark.parametrize(
    ("activation", "make"),
    [
        (nn.ReLU, lambda owned: SGD(owned, lr=1e-8)),
        (nn.Tanh, lambda owned: ADAM(owned, lr=1e-8)),
        (nn.GELU, lambda owned: ADAMW(owned, lr=1e-6)),
    ],
    ids=["SGD 1e-8", "Adam 1e-8", "AdamW 1e-6"],
)
def test_a_rate_far_too_small_is_named(activation, make, seed, tmp_path):
    torch.manual_seed(seed)
    model = network(activation)
    found = stepped(tmp_path, model, TASK, make(model.parameters()))
    assert found.verdict == "stuck"
    assert leading(found) == ("FLOW302", "optimizer gain", "error")
    assert explained_by(found, "FLOW302") == {"FLOW502"}


@pytest.mark.parametrize(
    "make",
    [
        lambda owned: torch.optim.Adadelta(owned, lr=1e-3),
        lambda owned: ADAM(owned, lr=1e-4, eps=1.0),
    ],
    ids=["Adadelta", "a large epsilon"],
)
def test_an_optimizer_that_hardly_steps_at_a_usual_rate_is_named(make, tmp_path):
    model = network()
    found = stepped(tmp_path, model, TASK, make(model.parameters()))
    assert leading(found) == ("FLOW302", "optimizer gain", "error")


@SEEDS
def test_a_long_warm_up_is_innocent_once_it_is_over(seed, tmp_path):
    torch.manual_seed(seed)
    model = network()
    found = stepped(
        tmp_path, model, TASK, ADAM(model.parameters(), lr=1e-2), steps=200, every=20,
        rate=lambda step: 1e-5 if step < 60 else 1.0,
    )  # fmt: skip
    assert found.verdict == "learned"
    assert codes(found, "error", "warning") == []


def test_a_wide_network_that_learns_by_small_relative_steps_is_innocent(tmp_path):
    model = network(width=1024, depth=1)
    found = stepped(tmp_path, model, TASK, SGD(model.parameters(), lr=0.02), steps=100, every=10)
    assert found.verdict in {"learning", "learned"}
    assert "FLOW302" not in codes(found)
    assert codes(found, "error", "warning") == []


# -- step too large ----------------------------------------------------------------------------


@SEEDS
def test_a_rate_far_too_large_for_sgd_flattens_bounded_units(seed, tmp_path):
    torch.manual_seed(seed)
    model = network(nn.Tanh, depth=3)
    found = stepped(tmp_path, model, TASK, SGD(model.parameters(), lr=100.0), every=1, steps=80)
    assert found.verdict == "stuck"
    assert leading(found) == ("FLOW303", "optimizer gain", "error")
    assert "FLOW101" in explained_by(found, "FLOW303")


@SEEDS
def test_a_rate_far_too_large_for_sgd_overflows_or_kills_relu_units(seed, tmp_path):
    torch.manual_seed(seed)
    model = network(nn.ReLU, depth=3)
    found = stepped(tmp_path, model, TASK, SGD(model.parameters(), lr=30.0), every=1, steps=80)
    assert found.verdict != "learned"
    assert found.findings[0].code == "FLOW303"
    assert found.findings[0].severity in {"error", "warning"}
    assert explained_by(found, "FLOW303") & {"FLOW501", "FLOW102"}


@SEEDS
@pytest.mark.parametrize(("activation", "rate"), [(nn.ReLU, 10.0), (nn.Tanh, 5.0)])
def test_a_rate_far_too_large_for_adam_is_named(activation, rate, seed, tmp_path):
    torch.manual_seed(seed)
    model = network(activation, depth=3)
    found = stepped(tmp_path, model, TASK, ADAM(model.parameters(), lr=rate), steps=200)
    assert found.verdict in {"stuck", "undecided", "diverged"}
    assert found.findings[0].code == "FLOW303"
    assert found.findings[0].severity in {"error", "warning"}


@SEEDS
def test_a_rate_of_a_tenth_is_no_fault_in_itself(seed, tmp_path):
    torch.manual_seed(seed)
    model = network()
    found = stepped(tmp_path, model, TASK, SGD(model.parameters(), lr=0.1), steps=150)
    assert found.verdict == "learned"
    assert "FLOW303" not in codes(found)
    assert codes(found, "error", "warning") == []


@SEEDS
def test_weights_that_start_near_zero_may_grow_by_more_than_their_size(seed, tmp_path):
    torch.manual_seed(seed)
    model = network()
    with torch.no_grad():
        model[-1].weight.mul_(1e-4)
    found = stepped(tmp_path, model, TASK, SGD(model.parameters(), lr=0.1), steps=100, every=1)
    assert found.verdict in {"learning", "learned"}
    assert "FLOW303" not in codes(found)
    assert codes(found, "error", "warning") == []


# -- skipped steps -----------------------------------------------------------------------------


def scaler(start: float, **options) -> torch.amp.GradScaler:
    return torch.amp.GradScaler("cpu", init_scale=start, **options)


@SEEDS
def test_a_scaler_that_overflows_in_every_step_is_named(seed, tmp_path):
    torch.manual_seed(seed)
    model = network()
    found = stepped(
        tmp_path, model, TASK, SGD(model.parameters(), lr=0.1), autocast=torch.float16,
        scaler=scaler(2.0**40, backoff_factor=0.99),
    )  # fmt: skip
    assert found.verdict == "stuck"
    assert leading(found) == ("FLOW304", "skipped steps", "error")
    assert found.findings[0].evidence[0].value == 1.0
    assert "FLOW501" not in codes(found)  # a step that is not taken does no harm


class PoisonsItsGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * math.nan


class Poison(nn.Module):
    def forward(self, x):
        return PoisonsItsGradient.apply(x)


def test_a_gradient_that_is_nan_in_every_step_leads_over_the_scale_that_it_drives_to_zero(tmp_path):
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), Poison(), nn.Linear(32, 10))
    found = stepped(
        tmp_path, model, TASK, SGD(model.parameters(), lr=0.1), autocast=torch.float16,
        scaler=scaler(2.0**16),
    )  # fmt: skip
    assert found.verdict == "stuck"
    assert leading(found) == ("FLOW304", "skipped steps", "error")
    grave = {finding.code for finding in found.findings if finding.severity != "note"}
    assert grave <= {"FLOW304"} | explained_by(found, "FLOW304")


@SEEDS
@pytest.mark.parametrize(
    ("activation", "optimizer", "rate", "start"),
    [(nn.ReLU, SGD, 0.1, 2.0**28), (nn.Tanh, ADAM, 5e-3, 2.0**24)],
)
def test_a_scaler_that_skips_its_first_steps_is_innocent(
    activation, optimizer, rate, start, seed, tmp_path
):
    torch.manual_seed(seed)
    model = network(activation)
    found = stepped(
        tmp_path, model, TASK, optimizer(model.parameters(), lr=rate),
        autocast=torch.float16, scaler=scaler(start), steps=200, every=10,
    )  # fmt: skip
    assert found.recording.scalars["skipped"][:3].all()
    assert found.verdict == "learned"
    assert codes(found, "error", "warning") == []


def test_a_run_without_a_scaler_is_not_judged_for_it(tmp_path):
    model = network()
    found = stepped(tmp_path, model, TASK, SGD(model.parameters(), lr=0.1), steps=40)
    assert ("FLOW304", "no loss scaler was seen") in found.not_judged
    assert ("FLOW305", "no gradient was computed in float16") in found.not_judged


# -- gradient underflow ------------------------------------------------------------------------


def faint(out, labels):
    """A cross-entropy with a small weight."""
    return functional.cross_entropy(out, labels) * (1e-5 if out.dtype == torch.half else 1e-6)


@SEEDS
@pytest.mark.parametrize(("activation", "whole"), [(nn.ReLU, False), (nn.GELU, True)])
def test_gradients_too_small_for_float16_are_named(activation, whole, seed, tmp_path):
    torch.manual_seed(seed)
    model = network(activation)
    model = model.half() if whole else model
    found = stepped(
        tmp_path, model, TASK, SGD(model.parameters(), lr=0.1), loss=faint,
        autocast=None if whole else torch.float16,
    )  # fmt: skip
    assert found.verdict == "stuck"
    assert leading(found) == ("FLOW305", "gradient underflow", "error")
    assert "FLOW302" in explained_by(found, "FLOW305")


@SEEDS
def test_a_loss_scale_that_lifts_them_leaves_a_note_at_most(seed, tmp_path):
    torch.manual_seed(seed)
    model = network()
    found = stepped(
        tmp_path, model, TASK, ADAM(model.parameters(), lr=1e-2), loss=faint, steps=150,
        autocast=torch.float16, scaler=scaler(2.0**22),
    )  # fmt: skip
    assert found.verdict == "learned"
    assert codes(found, "error", "warning") == []


@SEEDS
def test_the_same_gradients_in_bfloat16_are_no_finding(seed, tmp_path):
    torch.manual_seed(seed)
    model = network()
    found = stepped(
        tmp_path, model, TASK, ADAM(model.parameters(), lr=1e-2), loss=faint, steps=150,
        autocast=torch.bfloat16,
    )  # fmt: skip
    assert found.verdict == "learned"
    assert "FLOW305" not in codes(found)
    assert codes(found, "error", "warning") == []
