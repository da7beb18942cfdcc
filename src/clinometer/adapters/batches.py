"""Batches of any form: what goes into the module, which labels belong to it, and what comes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from clinometer.errors import PredictionsError, ShapeError

LABELS = ("labels", "label", "targets", "target", "y")
ROWS = 1024  # rows of (X, y) that go through the module at once
IGNORED = -100  # the label that torch's cross_entropy leaves out by default


def of_arrays(X: Any, y: Any) -> Iterator[tuple[Any, Any]]:
    """Batches of X and y, taken by rows."""
    X, y = torch.as_tensor(X), torch.as_tensor(y)
    if len(X) != len(y):
        raise ShapeError(f"X has {len(X)} rows and y {len(y)}: give one label per example")
    for start in range(0, len(X), ROWS):
        yield X[start : start + ROWS], y[start : start + ROWS]


def parts(batch: Any, number: int) -> tuple[tuple[Any, ...], dict[str, Any], Tensor]:
    """Arguments, keyword arguments and labels of a batch: (x, y), (x1, x2, …, y) or a dictionary."""
    if isinstance(batch, Mapping):
        name = next((name for name in LABELS if name in batch), None)
        if name is None:
            raise PredictionsError(
                f"batch {number} holds {', '.join(map(str, batch))}: expected labels under one of "
                f"{', '.join(LABELS)}"
            )
        return (), {k: v for k, v in batch.items() if k != name}, torch.as_tensor(batch[name])
    if isinstance(batch, list | tuple) and len(batch) > 1:
        return tuple(batch[:-1]), {}, torch.as_tensor(batch[-1])
    raise PredictionsError(
        f"batch {number} is {type(batch).__name__}: expected (inputs, labels) or a dictionary with labels"
    )


def moved(value: Any, device: Any, dtype: Any) -> Any:
    """The value on the module's device; inputs of NumPy's float64 in the module's own dtype."""
    if isinstance(value, Tensor):
        return value.to(device, dtype if value.dtype == torch.float64 else None)
    if isinstance(value, list | tuple):
        return type(value)(moved(part, device, dtype) for part in value)
    if isinstance(value, Mapping):
        return {name: moved(part, device, dtype) for name, part in value.items()}
    return value


def output_of(result: Any) -> Tensor:
    """The tensor of predictions: the result, its `.logits`, or the first of a tuple."""
    if isinstance(result, Tensor):
        return result
    if isinstance(result, Mapping) and "logits" in result:
        return _tensor(result["logits"])
    if hasattr(result, "logits"):
        return _tensor(result.logits)
    if isinstance(result, list | tuple) and result:
        return _tensor(result[0])
    raise PredictionsError(
        f"the module returns {type(result).__name__}: expected a tensor, a tuple that begins with one, or "
        "something with .logits"
    )


def _tensor(value: Any) -> Tensor:
    if not isinstance(value, Tensor):
        raise PredictionsError(f"the module's logits are {type(value).__name__}: expected a tensor")
    return value


def rows_of(output: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Predictions (n, K) or (n,), labels (n,) and the example of each row, of outputs of any dimension.

    (N, K, d1, …) with labels (N, d1, …) is read as cross_entropy reads it, (N, d1, …, K) as sequence
    models give it. Labels of -100 are left out, as there.
    """
    shape = tuple(output.shape)
    if labels.ndim == output.ndim and labels.shape[-1] == 1 and shape[-1] == 1:
        labels = labels.reshape(-1)
    if output.ndim > 2:
        if labels.shape == (shape[0], *shape[2:]):
            output = output.movedim(1, -1)
        elif labels.shape != shape[:-1]:
            raise ShapeError(f"outputs have shape {shape} and labels {tuple(labels.shape)}")
    elif labels.ndim > 1:
        raise ShapeError(
            f"outputs have shape {shape} and labels {tuple(labels.shape)}: expected one label an example. "
            "Several labels a row are several questions: judge one column at a time."
        )
    example = torch.arange(len(labels)).reshape(-1, *[1] * (labels.ndim - 1)).expand(labels.shape)
    flat = output.reshape(-1, output.shape[-1]) if output.ndim > 1 else output
    labels, example = labels.reshape(-1), example.reshape(-1)
    if len(flat) != len(labels):
        raise ShapeError(f"the module gives {len(flat)} rows for {len(labels)} labels")
    kept = labels.to(example.device) != IGNORED
    return flat[kept.to(flat.device)], labels[kept.to(labels.device)], example[kept]
