"""Frames of pandas and polars: the same numbers, and rows that are the same ones."""

from __future__ import annotations

import numpy as np
import pytest

from clinometer.adapters.frames import array_of
from clinometer.adapters.given import Rows
from clinometer.adapters.taking import taken
from clinometer.calibration.labels import plain
from clinometer.errors import PredictionsError

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

Z = np.array([[1.0, 2.5, -3.0], [0.25, -1.0, 4.0], [2.0, 0.0, 1.0]])
LABELS = ["basalt", "chert", "ash"]
COLUMNS = {"label": LABELS, "well": ["W1", "W2", "W2"], "row_weight": [1.0, 2.0, 0.5]}
COLUMNS |= {f"logit_{name}": Z[:, k] for k, name in enumerate(("ash", "basalt", "chert"))}
KINDS = pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])


@KINDS
def test_a_frame_of_predictions_is_read_as_its_file_would_be(frame, tmp_path):
    found = taken(frame(COLUMNS), Rows(groups="well"))
    pd.DataFrame(COLUMNS).to_csv(tmp_path / "t.csv", index=False)
    file = taken(tmp_path / "t.csv", Rows(groups="well"))
    for name in ("labels", "logits", "weights", "groups"):
        np.testing.assert_array_equal(getattr(found, name), getattr(file, name))
    assert found.classes == file.classes == ("ash", "basalt", "chert")


def test_a_lazy_frame_is_collected():
    assert taken(pl.DataFrame(COLUMNS).lazy(), Rows()).n == 3


@KINDS
def test_columns_of_a_frame_of_logits_name_the_classes(frame):
    z = frame({name: Z[:, k] for k, name in enumerate(("ash", "basalt", "chert"))})
    found = taken(z, Rows(labels=pd.Series(LABELS)))
    assert found.labels.tolist() == [1, 2, 0]
    assert (found.logits == Z).all()


@KINDS
def test_one_named_column_of_a_frame_speaks_for_its_class(frame):
    found = taken(frame({"label": ["ore", "waste"], "prob_ore": [0.75, 0.25]}), Rows())
    assert (found.labels.tolist(), found.classes) == ([1, 0], ("waste", "ore"))


@KINDS
def test_a_frame_of_features_alone_says_how_to_give_a_model(frame):
    with pytest.raises(PredictionsError, match=r"confidence\(model, X, y\)"):
        taken(frame({"GR": [1.0], "RHOB": [2.0]}), Rows())


@pytest.mark.parametrize(
    "series",
    [
        pd.Series(["a", "b", "a"]),
        pd.Series(["a", "b", "a"], dtype="category"),
        pd.Series(["a", "b", "a"], dtype="string"),
        pd.Series(["a", "b", "a"], dtype=object),
        pl.Series(["a", "b", "a"]),
        pl.Series(["a", "b", "a"], dtype=pl.Categorical),
        pl.Series(["a", "b", "a"], dtype=pl.Enum(["a", "b"])),
    ],
    ids=lambda s: f"{type(s).__module__.partition('.')[0]} {s.dtype}",
)
def test_text_labels_of_every_kind_are_text(series):
    assert plain("y", array_of(series)).tolist() == ["a", "b", "a"]


@pytest.mark.parametrize(
    "series",
    [
        pd.Series([1, 0, 1], dtype="Int64"),
        pd.Series([1, 0, 1], dtype="category"),
        pd.Series([True, False, True], dtype="boolean"),
        pl.Series([1, 0, 1], dtype=pl.UInt8),
        pl.Series([True, False, True]),
    ],
    ids=lambda s: f"{type(s).__module__.partition('.')[0]} {s.dtype}",
)
def test_numbered_labels_of_every_kind_are_numbers(series):
    assert taken(np.array([2.0, -2.0, 1.0]), Rows(series)).labels.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    "series",
    [
        pd.Series([1, None, None], dtype="Int64"),
        pd.Series([1.0, np.nan, np.nan]),
        pd.Series(["a", None, None], dtype="category"),
        pd.Series([True, None, None], dtype="boolean"),
        pd.Series(["a", None, np.nan], dtype=object),
        pl.Series([1, None, None]),
        pl.Series(["a", None, None]),
    ],
    ids=lambda s: f"{type(s).__module__.partition('.')[0]} {s.dtype}",
)
def test_missing_labels_are_counted_and_the_first_is_named(series):
    with pytest.raises(PredictionsError, match="2 of 3 labels are missing, the first in row 1"):
        taken(Z, Rows(series, classes=("a", "b", "c")))


def test_a_missing_weight_and_a_missing_group_are_named():
    y = [0, 1, 0]
    with pytest.raises(PredictionsError, match="1 of 3 row weights"):
        taken(Z, Rows(y, weights=pd.Series([1, None, 1], dtype="Int64")))
    with pytest.raises(PredictionsError, match="1 of 3 rows have no group"):
        taken(Z, Rows(y, groups=pl.Series(["W1", None, "W2"])))


def trained(frame):
    linear = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(3)
    x = rng.normal(size=(60, 2))
    y = np.array(["ore", "waste"])[(x[:, 0] + 0.5 * rng.normal(size=60) > 0).astype(int)]
    X = frame({"GR": x[:, 0], "RHOB": x[:, 1]})
    return linear.LogisticRegression().fit(X, y), X, y


@KINDS
def test_an_estimator_fitted_on_a_frame_is_judged_on_a_frame(frame):
    model, X, y = trained(frame)
    series = (pd if frame is pd.DataFrame else pl).Series
    found = taken(model, Rows(X, series(y), groups="GR", weights=series(np.arange(60.0))))
    assert (found.positive == model.decision_function(X)).all()
    assert found.groups.tolist() == array_of(X)[:, 0].astype(str).tolist()
    assert found.weights.tolist() == list(range(60))


def test_the_same_index_in_another_order_is_an_error():
    model, X, y = trained(pd.DataFrame)
    with pytest.raises(
        PredictionsError, match=r"another order, first in row 0.*y\.loc\[X\.index\]"
    ):
        taken(model, Rows(X, pd.Series(y).iloc[::-1]))


def test_another_index_is_a_note_as_rows_are_taken_by_place():
    model, X, y = trained(pd.DataFrame)
    found = taken(model, Rows(X, pd.Series(y, index=range(100, 160))))
    assert "the indices of X and y differ, first in row 0" in found.notes[0]
    assert taken(model, Rows(X, pd.Series(y))).notes == ()
    assert taken(model, Rows(X.iloc[::-1], pd.Series(y).iloc[::-1])).notes == ()
