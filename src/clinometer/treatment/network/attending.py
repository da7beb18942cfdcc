"""Products of queries and keys in a traced call: what a softmax reads, and how it was scaled."""

from __future__ import annotations

import math

from torch import Tensor, nn

from clinometer.treatment.network.chain import PASSING, joins
from clinometer.treatment.network.trace import SUMS, Op, Trace

MASKING = PASSING | SUMS | {"masked_fill", "masked_fill_", "where"}
SCALING = frozenset({"div", "__truediv__", "div_", "__itruediv__", "true_divide"})
TIMES = frozenset({"mul", "__mul__", "__rmul__", "mul_", "__imul__"})


def logits(trace: Trace) -> list[tuple[Op, float]]:
    """Each product of queries and keys under a softmax, and the number that it is multiplied by there.

    nan where that is no plain number: a temperature that is learned, one for each head.
    """
    found: list[tuple[Op, float]] = []
    for op in trace.ops:
        if op.function in {"softmax", "log_softmax"}:
            product, factor = _back(trace, op)
            if product is not None and all(product is not one for one, _ in found):
                found.append((product, factor))
    return found


def _back(trace: Trace, op: Op) -> tuple[Op | None, float]:
    here, factor = op, 1.0
    while here.sources and here.sources[0] >= 0:
        here = trace.ops[here.sources[0]]
        if joins(here) and not here.weights:
            return here, factor
        if here.function in SCALING:
            factor /= _number(here)
        elif here.function in TIMES:
            factor *= _number(here)
        elif here.function not in MASKING:
            return None, math.nan
    return None, math.nan


def _number(op: Op) -> float:
    """The number that an operation scales by, also in a tensor of one element; nan where it is none."""
    for one in op.call[1]:
        plain = isinstance(one, int | float) and one != 0
        single = isinstance(one, Tensor) and one.numel() == 1 and not one.requires_grad
        if plain or (single and one is not op.given and float(one) != 0):
            return float(one)
    return math.nan


def fused(trace: Trace) -> bool:
    """Whether torch's own attention runs, which scales its logits."""
    return any(
        op.function in {"multi_head_attention_forward", "scaled_dot_product_attention"}
        or isinstance(op.module, nn.MultiheadAttention)
        for op in trace.ops
    )
