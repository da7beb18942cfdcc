"""Reading predictions: the same numbers by every way in."""

from __future__ import annotations

import numpy as np
import pytest

from clinometer.calibration.files import read_predictions
from clinometer.calibration.predictions import predictions
from clinometer.calibration.rows import with_rows
from clinometer.errors import PredictionsError, ShapeError

Z = np.array([[1.0, 2.5, -3.0], [0.25, -1.0, 4.0]])
NAMES = ("ash", "basalt", "chert")


def test_csv_and_npz_and_arrays_agree_whether_labels_are_names_or_numbers(tmp_path):
    (tmp_path / "n.csv").write_text(
        "label,logit_ash,logit_basalt,logit_chert,well\nbasalt,1,2.5,-3,W1\nchert,0.25,-1,4,W2\n"
    )
    (tmp_path / "i.csv").write_text(
        "label,logit_ash,logit_basalt,logit_chert\n1,1,2.5,-3\n2,0.25,-1,4\n"
    )
    np.savez(
        tmp_path / "n.npz", label=["basalt", "chert"], classes=NAMES, logits=Z, well=["W1", "W2"]
    )
    np.savez(tmp_path / "i.npz", label=[1, 2], logits=Z)
    for name in ("n.csv", "i.csv", "n.npz", "i.npz"):
        read = read_predictions(tmp_path / name)
        assert (read.logits == Z).all()
        assert read.labels.tolist() == [1, 2]
        if name.startswith("n"):
            assert read.extra["well"].tolist() == ["W1", "W2"]
            assert read.classes == NAMES


def test_one_named_column_speaks_for_its_class(tmp_path):
    (tmp_path / "a.csv").write_text("label,prob_ore\nore,0.75\nwaste,0.25\n")
    read = read_predictions(tmp_path / "a.csv")
    assert read.labels.tolist() == [1, 0]
    assert read.positive.tolist() == pytest.approx([np.log(3), -np.log(3)])


def test_probabilities_give_back_their_logits():
    p = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    back = predictions([0, 1], probabilities=p).logits
    np.testing.assert_allclose(back - back[:, :1], Z - Z[:, :1], rtol=1e-13)


@pytest.mark.parametrize(("dtype", "bound"), [("float32", 17.3), ("float64", 37.4)])
def test_a_probability_of_exactly_one_is_counted_and_bounded_from_below(dtype, bound):
    read = predictions([1, 0, 1], probabilities=np.array([1.0, 0.0, 0.75], dtype=dtype))
    assert read.saturated == 2
    assert read.positive.tolist() == pytest.approx([bound, -bound, np.log(3)], rel=1e-2)
    two = predictions([1], probabilities=np.array([[0.0, 1.0]], dtype=dtype))
    assert two.saturated == 1
    assert two.positive[0] == pytest.approx(bound, rel=1e-2)


def test_a_csv_of_nine_digits_counts_as_single_precision(tmp_path):
    for text, single in (("0.123456789", True), ("0.12345678912345", False)):
        (tmp_path / "a.csv").write_text(f"label,logit\n1,{text}\n")
        assert read_predictions(tmp_path / "a.csv").single is single


def test_a_linear_model_needs_no_logits():
    x = np.array([[1.0, 1.0], [-1.0, -1.0]])
    assert predictions([1, 0], weight=[1, 1], bias=0.5, x=x).positive.tolist() == [2.5, -1.5]
    with pytest.raises(ShapeError, match="do not fit"):
        predictions([1, 0], weight=[1, 1, 1], x=x)
    with pytest.raises(ShapeError, match="x has 2 rows"):
        predictions([1], [2.0], weight=[1, 1], x=x)


def test_whole_number_floats_and_booleans_are_labels():
    assert predictions(np.array([1.0, 0.0]), [2.0, -2.0]).labels.tolist() == [1, 0]
    assert predictions(np.array([True, False]), [2.0, -2.0]).labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("labels", "logits", "message"),
    [
        ([0], np.zeros((1, 2, 2)), "expected \\(n, K\\)"),
        ([], [], "n >= 1"),
        ([-1], [2.0], "the first is -1"),
        (["a"], [2.0], "labels are names"),
        ([0], ["x"], "not numeric"),
        ([0], [1e200], "beyond 1e\\+100"),
        ([[0]], [2.0], "label has shape"),
    ],
)
def test_what_cannot_be_judged_is_refused(labels, logits, message):
    with pytest.raises((PredictionsError, ShapeError), match=message):
        predictions(labels, logits)


def test_a_label_without_a_column_is_named():
    with pytest.raises(
        PredictionsError, match="'slate' lies outside the classes ash, basalt, chert"
    ):
        predictions(["slate", "ash"], Z, classes=NAMES)


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ([1.0, np.nan, 0.0], "1 of 3 labels are missing, the first in row 1"),
        (
            np.array(["a", None, None], dtype=object),
            "2 of 3 labels are missing, the first in row 1",
        ),
        (["a", " ", "b"], "1 of 3 labels are missing, the first in row 1"),
        ([0.5, 1.0, 0.0], "labels are float64"),
        ([[0, 1], [1, 0], [1, 1]], "judge each column"),
    ],
)
def test_labels_that_are_missing_or_of_no_class_are_named(labels, found):
    with pytest.raises((PredictionsError, ShapeError), match=found):
        predictions(labels, np.eye(3)[:, :2], classes=("a", "b"))


def test_minus_infinity_is_refused_as_a_probability_of_zero_and_counted():
    with pytest.raises(PredictionsError, match=r"1 of 4 logits .* 1 are -inf"):
        predictions([0, 1], [[0.0, -np.inf], [0.0, 1.0]])
    with pytest.raises(PredictionsError, match="2 of 4 logits") as refused:
        predictions([0, 1], [[0.0, np.nan], [np.inf, 1.0]])
    assert "-inf" not in str(refused.value)


