"""Checkpoints of a run as predictions on the same rows, checked against the first of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.calibration.epochs import Epoch, broken_epoch
from clinometer.calibration.files import read_predictions
from clinometer.calibration.predictions import Predictions, predictions
from clinometer.calibration.rows import with_rows
from clinometer.errors import PredictionsError, ShapeError
from clinometer.stats.gaps import Array


@dataclass(frozen=True)
class Given:
    """What a user said of the rows of all checkpoints."""

    labels: Any = None
    classes: tuple[str, ...] | None = None
    weights: Any = None
    groups: Any = None


@dataclass(frozen=True)
class Rows:
    """What all checkpoints share: labels (n,), columns of the logits, weights (n,), group numbers (n,)."""

    source: str
    labels: NDArray[np.int64]
    columns: int
    classes: tuple[str, ...] | None
    weights: Array | None
    codes: NDArray[np.int64] | None

    @property
    def n(self) -> int:
        """Rows, those of weight 0 left out."""
        return len(self.labels)


def taken(checkpoint: Any, given: Given, name: str) -> Predictions | Epoch:
    """Predictions of one checkpoint, rows of weight 0 left out; an `Epoch` where logits are not finite."""
    if isinstance(checkpoint, str | Path):
        checkpoint = read_predictions(checkpoint)
    if isinstance(checkpoint, Predictions):
        model = checkpoint
    else:
        if given.labels is None:
            raise PredictionsError(f"checkpoint {name}: logits without labels: give labels=, (n,)")
        broken = broken_epoch(name, checkpoint)
        if broken is not None:
            return broken
        model = predictions(
            given.labels, checkpoint, classes=given.classes, source=f"checkpoint {name}"
        )
    model = with_rows(model, groups=given.groups, weights=given.weights)
    if model.weights is None or model.weights.all():
        return model
    return model.take(np.flatnonzero(model.weights))


def rows_of(model: Predictions) -> Rows:
    """What the other checkpoints must share with the first."""
    codes = None if model.groups is None else np.unique(model.groups, return_inverse=True)[1]
    columns = model.logits.shape[1]
    return Rows(model.source, model.labels, columns, model.classes, model.weights, codes)


def check_same_rows(model: Predictions, first: Rows) -> None:
    """Raise unless a checkpoint judges the same rows, in the same order, among the same classes."""
    here = f"{model.source} has {model.n:,} rows of {model.logits.shape[1]:,} classes"
    if (model.n, model.logits.shape[1]) != (first.n, first.columns):
        raise ShapeError(
            f"{here} and {first.source} {first.n:,} of {first.columns:,}: "
            "give the same held-out rows and classes for each epoch"
        )
    if model.classes != first.classes:
        raise PredictionsError(
            f"{model.source} and {first.source} name their classes differently, or in another order: "
            "write the columns of each epoch alike"
        )
    differ = model.labels != first.labels
    if differ.any():
        row = int(differ.argmax())
        raise PredictionsError(
            f"the labels of {model.source} and {first.source} differ in {int(differ.sum()):,} of "
            f"{model.n:,} rows, first in row {row} (counted from 0): give the same rows in the same order "
            "(no shuffling in the validation loop)"
        )
