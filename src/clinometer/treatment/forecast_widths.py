"""The width check: does the size of each layer's output, or its change in a few steps, go with the width?

Yang et al. (2022), "Tensor Programs V", appendix D.1: the coordinate check.
"""

from __future__ import annotations

import inspect
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from clinometer.errors import ForecastError
from clinometer.records.forecast import WidthSlope
from clinometer.stats.slope import slope_interval
from clinometer.treatment.forecast_copy import called, said
from clinometer.treatment.forecast_measure import LossFunction
from clinometer.treatment.forecast_trace import tensors_in

Sizes = dict[tuple[str, str], list[tuple[float, float]]]
LEAST_WIDTHS = 3  # of a slope with an interval worth the name


def width_slopes(
    make: Any, inputs: Any, loss: LossFunction | None, targets: Any, *, widths: Sequence[int],
    argument: str, draws: int, steps: int, lr: float,
) -> tuple[WidthSlope, ...]:  # fmt: skip
    """Slopes of log RMS against log width for every layer that all widths have, by its name."""
    if not widths:
        return ()
    _check(make, widths, argument)
    sizes: Sizes = defaultdict(list)
    for width in widths:
        for draw in range(draws):
            torch.manual_seed(draw)
            for key, rms in _at(
                _one(make, argument, width), inputs, loss, targets, steps, lr
            ).items():
                sizes[key].append((math.log(width), rms))
    found = []
    for (layer, what), points in sizes.items():
        if len(points) == len(widths) * draws and all(math.isfinite(y) for _, y in points):
            slope, interval = slope_interval(*zip(*points, strict=True))
            found.append(WidthSlope(layer, what, slope, interval, len(points)))
    return tuple(found)


def _check(make: Any, widths: Sequence[int], argument: str) -> None:
    if isinstance(make, nn.Module) or not callable(make):
        raise ForecastError(
            "a width check needs the function that makes the model; found the model itself.\n  Expected "
            f"clinometer.forecast(make_model, ..., widths=...), where make_model({argument}=64) gives a "
            "Module."
        )
    if len(set(widths)) < LEAST_WIDTHS or min(widths) < 1:
        raise ForecastError(
            f"widths={tuple(widths)}: expected at least {LEAST_WIDTHS} different widths above 0"
        )
    try:
        takes = inspect.signature(make).parameters
    except (TypeError, ValueError):
        return
    if argument not in takes and not any(p.kind is p.VAR_KEYWORD for p in takes.values()):
        name = getattr(make, "__name__", "the function")
        raise ForecastError(
            f"{name} has no argument {argument!r} (it has {', '.join(takes) or 'none'}); expected the name "
            "of the one that sets the width: width_argument=..., or --width-argument"
        )


def _one(make: Callable[..., Any], argument: str, width: int) -> nn.Module:
    try:
        made = make(**{argument: width})
    except Exception as error:
        raise ForecastError(f"{argument}={width}: {said(error)}") from error
    if not isinstance(made, nn.Module):
        raise ForecastError(
            f"{argument}={width}: found {type(made).__name__}; expected a torch.nn.Module"
        )
    return made


def _at(
    model: nn.Module, inputs: Any, loss: LossFunction | None, targets: Any, steps: int, lr: float
) -> dict[tuple[str, str], float]:
    """ln RMS of each layer's output, and of its change in some steps where there is a loss."""
    before = _outputs(model, inputs)
    found = {(name, "output"): _ln_rms(out) for name, out in before.items()}
    if loss is None or not steps:
        return found
    stepper = torch.optim.Adam(model.parameters(), lr=lr)
    for _ in range(steps):
        stepper.zero_grad()
        output = called(model, inputs)
        (loss(output) if targets is None else loss(output, targets)).backward()
        stepper.step()
    after = _outputs(model, inputs)
    return found | {
        (name, "change"): _ln_rms(after[name] - out)
        for name, out in before.items()
        if name in after
    }


def _ln_rms(values: Tensor) -> float:
    square = float(values.double().square().mean())
    return 0.5 * math.log(square) if square > 0 else math.nan


def _outputs(model: nn.Module, inputs: Any) -> dict[str, Tensor]:
    """Output of every module with a weight matrix of its own."""
    found: dict[str, Tensor] = {}
    taken = []
    for name, part in model.named_modules():
        if any(p.ndim > 1 for p in part.parameters(recurse=False)):
            taken.append(part.register_forward_hook(_keep(found, name)))
    try:
        with torch.no_grad():
            called(model, inputs)
    except Exception as error:
        raise ForecastError(f"{type(model).__name__} does not run: {said(error)}") from error
    finally:
        for handle in taken:
            handle.remove()
    return found


def _keep(found: dict[str, Tensor], name: str) -> Callable[..., None]:
    def keep(_part: nn.Module, _given: Any, output: Any) -> None:
        out = next((t for t in tensors_in(output) if t.is_floating_point()), None)
        if out is not None:
            found[name] = out.detach().clone()

    return keep
