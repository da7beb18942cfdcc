"""nn.GRU in place of nn.RNN: a gate carries the state, and with it the gradient, through many steps.

Source: Cho et al. (2014), EMNLP. The interface is the same; the weights are new. The gate starts open for as
long as the sequences are, each unit for a time of its own: one that starts at 1/2 forgets eighty steps as a
plain RNN does. Tallec & Ollivier (2018), ICLR: chrono initialisation, log U(1, T - 1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from clinometer.treatment.network.weights import gates, plural
from clinometer.treatment.remedy import NotApplicable, Remedy

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient

PLAIN = (nn.RNN, nn.RNNCell)
KEEPING = 1  # of nn.GRU's blocks r, z, n: z weighs the old state
SHORTEST = 3  # steps: below it there is no time between 1 and T - 1


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
    steps = _steps(patient, list(cells))
    for cell in cells:
        with patient.streams_kept():
            new = _gated(cell)
        _open_gates(new, steps[cell], patient.generator)
        patient.swap(cell, new)
    longest = max(steps.values())
    opened = f", gates open for up to {longest} steps" if longest >= SHORTEST else ""
    return f"nn.GRU in place of nn.RNN ({plural(len(cells), 'layer')}){opened}"


def _steps(patient: Patient, cells: list[nn.Module]) -> dict[nn.Module, int]:
    """How many time steps each of them takes in one call; 0 where it did not run."""
    found = dict.fromkeys(cells, 0)

    def count(cell: nn.Module, args: tuple[Any, ...]) -> None:
        if isinstance(cell, nn.RNNCell):
            found[cell] += 1
        elif args:
            found[cell] = max(found[cell], _length(cell, args[0]))

    hooks = [cell.register_forward_pre_hook(count) for cell in cells]
    try:
        patient.run()
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _length(cell: nn.Module, given: Any) -> int:
    if isinstance(given, PackedSequence):
        return len(given.batch_sizes)
    along = 1 if getattr(cell, "batch_first", False) and given.ndim == 3 else 0
    return int(given.shape[along])


def _open_gates(cell: nn.Module, steps: int, generator: torch.Generator) -> None:
    """Biases of the gate that keeps the state: log U(1, steps - 1), in every layer and direction."""
    if steps < SHORTEST:
        return
    with torch.no_grad():
        for name, bias in cell.named_parameters(recurse=False):
            if name.startswith("bias"):
                gate = gates(cell, bias)[KEEPING]
                drawn = (
                    torch.empty(gate.shape).uniform_(1.0, steps - 1.0, generator=generator).log_()
                )
                gate.copy_(drawn if "_ih" in name else torch.zeros_like(drawn))


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
    "self.rnn = nn.GRU(input_size, hidden_size, batch_first=True)\n"
    "# its keeping gate open for as long as the sequences are (T steps), n = hidden_size\n"
    "self.rnn.bias_ih_l0.data[n : 2 * n] = torch.empty(n).uniform_(1, T - 1).log()\n"
    "self.rnn.bias_hh_l0.data[n : 2 * n] = 0\n",
)
