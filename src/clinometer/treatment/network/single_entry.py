"""Softmaxes of a traced call that run over one entry: which are outputs, and which weigh something inside."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from clinometer.treatment.marks import axis_of
from clinometer.treatment.network.chain import onward
from clinometer.treatment.network.trace import Op, Trace

SOFT = frozenset({"softmax", "log_softmax"})


def over_one_entry(seen: Trace) -> list[Op]:
    """Softmaxes along an axis of length 1: always 1, whatever they are given."""
    found = [op for op in seen.ops if op.function in SOFT and isinstance(op.call[1][0], Tensor)]
    return [op for op in found if op.call[1][0].shape[axis_of_call(*op.call[1:])] == 1]


def inside(seen: Trace, op: Op) -> bool:
    """Whether more is made of the result than to reshape it: it is no output."""
    return bool(onward(seen, op))


def axis_of_call(args: tuple[Any, ...], options: dict[str, Any]) -> int:
    """The axis of one call, from 0."""
    given = args[1] if len(args) > 1 else options.get("dim")
    return axis_of(args[0], given)
