"""The radial gauge and the evaluation passes of a recording, against slow second implementations."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import clinometer
from clinometer.attach import evaluations as listening
from clinometer.diagnosis.progress import progress
from clinometer.records.evaluation import (
    KEPT,
    SINGLES,
    Evaluation,
    best_beta,
    mean_loss,
    merged_evaluations,
)
from clinometer.records.recording import Recording
from networks import blobs, chain
from truth import record, steps

POINTS = torch.tensor([[1.0, 1.0], [-1.0, -1.0]])
ONE_ZERO = torch.tensor([[1.0], [0.0]])
TASK = blobs(200, 8, 4, spread=1.5)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def watched(
    folder: Path, model: nn.Module, step: Callable[[int], object], count: int, every: int = 1
) -> Recording:
    path = folder / f"run{len(list(folder.glob('*.clino')))}.clino"
    with clinometer.watch(model, to=path, every=every):
        for i in range(count):
            step(i)
    return clinometer.read(path)


def parameter(recording: Recording, column: str, name: str) -> np.ndarray:
    names = [site.name for site in recording.of_kind("parameter")]
    return recording.column("parameter", column)[:, names.index(name)]


def dot(a: torch.Tensor, b: torch.Tensor) -> float:
    return math.fsum((a.double() * b.double()).reshape(-1).tolist())


# -- the gauge ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("stepper", [torch.optim.SGD, torch.optim.Adam])
def test_the_products_are_those_of_weights_gradients_and_steps_one_by_one(stepper, tmp_path):
    model = chain(1, 6, nn.Tanh, classes=4, inputs=8)
    optimizer = stepper(model.parameters(), lr=0.01)
    weight, told = model[0].weight, []

    def step(_i):
        optimizer.zero_grad()
        functional.cross_entropy(model(TASK[0]), TASK[1]).backward()
        before, gradient = weight.detach().clone(), weight.grad.clone()
        optimizer.step()
        told.append((before, gradient, weight.detach() - before))

    got = watched(tmp_path, model, step, 6)
    slope, along, carried = (
        parameter(got, name, "0.weight") for name in ("scale_slope", "scale_step", "carried")
    )
    assert slope == pytest.approx([dot(g, w) for w, g, _ in told], rel=1e-5)
    assert math.isnan(along[0])
    assert math.isnan(carried[0])
    pairs = list(zip(told[1:], told[:-1], strict=True))
    assert along[1:] == pytest.approx([dot(now[0], then[2]) for now, then in pairs], rel=1e-5)
    assert carried[1:] == pytest.approx([dot(now[1], then[2]) for now, then in pairs], rel=1e-5)


def test_clipping_and_a_loss_scale_are_taken_off_the_gradient(tmp_path):
    slopes = []
    for clip, scale in ((1e9, 1.0), (1e-3, 1.0), (1e9, 1024.0)):
        torch.manual_seed(0)
        model = chain(1, 6, nn.Tanh, classes=4, inputs=8)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
        scaler = torch.amp.GradScaler("cpu", init_scale=scale, enabled=scale > 1)

        def step(_i, model=model, optimizer=optimizer, scaler=scaler, clip=clip):
            optimizer.zero_grad()
            scaler.scale(functional.cross_entropy(model(TASK[0]), TASK[1])).backward()
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(model.parameters(), clip)
            scaler.step(optimizer)
            scaler.update()

        slopes.append(parameter(watched(tmp_path, model, step, 3), "scale_slope", "0.weight"))
    assert slopes[1] == pytest.approx(slopes[0], rel=1e-4)
    assert slopes[2] == pytest.approx(slopes[0], rel=1e-4)


def test_the_gradient_of_the_chapters_model_a_is_parallel_to_its_weights(tmp_path):
    model = nn.Linear(2, 1)
    with torch.no_grad():
        model.weight.fill_(1.0)
        model.bias.zero_()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step(_i):
        optimizer.zero_grad()
        functional.binary_cross_entropy_with_logits(model(POINTS), ONE_ZERO).backward()
        optimizer.step()

    found = progress(watched(tmp_path, model, step, 40))
    assert found is not None
    share = found.share(np.ones(40, dtype=bool))
    assert share is not None
    assert share.scale == pytest.approx(1.0, abs=1e-5)
    assert share.error < 1e-5
    assert share.progresses


def test_the_slope_of_a_last_layers_scale_is_the_slope_of_the_loss_in_its_temperature(tmp_path):
    """Euler: <dC/dW, W> + <dC/db, b> = mean <z, p - onehot>."""
    model, slopes = nn.Sequential(nn.Linear(8, 4)), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step(_i):
        optimizer.zero_grad()
        logits = model(TASK[0])
        functional.cross_entropy(logits, TASK[1]).backward()
        z = logits.detach().double()
        wrong = z.softmax(1) - functional.one_hot(TASK[1], 4)
        slopes.append(float((z * wrong).sum(1).mean()))
        optimizer.step()

    got = watched(tmp_path, model, step, 5)
    both = parameter(got, "scale_slope", "0.weight") + parameter(got, "scale_slope", "0.bias")
    assert both == pytest.approx(slopes, rel=1e-4)


def test_a_layer_before_a_normalisation_has_no_slope_of_scale(tmp_path):
    model = nn.Sequential(
        nn.Linear(8, 16, bias=False), nn.BatchNorm1d(16, eps=1e-12), nn.ReLU(), nn.Linear(16, 4)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    def step(_i):
        optimizer.zero_grad()
        functional.cross_entropy(model(TASK[0]), TASK[1]).backward()
        optimizer.step()

    got = watched(tmp_path, model, step, 12)
    scale = np.abs(parameter(got, "scale_slope", "0.weight"))
    size = parameter(got, "grad_rms", "0.weight") * parameter(got, "weight_rms", "0.weight") * 128
    assert np.all(scale < 1e-5 * size)


def matched_split(first: torch.Tensor, last: torch.Tensor, labels: torch.Tensor) -> float:
    """Share of scale of the loss between two logit matrices: mean over both orders (reference, case 5)."""
    first, last = (z.double() - z.double().mean(1, keepdim=True) for z in (first, last))
    s0, s1 = (float(z.square().mean().sqrt()) for z in (first, last))

    def loss(scale, z, own):
        return float(functional.cross_entropy(scale / own * z, labels))

    whole = loss(s0, first, s0) - loss(s1, last, s1)
    scale = loss(s0, first, s0) - loss(s1, first, s0) + loss(s0, last, s1) - loss(s1, last, s1)
    return scale / 2 / whole


@pytest.mark.parametrize("data", ["digits", "breast_cancer"])
def test_beside_the_audited_split_of_the_logits_the_gauge_is_within_a_quarter(
    data, tmp_path, capsys
):
    """The reference's section 6: after all training rows are right. 0.65 against 0.61, 0.48 against 0.74."""
    from sklearn import datasets

    inputs, labels = getattr(datasets, f"load_{data}")(return_X_y=True)
    inputs = (inputs - inputs.mean(0)) / (inputs.std(0) + 1e-9)
    rows = np.random.default_rng(0).permutation(len(labels))[: int(0.4 * len(labels))]
    x, y = torch.tensor(inputs[rows], dtype=torch.float32), torch.tensor(labels[rows])
    model = chain(2, 128, nn.ReLU, classes=int(y.max()) + 1, inputs=x.shape[1])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    kept = []

    def step(_i):
        optimizer.zero_grad()
        logits = model(x)
        functional.cross_entropy(logits, y).backward()
        optimizer.step()
        kept.append(logits.detach())

    got = watched(tmp_path, model, step, 400, every=5)
    found = progress(got)
    right = got.column("loss", "right")[:, 0] == 1
    begun = int(got.observed[right][0])
    share = found.share(right)
    audited = matched_split(kept[begun], kept[-1], y)
    with capsys.disabled():
        print(
            f"\n{data}: gauge {share.scale:.3f} +- {share.error:.3f}, split of the logits {audited:.3f}"
        )
    assert share.progresses
    assert abs(share.scale - audited) < 0.25


