"""Predictions files: which reader, and one clear message for each file that cannot be read."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from clinometer.calibration.arrow_columns import WEIGHTS
from clinometer.calibration.predictions import Predictions, predictions
from clinometer.errors import PredictionsError

# RuntimeError: a damaged flag reads as encrypted, or as a compression that is not known.
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError, RuntimeError)
EXPECTED = "an .npz, .csv or .parquet file"
MODEL_ARRAYS = ("logits", "probabilities", "weight", "bias", "x")


def read_predictions(path: str | Path) -> Predictions:
    """Read a predictions file: `.npz`, `.csv`, `.parquet` (`.pq`), `.arrow` or `.feather`.

    npz : `label` and `logits` or `probabilities` (n, K) or (n,), or `weight`, `bias` and `x`;
        `classes` names the columns; other arrays of n entries are kept in `extra`
    csv : `label` and `logit` or `probability`, or columns `logit_NAME` / `prob_NAME`
    parquet, arrow, feather : the columns of a csv, or `logits` / `probabilities` as lists of K numbers

    In all of them `row_weight` or `sample_weight` (n,) is the importance of a row.

    Raises
    ------
    PredictionsError, ShapeError : missing, empty, truncated or foreign files, pickles, bad values.
    """
    path = Path(path)
    try:
        if not path.exists():
            raise PredictionsError(f"{path}: there is no such file. Give {EXPECTED}.")
        if path.is_dir():
            raise PredictionsError(f"{path} is a folder: expected {EXPECTED}")
        if path.stat().st_size == 0:
            raise PredictionsError(f"{path} is empty (0 bytes): write the predictions again")
        return _reader(path)(path)
    except PermissionError:
        raise PredictionsError(
            f"{path} may not be read (permission denied): give this user the right to read it"
        ) from None


def _reader(path: Path) -> Callable[[Path], Predictions]:
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return read_npz
    if suffix == ".csv":
        from clinometer.calibration.csv_file import read_csv

        return read_csv
    if suffix in {".parquet", ".pq", ".arrow", ".feather"}:
        from clinometer.calibration.parquet_file import read_arrow

        return read_arrow
    if suffix in {".pkl", ".pickle", ".joblib", ".pt", ".pth"}:
        raise PredictionsError(
            f"{path} is a pickle. It is refused, because opening one runs whatever code it contains. "
            "Save `label` and `logits` with numpy.savez instead."
        )
    raise PredictionsError(f"{path}: files of type {suffix!r} are not known: expected {EXPECTED}")


def read_npz(path: Path) -> Predictions:
    """Read arrays by name; nothing is ever unpickled."""
    arrays = _arrays(path)
    if "label" not in arrays:
        found = ", ".join(arrays) or "nothing"
        raise PredictionsError(
            f"{path}: found {found}; expected `label` beside `logits`, `probabilities` or `weight`"
        )
    labels = arrays.pop("label")
    names = arrays.pop("classes", None)
    model: dict[str, Any] = {name: arrays.pop(name) for name in MODEL_ARRAYS if name in arrays}
    if "logits" in model and "probabilities" in model:
        raise PredictionsError(f"{path}: found both `logits` and `probabilities`: keep the logits")
    classes = None if names is None else tuple(str(name) for name in names.tolist())
    extra = {name: a for name, a in arrays.items() if a.shape[:1] == labels.shape}
    weights = next((extra.pop(name) for name in WEIGHTS if name in extra), None)
    return predictions(
        labels, **model, classes=classes, weights=weights, source=str(path), extra=extra
    )


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    # The file is ours to close: numpy.load leaves its own open where the archive is damaged.
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            raise PredictionsError(
                f"{path} is not an .npz file (its first bytes are another format's): "
                "write it with numpy.savez"
            )
        file.seek(0)
        return _unpacked(path, file)


def _unpacked(path: Path, file: BinaryIO) -> dict[str, NDArray[Any]]:
    try:
        with np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except DAMAGED as error:
        raise PredictionsError(
            f"{path} is truncated or damaged ({error}): write the predictions again"
        ) from None
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise PredictionsError(f"{path} is damaged ({error}): write it again") from None
        raise PredictionsError(
            f"{path} contains Python objects, which only a pickle can hold. It is refused, because "
            "opening a pickle runs whatever code it contains. Save numbers, and names as text arrays."
        ) from None
