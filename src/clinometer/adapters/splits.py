"""The same estimator refitted by random rows and by whole groups: `confidence(…, cv=)`."""

from __future__ import annotations

import random
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.adapters.estimators import scores_of
from clinometer.adapters.frames import array_of, wrapped
from clinometer.adapters.progress import shown
from clinometer.adapters.taking import Rows, from_column, index_notes
from clinometer.adapters.torch_models import is_module
from clinometer.adapters.untouched import random_streams_kept
from clinometer.calibration.folds import Folds, group_folds, random_folds
from clinometer.calibration.judgement import judge
from clinometer.calibration.labels import plain
from clinometer.calibration.predictions import Predictions, predictions
from clinometer.calibration.rows import row_groups, row_weights
from clinometer.calibration.two_splits import Splits, headline
from clinometer.errors import PredictionsError, ShapeError
from clinometer.theory.floats import FLOATS

NEVER = -(FLOATS["float64"].significand_bits + 1) * float(np.log(2.0))
# log of a probability that rounds to 0 beside 1: what a class gets that a refit has never met


@dataclass(frozen=True)
class _Refitted:
    """Out-of-fold logits (n, K), which labels their refit had met (n,), and what the refits said."""

    logits: NDArray[np.float64]
    met: NDArray[np.bool_]
    saturated: int
    notes: tuple[str, ...]


def refitted(
    model: Any, rows: Rows, *, folds: int, seed: int, alpha: float, margin: float
) -> Splits:
    """Judge out-of-fold predictions of clones of an estimator, by random rows and by whole groups.

    Both splits have folds of the same sizes, so each refit has as many rows to learn from as its
    counterpart. The user's estimator and random streams stay as they are. Rows of a class that a refit
    has not met are left out of both splits, counted: their loss is infinite at any temperature.

    Raises
    ------
    PredictionsError, ShapeError : no groups, no estimator that can be cloned, folds that cannot be.
    """
    name = type(model).__name__
    y, groups = _checked(name, model, rows)
    classes, codes = np.unique(y, return_inverse=True)
    whole = group_folds(groups, folds)
    with _seeded(seed):
        runs = [
            _out_of_fold(model, rows, y, classes, split, what)
            for split, what in (
                (random_folds(whole, seed), "Random rows"),
                (whole, "Whole groups"),
            )
        ]
    met = runs[0].met & runs[1].met
    if not met.any():
        raise PredictionsError(f"{name}: no fold holds a class that its training rows have, too")
    weights = row_weights(name, from_column(rows, rows.weights), len(y))
    judged = [
        judge(
            _kept(run, codes, classes, met, weights, groups if by_group else None, name),
            alpha=alpha,
            margin=margin,
        )
        for run, by_group in zip(runs, (False, True), strict=True)
    ]
    left_out = int((~met).sum())
    return Splits(
        random=judged[0],
        whole_groups=judged[1],
        headline=headline(judged[0], judged[1], _plural(rows.groups)),
        folds=folds,
        seed=seed,
        training_rows=tuple(int((whole != fold).sum()) for fold in range(folds)),
        left_out=left_out,
        notes=(*_left_out(y, met), *index_notes(rows), *_said(runs)),
    )


def _checked(name: str, model: Any, rows: Rows) -> tuple[NDArray[Any], NDArray[np.str_]]:
    if is_module(model) or not callable(getattr(model, "fit", None)):
        raise PredictionsError(
            f"{name} cannot be refitted here: cv= needs an estimator with fit and predict_proba. Judge its "
            "predictions for rows that it has not seen, with groups=."
        )
    labels = rows.label_of(features=True)
    if rows.X is None or labels is None or rows.groups is None:
        raise PredictionsError(
            "cv= needs X, y and groups=: confidence(estimator, X, y, groups=wells, cv=3)"
        )
    y = plain(name, array_of(labels))
    groups = row_groups(name, from_column(rows, rows.groups), len(y))
    assert groups is not None
    n = rows.X.shape[0] if hasattr(rows.X, "shape") else len(rows.X)
    if y.ndim != 1 or n != len(y):
        raise ShapeError(f"X has {n} rows and y has shape {y.shape}: give one label per example")
    return y, groups


