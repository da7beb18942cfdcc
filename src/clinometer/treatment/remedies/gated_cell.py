"""nn.GRU in place of nn.RNN: a gate carries the state, and with it the gradient, through many steps.

Source: Cho et al. (2014), EMNLP. The interface is the same; the weights are new.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from clinometer.treatment.network.weights import plural
from clinometer.treatment.remedy import NotApplicable, Remedy

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient

PLAIN = (nn.RNN, nn.RNNCell)


def apply(patient: Patient) -> str:
    """Every plain recurrent layer and cell of torch."""
    cells = {part: None for root in patient.roots for part in root.modules() if type(part) in PLAIN}
    if not cells:
        raise NotApplicable("no nn.RNN or nn.RNNCell was seen")
    if not patient.optimizers:
        raise NotApplicable("no optimizer was seen")
    if any(cell in patient.roots for cell in cells):
        raise NotApplicable("the nn.RNN is the network itself; it can be exchanged only inside one")
    if not all(p.requires_grad for cell in cells for p in cell.parameters()):
        raise NotApplicable("the nn.RNN is frozen: new weights would not be trained")
    for cell in cells:
        with patient.streams_kept():
            patient.swap(cell, _gated(cell))
    return f"nn.GRU in place of nn.RNN ({plural(len(cells), 'layer')})"


def _gated(cell: nn.Module) -> nn.Module:
    if isinstance(cell, nn.RNNCell):
        return nn.GRUCell(cell.input_size, cell.hidden_size, bias=cell.bias)
    assert isinstance(cell, nn.RNN)
    return nn.GRU(
        cell.input_size,
        cell.hidden_size,
        cell.num_layers,
        bias=cell.bias,
        batch_first=cell.batch_first,
        dropout=cell.dropout,
        bidirectional=cell.bidirectional,
    )


REMEDY = Remedy(
    name="gated-cell",
    moment="start",
    changes="network",
    apply=apply,
    lines="# in the model, with the same arguments\n"
    "self.rnn = nn.GRU(input_size, hidden_size, batch_first=True)\n",
)
