"""Rules of the numbers: what is not finite, the plateau of a constant guess, and spikes of the loss."""

from __future__ import annotations

import math
from itertools import islice

import pytest
import torch
from torch import nn
from torch.nn import functional

import clinometer
from networks import batches, blobs, chain, codes, initialise, judged, leading

TASK = blobs(400, 16, 10)
ORDER = torch.arange(400), torch.arange(400)  # which row comes when
TWIN = (
    3  # RMSprop's first step is 10 rates: here 0.2 of the weight, and 3 of them are not the weight
)
SEEDS = pytest.mark.parametrize("seed", range(3))


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def network(activation=nn.ReLU) -> nn.Sequential:
    return initialise(chain(2, 32, activation, inputs=16), nn.init.xavier_normal_)


# -- not finite: made in a layer ---------------------------------------------------------------


class UnitLength(nn.Module):
    """x / |x|: 0 / 0 for a row of zeros."""

    def forward(self, x):
        return x / x.norm(dim=1, keepdim=True)


class Logarithm(nn.Module):
    """log of what may be 0."""

    def forward(self, x):
        return torch.log(torch.relu(x))


class Covered(nn.Module):
    """A softmax of which every entry is masked out."""

    def forward(self, x):
        return x.masked_fill(x < 1e9, -math.inf).softmax(1)


def around(middle: nn.Module, bias: float = 0.0) -> nn.Sequential:
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), middle, nn.Linear(32, 10))
    with torch.no_grad():
        model[0].bias.add_(bias)
    return model


@SEEDS
@pytest.mark.parametrize(
    ("middle", "bias"),
    [(UnitLength(), -100.0), (Logarithm(), 0.0), (Covered(), 0.0)],
    ids=["0/0", "log 0", "all masked"],
)
def test_the_layer_that_makes_the_first_nan_or_inf_is_named(middle, bias, seed, tmp_path):
    torch.manual_seed(seed)
    found = judged(tmp_path, around(middle, bias), TASK, every=1, steps=30)
    assert found.verdict == "diverged"
    assert leading(found) == ("FLOW501", "non-finite output", "error")
    assert found.findings[0].layer == "2"


class Distances(nn.Module):
    """Mean distance of each unit to all units, itself included: finite, but sqrt'(0) * 0 is NaN."""

    def forward(self, x):
        return ((x[:, :, None] - x[:, None, :]) ** 2).sqrt().mean(-1)


@SEEDS
def test_a_slope_that_is_nan_behind_finite_outputs_is_named_by_what_it_reaches(seed, tmp_path):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(16, 32), nn.Tanh(), Distances(), nn.Linear(32, 10))
    found = judged(tmp_path, model, TASK, every=1, steps=30)
    assert found.verdict == "diverged"
    assert leading(found) == ("FLOW501", "non-finite gradient", "error")
    assert found.findings[0].layer == "1"  # what is below the distances gets it first
    assert "step 0" in found.findings[0].explanation


@SEEDS
@pytest.mark.parametrize("every", [1, 10])
def test_one_nan_among_the_data_is_traced_to_the_first_layer(every, seed, tmp_path):
    torch.manual_seed(seed)
    data = TASK[0].clone(), TASK[1]
    data[0][37, 3] = math.nan
    found = judged(tmp_path, network(), data, every=every, steps=40)
    assert found.verdict == "diverged"
    assert (found.findings[0].code, found.findings[0].layer) == ("FLOW501", "0")


# -- not finite: made in the loss --------------------------------------------------------------


def log_of_zero(out, labels):
    p = out.softmax(1)[torch.arange(len(labels)), labels]
    return -(p * (p > 0.05)).log().mean()


def mean_of_nothing(out, labels):
    chosen = (labels == 77).float()
    return (functional.cross_entropy(out, labels, reduction="none") * chosen).sum() / chosen.sum()


@SEEDS
@pytest.mark.parametrize("loss", [log_of_zero, mean_of_nothing])
def test_a_loss_that_is_not_finite_is_told_from_the_first_step(loss, seed, tmp_path):
    torch.manual_seed(seed)
    found = judged(tmp_path, network(), TASK, every=1, steps=30, loss=loss)
    assert found.verdict == "diverged"
    assert (found.findings[0].code, found.findings[0].severity) == ("FLOW501", "error")
    assert found.course.bad_step == 0
    assert "step 0" in found.findings[0].explanation


class Apart(nn.Module):
    """The distance of the two halves of a row, embedded: the root's slope at 0 is infinite."""

    def __init__(self):
        super().__init__()
        self.low = nn.Linear(8, 16)

    def forward(self, x):
        return (self.low(x[:, :8]) - self.low(x[:, 8:])).pow(2).sum(1).sqrt()


