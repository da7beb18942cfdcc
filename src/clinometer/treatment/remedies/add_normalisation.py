"""A normalisation behind each hidden layer that has none.

BatchNorm (Ioffe & Szegedy 2015) where the batch supports it; LayerNorm (Ba et al. 2016) for few examples,
sequences and layers that run several times a pass; for images of few examples nn.GroupNorm of one group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from clinometer.treatment.network.chain import hidden, normalised
from clinometer.treatment.network.insert import behind
from clinometer.treatment.network.trace import WEIGHTED, Op, Trace, trace
from clinometer.treatment.network.weights import plural
from clinometer.treatment.remedy import NotApplicable, Remedy

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient

EXAMPLES = 8  # a variance of 8 values is known to +-50 % (sqrt(2/7)); of fewer, the noise is the size of it
BATCH_NORMS = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}


def apply(patient: Patient) -> str:
    """Between a layer and its activation; the last layer and queries, keys, values stay bare."""
    seen = trace(patient)
    found: dict[nn.Module, nn.Module] = {}
    for op, _ in hidden(seen):
        if op.module not in found and not normalised(seen, op) and _is_layer(op):
            found[op.module] = fitting(op, seen)
    if not found:
        raise NotApplicable("no hidden layer of torch without a normalisation was seen")
    if not patient.optimizers:
        raise NotApplicable("no optimizer was seen")
    for layer, norm in found.items():
        behind(patient, seen, layer, norm, "norm")
    kinds = sorted({type(norm).__name__ for norm in found.values()})
    return f"{' and '.join(kinds)} put behind {plural(len(found), 'hidden layer')}"


def _is_layer(op: Op) -> bool:
    trains = any(p.requires_grad for p in op.module.parameters())
    return isinstance(op.module, WEIGHTED) and op.result.ndim >= 2 and trains


def fitting(op: Op, seen: Trace) -> nn.Module:
    """The normalisation for what a layer gives: (examples, features), (examples, channels, ...)."""
    linear = isinstance(op.module, nn.Linear)
    size = op.result.shape[-1] if linear else op.result.shape[1]
    many = len(op.result) >= EXAMPLES and seen.times(op.module) == 1
    if many and not (linear and op.result.ndim > 2):
        return BATCH_NORMS[op.result.ndim](size)
    return nn.LayerNorm(size) if linear else nn.GroupNorm(1, size)


REMEDY = Remedy(
    name="add-normalisation",
    moment="start",
    changes="network",
    apply=apply,
    lines="# in the model, between each hidden layer and its activation (BatchNorm2d after a convolution)\n"
    "nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(),\n",
)
