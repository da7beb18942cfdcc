"""Clones of an estimator, fitted without the rows that they then predict."""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.adapters.estimators import columns_of, scores_of
from clinometer.adapters.frames import wrapped
from clinometer.adapters.untouched import random_streams_kept
from clinometer.calibration.labels import plain
from clinometer.calibration.predictions import predictions


@dataclass(frozen=True)
class Refitted:
    """Out-of-fold logits (n, K), probabilities that were exactly 0 or 1, and what the refits said."""

    logits: NDArray[np.float64]
    saturated: int
    notes: tuple[str, ...]


def out_of_fold(
    model: Any, X: Any, y: NDArray[Any], held_out: Iterable[NDArray[np.bool_]]
) -> Refitted:
    """Predictions of each held-out set by a clone that was fitted on all other rows."""
    from sklearn.base import clone

    logits = np.empty((len(y), len(np.unique(y))))
    saturated = 0
    notes: list[str] = []
    for inside in held_out:
        estimator, warned = _fitted(clone(model), rows_of(X, ~inside), y[~inside])
        scores = scores_of(estimator, rows_of(X, inside))
        columns = columns_of(type(model).__name__, y[inside], scores.classes)
        found = predictions(columns, **{scores.kind: scores.values})  # type: ignore[arg-type]
        logits[inside] = found.logits[:, np.argsort(plain("classes_", scores.classes))]
        saturated += found.saturated
        notes += scores.notes or warned
    return Refitted(logits, saturated, tuple(notes))


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


def rows_of(X: Any, rows: NDArray[np.bool_]) -> Any:
    """Some rows of a frame, an array, a sparse matrix or a list, in its own kind."""
    frame = wrapped(X)
    at = np.flatnonzero(rows)
    if frame is not None:
        return frame[at].to_native()
    return X[at] if hasattr(X, "shape") else [X[int(row)] for row in at]


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Estimators without a random_state of their own draw from streams that start at `seed`."""
    with random_streams_kept():
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002  the stream that scikit-learn draws from
        torch = sys.modules.get("torch")
        if torch is not None:
            torch.manual_seed(seed)
        yield