# -- what was claimed in training ------------------------------------------------------------------


def test_the_claimed_error_keeps_its_digits_where_the_probability_rounds_to_one(tmp_path):
    model = nn.Linear(1, 2, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[0.0], [18.0]]))
    ones = torch.ones(4, 1)

    def loss(model):
        return functional.cross_entropy(model(ones), torch.ones(4, dtype=torch.long))

    error = record(tmp_path, model, steps(model, [loss])).column("loss", "claimed_error")[0, 0]
    assert error == pytest.approx(math.exp(-18.0) / (1 + math.exp(-18.0)), rel=1e-5)


# -- evaluation passes -----------------------------------------------------------------------------


def training(model: nn.Module) -> Callable[[int], None]:
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    def step(_i: int) -> None:
        optimizer.zero_grad()
        functional.cross_entropy(model(TASK[0]), TASK[1]).backward()
        optimizer.step()

    return step


LOSSES = {
    "module": nn.CrossEntropyLoss(),
    "function": functional.cross_entropy,
    "log-probabilities": lambda z, y: functional.nll_loss(functional.log_softmax(z, 1), y),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("quiet", [torch.no_grad, torch.inference_mode])
def test_a_pass_without_gradients_is_summed_as_the_script_would_have_it(loss, quiet, tmp_path):
    model, told = chain(1, 8, nn.ReLU, classes=4, inputs=8), []
    train = training(model)
    rows, labels = TASK[0][:90], TASK[1][:90]

    def step(i):
        train(i)
        if i % 4 == 3:
            with quiet():
                logits = [model(part) for part in rows.split(32)]
                for z, y in zip(logits, labels.split(32), strict=True):
                    LOSSES[loss](z, y)
            told.append(torch.cat(logits).clone())

    got = watched(tmp_path, model, step, 12)
    assert [(e.step, e.rows) for e in got.evaluations] == [(4, 90), (8, 90), (12, 90)]
    for one, logits in zip(got.evaluations, told, strict=True):
        z = logits.double()
        assert one.fit.loss == pytest.approx(float(functional.cross_entropy(z, labels)), rel=1e-6)
        assert one.fit.accuracy == pytest.approx(float((z.argmax(1) == labels).double().mean()))
        assert one.fit.error == pytest.approx(float((1 - z.softmax(1).amax(1)).mean()), rel=1e-5)
        assert one.most == float(torch.bincount(labels).max())
        best = least(z, labels)
        assert one.fit.refinement == pytest.approx(best[1], abs=2e-5)
        assert best_beta(one.vector, one.centre) == pytest.approx(best[0], rel=1e-3)
        assert mean_loss(one.vector) == pytest.approx(one.fit.loss)


def least(z: torch.Tensor, labels: torch.Tensor) -> tuple[float, float]:
    """(beta, loss) by golden section: slow, and sure to 1e-8."""
    low, high, ratio = 1e-3, 1e3, (math.sqrt(5) - 1) / 2

    def loss(log_beta):
        return float(functional.cross_entropy(math.exp(log_beta) * z, labels))

    a, b = math.log(low), math.log(high)
    while b - a > 1e-8:
        c, d = b - ratio * (b - a), a + ratio * (b - a)
        a, b = (a, d) if loss(c) < loss(d) else (c, b)
    return math.exp((a + b) / 2), loss((a + b) / 2)


@pytest.mark.parametrize("probabilities", [False, True])
def test_one_logit_a_row_is_two_classes(probabilities, tmp_path):
    model = nn.Sequential(nn.Linear(8, 1))
    optimizer, (rows, labels) = torch.optim.SGD(model.parameters(), lr=0.1), TASK
    yes = (labels % 2).float()[:, None]

    def step(_i):
        optimizer.zero_grad()
        functional.binary_cross_entropy_with_logits(model(rows), yes).backward()
        optimizer.step()
        with torch.no_grad():
            z = model(rows)
            if probabilities:
                functional.binary_cross_entropy(torch.sigmoid(z), yes)
            else:
                functional.binary_cross_entropy_with_logits(z, yes)

    got = watched(tmp_path, model, step, 3)
    with torch.no_grad():
        loss = functional.binary_cross_entropy_with_logits(model(rows), yes)
    assert got.evaluations[-1].fit.loss == pytest.approx(float(loss), rel=1e-5)


def test_rows_that_are_ignored_do_not_count(tmp_path):
    model = chain(1, 8, nn.ReLU, classes=4, inputs=8)
    train, labels = training(model), TASK[1].clone()
    labels[::2] = -100

    def step(i):
        train(i)
        with torch.no_grad():
            functional.cross_entropy(model(TASK[0]), labels)

    (one,) = watched(tmp_path, model, step, 1).evaluations
    assert (one.rows, one.fit.rows) == (200, 100)


def test_two_places_of_a_script_are_two_passes(tmp_path):
    model = chain(1, 8, nn.ReLU, classes=4, inputs=8)
    train = training(model)

    def evaluate(rows):
        with torch.no_grad():
            for part in rows.split(16):
                functional.cross_entropy(model(TASK[0][part]), TASK[1][part])

    def step(i):
        train(i)
        evaluate(torch.arange(60))
        evaluate(torch.arange(60, 100))

    got = watched(tmp_path, model, step, 2)
    told = [(e.name, e.step, e.rows) for e in got.evaluations]
    assert told == [
        (n, s, r) for s in (1, 2) for n, r in (("cross_entropy", 60), ("cross_entropy#2", 40))
    ]


def test_a_large_pass_is_read_in_part_and_the_part_is_spread_over_it(tmp_path, monkeypatch):
    monkeypatch.setattr(listening, "MOST_ROWS", 50)
    model = chain(1, 8, nn.ReLU, classes=4, inputs=8)
    train, labels = (
        training(model),
        torch.arange(200) // 50,
    )  # sorted: the first 50 are of one class

    def step(i):
        train(i)
        with torch.no_grad():
            for part in torch.arange(200).split(7):
                functional.cross_entropy(model(TASK[0][part]), labels[part])

    got = watched(tmp_path, model, step, 2)
    for one in got.evaluations:
        assert one.rows == 200
        assert 20 <= one.fit.rows <= 50
        assert one.most <= 0.4 * one.fit.rows


def test_the_change_since_the_least_loss_is_that_of_pairs_of_rows(tmp_path):
    model, kept = nn.Linear(8, 4), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    draw = torch.Generator().manual_seed(1)
    rows, labels = TASK[0][:80], TASK[1][:80].clone()
    labels[::4] = torch.randint(4, (20,), generator=draw)

    def step(_i):
        optimizer.zero_grad()
        functional.cross_entropy(model(TASK[0]), TASK[1]).backward()
        optimizer.step()
        with torch.no_grad():
            logits = model(rows)
            functional.cross_entropy(logits, labels)
        kept.append(logits.double())

    got = watched(tmp_path, model, step, 6)
    losses = [functional.cross_entropy(z, labels, reduction="none") for z in kept]
    means = [float(one.mean()) for one in losses]
    best = int(np.argmin(means[:-1]))
    change = got.evaluations[-1].change
    differences = losses[-1] - losses[best]
    assert change.since == got.evaluations[best].step
    assert change.loss == pytest.approx(float(differences.mean()), rel=1e-4)
    assert change.loss_error == pytest.approx(float(differences.std() / math.sqrt(80)), rel=1e-4)
    refined = [
        functional.cross_entropy(least(z, labels)[0] * z, labels, reduction="none") for z in kept
    ]
    lowest = int(np.argmin([float(one.mean()) for one in refined[:-1]]))
    assert change.best == got.evaluations[lowest].step
    assert change.risen == pytest.approx(float((refined[-1] - refined[lowest]).mean()), abs=1e-5)


@pytest.mark.parametrize("scale", [1 / 50, 50.0])
def test_a_temperature_far_from_one_is_found_and_no_limit_of_the_search_is_given(scale, tmp_path):
    model = chain(1, 8, nn.ReLU, classes=4, inputs=8)
    train, kept = training(model), []

    def step(i):
        train(i)
        with torch.no_grad():
            logits = scale * model(TASK[0])
            functional.cross_entropy(logits, TASK[1])
        kept.append(logits.double())

    one = watched(tmp_path, model, step, 20).evaluations[-1]
    assert one.fit.beta == pytest.approx(least(kept[-1], TASK[1])[0], rel=1e-3)


def test_passes_over_other_rows_are_not_held_against_each_other(tmp_path):
    model = chain(1, 8, nn.ReLU, classes=4, inputs=8)
    train, draw = training(model), torch.Generator().manual_seed(0)

    def step(i):
        train(i)
        rows = torch.randperm(200, generator=draw)
        with torch.no_grad():
            functional.cross_entropy(model(TASK[0][rows]), TASK[1][rows])

    got = watched(tmp_path, model, step, 3)
    assert [one.change for one in got.evaluations] == [None, None, None]


def test_of_many_passes_some_stay_and_the_best_and_the_latest_are_among_them():
    sums = dict.fromkeys(range(KEPT), 0.0) | dict.fromkeys((0, 1, 2), 10.0)
    at = SINGLES.index("loss")
    done = []
    for step in range(65):
        sums[at] = 1.0 if step == 7 else 20.0
        done.append(Evaluation(step, "cross_entropy", 10, 5.0, tuple(sums.values())))
    listening.thin(done)
    steps = [one.step for one in done]
    assert len(steps) <= 52
    assert {0, 7, *range(33, 65)} <= set(steps)


def test_a_script_with_ever_new_places_is_not_followed_without_end(tmp_path):
    model = chain(1, 8, nn.ReLU, classes=4, inputs=8)
    train = training(model)
    source = "with torch.no_grad(): functional.cross_entropy(model(TASK[0]), TASK[1])"

    def step(i):
        train(i)
        exec(compile("\n" * i + source, "cell", "exec"), globals() | {"model": model})

    names = [one.name for one in watched(tmp_path, model, step, 20).evaluations]
    assert len(set(names)) == len(names) == listening.MOST_PLACES


def test_ranks_that_evaluate_a_part_each_are_added_up():
    sums = tuple(float(i) for i in range(KEPT))
    a, b = (
        Evaluation(4, "cross_entropy", 10, 5.0, sums),
        Evaluation(4, "cross_entropy", 6, 2.0, sums),
    )
    (both,) = merged_evaluations([[a], [b]])
    assert (both.rows, both.most) == (16, 7.0)
    assert both.sums == tuple(2 * value for value in sums)
    assert merged_evaluations([[a], []]) == (a,)


# -- hands off -------------------------------------------------------------------------------------


def test_afterwards_pytorchs_functions_are_its_own_again(tmp_path):
    held = [getattr(owner, name) for owner, name, _, _ in listening.SOURCES] + [torch.jit.script]
    model = chain(1, 8, nn.ReLU, classes=4, inputs=8)
    watched(tmp_path, model, training(model), 2)
    assert [getattr(o, n) for o, n, _, _ in listening.SOURCES] + [torch.jit.script] == held


def scored(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(2 * z, y)


@pytest.mark.parametrize("first", [True, False], ids=["compiled before", "compiled meanwhile"])
def test_a_compiled_loss_stays_one_whole_graph(first, tmp_path):
    """fullgraph=True raises where one of our functions is traced."""
    model = chain(1, 8, nn.ReLU, classes=4, inputs=8)
    train = training(model)
    torch._dynamo.reset()
    early = torch.compile(scored, backend="eager", fullgraph=True) if first else None

    def step(i):
        train(i)
        whole = early or torch.compile(scored, backend="eager", fullgraph=True)
        with torch.no_grad():
            whole(model(TASK[0]), TASK[1])

    got = watched(tmp_path, model, step, 2)
    torch._dynamo.reset()
    assert got.notes == ()
    assert got.evaluations == ()
    why = "something was compiled before" if first else "torch.compile was called"
    assert why in dict(clinometer.diagnose(got).not_judged)["CONF201"]


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
def test_a_scripted_loss_is_scripted(tmp_path):
    model = chain(1, 8, nn.ReLU, classes=4, inputs=8)
    train = training(model)

    def step(i):
        train(i)
        with torch.no_grad():
            torch.jit.script(scored)(model(TASK[0]), TASK[1])

    got = watched(tmp_path, model, step, 2)
    assert got.notes == ()
    assert "torch.jit.script was called" in dict(clinometer.diagnose(got).not_judged)["CONF201"]


def test_a_loss_under_a_dispatch_mode_is_left_alone(tmp_path):
    from torch.utils.flop_counter import FlopCounterMode

    model = chain(1, 8, nn.ReLU, classes=4, inputs=8)
    train = training(model)

    def step(i):
        train(i)
        with torch.no_grad(), FlopCounterMode(display=False):
            functional.cross_entropy(model(TASK[0]), TASK[1])

    assert watched(tmp_path, model, step, 2).evaluations == ()


def test_losses_with_gradients_are_training_whatever_the_mode(tmp_path):
    model = chain(1, 8, nn.ReLU, classes=4, inputs=8)
    train = training(model)

    def step(i):
        train(i)
        functional.cross_entropy(model(TASK[0]), TASK[1])

    assert watched(tmp_path, model, step, 2).evaluations == ()
