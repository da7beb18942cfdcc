"""Every training pass runs in training mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from clinometer.treatment.remedy import NotApplicable, Remedy

if TYPE_CHECKING:
    from torch import nn

    from clinometer.treatment.patient import Patient


def apply(patient: Patient) -> str:
    """A network that is called with gradients on is put into training mode; evaluation passes stay."""
    evaluating = [m for root in patient.roots for m in root.modules() if not m.training]
    if not evaluating:
        raise NotApplicable("every layer is in training mode")
    if not any(_differs(module) for module in evaluating):
        raise NotApplicable("no layer that is in evaluation mode behaves otherwise in training")
    for root in patient.roots:
        root.register_forward_pre_hook(_train)
    return "train() before each training pass"


def _train(module: nn.Module, _args: Any) -> None:
    if torch.is_grad_enabled() and any(not one.training for one in module.modules()):
        module.train()


def _differs(module: nn.Module) -> bool:
    """Whether a module asks for its mode: dropout, running statistics, or code of the script's own."""
    own = type(module).__module__.startswith("torch.nn")
    batch = isinstance(module, torch.nn.modules.batchnorm._NormBase)
    dropout = isinstance(module, torch.nn.modules.dropout._DropoutNd)
    share = getattr(module, "dropout", 0.0)  # of a recurrent layer or of attention
    return batch or dropout or (isinstance(share, float) and share > 0) or not own


REMEDY = Remedy(
    name="training-mode",
    moment="running",
    changes="wiring",
    apply=apply,
    lines="# before each training pass, and after each evaluation\nmodel.train()\n",
)
