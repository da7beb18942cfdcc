"""Loss terms and the scalars of each step against their definitions."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from truth import places, record, row, steps

INPUTS = torch.randn(12, 6)
LABELS = torch.tensor([0, 1, 2, 0, 1, 2, 0, 0, 1, 0, 2, 2])


def mlp(outputs: int = 3) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, outputs))


def outputs_of(model, inputs=INPUTS):
    """Logits that keep their gradient."""
    out = model(inputs)
    out.retain_grad()
    return out


def wrong_share(out, right, kept=None):
    """Share of the squared gradient at rows (examples, classes) that comes from those that are wrong."""
    squares = out.grad.double().square().sum(dim=1)
    wrong = ~right if kept is None else ~right | ~kept
    return float(squares[wrong].sum() / squares.sum())


def test_cross_entropy_is_its_definition(tmp_path):
    model = mlp()
    recording = record(
        tmp_path, model, steps(model, [lambda m: functional.cross_entropy(m(INPUTS), LABELS)])
    )
    out = outputs_of(model)
    functional.cross_entropy(out, LABELS).backward()
    p = out.detach().double().softmax(dim=1)[torch.arange(12), LABELS]
    right = out.argmax(dim=1) == LABELS
    found = row(recording, "loss", "cross_entropy")
    assert (found["seen"], found["examples"]) == (1, 12)
    assert found["value"] == pytest.approx(float(-p.log().mean()), rel=1e-5)
    assert found["right"] == pytest.approx(float(right.double().mean()))
    assert found["wrong_gradient"] == pytest.approx(wrong_share(out, right), rel=1e-4)
    counts = {str(k): n for k, n in enumerate(LABELS.bincount().tolist())}
    assert recording.labels["cross_entropy"] == {"counts": counts, "classes": 3}


def test_ignored_labels_are_no_examples(tmp_path):
    model, labels = mlp(), LABELS.clone()
    labels[:5] = -100
    for ignored, also in ((-100, labels), (2, LABELS)):
        recording = record(
            tmp_path,
            model,
            steps(
                model,
                [lambda m: functional.cross_entropy(m(INPUTS), also, ignore_index=ignored)],  # noqa: B023
            ),
        )
        model.zero_grad()
        out = outputs_of(model)
        loss = functional.cross_entropy(out, also, ignore_index=ignored)
        loss.backward()
        kept = also != ignored
        right = (out.argmax(dim=1) == also) & kept
        found = row(recording, "loss", "cross_entropy")
        assert found["examples"] == int(kept.sum())
        assert found["value"] == pytest.approx(loss.item(), rel=1e-5)
        assert found["right"] == pytest.approx(float(right.sum() / kept.sum()))
        assert found["wrong_gradient"] == pytest.approx(wrong_share(out, right), rel=1e-4)
        assert sum(recording.labels["cross_entropy"]["counts"].values()) == int(kept.sum())


@pytest.mark.parametrize(
    "shape", ["(N, C, L)", "(N, C, H, W)", "(N, L, C) flattened", "(N, L, C) flattened late"]
)
def test_cross_entropy_of_sequences_and_pictures(shape, tmp_path):
    torch.manual_seed(1)
    if shape == "(N, C, L)":
        model, inputs = nn.Sequential(nn.Conv1d(2, 4, 1), nn.Tanh(), nn.Conv1d(4, 3, 1)), (4, 2, 5)
        labels = torch.randint(3, (4, 5))
    elif shape == "(N, C, H, W)":
        model, inputs = nn.Sequential(nn.Conv2d(2, 4, 1), nn.Conv2d(4, 3, 1)), (4, 2, 3, 3)
        labels = torch.randint(3, (4, 3, 3))
    else:
        model, inputs = nn.Sequential(nn.Linear(2, 4), nn.Linear(4, 3)), (4, 5, 2)
        labels = torch.randint(3, (20,))
    given = torch.randn(inputs)

    def loss(out):
        if "late" in shape:
            return functional.nll_loss(out.log_softmax(dim=-1).flatten(0, 1), labels)
        return functional.cross_entropy(out.flatten(0, 1) if "flat" in shape else out, labels)

    recording = record(tmp_path, model, steps(model, [lambda m: loss(m(given))]))
    out = outputs_of(model, given)
    loss(out).backward()
    classes = -1 if "flat" in shape else 1
    right = (out.argmax(dim=classes).flatten() == labels.flatten()).flatten()
    found = row(recording, "loss", "cross_entropy")
    assert found["examples"] == labels.numel()
    assert found["value"] == pytest.approx(loss(out).item(), rel=1e-5)
    assert found["right"] == pytest.approx(float(right.double().mean()))
    squares = out.grad.double().square().sum(dim=classes).flatten()
    share = float(squares[~right].sum() / squares.sum())
    assert math.isnan(found["wrong_gradient"]) or found["wrong_gradient"] == pytest.approx(share)


def test_two_cross_entropies_in_one_loss_are_two_terms(tmp_path):
    torch.manual_seed(2)

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.one, self.two = nn.Linear(6, 8), nn.Linear(8, 3), nn.Linear(8, 2)

        def forward(self, x):
            x = torch.tanh(self.body(x))
            return self.one(x), self.two(x)

    model = Two()

    def parts(model):
        one, two = model(INPUTS)
        return functional.cross_entropy(one, LABELS), functional.cross_entropy(two, LABELS % 2)

    recording = record(tmp_path, model, steps(model, [lambda m: parts(m)[0] + 2 * parts(m)[1]]))
    names = list(places(recording, "loss"))
    assert names == ["cross_entropy", "cross_entropy#2"]
    found = sorted(row(recording, "loss", name)["value"] for name in names)
    assert found == pytest.approx(sorted(part.item() for part in parts(model)), rel=1e-5)
    assert sum(len(recording.labels[name]["counts"]) for name in names) == 5


@pytest.mark.parametrize("logits", [True, False])
def test_binary_cross_entropy_from_logits_and_from_probabilities(logits, tmp_path):
    model, labels = mlp(1), (LABELS[:, None] > 0).float()

    def loss(out):
        if logits:
            return functional.binary_cross_entropy_with_logits(out, labels)
        return functional.binary_cross_entropy(torch.sigmoid(out), labels)

    recording = record(tmp_path, model, steps(model, [lambda m: loss(m(INPUTS))]))
    out = outputs_of(model)
    loss(out).backward()
    right = ((out > 0) == (labels > 0.5))[:, 0]
    found = row(recording, "loss", "binary_cross_entropy")
    q = out.detach().double().sigmoid()
    value = -(labels * q.log() + (1 - labels) * (1 - q).log()).mean()
    assert found["value"] == pytest.approx(float(value), rel=1e-5)
    assert found["right"] == pytest.approx(float(right.double().mean()))
    assert found["wrong_gradient"] == pytest.approx(wrong_share(out, right), rel=1e-4)
    counts = {str(k): n for k, n in enumerate(labels[:, 0].long().bincount().tolist())}
    assert recording.labels["binary_cross_entropy"]["counts"] == counts


def test_squared_error_is_its_mean_and_keeps_the_moments_of_its_targets(tmp_path):
    model, targets = mlp(2), torch.randn(12, 2)
    recording = record(
        tmp_path, model, steps(model, [lambda m: functional.mse_loss(m(INPUTS), targets)] * 2)
    )
    found = row(recording, "loss", "squared_error")
    value = (model(INPUTS).detach().double() - targets.double()).square().mean()
    assert found["value"] == pytest.approx(float(value), rel=1e-5)
    assert math.isnan(found["right"])
    kept = recording.labels["squared_error"]
    assert kept["rows"] == 24
    assert kept["sum"] == pytest.approx((2 * targets.double().sum(dim=0)).tolist(), rel=1e-5)


def test_terms_of_accumulated_passes_are_those_of_the_whole_batch(tmp_path):
    model = mlp()

    def train():
        stepper = torch.optim.SGD(model.parameters(), lr=0.0)
        for rows in torch.arange(12).split(5):
            out = model(INPUTS[rows])
            (functional.cross_entropy(out, LABELS[rows], reduction="sum") / 12).backward()
        stepper.step()

    recording = record(tmp_path, model, train)
    whole = functional.cross_entropy(model(INPUTS), LABELS).item()
    found = row(recording, "loss", "cross_entropy")
    assert found["examples"] == 12
    assert found["value"] == pytest.approx(whole, rel=1e-5)
    assert recording.loss[0] == pytest.approx(whole, rel=1e-5)
    assert recording.scalars["passes"][0] == 3


# -- scalars of the step ----------------------------------------------------------------------------


@pytest.mark.parametrize("every", [1, 1000])
def test_scalars_of_ordinary_steps(every, tmp_path):
    model = mlp()
    losses, rates = [], [0.1 / (k + 1) for k in range(6)]

    def train():
        stepper = torch.optim.SGD(model.parameters(), lr=0.1)
        for rate in rates:
            stepper.param_groups[0]["lr"] = rate
            stepper.zero_grad()
            loss = functional.cross_entropy(model(INPUTS), LABELS)
            loss.backward()
            losses.append(loss.item())
            stepper.step()

    recording = record(tmp_path, model, train, every=every)
    assert recording.loss.tolist() == losses
    assert recording.scalars["lr"].tolist() == rates
    assert recording.scalars["passes"].tolist() == [1] * 6
    assert recording.scalars["skipped"].tolist() == [0] * 6
    assert (recording.time_s[1:] > recording.time_s[:-1]).all()


@pytest.mark.parametrize("every", [1, 1000])
def test_accumulation_counts_its_passes_and_sums_its_losses(every, tmp_path):
    model = mlp()
    losses = []

    def train():
        stepper = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(4):
            total = 0.0
            for rows in torch.arange(12).split(4):
                loss = functional.cross_entropy(model(INPUTS[rows]), LABELS[rows]) / 3
                loss.backward()
                total += loss.item()
            losses.append(total)
            stepper.step()
            stepper.zero_grad()

    recording = record(tmp_path, model, train, every=every)
    assert recording.loss.tolist() == pytest.approx(losses)
    assert recording.scalars["passes"].tolist() == [3] * 4


@pytest.mark.parametrize("every", [1, 1000])
def test_of_lbfgs_the_first_evaluation_counts(every, tmp_path):
    model = mlp()
    first = []

    def train():
        stepper = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=4)
        for _ in range(3):
            seen = []

            def closure():
                stepper.zero_grad()
                loss = functional.cross_entropy(model(INPUTS), LABELS)
                loss.backward()
                seen.append(loss.item())  # noqa: B023 - used at once
                return loss

            stepper.step(closure)
            first.append(seen[0])

    recording = record(tmp_path, model, train, every=every)
    assert recording.loss.tolist() == first
    assert recording.steps == 3


def test_a_step_without_a_scalar_loss_says_so(tmp_path):
    model = mlp()

    def train():
        stepper = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            out = model(INPUTS)
            out.backward(torch.ones_like(out))
            stepper.step()

    recording = record(tmp_path, model, train)
    assert recording.loss_seen.tolist() == [False] * 3
    assert all(math.isnan(loss) for loss in recording.loss)


# -- autopsy and events ------------------------------------------------------------------------------


class Ends(nn.Module):
    def __init__(self, end):
        super().__init__()
        self.first, self.last, self.end = nn.Linear(6, 4), nn.Linear(4, 3), end

    def forward(self, x):
        return self.last(self.end(self.first(x)))


@pytest.mark.parametrize(
    ("end", "word"),
    [
        (lambda x: torch.log(-x.abs()), "Log"),
        (lambda x: x / (x - x), "Div"),
        (lambda x: torch.exp(1e4 * x.abs()), "Exp"),
        (lambda x: torch.sqrt(-1 - x.square()), "Sqrt"),
        (lambda x: (x.abs() * 1e30) ** 3, "Pow"),
    ],
)
@pytest.mark.parametrize("every", [1, 1000])
def test_the_event_names_the_operation_that_made_the_first_nan(end, word, every, tmp_path):
    torch.manual_seed(3)
    model = Ends(end)
    recording = record(
        tmp_path,
        model,
        steps(model, [lambda m: functional.cross_entropy(m(INPUTS), LABELS)] * 2),
        every=every,
    )
    texts = [event.text for event in recording.events if event.kind == "non-finite loss"]
    assert len(texts) == 1
    assert f"made by {word}" in texts[0]


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_a_bad_weight_is_named(bad, tmp_path):
    model = Ends(torch.tanh)
    with torch.no_grad():
        model.last.weight[0, 0] = bad
    recording = record(
        tmp_path, model, steps(model, [lambda m: functional.cross_entropy(m(INPUTS), LABELS)])
    )
    (text,) = [event.text for event in recording.events if event.kind == "non-finite loss"]
    assert "last.weight" in text


def test_a_healthy_run_has_no_event(tmp_path):
    model = mlp()
    recording = record(
        tmp_path,
        model,
        steps(model, [lambda m: functional.cross_entropy(m(INPUTS), LABELS)] * 80, lr=0.1),
        every=None,
    )
    assert recording.events == ()


def test_a_spike_of_the_loss_is_an_event_of_its_step(tmp_path):
    torch.manual_seed(4)
    model = mlp()
    factors = torch.rand(60).add(0.5).tolist()
    factors[50] = 100.0
    losses = [lambda m, f=f: functional.cross_entropy(m(INPUTS), LABELS) * f for f in factors]
    recording = record(tmp_path, model, steps(model, losses), every=None)
    assert [(event.step, event.kind) for event in recording.events] == [(50, "loss spike")]
