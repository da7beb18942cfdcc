"""How unlike the units of a layer are: units with the same weights learn the same, for ever.

A few whole rows at an even stride are enough to tell: rows that are alike by construction are so everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from clinometer.taps.harvest import Lane

MOST_UNITS = 32
MOST_INPUTS = 32
Entry = tuple[int, int]  # number in the lane, and position in what lies there


def few_rows(weight: torch.Tensor) -> torch.Tensor:
    """(units, inputs) of a weight (units, ...): at most 32 of each, every so-manieth; without a graph."""
    rows = weight.detach()[:: -(-weight.shape[0] // MOST_UNITS)].flatten(1)
    return rows[:, :: -(-rows.shape[1] // MOST_INPUTS)]


def take_spreads(parts: Sequence[torch.Tensor], lane: Lane) -> list[Entry]:
    """Leave the spread of each part in the lane: RMS of (weight - mean unit) / RMS of the weight.

    Exactly 0 where all rows are alike, for they are compared with the first one; nan where all is 0. In
    float64, and in as few calls as there are shapes.
    """
    found: list[Entry] = [(0, 0)] * len(parts)
    groups: dict[tuple[object, ...], list[int]] = {}
    for i, part in enumerate(parts):
        groups.setdefault((part.shape, part.device, part.dtype), []).append(i)
    for members in groups.values():
        rows = torch.stack([parts[i] for i in members]).double()
        apart = rows - rows[:, :1]
        apart = apart - apart.mean(dim=1, keepdim=True)
        shares = apart.square().mean(dim=(1, 2)) / rows.square().mean(dim=(1, 2))
        number = lane.take(shares.sqrt())
        for position, i in enumerate(members):
            found[i] = number, position
    return found
