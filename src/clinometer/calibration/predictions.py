"""A model's predictions: labels and logits of each example, checked once and then trusted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import PredictionsError, ShapeError
from clinometer.stats.gaps import Array

Labels = NDArray[np.int64]
LARGEST_LOGIT = (
    1e100  # beyond it third moments overflow float64; no model's own arithmetic gets there
)


@dataclass(frozen=True)
class LinearModel:
    """Logits = x @ weight.T + bias; weight (K, d), bias (K,), x (n, d), K = 1 for one logit."""

    weight: Array
    bias: Array
    x: Array


@dataclass(frozen=True)
class Predictions:
    """Labels (n,) in 0 .. K-1 and logits (n, K), finite float64, K >= 2.

    One logit h is kept as the two columns (0, h). `single` says that the numbers were rounded to
    float32 or coarser. `saturated` counts probabilities that were exactly 0 or 1: there the logit
    is only a lower bound. `weights` (n,) are relative importances of the rows, >= 0, not all 0; `groups`
    (n,) names what the rows of one group share (a well, a field): they are not independent.
    """

    labels: Labels
    logits: Array
    source: str = "predictions"
    one_logit: bool = False
    single: bool = False
    saturated: int = 0
    classes: tuple[str, ...] | None = None
    linear: LinearModel | None = None
    weights: Array | None = None
    groups: NDArray[np.str_] | None = None
    extra: dict[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def n(self) -> int:
        return len(self.labels)

    @property
    def positive(self) -> Array:
        """Log-odds of class 1 against class 0, for two classes."""
        return np.asarray(self.logits[:, 1] - self.logits[:, 0])


def predictions(
    labels: Any,
    logits: Any = None,
    *,
    probabilities: Any = None,
    weight: Any = None,
    bias: Any = None,
    x: Any = None,
    classes: tuple[str, ...] | None = None,
    source: str = "predictions",
    single: bool | None = None,
    extra: dict[str, NDArray[Any]] | None = None,
) -> Predictions:
    """Check and join what is known of one model.

    Parameters
    ----------
    labels : integers in 0 .. K-1, or names that occur in `classes`, shape (n,)
    logits, probabilities : shape (n, K), or (n,) for one logit; one of them, or a linear model
    weight, bias, x : (K, d) or (d,); (K,) or a number; (n, d): a linear model and its data
    classes : names of the K columns

    Raises
    ------
    PredictionsError, ShapeError : with what was found, what was expected and what to do.
    """
    linear = _linear(source, weight, bias, x)
    saturated = 0
    if logits is not None:
        z = _numbers(source, "logits", logits)
        rounded = _is_single(logits)
    elif probabilities is not None:
        from clinometer.calibration.probabilities import logits_of

        p = _numbers(source, "probabilities", probabilities)
        rounded = _is_single(probabilities)
        z, saturated = logits_of(p, source=source, single=rounded)
    elif linear is not None:
        z, rounded = linear.x @ linear.weight.T + linear.bias, _is_single(weight)
    else:
        raise PredictionsError(
            f"{source}: found no logits. Give `logits`, `probabilities`, or `weight` with `x`."
        )
    one, z = _columns(source, z)
    y = _labels(source, labels, z, classes)
    if linear is not None and len(linear.x) != len(y):
        raise ShapeError(
            f"{source}: x has {len(linear.x)} rows and label {len(y)}: give one per example"
        )
    rounded = rounded if single is None else single
    return Predictions(y, z, source, one, rounded, saturated, classes, linear, extra=extra or {})


def _is_single(values: Any) -> bool:
    dtype = getattr(values, "dtype", None)
    return str(dtype).rsplit(".", maxsplit=1)[-1] in {"float32", "float16", "bfloat16"}


def _numbers(source: str, name: str, values: Any) -> Array:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PredictionsError(
            f"{source}: `{name}` is not numeric ({error}): give numbers"
        ) from None
    bad = ~np.isfinite(array) if name != "logits" else ~(np.abs(array) <= LARGEST_LOGIT)
    if bad.any():
        row = int(np.argwhere(bad)[0][0]) if array.ndim else 0
        kind = (
            f"NaN, infinite or beyond {LARGEST_LOGIT:g}" if name == "logits" else "NaN or infinite"
        )
        raise PredictionsError(
            f"{source}: {int(bad.sum())} of {array.size} {name} are {kind}, the first in row {row} "
            "(counted from 0). Expected finite numbers: mend or drop these rows, in A and B alike."
        )
    return array


def _columns(source: str, z: Array) -> tuple[bool, Array]:
    """(n, K) logits of two columns or more; one logit h becomes (0, h)."""
    if z.ndim not in {1, 2} or z.size == 0:
        raise ShapeError(
            f"{source}: logits have shape {z.shape}: expected (n, K), or (n,) for one logit, n >= 1"
        )
    if z.ndim == 2 and z.shape[1] > 1:
        return False, z
    flat = z.reshape(-1)
    return True, np.column_stack([np.zeros_like(flat), flat])


def _labels(source: str, labels: Any, z: Array, classes: tuple[str, ...] | None) -> Labels:
    y = np.asarray(labels)
    if y.shape != (len(z),):
        raise ShapeError(
            f"{source}: label has shape {y.shape} and the logits {len(z)} rows: give one per example"
        )
    if y.dtype.kind in "OUS":
        y = _by_name(source, y.astype(str), classes)
    if y.dtype.kind == "f" and (y == np.floor(y)).all():
        y = y.astype(np.int64)
    if y.dtype.kind not in "iub":
        raise PredictionsError(f"{source}: labels are {y.dtype}: expected whole numbers or names")
    outside = (y < 0) | (y >= z.shape[1])
    if outside.any():
        row = int(outside.argmax())
        raise PredictionsError(
            f"{source}: {int(outside.sum())} labels lie outside the classes 0 to {z.shape[1] - 1}, the "
            f"first is {y[row]} in row {row} (counted from 0). Number the classes from 0."
        )
    return y.astype(np.int64)


def _by_name(source: str, names: NDArray[np.str_], classes: tuple[str, ...] | None) -> Labels:
    if classes is None:
        raise PredictionsError(
            f"{source}: labels are names ({names[0]!r}, …) but the columns have none. Name them "
            "(logit_NAME in a csv, an array `classes` in an npz) or number the labels from 0."
        )
    place = {name: k for k, name in enumerate(classes)}
    missing = [name for name in dict.fromkeys(names.tolist()) if name not in place]
    if missing:
        raise PredictionsError(
            f"{source}: label {missing[0]!r} lies outside the classes {', '.join(classes)}"
        )
    return np.array([place[name] for name in names.tolist()], dtype=np.int64)


def _linear(source: str, weight: Any, bias: Any, x: Any) -> LinearModel | None:
    if weight is None:
        return None
    w = np.atleast_2d(_numbers(source, "weight", weight))
    if x is None:
        raise PredictionsError(
            f"{source}: found `weight` without the data: add `x` of shape (n, d)"
        )
    data = _numbers(source, "x", x)
    b = np.atleast_1d(_numbers(source, "bias", np.zeros(len(w)) if bias is None else bias))
    if data.ndim != 2 or w.ndim != 2 or data.shape[1] != w.shape[1] or b.shape != (len(w),):
        raise ShapeError(
            f"{source}: weight {w.shape}, bias {b.shape} and x {data.shape} do not fit: "
            "expected (K, d), (K,) and (n, d)"
        )
    return LinearModel(w, b, data)
