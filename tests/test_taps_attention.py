"""Attention and recurrence against the definitions: entropies, logits, and gradients by time lag."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from clinometer.records.columns import LAGS
from truth import Keeper, Nothing, apart, places, record, rms, row, steps

HEADS, WIDTH, LENGTH = 2, 8, 6


def entropies(weights):
    """(examples, heads, queries), in float64 [nat]."""
    return torch.special.entr(weights.double()).sum(dim=-1)


def columns(weights, logits=None):
    """What is to be recorded of weights (examples, heads, queries, keys)."""
    entropy = entropies(weights)
    return {
        "queries": entropy.numel(),
        "keys": weights.shape[-1],
        "entropy": float(entropy.nanmean()),
        "entropy_least": float(entropy.nanmean(dim=(0, 2)).min()),
        "largest_logit": float(logits.max()) if logits is not None else math.nan,
    }


class Attends(nn.Module):
    """Queries, keys and values of a linear map, some attention, and a head."""

    def __init__(self, attention):
        super().__init__()
        self.qkv, self.head = nn.Linear(5, 3 * WIDTH), nn.Linear(WIDTH, 3)
        self.attention, self.seen = attention, {}
        with torch.no_grad():
            self.qkv.weight.mul_(3)

    def forward(self, x):
        q, k, v = (
            part.unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in self.qkv(x).chunk(3, dim=-1)
        )
        self.seen = {"q": q, "k": k}
        return self.head(self.attention(q, k, v).transpose(1, 2).flatten(2))


def by_hand(q, k, v, four=True):
    logits = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if not four:
        return (logits.flatten(0, 1).softmax(dim=-1) @ v.flatten(0, 1)).unflatten(0, q.shape[:2])
    return logits.softmax(dim=-1) @ v


CAUSAL = torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril()
BIAS = torch.where(CAUSAL, torch.randn(LENGTH, LENGTH), torch.tensor(-math.inf))
PER_EXAMPLE = torch.rand(2, 1, LENGTH, LENGTH) > 0.3
PER_EXAMPLE[..., 0] = True
NOTHING = CAUSAL.clone()
NOTHING[0] = False
sdpa = functional.scaled_dot_product_attention
KINDS = {
    "none": (sdpa, None),
    "causal": (lambda q, k, v: sdpa(q, k, v, is_causal=True), CAUSAL),
    "mask": (lambda q, k, v: sdpa(q, k, v, attn_mask=CAUSAL), CAUSAL),
    "bias": (lambda q, k, v: sdpa(q, k, v, attn_mask=BIAS), BIAS),
    "mask by example": (lambda q, k, v: sdpa(q, k, v, attn_mask=PER_EXAMPLE), PER_EXAMPLE),
    "a query that sees nothing": (lambda q, k, v: sdpa(q, k, v, attn_mask=NOTHING), NOTHING),
    "by hand": (by_hand, None),
    "by hand, heads in the batch": (lambda q, k, v: by_hand(q, k, v, four=False), None),
}


def loss_of(inputs):
    return lambda model: model(inputs).square().mean()


@pytest.mark.parametrize("kind", KINDS)
def test_entropies_and_logits_are_those_of_the_definition(kind, tmp_path):
    torch.manual_seed(0)
    attention, mask = KINDS[kind]
    model, inputs = Attends(attention), torch.randn(2, LENGTH, 5)
    recording = record(tmp_path, model, steps(model, [loss_of(inputs)] * 2))
    q, k = model.seen["q"].detach().double(), model.seen["k"].detach().double()
    logits = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        shift = mask if mask.is_floating_point() else torch.where(mask, 0.0, -math.inf)
        logits = logits + shift
    by_softmax = kind.startswith("by hand")
    expected = columns(logits.softmax(dim=-1), None if by_softmax else logits)
    if kind.endswith("in the batch"):  # which rows of the batch are one head is not to be seen
        expected["entropy_least"] = expected["entropy"]
    (name,) = places(recording, "attention")
    for at in range(2):
        assert not apart(expected, row(recording, "attention", name, at), 1e-4)


def test_grouped_queries_share_their_heads_keys(tmp_path):
    torch.manual_seed(1)

    class Grouped(nn.Module):
        def __init__(self):
            super().__init__()
            self.q, self.kv, self.head = nn.Linear(5, 16), nn.Linear(5, 8), nn.Linear(16, 3)

        def forward(self, x):
            q = self.q(x).unflatten(-1, (4, 4)).transpose(1, 2)
            k, v = (p.unflatten(-1, (1, 4)).transpose(1, 2) for p in self.kv(x).chunk(2, dim=-1))
            self.seen = q, k
            return self.head(sdpa(q, k, v, enable_gqa=True).transpose(1, 2).flatten(2))

    model, inputs = Grouped(), torch.randn(2, LENGTH, 5)
    recording = record(tmp_path, model, steps(model, [loss_of(inputs)]))
    q, k = (part.detach().double() for part in model.seen)
    logits = q @ k.transpose(-2, -1) / 2
    (name,) = places(recording, "attention")
    found = row(recording, "attention", name)
    expected = columns(logits.softmax(dim=-1), logits)
    if math.isnan(found["largest_logit"]):
        expected["largest_logit"] = math.nan
    assert not apart(expected, found, 1e-4)


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
def test_multihead_attention_is_seen_whether_or_not_it_hands_out_weights(
    need_weights, batch_first, tmp_path
):
    torch.manual_seed(2)

    class Multi(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=batch_first)
            self.enter, self.head = nn.Linear(5, WIDTH), nn.Linear(WIDTH, 3)

        def forward(self, x):
            x = self.enter(x)
            return self.head(self.attention(x, x, x, need_weights=need_weights)[0])

    model = Multi()
    with torch.no_grad():
        model.attention.in_proj_weight.mul_(4)
    inputs = torch.randn(2, LENGTH, 5)
    recording = record(
        tmp_path, model, steps(model, [loss_of(inputs if batch_first else inputs.transpose(0, 1))])
    )
    x = model.enter(inputs).detach()
    if not batch_first:
        x = x.transpose(0, 1)
    weights = model.attention(x, x, x, average_attn_weights=False)[1].detach()
    entropy = entropies(weights)
    (name,) = places(recording, "attention")
    found = row(recording, "attention", name)
    assert found["entropy"] == pytest.approx(float(entropy.mean()), rel=1e-4)
    assert found["keys"] == LENGTH
    if not need_weights:
        assert found["entropy_least"] == pytest.approx(float(entropy.mean((0, 2)).min()), rel=1e-4)


def test_passes_of_different_sizes_do_not_cost_the_observation(tmp_path):
    torch.manual_seed(3)
    model = Attends(lambda q, k, v: by_hand(q, k, v, four=False))

    def train():
        torch.manual_seed(4)
        stepper = torch.optim.SGD(model.parameters(), lr=0.0)
        for part in torch.randn(5, LENGTH, 5).split(3):
            model(part).square().mean().backward()
        stepper.step()

    recording = record(tmp_path, model, train)
    assert len(recording.observed) == 1
    (name,) = places(recording, "attention")
    found = row(recording, "attention", name)
    torch.manual_seed(4)
    model(torch.randn(5, LENGTH, 5))
    q, k = model.seen["q"].double(), model.seen["k"].double()
    weights = (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).softmax(dim=-1)
    assert found["seen"] == 2
    assert found["entropy"] == pytest.approx(float(entropies(weights).detach().mean()), rel=1e-5)


# -- recurrence -----------------------------------------------------------------------------------

TIME = 7


class Reads(nn.Module):
    """A recurrent layer on a raw input; the head reads all steps, the last one, or the last state."""

    def __init__(self, kind, use, **options):
        super().__init__()
        self.layer, self.use = kind(5, 6, **options), use
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        out, state = self.layer(x)
        if self.use == "state":
            out = state[0] if isinstance(state, tuple) else state
            return self.head(out[-1])
        if self.use == "last":
            return self.head(out[:, -1] if self.layer.batch_first else out[-1])
        return self.head(out)


def profile(gradient, time):
    """Columns of a recurrence from dC/d(input), every time step apart."""
    by_time = gradient.double().movedim(time, 0).flatten(1).square().mean(dim=1).sqrt().tolist()
    found = {f"lag_{lag}": by_time[-1 - lag] if lag < len(by_time) else math.nan for lag in LAGS}
    return found | {"length": len(by_time)}


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("use", ["all", "last", "state"])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_lags_are_the_gradients_at_each_step_of_the_input(kind, use, batch_first, tmp_path):
    torch.manual_seed(4)
    model = Reads(kind, use, batch_first=batch_first)
    inputs = torch.randn(4, TIME, 5) if batch_first else torch.randn(TIME, 4, 5)
    recording = record(tmp_path, model, steps(model, [loss_of(inputs)]))
    given = inputs.clone().requires_grad_()
    loss_of(given)(model).backward()
    expected = profile(given.grad, 1 if batch_first else 0)
    (name,) = places(recording, "recurrence")
    assert name.partition("#")[0] == "layer"
    assert not apart(expected, row(recording, "recurrence", name), 1e-4)


def test_two_layers_and_both_directions_are_followed_too(tmp_path):
    torch.manual_seed(5)

    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.GRU(5, 3, num_layers=2, bidirectional=True)
            self.head = nn.Linear(6, 3)

        def forward(self, x):
            return self.head(self.layer(x)[0])

    model, inputs = Both(), torch.randn(TIME, 4, 5)
    recording = record(tmp_path, model, steps(model, [loss_of(inputs)]))
    given = inputs.clone().requires_grad_()
    loss_of(given)(model).backward()
    assert not apart(profile(given.grad, 0), row(recording, "recurrence", "layer"), 1e-4)


class Loop(nn.Module):
    """A cell that is called once for each time step."""

    def __init__(self, kind):
        super().__init__()
        self.cell, self.head, self.keep = kind(5, 6), nn.Linear(6, 3), Nothing()

    def forward(self, x):
        state = None
        for t in range(len(x)):
            state = self.cell(x[t], state)
            first = self.keep(f"out {t}", state[0] if isinstance(state, tuple) else state)
            state = (first, state[1]) if isinstance(state, tuple) else first
        return self.head(first)


@pytest.mark.parametrize("kind", [nn.RNNCell, nn.GRUCell, nn.LSTMCell])
def test_a_cell_called_in_a_loop_is_one_place_with_a_profile(kind, tmp_path):
    torch.manual_seed(6)
    model, inputs = Loop(kind), torch.randn(TIME, 4, 5)
    recording = record(tmp_path, model, steps(model, [loss_of(inputs)] * 2))
    model.zero_grad()
    model.keep = Keeper()
    loss_of(inputs)(model).backward()
    gradients = [model.keep[f"out {t}"].grad for t in range(TIME)]
    assert [name for name in places(recording) if name.startswith("cell")] == ["cell"]
    for at in range(2):
        expected = profile(torch.stack(gradients), 0)
        assert not apart(expected, row(recording, "recurrence", "cell", at), 1e-4)
        call = row(recording, "call", "cell", at)
        assert call["seen"] == TIME
        assert call["grad_out_rms"] == pytest.approx(rms(torch.stack(gradients)), rel=1e-5, abs=0)


def test_a_cell_called_four_times_is_four_places(tmp_path):
    torch.manual_seed(7)
    model = Loop(nn.GRUCell)
    recording = record(tmp_path, model, steps(model, [loss_of(torch.randn(4, 4, 5))]))
    cells = [name for name in places(recording) if name.startswith("cell")]
    assert cells == ["cell", "cell#2", "cell#3", "cell#4"]
