"""From whatever a user has (an estimator, a module, arrays, a frame, a file) to checked predictions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from clinometer.adapters.estimators import columns_of, is_estimator, name_of, scores_of
from clinometer.adapters.frames import array_of, frame_predictions, is_frame
from clinometer.adapters.given import Rows, from_column, index_notes
from clinometer.adapters.torch_models import is_module, is_tensor, module_predictions
from clinometer.calibration.cautions import are_log_probabilities, fitted_on, in_simplex, mistaken
from clinometer.calibration.files import read_predictions
from clinometer.calibration.labels import plain
from clinometer.calibration.predictions import Predictions, predictions
from clinometer.calibration.rows import with_rows
from clinometer.errors import PredictionsError, ShapeError


def needs_features(model: Any) -> bool:
    """Whether a model has to be given the data (an estimator or a module) or has predicted already."""
    carries = isinstance(model, str | Path | Predictions | np.ndarray | list | tuple)
    return not carries and not is_tensor(model) and (is_module(model) or is_estimator(model))


def taken(
    model: Any, rows: Rows, probabilities: Any = None, source: str | None = None
) -> Predictions:
    """Checked predictions, with the groups, weights and notes of their rows."""
    if model is None and not isinstance(probabilities, bool):
        model, probabilities = probabilities, True
    if model is None:
        raise PredictionsError(
            "found no model: give logits, an estimator, a module or a file first, or probabilities="
        )
    notes = index_notes(rows)
    if isinstance(model, str | Path):
        found = _labelled(read_predictions(model), rows)
    elif isinstance(model, Predictions):
        found = _labelled(model, rows)
    elif needs_features(model):
        found = _predicted(model, rows)
    elif is_frame(model):
        found = _framed(model, rows, bool(probabilities), source or "frame")
    else:
        found = _array(model, rows, bool(probabilities), source or "logits")
    found = with_rows(
        found, groups=from_column(rows, rows.groups), weights=from_column(rows, rows.weights)
    )
    unknown = () if needs_features(model) else mistaken(found)
    return replace(found, notes=(*found.notes, *notes, *unknown, *fitted_on(found)))


def _predicted(model: Any, rows: Rows) -> Predictions:
    labels = rows.label_of(features=True)
    name = name_of(model)
    if is_module(model) and not hasattr(model, "predict_proba"):
        y = None if labels is None else _numbered(name, array_of(labels), rows.names())
        data = array_of(rows.X) if is_frame(rows.X) else rows.X
        return module_predictions(model, data, y, progress=rows.progress, classes=rows.names())
    if rows.X is None or labels is None:
        raise PredictionsError(
            f"{name} is an estimator: give features and labels, confidence(estimator, X, y)"
        )
    scores = scores_of(model, rows.X)
    y = columns_of(name, array_of(labels), scores.classes)
    if len(y) != len(scores.values):
        raise ShapeError(f"X has {len(scores.values)} rows and y {len(y)}: give one per example")
    return predictions(
        y,
        **{scores.kind: scores.values},  # type: ignore[arg-type]
        classes=rows.names() or tuple(str(c) for c in scores.classes.tolist()),
        source=name,
        notes=scores.notes,
    )


def _numbered(source: str, labels: Any, classes: tuple[str, ...] | None) -> Any:
    """Labels for a module's batches: text by its place among the classes."""
    y = plain(source, labels)
    if y.dtype.kind not in "US":
        return y
    if classes is None:
        raise PredictionsError(
            f"{source}: labels are names ({y.flat[0]!r}, …) but a module's columns have none: give classes=, "
            "in the order of the columns"
        )
    return columns_of(source, y, np.asarray(classes))


def _framed(frame: Any, rows: Rows, probabilities: bool, source: str) -> Predictions:
    labels = rows.label_of(features=False)
    labels = None if labels is None else array_of(labels)
    return frame_predictions(frame, labels, probabilities=probabilities, source=source)


def _array(model: Any, rows: Rows, probabilities: bool, source: str) -> Predictions:
    labels = rows.label_of(features=False)
    if labels is None:
        raise PredictionsError(f"{source} came without labels: give labels=, shape (n,)")
    values, single = array_of(model), _is_half(model)
    kind = "probabilities" if probabilities else "logits"
    found = predictions(
        array_of(labels),
        **{kind: values},
        classes=rows.names(),
        source=source,
        single=single,
    )
    return found if probabilities else _logits(found)


def _is_half(model: Any) -> bool | None:
    """True for tensors of half precision, which become float32 arrays on the way; else as found."""
    return True if is_tensor(model) and model.element_size() < 4 else None


def _logits(model: Predictions) -> Predictions:
    """The same, unless what was given as logits cannot be.

    Raises
    ------
    PredictionsError : every row lies in 0 .. 1 and sums to 1, which no rows of logits do by accident.
    """
    if model.n > 1 and not model.one_logit and in_simplex(model.logits):
        raise PredictionsError(
            f"{model.source}: all {model.n:,} rows lie in 0 to 1 and sum to 1: these are probabilities, not "
            "logits. Give them as probabilities: confidence(probabilities=p, labels=y). If your loss does "
            "apply softmax to them once more, leave out one of the two."
        )
    if not model.one_logit and are_log_probabilities(model.logits):
        note = "the logits are log-probabilities (log-softmax): loss and confidence are the same"
        return replace(model, notes=(*model.notes, note))
    return model


def _labelled(model: Predictions, rows: Rows) -> Predictions:
    """Predictions that carry their labels; labels given beside them must be the same."""
    labels = rows.label_of(features=False)
    if labels is None:
        return model
    given = predictions(
        array_of(labels), model.logits, classes=model.classes, source="labels="
    ).labels
    differ = given != model.labels
    if differ.any():
        row = int(differ.argmax())
        raise PredictionsError(
            f"the labels given differ from those of {model.source} in {int(differ.sum())} of {model.n} "
            f"rows, first in row {row} (counted from 0): give the same rows in order, or none"
        )
    return model
