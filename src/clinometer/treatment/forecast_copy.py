"""Measuring on a copy: the user's model, its gradients, modes and random streams stay as they are."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from clinometer.errors import ForecastError


@contextmanager
def streams_kept() -> Iterator[None]:
    """Python's, NumPy's and torch's global random streams are left where they were."""
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002  the user's own stream
    in_use = torch.cuda.is_available() and torch.cuda.is_initialized()
    devices = list(range(torch.cuda.device_count())) if in_use else []
    try:
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002


def bare(model: nn.Module) -> nn.Module:
    """The module inside `torch.compile`, DataParallel or DistributedDataParallel."""
    inside = getattr(model, "_orig_mod", None)
    if isinstance(inside, nn.Module):
        return bare(inside)
    wrapped = (nn.DataParallel, nn.parallel.DistributedDataParallel)
    return bare(model.module) if isinstance(model, wrapped) else model


def copied(model: nn.Module) -> nn.Module:
    """A deep copy without gradients, each module in its own mode.

    Raises
    ------
    ForecastError : where it cannot be copied.
    """
    inner = bare(model)
    try:
        made = copy.deepcopy(inner)
    except Exception as error:
        raise ForecastError(
            f"{type(inner).__name__} cannot be copied ({said(error)}), and a forecast never touches "
            "the model itself.\n  Give the function that makes it: clinometer.forecast(make_model, ...)."
        ) from error
    for parameter in made.parameters():
        if is_lazy(parameter):
            continue
        parameter.requires_grad_(parameter.is_floating_point())
    return made


def is_lazy(parameter: Tensor) -> bool:
    """Whether its shape is left to the first batch."""
    return isinstance(parameter, nn.parameter.UninitializedParameter)


def with_shapes(model: nn.Module, inputs: Any) -> nn.Module:
    """The model; or, where shapes are left to the first batch, a copy that has seen one."""
    if not any(map(is_lazy, model.parameters())):
        return model
    made = copied(model)
    try:
        with torch.no_grad():
            called(made, inputs)
    except Exception as error:
        raise ForecastError(
            f"{type(model).__name__} leaves shapes to its first batch, and did not run on this one: "
            f"{said(error)}"
        ) from error
    return made


def said(error: BaseException) -> str:
    """An error in one line."""
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def mapped(what: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same structure with every tensor changed."""
    if isinstance(what, Tensor):
        return change(what)
    if isinstance(what, Mapping):
        return {key: mapped(value, change) for key, value in what.items()}
    if isinstance(what, list | tuple):
        return type(what)([mapped(value, change) for value in what])
    return what


def widened(what: Any) -> Any:
    """Floating tensors in float64, so that rounding hides no gain."""
    return mapped(what, lambda t: t.detach().double() if t.is_floating_point() else t.detach())


def called(model: nn.Module, inputs: Any) -> Any:
    """The model's output: a mapping is passed by name, a tuple or list by place."""
    if isinstance(inputs, Mapping):
        return model(**inputs)
    if isinstance(inputs, list | tuple):
        return model(*inputs)
    return model(inputs)
