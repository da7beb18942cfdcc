"""The run view: a rising validation loss that one number mends, and one that it does not."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from benchmarks.run_view import RATES, data, logistic, mlp
from hypothesis import given
from hypothesis import strategies as st

from clinometer.calibration.run_view import run_view, run_view_of_files, run_view_of_sums
from clinometer.calibration.stopping_words import phase
from clinometer.errors import PredictionsError, ShapeError
from clinometer.reports.run_view_text import run_view_text
from clinometer.stats.temperature_sums import TemperatureSums


def made(seed=0, n=400, classes=3, signal=2.0):
    """Labels and logits that are right for them: softmax(logits) is the true probability."""
    rng = np.random.default_rng(seed)
    z = signal * rng.normal(size=(n, classes))
    return np.array([rng.choice(classes, p=np.exp(r) / np.exp(r).sum()) for r in z]), z


def blurred(z, by, seed=1):
    """The same logits with noise: separation is lost, at about the same scale."""
    return z + by * np.random.default_rng(seed).normal(size=z.shape)


def slow_loss(z, labels, beta, weights):
    total = 0.0
    for row, label, weight in zip(z, labels, weights, strict=True):
        total += weight * (math.log(sum(math.exp(beta * v) for v in row)) - beta * row[label])
    return total / sum(weights)


def test_each_epoch_has_its_loss_and_what_the_best_temperature_leaves():
    labels, z = made(n=60)
    weights = np.random.default_rng(2).uniform(0.5, 2.0, 60)
    seen = run_view([z, 3 * z, blurred(z, 2.0)], labels, weights=weights)
    for epoch, logits in zip(seen.epochs, (z, 3 * z, blurred(z, 2.0)), strict=True):
        assert epoch.loss == pytest.approx(slow_loss(logits, labels, 1.0, weights), rel=1e-12)
        betas = np.geomspace(0.05, 5.0, 2001)
        lowest = min(slow_loss(logits, labels, beta, weights) for beta in betas[::20])
        assert epoch.refinement <= lowest + 1e-12
        at_best = slow_loss(logits, labels, 1.0 / epoch.temperature, weights)
        assert epoch.refinement == pytest.approx(at_best, rel=1e-12)
        assert epoch.loss == pytest.approx(epoch.refinement + epoch.scale, rel=1e-12)


def test_a_run_that_only_grows_its_logits_is_overconfident_not_overfitted():
    labels, z = made()
    seen = run_view([z * factor for factor in (0.3, 0.7, 1.0, 1.7, 2.5)], labels)
    assert seen.phase == "overconfident, not overfitted"
    assert seen.best_loss == 2
    assert seen.since_loss.refinement.difference == pytest.approx(0.0, abs=1e-12)
    assert "epoch 3" in seen.sentence
    assert f"T = {seen.epochs[-1].temperature:.3g}" in seen.advice


def test_a_run_whose_logits_are_scrambled_has_lost_separation():
    labels, z = made()
    seen = run_view([0.5 * z, z, blurred(z, 1.0), blurred(z, 2.5)], labels)
    assert seen.phase == "lost separation"
    assert seen.best_loss == 1
    assert seen.advice.startswith(
        "Go back to epoch 1, where refinement was lowest"
    )  # z / 2: the same R


def test_separation_that_is_lost_while_the_loss_falls_says_stop_here():
    labels, z = made(n=2000)
    seen = run_view([6 * z, blurred(z, 0.7)], labels)  # the scale mends more than the noise costs
    assert seen.since_loss is None
    assert seen.phase == "past refinement: stop here"


def test_a_loss_that_falls_to_the_end_is_still_separating():
    labels, z = made()
    assert run_view([blurred(z, 3.0), blurred(z, 1.0), z], labels).phase == "still separating"


def test_one_model_seen_twice_is_undecided():
    labels, z = made()
    seen = run_view([z, blurred(z, 1e-3)], labels)
    assert seen.phase in {"undecided", "still separating"}
    assert run_view([z, z], labels).phase == "undecided"
    assert run_view([z], labels).sentence == "Undecided: one epoch is no course."


def test_the_interval_is_of_the_paired_rows():
    labels, z = made(n=50)
    then, now = z, blurred(3 * z, 2.0)
    seen = run_view([then, now], labels)

    def rows(logits, beta):
        pairs = zip(logits, labels, strict=True)
        return np.array([slow_loss([row], [label], beta, [1.0]) for row, label in pairs])

    early, late = (1.0 / epoch.temperature for epoch in seen.epochs)
    paired = rows(now, late) - rows(then, early)
    half = 2.009575 * paired.std(ddof=1) / math.sqrt(50)  # t of 49 degrees
    low, high = seen.since_loss.refinement.interval
    assert low == pytest.approx(paired.mean() - half, rel=1e-5)
    assert high == pytest.approx(paired.mean() + half, rel=1e-5)


def test_rows_that_repeat_within_groups_give_the_interval_of_the_groups():
    labels, z = made(n=40)
    then, now = z, blurred(2 * z, 2.0)
    once = run_view([then, now], labels).since_loss.refinement.interval
    rows = np.repeat(np.arange(40), 5)
    many = run_view([then[rows], now[rows]], labels[rows], groups=rows).since_loss
    alone = run_view([then[rows], now[rows]], labels[rows]).since_loss
    assert many.refinement.interval == pytest.approx(once, rel=1e-6)
    assert np.diff(alone.refinement.interval) < 0.5 * np.diff(once)


def test_weights_stand_for_repeated_rows_and_zero_leaves_a_row_out():
    labels, z = made(n=60)
    now = blurred(2 * z, 1.0)
    weights = np.arange(60) % 3
    rows = np.repeat(np.arange(60), weights)
    weighed = run_view([z, now], labels, weights=weights)
    repeated = run_view([z[rows], now[rows]], labels[rows])
    for a, b in zip(weighed.epochs, repeated.epochs, strict=True):
        assert a.loss == pytest.approx(b.loss, rel=1e-12)
        assert a.refinement == pytest.approx(b.refinement, rel=1e-12)
        assert a.accuracy == pytest.approx(b.accuracy)
    assert weighed.n == pytest.approx(weights.sum() ** 2 / (weights**2).sum())


def test_where_every_row_is_right_the_loss_is_split_at_matched_scale():
    """The chapter: from A to B everything is scale, and the best temperature of neither is a number."""
    seen = run_view([[2.0, -2.0], [20.0, -20.0]], [1, 0])
    split = seen.all_right.split
    assert split.scale.difference == pytest.approx(0.12692800898181888, rel=1e-12)
    assert split.separation.difference == pytest.approx(0.0, abs=1e-15)
    assert [epoch.temperature for epoch in seen.epochs] == [None, None]
    assert seen.phase == "undecided"
    assert "every row is right from epoch 1 on" in seen.sentence


def test_the_all_right_stretch_starts_again_where_a_row_goes_wrong():
    labels = [1, 0, 1]
    right, wrong = [1.0, -1.0, 1.0], [1.0, 1.0, 1.0]
    seen = run_view([right, wrong, right, [2.0, -2.0, 2.0]], labels)
    assert (seen.all_right.first, seen.all_right.last) == (2, 3)
    assert run_view([right, wrong], labels).all_right is None


def test_an_epoch_that_diverged_is_a_finding_and_never_the_best():
    labels, z = made(n=30)
    broken = z.copy()
    broken[4, 1] = np.nan
    broken[7] = np.inf
    seen = run_view([z, broken], labels)
    assert (seen.epochs[1].status, seen.epochs[1].not_finite) == ("not finite", 2)
    assert (seen.best_loss, seen.best_refinement, seen.phase) == (0, 0, "undecided")
    assert "diverged" in seen.sentence
    assert run_view([broken], labels).best_loss is None
    json.dumps(seen.to_dict(), allow_nan=False)


def test_a_handful_of_rows_decides_nothing():
    labels, z = made(n=9)
    assert run_view([z, 9 * z], labels).phase == "undecided"


def test_mistakes_are_named():
    labels, z = made(n=20)
    with pytest.raises(ShapeError, match="same held-out rows"):
        run_view([z, z[:, :2]], np.minimum(labels, 1))
    with pytest.raises(PredictionsError, match="without labels"):
        run_view([z])
    with pytest.raises(PredictionsError, match="no epoch"):
        run_view([], labels)
    with pytest.raises(ShapeError, match="one name each"):
        run_view([z, z], labels, names=["a"])


def test_files_of_one_run_are_an_epoch_each(tmp_path):
    labels, z = made(n=200)
    paths = [tmp_path / f"epoch{k}.npz" for k in range(3)]
    for path, factor in zip(paths, (0.5, 1.0, 4.0), strict=True):
        np.savez(path, label=labels, logits=factor * z, well=np.arange(200) % 20)
    seen = run_view_of_files(paths, group="well")
    assert [epoch.name for epoch in seen.epochs] == ["epoch0", "epoch1", "epoch2"]
    assert seen.phase == "overconfident, not overfitted"
    np.savez(paths[2], label=np.roll(labels, 1), logits=z)
    with pytest.raises(PredictionsError, match="same order"):
        run_view_of_files(paths)


def test_sums_give_the_points_and_say_that_there_are_no_intervals():
    labels, z = made(n=2000)
    results = []
    for factor in (0.5, 1.0, 2.0):
        sums = TemperatureSums()
        sums.update(factor * z, labels)
        results.append(sums.compute())
    seen, exact = run_view_of_sums(results), run_view([0.5 * z, z, 2 * z], labels)
    for a, b in zip(seen.epochs, exact.epochs, strict=True):
        assert a.loss == pytest.approx(b.loss, rel=1e-12)
        assert a.refinement == pytest.approx(b.refinement, abs=1.4e-5)
    assert seen.since_loss.refinement.interval is None
    assert "no rows were kept" in seen.notes[-1]
    empty = run_view_of_sums([TemperatureSums().compute(), results[0]])
    assert empty.best_loss == 1


@given(factor=st.floats(1e-3, 1e3), seed=st.integers(0, 5))
def test_rescaling_a_checkpoint_moves_no_refinement(factor, seed):
    labels, z = made(seed, n=40)
    a, b = run_view([z], labels).epochs[0], run_view([factor * z], labels).epochs[0]
    assert a.refinement == pytest.approx(b.refinement, rel=1e-12)
    assert a.temperature * factor == pytest.approx(b.temperature, rel=1e-7)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ((0.1, 0.08, 0.02, (0.05, 0.11)), "lost separation"),
        ((-0.1, 0.08, -0.18, (0.05, 0.11)), "past refinement: stop here"),
        ((0.1, 0.0, 0.1, (-0.1, 0.1)), "overconfident, not overfitted"),
        ((0.1, -0.1, 0.2, (-0.2, -0.01)), "overconfident, not overfitted"),
        ((-0.1, -0.1, 0.0, (-0.2, -0.01)), "still separating"),
        ((-0.1, -0.1, 0.0, (-0.2, 0.01)), "undecided"),
        ((0.1, 0.1, 0.0, None), "past refinement: stop here"),
        ((0.1, -0.1, 0.2, None), "overconfident, not overfitted"),
        ((-0.1, -0.1, 0.0, None), "still separating"),
    ],
)
def test_the_word_follows_from_what_rose(change, word):
    assert phase(*change) == word


def test_a_temperature_that_may_be_one_is_not_called_overconfident():
    assert phase(0.1, 0.0, 0.1, (-0.1, 0.1), overconfident=False) == "undecided"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_digits_without_regularisation_are_overconfident_not_overfitted(seed):
    """Control of the reference: the validation loss rises, and all of the rise is scale."""
    found = data("digits", 0.0, seed)
    seen = run_view((z[1] for z in mlp(found, 200, seed)), found.y[1])
    assert seen.phase == "overconfident, not overfitted"
    assert seen.since_loss.loss.difference > 0.0
    assert seen.since_loss.refinement.interval[0] <= 0.0
    assert seen.epochs[-1].temperature > 1.5


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_noisy_labels_with_logistic_regression_lose_separation(seed):
    found = data("digits", 0.1, seed)
    seen = run_view((z[1] for z in logistic(found, 5000, RATES["digits"])), found.y[1])
    assert seen.phase == "lost separation"
    assert seen.since_loss.refinement.interval[0] > 0.0


def sixty():
    labels, z = made()
    return run_view([z * factor for factor in np.geomspace(0.1, 5, 60)], labels)


VIEWS = [
    sixty,
    lambda: run_view([[2.0, -2.0], [20.0, -20.0]], [1, 0]),
    lambda: run_view([[np.nan, 1.0]], [1, 0], names=["a/very/long/name/" * 5]),
]


@pytest.mark.parametrize("make", VIEWS)
def test_the_text_fits_80_columns_and_shows_the_best_epochs(make):
    seen = make()
    lines = run_view_text(seen).splitlines()
    assert lines[0] == f"Run: {seen.phase}"
    assert max(map(len, lines)) <= 80
    assert len(lines) < 45
    for best in (seen.best_loss, seen.best_refinement):
        if best is not None:
            assert any(line.split()[:1] == [seen.epochs[best].name] for line in lines)
