"""The ladder: parts that sum to the loss, blame that falls on the right step, and what is not judged."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from clinometer.calibration.ladder import ladder
from clinometer.calibration.predictions import Predictions
from clinometer.stats.gaps import logit_gaps, row_terms
from clinometer.stats.temperature import fit_temperature


def judged(labels, logits, weights=None, groups=None, alpha=0.05):
    z = np.asarray(logits, dtype=np.float64)
    z = np.column_stack([np.zeros(len(z)), z]) if z.ndim == 1 else z
    y = np.asarray(labels, dtype=np.int64)
    names = None if groups is None else np.asarray(groups).astype(str)
    model = Predictions(y, z, weights=weights, groups=names)
    return ladder(model, fit_temperature(logit_gaps(z, y), weights), alpha=alpha)


def parts(found):
    return [
        part
        for part in (found.scale, found.shift, found.shape, found.refinement)
        if part is not None
    ]


def calibrated(seed, n, classes=2, factor=1.0, shift=0.0):
    """Labels drawn from softmax(z); logits factor * z, with `shift` on the last class."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, classes)) * 2
    y = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
    logits = factor * z
    logits[:, -1] += shift
    return logits, y


def class_weighted(seed, n):
    """Balanced class weights at a base rate of 11 %: log-odds too steep and moved; the true loss."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=n) * 1.9 - 3.15
    y = (rng.random(n) < expit(truth)).astype(np.int64)
    return 1.5 * (truth + 2.1), y, float(np.mean(np.logaddexp(0, truth) - truth * y))


@given(
    seed=st.integers(0, 10**6),
    classes=st.integers(2, 4),
    power=st.floats(-4, 4),
    shift=st.floats(-3, 3),
    weighted=st.booleans(),
    grouped=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_the_parts_sum_to_the_loss_and_none_is_below_zero(
    seed, classes, power, shift, weighted, grouped
):
    rng = np.random.default_rng(seed)
    logits, y = calibrated(seed, 40, classes, 10.0**power, shift)
    weights = rng.integers(0, 3, 40) + rng.random() if weighted else None
    found = judged(y, logits, weights, rng.integers(0, 5, 40) if grouped else None)
    rows = row_terms(logit_gaps(logits, y), 1.0).loss
    assert found.total == pytest.approx(np.average(rows, weights=weights), rel=1e-12)
    if found.refinement is None:
        assert parts(found) == []
        assert found.notes
    else:
        assert math.fsum(parts(found)) == pytest.approx(found.total, rel=1e-12)
        assert all(part >= 0 for part in (found.scale, found.shift or 0.0, found.shape or 0.0))
        assert math.fsum(found.raw.values()) <= found.total + 1e-12 * abs(found.total)


def test_a_class_weighted_model_is_blamed_for_its_shift_not_its_separation():
    """In kind the reference's 0.5089 = 0.0679 + 0.2007 + 0.2403 at a base rate of 11 %."""
    h, y, truth = class_weighted(1, 20_000)
    found = judged(y, h)
    assert found.total == pytest.approx(0.486, abs=0.01)
    assert found.scale == pytest.approx(0.032, abs=0.005)
    assert found.shift == pytest.approx(0.212, abs=0.01)
    assert found.refinement == pytest.approx(truth, abs=0.0005)
    assert found.shape < 0.0005
    assert found.p_values["shift"] < 1e-12
    assert found.intervals["shift"][0] < found.shift < found.intervals["shift"][1]


def test_a_bent_map_is_blamed_for_its_shape():
    rng = np.random.default_rng(2)
    truth = rng.normal(size=20_000) * 2
    y = (rng.random(20_000) < expit(truth)).astype(int)
    found = judged(y, np.where(truth > 0, truth**3, truth / 4))
    best = float(np.mean(np.logaddexp(0, truth) - truth * y))
    assert found.shape > 0.05
    assert found.refinement == pytest.approx(best, abs=0.003)
    assert judged(y, truth).shape < 0.0005


def test_more_than_two_classes_have_no_shape():
    logits, y = calibrated(3, 500, 3, factor=2.0)
    found = judged(y, logits)
    assert found.shape is None
    assert set(found.raw) == {"scale", "shift"}


def test_the_optimism_moves_from_the_parts_to_the_refinement():
    """Calibrated models: every part is 0 in truth; mean over 400 sets of 100 rows."""
    raw, moved = np.zeros(2), np.zeros(2)
    for seed in range(400):
        logits, y = calibrated(seed, 100, 3)
        found = judged(y, logits)
        raw += found.raw["scale"], found.raw["shift"]
        moved += [found.raw[name] - found.optimism[name] for name in ("scale", "shift")]
    raw, moved = raw / 400, moved / 400
    assert raw == pytest.approx([0.005, 0.01], rel=0.25)  # 1 / (2 n) for each parameter
    assert (abs(moved) < [0.001, 0.002]).all()


