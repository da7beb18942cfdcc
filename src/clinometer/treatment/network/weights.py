"""Weights drawn anew: by which rule, from the remedy's own stream, into whatever holds them.

Sources: Glorot & Bengio (2010), He et al. (2015), Saxe et al. (2014).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from clinometer.treatment.network.chain import RECTIFYING, after, maps
from clinometer.treatment.network.trace import WEIGHTED, Weight, trace
from clinometer.treatment.remedy import NotApplicable

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient

Fill = Callable[[Tensor, torch.Generator], object]


@dataclass(eq=False)
class Drawn:
    """A weight that may be drawn anew, its biases, and whether a rectifying activation follows.

    `module` is the layer that holds it, where one does; `turned` where it is stored as (in, out).
    """

    module: nn.Module
    weight: Tensor
    turned: bool
    biases: tuple[Tensor, ...]
    rectified: bool


def he(weight: Tensor, generator: torch.Generator) -> None:
    """Variance 2 / fan-in: keeps the size of what a ReLU halves."""
    nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)


def glorot(weight: Tensor, generator: torch.Generator) -> None:
    """Variance 2 / (fan-in + fan-out): between what outputs and what gradients would want."""
    nn.init.xavier_normal_(weight, generator=generator)


def orthogonal(weight: Tensor, generator: torch.Generator) -> None:
    """Rows (or columns) orthonormal: no direction grows or shrinks."""
    nn.init.orthogonal_(weight, generator=generator)


def drawable(patient: Patient) -> list[Drawn]:
    """Trainable weights of linear maps and convolutions, in the order of the call, each once.

    Frozen weights are left, and so are those that an embedding shares. Layers that the call does not reach
    come last, as their class says.

    Raises
    ------
    NotApplicable : where there is none.
    """
    seen = {
        id(parameter)
        for root in patient.roots
        for part in root.modules()
        if isinstance(part, nn.Embedding | nn.EmbeddingBag)
        for parameter in part.parameters(recurse=False)
    }
    found = []
    for one in [*_called(patient), *_registered(patient)]:
        key = one.module if parametrized(one.module) else one.weight
        if id(key) in seen or not _trains(one):
            continue
        seen.add(id(key))
        found.append(one)
    if not found:
        raise NotApplicable("no layer with a trainable weight matrix was seen")
    return found


def _called(patient: Patient) -> Iterator[Drawn]:
    try:
        seen = trace(patient)
    except NotApplicable as error:
        if any(
            isinstance(p, nn.UninitializedParameter) for r in patient.roots for p in r.parameters()
        ):
            raise error
        return
    for op in maps(seen):
        follower = after(seen, op)
        rectified = follower is not None and follower.function in RECTIFYING
        adding = [seen.ops[one] for one in op.readers if seen.ops[one].biases and not op.biases]
        biases = op.biases + tuple(b for one in adding for b in one.biases)
        for weight in op.weights:
            yield Drawn(op.module, weight.parameter, weight.turned, biases, rectified)


def _registered(patient: Patient) -> Iterator[Drawn]:
    """By class alone; what follows is the next module, where that is an activation by name."""
    for root in patient.roots:
        parts = [part for part in root.modules() if not part._modules or isinstance(part, WEIGHTED)]
        following = [*parts[1:], None]
        for part, following_part in zip(parts, following, strict=True):
            rectified = type(following_part).__name__.lower() in RECTIFYING
            weight = getattr(part, "weight", None)
            bias = getattr(part, "bias", None)
            if isinstance(part, WEIGHTED) and isinstance(weight, Tensor):
                biases = (bias,) if isinstance(bias, Tensor) else ()
                yield Drawn(part, weight, False, biases, rectified)


def _trains(one: Drawn) -> bool:
    if parametrized(one.module):
        return any(p.requires_grad for p in one.module.parameters())
    return one.weight.requires_grad


def parametrized(module: nn.Module) -> bool:
    """Whether the weight is worked out from others: a parametrization, or the older weight norm."""
    return torch.nn.utils.parametrize.is_parametrized(module, "weight") or hasattr(
        module, "weight_v"
    )


def draw(one: Drawn, fill: Fill, generator: torch.Generator) -> Tensor:
    """Float64 values for a weight, as it is stored."""
    shape = tuple(one.weight.shape)
    wide = torch.empty(
        shape[::-1] if one.turned and len(shape) == 2 else shape, dtype=torch.float64
    )
    fill(wide, generator)
    return wide.T if one.turned and len(shape) == 2 else wide


@torch.no_grad()
def put(one: Drawn, values: Tensor) -> None:
    """The weight takes these values, through what it is worked out from."""
    module = one.module
    values = values.to(device=one.weight.device, dtype=one.weight.dtype)
    if torch.nn.utils.parametrize.is_parametrized(module, "weight"):
        module.weight = values
    elif hasattr(module, "weight_v"):
        size, direction = module.weight_g, module.weight_v
        assert isinstance(size, Tensor)
        assert isinstance(direction, Tensor)
        others = [axis for axis in range(values.ndim) if size.shape[axis] == 1]
        direction.copy_(values)
        size.copy_(values.double().square().sum(dim=others, keepdim=True).sqrt())
    else:
        one.weight.copy_(values)


@torch.no_grad()
def without_bias(one: Drawn) -> None:
    """Biases start at 0, where they are trained."""
    for bias in one.biases:
        if bias.requires_grad:
            bias.zero_()


def redrawn(patient: Patient, chosen: list[Drawn], fill: Fill | None = None) -> str:
    """Draw the chosen weights: He where a rectifier follows, Glorot elsewhere, or one rule for all."""
    counts = {"He": 0, "Glorot": 0}
    for one in chosen:
        rule = fill or (he if one.rectified else glorot)
        put(one, draw(one, rule, patient.generator))
        without_bias(one)
        counts["He" if rule is he else "Glorot"] += 1
    return ", ".join(f"{number} by {name}" for name, number in counts.items() if number)


def frozen_left(patient: Patient) -> str:
    """What to say of frozen layers, which keep their weights; empty where there are none."""
    number = sum(
        isinstance(part, WEIGHTED) and not any(p.requires_grad for p in part.parameters())
        for root in patient.roots
        for part in root.modules()
    )
    return f"; {number} frozen left as {'it is' if number == 1 else 'they are'}" if number else ""


def plural(number: int, noun: str) -> str:
    """A count with its noun.

    >>> plural(1, "layer"), plural(2, "layer")
    ('1 layer', '2 layers')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def recurrent(patient: Patient) -> list[nn.Module]:
    """Recurrent layers and cells with something to train."""
    return [
        part
        for root in patient.roots
        for part in root.modules()
        if isinstance(part, nn.RNNBase | nn.RNNCellBase)
        and any(p.requires_grad for p in part.parameters(recurse=False))
    ]


