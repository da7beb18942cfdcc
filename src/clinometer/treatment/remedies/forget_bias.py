"""The gate that keeps the state starts open: its bias is 1.

In nn.LSTM the forget gate, in nn.GRU the gate that weighs the old state: the second block of both.
Source: Gers et al. (2000), Neural Computation 12(10); Jozefowicz et al. (2015), ICML, for the value 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from clinometer.treatment.network.weights import gates, plural, recurrent
from clinometer.treatment.remedy import NotApplicable, Remedy

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient

OPEN = 1.0  # Jozefowicz et al. (2015), section 2.2
GATED = (nn.LSTM, nn.GRU, nn.LSTMCell, nn.GRUCell)
KEEPING = 1  # the second block of rows: LSTM i, f, g, o; GRU r, z, n


def apply(patient: Patient) -> str:
    """The sum of the two biases of that gate is 1, in every layer and direction."""
    cells = [
        cell
        for cell in recurrent(patient)
        if isinstance(cell, GATED)
        and any(n.startswith("bias_ih") for n, _ in cell.named_parameters())
    ]
    if not cells:
        raise NotApplicable("no nn.LSTM or nn.GRU with biases was seen")
    with torch.no_grad():
        for cell in cells:
            for name, bias in cell.named_parameters(recurse=False):
                if name.startswith("bias"):
                    gates(cell, bias)[KEEPING].fill_(OPEN if "_ih" in name else 0.0)
    return f"bias of the keeping gate of {plural(len(cells), 'recurrent layer')} -> {OPEN:g}"


REMEDY = Remedy(
    name="forget-bias",
    moment="start",
    changes="weights",
    apply=apply,
    lines="# after the model is made; lstm.hidden_size is n\n"
    "n = lstm.hidden_size\n"
    "for name, bias in lstm.named_parameters():\n"
    '    if "bias_ih" in name:\n'
    "        bias.data[n : 2 * n] = 1.0\n"
    '    elif "bias_hh" in name:\n'
    "        bias.data[n : 2 * n] = 0.0\n",
)
