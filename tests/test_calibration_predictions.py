"""Reading predictions: the same numbers by every way in."""

from __future__ import annotations

import numpy as np
import pytest

from clinometer.calibration.files import read_predictions
from clinometer.calibration.predictions import predictions
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
