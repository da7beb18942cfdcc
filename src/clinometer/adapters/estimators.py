"""Fitted estimators with scikit-learn's methods: the logits that their probabilities come from.

Nothing of scikit-learn is imported: any object with `predict_proba` and `classes_` will do.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.adapters.fits import notes_on_fit
from clinometer.calibration.labels import plain
from clinometer.errors import PredictionsError

SAME = 1e-6  # probabilities in float32 are rounded by 6e-8, and so are sums of ten classes
NEARLY_ONE = 1e-9  # below this distance from 1, float64 probabilities keep under seven digits of it


@dataclass(frozen=True)
class Scores:
    """What an estimator says of some rows: `values` (n, K) or (n,), and which kind they are.

    kind : logits | probabilities; classes : the estimator's own, in the order of its columns
    """

    values: NDArray[Any]
    kind: str
    classes: NDArray[Any]
    notes: tuple[str, ...]


def is_estimator(model: Any) -> bool:
    """Whether it predicts in scikit-learn's way."""
    names = ("predict_proba", "decision_function", "predict_log_proba", "predict")
    return any(callable(getattr(model, name, None)) for name in names)


def name_of(model: Any) -> str:
    """Class of an estimator; of a pipeline, that of its last step."""
    steps = getattr(model, "steps", None)
    return name_of(steps[-1][1]) if steps else type(model).__name__


def scores_of(model: Any, X: Any) -> Scores:
    """Logits of each row where the estimator has them, else its probabilities.

    `decision_function` is taken only where its softmax or sigmoid is what `predict_proba` says: it is
    a margin in other models. One log-odds stays one logit: as the pair (-x, x) it would count twice.

    Raises
    ------
    PredictionsError : no probabilities (regressors, margins only), or several outputs.
    """
    name = name_of(model)
    if not callable(getattr(model, "predict_proba", None)):
        raise PredictionsError(_no_probabilities(name, model))
    p = model.predict_proba(X)
    _one_output(name, model, p)
    p = np.asarray(p)
    classes = np.asarray(model.classes_ if hasattr(model, "classes_") else np.arange(p.shape[1]))
    values, kind = _exact(model, X, p)
    notes = [*notes_on_fit(model)]
    if len(p) > 1 and (p == p[0]).all():
        notes.append(f"{name} gives every row the same probabilities: it uses no feature")
    return Scores(values, kind, classes, tuple(notes))


def _exact(model: Any, X: Any, p: NDArray[Any]) -> tuple[NDArray[Any], str]:
    if callable(getattr(model, "decision_function", None)):
        z = np.asarray(model.decision_function(X))
        if reproduces(z, p):
            return z, "logits"
    if _lost(p) and callable(getattr(model, "predict_log_proba", None)):
        with np.errstate(divide="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # log(0): then it is not taken
            z = np.asarray(model.predict_log_proba(X))
        if np.isfinite(z).all() and reproduces(z, p):
            return z, "logits"
    return p, "probabilities"


def reproduces(z: NDArray[Any], p: NDArray[Any], tolerance: float = SAME) -> bool:
    """Whether the softmax of z (n, K), or the sigmoid of one logit (n,), is p within `tolerance`."""
    if z.ndim == 1 or z.shape[1] == 1:
        z = np.column_stack([np.zeros(len(z)), z.reshape(-1)])
        p = np.column_stack([1.0 - p.reshape(-1), p.reshape(-1)]) if p.size == len(z) else p
    if z.shape != p.shape or not np.isfinite(z).all():
        return False
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return bool(np.abs(e / e.sum(axis=1, keepdims=True) - p).max() <= tolerance)


def _lost(p: NDArray[Any]) -> bool:
    """Whether a probability is so near 1, or exactly 0, that its logit is rounded away."""
    return bool(p.max() > 1.0 - NEARLY_ONE or p.min() == 0.0)


def _no_probabilities(name: str, model: Any) -> str:
    if callable(getattr(model, "decision_function", None)) and hasattr(model, "classes_"):
        return (
            f"{name} has no predict_proba: its decision_function is a margin, not log-odds, so it claims "
            "no confidence that could be judged. Wrap it in CalibratedClassifierCV, or judge the margins "
            "as if they were logits: confidence(model.decision_function(X), y)."
        )
    if hasattr(model, "classes_"):
        return f"{name} has no predict_proba: it names a class and claims no confidence in it"
    return (
        f"{name} has neither predict_proba nor classes_: it is no classifier in scikit-learn's way. A "
        "regression without a predicted spread claims no confidence; for other models give what they "
        "predict: confidence(logits, y) or confidence(probabilities=p, labels=y)."
    )


def _one_output(name: str, model: Any, p: Any) -> None:
    outputs = len(p) if isinstance(p, list) else 0
    if outputs or isinstance(getattr(model, "classes_", None), list):
        raise PredictionsError(
            f"{name} has {outputs or 'several'} outputs, and each is a question of its own. Judge one at a "
            "time: confidence(probabilities=model.predict_proba(X)[k], labels=y[:, k])."
        )
    shape = np.shape(p)
    if len(shape) != 2:
        raise PredictionsError(f"{name}: predict_proba gives shape {shape}: expected (n, K)")


def columns_of(source: str, labels: Any, classes: NDArray[Any]) -> NDArray[np.int64]:
    """Column of each label (n,) among the estimator's classes, which may stand in any order.

    Raises
    ------
    PredictionsError : labels of another kind than the classes, or of a class that was never fitted.
    """
    y = plain(source, labels)
    if y.ndim == 2 and y.shape[1] > 1:
        raise PredictionsError(
            f"{source}: y has {y.shape[1]} columns, and each is a question of its own. Judge one label at a "
            "time: confidence(probabilities=model.predict_proba(X)[:, k], labels=y[:, k])."
        )
    y, known = y.reshape(-1), plain(f"{source}: classes_", classes)
    if (y.dtype.kind in "US") != (known.dtype.kind in "US"):
        raise PredictionsError(
            f"{source}: y holds {y.dtype} ({y[0]!r}, …) and the model's classes are {known.dtype} "
            f"({known[0]!r}, …): give labels as the model was fitted on"
        )
    order = np.argsort(known, kind="stable")
    place = np.minimum(np.searchsorted(known[order], y), len(known) - 1)
    columns = order[place]
    unseen = known[columns] != y
    if unseen.any():
        row = int(unseen.argmax())
        named = ", ".join(str(label) for label in np.unique(y[unseen])[:5].tolist())
        raise PredictionsError(
            f"{source}: {int(unseen.sum())} of {len(y)} labels are of a class that the model was not fitted "
            f"on ({named}), the first in row {row} (counted from 0): it gives them no probability, so "
            "their loss is infinite. Leave these rows out and say so, or fit on rows that have them."
        )
    return columns.astype(np.int64)
