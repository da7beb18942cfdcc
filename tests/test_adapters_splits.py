"""Random rows and whole groups: where a confidence holds, and a temperature held against other groups."""

from __future__ import annotations

import json
import random
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

import clinometer
from clinometer.calibration.folds import group_folds, paired_folds, random_folds
from clinometer.calibration.held_out import held_out_temperature
from clinometer.calibration.predictions import predictions
from clinometer.calibration.two_splits import headline
from clinometer.errors import PredictionsError

LEGACY = np.random.mtrand._rand  # NumPy's global stream, which estimators without random_state use


def wells(n_wells=8, rows=150, own=2.0, seed=1):
    """Two rocks and one curve whose baseline is each well's own: one well misleads in the next."""
    rng = np.random.default_rng(seed)
    well = np.repeat(np.arange(n_wells), rows)
    y = rng.integers(0, 2, well.size)
    baseline = own * rng.normal(size=n_wells)
    curve = y + baseline[well] + 0.7 * rng.normal(size=well.size)
    X = pd.DataFrame({"GR": curve, "DEPTH": well + 0.01 * rng.normal(size=well.size)})
    return X, np.array(["sand", "shale"])[y], pd.Series([f"W{k}" for k in well], name="WELL")


FOREST = RandomForestClassifier(100, min_samples_leaf=10)


# -- folds ---------------------------------------------------------------------------------------


def test_no_group_is_torn_and_random_folds_have_the_same_sizes():
    groups = np.repeat(np.arange(7), [50, 3, 20, 20, 9, 31, 1])
    whole = group_folds(groups, 3)
    assert all(len(set(whole[groups == g])) == 1 for g in range(7))
    assert np.bincount(whole).tolist() == [50, 43, 41]
    assert np.bincount(random_folds(whole, 0)).tolist() == [50, 43, 41]
    assert (random_folds(whole, 0) == random_folds(whole, 0)).all()
    assert (random_folds(whole, 0) != random_folds(whole, 1)).any()


@pytest.mark.parametrize("folds", [1, 4])
def test_folds_that_cannot_be_are_refused(folds):
    with pytest.raises(PredictionsError, match=f"{folds} folds of 3 groups"):
        group_folds(np.array([1, 1, 2, 3]), folds)


def test_a_class_of_one_fold_is_left_out_with_all_its_rows_and_the_rest_is_judged():
    groups = np.repeat(["a", "b", "c"], 20)
    y = np.tile([0, 1], 30)
    y[:5] = 2
    kept, whole, at_random = paired_folds(y, groups, 3, 0, source="y")
    assert (kept == (y != 2)).all()
    assert np.bincount(whole).tolist() == np.bincount(at_random).tolist()
    with pytest.raises(PredictionsError, match="fewer than two classes"):
        paired_folds(np.repeat([0, 1, 2], 20), groups, 3, 0, source="y")


# -- refits --------------------------------------------------------------------------------------


def test_a_confidence_that_holds_only_inside_known_wells_is_the_headline():
    X, y, well = wells(own=3.0)
    found = clinometer.confidence(FOREST, X, y, groups=well, cv=4, progress=False)
    inside = found.random.mean_confidence - found.random.accuracy
    outside = found.whole_groups.mean_confidence - found.whole_groups.accuracy
    assert abs(inside) < 0.05
    assert outside > 0.1
    assert "by whole wells it overstates itself by" in found.headline
    assert f"by {100 * outside:.0f} points" in found.headline
    assert (found.random.verdict, found.whole_groups.verdict) == ("earned", "unearned")
    assert found.headline.endswith("the confidence holds only inside wells it has seen.")
    assert {group.name for group in found.whole_groups.groups} == set(well)
    assert found.training_rows == (900, 900, 900, 900)
    told = found.to_dict()
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert found.headline in found._repr_html_()


