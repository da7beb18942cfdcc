"""How much of a step is scale: the weight only grows, and the direction of the layer stays.

A step that is held against the gradient of its own batch mostly tells how well it fits that batch:
on mini-batches of 32 the loss so "gained" was 75 times the loss that was gained (digits, a network of
two hidden layers). So the step of one observation is held against the gradient of the next one, whose rows
are others: over the observations the noise averages out, and its spread can be told.

The elements are those that are read anyway (512 of a tensor, all of a smaller one); products are
scaled up to the tensor. The share of scale of the progress so read differs from that of all elements
by at most 0.03 (digits and cancer, networks of two hidden layers of 128, full batch).
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import NamedTuple

import numpy as np

from clinometer.taps.harvest import Values
from clinometer.taps.parameters import Layout


class Stride(NamedTuple):
    """One step of an optimizer: of the sampled elements, and <w, step> of each parameter."""

    step: Values
    along: Values


# By the names of the parameters that an optimizer moves: what it did at the last observation.
Trail = MutableMapping[tuple[str, ...], Stride]


def follow(
    trail: Trail, layout: Layout, lanes: Mapping[str, Values], unclip: Values
) -> dict[str, Values]:
    """Columns scale_slope, scale_step and carried of each parameter; leaves the step in the trail.

    Parameters
    ----------
    lanes : "before", "after" and "grad": sampled elements of all parameters in one line
    unclip : what each gradient is to be multiplied by, to be as backward left it [-]
    """
    before, step, gradient = lanes["before"], lanes["after"] - lanes["before"], lanes["grad"]
    names, starts = tuple(layout.names), np.cumsum(layout.sampled) - layout.sampled
    known = trail.get(names)
    if known is None or known.step.shape != step.shape:
        nothing = np.full(len(names), np.nan)
        known = Stride(np.full(step.shape, np.nan), nothing)
    products = np.stack([gradient * before, gradient * known.step, before * step])
    sums = np.add.reduceat(products, starts, axis=1) * (layout.sizes / layout.sampled)
    trail[names] = Stride(step, sums[2])
    return {
        "scale_slope": sums[0] * unclip, "carried": sums[1] * unclip, "scale_step": known.along,
    }  # fmt: skip
