"""Attention logits divided by sqrt(d): the size of a product of d terms does not grow with d.

Source: Vaswani et al. (2017). The product of queries and keys is divided where the network makes it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from clinometer.treatment.network.attending import fused, logits
from clinometer.treatment.network.sites import exchange, planned
from clinometer.treatment.network.trace import Op, trace
from clinometer.treatment.network.weights import plural
from clinometer.treatment.remedy import NotApplicable, Remedy

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient

FLOAT32 = 2.0**-22  # a scale that went through float32 twice


def apply(patient: Patient) -> str:
    """Every product of queries and keys that reaches its softmax with more than 1 / sqrt(d)."""
    seen = trace(patient)
    found = logits(seen)
    bare = [(op, factor) for op, factor in found if _large(op, factor)]
    if not bare:
        raise NotApplicable(
            "the attention logits are divided already"
            if found or fused(seen)
            else "no softmax over a product of queries and keys was seen"
        )
    for op, factor in bare:
        exchange(patient, planned(seen, [op], _Divided(factor)))
    sizes = sorted({op.call[1][0].shape[-1] for op, _ in bare})
    return f"logits of {plural(len(bare), 'attention')} divided by the root of {', '.join(map(str, sizes))}"


def _large(op: Op, factor: float) -> bool:
    wanted = 1 / math.sqrt(op.call[1][0].shape[-1])
    return factor > wanted and not math.isclose(factor, wanted, rel_tol=FLOAT32)


class _Divided:
    """The product over sqrt(d), and over what the script multiplies it by afterwards."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def __call__(self, original: Any, queries: Any, *args: Any, **options: Any) -> Any:
        return original(queries, *args, **options) / (self.factor * math.sqrt(queries.shape[-1]))


REMEDY = Remedy(
    name="scale-attention",
    moment="start",
    changes="network",
    apply=apply,
    lines="# where queries meet keys\nscores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5\n",
)