def test_the_headline_says_each_thing_once():
    def judged(verdict, overstated):
        return SimpleNamespace(verdict=verdict, accuracy=0.5, mean_confidence=0.5 + overstated)

    earned, refuted = judged("earned", 0.0125), judged("unearned", 0.274)
    assert headline(earned, refuted, "wells") == (
        "By random rows it overstates itself by 1 point, by whole wells by 27: "
        "the confidence holds only inside wells it has seen."
    )
    assert headline(judged("earned", -0.004), judged("undecided", 0.1), "groups") == (
        "By random rows it understates itself by 0.4 points, by whole groups it overstates itself by "
        "10 points: the confidence is earned inside groups it has seen, and undecided in new ones."
    )


def test_where_wells_are_alike_both_splits_agree():
    X, y, well = wells(own=0.0)
    model = LogisticRegression()
    found = clinometer.confidence(model, X[["GR"]], y, groups=well, cv=4, progress=False)
    assert found.random.accuracy == pytest.approx(found.whole_groups.accuracy, abs=0.02)
    assert found.whole_groups.verdict != "unearned"


def test_out_of_fold_predictions_are_those_of_a_loop_by_hand():
    X, y, well = wells(n_wells=3, rows=60)
    model = LogisticRegression()
    found = clinometer.confidence(model, X, y, groups=well, cv=3, progress=False)
    expected = np.empty(len(y))
    for name in well.unique():
        inside = (well == name).to_numpy()
        fitted = LogisticRegression().fit(X[~inside], y[~inside])
        expected[inside] = fitted.decision_function(X[inside])
    np.testing.assert_allclose(found.whole_groups.predictions.positive, expected, rtol=1e-12)


def test_the_users_estimator_and_random_streams_stay_as_they_are():
    X, y, well = wells(n_wells=4, rows=40)
    model = RandomForestClassifier(3).fit(X, y)
    before = vars(model).copy()
    states = random.getstate(), LEGACY.get_state()[1].tolist()
    first = clinometer.confidence(model, X, y, groups=well, cv=2, progress=False)
    assert (random.getstate(), LEGACY.get_state()[1].tolist()) == states
    assert vars(model) == before
    LEGACY.rand()
    again = clinometer.confidence(model, X, y, groups=well, cv=2, progress=False)
    assert first.to_dict() == again.to_dict()  # also without a random_state
    LEGACY.seed(0)


def test_columns_frames_arrays_and_lists_give_the_same_splits():
    X, y, well = wells(n_wells=4, rows=30)
    pl = pytest.importorskip("polars")
    model = LogisticRegression()
    expected = clinometer.confidence(model, X, y, groups=well, cv=2, progress=False).headline
    features = X.assign(WELL=pd.factorize(well)[0])
    ways = [
        (X.to_numpy(), well.tolist()),
        (X.to_numpy().tolist(), well.to_numpy()),
        (pl.DataFrame(X.to_dict("list")), pl.Series("WELL", well.tolist())),
    ]
    for data, groups in ways:
        found = clinometer.confidence(model, data, y, groups=groups, cv=2, progress=False).headline
        assert found.replace("groups", "wells") == expected
    by_name = clinometer.confidence(model, features, y, groups="WELL", cv=2, progress=False)
    assert "by whole wells" in by_name.headline


def test_what_refits_said_is_told_with_how_many_said_it():
    X, y, well = wells(n_wells=4, rows=40)
    dummy = clinometer.confidence(DummyClassifier(), X, y, groups=well, cv=2, progress=False)
    assert any("(4 of the refits)" in note for note in dummy.notes)
    model = LogisticRegression(max_iter=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        found = clinometer.confidence(model, X, y, groups=well, cv=2, progress=False)
    assert any("stopped at its limit of 1 iterations" in note for note in found.notes)


def test_saturated_probabilities_of_refits_are_counted():
    X, y, well = wells(n_wells=4, rows=40)
    model = KNeighborsClassifier(3)
    found = clinometer.confidence(model, X, y, groups=well, cv=2, progress=False)
    assert found.whole_groups.predictions.saturated > 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"groups": None}, "needs X, y and groups="),
        ({"model": object()}, "cannot be refitted"),
        ({"cv": 9}, "9 folds of 4 groups"),
    ],
)
def test_splits_that_cannot_be_made_are_refused(given, message):
    X, y, well = wells(n_wells=4, rows=20)
    asked = {"model": LogisticRegression(), "X": X, "y": y, "groups": well, "cv": 2} | given
    with pytest.raises(PredictionsError, match=message):
        clinometer.confidence(**asked, progress=False)


