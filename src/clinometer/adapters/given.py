"""What a user gives beside a model: features, labels, and what belongs to each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.adapters.frames import array_of, same_rows, wrapped
from clinometer.errors import PredictionsError


@dataclass(frozen=True)
class Rows:
    """What was given beside a model: features or labels, and what belongs to each row."""

    X: Any = None
    y: Any = None
    labels: Any = None
    groups: Any = None
    weights: Any = None
    classes: Any = None
    progress: bool | None = None

    def label_of(self, *, features: bool) -> Any:
        """The labels, by whichever name they came; without features X itself may be the labels."""
        names = {"y": self.y, "labels": self.labels}
        if self.y is None and self.labels is None and not features:
            return self.X
        given = {name: value for name, value in names.items() if value is not None}
        if len(given) > 1:
            raise PredictionsError(
                f"labels were given {len(given)} times ({', '.join(given)}): give them once"
            )
        return next(iter(given.values()), None)

    def names(self) -> tuple[str, ...] | None:
        """Names of the classes, as text."""
        return None if self.classes is None else tuple(str(name) for name in self.classes)


def from_column(rows: Rows, values: Any) -> NDArray[Any] | str | None:
    """Groups or weights as an array, where the name of a column of X is read from X."""
    if isinstance(values, str):
        frame = wrapped(rows.X)
        if frame is None or values not in getattr(frame, "columns", ()):
            return values  # a column of the file, which the predictions carry
        values = frame[values].to_native()
    return None if values is None else np.asarray(array_of(values))


def index_notes(rows: Rows) -> list[str]:
    """Notes on pandas objects whose indices differ."""
    pairs = (("y", rows.y), ("labels", rows.labels), ("groups", rows.groups))
    found = [
        same_rows("X", rows.X, name, value) for name, value in (*pairs, ("weights", rows.weights))
    ]
    return [note for note in found if note]