def _out_of_fold(
    model: Any, rows: Rows, y: NDArray[Any], classes: NDArray[Any], split: Folds, what: str
) -> _Refitted:
    from sklearn.base import clone

    logits = np.empty((len(y), len(classes)))
    met = np.zeros(len(y), dtype=bool)
    saturated, notes = 0, []
    for fold in shown(range(int(split.max()) + 1), rows.progress, what):
        inside = split == fold
        estimator, warned = _fitted(clone(model), _taken(rows.X, ~inside), y[~inside])
        scores = scores_of(estimator, _taken(rows.X, inside))
        known = np.searchsorted(classes, plain("classes_", scores.classes))
        found = predictions(np.zeros(int(inside.sum())), **{scores.kind: scores.values})  # type: ignore[arg-type]
        block = np.full((found.n, len(classes)), NEVER)
        block[:, known] = found.logits - _logsumexp(found.logits)
        logits[inside] = block
        met[inside] = np.isin(y[inside], classes[known])
        saturated += found.saturated
        notes += [*scores.notes, *warned]
    return _Refitted(logits, met, saturated, tuple(notes))


def _fitted(estimator: Any, X: Any, y: NDArray[Any]) -> tuple[Any, list[str]]:
    """The fitted estimator; its ConvergenceWarnings as notes, other warnings as they came."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(X, y)
    for warning in caught:
        if warning.category.__name__ != "ConvergenceWarning":
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    stopped = any(warning.category.__name__ == "ConvergenceWarning" for warning in caught)
    return estimator, ["a refit warned that it had not converged"] if stopped else []


def _kept(
    run: _Refitted,
    codes: NDArray[np.int64],
    classes: NDArray[Any],
    met: NDArray[np.bool_],
    weights: NDArray[np.float64] | None,
    groups: NDArray[np.str_] | None,
    name: str,
) -> Predictions:
    found = predictions(
        codes[met],
        run.logits[met],
        classes=tuple(str(c) for c in classes.tolist()),
        weights=None if weights is None else weights[met],
        groups=None if groups is None else groups[met],
        source=name,
    )
    return replace(found, saturated=run.saturated)


def _taken(X: Any, rows: NDArray[np.bool_]) -> Any:
    """Some rows of a frame, an array, a sparse matrix or a list, in its own kind."""
    frame = wrapped(X)
    at = np.flatnonzero(rows)
    if frame is not None:
        return frame[at].to_native()
    return X[at] if hasattr(X, "shape") else [X[int(row)] for row in at]


def _logsumexp(z: NDArray[np.float64]) -> NDArray[np.float64]:
    peak = z.max(axis=1, keepdims=True)
    return np.asarray(peak + np.log(np.exp(z - peak).sum(axis=1, keepdims=True)))


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Estimators without a random_state of their own draw from streams that start at `seed`."""
    with random_streams_kept():
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002  the stream that scikit-learn draws from
        torch = sys.modules.get("torch")
        if torch is not None:
            torch.manual_seed(seed)
        yield


def _left_out(y: NDArray[Any], met: NDArray[np.bool_]) -> list[str]:
    if met.all():
        return []
    which, counts = np.unique(y[~met], return_counts=True)
    named = ", ".join(f"{name} ({n:,})" for name, n in zip(which.tolist(), counts, strict=True))
    told = f"{int(counts.sum()):,} rows are left out of both splits: no training row of their fold has their"
    return [f"{told} class ({named}). A model gives such rows no chance, and is wrong on each"]


def _said(runs: list[_Refitted]) -> list[str]:
    """What refits said, with how many of them said it."""
    counted = Counter(note for run in runs for note in run.notes)
    return [f"{note} ({count} of the refits)" for note, count in counted.items()]


def _plural(groups: Any) -> str:
    """What the groups are called, from the name of their column or series."""
    name = groups if isinstance(groups, str) else getattr(wrapped(groups), "name", None)
    if not name:
        return "groups"
    name = str(name).lower()
    return name if name.endswith("s") else f"{name}s"
