"""The autograd graph between two observed places: who feeds whom, through which operations.

A layer's output marks its node (in `Node.metadata`, which lives and dies with the graph of one
step; nothing is set on modules or tensors). From a later layer's input we walk back to the marks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

MARK = "clinometer"
MOST_NODES = 512  # a walk longer than this is cut, and the path is reported as not observed


@dataclass(frozen=True)
class Origin:
    """Where a tensor comes from.

    Attributes
    ----------
    marks : marks that were met, nearest first; empty at the input of the network
    operations : names of the nodes passed on the way, last operation first
    chain : whether the way is a single path (no operation joins or forks the signal)
    """

    marks: tuple[Any, ...]
    operations: tuple[str, ...]
    chain: bool


def mark(tensor: torch.Tensor, token: object, label: Any) -> bool:
    """Mark the node that made `tensor`; False where it has none, or is marked in this step already."""
    node = tensor.grad_fn
    if node is None or _marked(node, token) is not None:
        return False
    node.metadata[MARK] = (token, label)  # type: ignore[index]  # torch types it as a method
    return True


def origin(node: Any, token: object) -> Origin:
    """Walk back from a node to the nearest marks of this step."""
    marks: list[Any] = []
    operations: list[str] = []
    chain = True
    seen: set[Any] = set()
    ahead = [node] if node is not None else []
    while ahead and len(seen) < MOST_NODES:
        node = ahead.pop(0)
        if node in seen:
            continue
        seen.add(node)
        label = _marked(node, token)
        if label is not None:
            marks.append(label)
            continue
        operations.append(node.name())
        parents = [parent for parent, _ in node.next_functions if parent is not None]
        parents = [parent for parent in parents if not _is_leaf(parent)]
        chain = chain and len(parents) <= 1
        ahead.extend(parents)
    return Origin(tuple(marks), tuple(operations), chain and not ahead and len(marks) <= 1)


def nodes_above(root: Any, token: object) -> tuple[list[Any], list[Any]]:
    """Nodes between the loss and the nearest marks, and those marks: ([nodes], [labels])."""
    nodes: list[Any] = []
    marks: list[Any] = []
    seen: set[Any] = set()
    ahead = [root] if root is not None else []
    while ahead and len(seen) < MOST_NODES:
        node = ahead.pop(0)
        if node in seen:
            continue
        seen.add(node)
        label = _marked(node, token)
        if label is not None:
            marks.append(label)
            continue
        nodes.append(node)
        ahead.extend(parent for parent, _ in node.next_functions if parent is not None)
    return nodes, marks


def _marked(node: Any, token: object) -> Any:
    found = node.metadata.get(MARK)
    return found[1] if found is not None and found[0] is token else None


def _is_leaf(node: Any) -> bool:
    """A leaf tensor that gathers a gradient (a parameter), or a parameter seen through a view."""
    if node.name() == "torch::autograd::AccumulateGrad":
        return True
    parents = [parent for parent, _ in node.next_functions if parent is not None]
    return node.name() == "TBackward0" and len(parents) == 1 and _is_leaf(parents[0])
