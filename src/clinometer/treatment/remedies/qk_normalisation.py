"""Queries and keys normalised before their product, so that logits stay bounded however weights grow.

Source: Henry et al. (2020), EMNLP Findings; Dehghani et al. (2023), ICML, with LayerNorm on each head's d.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from clinometer.treatment.network.attending import fused, logits
from clinometer.treatment.network.sites import exchange, planned
from clinometer.treatment.network.trace import Op, trace
from clinometer.treatment.network.weights import plural
from clinometer.treatment.remedy import NotApplicable, Remedy

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient

PAIRED = frozenset({"matmul", "__matmul__", "bmm"})  # of these it is known which axis is contracted


def apply(patient: Patient) -> str:
    """A LayerNorm each, in the module that makes the product; one pair a module."""
    seen = trace(patient)
    found = [op for op, _ in logits(seen) if op.function in PAIRED]
    if not found:
        raise NotApplicable(
            "the attention is torch's own, which takes queries and keys from inside"
            if fused(seen)
            else "no softmax over a product of queries and keys was seen"
        )
    if not patient.optimizers:
        raise NotApplicable("no optimizer was seen")
    for op in found:
        _normalise(patient, op)
        exchange(patient, planned(seen, [op], _Normalised(op.module)))
    return f"LayerNorm on queries and keys of {plural(len(found), 'attention')}"


def _normalise(patient: Patient, op: Op) -> None:
    queries = op.call[1][0]
    for name in ("query_norm", "key_norm"):
        if name not in op.module._modules:
            norm = nn.LayerNorm(queries.shape[-1]).to(queries.device, queries.dtype)
            op.module.add_module(name, norm.train(op.module.training))
            patient.adopt(norm.parameters(), next(op.module.parameters(), None))


class _Normalised:
    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def __call__(self, original: Any, queries: Any, keys: Any, *args: Any, **options: Any) -> Any:
        query_norm, key_norm = self.module._modules["query_norm"], self.module._modules["key_norm"]
        assert query_norm is not None
        assert key_norm is not None
        turned = key_norm(keys.transpose(-2, -1)).transpose(-2, -1)
        return original(query_norm(queries), turned, *args, **options)


REMEDY = Remedy(
    name="qk-normalisation",
    moment="start",
    changes="network",
    apply=apply,
    lines="# in __init__: self.q_norm, self.k_norm = nn.LayerNorm(d), nn.LayerNorm(d); in forward\n"
    "q, k = self.q_norm(q), self.k_norm(k)\n",
)
