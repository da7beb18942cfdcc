"""Predictions from a csv file with a header line."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.calibration.arrow_columns import ONE_COLUMN, PREFIXES, WEIGHTS
from clinometer.calibration.predictions import Predictions, predictions
from clinometer.errors import PredictionsError

Columns = dict[str, NDArray[Any]]
SINGLE_DIGITS = 9  # nine significant digits write a float32 exactly, and no float64
LOOKED_AT = 100  # cells whose digits are counted: enough to meet one whose last digit is not 0
BLOCK = 16_384  # rows that are held as text at a time: at 10 classes some 15 MB


def read_csv(path: Path) -> Predictions:
    """Read `label` and logit or probability columns; other columns are kept in `extra`.

    `row_weight` or `sample_weight` is the importance of a row.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return _predictions(path, (row for row in csv.reader(file, strict=True) if row))
    except (UnicodeDecodeError, csv.Error) as error:
        raise PredictionsError(f"{path} is not a csv text file ({error})") from None


def _predictions(path: Path, lines: Iterator[list[str]]) -> Predictions:
    header, first = next(lines, []), next(lines, [])
    if not first:
        raise PredictionsError(
            f"{path}: found {int(bool(header))} lines; expected a header and one per example"
        )
    header = [name.strip() for name in header]
    if len(set(header)) < len(header):
        raise PredictionsError(f"{path}: a column name occurs twice in {', '.join(header)}")
    if "label" not in header:
        raise PredictionsError(
            f"{path}: found columns {', '.join(header)}; expected one called label"
        )
    kind, scores, names = _scores(path, header)
    columns, digits = _columns(path, header, scores, chain([first], lines))
    labels = columns.pop("label")
    values = np.column_stack([columns.pop(name) for name in scores])
    classes = _class_names(path, names, sorted(set(labels.tolist())))
    weight = next((columns.pop(name) for name in WEIGHTS if name in columns), None)
    return predictions(
        _parsed(labels, classes),
        **{kind: values if values.shape[1] > 1 else values[:, 0]},  # type: ignore[arg-type]
        classes=classes,
        weights=weight,
        source=str(path),
        single=digits <= SINGLE_DIGITS,
        extra=columns,
    )


def _columns(
    path: Path, header: list[str], scores: list[str], lines: Iterator[list[str]]
) -> tuple[Columns, int]:
    """Numbers of the score columns and text of the others, and the most digits that a score has."""
    blocks: list[Columns] = []
    digits = row = 0
    place = header.index(scores[0])
    while block := list(islice(lines, BLOCK)):
        _rectangular(path, header, block, row)
        if not blocks:
            digits = max(_digits(cells[place]) for cells in block[:LOOKED_AT])
        numeric = {*scores, *WEIGHTS}
        blocks.append(
            {
                name: _numbers(path, name, cells, row) if name in numeric else _text(cells)
                for name, cells in zip(header, zip(*block, strict=True), strict=True)
            }
        )
        row += len(block)
    return {name: np.concatenate([block[name] for block in blocks]) for name in header}, digits


def _rectangular(path: Path, header: list[str], block: list[list[str]], start: int) -> None:
    for number, row in enumerate(block, start):
        if len(row) != len(header):
            raise PredictionsError(
                f"{path}: row {number} (counted from 0) has {len(row)} fields and the header "
                f"{len(header)}: the file may be truncated; write it again"
            )


def _scores(path: Path, header: list[str]) -> tuple[str, list[str], list[str]]:
    """Which argument the scores are, their columns, and the class names in their headings."""
    for prefix, kind in PREFIXES:
        found = [name for name in header if name.startswith(prefix)]
        if found:
            return kind, found, [name.removeprefix(prefix) for name in found]
    for name, kind in ONE_COLUMN.items():
        if name in header:
            return kind, [name], []
    others = [name for name in header if name != "label"]
    raise PredictionsError(
        f"{path}: found columns {', '.join(others) or 'none'} beside label; "
        "expected logit_NAME or prob_NAME for each class, or one column `logit`"
    )


def _numbers(path: Path, name: str, cells: Sequence[str], start: int) -> NDArray[np.float64]:
    try:
        return np.fromiter(map(float, cells), dtype=np.float64, count=len(cells))
    except ValueError:
        row = next(k for k, text in enumerate(cells) if not _is_number(text))
        raise PredictionsError(
            f"{path}: {cells[row]!r} in row {start + row} (counted from 0) of {name} is not a number"
        ) from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _text(cells: Sequence[str]) -> NDArray[np.str_]:
    return np.array([text.strip() for text in cells])


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


def _whole(labels: Iterable[str]) -> bool:
    return all(re.fullmatch(r"[+-]?\d+(\.0*)?", text) for text in labels)


def _parsed(labels: NDArray[np.str_], classes: tuple[str, ...] | None) -> NDArray[Any]:
    if classes is not None or not _whole(np.unique(labels).tolist()):
        return labels
    return labels.astype(np.float64).astype(np.int64)


def _digits(text: str) -> int:
    """Significant digits of a written number, leading zeros not counted."""
    mantissa = re.split("[eE]", text.lstrip("+-"))[0].replace(".", "").lstrip("0")
    return len(mantissa)
