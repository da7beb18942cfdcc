"""Weighted, soft, smoothed and blunt loss terms against PyTorch's own value and a slow search.

"The level" is the loss of the best constant prediction: what the labels' facts must give.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from truth import places, record, row, steps

N, K = 24, 3
torch.manual_seed(11)
INPUTS = torch.randn(N, 6)
LABELS = torch.tensor([0, 1, 2, 0, 0, 0, 1, 0] * 3)
SHARES = torch.softmax(2 * torch.randn(N, K), dim=1)
WEIGHT = torch.tensor([0.5, 2.0, 3.5])
TARGETS = torch.randn(N, 2) * torch.tensor([1.0, 4.0]) + 1


def mlp(outputs: int = K, end: nn.Module | None = None) -> nn.Sequential:
    torch.manual_seed(0)
    last = [end] if end is not None else []
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, outputs), *last)


def recorded(tmp_path, model, loss, times=1):
    return record(tmp_path, model, steps(model, [lambda m: loss(m(INPUTS))] * times))


def level(facts) -> float:
    """As `Targets.summary` says."""
    counts = np.array(list(facts["counts"].values()))
    share = counts / counts.sum()
    return float(-(counts * np.log(share)).sum() / facts.get("divisor", counts.sum()))


def best_constant(loss, outputs, start=None) -> float:
    """The least loss of one row of outputs for all examples, searched for."""
    constant = (torch.zeros(outputs) if start is None else start).double().requires_grad_()
    stepper = torch.optim.LBFGS(
        [constant], max_iter=500, line_search_fn="strong_wolfe", tolerance_grad=1e-12
    )

    def closure():
        stepper.zero_grad()
        value = loss(constant.expand(N, outputs))
        value.backward()
        return value

    stepper.step(closure)
    return closure().item()


def right_at(model, target) -> float:
    return float((model(INPUTS).argmax(dim=1) == target).double().mean())


CROSS = {
    "weighted": {"weight": WEIGHT},
    "smoothed": {"label_smoothing": 0.2},
    "weighted and smoothed": {"weight": WEIGHT, "label_smoothing": 0.2},
    "ignoring": {"ignore_index": 1, "weight": WEIGHT, "label_smoothing": 0.1},
}


@pytest.mark.parametrize("case", list(CROSS))
def test_cross_entropy_with_weights_and_smoothing(case, tmp_path):
    model, options = mlp(), CROSS[case]

    def loss(out):
        wide = {k: v.to(out.dtype) if k == "weight" else v for k, v in options.items()}
        return functional.cross_entropy(out, LABELS, **wide)

    recording = recorded(tmp_path, model, loss)
    assert [site.name for site in recording.of_kind("loss")] == ["cross_entropy"]
    found, facts = row(recording, "loss", "cross_entropy"), recording.labels["cross_entropy"]
    kept = options.get("ignore_index", -100) != LABELS
    assert found["value"] == pytest.approx(loss(model(INPUTS)).item(), rel=1e-5)
    assert found["examples"] == int(kept.sum())
    hits = (model(INPUTS).argmax(dim=1) == LABELS)[kept]
    assert found["right"] == pytest.approx(float(hits.double().mean()))
    assert level(facts) == pytest.approx(best_constant(loss, K), rel=1e-5)
    assert facts.get("weighted", False) is ("weight" in options)
    kept_facts = places(recording, "loss")["cross_entropy"]
    assert kept_facts.get("label_smoothing", 0) == pytest.approx(options.get("label_smoothing", 0))


def test_weighted_counts_are_those_of_the_labels_times_their_weights(tmp_path):
    model = mlp()
    recording = recorded(
        tmp_path, model, lambda out: functional.cross_entropy(out, LABELS, weight=WEIGHT)
    )
    counts = recording.labels["cross_entropy"]["counts"]
    assert counts == {"0": 15 * 0.5, "1": 6 * 2, "2": 3 * 3.5}


@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_cross_entropy_with_shares_as_targets(weight, smoothing, reduction, tmp_path):
    model = mlp()

    def loss(out, reduction="mean"):
        return functional.cross_entropy(
            out,
            SHARES.to(out.dtype),
            weight=None if weight is None else weight.to(out.dtype),
            label_smoothing=smoothing,
            reduction=reduction,
        )

    recording = recorded(tmp_path, model, lambda out: loss(out, reduction).sum())
    found, facts = row(recording, "loss", "cross_entropy"), recording.labels["cross_entropy"]
    assert (found["seen"], found["examples"]) == (1, N)
    assert found["value"] == pytest.approx(loss(model(INPUTS)).item(), rel=1e-5)
    assert found["right"] == pytest.approx(right_at(model, SHARES.argmax(dim=1)))
    assert level(facts) == pytest.approx(best_constant(loss, K), rel=1e-5)
    assert places(recording, "loss")["cross_entropy"]["soft"] is True


def test_a_product_that_is_no_cross_entropy_is_no_term(tmp_path):
    model = mlp()
    for loss in (
        lambda out: (out.log_softmax(1) * SHARES).sum(),  # not negative
        lambda out: -(out.log_softmax(1) * out.softmax(1)).sum(),  # an entropy
        lambda out: -(out.log_softmax(1) * SHARES).sum(dim=0).mean(),  # over the examples first
        lambda out: -(out.log_softmax(1) * SHARES[:, :1]).sum(),
    ):
        assert recorded(tmp_path, model, loss).of_kind("loss") == ()


BINARY = {
    "weight": {"weight": torch.linspace(0.2, 2, N)[:, None]},
    "pos_weight": {"pos_weight": torch.tensor([3.0])},
    "both": {"weight": torch.tensor([0.7]), "pos_weight": torch.tensor([3.0])},
    "neither": {},
}


@pytest.mark.parametrize("case", list(BINARY))
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("logits", [True, False])
def test_binary_cross_entropy_with_weights(case, soft, logits, tmp_path):
    options = BINARY[case]
    if not logits and "pos_weight" in options:
        pytest.skip("F.binary_cross_entropy has none")
    model = mlp(1)
    target = SHARES[:, :1] if soft else (LABELS[:, None] > 0).float()

    def loss(out):
        wide = {key: value.to(out.dtype) for key, value in options.items()}
        if logits:
            return functional.binary_cross_entropy_with_logits(out, target.to(out.dtype), **wide)
        return functional.binary_cross_entropy(out.sigmoid(), target.to(out.dtype), **wide)

    recording = recorded(tmp_path, model, loss)
    found = row(recording, "loss", "binary_cross_entropy")
    facts = recording.labels["binary_cross_entropy"]
    assert found["value"] == pytest.approx(loss(model(INPUTS)).item(), rel=1e-5)
    assert level(facts) == pytest.approx(best_constant(loss, 1), rel=1e-5)
    assert math.isnan(found["right"]) is soft
    if not soft:
        hits = (model(INPUTS) > 0) == (target > 0.5)
        assert found["right"] == pytest.approx(float(hits.double().mean()))
    assert facts.get("weighted", False) is bool(options)


@pytest.mark.parametrize("end", ["softmax", "log of softmax", "nothing", "wrong axis"])
def test_nll_loss_of_what_is_no_log_softmax(end, tmp_path):
    ends = {
        "softmax": (lambda out: out.softmax(dim=1), {"after": "SoftmaxBackward0"}),
        "log of softmax": (lambda out: out.softmax(dim=1).log(), {"after": "LogBackward0"}),
        "nothing": (lambda out: out, {"after": "AddmmBackward0"}),
        "wrong axis": (lambda out: out.log_softmax(0), {"after": "LogSoftmaxBackward0", "axis": 0}),
    }
    last, facts = ends[end]
    model = mlp()

    def loss(out):
        return functional.nll_loss(last(out), LABELS)

    recording = recorded(tmp_path, model, loss)
    found = row(recording, "loss", "nll_loss")
    assert found["value"] == pytest.approx(loss(model(INPUTS)).item(), rel=1e-5)
    hits = last(model(INPUTS)).argmax(dim=1) == LABELS
    assert found["right"] == pytest.approx(float(hits.double().mean()))
    assert places(recording, "loss")["nll_loss"] == facts
    assert recording.labels["nll_loss"] == {"counts": {"0": 15, "1": 6, "2": 3}, "classes": 3}


def test_a_log_softmax_of_its_own_makes_a_cross_entropy(tmp_path):
    model = mlp(end=nn.LogSoftmax(dim=1))
    recording = recorded(tmp_path, model, lambda out: functional.nll_loss(out, LABELS))
    assert places(recording, "loss") == {"cross_entropy": {}}
    logits = model[:3](INPUTS)
    logits.retain_grad()
    functional.nll_loss(model[3](logits), LABELS).backward()
    squares = logits.grad.double().square().sum(dim=1)
    wrong = logits.argmax(dim=1) != LABELS
    share = float(squares[wrong].sum() / squares.sum())
    assert row(recording, "loss", "cross_entropy")["wrong_gradient"] == pytest.approx(
        share, rel=1e-4
    )


def test_one_example_without_a_batch_axis_and_labels_of_one_byte(tmp_path):
    model = mlp()
    alone = recorded(tmp_path, model, lambda out: functional.cross_entropy(out[0], LABELS[0]))
    value = functional.cross_entropy(model(INPUTS)[0], LABELS[0]).item()
    assert row(alone, "loss", "cross_entropy")["value"] == pytest.approx(value, rel=1e-5)
    bytes_ = recorded(tmp_path, model, lambda out: functional.cross_entropy(out, LABELS.byte()))
    value = functional.cross_entropy(model(INPUTS), LABELS).item()
    assert row(bytes_, "loss", "cross_entropy")["value"] == pytest.approx(value, rel=1e-5)


def test_a_run_whose_labels_change_keeps_them_all_and_tells_the_recent_ones(tmp_path):
    model = mlp()
    early, late = torch.zeros_like(LABELS), torch.full_like(LABELS, 2)
    losses = [
        lambda m, y=y: functional.cross_entropy(m(INPUTS), y) for y in [early] * 30 + [late] * 30
    ]
    recording = record(tmp_path, model, steps(model, losses))
    facts = recording.labels["cross_entropy"]
    assert facts["counts"] == {"0": 30 * N, "2": 30 * N}
    assert facts["recent"] == {"2": facts["recent"]["2"]}
    assert 60 / 4 <= facts["recent"]["2"] / N <= 60 / 2


def test_a_head_that_grows_loses_no_count(tmp_path):
    model = mlp(4)
    losses = [
        lambda m: functional.cross_entropy(m(INPUTS)[:, :3], LABELS),
        lambda m: functional.cross_entropy(m(INPUTS), LABELS + 1),
    ]
    facts = record(tmp_path, model, steps(model, losses)).labels["cross_entropy"]
    assert facts == {"counts": {"0": 15, "1": 21, "2": 9, "3": 3}, "classes": 4}


# -- distances ----------------------------------------------------------------------------------------


BLUNT = {
    "absolute_error": (functional.l1_loss, {}),
    "smooth_l1": (functional.smooth_l1_loss, {"beta": 0.7}),
    "huber": (functional.huber_loss, {"delta": 0.7}),
    "squared_error": (functional.mse_loss, {}),
}


def distance(name, error, parameter):
    """By the definition, one number at a time."""
    size = abs(error)
    if name == "absolute_error":
        return size
    if name == "smooth_l1":
        return error**2 / (2 * parameter) if size < parameter else size - parameter / 2
    if name == "huber":
        return error**2 / 2 if size <= parameter else parameter * (size - parameter / 2)
    return error**2


@pytest.mark.parametrize("name", list(BLUNT))
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_distances_and_a_sample_of_their_targets(name, reduction, first, dtype, tmp_path):
    torch_loss, options = BLUNT[name]
    model = mlp(2).to(dtype)

    def loss(model):
        out = model(INPUTS.to(dtype))
        pair = (TARGETS.to(dtype), out) if first else (out, TARGETS.to(dtype))
        value = torch_loss(*pair, reduction=reduction, **options)
        held[:] = [out]
        return value if reduction == "mean" else value / 7

    held: list[torch.Tensor] = []
    recording = record(tmp_path, model, steps(model, [loss] * 2))
    found, facts = row(recording, "loss", name), recording.labels[name]
    errors = (model(INPUTS.to(dtype)).detach().double() - TARGETS.double()).flatten().tolist()
    parameter = next(iter(options.values()), None)
    value = sum(distance(name, error, parameter) for error in errors) / len(errors)
    assert found["value"] == pytest.approx(value, rel=1e-5)
    assert math.isnan(found["right"])
    assert math.isnan(found["wrong_gradient"])
    assert found["examples"] == 2 * N
    for i in range(2):
        assert facts["targets"][i] == pytest.approx([*TARGETS[:, i].tolist()] * 2, abs=1e-5)
    assert {key: facts[key] for key in options} == options


def test_the_absolute_error_of_a_guess_that_is_gone_has_targets_from_the_second_look_on(tmp_path):
    model = mlp(1)
    views = {
        "alive": lambda m: kept(m(INPUTS)),
        "squeezed": lambda m: kept(m(INPUTS)).squeeze(1),
        "gone": lambda m: m(INPUTS),
    }
    holder = []

    def kept(tensor):
        holder[:] = [tensor]
        return tensor

    for case, guess in views.items():
        target = TARGETS[:, 0] if case == "squeezed" else TARGETS[:, :1]
        recording = record(
            tmp_path,
            model,
            steps(model, [lambda m: functional.l1_loss(guess(m), target)] * 2),  # noqa: B023
        )
        holder.clear()
        value = (model(INPUTS).reshape(target.shape) - target).abs().mean().item()
        assert row(recording, "loss", "absolute_error")["value"] == pytest.approx(value, rel=1e-5)
        (found,) = recording.labels["absolute_error"]["targets"]
        times = 1 if case == "gone" else 2
        assert found == pytest.approx(TARGETS[:, 0].tolist() * times, abs=1e-5)


def test_a_penalty_is_no_absolute_error(tmp_path):
    model = mlp(1)
    for loss in (
        lambda m: (m[0].weight.norm() - 1).abs() + m(INPUTS).square().mean(),
        lambda m: (m(INPUTS).norm(dim=1) - 1).abs().mean(),
        lambda m: (m(INPUTS) - m(-INPUTS)).abs().mean(),
        lambda m: m(INPUTS).abs().mean(),
    ):
        assert record(tmp_path, model, steps(model, [loss])).of_kind("loss") == ()


def test_a_long_run_keeps_few_targets_spread_evenly_over_it(tmp_path):
    model = mlp(1)
    runs = [torch.full((N, 1), float(k)) for k in range(200)]
    losses = [lambda m, y=y: functional.mse_loss(m(INPUTS), y) for y in runs]
    (kept,) = record(tmp_path, model, steps(model, losses)).labels["squared_error"]["targets"]
    assert len(kept) <= 1024
    assert kept == sorted(kept)
    quantiles = np.quantile(kept, [0.1, 0.5, 0.9])
    assert quantiles == pytest.approx([20, 100, 180], abs=2)


def test_many_outputs_are_sampled_together(tmp_path):
    model, targets = mlp(100), torch.randn(N, 100)
    recording = recorded(tmp_path, model, lambda out: functional.smooth_l1_loss(out, targets))
    facts = recording.labels["smooth_l1"]
    assert facts["pooled"] is True
    assert facts["beta"] == 1.0
    (kept,) = facts["targets"]
    assert len(kept) == 800  # every third of 2,400
    assert kept == pytest.approx(targets.flatten()[::3].tolist())


# -- squared error as a classifier --------------------------------------------------------------------


@pytest.mark.parametrize("module", [True, False])
@pytest.mark.parametrize("flat", [True, False])
def test_squared_error_behind_a_sigmoid_knows_who_is_right(module, flat, tmp_path):
    model = mlp(1, nn.Sigmoid() if module else None)
    labels = (LABELS[:, None] > 0).float()
    labels = labels[:, 0] if flat else labels

    def loss(out):
        guess = out if module else torch.sigmoid(out)
        return functional.mse_loss(guess.squeeze(1) if flat else guess, labels)

    recording = recorded(tmp_path, model, loss)
    logits = model[:3](INPUTS)
    logits.retain_grad()
    guess = torch.sigmoid(logits)
    functional.mse_loss(guess.reshape(labels.shape), labels).backward()
    right = (guess[:, 0] > 0.5) == (labels.reshape(-1) > 0.5)
    squares = logits.grad.double().square().sum(dim=1)
    found = row(recording, "loss", "squared_error")
    assert found["right"] == pytest.approx(float(right.double().mean()))
    share = float(squares[~right].sum() / squares.sum())
    assert found["wrong_gradient"] == pytest.approx(share, rel=1e-4)


@pytest.mark.parametrize("module", [True, False])
def test_squared_error_behind_a_softmax_knows_who_is_right(module, tmp_path):
    model = mlp(K, nn.Softmax(dim=1) if module else None)
    target = functional.one_hot(LABELS, K).float()
    recording = recorded(
        tmp_path,
        model,
        lambda out: functional.mse_loss(out if module else out.softmax(dim=1), target),
    )
    logits = model[:3](INPUTS)
    logits.retain_grad()
    functional.mse_loss(logits.softmax(dim=1), target).backward()
    right = logits.argmax(dim=1) == LABELS
    squares = logits.grad.double().square().sum(dim=1)
    found = row(recording, "loss", "squared_error")
    assert found["right"] == pytest.approx(float(right.double().mean()))
    share = float(squares[~right].sum() / squares.sum())
    assert found["wrong_gradient"] == pytest.approx(share, rel=1e-4)


def test_of_a_regression_nobody_is_right(tmp_path):
    model = mlp(1)
    for target in (TARGETS[:, :1], (LABELS[:, None] > 0).float() + 0.5):
        found = row(
            recorded(tmp_path, model, lambda out: functional.mse_loss(out, target)),  # noqa: B023
            "loss",
            "squared_error",
        )
        assert math.isnan(found["right"])
        assert math.isnan(found["wrong_gradient"])


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_term_is_its_own_mean_however_it_is_divided(parts, reduction, tmp_path):
    """Whole micro-batches: with class weights too, the mean is that of the whole batch."""
    model = mlp()

    def train():
        stepper = torch.optim.SGD(model.parameters(), lr=0.0)
        for rows in torch.arange(N).chunk(parts):
            out = model(INPUTS[rows])
            loss = functional.cross_entropy(out, LABELS[rows], weight=WEIGHT, reduction=reduction)
            (loss / parts).backward()
        stepper.step()

    recording = record(tmp_path, model, train)
    whole = functional.cross_entropy(model(INPUTS), LABELS, weight=WEIGHT).item()
    assert row(recording, "loss", "cross_entropy")["value"] == pytest.approx(whole, rel=1e-5)
