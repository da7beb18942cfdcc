"""Attention logits divided by sqrt(d): the size of a product of d terms does not grow with d.

Source: Vaswani et al. (2017). The product of queries and keys is divided where the network makes it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from clinometer.treatment.network.attending import fused, logits
from clinometer.treatment.network.sites import exchange, planned
from clinometer.treatment.network.trace import trace
from clinometer.treatment.network.weights import plural
from clinometer.treatment.remedy import NotApplicable, Remedy

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient


def apply(patient: Patient) -> str:
    """Every product of queries and keys that reaches its softmax undivided."""
    seen = trace(patient)
    found = logits(seen)
    bare = [op for op, divided in found if not divided]
    if not bare:
        raise NotApplicable(
            "the attention logits are divided already"
            if found or fused(seen)
            else "no softmax over a product of queries and keys was seen"
        )
    exchange(patient, planned(seen, bare, _divided))
    sizes = sorted({op.call[1][0].shape[-1] for op in bare})
    return f"logits of {plural(len(bare), 'attention')} divided by the root of {', '.join(map(str, sizes))}"


def _divided(original: Any, queries: Any, *args: Any, **options: Any) -> Any:
    return original(queries, *args, **options) / math.sqrt(queries.shape[-1])


REMEDY = Remedy(
    name="scale-attention",
    moment="start",
    changes="network",
    apply=apply,
    lines="# where queries meet keys\nscores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5\n",
)
