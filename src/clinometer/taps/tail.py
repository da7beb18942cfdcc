"""What lies between the network's last layer and the root of its loss, in order of execution.

How to read the whole order off a recording: begin at the call site with the fact `tail`; if it is not
the last weight layer itself, go down its `parents` to that one, and put the calls on the way in
front, by their `operations` where they are plain function calls, by their `class` where they are
modules (nn.Softmax), the lowest first. Thus a Linear, an nn.Sigmoid with `output` and the tail
["MseLossBackward0"] read: Linear, Sigmoid, squared error. A sigmoid that is a plain function call before
the loss stands in the tail of the layer below it *and* is a call with a tail of its own.
"""

from __future__ import annotations

from typing import Any

from clinometer.taps.graph import Graph
from clinometer.taps.loss import LOSSES
from clinometer.taps.places import Place
from clinometer.taps.term import axis_of

SOFTMAX = frozenset({"SoftmaxBackward0", "LogSoftmaxBackward0", "SafeSoftmaxBackward0"})
MOST = 64  # a longer way is no tail


def end_facts(graph: Graph, place: Place) -> dict[str, Any]:
    """Facts of a place that tell of softmaxes and of the loss.

    axis, axes, size : of a softmax: over which axis of how many (counted from 0), and over how much
    tail : of the network's output, names of the autograd nodes from it (exclusive) to the loss's root,
        views included; left out where several ways lead there and none of them is a loss term's
    softmax : [{"node", "axis", "axes", "size"}], one for each softmax in the tail
    """
    facts: dict[str, Any] = {}
    if graph.kinds[place.at] in SOFTMAX:
        facts |= softmax(graph.nodes[place.at])
    way = _tail(graph, place) if place.last else None
    if way is not None:
        facts["tail"] = [graph.kinds[number] for number in way]
        found = [number for number in way if graph.kinds[number] in SOFTMAX]
        facts["softmax"] = [
            {"node": graph.kinds[number]} | softmax(graph.nodes[number]) for number in found
        ]
        if not found:
            del facts["softmax"]
    return facts


def softmax(node: Any) -> dict[str, int]:
    """{"axis", "axes", "size"} of a softmax's node; nothing that it saved is unpacked."""
    shape = node._input_metadata[0].shape
    axis = axis_of(node) % max(len(shape), 1)
    return {"axis": axis, "axes": len(shape), "size": int(shape[axis]) if len(shape) else 1}


def _tail(graph: Graph, place: Place) -> list[int] | None:
    """Numbers of the nodes from a place to the root: its only way, or that of its first loss term."""
    edges = graph.consumers[place.at]
    ahead = list(dict.fromkeys(c for c, _, output in edges if output == place.output))
    way = _to_loss(graph, ahead)
    while way is not None:
        above = list(dict.fromkeys(c for c, _, _ in graph.consumers[way[-1]])) if way else ahead
        if not above:
            return way
        way = [*way, above[0]] if len(above) == 1 and len(way) < MOST else None
    return None


def _to_loss(graph: Graph, ahead: list[int]) -> list[int] | None:
    """The shortest way to a loss term; [] where there is none, None where two are as near."""
    ways = [[number] for number in ahead]
    known = set(ahead)
    while ways and len(ways[0]) < MOST:
        found = [way for way in ways if graph.kinds[way[-1]] in LOSSES]
        if found:
            return found[0] if len({way[-1] for way in found}) == 1 else None
        longer = []
        for way in ways:
            for consumer, _, _ in graph.consumers[way[-1]]:
                if consumer not in known:
                    known.add(consumer)
                    longer.append([*way, consumer])
        ways = longer
    return []
