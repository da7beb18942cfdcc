"""Where the first NaN or Inf of a forward pass was made, read off what autograd kept of it.

Called once, when a loss turns out not to be finite: its graph still holds what each operation was given
or made, whether or not the step was observed. The first operation, in order of execution, that was
given something bad names the one before it: that made it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from clinometer.taps.graph import Graph, walk
from clinometer.taps.kept import kept

NameOf = Callable[[torch.Tensor], str]
RESULTS = frozenset({"_saved_result", "_saved_output", "_saved_result0"})


def autopsy(roots: list[Any], name_of: NameOf) -> str:
    """In words, the operation that made the first NaN or Inf; "" where it cannot be told."""
    graph = walk(roots)
    order = sorted(range(len(graph.nodes)), key=lambda n: int(graph.nodes[n]._sequence_nr()))
    layer = ""
    with torch.no_grad():
        for number in order:
            weights = [name_of(leaf) for leaf in graph.leaves[number]]
            bad_leaf = next((leaf for leaf in graph.leaves[number] if not _finite(leaf)), None)
            if bad_leaf is not None:
                return f"{name_of(bad_leaf)} itself holds NaN or Inf"
            inputs, results = _kept(graph.nodes[number])
            if any(not _finite(tensor) for tensor in inputs):
                return _said(graph, [p for p, _ in graph.parents[number]], layer, weights)
            if any(not _finite(tensor) for tensor in results):
                return _said(graph, [number], layer, weights)
            layer = weights[-1] if weights else layer
    return _said(graph, graph.starts, layer, [])


def _said(graph: Graph, makers: list[int], after: str, before: list[str]) -> str:
    kinds = [graph.kinds[maker].removesuffix("0").removesuffix("Backward") for maker in makers]
    what = " or ".join(dict.fromkeys(kinds)) or "the network's input"
    place = f", after {after}" if after else ""
    place += f", before {before[-1]}" if before else ""
    return f"first made by {what}{place}"


def _kept(node: Any) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """(tensors the operation was given, tensors it made) as far as autograd keeps them."""
    inputs: list[torch.Tensor] = []
    results: list[torch.Tensor] = []
    for name in dir(node):
        if name.startswith("_saved_") and (value := kept(node, name)) is not None:
            (results if name in RESULTS else inputs).append(value)
    return inputs, results


def _finite(tensor: torch.Tensor) -> bool:
    if not (tensor.is_floating_point() or tensor.is_complex()) or tensor.is_sparse:
        return True
    return bool(torch.isfinite(tensor.detach()).all())
