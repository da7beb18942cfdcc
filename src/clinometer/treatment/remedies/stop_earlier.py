"""The weights as they are at the moment: the script trains on, and each of its steps is taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from clinometer.treatment.remedy import NotApplicable, Remedy
from clinometer.treatment.steps import parameters_of

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from clinometer.treatment.patient import Patient


def apply(patient: Patient) -> str:
    """Hold every weight that an optimizer has, from the best evaluation pass on."""
    at = patient.facts.get("best_pass")
    if not at:
        raise NotApplicable(
            "no evaluation pass is known after which the training went on for too long"
        )
    kept = {id(p): p.detach().clone() for one in patient.optimizers for p in parameters_of(one)}

    def take_back(optimizer: Optimizer) -> None:
        with torch.no_grad():
            for parameter in parameters_of(optimizer):
                if (before := kept.get(id(parameter))) is not None:
                    parameter.copy_(before)

    patient.after_step(take_back)
    return f"weights held from the moment on (best evaluation pass: after step {at})"


REMEDY = Remedy(
    name="stop-earlier",
    moment="running",
    changes="step",
    act="shorten steps",
    apply=apply,
    lines="# before the loop\n"
    'best = float("inf")\n'
    "# after each evaluation pass\n"
    "if validation_loss < best:\n"
    "    best = validation_loss\n"
    '    torch.save(model.state_dict(), "best.pt")\n'
    "# after training\n"
    'model.load_state_dict(torch.load("best.pt", weights_only=True))\n',
)
