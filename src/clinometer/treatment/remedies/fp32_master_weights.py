"""A float32 copy of each 16-bit weight that takes the steps; the network runs on its rounded values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from clinometer.treatment.masters import stepped_wide
from clinometer.treatment.remedy import Remedy

if TYPE_CHECKING:
    from torch import Tensor

    from clinometer.treatment.patient import Patient


def apply(patient: Patient) -> str:
    """Steps add up in the copy; what the script writes into a weight itself is taken over."""
    copies: dict[int, Tensor] = {}

    def begin(stored: Tensor) -> Tensor:
        known = copies.get(stored.data_ptr())
        if known is None or known.shape != stored.shape:
            return stored.float()
        return torch.where(known.to(stored.dtype) == stored, known, stored.float())

    def end(stored: Tensor, _before: Tensor, after: Tensor) -> Tensor:
        copies[stored.data_ptr()] = after
        return after.to(stored.dtype)

    count = stepped_wide(patient, begin, end)
    return f"{count} weights stepped in a float32 copy"


REMEDY = Remedy(
    name="fp32-master-weights",
    moment="running",
    changes="numbers",
    act="keep more digits",
    apply=apply,
    lines="# where the model is made: without .half(), .bfloat16() or .to(torch.bfloat16)\n"
    "# and around the forward pass and the loss\n"
    'with torch.autocast("cpu", dtype=torch.bfloat16):\n'
    "    loss = loss_function(model(inputs), targets)\n",
)
