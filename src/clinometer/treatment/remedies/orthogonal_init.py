"""Orthogonal first weights: no direction grows or shrinks on its way through depth or time.

Source: Saxe et al. (2014). Where the network has recurrent layers, their recurrent weights alone, gate
by gate.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from clinometer.treatment.network.weights import (
    draw,
    drawable,
    frozen_left,
    orthogonal,
    plural,
    put,
    recurrent,
    redraw_cell,
    without_bias,
)
from clinometer.treatment.remedy import Remedy

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient

HALVED = math.sqrt(2.0)  # a ReLU halves the mean square


def apply(patient: Patient) -> str:
    """Recurrent weights; in a network without any, every linear map and convolution."""
    cells = recurrent(patient)
    if cells:
        number = sum(redraw_cell(one, orthogonal, patient.generator, "weight_hh") for one in cells)
        return f"{plural(number, 'recurrent weight')} orthogonal"
    chosen = drawable(patient)
    for one in chosen:
        put(one, draw(one, orthogonal, patient.generator) * (HALVED if one.rectified else 1.0))
        without_bias(one)
    return f"{plural(len(chosen), 'layer')} orthogonal, biases 0" + frozen_left(patient)


REMEDY = Remedy(
    name="orthogonal-init",
    moment="start",
    changes="weights",
    act="draw weights",
    apply=apply,
    lines="# after the model is made\n"
    "for name, p in model.named_parameters():\n"
    '    if "weight_hh" in name:\n'
    "        for gate in p.data.split(p.shape[1]):\n"
    "            nn.init.orthogonal_(gate)\n",
)
