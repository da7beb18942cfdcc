"""Products of queries and keys in a traced call: what a softmax reads, and how it was scaled."""

from __future__ import annotations

from torch import nn

from clinometer.treatment.network.chain import PASSING, joins
from clinometer.treatment.network.trace import SUMS, Op, Trace

MASKING = PASSING | SUMS | {"masked_fill", "masked_fill_", "where"}
SCALING = frozenset({"div", "__truediv__", "div_", "__itruediv__", "true_divide"})
TIMES = frozenset({"mul", "__mul__", "__rmul__", "mul_", "__imul__"})


def logits(trace: Trace) -> list[tuple[Op, bool]]:
    """Each product of queries and keys under a softmax, and whether it is divided on the way."""
    found: list[tuple[Op, bool]] = []
    for op in trace.ops:
        if op.function in {"softmax", "log_softmax"}:
            product, divided = _back(trace, op)
            if product is not None and all(product is not one for one, _ in found):
                found.append((product, divided))
    return found


def _back(trace: Trace, op: Op) -> tuple[Op | None, bool]:
    here, divided = op, False
    while here.sources and here.sources[0] >= 0:
        here = trace.ops[here.sources[0]]
        if joins(here) and not here.weights:
            return here, divided
        if here.function in SCALING or (here.function in TIMES and _shrinks(here)):
            divided = True
        elif here.function not in MASKING | TIMES:
            return None, False
    return None, False


def _shrinks(op: Op) -> bool:
    numbers = [one for one in op.call[1] if isinstance(one, int | float)]
    return any(0 < abs(one) < 1 for one in numbers)


def fused(trace: Trace) -> bool:
    """Whether torch's own attention runs, which scales its logits."""
    return any(
        op.function in {"multi_head_attention_forward", "scaled_dot_product_attention"}
        or isinstance(op.module, nn.MultiheadAttention)
        for op in trace.ops
    )