def gates(module: nn.Module, parameter: Tensor) -> list[Tensor]:
    """A recurrent weight or bias in blocks, one a gate."""
    rows = int(module.hidden_size)  # type: ignore[arg-type]
    return [*parameter.split(rows)] if parameter.shape[0] % rows == 0 else [parameter]


@torch.no_grad()
def redraw_cell(
    module: nn.Module, fill: Fill, generator: torch.Generator, name: str = "weight"
) -> int:
    """Each gate's block of the weights so named is drawn by itself; how many parameters were drawn."""
    number = 0
    for key, parameter in module.named_parameters(recurse=False):
        if not key.startswith(name) or parameter.ndim != 2 or not parameter.requires_grad:
            continue
        for block in gates(module, parameter):
            wide = torch.empty(block.shape, dtype=torch.float64)
            fill(wide, generator)
            block.copy_(wide)
        number += 1
    return number


def rms(tensor: Tensor) -> float:
    """Root of the mean square, worked out in float64; nan of nothing."""
    return (
        math.sqrt(float(tensor.detach().double().square().mean())) if tensor.numel() else math.nan
    )


__all__ = [
    "Drawn", "Fill", "Weight", "draw", "drawable", "frozen_left", "gates", "glorot", "he", "orthogonal",
    "parametrized", "plural", "put", "recurrent", "redraw_cell", "redrawn", "rms", "without_bias",
]  # fmt: skip