# -- a temperature held against other groups -----------------------------------------------------


def scaled(factors, n=2000, seed=2):
    """Groups whose logits are right up to a factor of their own."""
    rng = np.random.default_rng(seed)
    z = 2.0 * rng.normal(size=(n, 3))
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    y = (rng.random((n, 1)) > p.cumsum(axis=1)).sum(axis=1)
    group = np.arange(n) % len(factors)
    return predictions(y, z * np.asarray(factors)[group][:, None], groups=group)


def loop_loss(model, rows, beta):
    """Mean loss of some rows, one at a time."""
    total = 0.0
    for z, y in zip(model.logits[rows], model.labels[rows], strict=True):
        total += np.log(sum(np.exp(beta * (other - z[y])) for other in z))
    return total / rows.sum()


def test_each_group_is_judged_at_the_temperature_of_the_others():
    model = scaled([1.0, 2.0, 3.0], n=600)
    found = held_out_temperature(model)
    for group in found.groups:
        inside = model.groups == group.name
        beta = 1.0 / group.temperature
        assert group.loss == pytest.approx(loop_loss(model, inside, 1.0), rel=1e-12)
        assert group.change == pytest.approx(
            loop_loss(model, inside, beta) - loop_loss(model, inside, 1.0), abs=1e-12
        )
        nearby = [loop_loss(model, ~inside, beta * (1.0 + step)) for step in (-1e-3, 0.0, 1e-3)]
        assert min(nearby) == nearby[1]  # no better temperature for the others
    assert found.by_groups == pytest.approx(
        sum(g.change * g.n for g in found.groups) / model.n, abs=1e-12
    )


def test_one_scale_for_all_groups_carries_over():
    found = held_out_temperature(scaled([3.0, 3.0, 3.0, 3.0]))
    assert found.by_groups < 0.0
    assert found.by_groups == pytest.approx(found.by_rows, abs=0.01)
    assert "carries over" in found.sentence


def test_a_scale_of_its_own_in_each_group_does_not():
    found = held_out_temperature(scaled([0.3, 4.0]))
    assert found.by_groups > 0.0 > found.by_rows
    assert "one temperature does not mend new ones" in found.sentence


def test_weights_of_zero_leave_rows_out_of_the_temperature():
    model = scaled([1.0, 2.0, 3.0], n=600)
    weights = np.ones(model.n)
    weights[model.groups == "1"] = 0.0
    weighed = predictions(model.labels, model.logits, groups=model.groups, weights=weights)
    kept = weights > 0.0
    without = predictions(model.labels[kept], model.logits[kept], groups=model.groups[kept])
    alone, beside = held_out_temperature(without), held_out_temperature(weighed)
    pick = {group.name: group for group in beside.groups}
    for group in alone.groups:
        assert pick[group.name].temperature == pytest.approx(group.temperature, rel=1e-9)
        assert pick[group.name].change == pytest.approx(group.change, abs=1e-12)
    assert pick["1"].change is None


def test_separable_groups_are_not_judged_and_said_so():
    z = np.array([2.0, -2.0, 2.0, -2.0, 2.0, -2.0])
    model = predictions([1, 0, 1, 0, 0, 1], z, groups=["a", "a", "b", "b", "c", "c"])
    found = held_out_temperature(model)
    assert found.by_groups is None
    assert found.sentence.startswith("Not judged")
    assert json.dumps(found.to_dict(), allow_nan=False)
    with pytest.raises(PredictionsError, match="found no groups"):
        held_out_temperature(predictions([1, 0], [2.0, -2.0]))
