"""Who is used, what backward found there, how weights rest, how unlike units are: each told twice."""

from __future__ import annotations

import gc
import math
import weakref

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

import clinometer
from clinometer.attach.facts import facts_of_run
from clinometer.attach.recorder import Recorder
from clinometer.store.writer import Writer
from clinometer.theory.fresh import is_fresh_normal, is_fresh_uniform
from truth import places, record, row, steps

INPUTS, LABELS = torch.randn(12, 6), torch.arange(12) % 3


def column(recording, name):
    """{parameter: the column's values, by observation}."""
    table = recording.column("parameter", name)
    names = [site.name for site in recording.of_kind("parameter")]
    return {key: table[:, i].tolist() for i, key in enumerate(names)}


def entropy(model):
    return functional.cross_entropy(model(INPUTS), LABELS)


def small():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 3))


def same(found, expected):
    """Equal, or both nan."""
    return found == expected or (math.isnan(found) and math.isnan(expected))


# -- called -----------------------------------------------------------------------------------


class Holder(nn.Module):
    """Keeps a parameter, and is never called."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))


class Odd(nn.Module):
    """Every way in which a layer may be used or not."""

    def __init__(self):
        super().__init__()
        self.used, self.unused = nn.Linear(6, 3), nn.Linear(6, 3)
        self.cut, self.chosen, self.blind = nn.Linear(6, 3), nn.Linear(6, 3), nn.Linear(6, 3)
        self.frozen, self.plain = nn.Linear(6, 3), nn.Linear(6, 3)
        self.own = nn.Parameter(torch.ones(3))
        self.idle = nn.Parameter(torch.ones(3))
        self.list = nn.ParameterList([nn.Parameter(torch.ones(3))])
        self.holder = Holder()
        self.attention = nn.MultiheadAttention(6, 2)
        self.aside = nn.MultiheadAttention(6, 2)
        self.normed = nn.utils.parametrizations.spectral_norm(nn.Linear(6, 3))
        self.frozen.requires_grad_(False)

    def forward(self, x):
        y = self.used(x) + self.cut(x).detach() + self.frozen(x) + self.normed(x)
        y = y + functional.one_hot(self.chosen(x).argmax(1), 3)
        with torch.no_grad():
            y = y + self.blind(x)
        y = y + functional.linear(x, self.plain.weight)  # a layer that is used, and never called
        return y * self.own * self.list[0] + self.attention(x, x, x)[0][:, :3]


CALLED = {
    "used.weight": 1, "unused.weight": 0, "cut.weight": 1, "chosen.weight": 1, "blind.weight": 0,
    "frozen.weight": 1, "plain.weight": 1, "plain.bias": 0, "Odd.own": 1, "Odd.idle": 1,
    "list.0": 1, "holder.scale": 1, "attention.in_proj_weight": 1, "attention.out_proj.weight": 1,
    "aside.in_proj_weight": 0, "aside.out_proj.bias": 0, "normed.parametrizations.weight.original": 1,
}  # fmt: skip


def test_called_is_whether_the_layer_ran_with_gradients_wanted(tmp_path):
    model = Odd()
    recording = record(tmp_path, model, steps(model, [entropy] * 3))
    found = column(recording, "called")
    assert {name: found[name] for name in CALLED} == {n: [one] * 3 for n, one in CALLED.items()}


def test_called_speaks_of_the_time_since_the_last_step(tmp_path):
    model = nn.ModuleDict({"a": nn.Linear(6, 3), "b": nn.Linear(6, 3)})

    def loss(i):
        return lambda m: functional.cross_entropy(m["ab"[i % 2]](INPUTS), LABELS)

    recording = record(tmp_path, model, steps(model, map(loss, range(4))))
    found = column(recording, "called")
    assert (found["a.weight"], found["b.weight"]) == ([1, 0, 1, 0], [0, 1, 0, 1])
    again = record(tmp_path, model, steps(model, map(loss, range(5))), every=2)
    assert column(again, "called")["b.weight"] == [0, 0, 0]


@pytest.mark.parametrize("reentrant", [True, False])
def test_layers_of_a_checkpoint_are_called_frozen_ones_too(reentrant, tmp_path):
    model = nn.Sequential(nn.Linear(6, 6), nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 3)))
    model[1][0].requires_grad_(False)

    def loss(m):
        return functional.cross_entropy(
            checkpoint(m[1], m[0](INPUTS), use_reentrant=reentrant), LABELS
        )

    recording = record(tmp_path, model, steps(model, [loss] * 2))
    assert set(map(tuple, column(recording, "called").values())) == {(1, 1)}
    trainable = [n for n, p in model.named_parameters() if p.requires_grad]
    left = column(recording, "left_over")
    assert [left[name] for name in trainable] == [[0, 0]] * len(trainable)


def test_of_what_is_compiled_no_layer_is_said_not_to_have_run(tmp_path):
    model = nn.ModuleDict({"used": nn.Linear(6, 3), "unused": nn.Linear(6, 3)})

    def train():
        call = torch.compile(model["used"], backend="eager")
        steps(model, [lambda _: functional.cross_entropy(call(INPUTS), LABELS)] * 2)()

    recording = record(tmp_path, model, train)
    found = column(recording, "called")
    assert found["used.weight"] == [1, 1]
    assert not set(found["unused.weight"]) & {1.0}


# -- left over ----------------------------------------------------------------------------------


class Slow:
    """The same, told by looking at every gradient before every backward pass."""

    def __init__(self, *models):
        self.models, self.rows, self.seen = models, [], {}

    def backward(self, loss, scale=lambda loss: loss):
        named = [
            (str(i) + n, p) for i, m in enumerate(self.models) for n, p in m.named_parameters()
        ]
        live = [p for _, p in named if p.requires_grad]
        reached = torch.autograd.grad(loss, live, retain_graph=True, allow_unused=True)
        there = {id(p) for p, g in zip(live, reached, strict=True) if g is not None}
        for name, p in named:
            if id(p) in there:
                old = p.grad is not None and bool((p.grad.to_dense() != 0).any())
                self.seen.setdefault(name, []).append(old)
        scale(loss).backward()

    def step(self):
        self.rows.append({name: float(all(found)) for name, found in self.seen.items()})
        self.seen = {}


def agrees(recording, slow, names):
    found = column(recording, "left_over")
    assert len(recording.observed) == len(slow.rows)
    for at, expected in enumerate(slow.rows):
        for ours, theirs in names.items():
            assert same(found[ours][at], expected.get(theirs, math.nan)), (at, ours)
    return found


def run(tmp_path, model, body, count=4):
    slow = Slow(model)

    def train():
        for i in range(count):
            body(i, slow)
            slow.step()

    recording = record(tmp_path, model, train)
    return agrees(recording, slow, {n: "0" + n for n, _ in model.named_parameters()})


FORGOTTEN = {"never": [0, 1, 1, 1], "none": [0] * 4, "zeros": [0] * 4, "every other": [0, 1, 0, 1]}


@pytest.mark.parametrize("clear", FORGOTTEN)
def test_left_over_is_one_where_zero_grad_is_forgotten(clear, tmp_path):
    model = small()
    stepper = torch.optim.SGD(model.parameters(), lr=0.1)

    def body(i, slow):
        if clear in {"none", "zeros"} or (clear == "every other" and i % 2 == 0):
            stepper.zero_grad(set_to_none=clear != "zeros")
        slow.backward(entropy(model))
        stepper.step()

    found = run(tmp_path, model, body)
    assert set(map(tuple, found.values())) == {tuple(FORGOTTEN[clear])}


@pytest.mark.parametrize("to_none", [True, False])
def test_gradients_gathered_over_micro_batches_are_not_left_over(to_none, tmp_path):
    model = small()
    stepper = torch.optim.Adam(model.parameters())

    def body(_, slow):
        stepper.zero_grad(set_to_none=to_none)
        for _ in range(3):
            slow.backward(entropy(model))
        stepper.step()

    assert set(map(tuple, run(tmp_path, model, body).values())) == {(0, 0, 0, 0)}


def test_two_losses_of_one_step_a_part_that_one_of_them_reaches(tmp_path):
    model = nn.ModuleDict({"a": small(), "b": small()})
    stepper = torch.optim.SGD(model.parameters(), lr=0.1)

    def body(i, slow):
        if i == 0:
            model["b"].zero_grad()
        slow.backward(entropy(model["a"]))
        slow.backward(entropy(model["a"]) + (entropy(model["b"]) if i != 2 else 0))
        stepper.step()
        model["a"].zero_grad()

    found = run(tmp_path, model, body)
    assert found["a.0.weight"] == [0, 0, 0, 0]
    assert found["b.0.weight"][:2] == [0, 1]
    assert math.isnan(found["b.0.weight"][2])


def test_a_gradient_too_small_for_a_sum_of_squares_is_left_over_all_the_same(tmp_path):
    model = small()
    stepper = torch.optim.SGD(model.parameters(), lr=0.1)

    def body(_, slow):
        slow.backward(entropy(model) * 1e-38)
        stepper.step()

    assert set(map(tuple, run(tmp_path, model, body).values())) == {(0, 1, 1, 1)}


@pytest.mark.parametrize("forget", [True, False])
def test_left_over_in_sparse_gradients(forget, tmp_path):
    model = nn.Sequential(nn.EmbeddingBag(9, 6, sparse=True), nn.Linear(6, 3))
    stepper = torch.optim.SGD(model.parameters(), lr=0.1)
    words = torch.arange(24).reshape(12, 2) % 9

    def body(_, slow):
        if not forget:
            stepper.zero_grad()
        slow.backward(functional.cross_entropy(model(words), LABELS))
        stepper.step()

    found = run(tmp_path, model, body)
    assert set(map(tuple, found.values())) == {(0, 1, 1, 1) if forget else (0, 0, 0, 0)}


def adversaries(tmp_path, forget):
    torch.manual_seed(0)
    model = nn.ModuleDict({"g": nn.Linear(4, 6), "d": nn.Linear(6, 1)})
    g, d = model["g"], model["d"]
    one, two = (torch.optim.SGD(part.parameters(), lr=0.1) for part in (d, g))
    slow = Slow(model)

    def train():
        for _ in range(4):
            fake = g(torch.randn(8, 4))
            if not forget:
                one.zero_grad()
            slow.backward(d(torch.randn(8, 6)).mean() - d(fake.detach()).mean())
            one.step()
            slow.step()  # the discriminator's optimizer is the clock
            two.zero_grad()
            slow.backward(d(fake).mean())
            two.step()

    recording = record(tmp_path, model, train)
    return agrees(recording, slow, {n: "0" + n for n, _ in model.named_parameters()})


def test_adversaries_clear_each_other(tmp_path):
    found = adversaries(tmp_path, forget=False)
    assert set(found["d.weight"]) == {0}
    assert adversaries(tmp_path, forget=True)["d.weight"] == [0, 1, 1, 1]


@pytest.mark.parametrize("forget", [True, False])
def test_evaluations_of_a_closure_clear_the_gradient(forget, tmp_path):
    model = small()
    stepper = torch.optim.LBFGS(model.parameters(), max_iter=3)

    def body(_, slow):
        def closure():
            if not forget:
                stepper.zero_grad()
            loss = entropy(model)
            slow.backward(loss)
            return loss

        stepper.step(closure)

    found = run(tmp_path, model, body, count=3)
    assert found["0.weight"] == ([0, 1, 1] if forget else [0, 0, 0])


def test_optimizers_inside_backward(tmp_path):
    model = small()
    steppers = {p: torch.optim.SGD([p], lr=0.1) for p in model.parameters()}

    def step(p):
        steppers[p].step()
        steppers[p].zero_grad()

    hooks = [p.register_post_accumulate_grad_hook(step) for p in model.parameters()]

    def train():
        for _ in range(4):
            entropy(model).backward()

    recording = record(tmp_path, model, train)
    for hook in hooks:
        hook.remove()
    assert all(not any(found) for found in column(recording, "left_over").values())
    assert all(all(found) for found in column(recording, "called").values())


def test_a_loss_scaler_that_skips_leaves_nothing_over(tmp_path):
    model = small()
    stepper = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**4)

    def body(i, slow):
        stepper.zero_grad()
        loss = entropy(model) * (math.inf if i == 1 else 1.0)
        slow.backward(loss, scaler.scale)
        scaler.step(stepper)
        scaler.update()

    found = run(tmp_path, model, body)
    assert set(map(tuple, found.values())) == {(0, 0, 0, 0)}


def test_data_parallel_buckets_are_cleared(tmp_path):
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1
    )
    try:
        for views in (True, False):
            model = small()
            wrapped = nn.parallel.DistributedDataParallel(model, gradient_as_bucket_view=views)
            stepper = torch.optim.SGD(model.parameters(), lr=0.1)

            def train():
                for i in range(4):
                    stepper.zero_grad(set_to_none=i % 2 == 0)  # noqa: B023 - called at once
                    with wrapped.no_sync():  # noqa: B023
                        entropy(wrapped).backward()  # noqa: B023
                    entropy(wrapped).backward()  # noqa: B023
                    stepper.step()  # noqa: B023

            recording = record(tmp_path, model, train)
            assert set(map(tuple, column(recording, "left_over").values())) == {(0, 0, 0, 0)}
    finally:
        torch.distributed.destroy_process_group()


# -- weights at rest ------------------------------------------------------------------------------


def resting():
    torch.manual_seed(1)
    model = nn.ModuleDict({"moved": nn.Linear(40, 70), "still": nn.Linear(70, 50)})
    model["alone"], model["short"] = nn.Linear(50, 40), nn.Linear(40, 3).bfloat16()
    model["still"].requires_grad_(False)
    model["short"].requires_grad_(False)
    model["whole"] = nn.ParameterList([nn.Parameter(torch.arange(4), requires_grad=False)])
    return model


def test_weights_at_rest_give_the_same_bits_and_one_that_is_moved_does_not(tmp_path):
    model = resting()
    stepper = torch.optim.SGD(model["moved"].parameters(), lr=0.1)
    frozen = {n: p.detach().double().clone() for n, p in model.named_parameters()}

    def train():
        for i in range(6):
            stepper.zero_grad()
            x = model["alone"](model["still"](model["moved"](torch.randn(8, 40))))
            model["short"](x.bfloat16()).float().square().mean().backward()
            stepper.step()
            if i == 3:  # as a moving average of weights is
                with torch.no_grad():
                    model["still"].weight.mul_(0.999)

    recording = record(tmp_path, model, train)
    found = column(recording, "weight_rms")
    for name in ("still.bias", "alone.weight", "alone.bias", "short.weight"):
        assert len(set(found[name])) == 1
    for name in ("still.bias", "short.weight", "short.bias", "alone.bias"):  # read whole
        assert found[name][0] == pytest.approx(frozen[name].square().mean().sqrt().item(), rel=1e-6)
    assert found["alone.weight"][0] == pytest.approx(1 / math.sqrt(150), rel=0.1)
    still = found["still.weight"]
    assert still[0] == still[2] != still[4] == still[5]
    assert still[5] == pytest.approx(still[0] * 0.999, rel=1e-6)
    assert all(map(math.isnan, found["whole.0"]))
    owned, received = column(recording, "owned"), column(recording, "received")
    assert (owned["alone.weight"], owned["moved.weight"]) == ([0] * 6, [1] * 6)
    assert (received["alone.weight"], received["still.weight"]) == ([1] * 6, [0] * 6)


def test_a_weight_that_is_thawed_keeps_its_size(tmp_path):
    model = resting()
    stepper = torch.optim.SGD(model.parameters(), lr=0.0)

    def train():
        for i in range(4):
            stepper.zero_grad()
            model["still"].requires_grad_(i >= 2)
            model["still"](model["moved"](torch.randn(8, 40))).square().mean().backward()
            stepper.step()

    found = column(record(tmp_path, model, train), "weight_rms")
    assert len(set(found["still.weight"])) == len(set(found["moved.weight"])) == 1


def test_a_network_at_rest_is_freed_when_the_script_drops_it(tmp_path):
    recorder = Recorder(Writer(str(tmp_path / "a.clino"), facts_of_run("a", [])), every=1)
    recorder.start()
    try:
        model = small()
        model[0].requires_grad_(False)
        stepper = torch.optim.SGD(model[2].parameters(), lr=0.1)
        for _ in range(3):
            entropy(model).backward()
            stepper.step()
        weights = [weakref.ref(parameter) for parameter in model.parameters()]
        del model, stepper
        gc.collect()
        assert [weight() for weight in weights] == [None] * 4
    finally:
        recorder.stop("normal")
    assert not math.isnan(
        row(clinometer.read(tmp_path / "a.clino"), "parameter", "0.weight", 2)["weight_rms"]
    )


FRESH = {
    "linear": (lambda: nn.Linear(64, 50), {"weight": True}),
    "convolution": (lambda: nn.Conv2d(3, 16, 5), {"weight": True}),
    "grouped": (lambda: nn.Conv1d(8, 16, 3, groups=4), {"weight": True}),
    "transposed": (lambda: nn.ConvTranspose2d(8, 6, 3), {"weight": True}),
    "half": (lambda: nn.Linear(64, 50).bfloat16(), {"weight": True}),
    "table": (lambda: nn.Embedding(40, 30, padding_idx=0), {"weight": True}),
    "few": (lambda: nn.Linear(5, 6), {"weight": None}),
    "normalisation": (lambda: nn.LayerNorm(64), {"weight": None, "bias": None}),
    "attention": (lambda: nn.MultiheadAttention(32, 4), {"in_proj_weight": None}),
}


@pytest.mark.parametrize("name", FRESH)
@pytest.mark.parametrize("seed", range(3))
def test_fresh_tells_what_pytorch_has_just_made(name, seed, tmp_path):
    torch.manual_seed(seed)
    make, expected = FRESH[name]
    model = nn.ModuleDict({"it": make().requires_grad_(False), "other": small()})
    recording = record(tmp_path, model, steps(model["other"], [entropy]))
    facts = places(recording, "parameter")
    for key, fresh in expected.items():
        assert facts[f"it.{key}"].get("fresh") is fresh
    assert (
        "fresh" not in facts["it.bias"] if hasattr(model["it"], "bias") and name != "table" else 1
    )


SPOILT = {
    "smaller": lambda w: w * 0.8,
    "larger": lambda w: w * 1.01,
    "glorot": nn.init.xavier_normal_,
    "he": nn.init.kaiming_normal_,
    "normal": lambda w: nn.init.normal_(w, std=0.02),
    "zero": nn.init.zeros_,
    "trained": lambda w: w + 0.05 * torch.randn_like(w),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_weight_that_was_set_or_trained_is_not_fresh(how, tmp_path):
    torch.manual_seed(0)
    layer, table = nn.Linear(64, 50), nn.Embedding(64, 50)
    with torch.no_grad():
        for it in (layer, table):
            it.weight.copy_(SPOILT[how](it.weight))
    model = nn.ModuleDict({"layer": layer, "table": table, "other": small()})
    recording = record(tmp_path, model, steps(model["other"], [entropy]))
    facts = places(recording, "parameter")
    assert facts["layer.weight"]["fresh"] is False
    if how not in {"larger", "trained"}:  # a normal distribution has no edge
        assert facts["table.weight"]["fresh"] is False


def test_a_tied_table_is_said_to_be_neither(tmp_path):
    model = nn.ModuleDict({"table": nn.Embedding(40, 30), "head": nn.Linear(30, 40)})
    model["head"].weight = model["table"].weight

    def loss(m):
        return functional.cross_entropy(m["head"](m["table"](torch.arange(12))), torch.arange(12))

    recording = record(tmp_path, model, steps(model, [loss]))
    assert "fresh" not in places(recording, "parameter")["table.weight"]
    assert math.isnan(row(recording, "parameter", "table.weight")["row_spread"])


def test_fresh_is_wrong_once_in_some_thousands():
    random = np.random.default_rng(0)
    for n in (32, 512):
        uniform = [is_fresh_uniform(random.uniform(-0.1, 0.1, n), 0.1) for _ in range(2000)]
        normal = [is_fresh_normal(random.standard_normal(n)) for _ in range(2000)]
        assert np.mean(uniform) > 0.998
        assert np.mean(normal) > 0.99


# -- how unlike units are ---------------------------------------------------------------------------


def spread_of(weight):
    """By the definition, on all elements, in float64."""
    w = weight.detach().double().flatten(1).numpy()
    apart = w - w.mean(axis=0)
    return float(np.sqrt(np.square(apart).mean() / np.square(w).mean()))


def shaped(*shape):
    return nn.Parameter(torch.randn(shape))


class Shapes(nn.Module):
    def __init__(self):
        super().__init__()
        self.some = nn.ParameterDict(
            {
                "matrix": shaped(9, 7), "pair": shaped(2, 30), "kernel": shaped(8, 3, 3, 1),
                "last": nn.Parameter(torch.randn(8, 2, 3, 3).to(memory_format=torch.channels_last)),
                "turned": nn.Parameter(torch.randn(7, 9).T), "gaps": nn.Parameter(torch.randn(8, 8)[:, ::2]),
                "wide": nn.Parameter(torch.randn(5, 4).double()),
                "narrow": nn.Parameter(torch.randn(6, 4).bfloat16()),
                "tiny": nn.Parameter(torch.randn(6, 4) * 1e-30),
                "vector": shaped(9), "row": shaped(1, 9), "zero": nn.Parameter(torch.zeros(4, 4)),
            }
        )  # fmt: skip
        self.table = nn.Embedding(9, 4)

    def forward(self):
        return sum(p.double().square().sum() for p in self.parameters())


def test_row_spread_is_its_definition(tmp_path):
    torch.manual_seed(0)
    model = Shapes()
    before = {n: spread_of(p) for n, p in model.named_parameters() if p.ndim > 1 and p.any()}
    train = steps(model, [lambda m: m()] * 2, lr=0.01)
    recording = record(tmp_path, model, train)
    found = column(recording, "row_spread")
    for name in ("matrix", "pair", "kernel", "last", "turned", "wide", "narrow", "tiny", "gaps"):
        assert found[f"some.{name}"][0] == pytest.approx(before[f"some.{name}"], rel=1e-5), name
    for name in ("some.vector", "some.row", "some.zero", "table.weight"):
        assert all(map(math.isnan, found[name])), name
    moved = column(recording, "stored_rms")["some.gaps"]
    assert all(value > 0 for value in moved)  # of a tensor with gaps, too


@pytest.mark.parametrize("shape", [(9, 7), (300, 500), (64, 3, 5, 5), (3, 1)])
def test_units_that_are_alike_have_no_spread_and_nearly_alike_little(shape, tmp_path):
    torch.manual_seed(0)
    one = torch.randn(1, *shape[1:]) / 3
    model = nn.ParameterDict(
        {
            "alike": nn.Parameter(one.repeat(shape[0], *[1] * (len(shape) - 1))),
            "near": nn.Parameter(one + 1e-4 * torch.randn(shape)),
            "apart": nn.Parameter(torch.randn(shape)),
        }
    )

    def loss(m):
        return sum(p.square().sum() for p in m.values())

    recording = record(tmp_path, model, steps(model, [loss]))
    found = {
        name.split(".")[-1]: value[0] for name, value in column(recording, "row_spread").items()
    }
    assert found["alike"] == 0
    assert found["near"] == pytest.approx(spread_of(model["near"]), rel=0.3)
    assert found["apart"] == pytest.approx(spread_of(model["apart"]), rel=0.1)


def test_row_spread_is_of_the_weights_before_the_step(tmp_path):
    model = nn.Linear(5, 4)
    with torch.no_grad():
        model.weight.copy_(model.weight[:1].expand(4, 5))
    goal = torch.randn(12, 4)
    data = torch.randn(12, 5)
    train = steps(model, [lambda m: functional.mse_loss(m(data), goal)] * 2, lr=0.1)
    found = next(iter(column(record(tmp_path, model, train), "row_spread").values()))
    assert found[0] == 0 < found[1]


# -- calls ------------------------------------------------------------------------------------------


def test_training_is_the_modules_mode_at_the_call(tmp_path):
    model = small()

    def loss(m):
        m.train(loss.train)
        m[2].eval()
        loss.train = not loss.train
        return functional.cross_entropy(functional.relu(m(INPUTS)), LABELS)

    loss.train = True
    recording = record(tmp_path, model, steps(model, [loss] * 3))
    seen = {s.name: i for i, s in enumerate(recording.of_kind("call"))}
    table = recording.column("call", "training")
    assert table[:, seen["0"]].tolist() == [1, 0, 1]
    assert table[:, seen["2"]].tolist() == [0, 0, 0]
    assert all(math.isnan(v) for v in table[:, seen["2:relu"]])


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e-5])
def test_underflow_is_the_share_of_subnormal_numbers(scale, tmp_path):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 3)).half()
    kept = {}

    def loss(m):
        x = INPUTS.half()
        for i, layer in enumerate(m):
            x = layer(x)
            x.register_hook(lambda g, i=i: kept.setdefault(str(i), g.clone()))
        return functional.cross_entropy(x.float(), LABELS) * scale

    recording = record(tmp_path, model, steps(model, [loss]))
    for name, gradient in kept.items():
        values = gradient.double().numpy()
        there = values[values != 0]
        found = row(recording, "call", name)["underflow"]
        expected = np.mean(np.abs(there) < 2.0**-14) if there.size else math.nan
        assert same(found, np.float32(expected)), (name, found, expected)
        assert places(recording)[name]["gradient_dtype"] == "float16"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_other_precisions_do_not_underflow_and_are_named(dtype, tmp_path):
    model = small().to(dtype)

    def loss(m):
        return functional.cross_entropy(m(INPUTS.to(dtype)), LABELS)

    recording = record(tmp_path, model, steps(model, [loss]))
    assert np.isnan(recording.column("call", "underflow")).all()
    named = {"0": None} if dtype == torch.float32 else {"0": str(dtype).removeprefix("torch.")}
    assert places(recording)["0"].get("gradient_dtype") == named["0"]


SET = {
    "batch": (lambda: nn.BatchNorm2d(4), (5, 4, 6, 7), {"features": 4, "eps": 1e-5, "pooled": 210}),
    "batch of one": (lambda: nn.BatchNorm1d(4, eps=1e-3), (2, 4), {"features": 4, "eps": 1e-3, "pooled": 2}),
    "evaluated": (lambda: nn.BatchNorm1d(4).eval(), (2, 4), {"features": 4, "pooled": None}),
    "untracked": (lambda: nn.BatchNorm1d(4, track_running_stats=False).eval(), (3, 4), {"pooled": 3}),
    "lazy": (nn.LazyBatchNorm1d, (3, 4), {"features": 4, "pooled": 3}),
    "layer": (lambda: nn.LayerNorm((3, 4)), (5, 2, 3, 4), {"features": 12, "eps": 1e-5, "pooled": 12}),
    "rms": (lambda: nn.RMSNorm(4), (5, 4), {"features": 4, "eps": 2.0**-23, "pooled": 4}),
    "group": (lambda: nn.GroupNorm(2, 6), (5, 6, 3, 2), {"features": 6, "groups": 2, "pooled": 18}),
    "flat group": (lambda: nn.GroupNorm(6, 6), (5, 6), {"features": 6, "groups": 6, "pooled": 1}),
    "instance": (lambda: nn.InstanceNorm2d(3), (5, 3, 2, 4), {"features": 3, "eps": 1e-5, "pooled": 8}),
    "one instance": (lambda: nn.InstanceNorm1d(3), (3, 9), {"features": 3, "pooled": 9}),
    "dropout": (lambda: nn.Dropout(0.3), (5, 4), {"rate": 0.3}),
    "channels": (lambda: nn.Dropout2d(0.2), (5, 4, 2, 2), {"rate": 0.2}),
    "softmax": (lambda: nn.Softmax(dim=-1), (5, 4), {"axis": 1, "axes": 2, "size": 4}),
    "wrong axis": (lambda: nn.LogSoftmax(dim=0), (5, 4), {"axis": 0, "axes": 2, "size": 5}),
    "softmin": (lambda: nn.Softmin(dim=-2), (5, 4, 3), {"axis": 1, "axes": 3, "size": 4}),
    "of one unit": (lambda: nn.Softmax(dim=1), (5, 1), {"axis": 1, "axes": 2, "size": 1}),
}  # fmt: skip


@pytest.mark.parametrize("name", SET)
def test_settings_of_layers_without_a_matrix(name, tmp_path):
    make, shape, expected = SET[name]
    body = nn.Sequential(nn.Linear(shape[-1], shape[-1]), make(), nn.Tanh())
    body(torch.randn(shape))  # a lazy layer is made here

    def loss(m):
        return m(torch.randn(shape)).square().mean()

    recording = record(tmp_path, body, steps(body, [loss] * 2))
    facts = places(recording)["1"]
    assert {key: facts.get(key) for key in expected} == pytest.approx(expected)
    assert not {"features", "rate", "axis", "eps"} & places(recording)["2"].keys()


@pytest.mark.filterwarnings("ignore:Implicit dimension choice")
@pytest.mark.parametrize(("shape", "axis"), [((5, 4), 1), ((5, 4, 3), 0), ((2, 3, 4, 5), 1)])
def test_a_softmax_without_an_axis_has_the_one_that_pytorch_chooses(shape, axis, tmp_path):
    model = nn.Sequential(nn.Linear(shape[-1], shape[-1]), nn.Softmax(dim=None))
    recording = record(tmp_path, model, steps(model, [lambda m: m(torch.randn(shape)).norm()]))
    assert places(recording)["1"]["axis"] == axis
    assert (model(torch.randn(shape)).sum(dim=axis) - 1).abs().max() < 1e-5


# -- nobody steps ------------------------------------------------------------------------------------


CLEARING = {
    "set to None": lambda o: o.zero_grad(),
    "set to zero": lambda o: o.zero_grad(set_to_none=False),
    "never": lambda o: None,
}


@pytest.mark.parametrize("clear", CLEARING)
@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("count", [1, 6, 70])
def test_a_forgotten_step_leaves_a_row_for_each_pass(clear, given, count, tmp_path):
    model = small()
    stepper = torch.optim.Adam(model.parameters())
    losses = []

    def train():
        for i in range(count):
            CLEARING[clear](stepper)
            loss = functional.cross_entropy(model(INPUTS) * (i + 1), LABELS)
            losses.append(loss.item())
            loss.backward()

    recording = record(tmp_path, model, train, optimizer=stepper if given else None)
    assert recording.loss.tolist() == pytest.approx(losses, rel=1e-6)
    assert recording.scalars["passes"].tolist() == [1] * count
    assert (recording.meta["optimizers"], recording.meta["stepped"]) == (1, 0)
    assert "no optimizer stepped: a step is one backward pass" in recording.notes
    many = count if clear != "never" else 1 + max(count - 64, 0)
    assert len(recording.observed) == many
    assert recording.observed[0] == 0
    for name, value in (("stored_rms", 0), ("owned", 1), ("called", 1), ("received", 1)):
        assert (recording.column("parameter", name) == value).all(), name
    assert not (recording.column("parameter", "left_over") == 1).any()


def test_a_dry_run_before_the_training_is_a_step_of_its_own(tmp_path):
    model = small()
    stepper = torch.optim.SGD(model.parameters(), lr=0.1)

    def train():
        entropy(model).backward()
        for _ in range(3):
            stepper.zero_grad()
            entropy(model).backward()
            stepper.step()

    recording = record(tmp_path, model, train)
    assert recording.steps == 4
    assert (recording.meta["optimizers"], recording.meta["stepped"]) == (1, 1)
    assert not any("no optimizer" in note for note in recording.notes)
    moved = column(recording, "stored_rms")["0.weight"]
    assert moved[0] == 0
    assert all(value > 0 for value in moved[1:])


def test_a_first_step_of_many_micro_batches_is_waited_for(tmp_path):
    model = small()
    stepper = torch.optim.SGD(model.parameters(), lr=0.1)

    def train():
        for _ in range(2):
            stepper.zero_grad()
            for _ in range(40):
                (entropy(model) / 40).backward()
            stepper.step()

    recording = record(tmp_path, model, train)
    assert recording.scalars["passes"].tolist() == [40, 40]
    assert set(map(tuple, column(recording, "left_over").values())) == {(0, 0)}


def test_optimizers_are_counted_when_made_and_when_they_step(tmp_path):
    model = nn.ModuleDict({"a": small(), "b": small()})
    foreign = small()

    def train():
        torch.optim.SGD(model["b"].parameters(), lr=0.1)
        kept = torch.optim.Adam(model["b"].parameters())
        torch.optim.SGD(foreign.parameters(), lr=0.1).step()
        steps(model["a"], [entropy] * 2)()
        del kept

    recording = record(tmp_path, model, train)
    assert (recording.meta["optimizers"], recording.meta["stepped"]) == (3, 1)
    owned = column(recording, "owned")
    assert owned["a.0.weight"] == owned["b.0.weight"] == [1, 1]


def test_moving_weights_by_hand_is_still_a_training(tmp_path):
    model = small()

    def train():
        for _ in range(4):
            model.zero_grad()
            entropy(model).backward()
            with torch.no_grad():
                for p in model.parameters():
                    p.sub_(0.1 * p.grad)

    recording = record(tmp_path, model, train)
    assert recording.steps == 4
    assert all(all(v > 0 for v in found) for found in column(recording, "stored_rms").values())
    assert set(map(tuple, column(recording, "owned").values())) == {(0, 0, 0, 0)}
