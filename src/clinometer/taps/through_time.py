"""Recurrent layers by time lag: how much of the gradient reaches each step of the input.

A recurrent layer of PyTorch is one fused operation; a raw input gathers no gradient, and nothing
inside can be hooked. So the layer alone is run again on a few examples, with the gradient that arrived at its
output: examples do not see each other there, so what comes out at their inputs is exact. The user's
graph, input and random state stay as they are.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

MOST_EXAMPLES = 8


@dataclass(frozen=True, eq=False)
class Passage:
    """What one call of a recurrent layer was given, of a few examples.

    Attributes
    ----------
    which : number of the output that the gradient is taken at (0 the sequence, 1 the last state ...)
    """

    module: weakref.ref[nn.RNNBase]
    inputs: torch.Tensor
    state: Any
    which: int

    def gradient_by_time(self, gradient: torch.Tensor) -> torch.Tensor | None:
        """float64 (time steps,): root mean square of dC/d(input) at each; None where it cannot be told."""
        module = self.module()
        if module is None:
            return None
        examples = _batch_axis(module, self.which)
        few = gradient.detach().narrow(examples, 0, self.inputs.shape[_batch_axis(module, 0)])
        with torch.enable_grad(), torch.random.fork_rng(devices=_devices(gradient)):
            inputs = self.inputs.detach().clone().requires_grad_()
            out = outputs_of(module.forward(inputs, self.state))[self.which]
            (back,) = torch.autograd.grad(out, inputs, few)
        time = 1 if module.batch_first else 0
        return back.double().movedim(time, 0).flatten(1).square().mean(dim=1).sqrt()


def passage(module: nn.Module, args: tuple[Any, ...], which: int) -> Passage | None:
    """Keep what a call needs to be run again; None for packed and unbatched sequences."""
    if not isinstance(module, nn.RNNBase) or not args or not isinstance(args[0], torch.Tensor):
        return None
    if args[0].ndim != 3 or not args[0].is_floating_point():
        return None
    axis = _batch_axis(module, 0)
    count = min(args[0].shape[axis], MOST_EXAMPLES)
    state = args[1] if len(args) > 1 else None
    if isinstance(state, torch.Tensor):
        state = state.detach()[:, :count].contiguous()
    elif isinstance(state, tuple):
        state = tuple(part.detach()[:, :count].contiguous() for part in state)
    return Passage(weakref.ref(module), args[0].detach().narrow(axis, 0, count), state, which)


def outputs_of(out: Any) -> list[torch.Tensor]:
    """The tensors of a recurrent layer's result: the sequence, then its last state or states."""
    if isinstance(out, torch.Tensor):
        return [out]
    found: list[torch.Tensor] = []
    for part in out if isinstance(out, (tuple, list)) else ():
        found += outputs_of(part)
    return found


def _batch_axis(module: nn.RNNBase, which: int) -> int:
    return 0 if which == 0 and module.batch_first else 1


def _devices(tensor: torch.Tensor) -> list[int]:
    return [tensor.device.index or 0] if tensor.device.type == "cuda" else []