@pytest.mark.parametrize(
    ("weights", "found"),
    [
        ([1.0, np.nan], "1 of 2 row weights are NaN"),
        ([-1.0, 1.0], "negative, the first \\(-1\\) in row 0"),
        ([0.0, 0.0], "every row weight is 0"),
        ([1.0], "shape \\(1,\\): expected \\(2,\\)"),
        (["x", "y"], "not numeric"),
    ],
)
def test_row_weights_are_checked(weights, found):
    with pytest.raises((PredictionsError, ShapeError), match=found):
        predictions([0, 1], [2.0, -2.0], weights=weights)


def test_a_row_without_a_group_is_an_error_and_a_group_may_have_one_row():
    with pytest.raises(PredictionsError, match="1 of 2 rows have no group, the first is row 1"):
        predictions([0, 1], [2.0, -2.0], groups=np.array(["W1", None], dtype=object))
    assert predictions([0, 1], [2.0, -2.0], groups=[7, 8]).groups.tolist() == ["7", "8"]


def test_groups_and_weights_may_be_columns_of_the_file():
    read = predictions([0, 1], [2.0, -2.0], extra={"well": np.array(["W1", "W2"])})
    assert with_rows(read, groups="well").groups.tolist() == ["W1", "W2"]
    assert with_rows(read, weights=[1, 0]).weights.tolist() == [1.0, 0.0]
    with pytest.raises(PredictionsError, match=r"no column 'field' .* \(found: well\)"):
        with_rows(read, groups="field")


@pytest.mark.parametrize("k", [1, 2, 10_000])
def test_any_number_of_classes_is_read(k):
    z = np.linspace(-1.0, 1.0, 2 * k).reshape(2, k)
    assert predictions([0, 1], z).logits.shape == (2, max(k, 2))


def write_tables(folder, columns):
    """The same table in every format that pyarrow writes."""
    importorskip = pytest.importorskip
    pa = importorskip("pyarrow")
    feather, parquet = importorskip("pyarrow.feather"), importorskip("pyarrow.parquet")

    table = pa.table(columns)
    parquet.write_table(table, folder / "t.parquet", row_group_size=2)
    feather.write_feather(table, str(folder / "t.feather"))
    with (
        pa.OSFile(str(folder / "t.arrow"), "wb") as file,
        pa.ipc.new_stream(file, table.schema) as to,
    ):
        to.write_table(table)
    return [folder / name for name in ("t.parquet", "t.feather", "t.arrow")]


def test_parquet_feather_and_arrow_read_as_the_csv_does(tmp_path):
    (tmp_path / "t.csv").write_text(
        "label,logit_ash,logit_basalt,logit_chert,well,row_weight\nbasalt,1,2.5,-3,W1,1\n"
        "chert,0.25,-1,4,W2,2\nash,0.5,0.25,0.125,W2,0\n"
    )
    csv = read_predictions(tmp_path / "t.csv")
    columns = {"label": ["basalt", "chert", "ash"], "well": ["W1", "W2", "W2"]}
    columns |= {f"logit_{name}": csv.logits[:, k] for k, name in enumerate(NAMES)}
    for path in write_tables(tmp_path, {**columns, "row_weight": [1.0, 2.0, 0.0]}):
        read = read_predictions(path)
        assert (read.logits == csv.logits).all()
        assert read.labels.tolist() == csv.labels.tolist() == [1, 2, 0]
        assert read.classes == csv.classes
        assert read.weights.tolist() == csv.weights.tolist() == [1.0, 2.0, 0.0]
        assert read.extra["well"].tolist() == csv.extra["well"].tolist()


def test_a_column_of_lists_holds_the_logits_of_a_row(tmp_path):
    for path in write_tables(tmp_path, {"label": [1, 2], "logits": Z.astype("float32").tolist()}):
        assert (read_predictions(path).logits == Z).all()


def test_a_named_parquet_column_speaks_for_its_class(tmp_path):
    for path in write_tables(tmp_path, {"label": ["ore", "waste"], "prob_ore": [0.75, 0.25]}):
        read = read_predictions(path)
        assert (read.labels.tolist(), read.classes) == ([1, 0], ("waste", "ore"))


def test_missing_values_in_a_parquet_file_are_named(tmp_path):
    for path in write_tables(tmp_path, {"label": [1, None], "logit": [0.5, 0.25]}):
        with pytest.raises(PredictionsError, match=r"1 values of label are missing, .* row 1"):
            read_predictions(path)


def test_a_file_without_permission_is_one_clear_error(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("label,logit\n1,0.5\n")

    def refused(*_args, **_rest):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refused)
    with pytest.raises(PredictionsError, match="permission denied"):
        read_predictions(tmp_path / "a.csv")


def test_a_csv_longer_than_one_block_counts_its_rows_through(tmp_path, monkeypatch):
    monkeypatch.setattr("clinometer.calibration.csv_file.BLOCK", 2)
    path = tmp_path / "a.csv"
    path.write_text("label,logit\n1,0.5\n0,1.5\n1,2.5\n")
    assert read_predictions(path).positive.tolist() == [0.5, 1.5, 2.5]
    path.write_text("label,logit\n1,0.5\n0,1.5\n1,many\n")
    with pytest.raises(PredictionsError, match="'many' in row 2"):
        read_predictions(path)


def test_an_empty_label_in_a_csv_is_a_missing_one(tmp_path):
    (tmp_path / "a.csv").write_text("label,logit_a,logit_b\na,0.5,1\n,1.5,1\n")
    with pytest.raises(PredictionsError, match="1 of 2 labels are missing, the first in row 1"):
        read_predictions(tmp_path / "a.csv")
