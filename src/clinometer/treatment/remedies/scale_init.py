"""First weights of the size that the activations ask for: He before rectifiers, Glorot elsewhere, no bias.

Sources: He et al. (2015), Glorot & Bengio (2010). Normalisations, embeddings and frozen layers are left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from clinometer.treatment.network.weights import (
    drawable,
    frozen_left,
    glorot,
    plural,
    recurrent,
    redraw_cell,
    redrawn,
)
from clinometer.treatment.remedy import NotApplicable, Remedy

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient


def apply(patient: Patient) -> str:
    """Every linear map, convolution and recurrent cell is drawn anew; the last layer too."""
    cells = recurrent(patient)
    try:
        chosen = drawable(patient)
    except NotApplicable:
        if not cells:
            raise
        chosen = []
    said = redrawn(patient, chosen)
    for cell in cells:
        redraw_cell(cell, glorot, patient.generator)
        for name, bias in cell.named_parameters(recurse=False):
            if name.startswith("bias") and bias.requires_grad:
                with torch.no_grad():
                    Tensor.zero_(bias)
    parts = [f"{plural(len(chosen), 'layer')} drawn anew ({said}), biases 0"] if chosen else []
    if cells:
        parts.append(f"{plural(len(cells), 'recurrent layer')} drawn anew (Glorot)")
    return ", ".join(parts) + frozen_left(patient)


REMEDY = Remedy(
    name="scale-init",
    moment="start",
    changes="weights",
    act="draw weights",
    apply=apply,
    lines="# after the model is made; xavier_normal_ where tanh, sigmoid or nothing follows\n"
    "for layer in model.modules():\n"
    "    if isinstance(layer, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)):\n"
    '        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")\n'
    "        if layer.bias is not None:\n"
    "            nn.init.zeros_(layer.bias)\n",
)
