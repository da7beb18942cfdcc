"""Units without slope on every example of the batch, and only those, drawn anew in the running training.

Their incoming weights are drawn by He, their bias is 0, the optimizer's memory of both is emptied. Outgoing
weights are kept: a dead unit's output did not move, so that they were never wrong about it, and with them the
gradient reaches the unit at once. Source: Sokar et al. (2023), ICML (ReDo), who look at outputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from clinometer.treatment.network.chain import BENT, NORM_MODULES, after, bends_between, maps
from clinometer.treatment.network.trace import WEIGHTED, Op, Trace, trace
from clinometer.treatment.network.weights import Drawn, draw, glorot, he, parametrized, plural
from clinometer.treatment.remedy import NotApplicable, Remedy

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient


def apply(patient: Patient) -> str:
    """Every layer with dead units at once; the live ones keep their weights bit by bit."""
    found = dead_units(trace(patient))
    if not found:
        raise NotApplicable("no unit is without slope on every example of the batch")
    for one, dead, norms in found:
        revive(patient, one, dead, norms)
    number = sum(int(dead.sum()) for _, dead, _ in found)
    return f"{plural(number, 'dead unit')} of {plural(len(found), 'layer')} drawn anew"


def dead_units(seen: Trace) -> list[tuple[Drawn, Tensor, list[nn.Module]]]:
    """Layers with dead units: which ones (bool, one per unit), and the normalisations in between."""
    between = {op.number for op in bends_between(seen)}
    found: list[tuple[Drawn, Tensor, list[nn.Module]]] = []
    for op in maps(seen):
        bend = after(seen, op)
        plain = isinstance(op.module, WEIGHTED) and seen.times(op.module) == 1
        held = plain and not parametrized(op.module) and op.weights[0].parameter.requires_grad
        if bend is None or bend.number not in between or not held or bend.given is None:
            continue
        dead = flat(bend, op)
        if dead is not None and bool(dead.any()):
            norms: list[nn.Module] = [
                one.module
                for one in seen.ops[op.number : bend.number]
                if isinstance(one.module, NORM_MODULES)
            ]
            weight = op.weights[0]
            one = Drawn(op.module, weight.parameter, False, op.biases, bend.function != "tanh")
            found.append((one, dead, norms))
    return found


def flat(bend: Op, op: Op) -> Tensor | None:
    """Which units have slope exactly 0 for all the batch; None where units and slopes do not match."""
    if bend.function not in BENT or bend.given is None:
        return None
    function, args, options = bend.call
    axis = -1 if isinstance(op.module, nn.Linear) else 1
    if bend.given.shape[axis] != op.result.shape[axis] or bend.given.ndim != op.result.ndim:
        return None
    with torch.enable_grad():
        given = bend.given.detach().clone().requires_grad_()
        options = {key: value for key, value in options.items() if key != "inplace"}
        result = function(
            *(given.clone() if one is bend.given else one for one in args[:1]), **options
        )
        (slope,) = torch.autograd.grad(result.sum(), given)
    others = [a for a in range(slope.ndim) if a != axis % slope.ndim]
    return (slope == 0).all(dim=others[0]) if len(others) == 1 else _all(slope == 0, axis)


def _all(flags: Tensor, axis: int) -> Tensor:
    return flags.movedim(axis, 0).flatten(1).all(dim=1)


@torch.no_grad()
def revive(patient: Patient, one: Drawn, dead: Tensor, norms: list[nn.Module]) -> None:
    """Rows of the weight, elements of biases and of normalisations between, and their memory."""
    fresh = draw(one, he if one.rectified else glorot, patient.generator)
    one.weight[dead] = fresh.to(device=one.weight.device, dtype=one.weight.dtype)[dead]
    starts: list[tuple[Tensor, float | None]] = [(one.weight, None)]
    starts += [(bias, 0.0) for bias in one.biases if bias.requires_grad]
    for norm in norms:
        starts += [
            (parameter, 1.0 if name == "weight" else 0.0)
            for name, parameter in norm.named_parameters(recurse=False)
            if parameter.shape == dead.shape and parameter.requires_grad
        ]
    for parameter, value in starts:
        if value is not None:
            parameter[dead] = value
        for optimizer in patient.optimizers:
            for memory in optimizer.state.get(parameter, {}).values():
                if isinstance(memory, Tensor) and memory.shape == parameter.shape:
                    memory[dead] = 0


REMEDY = Remedy(
    name="reset-dead-units",
    moment="running",
    changes="weights",
    act="draw weights",
    apply=apply,
    lines="# once, between two steps; `dead` marks units of `layer` that gave 0 for a whole epoch\n"
    "with torch.no_grad():\n"
    "    fresh = torch.empty_like(layer.weight)\n"
    '    nn.init.kaiming_normal_(fresh, nonlinearity="relu")\n'
    "    layer.weight[dead], layer.bias[dead] = fresh[dead], 0.0\n",
)
