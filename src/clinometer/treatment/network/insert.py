"""A module put behind a layer: the names of all other modules stay, and the layer stays the layer.

In an nn.Sequential that runs as a whole it becomes its next step, under a name of its own; elsewhere it is
registered in the nearest parent that is no container, and a hook on the layer applies it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from clinometer.treatment.network.trace import Trace

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient

CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


def behind(patient: Patient, trace: Trace, layer: nn.Module, new: nn.Module, ending: str) -> None:
    """Apply `new` to what a layer gives; its name is the layer's with an ending, its parameters are owned."""
    like = next(layer.parameters(), None)
    if like is not None:
        new.to(device=like.device, dtype=like.dtype)
    new.train(layer.training)
    path = path_to(patient, layer)
    parent, _ = path[-1]
    if isinstance(parent, nn.Sequential) and any(parent is one for one in trace.ran):
        steps: dict[str, nn.Module] = {}
        for name, step in parent._modules.items():
            steps[name] = step
            if step is layer:
                steps[f"{name}_{ending}"] = new
        parent._modules = steps
    else:
        places = [i for i, (one, _) in enumerate(path) if not isinstance(one, CONTAINERS)]
        home = places[-1] if places else 0
        name = "_".join(key for _, key in path[home:])
        path[home][0].add_module(f"{name}_{ending}", new)
        layer.register_forward_hook(_Behind(new))
    if any(True for _ in new.parameters()):
        patient.adopt(new.parameters(), like)


class _Behind:
    """A hook that can be copied and pickled with its module."""

    def __init__(self, new: nn.Module) -> None:
        self.new = new

    def __call__(self, _layer: nn.Module, _given: Any, output: Any) -> Any:
        return self.new(output) if isinstance(output, torch.Tensor) else None


def path_to(patient: Patient, layer: nn.Module) -> list[tuple[nn.Module, str]]:
    """(parent, key) from a root down to a layer."""
    for root in patient.roots:
        for name, part in root.named_modules():
            if part is layer and name:
                keys = name.split(".")
                path, here = [], root
                for key in keys:
                    path.append((here, key))
                    here = here._modules[key]  # type: ignore[assignment]
                return path
    return [(layer, "")]
