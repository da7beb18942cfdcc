"""The course of the loss: which state a noisy series is in, and what a constant guess would cost."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import clinometer
from clinometer.diagnosis.course import course, standard_error
from clinometer.diagnosis.series import level_of_whole
from clinometer.diagnosis.state import state
from clinometer.records.columns import names
from made import recording
from networks import batches, blobs, chain, judged

LN4 = math.log(4)  # the no-information level of a made recording
RUNS = 100
NOISES = pytest.mark.parametrize("noise", [0.02, 0.1, 0.3])  # standard deviation of one loss [nat]
LINKS = pytest.mark.parametrize("link", [0.0, 0.9])  # correlation of neighbouring losses


def noisy(curve, noise: float, link: float, steps: int, seed: int) -> np.ndarray:
    """Losses along `curve`, a function of the share of the run, with autoregressive noise."""
    fresh = np.random.default_rng(seed).standard_normal(steps)
    drift = np.empty(steps)
    drift[0] = fresh[0]
    for step in range(1, steps):
        drift[step] = link * drift[step - 1] + math.sqrt(1 - link**2) * fresh[step]
    return curve(np.arange(steps) / steps) + noise * drift


def judge(losses: np.ndarray, **changed) -> str:
    made = recording(losses=losses, steps=len(losses), **changed)
    made.rows["loss"][:, :, names("loss").index("right")] = np.nan  # the losses alone shall speak
    return state(course(made))


def states(curve, noise: float, link: float = 0.0, steps: int = 400, **changed) -> Counter[str]:
    """How many of `RUNS` runs are in each state."""
    series = (noisy(curve, noise, link, steps, seed) for seed in range(RUNS))
    return Counter(judge(losses, **changed) for losses in series)


def flat(u):
    return LN4 + 0 * u


def levelled(u):
    """Learns a fifth of what there is in the first tenth of the run, and no more."""
    return 1.1 + (LN4 - 1.1) * np.exp(-20 * u)


def falling(u):
    return LN4 - 0.8 * u


# -- states of noisy runs: rates, each of 100 runs ---------------------------------------------


@NOISES
@LINKS
@pytest.mark.parametrize("steps", [400, 2000])
def test_at_most_five_percent_of_the_runs_that_learn_nothing_are_called_learning(
    noise, link, steps
):
    found = states(flat, noise, link, steps)
    assert found["learning"] <= 5
    assert found["learned"] == found["diverged"] == 0
    assert found["stuck"] >= 50  # the others are undecided: their noise hides 1 %


def test_nearly_all_runs_that_learn_nothing_with_little_noise_are_stuck():
    for steps in (64, 400, 2000):
        assert states(flat, 0.02, steps=steps)["stuck"] >= 97


@NOISES
@LINKS
@pytest.mark.parametrize("steps", [400, 2000])
def test_at_most_two_percent_of_the_runs_that_learned_a_fifth_are_called_stuck(noise, link, steps):
    found = states(levelled, noise, link, steps)
    assert found["stuck"] <= 2
    assert found["diverged"] == 0


@NOISES
def test_no_short_run_that_learned_a_fifth_is_called_stuck(noise):
    found = states(levelled, noise, steps=64)
    assert found["stuck"] == found["diverged"] == 0


@NOISES
@LINKS
@pytest.mark.parametrize("steps", [64, 400])
def test_no_run_that_learns_throughout_is_called_stuck_or_diverged(noise, link, steps):
    found = states(falling, noise, link, steps)
    assert found["stuck"] == found["diverged"] == 0


@pytest.mark.parametrize(("steps", "noise"), [(64, 0.02), (400, 0.1), (2000, 0.3)])
def test_most_runs_that_fall_throughout_are_called_learning(steps, noise):
    assert states(falling, noise, steps=steps)["learning"] >= 95


@NOISES
def test_a_run_that_came_down_to_a_twentieth_has_learned(noise):
    found = states(lambda u: 0.05 * LN4 + LN4 * np.exp(-30 * u), noise / 5, steps=2000)
    assert found["learned"] >= 95
    assert found["stuck"] == found["diverged"] == 0


@NOISES
def test_losses_with_heavy_tails_at_the_level_do_not_diverge(noise):
    for seed in range(RUNS):
        spread = 5 * noise  # at 1.5 single losses are 20 times their median
        draw = np.random.default_rng(seed).standard_normal(400)
        losses = LN4 * np.exp(spread * draw - spread**2 / 2)
        assert judge(losses) != "diverged"


# -- states at their edges ---------------------------------------------------------------------


@pytest.mark.parametrize("last", [np.nan, np.inf, -np.inf])
def test_a_loss_that_is_not_finite_is_a_divergence_from_its_first_step(last):
    losses = noisy(falling, 0.02, 0.0, 200, 0)
    losses[150:] = last
    seen = course(recording(losses=losses))
    assert (state(seen), seen.bad_step) == ("diverged", 150)
    assert seen.last == pytest.approx(LN4 - 0.8 * 0.65, abs=0.05)  # of the finite part alone


def test_a_loss_that_ends_twice_the_level_above_its_start_diverged():
    assert judge(noisy(lambda u: LN4 + 3 * LN4 * u, 0.1, 0.0, 400, 0)) == "diverged"


def test_a_loss_that_ends_a_little_above_its_start_is_stuck_and_not_diverged():
    assert judge(noisy(lambda u: LN4 + 0.3 * u, 0.1, 0.0, 400, 0)) == "stuck"


def test_one_enormous_loss_at_the_end_is_no_divergence():
    losses = noisy(falling, 0.05, 0.0, 400, 0)
    losses[-1] = 1e6
    assert judge(losses) != "diverged"


def test_a_start_far_above_the_level_that_comes_down_is_learning():
    assert judge(noisy(lambda u: 100 * np.exp(-2 * u), 0.5, 0.0, 400, 0)) == "learning"


def test_too_few_losses_are_undecided():
    assert judge(np.full(31, LN4)) == "undecided"
    assert judge(np.full(32, LN4)) == "stuck"


def test_without_a_level_a_flat_loss_is_undecided_and_a_rising_one_may_be_meant():
    unknown = {"labels": {}}
    assert judge(noisy(flat, 0.02, 0.0, 400, 0), **unknown) == "undecided"
    assert judge(noisy(lambda u: 1 + 5 * u, 0.1, 0.0, 400, 0), **unknown) == "undecided"
    assert judge(noisy(lambda u: 1 + 1e4 * u**2, 0.1, 0.0, 400, 0), **unknown) == "diverged"


@pytest.mark.parametrize("scale", [1e-6, 1 / 4, 65536.0])
@pytest.mark.parametrize("curve", [flat, levelled, falling])
def test_a_loss_times_a_constant_is_in_the_same_state(curve, scale):
    losses = noisy(curve, 0.02, 0.0, 400, 3)
    whole = recording(losses=losses, steps=400)
    scaled = recording(losses=losses, steps=400)
    scaled.scalars["loss"] = losses * scale  # what is propagated; the term stays as it was
    assert course(scaled).last == pytest.approx(course(whole).last)
    assert state(course(scaled)) == state(course(whole))


def test_the_standard_error_is_that_of_independent_values_and_larger_for_linked_ones():
    found = [standard_error(np.random.default_rng(s).standard_normal(800)) for s in range(200)]
    assert np.sqrt(np.mean(np.square(found))) == pytest.approx(1 / math.sqrt(800), rel=0.1)
    zero = [standard_error(noisy(lambda u: 0 * u, 1.0, 0.9, 800, s)) for s in range(200)]
    assert np.sqrt(np.mean(np.square(zero))) == pytest.approx(math.sqrt(19 / 800), rel=0.2)
    assert math.isnan(standard_error(np.ones(7)))


# -- the level, in number and words ------------------------------------------------------------

INPUTS = torch.randn(600, 16, generator=torch.Generator().manual_seed(0))
TARGETS = torch.randn(600, 2, generator=torch.Generator().manual_seed(1)) * torch.tensor([1.0, 3.0])
THIRDS = torch.arange(600) % 3


def levels(folder, targets, loss, outputs, **options):
    """The course of a run that sees every batch, with its targets complete."""
    model = chain(1, 8, nn.Tanh, classes=outputs, inputs=16)
    return judged(
        folder, model, (INPUTS, targets), loss=loss, every=1, steps=60, size=100, lr=1e-3, **options
    ).course


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_balanced_classes_have_the_level_ln_k(classes, tmp_path):
    seen = levels(tmp_path, torch.arange(600) % classes, functional.cross_entropy, classes)
    assert (seen.named, seen.no_information) == (
        f"ln {classes}",
        pytest.approx(math.log(classes), rel=1e-3),
    )


def test_unequal_classes_have_the_entropy_of_their_frequencies(tmp_path):
    seen = levels(tmp_path, (torch.arange(600) % 10 == 0).long(), functional.cross_entropy, 2)
    assert seen.named == "the entropy of the label frequencies"
    assert seen.no_information == pytest.approx(-0.1 * math.log(0.1) - 0.9 * math.log(0.9))


def test_a_weighted_cross_entropy_has_the_entropy_of_the_weighted_frequencies(tmp_path):
    labels, weight = (torch.arange(600) % 10 == 0).long(), torch.tensor([1.0, 3.0])
    seen = levels(
        tmp_path, labels, lambda out, y: functional.cross_entropy(out, y, weight=weight), 2
    )
    p = 0.1 * 3 / (0.1 * 3 + 0.9)
    assert seen.named == "the entropy of the weighted label frequencies"
    assert seen.no_information == pytest.approx(-p * math.log(p) - (1 - p) * math.log(1 - p))


def test_weights_that_balance_the_classes_have_the_level_ln_k(tmp_path):
    labels, weight = (torch.arange(600) % 10 == 0).long(), torch.tensor([1.0, 9.0])
    seen = levels(
        tmp_path, labels, lambda out, y: functional.cross_entropy(out, y, weight=weight), 2
    )
    assert (seen.named, seen.no_information) == ("ln 2", pytest.approx(math.log(2)))


def test_an_absolute_error_has_the_mean_deviation_from_the_median(tmp_path):
    seen = levels(tmp_path, TARGETS, functional.l1_loss, 2)
    expected = float((TARGETS - TARGETS.median(dim=0).values).abs().mean())
    assert seen.named == "the target's mean deviation from its median"
    assert seen.no_information == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (lambda out, y: functional.huber_loss(out, y, delta=0.5), "huber"),
        (lambda out, y: functional.smooth_l1_loss(out, y, beta=0.5), "smooth"),
    ],
    ids=["huber", "smooth l1"],
)
def test_huber_and_smooth_l1_have_the_least_of_a_constant(loss, name, tmp_path):
    seen = levels(tmp_path, TARGETS, loss, 2)
    grid = torch.linspace(-2, 2, 801)
    least = [
        min(float(loss(torch.full((600,), float(c)), TARGETS[:, i])) for c in grid)
        for i in range(2)
    ]
    assert seen.named == "the loss of the best constant"
    assert seen.no_information == pytest.approx(np.mean(least), rel=0.02)


def test_a_loss_of_our_own_making_has_no_level_and_says_why(tmp_path):
    seen = levels(tmp_path, TARGETS, lambda out, y: (out - y).abs().pow(1.5).mean(), 2)
    assert seen.no_information is None
    assert seen.named


# -- scaled and accumulated losses of real runs ------------------------------------------------


@pytest.mark.parametrize("scale", [1e-3, 0.25, 1024.0])
def test_a_loss_scaled_by_a_constant_is_read_unscaled(scale, tmp_path):
    def loss(out, labels):
        return functional.cross_entropy(out, labels) * scale

    seen = levels(tmp_path, THIRDS, loss, 3)
    assert seen.no_information == pytest.approx(math.log(3), rel=1e-3)
    assert 0.7 < seen.last / math.log(3) < 1.3


@pytest.mark.parametrize("every", [1, 7])
def test_accumulation_over_four_micro_batches_is_read_as_one_loss(every, tmp_path):
    torch.manual_seed(0)
    data = blobs(400, 16, 10)
    model = chain(1, 32, nn.ReLU, inputs=16)
    optimizer, stream = torch.optim.SGD(model.parameters(), lr=0.2), batches(data, 16)
    with clinometer.watch(model, to=tmp_path / "a.clino", every=every):
        for _ in range(120):
            optimizer.zero_grad()
            for _ in range(4):
                inputs, labels = next(stream)
                (functional.cross_entropy(model(inputs), labels) / 4).backward()
            optimizer.step()
    with torch.no_grad():
        truly = float(functional.cross_entropy(model(data[0]), data[1]))
    found = clinometer.diagnose(clinometer.read(tmp_path / "a.clino"))
    assert found.course.steps == 120
    assert found.course.first == pytest.approx(math.log(10), rel=0.2)
    assert truly / 2 < found.course.last < 2 * truly + 0.05
    assert found.verdict in {"learning", "learned"}


# -- the level in the units of what is propagated back -----------------------------------------


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1024.0])
def test_the_level_of_a_weighted_loss_is_weighted_too(scale, tmp_path):
    def loss(out, labels):
        return functional.cross_entropy(out, labels) * scale

    levels(tmp_path, THIRDS, loss, 3)
    (path,) = tmp_path.glob("*.clino")
    found = level_of_whole(clinometer.read(path), math.log(3))
    assert found == pytest.approx(scale * math.log(3), rel=1e-3)


def test_the_level_beside_a_penalty_has_the_penalty_added(tmp_path):
    def loss(out, labels):
        return functional.cross_entropy(out, labels) + 0.5

    levels(tmp_path, THIRDS, loss, 3)
    (path,) = tmp_path.glob("*.clino")
    assert level_of_whole(clinometer.read(path), math.log(3)) == pytest.approx(
        math.log(3) + 0.5, rel=1e-3
    )
