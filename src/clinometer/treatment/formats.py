"""Which number format a script's gradients are computed in, as far as that can be told from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from clinometer.treatment.remedy import NotApplicable
from clinometer.treatment.steps import parameters_of

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient

HALF_FINDINGS = ("FLOW304", "FLOW305")  # which speak of float16 gradients and of their scaler alone


def half_autocast(patient: Patient) -> None:
    """Refuse where gradients are not computed in float16 under autocast.

    Raises
    ------
    NotApplicable : with the reason.
    """
    weights: list[torch.Tensor] = [p for root in patient.roots for p in root.parameters()]
    weights += [p for optimizer in patient.optimizers for p in parameters_of(optimizer)]
    if any(p.dtype == torch.float16 for p in weights):
        raise NotApplicable("the weights are stored in float16: load or make them in float32 first")
    told = "float16" in patient.facts.get("gradient_dtypes", ())
    if not (told or patient.finding.get("code") in HALF_FINDINGS or _open_now()):
        raise NotApplicable("no gradient is computed in float16")


def _open_now() -> bool:
    """Whether the moment lies inside a block of autocast in float16."""
    return any(
        torch.is_autocast_enabled(kind) and torch.get_autocast_dtype(kind) == torch.float16
        for kind in devices()
    )


def devices() -> list[str]:
    """Kinds of device that autocast knows here."""
    return ["cpu", "cuda"]
