"""A softmax inside the network that runs over one entry runs over the axis of what it is to weigh.

Source: Bahdanau et al. (2015), ICLR, equation 6: weights of attention add up to 1 over the entries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from clinometer.treatment.network.single_entry import axis_of_call, inside, over_one_entry
from clinometer.treatment.network.sites import exchange, planned
from clinometer.treatment.network.trace import Op, Trace, trace
from clinometer.treatment.remedy import NotApplicable, Remedy

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient


def apply(patient: Patient) -> str:
    """The nearest axis of several entries that is not the batch's, in every call of these places."""
    seen = trace(patient)
    found = [op for op in over_one_entry(seen) if inside(seen, op)]
    if not found:
        raise NotApplicable("no softmax over an axis of length 1 was seen inside the network")
    batch = _batch(seen)
    before, after = _axes(found[0], batch)
    if after is None:
        raise NotApplicable("the scores have one entry along every axis but the batch's")

    def over_entries(original: Any, scores: Tensor, *args: Any, **options: Any) -> Any:
        axis = _nearest(scores, axis_of_call((scores, *args), options), batch)
        if axis is None:
            return original(scores, *args, **options)
        return original(scores, *args[1:], **{**options, "dim": axis})

    exchange(patient, planned(seen, found, over_entries))
    return f"softmax over axis {before}, of length 1 -> over axis {after}, of length {_size(found[0], after)}"


def _batch(seen: Trace) -> int:
    """Examples, as the output has them; 0 where it does not tell."""
    known = [seen.ops[number].result for number in seen.output if number >= 0]
    return int(known[0].shape[0]) if known and known[0].ndim else 0


def _axes(op: Op, batch: int) -> tuple[int, int | None]:
    _function, args, options = op.call
    axis = axis_of_call(args, options)
    return axis, _nearest(args[0], axis, batch)


def _nearest(scores: Tensor, axis: int, batch: int) -> int | None:
    """The axis of several entries that is nearest; examples lie along the first that is as long as they."""
    if scores.shape[axis] != 1:
        return None
    sizes = list(scores.shape)
    examples = sizes.index(batch) if batch in sizes else 0
    several = [one for one in range(len(sizes)) if one != examples and sizes[one] > 1]
    return min(several, key=lambda one: abs(one - axis), default=None)


def _size(op: Op, axis: int) -> int:
    return int(op.call[1][0].shape[axis])


REMEDY = Remedy(
    name="softmax-over-entries",
    moment="running",
    changes="network",
    apply=apply,
    lines="# where the weights of attention or pooling are made: scores (batch, entries, 1)\n"
    "weights = scores.softmax(dim=1)\n",
)
