"""A model's predictions: labels and logits of each example, checked once and then trusted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.calibration.labels import Labels, label_numbers
from clinometer.calibration.rows import row_groups, row_weights
from clinometer.errors import PredictionsError, ShapeError
from clinometer.stats.gaps import Array

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
    (n,) names what the rows of one group share (a well, a field): they are not independent. `notes`
    are sentences about where the numbers come from, which a judgement passes on.
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
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.intp]) -> Predictions:
        """These rows only, by number."""

        def some(values: NDArray[Any] | None) -> NDArray[Any] | None:
            return None if values is None else values[rows]

        linear = self.linear
        return replace(
            self,
            labels=self.labels[rows],
            logits=self.logits[rows],
            linear=None if linear is None else replace(linear, x=linear.x[rows]),
            weights=some(self.weights),
            groups=some(self.groups),
            extra={name: values[rows] for name, values in self.extra.items()},
        )

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
    weights: Any = None,
    groups: Any = None,
    source: str = "predictions",
    single: bool | None = None,
    extra: dict[str, NDArray[Any]] | None = None,
    notes: tuple[str, ...] = (),
) -> Predictions:
    """Check and join what is known of one model.

    Parameters
    ----------
    labels : integers in 0 .. K-1, or names that occur in `classes`, shape (n,)
    logits, probabilities : shape (n, K), or (n,) for one logit; one of them, or a linear model
    weight, bias, x : (K, d) or (d,); (K,) or a number; (n, d): a linear model and its data
    classes : names of the K columns
    weights : relative importances of the rows, (n,), >= 0; 0 leaves a row out. Not `weight`
    groups : names of what rows share, (n,)

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
    y = label_numbers(source, labels, len(z), z.shape[1], classes)
    if linear is not None and len(linear.x) != len(y):
        raise ShapeError(
            f"{source}: x has {len(linear.x)} rows and label {len(y)}: give one per example"
        )
    if classes is not None and len(classes) != z.shape[1]:
        raise ShapeError(
            f"{source}: {len(classes)} class names for {z.shape[1]} columns: give one name each"
        )
    return Predictions(
        labels=y,
        logits=z,
        source=source,
        one_logit=one,
        single=rounded if single is None else single,
        saturated=saturated,
        classes=classes,
        linear=linear,
        weights=row_weights(source, weights, len(y)),
        groups=row_groups(source, groups, len(y)),
        extra=extra or {},
        notes=notes,
    )


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
            + _zeros(name, array)
        )
    return array


def _zeros(name: str, array: Array) -> str:
    """What -inf among logits is: a probability of exactly 0. It is refused, as no scale can be read
    from it: at any temperature above 0 it claims the same certainty.
    """
    count = int(np.isneginf(array).sum()) if name == "logits" else 0
    if not count:
        return ""
    return (
        f" {count} are -inf, the logarithm of a probability of exactly 0: give `probabilities`, where "
        "such entries are counted as saturated, or the logits before they were masked or rounded."
    )


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
