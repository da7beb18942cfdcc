"""`module:factory`: the function that makes a model, found as Python would from the current folder."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from clinometer.errors import ForecastError
from clinometer.treatment.forecast_copy import said

SEED = 0  # of the weights and of the batch
DTYPES = {
    name: getattr(torch, name)
    for name in ("float32", "float64", "float16", "bfloat16", "int64", "int32", "bool")
}


def seeded() -> None:
    """Start torch's stream of a command of our own at its seed: the same command draws the same weights."""
    torch.manual_seed(SEED)


def factory(target: str, arguments: Mapping[str, Any]) -> Callable[..., nn.Module]:
    """What `module:name` names, with these arguments set.

    Raises
    ------
    ForecastError : where there is no such module or name, or it is nothing that can be called.
    """
    module_name, colon, attribute = target.partition(":")
    if not (colon and module_name and attribute):
        raise ForecastError(f"{target!r}: expected MODULE:FACTORY, for example models:make_model")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    found: Any = _module(module_name)
    for part in attribute.split("."):
        if not hasattr(found, part):
            near = [
                name for name in vars(found) if callable(getattr(found, name)) and name[0] != "_"
            ]
            raise ForecastError(
                f"module {module_name} has no {attribute!r}; it has {', '.join(near[:8]) or 'no function'}"
            )
        found = getattr(found, part)
    if isinstance(found, nn.Module):
        model = found
        return lambda: model
    if not callable(found):
        raise ForecastError(
            f"{target} is {type(found).__name__}; expected a function or class that makes a "
            "torch.nn.Module, or a Module"
        )
    return partial(found, **arguments) if arguments else found


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
            raise ForecastError(f"{name} imports {error.name}, which is not installed") from error
        raise ForecastError(
            f"there is no module {name!r} here ({os.getcwd()}) or on Python's path; expected the name of a "
            "file without .py, or of an installed package"
        ) from error
    except Exception as error:
        raise ForecastError(f"importing {name} failed: {said(error)}") from error
    except SystemExit as error:
        raise ForecastError(
            f"importing {name} ended Python: put what runs a training below `if __name__ == '__main__':`"
        ) from error


def batch(
    shapes: Sequence[tuple[str, tuple[int, ...]]], dtypes: Sequence[str], rows: int, high: int
) -> Any:
    """One random batch: normal numbers, or whole ones from 0 to below `high`.

    Parameters
    ----------
    shapes : (name, shape of one example) of each input; without names they are passed by place
    dtypes : of each, or one for all
    rows : examples
    high : of whole numbers, the first that is too large
    """
    kinds = list(dtypes) if len(dtypes) == len(shapes) else list(dtypes) * len(shapes)
    if len(kinds) != len(shapes):
        raise ForecastError(
            f"{len(dtypes)} dtypes for {len(shapes)} inputs; expected one for each, or one for all"
        )
    draw = torch.Generator().manual_seed(SEED)
    made = [
        (name, _drawn((rows, *shape), kind, high, draw))
        for (name, shape), kind in zip(shapes, kinds, strict=True)
    ]
    named = [name for name, _ in made if name]
    if named and len(named) != len(made):
        raise ForecastError("some inputs have names and some have none; expected all or none")
    if named:
        return dict(made)
    return tuple(tensor for _, tensor in made)


def _drawn(shape: tuple[int, ...], dtype: str, high: int, draw: torch.Generator) -> Tensor:
    kind = DTYPES[dtype]
    if kind is torch.bool:
        return torch.ones(shape, dtype=kind)
    if not kind.is_floating_point:
        return torch.randint(0, high, shape, generator=draw, dtype=kind)
    return torch.randn(shape, generator=draw).to(kind)
