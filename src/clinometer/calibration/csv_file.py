"""Predictions from a csv file with a header line."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.calibration.predictions import Predictions, predictions
from clinometer.errors import PredictionsError

Columns = dict[str, list[str]]
ONE_COLUMN = {"logit": "logits", "logits": "logits", "probability": "probabilities"}
ONE_COLUMN |= {"probabilities": "probabilities", "prob": "probabilities"}
SINGLE_DIGITS = 9  # nine significant digits write a float32 exactly, and no float64


def read_csv(path: Path) -> Predictions:
    """Read `label` and logit or probability columns; other columns are kept in `extra`."""
    columns = _columns(path)
    if "label" not in columns:
        raise PredictionsError(
            f"{path}: found columns {', '.join(columns)}; expected one called label"
        )
    labels = columns.pop("label")
    kind, names, cells = _scores(path, columns)
    values = np.column_stack([_numbers(path, name, cells[name]) for name in cells])
    classes = _class_names(path, names, labels)
    single = max(map(_digits, next(iter(cells.values()))[:100])) <= SINGLE_DIGITS
    scores = values if values.shape[1] > 1 else values[:, 0]
    extra = {name: np.asarray(text) for name, text in columns.items() if name not in cells}
    return predictions(
        _parsed(labels, classes),
        **{kind: scores},
        classes=classes,
        source=str(path),
        single=single,
        extra=extra,
    )


def _columns(path: Path) -> Columns:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file, strict=True) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise PredictionsError(f"{path} is not a csv text file ({error})") from None
    if len(rows) < 2:
        raise PredictionsError(
            f"{path}: found {len(rows)} lines; expected a header and one per example"
        )
    header = [name.strip() for name in rows[0]]
    for number, row in enumerate(rows[1:]):
        if len(row) != len(header):
            raise PredictionsError(
                f"{path}: row {number} (counted from 0) has {len(row)} fields and the header "
                f"{len(header)}: the file may be truncated; write it again"
            )
    if len(set(header)) < len(header):
        raise PredictionsError(f"{path}: a column name occurs twice in {', '.join(header)}")
    return {name: [row[k].strip() for row in rows[1:]] for k, name in enumerate(header)}


def _scores(path: Path, columns: Columns) -> tuple[str, list[str], Columns]:
    """Which argument the scores are, the class names in their headings, and their cells."""
    for prefix, kind in (("logit_", "logits"), ("prob_", "probabilities")):
        cells = {name: text for name, text in columns.items() if name.startswith(prefix)}
        if cells:
            return kind, [name.removeprefix(prefix) for name in cells], cells
    for name, kind in ONE_COLUMN.items():
        if name in columns:
            return kind, [], {name: columns[name]}
    raise PredictionsError(
        f"{path}: found columns {', '.join(columns) or 'none'} beside label; "
        "expected logit_NAME or prob_NAME for each class, or one column `logit`"
    )


def _numbers(path: Path, name: str, cells: list[str]) -> NDArray[np.float64]:
    out = np.empty(len(cells))
    for row, text in enumerate(cells):
        try:
            out[row] = float(text)
        except ValueError:
            raise PredictionsError(
                f"{path}: {text!r} in row {row} (counted from 0) of {name} is not a number"
            ) from None
    return out


def _class_names(path: Path, names: list[str], labels: list[str]) -> tuple[str, ...] | None:
    """Names of the columns; a single named column is the class that its logit speaks for."""
    if not names or (len(names) > 1 and not set(labels) <= set(names) and _whole(labels)):
        return None  # no names, or labels that number the columns
    if len(names) > 1:
        return tuple(names)
    others = [name for name in dict.fromkeys(labels) if name != names[0]]
    if len(others) > 1:
        raise PredictionsError(
            f"{path}: one column, for class {names[0]}, but labels {', '.join(sorted(others))} beside it"
        )
    return None if _whole(labels) else (others[0] if others else f"not {names[0]}", names[0])


def _whole(labels: list[str]) -> bool:
    return all(re.fullmatch(r"[+-]?\d+(\.0*)?", text) for text in labels)


def _parsed(labels: list[str], classes: tuple[str, ...] | None) -> Any:
    if classes is not None or not _whole(labels):
        return np.asarray(labels)
    return np.array([int(float(text)) for text in labels], dtype=np.int64)


def _digits(text: str) -> int:
    """Significant digits of a written number, leading zeros not counted."""
    mantissa = re.split("[eE]", text.lstrip("+-"))[0].replace(".", "").lstrip("0")
    return len(mantissa)
