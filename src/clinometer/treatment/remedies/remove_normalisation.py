"""Normalisations of one or two values taken out: of one nothing is left, of two only which is larger.

Source: Wu & He (2018), ECCV, section 3: a group holds all the values that its mean and variance are of.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from torch import Tensor, nn

from clinometer.treatment.edits.normalisation import FEWEST
from clinometer.treatment.network.sites import take_out
from clinometer.treatment.network.trace import Op, trace
from clinometer.treatment.network.weights import plural
from clinometer.treatment.remedy import NotApplicable, Remedy

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient

SHAPED = frozenset({"layer_norm", "rms_norm"})
WITHIN = frozenset({*SHAPED, "group_norm", "instance_norm"})


def apply(patient: Patient) -> str:
    """Modules that serve as nothing else become nn.Identity; other calls give back what they were given."""
    seen = trace(patient)
    starved = [op for op in seen.ops if op.function in WITHIN and values_of(op) < FEWEST]
    if not starved:
        raise NotApplicable("no normalisation within an example of only one or two values was seen")
    take_out(patient, seen, starved, _normalises)
    return f"{plural(len(starved), 'normalisation')} of one or two values taken out"


def values_of(op: Op) -> int:
    """How many values each mean of a normalisation within one example is taken of."""
    _function, args, options = op.call
    tensor: Tensor = args[0] if args else options["input"]
    second = args[1] if len(args) > 1 else None
    if op.function in SHAPED:
        return prod(second if second is not None else options["normalized_shape"])
    if op.function == "group_norm":
        groups = second if second is not None else options["num_groups"]
        return prod(tensor.shape[1:]) // int(groups)
    return prod(tensor.shape[2:])


def _normalises(module: nn.Module) -> bool:
    """Whether it is a normalisation of torch within an example."""
    listed = type(module).__module__ == "torch.nn.modules.normalization"
    return listed or isinstance(module, nn.modules.instancenorm._InstanceNorm)


REMEDY = Remedy(
    name="remove-normalisation",
    moment="start",
    changes="network",
    apply=apply,
    lines="# in place of the normalisation of a single value, as nn.LayerNorm(1) or nn.GroupNorm(c, c)\n"
    "nn.Identity()\n",
)
