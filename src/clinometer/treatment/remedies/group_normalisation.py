"""Normalisation within each example: nn.GroupNorm in place of nn.BatchNorm.

Source: Wu & He (2018), ECCV: 16 channels a group serve as well as 32 groups. For (examples,
features) one group is nn.LayerNorm. Gain and shift stay the same parameters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from clinometer.treatment.network.weights import plural
from clinometer.treatment.remedy import NotApplicable, Remedy

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient

CHANNELS = 16  # a group, at least: Wu & He (2018), table 3


def apply(patient: Patient) -> str:
    """Every batch normalisation of the networks."""
    found = {
        part: None
        for root in patient.roots
        for part in root.modules()
        if isinstance(part, nn.modules.batchnorm._BatchNorm) and part not in patient.roots
    }
    if not found:
        raise NotApplicable("no batch normalisation was seen")
    if any(part.num_features < 2 for part in found):
        raise NotApplicable("a normalisation of one feature within one example would leave nothing")
    if not patient.optimizers:
        raise NotApplicable("no optimizer was seen")
    for part in found:
        patient.swap(part, _grouped(part))
    return f"nn.GroupNorm in place of {plural(len(found), 'batch normalisation')}"


def _grouped(part: nn.modules.batchnorm._BatchNorm) -> nn.GroupNorm:
    size = part.num_features
    most = max(1, size // CHANNELS)
    groups = next(n for n in range(most, 0, -1) if size % n == 0)
    new = nn.GroupNorm(groups, size, eps=part.eps, affine=part.affine)
    if part.affine:
        new.weight, new.bias = part.weight, part.bias
    return new


REMEDY = Remedy(
    name="group-normalisation",
    moment="start",
    changes="network",
    apply=apply,
    lines="# in place of nn.BatchNorm2d(channels); nn.LayerNorm(features) in place of nn.BatchNorm1d\n"
    "nn.GroupNorm(max(1, channels // 16), channels)\n",
)
