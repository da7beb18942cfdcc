"""Read loss terms from the graph: value, targets, and which examples are right.

The nodes of PyTorch's own losses keep what we need (`_saved_target`, `_saved_self`), so no function
of the user's is wrapped. A loss made by hand from other operations has no such node: "not seen", but
for two that PyTorch itself makes so: the absolute error and the cross-entropy with shares as targets.
Only reductions are taken, and nothing waits for an accelerator.

Facts of a loss site, each only where it applies:
`after` (of `nll_loss`) the node that made the scores, and `axis` where that is a log-softmax over
something other than the classes; `weighted` the terms and the counts of labels carry weights;
`soft` the targets are shares; `label_smoothing` how much of it value and counts hold; `beta`, `delta`
of `smooth_l1` and `huber`; `pooled` the targets of all outputs are sampled together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from clinometer.taps.harvest import Harvest
from clinometer.taps.loss_errors import absolute_error, huber, smooth_l1, squared_error
from clinometer.taps.loss_labels import (
    binary_from_logits,
    binary_from_probabilities,
    negative_log_likelihood,
    soft_cross_entropy,
)
from clinometer.taps.term import Above, Made, Take, Term

READERS: dict[str, Callable[[Any, Take, Above], Term | None]] = {
    "NllLossBackward0": negative_log_likelihood,
    "NllLoss2DBackward0": negative_log_likelihood,
    "MulBackward0": soft_cross_entropy,
    "BinaryCrossEntropyWithLogitsBackward0": binary_from_logits,
    "BinaryCrossEntropyBackward0": binary_from_probabilities,
    "MseLossBackward0": squared_error,
    "AbsBackward0": absolute_error,
    "SmoothL1LossBackward0": smooth_l1,
    "HuberLossBackward0": huber,
}
# Nodes that are a term by themselves, whatever stands around them.
LOSSES = frozenset(READERS) - {"MulBackward0", "AbsBackward0"}


def read_terms(nodes: list[Any], harvest: Harvest, made: Made = lambda _node: None) -> list[Term]:
    """Loss terms among the nodes above the network, the second of a kind as `cross_entropy#2`.

    Those that cannot be read are left out. `made` gives the tensor that a node of the network made.
    """
    if torch._C._autograd._top_saved_tensors_default_hooks(True) is not None:
        return []  # unpacking a saved tensor would run somebody's hook
    take, above = harvest.lane("loss").take, Above(nodes, made)
    terms: list[Term] = []
    with torch.no_grad():
        for node in nodes:
            reader = READERS.get(type(node).__name__)
            term = reader(node, take, above) if reader is not None else None
            if term is not None:
                alike = sum(term.name == known.name.partition("#")[0] for known in terms)
                name = f"{term.name}#{alike + 1}" if alike else term.name
                terms.append(replace(term, name=name))
    return terms
