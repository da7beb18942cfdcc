"""The recorder: a clock that ticks at the optimizer's step, taps that are on only when it says so.

Between observations the run meets two optimizer hooks and one branch in `backward`. Whatever of ours
raises is swallowed, counted and noted; after the first such fault of a kind the run goes on unseen
rather than disturbed.
"""

from __future__ import annotations

import array
import functools
import math
import os
import time
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from clinometer.attach.backward import BackwardTap
from clinometer.attach.budget import Budget
from clinometer.attach.networks import Networks
from clinometer.attach.observation import Observation, pack
from clinometer.attach.targets import Targets
from clinometer.records.site import Site
from clinometer.store.writer import Writer
from clinometer.taps.layers import LayerTap
from clinometer.taps.loss import Term, read_terms
from clinometer.taps.parameters import ParameterTap

FLUSH_STEPS = 64  # every-step scalars wait for this many steps ...
FLUSH_S = 0.25  # ... or this long [s], whichever comes first; a kill loses at most that
MOST_FAULTS = 8  # after so many faults of ours the recorder takes itself off


class Recorder:
    """Records the training that happens in this process between `start` and `stop`."""

    def __init__(
        self,
        writer: Writer,
        *,
        budget: float = 0.01,
        every: int | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.writer = writer
        self.budget = Budget(budget, every)
        self.networks = Networks()
        self.faults: list[str] = []
        self._clock = clock
        self._pid = os.getpid()
        self._step = 0
        self._observing = False
        self._own_s = 0.0
        self._ticker: weakref.ref[torch.optim.Optimizer] | None = None
        self._sites: dict[tuple[str, str], Site] = {}
        self._scalars: array.array[float] = array.array("d")
        self._first_scalar = 0
        self._losses: list[float] = []
        self._terms: list[Term] = []
        self._outputs: list[str] = []
        self._targets = Targets()
        self._layers = LayerTap(self.guard)
        self._parameters = ParameterTap(self.guard, self.networks.name_of)
        self._backward = BackwardTap(
            self.guard(self._before_backward), self.guard(self._after_backward)
        )
        self._undo: list[Callable[[], None]] = []
        self._forget_discovery: Callable[[], None] = _nothing

    # -- life -----------------------------------------------------------------------------------

    def start(self, model: nn.Module | None = None) -> None:
        """Attach: to this model, or to whatever network is called first."""
        self._started = self._last = self._flushed = self._clock()
        pre = register_optimizer_step_pre_hook(self.guard(self._before_step))
        self._undo.append(pre.remove)
        post = register_optimizer_step_post_hook(self.guard(self._after_step))
        self._undo.append(post.remove)
        self._undo.append(self._backward.install())
        self._observing = self.budget.wants(0)
        if model is not None:
            self.guard(self._meet)(model)
        else:
            hook = nn.modules.module.register_module_forward_pre_hook(self.guard(self._discover))
            self._undo.append(hook.remove)
            self._forget_discovery = hook.remove

    def stop(self, ended: str, **facts: Any) -> None:
        """Detach, write what is left, and close the file; safe to call twice."""
        if not self._undo or os.getpid() != self._pid:
            return
        for undo in reversed(self._undo):
            undo()
        self._undo = []
        self._layers.disarm()
        self._parameters.disarm()
        self._flush()
        self._write_state()
        notes = self.networks.notes + self.faults
        self.writer.set_meta({"ended": ended, "notes": notes, **self._cost(), **facts})
        self.writer.close()

    def guard(self, function: Callable[..., Any]) -> Callable[..., None]:
        """Wrap a hook: timed, silent, never raising, never returning a value, not in a child."""

        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> None:
            if os.getpid() != self._pid or len(self.faults) >= MOST_FAULTS:
                return
            begun = self._clock()
            try:
                function(*args, **kwargs)
            except Exception as error:
                self._fault(error)
            finally:
                self._own_s += self._clock() - begun

        return guarded

    def _fault(self, error: Exception) -> None:
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = (
            f"{os.path.basename(place.tb_frame.f_code.co_filename)}:{place.tb_lineno}"
            if place
            else "?"
        )
        text = f"step {self._step}: {type(error).__name__} in {where}: {error}"[:300]
        if not any(text.partition(": ")[2] == known.partition(": ")[2] for known in self.faults):
            self.faults.append(text)

    # -- finding the networks -------------------------------------------------------------------

    def _discover(self, module: nn.Module, args: Any) -> None:
        if torch.is_grad_enabled() and module.training:
            self._meet(module)

    def _meet(self, module: nn.Module) -> None:
        root = self.networks.add(module)
        if root is not None and self._observing:
            self._arm(root)

    def _arm(self, root: nn.Module) -> None:
        """Observe a network in this step."""
        self._layers.arm(root, self.networks.leaves(root))
        self._parameters.arm(list(root.parameters()))

    # -- one step -------------------------------------------------------------------------------

    def _before_backward(self, tensors: Any) -> None:
        self._layers.in_backward = True
        loss = tensors if isinstance(tensors, torch.Tensor) else None
        if loss is None and len(tensors) == 1:
            loss = tensors[0]
        if loss is None or loss.numel() != 1:
            return
        self._losses.append(float(loss.detach()))
        if self._observing:
            nodes, outputs = self._layers.above(loss.grad_fn)
            self._outputs += [name for name in outputs if name not in self._outputs]
            self._terms += read_terms(nodes)

    def _after_backward(self) -> None:
        self._layers.in_backward = False
        self._layers.new_pass()

    def _before_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        if self._ticker is None:
            self._ticker = weakref.ref(optimizer)
            owned = [p for group in optimizer.param_groups for p in group["params"]]
            self.networks.find_owners(owned)
        if self._observing:
            self._parameters.before_step(optimizer)

    def _after_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        if self._observing:
            self._parameters.after_step(optimizer)
        if self._ticker is not None and optimizer is self._ticker():
            self._tick()

    def _tick(self) -> None:
        """A step is over: keep its scalars, write its observation, decide about the next one."""
        now = self._clock()
        self._note_scalars(now)
        observed = self._observing
        if observed:
            self._write_observation(now)
        if self._step == 0:
            self._forget_discovery()
        spent = self._clock() - now
        self.budget.account(self._step, now - self._last, self._own_s + spent, observed)
        self._own_s = -spent  # the guard around this call adds it once more
        self._last = now
        self._step += 1
        self._observing = self.budget.wants(self._step)
        if self._observing:
            for root in self.networks.roots():
                self._arm(root)

    def _note_scalars(self, now: float) -> None:
        seen = bool(self._losses)
        loss = sum(self._losses) if seen else float("nan")
        self._scalars.extend((now - self._started, loss, float(seen)))
        self._losses = []
        if self._step - self._first_scalar + 1 >= FLUSH_STEPS or now - self._flushed > FLUSH_S:
            self._flush()

    def _flush(self) -> None:
        self._flushed = self._clock()
        if self._scalars:
            self.writer.add_steps(self._first_scalar, self._scalars)
            self._first_scalar += len(self._scalars) // 3
            self._scalars = array.array("d")

    def _write_observation(self, now: float) -> None:
        seen = Observation(
            calls=self._layers.disarm(),
            parameters=self._parameters.disarm(),
            terms=self._terms,
            outputs=self._outputs,
            windows=self._layers.windows,
        )
        self._targets.add(self._terms)
        self._terms, self._outputs = [], []
        row, new = pack(seen, self._sites)
        for window in seen.windows.values():
            window.turn()
        self.writer.add_sites(new)
        self._flush()
        self.writer.add_observation(self._step, now - self._started, row)
        self._write_state()

    def _write_state(self) -> None:
        dead = {name: window.dead()[0][:1024] for name, window in self._layers.windows.items()}
        self.writer.set_state({"labels": self._targets.summary(), "dead_units": dead})
        self.writer.set_meta(self._cost())

    def _cost(self) -> dict[str, Any]:
        measured = self.budget.overhead()
        return {
            "overhead": {
                "measured": None if math.isnan(measured) else measured,  # nan before the first step
                "seconds": self.budget.spent_s,
                "budget": self.budget.share,
            }
        }


def _nothing() -> None:
    """Undo of a hook that was not needed, because the model was given."""
