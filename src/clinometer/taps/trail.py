"""How much of a step is scale: the weight only grows, and the direction of the layer stays.

A step that is held against the gradient of its own batch mostly tells how well it fits that batch:
on mini-batches of 32 the loss so "gained" was 46 times the loss that was gained (digits, SGD, a network of
two hidden layers). So the step of one observation is held against the gradient of the next one, whose rows
are others: over the observations the noise averages out, and its spread can be told.

The elements are those that are read anyway (512 of a tensor, all of a smaller one); products are
scaled up to the tensor. The share of scale of the progress so read differs from that of all elements
by at most 0.03 (digits and cancer, networks of two hidden layers of 128, full batch).
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping

import numpy as np

from clinometer.taps.harvest import Values
from clinometer.taps.parameters import Layout

# By the names of the parameters that an optimizer moves: the step of their sampled elements at the
# observation before.
Trail = MutableMapping[tuple[str, ...], Values]


def follow(
    trail: Trail, layout: Layout, lanes: Mapping[str, Values], unclip: Values
) -> dict[str, Values]:
    """Columns scale_slope, scale_step and carried of each parameter; leaves this step in the trail.

    Parameters
    ----------
    lanes : "before", "after" and "grad": sampled elements of all parameters in one line
    unclip : what each gradient is to be multiplied by, to be as backward left it [-]
    """
    weight, gradient = lanes["before"], lanes["grad"]
    names, starts = tuple(layout.names), np.cumsum(layout.sampled) - layout.sampled
    step = trail.get(names)
    if step is None or step.shape != weight.shape:
        step = np.full(weight.shape, np.nan)
    products = np.stack([gradient * weight, weight * step, gradient * step])
    slope, along, carried = np.add.reduceat(products, starts, axis=1) * (
        layout.sizes / layout.sampled
    )
    trail[names] = lanes["after"] - weight
    return {"scale_slope": slope * unclip, "scale_step": along, "carried": carried * unclip}