def near_where_zero(distance, labels):
    return torch.where(labels == 0, distance**2, (4 - distance).clamp(min=0) ** 2).mean()


@SEEDS
def test_a_slope_of_nan_is_pinned_to_its_step_and_is_no_step_too_large(seed, tmp_path):
    torch.manual_seed(seed)
    data = TASK[0].clone(), TASK[1]
    row = next(islice(batches(ORDER, 64), TWIN, None))[0][0]  # meets the network in step `TWIN`
    data[0][row, 8:] = data[0][row, :8]
    found = judged(
        tmp_path, Apart(), data, optimizer=torch.optim.RMSprop, lr=4e-3, every=50, steps=30,
        loss=near_where_zero,
    )  # fmt: skip
    assert found.verdict == "diverged"
    assert leading(found) == ("FLOW501", "non-finite gradient", "error")
    assert "FLOW303" not in codes(found)
    assert f"The loss of step {TWIN} was finite" in found.findings[0].explanation


# -- not finite, and harmless ------------------------------------------------------------------


class Causal(nn.Module):
    """The mask as a layer of its own: its output holds -inf in every step."""

    def forward(self, scores):
        return scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1).bool(), -math.inf)


class MaskedAttention(nn.Module):
    def __init__(self, breaks_after: int = 10**9):
        super().__init__()
        self.q, self.k, self.v = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8)
        self.mask, self.soft, self.head = Causal(), nn.Softmax(-1), nn.Linear(8, 4)
        self.last = BreaksAfter(breaks_after)

    def forward(self, x):
        scores = self.mask(self.q(x) @ self.k(x).mT / 8**0.5)
        return self.head(self.last((self.soft(scores) @ self.v(x))[:, -1]))


class BreaksAfter(nn.Module):
    """The identity, and after some calls a division by 0."""

    def __init__(self, calls: int):
        super().__init__()
        self.left = calls

    def forward(self, x):
        self.left -= 1
        return x * 1.0 if self.left >= 0 else x / 0


LABELS = torch.arange(256) % 4
TOKENS = torch.randn(256, 6, 8, generator=torch.Generator().manual_seed(2))
TOKENS[torch.arange(256), 2, LABELS] += 4.0


@SEEDS
def test_the_infinities_of_an_attention_mask_are_a_note(seed, tmp_path):
    torch.manual_seed(seed)
    found = judged(
        tmp_path, MaskedAttention(), (TOKENS, LABELS), optimizer=torch.optim.Adam, lr=0.01,
        steps=120,
    )  # fmt: skip
    assert found.verdict in {"learning", "learned"}
    assert codes(found, "error", "warning") == []


@SEEDS
def test_a_mask_is_not_blamed_for_what_another_layer_breaks_later(seed, tmp_path):
    torch.manual_seed(seed)
    model = MaskedAttention(breaks_after=20)
    found = judged(tmp_path, model, (TOKENS, LABELS), every=1, steps=30, lr=0.01)
    assert found.verdict == "diverged"
    assert leading(found) == ("FLOW501", "non-finite output", "error")
    assert found.findings[0].layer == "last"
    assert "step 20" in found.findings[0].explanation


def test_a_penalty_that_is_never_due_is_no_fault_of_its_units(tmp_path):
    def loss(out, labels):  # its slope, sqrt'(0), is infinite, and goes nowhere
        return functional.cross_entropy(out, labels) + torch.relu(out[:, 0] - 100).sqrt().mean()

    found = judged(tmp_path, network(), TASK, steps=150, loss=loss)
    assert found.course.learned > 0.5
    assert found.verdict != "diverged"
    assert codes(found, "error", "warning") == []


def test_masked_logits_inside_a_layer_are_innocent(tmp_path):
    class Half(nn.Module):
        def forward(self, x):
            return x.masked_fill(x < 0, -math.inf).softmax(1)

    model = nn.Sequential(nn.Linear(16, 32), Half(), nn.Linear(32, 10))
    found = judged(tmp_path, model, TASK, optimizer=torch.optim.Adam, lr=0.01, steps=150)
    assert "FLOW501" not in codes(found)
    assert codes(found, "error", "warning") == []


# -- the plateau of a constant guess -----------------------------------------------------------

ROWS = 2000
NOISE = torch.randn(ROWS, 16, generator=torch.Generator().manual_seed(7))
COINS = torch.randint(0, 2, (ROWS,), generator=torch.Generator().manual_seed(8))
HEIGHTS = torch.randn(ROWS, 1, generator=torch.Generator().manual_seed(9))


