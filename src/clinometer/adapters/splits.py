"""The same estimator refitted by random rows and by whole groups: `confidence(…, cv=)`."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.adapters.frames import array_of, wrapped
from clinometer.adapters.given import Rows, from_column, index_notes
from clinometer.adapters.progress import shown
from clinometer.adapters.refits import Refitted, out_of_fold, rows_of, seeded
from clinometer.adapters.torch_models import is_module
from clinometer.calibration.folds import Folds, paired_folds
from clinometer.calibration.judgement import judge
from clinometer.calibration.labels import plain
from clinometer.calibration.predictions import Predictions, predictions
from clinometer.calibration.rows import row_groups, row_weights
from clinometer.calibration.two_splits import Splits, headline
from clinometer.errors import PredictionsError, ShapeError


def refitted(
    model: Any, rows: Rows, *, folds: int, seed: int, alpha: float, margin: float
) -> Splits:
    """Judge out-of-fold predictions of clones of an estimator, by random rows and by whole groups.

    Both splits have folds of the same sizes, so each refit has as many rows to learn from as its
    counterpart. The user's estimator and random streams stay as they are. A class that lies in one
    fold only is left out, rows and all: a refit would give those rows no chance, and their loss would
    be infinite at any temperature.

    Raises
    ------
    PredictionsError, ShapeError : no groups, no estimator that can be cloned, folds that cannot be.
    """
    name = type(model).__name__
    y, groups = _checked(name, model, rows)
    weights = row_weights(name, from_column(rows, rows.weights), len(y))
    kept, whole, at_random = paired_folds(y, groups, folds, seed, source=name)
    X, labels = rows_of(rows.X, kept), y[kept]
    runs = []
    with seeded(seed):
        for split, what in ((at_random, "Random rows"), (whole, "Whole groups")):
            runs.append(
                out_of_fold(model, X, labels, shown(_each(split), rows.progress, what, folds))
            )
    judged = [
        judge(
            replace(_joined(name, run, labels, weights, kept), groups=by),
            alpha=alpha,
            margin=margin,
        )
        for run, by in zip(runs, (None, groups[kept]), strict=True)
    ]
    return Splits(
        random=judged[0],
        whole_groups=judged[1],
        headline=headline(judged[0], judged[1], _plural(rows.groups)),
        folds=folds,
        seed=seed,
        training_rows=tuple(int((whole != fold).sum()) for fold in range(folds)),
        left_out=int((~kept).sum()),
        notes=(*_left_out(y, kept), *index_notes(rows), *_said(runs)),
    )


def _each(split: Folds) -> list[NDArray[np.bool_]]:
    return [split == fold for fold in range(int(split.max()) + 1)]


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


def _joined(
    name: str,
    run: Refitted,
    labels: NDArray[Any],
    weights: NDArray[np.float64] | None,
    kept: NDArray[np.bool_],
) -> Predictions:
    classes, codes = np.unique(labels, return_inverse=True)
    found = predictions(
        codes,
        run.logits,
        classes=tuple(str(c) for c in classes.tolist()),
        weights=None if weights is None else weights[kept],
        source=name,
    )
    return replace(found, saturated=run.saturated)


def _left_out(y: NDArray[Any], kept: NDArray[np.bool_]) -> list[str]:
    if kept.all():
        return []
    which, counts = np.unique(y[~kept], return_counts=True)
    named = ", ".join(f"{name} ({n:,})" for name, n in zip(which.tolist(), counts, strict=True))
    told = f"{int(counts.sum()):,} rows are left out of both splits, as one fold holds all of their class:"
    return [f"{told} {named}. A model that has not met a class is wrong on each of its rows"]


def _said(runs: list[Refitted]) -> list[str]:
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