def test_likelihood_ratios_refuse_calibrated_models_as_often_as_they_say():
    refused = np.zeros(2)
    for seed in range(600):
        logits, y = calibrated(seed, 200, 3)
        found = judged(y, logits)
        refused += [found.p_values[name] < 0.05 for name in ("scale", "shift")]
    spread = math.sqrt(0.05 * 0.95 / 600)
    assert (abs(refused / 600 - 0.05) <= 3.5 * spread).all()


def test_intervals_hold_the_true_parts():
    """An overconfident and moved model at n = 300; the truth from 400,000 rows."""
    truth = judged(*reversed(calibrated(10**6, 400_000, 3, 2.0, 1.0)))
    held = np.zeros(2)
    for seed in range(300):
        logits, y = calibrated(seed, 300, 3, 2.0, 1.0)
        found = judged(y, logits)
        for k, name in enumerate(("scale", "shift")):
            low, high = found.intervals[name]
            held[k] += low <= getattr(truth, name) <= high
    assert (held / 300 >= 0.93 - 3 * math.sqrt(0.93 * 0.07 / 300)).all()


def test_copied_rows_claim_nothing_more_where_their_groups_are_known():
    logits, y = calibrated(5, 200, 3, 1.5, 2.0)
    codes = np.arange(200)
    single = judged(y, logits, groups=codes)
    copied = judged(np.repeat(y, 4), np.repeat(logits, 4, axis=0), groups=np.repeat(codes, 4))
    blind = judged(np.repeat(y, 4), np.repeat(logits, 4, axis=0))
    assert parts(copied) == pytest.approx(parts(single), rel=1e-9)
    assert copied.intervals["scale"] == pytest.approx(single.intervals["scale"], rel=1e-9)
    assert copied.p_values == {"scale": None, "shift": None}
    width = [high - low for low, high in (blind.intervals["shift"], copied.intervals["shift"])]
    assert width[0] < 0.6 * width[1]


@given(seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_a_row_of_weight_zero_is_not_there(seed):
    logits, y = calibrated(seed, 50, 3, 2.0)
    weights = np.ones(50)
    weights[::5] = 0.0
    kept = weights > 0
    one, other = judged(y, logits, weights), judged(y[kept], logits[kept], weights[kept])
    assert parts(one) == pytest.approx(parts(other), rel=1e-9)


def test_what_is_not_judged_is_none_and_said():
    all_right = judged([1, 0], [20.0, -20.0])
    assert (all_right.scale, all_right.shift, all_right.shape, all_right.refinement) == (None,) * 4
    assert all_right.total == pytest.approx(2.0611536e-9)
    assert "every row is right" in all_right.notes[0]
    logits, y = calibrated(6, 500)
    exchanged = judged(1 - y, logits)
    assert exchanged.refinement is None
    assert "wrong way" in exchanged.notes[0]
    elsewhere = judged([0, 0, 1, 1], [1.0, 2.0, 3.0, 4.0])
    assert (elsewhere.shift, elsewhere.shape) == (None, None)
    assert elsewhere.scale + elsewhere.refinement == pytest.approx(elsewhere.total, rel=1e-12)
    assert "no row wrong" in elsewhere.notes[0]


def test_no_signal_is_all_scale_down_to_chance():
    """The best temperature is infinite and leaves ln 2; nothing more is to be found."""
    h = np.array([3.0, -3.0, 3.0, -3.0])
    found = judged([1, 1, 0, 0], h)
    assert found.total - found.scale == pytest.approx(math.log(2), rel=1e-12)
    assert (found.shift, found.optimism["scale"]) == (0.0, 0.0)


def test_classes_without_rows_are_named():
    logits, y = calibrated(7, 300, 5)
    kept = y < 3
    found = judged(y[kept], logits[kept])
    assert found.notes == ("2 of 5 classes have no rows (3, 4): their shift is not judged",)


@pytest.mark.parametrize("n", [2, 3, 5])
@pytest.mark.parametrize("seed", range(8))
def test_a_handful_of_rows_is_answered_without_a_warning(n, seed):
    logits, y = calibrated(seed, n)
    found = judged(y, logits, groups=np.arange(n) % 2)
    assert found.refinement is None or math.fsum(parts(found)) == pytest.approx(found.total)
