"""One model's confidence judged: the verdict, its sentence, and what else is said."""

from __future__ import annotations

import json

import numpy as np
import pytest

from clinometer.calibration.judgement import judge
from clinometer.calibration.predictions import predictions


def simulated(n, classes=3, times=1.0, seed=0, size=2.0):
    """Labels drawn from a model's own probabilities, whose logits are then multiplied."""
    rng = np.random.default_rng(seed)
    z = size * rng.normal(size=(n, classes))
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    labels = (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(max=classes - 1)
    return labels, times * z


def judged(n, times=1.0, seed=0, **rest):
    return judge(predictions(*simulated(n, times=times, seed=seed), **rest))


# -- the verdict -------------------------------------------------------------------------------------


def test_a_calibrated_model_earns_its_confidence_with_enough_rows_and_has_it_unproven_with_few():
    assert judged(20_000).verdict == "earned"
    assert judged(40).verdict == "unproven"


@pytest.mark.parametrize("n", [20, 100, 500, 3000])
def test_a_calibrated_model_is_hardly_ever_called_unearned(n):
    words = [judged(n, seed=seed).verdict for seed in range(40)]
    assert words.count("unearned") <= 1 + 3  # 2.5 % of 40, and three standard errors
    assert "undecided" not in words


def test_three_times_the_logits_are_refuted_and_the_overstatement_is_named_in_points():
    found = judged(2000, times=3.0)
    assert found.verdict == "unearned"
    assert found.because.startswith("Overstates itself by ")
    points = round(100 * (found.mean_confidence - found.accuracy))
    assert f"by {points} points" in found.because
    low, high = found.temperature_interval
    assert low < 3.0 < high


def test_who_claims_less_than_the_record_has_earned_it_and_could_claim_more():
    found = judged(5000, times=0.3)
    assert found.verdict == "earned"
    assert found.because.startswith("Earned, and more")
    assert any("could be higher" in note for note in found.notes)


def test_the_chapters_model_is_unproven_with_the_price_of_its_claim():
    found = judge(predictions([1, 0], [20.0, -20.0]))
    assert found.verdict == "unproven"
    for part in ("two rows", "0.83", "0.999999998", "1,453,425,036"):
        assert part in found.because
    assert found.to_dict()["temperature"] == {
        "value": None,
        "interval": [None, None],
        "status": "zero",
    }
    assert found.to_dict()["loss"]["scale"] is None


def test_the_margin_is_the_users_to_set():
    labels, z = simulated(20_000, times=1.15)
    assert judge(predictions(labels, z)).verdict == "earned"
    assert judge(predictions(labels, z), margin=1e-4).verdict == "unearned"


def test_exchanged_labels_are_named_inverted():
    labels, z = simulated(500, classes=2)
    found = judge(predictions(1 - labels, z))
    assert found.verdict == "unearned"
    assert found.fit.status == "inverted"
    assert any("point the wrong way" in note for note in found.notes)


def test_a_class_weighted_model_is_blamed_for_its_class_frequencies_and_not_for_its_separation():
    rng = np.random.default_rng(4)
    n, shift = 20_000, np.log(0.89 / 0.11)
    h = 1.5 * rng.normal(size=n) - 2.7
    labels = (rng.random(n) < 1.0 / (1.0 + np.exp(-h))).astype(int)
    found = judge(predictions(labels, h + shift))
    parts = found.ladder
    assert parts.shift > 0.1
    assert parts.shift > 2 * parts.scale
    right = judge(predictions(labels, h)).ladder.refinement
    assert parts.refinement == pytest.approx(right, abs=2e-3)
    assert found.verdict == "unearned"


def test_one_corrupt_row_is_named():
    labels, z = simulated(1000, size=1.5)
    z[321] = 0.0
    z[321, (labels[321] + 1) % 3] = 1000.0
    found = judge(predictions(labels, z))
    assert any("row 321" in note for note in found.notes)
    assert not any("one row decides" in note for note in judged(1000).notes)


def test_one_class_only_is_named():
    found = judge(predictions([1] * 30, np.linspace(1.0, 4.0, 30)))
    assert any("only one class occurs" in note for note in found.notes)


# -- groups ------------------------------------------------------------------------------------------


def by_well(times):
    """Rows of several wells, each with its own factor on calibrated logits."""
    labels, z = simulated(1500 * len(times), seed=8)
    wells = np.repeat([f"well {k}" for k in range(len(times))], 1500)
    return judge(predictions(labels, z * np.repeat(times, 1500)[:, None], groups=wells))


def test_wells_are_judged_one_by_one_and_the_worst_comes_first():
    found = by_well([1.0, 6.0, 1.0, 1.0])
    assert found.groups[0].name == "well 1"
    assert found.to_dict()["groups"][0]["verdict"] == "unearned"
    assert "well 1" in found.because


def test_many_calibrated_wells_earn_it_and_three_overstated_ones_are_named():
    assert by_well([1.0] * 12).verdict == "earned"
    found = by_well([4.0, 5.0, 6.0])
    assert found.verdict == "unearned"
    assert all(f"well {k}" in found.because for k in range(3))


def test_a_group_of_one_row_and_a_single_group_are_judged():
    labels, z = simulated(200)
    groups = np.array(["a"] * 199 + ["b"])
    found = judge(predictions(labels, z, groups=groups))
    assert {g.name: g.n for g in found.groups} == {"a": 199, "b": 1}
    alone = judge(predictions(labels, z, groups=np.array(["a"] * 200)))
    assert any("one group only" in note for note in alone.notes)


# -- laws --------------------------------------------------------------------------------------------


def test_the_parts_of_the_loss_sum_to_it():
    for seed in range(5):
        loss = judged(300, times=2.0, seed=seed).to_dict()["loss"]
        parts = [loss[name] or 0.0 for name in ("scale", "shift", "shape", "refinement")]
        assert sum(parts) == pytest.approx(loss["total"], rel=1e-12)
        assert min(parts) >= 0.0


def test_rows_of_weight_zero_are_not_there():
    labels, z = simulated(300)
    weights = np.ones(300)
    weights[200:] = 0.0
    with_zeros = judge(predictions(labels, z, weights=weights)).to_dict()
    without = judge(predictions(labels[:200], z[:200], weights=weights[:200])).to_dict()
    assert with_zeros == without


def test_equal_weights_change_no_number():
    labels, z = simulated(300)
    one = judge(predictions(labels, z)).to_dict()
    other = judge(predictions(labels, z, weights=np.full(300, 7.0))).to_dict()
    assert one["accuracy"] == pytest.approx(other["accuracy"], rel=1e-12)
    assert one["loss"]["refinement"] == pytest.approx(other["loss"]["refinement"], rel=1e-9)
    assert one["temperature"]["value"] == pytest.approx(other["temperature"]["value"], rel=1e-9)


@pytest.mark.parametrize(
    ("labels", "logits"),
    [
        ([1, 0], [0.5, -0.5]),
        ([1], [3.0]),
        ([0, 1, 1], [0.0, 0.0, 0.0]),
        ([0, 2, 1, 1], np.eye(4)[:, :3] * 1e50),
        (np.arange(50) % 10_000, np.random.default_rng(0).normal(size=(50, 10_000))),
    ],
    ids=["two rows", "one row", "all ties", "huge", "ten thousand classes"],
)
def test_whatever_is_given_the_answer_is_strict_json(labels, logits):
    found = judge(predictions(labels, logits))
    json.dumps(found.to_dict(), allow_nan=False)
    assert found.because.endswith(".")
    assert found.verdict in {"earned", "unearned", "unproven", "undecided"}
