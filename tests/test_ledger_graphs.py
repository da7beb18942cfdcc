"""The ledger on networks that are no chain, against plain autograd in float64 on the same way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from clinometer.diagnosis.ledger import GAINS, Line, ledger
from clinometer.records.columns import COLUMNS, names
from clinometer.records.recording import Recording
from clinometer.records.site import Site
from truth import Keeper, Nothing, kept, record, rms, steps


class Block(nn.Module):
    """A pre-norm transformer block."""

    def __init__(self, name):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(8), nn.LayerNorm(8)
        self.qkv, self.proj = nn.Linear(8, 24), nn.Linear(8, 8)
        self.up, self.down = nn.Linear(8, 32), nn.Linear(32, 8)
        self.name = name

    def forward(self, x, keep, entering):
        add, more = f"{self.name}:add", f"{self.name}:add#2"
        inner = self.norm1(keep.way(f"{entering} -> {self.name}.norm1", x))
        q, k, v = (
            p.unflatten(-1, (2, 4)).transpose(1, 2) for p in self.qkv(inner).chunk(3, dim=-1)
        )
        mixed = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = keep(add, keep.way(f"{entering} -> {add}", x) + self.proj(mixed))
        inner = self.up(self.norm2(keep.way(f"{add} -> {self.name}.norm2", x)))
        bent = keep(f"{self.name}:gelu", functional.gelu(inner))
        return keep(more, keep.way(f"{add} -> {more}", x) + self.down(bent)), more


class Transformer(nn.Module):
    """Token embedding, two blocks and an unembedding, which may be the embedding's own matrix."""

    def __init__(self, tied=False):
        super().__init__()
        self.embed = nn.Embedding(11, 8)
        self.blocks = nn.ModuleList([Block(f"blocks.{i}") for i in range(2)])
        self.norm, self.head = nn.LayerNorm(8), nn.Linear(8, 11, bias=False)
        if tied:
            self.head.weight = self.embed.weight
        self.keep = Nothing()

    def forward(self, tokens):
        x, name = self.embed(tokens), "embed"
        for block in self.blocks:
            x, name = block(x, self.keep, name)
        return self.head(self.norm(x)).flatten(0, -2)


class Pictures(nn.Module):
    """A residual network with batch normalisation; one shortcut is plain, one a convolution."""

    def __init__(self):
        super().__init__()
        self.stem, self.bn0 = nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.one, self.bn1 = nn.Conv2d(6, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.two, self.bn2 = nn.Conv2d(6, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.three, self.bn3 = nn.Conv2d(6, 8, 3, 2, 1), nn.BatchNorm2d(8)
        self.short, self.head = nn.Conv2d(6, 8, 1, 2), nn.Linear(8, 5)
        self.keep = Nothing()

    def forward(self, x):
        keep = self.keep
        x = keep("bn0:relu", functional.relu(self.bn0(self.stem(x))))
        inner = functional.relu(self.bn1(self.one(keep.way("bn0:relu -> one", x))))
        x = keep("bn2:add", self.bn2(self.two(inner)) + keep.way("bn0:relu -> bn2:add", x))
        x = keep("bn2:relu", functional.relu(x))
        inner = self.bn3(self.three(keep.way("bn2:relu -> three", x)))
        x = functional.relu(inner + self.short(keep.way("bn2:relu -> short", x)))
        return self.head(x.mean(dim=(2, 3)))


class Sequences(nn.Module):
    """A recurrent layer of PyTorch between an embedding and a head."""

    def __init__(self):
        super().__init__()
        self.embed, self.head = nn.Embedding(11, 6), nn.Linear(7, 5)
        self.lstm, self.keep = nn.LSTM(6, 7, batch_first=True), Nothing()

    def forward(self, tokens):
        return self.head(self.keep("lstm", self.lstm(self.embed(tokens))[0])[:, -1])


class Loop(nn.Module):
    """A cell that is called at every step of the sequence."""

    def __init__(self):
        super().__init__()
        self.enter, self.cell, self.head = nn.Linear(4, 6), nn.GRUCell(6, 7), nn.Linear(7, 5)
        self.keep = Nothing()

    def forward(self, x):
        state = x.new_zeros(len(x), 7)
        for at in range(x.shape[1]):
            state = self.cell(self.enter(x[:, at]), state)
        return self.head(state)


class Two(nn.Module):
    """Two branches of unlike strength, joined end to end."""

    def __init__(self):
        super().__init__()
        self.enter, self.strong, self.weak = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 4)
        self.head, self.keep = nn.Linear(12, 5), Nothing()

    def forward(self, x):
        x = self.keep("enter:tanh", torch.tanh(self.enter(x)))
        strong = torch.relu(self.strong(self.keep.way("enter:tanh -> strong", x)))
        weak = torch.sigmoid(self.weak(self.keep.way("enter:tanh -> weak", x)))
        return self.head(self.keep("weak:cat", torch.cat([strong, weak], dim=-1)))


class Twice(nn.Module):
    """One layer that is called twice."""

    def __init__(self):
        super().__init__()
        self.enter, self.middle, self.head = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 5)
        self.keep = Nothing()

    def forward(self, x):
        x = torch.tanh(self.middle(self.enter(x)))
        return self.head(torch.tanh(self.middle(x)))


