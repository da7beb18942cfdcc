"""Layers of one observed step: what enters and leaves them, forwards and backwards.

Hooks are on only while a step is observed. Each takes its numbers at once and keeps no tensor: sums
of squares over all calls of the step, so that gradient accumulation and a network that is called
twice (siamese, GAN) read as one larger batch, which is what their gradient is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import nn

from clinometer.taps.flatness import UnitWindow, flat
from clinometer.taps.graph import Origin, mark, nodes_above, origin
from clinometer.taps.reductions import input_squares, nonfinite, reach, sum_of_squares
from clinometer.taps.roles import VIEWS, facts_of, unit_axis


@dataclass
class CallSums:
    """Sums over the calls of one place in one step; `facts` say what the place is."""

    name: str
    facts: dict[str, Any]
    parents: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    chain: bool = True
    seen: int = 0
    examples: int = 0
    elements: int = 0
    inputs: int = 0
    in_sq: float = 0.0
    out_sq: float = 0.0
    grad_out_sq: float = 0.0
    grad_in_sq: float = 0.0
    grad_in_seen: int = 0
    reach_sq: float = 0.0
    flat: float = 0.0
    nonfinite_in: int = 0
    nonfinite_out: int = 0
    nonfinite_grad: int = 0

    @property
    def linked(self) -> bool:
        """Whether the gradient leaving this place is the one entering its only parent."""
        return self.chain and len(self.parents) == 1 and set(self.operations) <= VIEWS


@dataclass
class _Pending:
    """One forward call whose gradient has not come yet."""

    call: CallSums
    in_sq: float = 0.0
    inputs: int = 0
    nonfinite_in: int = 0
    flat: float = 0.0
    rows: torch.Tensor | None = None  # squared norms of the input's rows or patches


@dataclass
class LayerTap:
    """Hooks on the leaf modules of the known networks, for the length of one step.

    Attributes
    ----------
    guard : wraps every hook; swallows, counts and reports whatever one of ours raises
    calls : what was seen, by place, in order of execution
    windows : per activation, the units that were alive lately (kept from step to step)
    """

    guard: Callable[[Callable[..., None]], Callable[..., None]]
    calls: dict[str, CallSums] = field(default_factory=dict)
    windows: dict[str, UnitWindow] = field(default_factory=dict)
    in_backward: bool = False
    _token: object = field(default_factory=object)
    _undo: ExitStack = field(default_factory=ExitStack)
    _turn: dict[str, int] = field(default_factory=dict)
    _waiting: dict[str, tuple[Origin, _Pending]] = field(default_factory=dict)

    def arm(self, root: nn.Module, layers: Iterable[tuple[str, nn.Module]]) -> None:
        """Put hooks on a network's leaf modules, given as (name, module); others may follow."""
        with ExitStack() as undo:
            begin = self.guard(self._begin)  # on the root: tells where a forward pass begins
            undo.callback(root.register_forward_pre_hook(begin).remove)
            for name, module in layers:
                pre = self.guard(partial(self._before, name))
                post = self.guard(partial(self._after, name))
                undo.callback(module.register_forward_pre_hook(pre).remove)
                undo.callback(module.register_forward_hook(post).remove)
            self._undo.push(undo.pop_all())  # reached only when every hook is on

    def new_pass(self) -> None:
        """A forward pass begins or is over: its layers' first calls come again."""
        self._turn.clear()

    def _begin(self, root: nn.Module, args: tuple[Any, ...]) -> None:
        if not self.in_backward:
            self.new_pass()

    def disarm(self) -> list[CallSums]:
        """Take every hook off, and hand over what was seen."""
        self._undo.close()
        self._undo = ExitStack()
        seen = [call for call in self.calls.values() if call.seen]
        self.calls, self._turn, self._waiting = {}, {}, {}
        self._token = object()
        return seen

    def above(self, root: Any) -> tuple[list[Any], list[str]]:
        """Graph nodes between a loss and the network, and the places the loss is made from."""
        return nodes_above(root, self._token)

    def _before(self, name: str, module: nn.Module, args: tuple[Any, ...]) -> None:
        if self.in_backward or not torch.is_grad_enabled():
            return
        inputs = _first_tensor(args)
        if inputs is None:
            return
        came = origin(inputs.grad_fn, self._token)
        turn = self._turn[name] = self._turn.get(name, -1) + 1
        place = name if turn == 0 else f"{name}#{turn + 1}"
        call = self.calls.get(place) or CallSums(place, facts_of(module))
        pending = _Pending(call)
        with torch.no_grad():
            self._measure_input(pending, module, inputs.detach(), came)
        self._waiting[name] = (came, pending)
        if inputs.requires_grad and not (came.chain and set(came.operations) <= VIEWS):
            inputs.register_hook(self.guard(partial(self._gradient_in, pending)))

    def _measure_input(
        self, pending: _Pending, module: nn.Module, inputs: torch.Tensor, came: Origin
    ) -> None:
        if not inputs.is_floating_point():
            return
        pending.in_sq, pending.inputs = sum_of_squares(inputs), inputs.numel()
        pending.nonfinite_in = nonfinite(inputs, pending.in_sq)
        facts = pending.call.facts
        if facts["role"] == "activation":
            mask = flat(module, facts["activation"], inputs)
            pending.flat = float(mask.sum())
            behind = [self.calls[name].facts["class"] for name in came.marks if name in self.calls]
            axis = unit_axis(inputs, after_convolution="Conv" in " ".join(behind))
            window = self.windows.setdefault(pending.call.name, UnitWindow(facts["activation"]))
            window.add(mask, axis)
        elif facts["role"] == "weight":
            pending.rows = input_squares(module, inputs)

    def _after(self, name: str, module: nn.Module, args: tuple[Any, ...], out: Any) -> None:
        if name not in self._waiting:
            return
        came, pending = self._waiting.pop(name)
        call = pending.call
        if not isinstance(out, torch.Tensor) or not out.requires_grad:
            return
        if not mark(out, self._token, call.name):
            return  # the module handed its input through: there is nothing to tell apart
        if call.name not in self.calls:
            call.parents, call.chain = came.marks, came.chain
            call.operations = came.operations
            self.calls[call.name] = call
        with torch.no_grad():
            squares = sum_of_squares(out.detach())
            bad = nonfinite(out.detach(), squares)
        out.register_hook(self.guard(partial(self._gradient_out, pending, module, squares, bad)))

    def _gradient_out(
        self, pending: _Pending, module: nn.Module, out_sq: float, bad: int, gradient: torch.Tensor
    ) -> None:
        call = pending.call
        with torch.no_grad():
            squares = sum_of_squares(gradient)
            call.nonfinite_grad += nonfinite(gradient, squares)
            if pending.rows is not None:
                call.reach_sq += reach(module, pending.rows, gradient)
        call.seen += 1
        call.grad_out_sq += squares
        call.examples += gradient.shape[0] if gradient.ndim else 1
        call.elements += gradient.numel()
        call.out_sq += out_sq
        call.nonfinite_out += bad
        call.in_sq += pending.in_sq
        call.inputs += pending.inputs
        call.nonfinite_in += pending.nonfinite_in
        call.flat += pending.flat

    def _gradient_in(self, pending: _Pending, gradient: torch.Tensor) -> None:
        with torch.no_grad():
            pending.call.grad_in_sq += sum_of_squares(gradient)
        pending.call.grad_in_seen += gradient.numel()


def _first_tensor(args: tuple[Any, ...]) -> torch.Tensor | None:
    return next((value for value in args if isinstance(value, torch.Tensor)), None)
