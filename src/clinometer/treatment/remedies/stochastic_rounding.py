"""16-bit weights rounded at random after each step, so that small steps count on average."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from clinometer.treatment.masters import between, stepped_wide
from clinometer.treatment.remedy import Remedy

if TYPE_CHECKING:
    from torch import Tensor

    from clinometer.treatment.patient import Patient


def apply(patient: Patient) -> str:
    """A step is worked out in float32, and its end stored as one of the two numbers beside it."""

    def end(stored: Tensor, _before: Tensor, after: Tensor) -> Tensor:
        draw = torch.rand(stored.shape, generator=patient.generator).to(stored.device)
        return between(after, stored, draw)

    count = stepped_wide(patient, lambda stored: stored.float(), end)
    return f"{count} weights rounded at random after each step"


REMEDY = Remedy(
    name="stochastic-rounding",
    moment="running",
    changes="numbers",
    act="keep more digits",
    apply=apply,
    lines="# in place of the optimizer; pip install torchao\n"
    "from torchao.optim import _AdamW\n"
    "optimizer = _AdamW(model.parameters(), bf16_stochastic_round=True)\n",
)
