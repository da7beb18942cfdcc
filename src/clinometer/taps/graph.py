"""The autograd graph of one loss, as lists: nodes, who feeds whom, and an order.

Leaves (tensors that gather a gradient) are kept apart from the ways of the signal; a transposed view of
a leaf counts as the leaf, for that is how a linear map takes its weight.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

MOST_NODES = 200_000  # a larger graph is not walked: its layers are reported as not observed
LEAF = "AccumulateGrad"
TRANSPOSED = frozenset({"TBackward0", "PermuteBackward0", "TransposeBackward0"})


@dataclass
class Graph:
    """Nodes by number, the loss first.

    Attributes
    ----------
    kinds : class name of each node (`AddmmBackward0`)
    parents : for each node (parent, its output) towards the input; leaves are left out
    consumers : for each node (consumer, position among its inputs, output consumed)
    leaves : for each node the leaf tensors that it takes
    turned : ids of the leaves that are taken through a transposed view
    starts : the nodes that the walk began from
    order : node numbers, every consumer before what it consumes
    whole : whether the walk reached its end
    """

    nodes: list[Any] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    parents: list[list[tuple[int, int]]] = field(default_factory=list)
    consumers: list[list[tuple[int, int, int]]] = field(default_factory=list)
    leaves: list[list[Any]] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    number: dict[Any, int] = field(default_factory=dict)
    turned: set[int] = field(default_factory=set)
    starts: list[int] = field(default_factory=list)
    whole: bool = True

    def add(self, node: Any) -> int:
        """Number of a node, new or known."""
        known = self.number.get(node)
        if known is not None:
            return known
        self.number[node] = number = len(self.nodes)
        self.nodes.append(node)
        self.kinds.append(type(node).__name__)
        self.parents.append([])
        self.consumers.append([])
        self.leaves.append([])
        return number


def walk(roots: Iterable[Any]) -> Graph:
    """The graph below these nodes, without its leaves."""
    graph = Graph()
    ahead = list(dict.fromkeys(graph.add(root) for root in roots if root is not None))
    graph.starts = list(ahead)
    while ahead:
        if len(graph.nodes) > MOST_NODES:
            graph.whole = False
            break
        here = ahead.pop()
        for position, (parent, output) in enumerate(graph.nodes[here].next_functions):
            if parent is None:
                continue
            leaf = _leaf(parent)
            if leaf is not None:
                graph.leaves[here].append(leaf)
                if type(parent).__name__ in TRANSPOSED:
                    graph.turned.add(id(leaf))
                continue
            known = len(graph.nodes)
            there = graph.add(parent)
            if there == known:
                ahead.append(there)
            graph.parents[here].append((there, output))
            graph.consumers[there].append((here, position, output))
    graph.order = _ordered(graph)
    return graph


def _ordered(graph: Graph) -> list[int]:
    """Kahn's algorithm from the loss down."""
    waiting = [len(consumers) for consumers in graph.consumers]
    ready = [start for start in graph.starts if not waiting[start]]
    order = []
    while ready:
        here = ready.pop()
        order.append(here)
        for parent, _ in graph.parents[here]:
            waiting[parent] -= 1
            if not waiting[parent]:
                ready.append(parent)
    return order


def _leaf(node: Any) -> Any:
    """The leaf tensor that this node is, or is a transposed view of; None where it is neither."""
    kind = type(node).__name__
    if kind == LEAF:
        return node.variable
    if kind in TRANSPOSED:
        below = node.next_functions[0][0]
        if below is not None and type(below).__name__ == LEAF and below.variable.ndim == 2:
            return below.variable
    return None
