"""Raw data as the network is given it: what each feature's mean and spread are.

Read where a layer takes a tensor that no part of the network made: whole examples, and of pictures
and sequences some of their places.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np
import torch
from torch import nn

from clinometer.records.columns import packed
from clinometer.taps.harvest import Lane
from clinometer.taps.roles import CONVOLUTION
from clinometer.taps.rows import LEAST_EXAMPLES, MOST_ELEMENTS, sampled, stride_for

MOST_CALLS = 4  # of one layer in a step; a cell is given one for each time step
CHANNELS = (
    *CONVOLUTION,
    nn.modules.batchnorm._NormBase,  # instance normalisation is one
    nn.GroupNorm,
)
FEW = 16  # features; over so short rows, sums across them are slow
FEATURES = (nn.Linear, nn.LayerNorm, nn.RNNBase, nn.RNNCellBase)


@dataclass(frozen=True, slots=True)
class Raw:
    """What one call was given: a number in the lane "input", of how many examples and features."""

    number: int
    examples: int
    features: int


def by_channel(module: nn.Module) -> bool | None:
    """Whether a layer's features lie on axis 1; None where it does not say."""
    if isinstance(module, CHANNELS):
        return True
    return False if isinstance(module, FEATURES) else None


def is_raw(inputs: Any) -> bool:
    """Whether a layer's input is data: made by nothing that gathers gradients, and itself no weight."""
    return (
        isinstance(inputs, torch.Tensor)
        and inputs.grad_fn is None
        and inputs.is_floating_point()
        and inputs.layout == torch.strided
        and not inputs.is_inference()
        and inputs.numel() > 0
        and not isinstance(inputs, nn.Parameter)
    )


def look_at(inputs: torch.Tensor, channels: bool, lane: Lane) -> Raw:
    """Measure one input, (examples, ..., features) or (examples, channels, ...).

    In its own precision, as distances from the first example in units of the largest of them: a large
    offset hides no spread, and no square leaves float32.
    """
    columns = _columns(inputs.detach(), channels)
    columns = columns if columns.dtype == torch.float64 else columns.float()
    features, examples = columns.shape
    apart = columns - columns[:, :1]
    reach = apart.abs().amax(dim=1)
    unit = torch.where(reach > 0, reach, torch.ones_like(reach))
    apart /= unit[:, None]
    middle = apart.mean(dim=1)
    variance = apart.sub_(middle[:, None]).square_().mean(dim=1).double()
    mean, spread = columns[:, 0].double() + middle.double() * unit, variance.sqrt() * unit
    medians = spread.median(), -(-spread).median()  # the lower and the upper one
    number = lane.take(
        torch.stack(
            [
                (reach == 0).double().mean(),
                mean.square().mean().sqrt(),
                spread.square().mean().sqrt(),
                spread.amax(),
                (medians[0] + medians[1]) / 2,
            ]
        )
    )
    return Raw(number, examples, features)


def _columns(inputs: torch.Tensor, channels: bool) -> torch.Tensor:
    """(features, examples or places) of about `MOST_ELEMENTS` at most, at an odd step."""
    part = sampled(inputs, stride_for(inputs.numel(), len(inputs) if inputs.ndim else 1))
    if channels and part.ndim > 2:
        places = part.flatten(2)
        step = -(-places.numel() // MOST_ELEMENTS)
        return places[:, :, :: step + 1 - step % 2].transpose(0, 1).flatten(1)
    rows = part.reshape(-1, part.shape[-1])
    step = min(-(-rows.numel() // MOST_ELEMENTS), max(len(rows) // LEAST_EXAMPLES, 1))
    columns = rows[:: step - 1 + step % 2].T
    return columns.contiguous() if len(columns) < FEW else columns


def row_of(looks: Iterable[Raw], lane: Lane) -> list[float]:
    """The row of `columns.INPUT`; of several calls the mean, weighted by their examples."""
    calls = list({look.number: look for look in looks}.values())
    values = np.stack([lane[look.number] for look in calls])
    weight = np.array([look.examples for look in calls], dtype=np.float64)
    squared = np.array([False, True, True, False, False])
    means = np.average(np.where(squared, values**2, values), axis=0, weights=weight)
    means = np.where(squared, np.sqrt(means), means)
    features = {look.features for look in calls}
    names = ("constant", "offset", "spread", "largest", "middle")
    return packed(
        "input",
        {
            "seen": float(len(calls)),
            "examples": float(weight.sum()),
            "features": float(features.pop()) if len(features) == 1 else nan,
        }
        | dict(zip(names, means.tolist(), strict=True)),
    )
