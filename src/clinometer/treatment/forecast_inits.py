"""What other first weights would give: filled into a copy, measured, and worked out by theory.

Sources: Glorot & Bengio (2010), He et al. (2015), Saxe et al. (2014) for orthogonal matrices; Mishkin & Matas
(2016), ICLR, for layers scaled one after the other to an output of RMS 1 on one batch (LSUV).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from clinometer.theory.chain import Link, WeightMap

LAYERS = (nn.Linear, nn.modules.conv._ConvNd)


def weighted(model: nn.Module) -> Iterator[nn.Module]:
    """Linear and convolution layers with a weight of their own."""
    for part in model.modules():
        if isinstance(part, LAYERS) and isinstance(getattr(part, "weight", None), nn.Parameter):
            yield part


def _filled(fill: Callable[[Tensor], Any]) -> Callable[[nn.Module], None]:
    def apply(model: nn.Module) -> None:
        for part in weighted(model):
            weight, bias = part.weight, part.bias
            assert isinstance(weight, Tensor)
            fill(weight)
            if isinstance(bias, Tensor):
                nn.init.zeros_(bias)

    return apply


def _orthogonal(weight: Tensor) -> None:
    with torch.no_grad():
        wide = torch.empty(weight.shape, dtype=torch.float64)
        weight.copy_(nn.init.orthogonal_(wide))


def _lsuv(model: nn.Module) -> None:
    """Orthogonal, with a hook that scales each layer to an output of RMS 1 when it first runs."""
    _filled(_orthogonal)(model)
    for part in weighted(model):
        part.register_forward_hook(_ScaledOnce())


class _ScaledOnce:
    """Divides a layer's weight, and the output of this run, by the RMS of that output."""

    def __init__(self) -> None:
        self.done = False

    def __call__(self, layer: nn.Module, given: Any, output: Tensor) -> Tensor | None:
        rms = float(output.detach().double().square().mean().sqrt())
        if self.done or not 0 < rms < float("inf"):
            return None
        self.done = True
        with torch.no_grad():
            assert isinstance(layer.weight, Tensor)
            layer.weight.div_(rms)
        return output / rms


INITS: dict[str, Callable[[nn.Module], None]] = {
    "Glorot": _filled(nn.init.xavier_normal_),
    "He": _filled(lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu")),
    "orthogonal": _filled(_orthogonal),
    "unit output (LSUV)": _lsuv,
}
ON_BATCH = frozenset({"unit output (LSUV)"})  # its weights follow from a forward pass


def relinked(links: list[Link], name: str) -> list[Link]:
    """The chain with the weights that an initialisation would draw."""
    return [
        replace(link, variance=_variance(link, name), bias=0.0)
        if isinstance(link, WeightMap)
        else link
        for link in links
    ]


def _variance(link: WeightMap, name: str) -> float | None:
    taps = 1
    for size in link.kernel:
        taps *= size
    fan_in, rows = link.inputs * taps, link.outputs * link.groups
    if name == "He":
        return 2.0 / fan_in
    if name == "Glorot":
        return 2.0 / (fan_in + rows * taps)
    if name == "orthogonal":
        return 1.0 / max(fan_in, rows)
    return None
