"""What rounding drops of each step is kept beside the weight and added to the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from clinometer.treatment.masters import stepped_wide
from clinometer.treatment.remedy import Remedy

if TYPE_CHECKING:
    from torch import Tensor

    from clinometer.treatment.patient import Patient


def apply(patient: Patient) -> str:
    """Kahan's sum in the weight's own format: Zamirai et al. (2020), arXiv 2010.06192, algorithm 4."""
    dropped: dict[int, Tensor] = {}

    def end(stored: Tensor, before: Tensor, after: Tensor) -> Tensor:
        kept = dropped.get(stored.data_ptr())
        if kept is None or kept.shape != stored.shape:
            kept = torch.zeros_like(stored)
        addend = kept + (after - before).to(stored.dtype)
        summed = stored + addend
        dropped[stored.data_ptr()] = addend - (summed - stored)
        return summed

    count = stepped_wide(patient, lambda stored: stored.float(), end)
    return f"{count} weights carry what rounding drops"


REMEDY = Remedy(
    name="kahan-summation",
    moment="running",
    changes="numbers",
    act="keep more digits",
    apply=apply,
    lines="# in place of the optimizer; pip install torch-optimi\n"
    "from optimi import AdamW\n"
    "optimizer = AdamW(model.parameters(), lr=1e-3, kahan_sum=True)\n",
)
