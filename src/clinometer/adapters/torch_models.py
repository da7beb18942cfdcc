"""Torch tensors and modules: what a module says of a loader's rows, with the module left as it was."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.adapters.estimators import reproduces
from clinometer.adapters.progress import shown
from clinometer.adapters.untouched import evaluated, random_streams_kept
from clinometer.calibration.cautions import in_simplex
from clinometer.calibration.predictions import Predictions, predictions
from clinometer.errors import PredictionsError

ROUNDING = {"float64": 1e-12, "float32": 1e-5, "float16": 5e-3, "bfloat16": 4e-2}
# ten units in the last place of a number near 1: what a softmax computed in that format may miss


def is_tensor(values: Any) -> bool:
    """Whether this is a torch tensor; torch is not imported to find out."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(values, torch.Tensor)


def is_module(model: Any) -> bool:
    """Whether this is a torch module (skorch and the like, which have predict_proba, are estimators)."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


def as_array(values: Any) -> Any:
    """A tensor of any device and precision as a NumPy array; float16 and bfloat16 as float32."""
    if not is_tensor(values):
        return values
    tensor = values.detach().cpu()
    half = str(tensor.dtype) in {"torch.bfloat16", "torch.float16"}
    return (tensor.float() if half else tensor).numpy()


def module_predictions(
    module: Any, data: Any, labels: Any = None, *, progress: bool | None = None, **known: Any
) -> Predictions:
    """Predictions of a module for a loader's batches, or for tensors X and y.

    Evaluation mode, no gradients, and no random number that the user would miss: modes of all
    sub-modules, the global random streams and the loader's own generator are afterwards as before.
    Where the module ends in a softmax or sigmoid, the logits that entered it are judged.

    Raises
    ------
    PredictionsError, ShapeError : batches or outputs of an unknown form, rows that do not match.
    """
    from clinometer.adapters import batches

    if data is None:
        raise PredictionsError("a module needs data: confidence(module, loader) or (module, X, y)")
    source = batches.of_arrays(data, labels) if labels is not None else data
    size = -(-len(data) // batches.ROWS) if labels is not None else None
    with random_streams_kept(data), evaluated(module):
        runs = [
            _one(module, batch, number)
            for number, batch in enumerate(shown(source, progress, "Judging", size))
        ]
    if not runs:
        raise PredictionsError("the loader gave no batch: there is nothing to judge")
    return _joined(type(module).__name__, runs, known)


def _one(module: Any, batch: Any, number: int) -> dict[str, Any]:
    from clinometer.adapters import batches
    from clinometer.adapters.last_activation import LastActivation

    parameter = next(module.parameters(), None)
    device = getattr(parameter, "device", "cpu")
    dtype = getattr(parameter, "dtype", None)
    args, kwargs, labels = batches.parts(batch, number)
    watch = nullcontext() if _is_compiled(module) else LastActivation()
    with watch:
        result = module(*batches.moved(args, device, dtype), **batches.moved(kwargs, device, dtype))
    output = batches.output_of(result)
    seen = watch.of(output) if isinstance(watch, LastActivation) else None
    scores, y, example = batches.rows_of(output, labels)
    run = {
        "dtype": str(output.dtype).rsplit(".", maxsplit=1)[-1],
        "output": as_array(scores),
        "labels": as_array(y),
        "example": as_array(example) if labels.ndim > 1 and output.ndim > 2 else None,
        "examples": len(labels),
        "kind": None if seen is None else seen[0],
        "entered": None,
        "left_out": labels.numel() - len(y),
    }
    if seen is not None and seen[1].shape == output.shape:
        run["entered"] = as_array(batches.rows_of(seen[1], labels)[0])
    return run


def _is_compiled(module: Any) -> bool:
    """A compiled module is run as it is: a function mode would make it compile again."""
    return any(
        hasattr(part, "_orig_mod") or getattr(part, "_compiled_call_impl", None)
        for part in module.modules()
    )


def _joined(name: str, runs: list[dict[str, Any]], known: dict[str, Any]) -> Predictions:
    output = np.concatenate([run["output"] for run in runs])
    kinds = {run["kind"] for run in runs}
    kind = kinds.pop() if len(kinds) == 1 else None
    entered = [run["entered"] for run in runs]
    logits = None if any(e is None for e in entered) else np.concatenate(entered)
    values, given, note = _read(name, output, logits, kind, runs[0]["dtype"])
    notes = [note] if note else []
    left_out = sum(run["left_out"] for run in runs)
    if left_out:
        notes.append(f"{left_out:,} labels are -100 and were left out, as cross_entropy does")
    groups = _examples(runs)
    if groups is not None and known.get("groups") is None:
        known = {**known, "groups": groups}
        notes.append("each example has many labels: its rows count as one group")
    return predictions(
        np.concatenate([run["labels"] for run in runs]),
        **{given: values},  # type: ignore[arg-type]
        **{"source": name, **known},
        single=runs[0]["dtype"] != "float64",
        notes=tuple(notes),
    )


def _read(
    name: str, output: NDArray[Any], logits: NDArray[Any] | None, kind: str | None, dtype: str
) -> tuple[NDArray[Any], str, str | None]:
    """Scores, whether they are logits or probabilities, and what a reader must know about it."""
    if kind == "log-softmax":
        return output, "logits", f"{name} ends in log-softmax: its outputs are log-probabilities"
    if kind in {"softmax", "sigmoid"}:
        if logits is not None and reproduces(logits, output, ROUNDING.get(dtype, 1e-5)):
            return (
                logits,
                "logits",
                f"{name} ends in a {kind}: the logits that entered it are judged",
            )
        note = f"{name} ends in a {kind}: its outputs are read as probabilities"
        return output, "probabilities", note
    if output.ndim == 2 and output.shape[1] > 1 and len(output) > 1 and in_simplex(output):
        note = f"{name}'s outputs lie in 0 to 1 and sum to 1: they are read as probabilities"
        return output, "probabilities", note
    return output, "logits", None


def _examples(runs: list[dict[str, Any]]) -> NDArray[np.int64] | None:
    """Number of the example that each row belongs to, where examples have many rows."""
    if any(run["example"] is None for run in runs):
        return None
    starts = np.cumsum([0, *(run["examples"] for run in runs)])
    numbered = [run["example"] + start for run, start in zip(runs, starts[:-1], strict=True)]
    return np.concatenate(numbered)
