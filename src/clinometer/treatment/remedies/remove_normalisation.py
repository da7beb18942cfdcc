"""Normalisations of one or two values taken out: of one nothing is left, of two only which is larger.

Source: Wu & He (2018), ECCV, section 3: a group holds all the values that its mean and variance are of.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from clinometer.treatment.network.sites import exchange, planned
from clinometer.treatment.network.trace import Op, Trace, trace
from clinometer.treatment.network.weights import plural
from clinometer.treatment.remedy import NotApplicable, Remedy

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient

FEWEST = 3  # values of which more is left than a constant or a sign; as FLOW405 has it
SHAPED = frozenset({"layer_norm", "rms_norm"})
WITHIN = frozenset({*SHAPED, "group_norm", "instance_norm"})


def apply(patient: Patient) -> str:
    """Modules that serve as nothing else become nn.Identity; other calls give back what they were given."""
    seen = trace(patient)
    starved = [op for op in seen.ops if op.function in WITHIN and values_of(op) < FEWEST]
    if not starved:
        raise NotApplicable("no normalisation within an example of only one or two values was seen")
    number = len(starved)
    for module in _whole(seen, starved, patient.roots):
        patient.swap(module, nn.Identity())
        starved = [op for op in starved if op.module is not module]
    if starved:
        exchange(patient, planned(seen, starved, _as_given))
    return f"{plural(number, 'normalisation')} of one or two values taken out"


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


def _whole(seen: Trace, chosen: list[Op], roots: list[nn.Module]) -> list[nn.Module]:
    """Normalisations of torch whose every call was chosen."""
    modules = list(dict.fromkeys(op.module for op in chosen))
    return [
        module
        for module in modules
        if type(module).__module__ == "torch.nn.modules.normalization"
        or isinstance(module, nn.modules.instancenorm._InstanceNorm)
        if module not in roots
        if all(op in chosen for op in seen.ops if op.module is module)
    ]


def _as_given(_original: Any, tensor: Tensor, *_args: Any, **_options: Any) -> Tensor:
    return tensor


REMEDY = Remedy(
    name="remove-normalisation",
    moment="start",
    changes="network",
    apply=apply,
    lines="# in place of the normalisation of a single value, as nn.LayerNorm(1) or nn.GroupNorm(c, c)\n"
    "nn.Identity()\n",
)