@SEEDS
@pytest.mark.parametrize(
    ("activation", "classes", "targets", "loss", "named"),
    [
        (nn.ReLU, 2, COINS, functional.cross_entropy, "ln 2"),
        (nn.Tanh, 1, COINS.float()[:, None], functional.binary_cross_entropy_with_logits, "ln 2"),
        (nn.GELU, 1, HEIGHTS, functional.mse_loss, "the variance of the target"),
    ],
    ids=["cross-entropy", "binary", "squared error"],
)
def test_labels_without_information_leave_the_loss_at_that_of_a_constant(
    activation, classes, targets, loss, named, seed, tmp_path
):
    torch.manual_seed(seed)
    model = chain(2, 16, activation, classes=classes, inputs=16)
    found = judged(tmp_path, model, (NOISE, targets), loss=loss, lr=0.02, steps=200, size=128)
    assert found.course.named == named
    assert found.course.last == pytest.approx(found.course.no_information, rel=0.06)
    assert found.verdict in {"stuck", "undecided"}
    assert set(codes(found, "error", "warning")) <= {"FLOW502"}
    assert (codes(found, "error") == ["FLOW502"]) == (found.verdict == "stuck")


@SEEDS
def test_a_weak_signal_that_is_being_learned_is_no_plateau(seed, tmp_path):
    torch.manual_seed(seed)
    noise = torch.randn(ROWS, generator=torch.Generator().manual_seed(4))
    labels = (NOISE[:, 0] + 2 * noise > 0).long()  # at best 0.63 nat of 0.69
    model = chain(1, 16, nn.Tanh, classes=2, inputs=16)
    found = judged(tmp_path, model, (NOISE, labels), steps=300, size=128)
    assert found.course.learned > 0.05
    assert codes(found, "error", "warning") == []


def test_a_loss_without_a_known_level_is_not_judged_for_a_plateau(tmp_path):
    def loss(out, labels):
        return (out - 1).abs().pow(1.5).mean()

    found = judged(tmp_path, network(), TASK, steps=60, loss=loss, lr=0.01)
    assert "FLOW502" in {code for code, _ in found.not_judged}


# -- spikes ------------------------------------------------------------------------------------


def spoiled(folder, model, optimizer, *, scale, clip=None, steps=300, at=150):
    """Train; the batch of one step is `scale` times too large and has its labels mixed up."""
    stream = batches(TASK, 64)
    with clinometer.watch(model, to=folder / "spoiled.clino", every=20):
        for step in range(steps):
            inputs, labels = next(stream)
            if step == at:
                inputs, labels = inputs * scale, labels.flip(0)
            optimizer.zero_grad()
            functional.cross_entropy(model(inputs), labels).backward()
            if clip:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
    return clinometer.diagnose(clinometer.read(folder / "spoiled.clino"))


@SEEDS
@pytest.mark.parametrize("activation", [nn.ReLU, nn.GELU])
def test_one_corrupt_batch_that_undoes_what_was_learned_is_named_with_its_step(
    activation, seed, tmp_path
):
    torch.manual_seed(seed)
    model = network(activation)
    found = spoiled(tmp_path, model, torch.optim.SGD(model.parameters(), lr=0.1), scale=100.0)
    spike = next(finding for finding in found.findings if finding.code == "FLOW503")
    assert found.findings[0] is spike
    assert (spike.severity, spike.cause) == ("warning", "loss spike")
    assert "step 150" in spike.explanation


@SEEDS
def test_units_that_a_corrupt_batch_killed_are_put_down_to_it(seed, tmp_path):
    torch.manual_seed(seed)
    model = network()
    found = spoiled(tmp_path, model, torch.optim.SGD(model.parameters(), lr=0.1), scale=1000.0)
    assert found.verdict in {"stuck", "undecided"}
    assert found.findings[0].code == "FLOW503"
    assert found.findings[0].severity in {"error", "warning"}
    follows = {f.code for f in found.findings if f.consequence_of == "FLOW503"}
    assert follows & {"FLOW102", "FLOW201"}


@SEEDS
@pytest.mark.parametrize("guard", ["clipped", "Adam"])
def test_a_spike_that_leaves_no_trace_is_a_note(guard, seed, tmp_path):
    torch.manual_seed(seed)
    model = network(nn.ReLU if guard == "clipped" else nn.LeakyReLU)
    if guard == "clipped":
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        found = spoiled(tmp_path, model, optimizer, scale=20.0, clip=0.5)
    else:
        optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
        found = spoiled(tmp_path, model, optimizer, scale=8.0)
    assert found.verdict == "learned"
    assert "FLOW503" in codes(found, "note")
    assert codes(found, "error", "warning") == []


@SEEDS
def test_the_noise_of_tiny_batches_is_no_spike(seed, tmp_path):
    torch.manual_seed(seed)
    found = judged(tmp_path, network(nn.Tanh), TASK, lr=0.02, steps=300, size=2, every=30)
    assert "FLOW503" not in codes(found, "error", "warning")
    assert codes(found, "error", "warning") == []
