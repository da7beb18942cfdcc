"""Random weights where units start alike: constant weights, or rows that repeat each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from clinometer.treatment.network.weights import (
    Drawn,
    drawable,
    gates,
    glorot,
    plural,
    recurrent,
    redraw_cell,
    redrawn,
)
from clinometer.treatment.remedy import NotApplicable, Remedy

if TYPE_CHECKING:
    from torch import Tensor

    from clinometer.treatment.patient import Patient


def alike(weight: Tensor, turned: bool = False) -> bool:
    """Whether two units have the same incoming weights; bit by bit, no tolerance."""
    rows = (weight.detach().T if turned and weight.ndim == 2 else weight.detach()).flatten(1)
    return len(rows) > 1 and len(torch.unique(rows, dim=0)) < len(rows)


def apply(patient: Patient) -> str:
    """Only layers with units alike are drawn anew, by He or Glorot; the others keep their weights."""
    cells = [
        cell
        for cell in recurrent(patient)
        if any(alike(g) for p in cell.parameters() if p.ndim == 2 for g in gates(cell, p))
    ]
    try:
        chosen: list[Drawn] = [one for one in drawable(patient) if alike(one.weight, one.turned)]
    except NotApplicable:
        chosen = []
    if not chosen and not cells:
        raise NotApplicable("no layer has units that start alike")
    said = redrawn(patient, chosen)
    for cell in cells:
        redraw_cell(cell, glorot, patient.generator)
    parts = (
        [f"{plural(len(chosen), 'layer')} with units alike drawn anew ({said})"] if chosen else []
    )
    if cells:
        parts.append(f"{plural(len(cells), 'recurrent layer')} drawn anew (Glorot)")
    return ", ".join(parts)


REMEDY = Remedy(
    name="random-init",
    moment="start",
    changes="weights",
    act="draw weights",
    apply=apply,
    lines="# in place of the constant, after the model is made\n"
    "for layer in model.modules():\n"
    "    if isinstance(layer, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)):\n"
    "        nn.init.kaiming_normal_(layer.weight)\n",
)
