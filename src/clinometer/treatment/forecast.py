"""`clinometer.forecast`: gains of a network before any training, measured and beside theory."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from clinometer.errors import ForecastError
from clinometer.records.forecast import Forecast, Initialised, typical
from clinometer.theory.chain import ChainForecast, WeightMap, chain_forecast
from clinometer.treatment.forecast_copy import called, copied, said, streams_kept, with_shapes
from clinometer.treatment.forecast_inits import INITS, ON_BATCH, relinked, weighted
from clinometer.treatment.forecast_measure import LossFunction, Pass, measure
from clinometer.treatment.forecast_rows import Chain, chain_of, expected, rows_of
from clinometer.treatment.forecast_widths import width_slopes

if TYPE_CHECKING:
    from torch import nn

SEED = 0  # of the weights that other initialisations draw


def forecast(
    model: nn.Module | Callable[..., nn.Module],
    inputs: Any,
    *,
    loss: LossFunction | None = None,
    targets: Any = None,
    inits: bool = True,
    widths: Sequence[int] = (),
    width_argument: str = "width",
    draws: int = 3,
    steps: int = 3,
    lr: float = 1e-3,
) -> Forecast:
    """Measure, on one batch and before any training, what a network does to its gradient.

    Parameters
    ----------
    model : the network, or the function that makes it (needed for `widths`)
    inputs : one batch as the training loop gives it: a tensor, a tuple by place, or a dict by name
    loss : of the output, or of (output, targets); without one the gradient starts as a random direction of
        norm 1
    targets : second argument of the loss
    inits : whether to measure other first weights, too
    widths : at which to repeat the measurement (the coordinate check of Yang et al., 2022, muP)
    width_argument : of the function, which sets the width
    draws, steps, lr : of the width check: networks at each width, and Adam steps with that rate on the
        batch, taken where a loss is given

    Returns
    -------
    Forecast : prints itself; `.require(...)` makes it a test.

    Raises
    ------
    ForecastError : where the model does not take the inputs, cannot be copied, or no layer is seen.

    Notes
    -----
    Everything runs on copies, in float64 where the model can: weights, buffers, gradients, modes and random
    streams stay as they are. The mode (training or evaluation) is the model's own.
    """
    with streams_kept():
        made = with_shapes(_made(model), inputs)
        seen = measure(copied(made), inputs, loss, targets)
        chain = chain_of(seen.operations)
        told = expected(seen.operations, chain, seen=False)
        rows = rows_of(seen.operations, chain, told, seen.end)
        if not rows:
            raise ForecastError(
                f"{type(made).__name__} has no layer with a weight matrix on its way; expected one or more"
            )
        again = expected(seen.operations, chain, seen=True)
        at_seen = rows_of(seen.operations, chain, again, seen.end)
        others = _others(made, inputs, loss, targets, seen, chain) if inits else ()
        slopes = width_slopes(
            model, inputs, loss, targets, widths=widths, argument=width_argument, draws=draws, steps=steps,
            lr=lr,
        )  # fmt: skip
    covered = [row for row in rows if math.isfinite(row.expected_gain)]
    return Forecast(
        model=type(made).__name__,
        rows=rows,
        why_silent=chain.why,
        expected=math.fsum(row.expected_gain for row in covered) if covered else math.nan,
        spread=told.spread if told is not None and covered else math.nan,
        measured=math.fsum(row.gain for row in covered) if covered else math.nan,
        at_seen_lengths=math.fsum(
            row.expected_gain for row in at_seen if not math.isnan(row.expected_gain)
        )
        if covered
        else math.nan,
        start=seen.end,
        largest=float(np.max([one.largest for one in seen.operations])),
        loss="a random direction of norm 1"
        if loss is None
        else getattr(loss, "__name__", type(loss).__name__),
        dtype=seen.dtype,
        inits=others,
        widths=slopes,
        widths_tried=tuple(widths),
        notes=tuple(_notes(made, seen)),
    )


def _made(model: nn.Module | Callable[..., nn.Module]) -> nn.Module:
    """The model itself, or what the function makes."""
    if isinstance(model, torch.nn.Module):
        return model
    if not callable(model):
        raise ForecastError(
            f"found {type(model).__name__}; expected a torch.nn.Module, or a function that makes one"
        )
    try:
        found = model()
    except Exception as error:
        name = getattr(model, "__name__", "the function")
        raise ForecastError(
            f"{name}() failed: {said(error)}\n  Expected a function that can be called without arguments "
            "and returns a torch.nn.Module."
        ) from error
    if not isinstance(found, torch.nn.Module):
        name = getattr(model, "__name__", "the function")
        raise ForecastError(f"{name}() returned {type(found).__name__}; expected a torch.nn.Module")
    return found


def _notes(model: nn.Module, seen: Pass) -> list[str]:
    notes = [seen.note] if seen.note else []
    notes.append(
        f"measured in {'training' if model.training else 'evaluation'} mode, as the model is"
    )
    return notes


def _others(
    model: nn.Module, inputs: Any, loss: LossFunction | None, targets: Any, seen: Pass, chain: Chain
) -> tuple[Initialised, ...]:
    """The network with other first weights, measured on copies."""
    if not any(True for _ in weighted(model)):
        return ()
    found = []
    for name, fill in INITS.items():
        torch.manual_seed(SEED)
        try:
            other = copied(model)
            fill(other)
            if name in ON_BATCH:
                with torch.no_grad():
                    called(other, inputs)  # scales the weights as it runs
            passed = measure(other, inputs, loss, targets)
        except Exception as error:
            nothing = math.nan
            found.append(Initialised(name, nothing, nothing, nothing, nothing, said(error)))
            continue
        there = chain_of(passed.operations)
        told = _told(relinked(chain.present, name), seen) if not chain.why else None
        rows = rows_of(passed.operations, there, None, passed.end)
        measured = rows[0].arriving
        found.append(
            Initialised(
                name=name,
                measured=measured,
                expected=float(told.gains[_after_first(chain) :].sum()) if told else math.nan,
                spread=told.spread if told else math.nan,
                per_layer=typical(rows),
            )
        )
    return tuple(found)


def _told(links: list[Any], seen: Pass) -> ChainForecast | None:
    lengths = seen.operations[0].lengths
    return None if lengths is None else chain_forecast(links, lengths)


def _after_first(chain: Chain) -> int:
    """Number of the first link behind the first layer: gains are told up to its output."""
    return next(k for k, link in enumerate(chain.present) if isinstance(link, WeightMap)) + 1
