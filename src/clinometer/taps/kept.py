"""What autograd keeps of a plain function call: the input of a linear map, an activation's result.

Read only where nobody's saved-tensor hooks are in force: unpacking would run them, and a checkpointed
segment would be computed again.
"""

from __future__ import annotations

from typing import Any

import torch

from clinometer.taps.flatness import (
    MOST_EXAMPLES,
    by_unit,
    flat_counts,
    input_regions,
    output_regions,
)
from clinometer.taps.graph import Graph
from clinometer.taps.inputs import Raw, is_raw, look_at
from clinometer.taps.layers import LayerTap
from clinometer.taps.places import Place
from clinometer.taps.roles import NODE_ACTIVATION
from clinometer.taps.rows import Taken, sampled, stride_for

INPUTS = {
    "AddmmBackward0": "_saved_mat1",
    "MmBackward0": "_saved_self",
    "ConvolutionBackward0": "_saved_input",
    "LinearBackward0": "_saved_input",
}


def kept(node: Any, name: str) -> torch.Tensor | None:
    """A saved tensor, or None where it is gone (freed, or changed in place since)."""
    try:
        found = getattr(node, name, None)
    except RuntimeError:
        return None
    return found.detach() if isinstance(found, torch.Tensor) else None


def rows_of_input(
    node: Any, place: Place, channels: bool, layers: LayerTap
) -> tuple[Taken, int] | None:
    """(row norms of a functional linear map's input, every how-manieth example was read).

    None for a convolution, whose rows are patches.
    """
    kind = place.operations[0]
    inputs = kept(node, INPUTS.get(kind, "_none"))
    if inputs is None or channels or not inputs.is_floating_point():
        return None
    if not inputs.ndim:
        return None
    rows = inputs.numel() // max(inputs.shape[-1], 1)
    largest = max(inputs.numel(), rows * place.facts["fan_out"])
    stride = stride_for(largest, inputs.shape[0])
    return layers.take(place.name, "in", sampled(inputs, stride), channels), stride


def raw_input(graph: Graph, place: Place, channels: bool, layers: LayerTap) -> Raw | None:
    """The data that a functional linear map is given; None where it is given a weight, or keeps none."""
    matrices = [leaf for leaf in graph.leaves[place.at] if leaf.ndim > 1]
    inputs = kept(graph.nodes[place.at], INPUTS.get(place.operations[0], "_none"))
    if len(matrices) != 1 or inputs is None or not is_raw(inputs):
        return None
    return look_at(inputs, channels, layers.harvest.lane("input"))


def flat_of_result(
    node: Any, place: Place, channels: bool, layers: LayerTap
) -> tuple[int, int, int] | None:
    """(number in the lane "units", values a unit, examples) of a functional activation."""
    if len(place.operations) != 1:
        return None
    name, saved = NODE_ACTIVATION[place.operations[0]]
    values = kept(node, saved)
    if values is None:
        return None
    from_result = saved == "_saved_result"
    regions = output_regions(name) if from_result else input_regions(name)
    examples = min(values.shape[0], MOST_EXAMPLES) if values.ndim > 1 else 1
    part = by_unit(values, channels)
    counts = flat_counts(part, regions)
    units = max(part.shape[1], 1)
    return layers.harvest.lane("units").take(counts), part.numel() // units, examples
