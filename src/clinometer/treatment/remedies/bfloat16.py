"""Autocast in bfloat16 where the script asks for float16."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from clinometer.treatment.formats import devices, half_autocast
from clinometer.treatment.remedy import Remedy

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient


def apply(patient: Patient) -> str:
    """Blocks of autocast that are entered from now on, and one that is open."""
    half_autocast(patient)
    original = torch.autocast.__enter__

    def enter(self: Any) -> Any:
        if self.fast_dtype == torch.float16:
            self.fast_dtype = torch.bfloat16
        return original(self)  # type: ignore[no-untyped-call]

    torch.autocast.__enter__ = enter  # type: ignore[method-assign]
    for kind in devices():
        if torch.is_autocast_enabled(kind) and torch.get_autocast_dtype(kind) == torch.float16:
            torch.set_autocast_dtype(kind, torch.bfloat16)
            torch.clear_autocast_cache()
    return "autocast float16 -> bfloat16"


REMEDY = Remedy(
    name="bfloat16",
    moment="running",
    changes="numbers",
    act="keep more digits",
    apply=apply,
    lines="# around the forward pass and the loss; a GradScaler is not needed any more\n"
    'with torch.autocast("cpu", dtype=torch.bfloat16):\n'
    "    loss = loss_function(model(inputs), targets)\n",
)
