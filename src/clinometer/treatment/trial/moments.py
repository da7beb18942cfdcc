"""Finds the moments of a running script: before its first forward pass, and after one of its steps."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from clinometer.attach.arrival import when_imported
from clinometer.attach.networks import Networks
from clinometer.attach.patches import BackwardTap, branch
from clinometer.attach.seams import keep_out
from clinometer.taps.handles import numbered_apart
from clinometer.treatment.patient import Call
from clinometer.treatment.trial.pace import Pace

LOSSES = nn.modules.loss._Loss


class Watch:
    """Listens to the script; calls `reached("start")` or `reached("running")` once each, in that order.

    Attributes
    ----------
    call : the latest call of a network by the script with gradients on
    begins : called when the script begins a forward pass with gradients on, a backward pass, or clears
        gradients: whatever belongs to the step before, such as a validation pass, is over then
    pid : the process that is listened to; children of the script's own are not
    """

    def __init__(self, moments: list[str], at: int, reached: Callable[[str], None]) -> None:
        self.pid = os.getpid()
        self.call: Call | None = None
        self.networks = Networks()
        self.pace = Pace()
        self.begins: Callable[[], None] = lambda: None
        self._waiting = [name for name in ("start", "running") if name in moments]
        self._at, self._reached = at, reached
        self._optimizers: list[weakref.ref[torch.optim.Optimizer]] = []
        self._wrapped: set[int] = set()
        self._open: set[int] = set()  # optimizers that step
        self._met: weakref.WeakSet[nn.Module] = weakref.WeakSet()
        self._depth = self._kept = 0
        self._quiet = False
        self._undo: list[Callable[[], None]] = []
        self._tap = BackwardTap(
            self._backward, self._backward_over, lambda _: None, lambda _: False, lambda: True
        )

    # -- attaching -----------------------------------------------------------------------------------

    def install(self) -> None:
        """Listen from now on."""
        when_imported("torch._dynamo", keep_out)
        self._install_call()
        branch(torch.optim.Optimizer, "__init__", after=self._made)
        branch(torch.optim.Optimizer, "zero_grad", before=self._clears)
        branch(nn.Module, "zero_grad", before=self._clears)
        branch(torch.amp.grad_scaler.GradScaler, "scale", after=self._scaled)
        self.listen_outside()

    def listen_outside(self) -> None:
        """Hear of a backward pass before everybody else who listens by now, and of the end of a step last."""
        for undo in self._undo:
            undo()
        scaler = torch.amp.grad_scaler.GradScaler
        with numbered_apart():
            self._undo = [
                register_optimizer_step_pre_hook(self._pre).remove,
                register_optimizer_step_post_hook(self._post).remove,
                branch(scaler, "step", before=self._scaler_begins, after=self._scaler_ends),
                self._tap.install(),
            ]

    def _install_call(self) -> None:
        original, watch = nn.Module.__call__, self

        def called(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            if torch.compiler.is_compiling() or watch._quiet:
                return original(module, *args, **kwargs)
            if not watch._depth and torch.is_grad_enabled() and not watch._tap.depth:
                watch._outer(module, args, kwargs)
            watch._depth += 1
            try:
                return original(module, *args, **kwargs)
            finally:
                watch._depth -= 1

        nn.Module.__call__ = called  # type: ignore[method-assign]

    # -- what a treatment needs ----------------------------------------------------------------------

    def no_more_moments(self) -> None:
        """From now on the process is an arm."""
        self._waiting = []

    def quietly(self, act: Callable[[], Any]) -> Any:
        """Run something of ours, whose calls of networks are not the script's."""
        before, self._quiet = self._quiet, True
        try:
            return act()
        finally:
            self._quiet = before

    def optimizers(self) -> list[torch.optim.Optimizer]:
        """Those that live, in the order of their making."""
        return [one for one in (link() for link in self._optimizers) if one is not None]

    def count_calls_of(self, optimizers: list[torch.optim.Optimizer]) -> Callable[..., Any]:
        """A function for `Patient.around_step`: it counts what the script calls, whatever is done then."""
        self._wrapped |= set(map(id, optimizers))

        def step(optimizer: Any, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            self.pace.step_begins(optimizer)
            result = original(*args, **kwargs)
            self.pace.step_ends(optimizer, within=self._tap.depth > 0)
            return result

        return step

    # -- what happens --------------------------------------------------------------------------------

    def _outer(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """The script calls a module with gradients on."""
        if module not in self._met:
            self._met.add(module)
            if not isinstance(module, LOSSES):
                self.networks.find_owners(module.parameters())
        root = getattr(module, "_orig_mod", module)
        if root in self._roots():
            self.call = Call(root, args, kwargs)
            if (
                self._optimizers or self.pace.count
            ):  # else the first backward pass begins the training
                self._look()

    def _roots(self) -> list[nn.Module]:
        return self.networks.roots()

    def _made(self, _result: Any, args: tuple[Any, ...]) -> None:
        optimizer = args[0]
        self.pace.optimizers += 1
        if all(link() is not optimizer for link in self._optimizers):
            self._optimizers.append(weakref.ref(optimizer))
            self.networks.find_owners(p for g in optimizer.param_groups for p in g["params"])

    def _look(self) -> None:
        """Something begins that no step is going on in: is it time?"""
        if self.pace.clock.inside or self._tap.depth > 0 or os.getpid() != self.pid:
            return
        self.begins()
        while self._waiting:
            moment = self._waiting[0]
            if moment == "running" and self.pace.count < self._at:
                return
            self._waiting.pop(0)
            self._reached(moment)

    def _backward(self, tensors: Any) -> None:
        self._look()
        self.pace.backward_begins(tensors)

    def _backward_over(self) -> None:
        self.pace.backward_ends()

    def _clears(self, _args: tuple[Any, ...], _kwargs: dict[str, Any]) -> None:
        if self._tap.depth:
            return
        if self.pace.clock.unsettled and self._holds_gradients():
            self.pace.cleared()
        if self.pace.count:  # before the first step, the moment is the first forward pass
            self._look()

    def _holds_gradients(self) -> bool:
        """Whether there is anything to clear: a backward pass may have been for other tensors alone."""
        return any(p.grad is not None for root in self._roots() for p in root.parameters())

    def _pre(self, optimizer: torch.optim.Optimizer, _args: Any, _kwargs: Any) -> None:
        if id(optimizer) in self._wrapped:
            return
        if not self.pace.passes:  # what this step needs is evaluated within it: LBFGS
            self._look()
        self._open.add(id(optimizer))
        self.pace.step_begins(optimizer)

    def _post(self, optimizer: torch.optim.Optimizer, _args: Any, _kwargs: Any) -> None:
        if id(optimizer) in self._open:
            self._open.discard(id(optimizer))
            self.pace.step_ends(optimizer, within=self._tap.depth > 0)

    def _scaled(self, _result: Any, args: tuple[Any, ...]) -> None:
        if args[0].is_enabled() and not self._tap.depth:
            self.pace.scaled(float(args[0]._scale))

    def _scaler_begins(self, _args: tuple[Any, ...], _kwargs: dict[str, Any]) -> None:
        self._kept = self.pace.clock.steps

    def _scaler_ends(self, _result: Any, args: tuple[Any, ...]) -> None:
        if args[0].is_enabled() and self.pace.clock.steps == self._kept:
            self.pace.step_left_out(args[1])