class OneReLU(nn.Module):
    """One activation module for the whole network."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(6, 6) for _ in range(6)])
        self.relu, self.head, self.keep = nn.ReLU(), nn.Linear(6, 5), Nothing()

    def forward(self, x):
        for layer in self.layers:
            x = self.relu(layer(x))
        return self.head(x)


def tokens():
    return torch.randint(0, 11, (4, 5))


CASES = {
    "transformer": (Transformer, tokens),
    "tied": (lambda: Transformer(tied=True), tokens),
    "pictures": (Pictures, lambda: torch.randn(6, 3, 6, 6)),
    "lstm": (Sequences, tokens),
    "loop": (Loop, lambda: torch.randn(6, 7, 4)),
    "two": (Two, lambda: torch.randn(6, 6)),
    "twice": (Twice, lambda: torch.randn(6, 6)),
    "one relu": (OneReLU, lambda: torch.randn(6, 6)),
}


def recorded(tmp_path, case):
    """(lines by tensor, places' gradients by name, calls of the modules, the model) of one case."""
    torch.manual_seed(0)
    make, inputs = CASES[case]
    model, x = make().double(), inputs()
    x = x.double() if x.is_floating_point() else x

    def loss(model):
        out = model(x)
        return functional.cross_entropy(out, torch.arange(len(out)) % 5)

    recording = record(tmp_path, model, steps(model, [loss] * 2, lr=0.1))
    lines, missing = ledger(recording)
    assert not missing
    start = record(tmp_path, model, steps(model, [loss]))  # where the weights are now
    lines, missing = ledger(start)
    model.zero_grad()
    model.keep = Keeper()
    with kept(model) as calls:
        loss(model).backward()
    moved = ledger(recording)[0]
    return {line.parameter: line for line in lines}, moved, model.keep, calls, model


def entering(name, places, calls):
    """RMS of the gradient that enters a place; None where the test keeps nothing there."""
    if name in places:
        return rms(places[name].grad)
    base, _, number = name.partition("#")
    seen = calls.get(base)
    if seen is None:
        return None
    if len(seen) >= 4:  # one place for all its calls
        return rms(torch.cat([call.made.grad.flatten() for call in seen]))
    return rms(seen[int(number or 1) - 1].made.grad)


@pytest.mark.parametrize("case", CASES)
def test_the_factors_of_every_tensor_sum_to_its_motion(case, tmp_path):
    _, moved, _, _, model = recorded(tmp_path, case)
    assert {line.parameter for line in moved} == {name for name, _ in model.named_parameters()}
    for line in moved:
        known = np.isfinite(line.total)  # the motion of a tensor of zeros has no measure
        if not known[-1]:  # a bias below a batch normalisation: its step is lost, all of it
            assert line.total[-1] == line.factors["rounding"][-1] == -np.inf
            continue
        assert np.abs(line.residual[known]).max() < 1e-5, line.layer


@pytest.mark.parametrize("case", CASES)
def test_the_gains_up_to_every_place_on_the_way_are_autograds(case, tmp_path):
    lines, _, places, calls, _ = recorded(tmp_path, case)
    compared = 0
    for line in lines.values():
        start = place_of(line, calls)
        below, passed = entering(start, places, calls), 0.0
        taken = list(line.steps)
        for name in line.path:
            until = next_place(taken, line.path, name)
            passed = sum(line.steps[step][0] for step in taken[:until])
            there = entering(name, places, calls)
            if there is not None:
                assert passed == pytest.approx(np.log10(below / there), abs=1e-5), (start, name)
                compared += 1
        sums = sum(line.factors[gain][0] for gain in GAINS)
        assert sums == pytest.approx(sum(gain[0] for gain in line.steps.values()), abs=1e-9)
        assert sums == pytest.approx(line.arriving[0], abs=1e-5)
    assert compared > len(lines) / 2


def place_of(line: Line, calls) -> str:
    """Name of the place that a line begins at, from its tensor and what is next on its way."""
    base = line.parameter.rpartition(".")[0]
    if line.is_weight:
        base = line.layer
    twice = len(calls.get(base, [])) == 2
    return f"{base}#2" if twice and f"{base}#2" not in line.path else base


def next_place(taken, path, name) -> int:
    """How many steps lie below a place and its own: up to the step of the place after it."""
    later = path[path.index(name) + 1 :]
    return taken.index(later[0]) if later else len(taken)


@pytest.mark.parametrize("case", ["transformer", "pictures", "two"])
def test_the_way_takes_the_branch_with_the_largest_share(case, tmp_path):
    lines, _, places, calls, _ = recorded(tmp_path, case)
    ways = [name for name in places if " -> " in name]
    taken = {step for line in lines.values() for step in line.steps if step in ways}
    assert taken
    for way in taken:
        source = way.split(" -> ")[0]
        largest = max(
            (name for name in ways if name.startswith(f"{source} -> ")),
            key=lambda name: rms(places[name].grad),
        )
        assert way == largest
        expected = np.log10(entering(source, places, calls) / rms(places[way].grad))
        found = next(line for line in lines.values() if way in line.steps)
        assert found.steps[way][0] == pytest.approx(expected, abs=1e-5)
        assert found.roles[way] == "branch"


def test_a_bias_counts_rows_that_agree_and_has_no_input(tmp_path):
    lines, _, _, calls, model = recorded(tmp_path, "two")
    gradient = calls["strong"][0].made.grad
    agree = float(model.strong.bias.grad.norm() / gradient.norm())
    assert "input_size" not in lines["strong.bias"].factors
    assert lines["strong.bias"].factors["batch_agreement"][0] == pytest.approx(
        np.log10(agree), abs=1e-6
    )


@pytest.mark.parametrize(
    ("case", "tensor", "place"),
    [
        ("transformer", "embed.weight", "embed"),
        ("transformer", "blocks.0.norm1.weight", "blocks.0.norm1"),
        ("pictures", "bn1.bias", "bn1"),
        ("lstm", "lstm.weight_hh_l0", "lstm"),
        ("loop", "cell.weight_hh", "cell"),
    ],
)
def test_any_other_tensor_has_one_factor_for_all_between_it_and_its_output(
    case, tensor, place, tmp_path
):
    lines, _, places, calls, model = recorded(tmp_path, case)
    made = [places[place]] if place in places else [call.made for call in calls[place]]
    whole = torch.cat([tensor.grad.flatten() for tensor in made])
    expected = np.log10(float(model.get_parameter(tensor).grad.norm() / whole.norm()))
    assert lines[tensor].factors["batch_agreement"][0] == pytest.approx(expected, abs=1e-6)
    assert not lines[tensor].is_weight
    assert lines[tensor].layer == tensor


def test_a_layer_called_twice_follows_its_stronger_use_and_counts_the_other_as_sharing(tmp_path):
    lines, _, _, calls, _ = recorded(tmp_path, "twice")
    line = lines["middle.weight"]
    reaches = [call.reach() for call in calls["middle"]]
    strong = int(np.argmax(reaches))
    whole = float(np.hypot(*reaches))
    assert line.layer == "middle"
    assert ("middle#2" in line.path) == (strong == 0)
    assert line.factors["sharing"][0] == pytest.approx(np.log10(whole / reaches[strong]), abs=1e-6)
    given = float(line.factors["input_size"][0])
    norm = float(calls["middle"][strong].made.grad.norm())
    assert given == pytest.approx(np.log10(reaches[strong] / norm / 8**0.5), abs=1e-6)


def test_a_tied_matrix_has_one_line_that_holds_both_its_uses(tmp_path):
    lines, _, _, calls, _ = recorded(tmp_path, "tied")
    assert "head.weight" not in lines
    line = lines["embed.weight"]
    unembedding = calls["head"][0].reach()
    embedding = float(calls["embed"][0].made.grad.norm())  # rows of ones and zeros
    strong = max(unembedding, embedding)
    more = np.log10(np.hypot(unembedding, embedding) / strong)
    rows = np.log10(20 / 4 if unembedding > embedding else 20 / 11 / 4) / 2
    assert line.is_weight == (unembedding > embedding)
    assert line.factors["sharing"][0] == pytest.approx(more + rows, abs=1e-6)


def test_what_goes_through_time_is_a_factor_of_its_own(tmp_path):
    for case, tensor in (("lstm", "embed.weight"), ("loop", "enter.weight")):
        line = recorded(tmp_path, case)[0][tensor]
        assert line.factors["recurrence"][0] < -0.1
        assert {role for name, role in line.roles.items() if name.startswith(("lstm", "cell"))} >= {
            "recurrence"
        }


def recorded_as(calls, branches=(), observations=5, draw=None):
    """A recording of these calls, {name: facts}, each with a weight; numbers are drawn, or all NaN."""
    sites = [Site(i, "call", name, facts) for i, (name, facts) in enumerate(calls.items())]
    tensors = [f"{name}.weight" for name in calls]
    for kind, found in (("branch", branches), ("parameter", tensors)):
        for name in found:
            source, _, target = name.partition(" -> ")
            facts = {"from": source, "to": target} if kind == "branch" else {"shape": [3, 2]}
            sites.append(Site(len(sites), kind, name, facts))
    rows = {}
    for kind, columns in COLUMNS.items():
        shape = (observations, sum(site.kind == kind for site in sites), len(columns))
        numbers = np.full(shape, np.nan) if draw is None else np.exp(draw.normal(size=shape))
        rows[kind] = numbers.astype(np.float32)
    step = np.arange(observations)
    scalars = {"loss": np.full(observations, np.nan)}
    return Recording("x", {}, "normal", tuple(sites), step, scalars, step, rows, {}, {})


FACTS = st.fixed_dictionaries(
    {},
    optional={
        "role": st.sampled_from(
            ["weight", "weight", "weight", "activation", "join", "recurrent", "other", "new", 7]
        ),
        "parents": st.lists(st.sampled_from([*"abcdef", "gone", "a#2", 3, None]), max_size=3)
        | st.sampled_from([None, "a", 4]),
        "output": st.just(True),
        "recurrent": st.booleans(),
        "operations": st.just(["ReluBackward0"]),
        "chain": st.booleans(),
        "fan_in": st.sampled_from([0, 2, None, "x"]),
        "fan_out": st.sampled_from([3, None, "x"]),
        "parameter": st.sampled_from(["a.weight", "gone"]),
        "functional": st.booleans(),
        "class": st.sampled_from(["Linear", None]),
    },
)


@settings(max_examples=200, deadline=None)
@given(
    calls=st.dictionaries(st.sampled_from([*"abcdef", "a#2", "x.a"]), FACTS, max_size=8),
    branches=st.lists(st.sampled_from(["a -> b", "b -> a", "b -> loss", "c -> several", "d"])),
    seed=st.none() | st.integers(0, 9),
    observations=st.sampled_from([0, 1, 5]),
)
def test_whatever_a_recording_holds_the_ledger_ends_and_adds_up(
    calls, branches, seed, observations
):
    draw = None if seed is None else np.random.default_rng(seed)
    branches = list(dict.fromkeys(branches))
    recording = recorded_as(calls, branches, observations, draw)
    lines, missing = ledger(recording)
    for line in lines:
        assert len(line.path) == len(set(line.path))
        assert set(line.roles.values()) <= set(GAINS)
        assert (
            set(line.factors)
            == set(line.reference)
            == set(line.shortfall(np.ones(observations, bool)))
        )
        sums = np.sum([np.zeros(observations), *line.steps.values()], axis=0)
        together = np.sum([line.factors[gain] for gain in GAINS], axis=0)
        assert np.allclose(sums, together, equal_nan=True)
        if draw is not None:
            assert np.allclose(together, line.arriving)
            assert line.blame(np.ones(observations, bool))[0] in {"", *line.factors}
    if draw is not None and observations and not missing:
        assert {line.parameter for line in lines} == {f"{name}.weight" for name in calls}


def test_a_thousand_layers_on_one_loop_are_walked_without_recursion():
    calls = {
        f"l{i}": {"role": "weight", "parents": [f"l{(i - 1) % 3000}"], "fan_in": 2, "fan_out": 3}
        for i in range(3000)
    }
    calls["l2999"]["output"] = True
    lines, missing = ledger(recorded_as(calls, draw=np.random.default_rng(0)))
    assert len(lines) == 3000
    assert not missing
    assert len(lines[0].path) == 2999
    assert set(lines[0].roles.values()) == {"recurrence"}


def test_a_signal_of_exactly_nothing_is_told_from_one_that_was_not_seen():
    calls = {
        "a": {"role": "weight", "fan_in": 2, "fan_out": 3},
        "b": {"role": "activation", "parents": ["a"]},
        "c": {"role": "weight", "parents": ["b"], "fan_in": 2, "fan_out": 3, "output": True},
    }
    recording = recorded_as(calls, draw=np.random.default_rng(0))
    gradient = recording.rows["call"][:, :, names("call").index("grad_out_rms")]
    leaving = recording.rows["call"][:, :, names("call").index("grad_in_rms")]
    leaving[:, 1:] = gradient[:, :2]
    gradient[:3, 0] = leaving[:3, 1] = 0.0
    gradient[3, 1] = leaving[3, 2] = np.nan
    line = ledger(recording)[0][0]
    assert np.isneginf(line.factors["activation"][:3]).all()
    assert np.isnan(line.factors["activation"][3])
    assert np.isfinite(line.factors["activation"][4])
    assert line.blame(np.array([True, True, True, False, False])) == ("activation", np.inf)
