"""scikit-learn's classifiers: the logits that their probabilities come from, and fits that did nothing."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

import clinometer
from clinometer.adapters.given import Rows
from clinometer.adapters.taking import taken
from clinometer.errors import PredictionsError, ShapeError
from clinometer.stats.gaps import logit_gaps, row_terms

pytest.importorskip("sklearn")
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

CANCER = load_breast_cancer(return_X_y=True)
IRIS = load_iris(return_X_y=True)


def halves(data, names=None):
    X, y = StandardScaler().fit_transform(data[0]), data[1]
    y = y if names is None else np.array(names)[y]
    test = np.arange(len(y)) % 3 == 0
    return X[~test], y[~test], X[test], y[test]


def loss(found) -> float:
    return float(row_terms(logit_gaps(found.logits, found.labels), 1.0).loss.mean())


ESTIMATORS = [
    (LogisticRegression(), True),
    (make_pipeline(StandardScaler(), LogisticRegression()), True),
    (GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=3), True),
    (HistGradientBoostingClassifier(max_iter=10), True),
    (GradientBoostingClassifier(n_estimators=10), True),
    (AdaBoostClassifier(n_estimators=10), True),
    (LinearDiscriminantAnalysis(), True),
    (CalibratedClassifierCV(LinearSVC(), cv=3), False),
    (OneVsRestClassifier(LogisticRegression()), None),
    (MLPClassifier((8,), max_iter=2000, random_state=0), False),
    (GaussianNB(), False),
]


@pytest.mark.parametrize("data", [CANCER, IRIS], ids=["two classes", "three classes"])
@pytest.mark.parametrize(("model", "one_logit"), ESTIMATORS, ids=lambda m: type(m).__name__)
def test_the_loss_is_what_scikit_learn_says_of_the_same_probabilities(model, one_logit, data):
    X, y, X_test, y_test = halves(data, ["zeta", "alpha", "mid"])  # classes_ are in another order
    model.fit(X, y)
    found = taken(model, Rows(X_test, y_test))
    expected = log_loss(y_test, model.predict_proba(X_test), labels=model.classes_)
    assert loss(found) == pytest.approx(expected, rel=1e-6)
    assert found.classes == tuple(model.classes_)
    if data is CANCER and one_logit is not None:
        assert found.one_logit is one_logit


def test_one_log_odds_is_one_logit_and_not_a_pair_that_doubles_it():
    X, y, X_test, y_test = halves(CANCER)
    model = LogisticRegression().fit(X, y)
    found = taken(model, Rows(X_test, y_test))
    np.testing.assert_allclose(found.positive, model.decision_function(X_test), rtol=1e-13)
    assert found.one_logit


def test_log_odds_beyond_what_a_probability_can_hold_are_kept():
    X, y, X_test, y_test = halves(CANCER)
    model = LogisticRegression().fit(X, y)
    model.coef_ = model.coef_ * 100.0
    found = taken(model, Rows(X_test, y_test))
    assert (model.predict_proba(X_test) == 1.0).any()
    assert found.saturated == 0
    assert np.abs(found.positive).max() > 500.0  # probabilities end at 36.7


def test_naive_bayes_keeps_the_logits_that_its_probabilities_round_away():
    X, y, X_test, y_test = halves(CANCER)
    model = GaussianNB(var_smoothing=1e-12).fit(X, y)
    assert (model.predict_proba(10.0 * X_test) == 1.0).any()
    found = taken(model, Rows(10.0 * X_test, y_test))
    assert found.saturated == 0
    assert np.abs(found.positive).max() > 50.0


@pytest.mark.parametrize(
    "model",
    [DecisionTreeClassifier(), RandomForestClassifier(5, random_state=0), KNeighborsClassifier()],
    ids=lambda m: type(m).__name__,
)
def test_probabilities_of_exactly_zero_are_counted_in_trees_and_neighbours(model):
    X, y, X_test, y_test = halves(IRIS)
    model.fit(X, y)
    p = model.predict_proba(X_test)
    assert taken(model, Rows(X_test, y_test)).saturated == (p == 0.0).sum() > 0


@pytest.mark.parametrize("model", [SVC(), LinearSVC()], ids=lambda m: type(m).__name__)
def test_a_margin_is_no_log_odds_and_is_refused(model):
    X, y, X_test, y_test = halves(CANCER)
    model.fit(X, y)
    with pytest.raises(PredictionsError, match=r"a margin, not log-odds.*CalibratedClassifierCV"):
        taken(model, Rows(X_test, y_test))
    as_logits = taken(model.decision_function(X_test), Rows(y_test))
    assert as_logits.one_logit


@pytest.mark.parametrize(
    "values",
    [["b", "a"], [7.0, -1.0], [True, False], [3, 1]],
    ids=["text", "floats", "booleans", "numbers"],
)
def test_labels_of_any_kind_find_their_column_in_any_order(values):
    X, y, X_test, y_test = halves(CANCER, values)
    model = LogisticRegression().fit(X, y)
    found = taken(model, Rows(X_test, y_test))
    decided = model.classes_[found.logits.argmax(axis=1)]
    assert (decided == model.predict(X_test)).all()
    assert ((decided == y_test) == (found.logits.argmax(axis=1) == found.labels)).all()


def test_a_class_that_was_never_fitted_is_named_with_its_rows():
    X, y, X_test, y_test = halves(IRIS, ["a", "b", "c"])
    model = LogisticRegression().fit(X[y != "b"], y[y != "b"])
    with pytest.raises(PredictionsError, match=r"\d+ of 50 labels .* not fitted on \(b\)"):
        taken(model, Rows(X_test, y_test))


def test_labels_of_another_kind_than_the_classes_are_refused():
    X, y, X_test, y_test = halves(CANCER)
    model = LogisticRegression().fit(X, y)
    with pytest.raises(PredictionsError, match="give labels as the model was fitted on"):
        taken(model, Rows(X_test, y_test.astype(str)))


def test_several_outputs_are_several_questions():
    X, y, X_test, y_test = halves(CANCER)
    both, both_test = np.column_stack([y, 1 - y]), np.column_stack([y_test, 1 - y_test])
    forest = RandomForestClassifier(3).fit(X, both)
    with pytest.raises(PredictionsError, match=r"2 outputs.*one at a time"):
        taken(forest, Rows(X_test, both_test))
    labels = OneVsRestClassifier(LogisticRegression()).fit(X, both)
    with pytest.raises(PredictionsError, match=r"2 columns.*\[:, k\]"):
        taken(labels, Rows(X_test, both_test))


def test_a_regression_claims_no_confidence():
    X, y, X_test, y_test = halves(CANCER)
    with pytest.raises(PredictionsError, match="claims no confidence"):
        taken(LinearRegression().fit(X, y), Rows(X_test, y_test))


def test_an_estimator_without_data_or_with_other_rows_is_refused():
    X, y, X_test, y_test = halves(CANCER)
    model = LogisticRegression().fit(X, y)
    with pytest.raises(PredictionsError, match=r"confidence\(estimator, X, y\)"):
        taken(model, Rows(X_test))
    with pytest.raises(ShapeError, match="X has 190 rows and y 189"):
        taken(model, Rows(X_test, y_test[:-1]))


# -- a fit that did nothing ----------------------------------------------------------------------


def notes_of(model, X, y) -> str:
    return "; ".join(taken(model, Rows(X, y)).notes)


def quietly(model, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


def test_a_swallowed_convergence_warning_is_told_with_its_number():
    X, y, X_test, y_test = halves(CANCER)
    model = quietly(make_pipeline(StandardScaler(), LogisticRegression(max_iter=3)), X, y)
    assert "LogisticRegression: the fit stopped at its limit of 3 iterations" in notes_of(
        model, X_test, y_test
    )


def test_boosting_rounds_are_meant_and_are_no_limit_that_was_reached():
    X, y, X_test, y_test = halves(CANCER)
    model = HistGradientBoostingClassifier(max_iter=5).fit(X, y)
    assert "stopped" not in notes_of(model, X_test, y_test)


def test_weights_that_are_all_zero_and_zero_iterations_are_told():
    X, y, X_test, y_test = halves(CANCER)
    model = LogisticRegression(C=1e-12, l1_ratio=1.0, solver="saga").fit(X, y)
    told = notes_of(model, X_test, y_test)
    assert "all 30 weights of a layer are exactly 0" in told
    assert "gives every row the same probabilities" in told
    model.n_iter_ = np.array([0])
    assert "0 iterations" in notes_of(model, X_test, y_test)


def test_a_dummy_and_a_network_that_learned_nothing_are_told():
    X, y, X_test, y_test = halves(CANCER)
    dummy = DummyClassifier().fit(X, y)
    assert "DummyClassifier (strategy 'prior') looks at no feature" in notes_of(
        dummy, X_test, y_test
    )
    net = MLPClassifier((4,), solver="sgd", learning_rate_init=1e-30, max_iter=20, random_state=0)
    assert "the fit learned nothing" in notes_of(quietly(net, X, y), X_test, y_test)


def test_a_fit_that_converged_has_nothing_to_tell():
    X, y, X_test, y_test = halves(CANCER)
    assert taken(LogisticRegression(max_iter=1000).fit(X, y), Rows(X_test, y_test)).notes == ()


def test_rows_that_are_all_right_are_said_to_look_like_training_rows():
    X, y, _, _ = halves(IRIS)
    tree = DecisionTreeClassifier().fit(X, y)
    assert "if the model was fitted on them" in notes_of(tree, X, y)


# -- arrays that are not what they are called ----------------------------------------------------


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def made(n=200, k=4, scale=8.0):
    rng = np.random.default_rng(5)
    y = rng.integers(0, k, n)
    return rng.normal(size=(n, k)) + scale * np.eye(k)[y], y


def test_probabilities_given_as_logits_are_refused_with_both_ways_out():
    z, y = made()
    with pytest.raises(PredictionsError, match=r"probabilities, not logits.*leave out one"):
        taken(softmax(z), Rows(y))
    assert taken(None, Rows(labels=y), softmax(z)).n == taken(softmax(z), Rows(y), True).n == len(y)


def test_one_column_of_probabilities_given_as_log_odds_is_noticed():
    z, y = made(k=2)
    assert "as probabilities do" in taken(softmax(z)[:, 1], Rows(y)).notes[0]


def test_log_softmax_is_taken_as_the_logits_it_is():
    z, y = made()
    found = taken(np.log(softmax(z)), Rows(y))
    assert loss(found) == pytest.approx(loss(taken(z, Rows(y))), rel=1e-12)
    assert "log-probabilities" in found.notes[0]


@pytest.mark.parametrize("k", [2, 4, 50])
def test_a_softmax_of_a_softmax_is_named(k):
    z, y = made(k=k)
    twice = softmax(softmax(z))
    found = taken(None, Rows(labels=y), twice)
    assert any("softmax was applied twice" in note for note in found.notes)


def test_an_honest_weak_model_is_not_called_a_double_softmax():
    rng = np.random.default_rng(6)
    h = rng.uniform(-0.99, 0.99, 2000)  # below the bound e / (e + 1) everywhere, and calibrated
    y = (rng.random(2000) < 1.0 / (1.0 + np.exp(-h))).astype(int)
    assert taken(h, Rows(y)).notes == ()


def test_labels_given_twice_and_none_at_all_are_told():
    z, y = made()
    with pytest.raises(PredictionsError, match="labels were given 2 times"):
        taken(z, Rows(None, y, y))
    with pytest.raises(PredictionsError, match="without labels"):
        taken(z, Rows())
    with pytest.raises(PredictionsError, match="found no model"):
        taken(None, Rows(labels=y))


@pytest.mark.parametrize(
    ("logits", "labels"),
    [
        ([2.0, -2.0], [1, 0]),
        ([[2.0], [-1.0]], [1, 1]),
        (np.eye(2)[[0, 1, 0]] * 3.0, [0, 1, 1]),
        (np.eye(50, 10_000) * 3.0, np.arange(50)),
        (np.zeros((20, 3)), [0] * 20),
    ],
    ids=["two rows", "one logit, one class", "two classes", "ten thousand classes", "ties alone"],
)
def test_whatever_can_be_judged_gets_a_verdict_and_strict_json(logits, labels):
    found = clinometer.confidence(logits, labels)
    assert found.verdict in {"earned", "unearned", "unproven", "undecided"}
    assert json.dumps(found.to_dict(), allow_nan=False)


def test_two_estimators_and_a_file_are_compared_on_the_same_rows(tmp_path):
    X, y, X_test, y_test = halves(CANCER)
    model = LogisticRegression().fit(X, y)
    steep = LogisticRegression().fit(X, y)
    steep.coef_, steep.intercept_ = 3.0 * steep.coef_, 3.0 * steep.intercept_
    assert clinometer.compare(model, steep, X_test, y_test).line.scale == pytest.approx(3.0)
    np.savez(tmp_path / "b.npz", label=y_test, logits=3.0 * model.decision_function(X_test))
    mixed = clinometer.compare(model, tmp_path / "b.npz", X_test, y_test)
    assert mixed.line.scale == pytest.approx(3.0)
    arrays = clinometer.compare(model, model.decision_function(X_test) / 2.0, X_test, y_test)
    assert arrays.line.scale == pytest.approx(0.5)
    p = model.predict_proba(X_test)
    both = clinometer.compare(p, p, y_test, probabilities=True)
    assert both.split.difference == 0.0


def test_labels_beside_a_file_must_be_its_own(tmp_path):
    np.savez(tmp_path / "a.npz", label=[1, 0, 1], logits=[2.0, -2.0, 1.0], well=["a", "b", "b"])
    path = tmp_path / "a.npz"
    assert clinometer.confidence(path, [1, 0, 1], groups="well").predictions.groups is not None
    with pytest.raises(
        PredictionsError, match=r"differ from those of .* in 1 of 3 rows, first in row 2"
    ):
        clinometer.confidence(path, [1, 0, 0])
