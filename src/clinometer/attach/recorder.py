"""The recorder: listens for optimizer steps, and decides before each one how closely to look.

Between observations the run meets two optimizer hooks and one branch in `backward`. Whatever of ours
raises is swallowed, counted and noted; after some such faults the run goes on unseen rather than
disturbed.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from clinometer.attach.budget import Budget
from clinometer.attach.clock import Clock
from clinometer.attach.evaluations import Evaluations
from clinometer.attach.guarding import Guard
from clinometer.attach.logbook import Logbook
from clinometer.attach.look import Look, Memory, Seen
from clinometer.attach.networks import Networks
from clinometer.attach.patches import BackwardTap
from clinometer.attach.probe import Probe
from clinometer.attach.pulse import Pulse
from clinometer.attach.scope import Scope
from clinometer.attach.seams import install_seams
from clinometer.store.writer import Writer
from clinometer.taps.autopsy import autopsy
from clinometer.taps.handles import numbered_apart
from clinometer.taps.parameters import total_norm

NO_STEP = "no optimizer stepped: a step is one backward pass"
TOO_LARGE = "a loss has too large a graph to be walked: layers were not observed, parameters were"


class Recorder:
    """Records the training that happens in this process between `start` and `stop`.

    Attributes
    ----------
    unscaled, limit : what `seams` have seen in this step: gradients unscaled, the norm to clip to
    """

    def __init__(
        self,
        writer: Writer,
        *,
        budget: float = 0.01,
        every: int | None = None,
        looks: bool = True,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.writer = writer
        self.guard = Guard(clock)
        self.budget = Budget(budget, every, looks)
        self.networks = Networks()
        self.memory = Memory()
        self.pulse = Pulse()
        self.evaluations = Evaluations(self.guard, self.budget, self.memory.evaluations)
        self.probe = Probe(self.guard, self.networks)
        self.clock = Clock()
        self.scope = Scope(self.networks)
        self.logbook = Logbook(writer, self.memory, self.networks, self.budget, self.guard)
        self.limit = math.nan
        self.unscaled = False
        self._now = clock
        self._look: Look | None = None
        self._packed = self._examined = self._normed = False
        self._quick = self._open = False
        self._backward = BackwardTap(
            self.guard(self._before_backward),
            self.guard(self._after_backward),
            self.guard(self._inner_backward),
            self._quick_backward,
            self.guard.admits,
        )
        self._slow_before = self.guard(self._before_step)
        self._slow_after = self.guard(self._after_step)
        self._undo: list[Callable[[], None]] = []

    @property
    def step(self) -> int:
        """Number of the optimizer step that is going on."""
        return self.guard.step

    # -- life -----------------------------------------------------------------------------------

    def start(self, model: nn.Module | None = None) -> None:
        """Attach: to this model, or to the networks whose parameters an optimizer takes."""
        self._started = self._last = begun = self._now()
        self._thread_s = time.thread_time()
        self._open = True
        try:
            self._attach()
        except Exception as error:  # the run goes on unrecorded, and the recording says why
            self._detach()
            self.guard.note(error)
            return
        if self.budget.wants(0):
            self._look = Look(self.guard, self.networks, self.memory, self._note_leaves)
        if model is not None:
            self.networks.given = True
            self.guard(self._meet)(model)
        self.budget.start_s = self._now() - begun
        self.guard.own_s = 0.0

    def _attach(self) -> None:
        with numbered_apart():
            pre = register_optimizer_step_pre_hook(self._pre)
            self._undo.append(pre.remove)
            post = register_optimizer_step_post_hook(self._post)
            self._undo.append(post.remove)
        self._undo.append(self._backward.install())
        self._undo += install_seams(self)
        self._undo.append(self.evaluations.leave)
        self.evaluations.install()

    def _detach(self) -> None:
        for undo in reversed(self._undo):
            undo()
        self._undo = []

    def stop(self, ended: str, **facts: Any) -> None:
        """Detach, write what is left, and close the file; safe to call twice, and in a child."""
        if not self._open or os.getpid() != self.guard.pid:
            return
        self._open = False
        self._detach()
        self.guard(self._last_step)()
        if self.clock.unsettled and self.step and NO_STEP not in self.networks.notes:
            self.networks.notes.append(NO_STEP)
        notes = list(dict.fromkeys(self.networks.notes + self.probe.notes + self.guard.faults))
        deaf = {"evaluations_unheard": self.evaluations.deaf} if self.evaluations.deaf else {}
        self.logbook.close(ended, notes, deaf | facts)

    def _last_step(self) -> None:
        """A step without an optimizer is over when nothing follows it."""
        if self.clock.waits and self.clock.manual:
            self._end_manual()
        elif self.clock.waits and self.clock.unsettled:
            self._end_idle()
        if self._look is not None:
            self._look.unhook()
            self._look = None
        self.probe.release()
        self.guard.aside(self.evaluations.close)
        self.guard.aside(partial(self.evaluations.land, wait=True))
        for tap in list(
            self.memory.taps
        ):  # where threads trained at once, one may have been lost sight of
            tap.disarm()

    # -- what others tell -------------------------------------------------------------------------

    def _meet(self, module: nn.Module) -> None:
        """Take the network whose training, and no other's, is to be recorded."""
        self.scope.give(module)
        root = self.networks.add(module)
        if root is not None:
            self._arm([root])

    def owned(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimizer has been made: the owners of its parameters are networks."""
        if not self.scope.is_foreign(optimizer):
            self.memory.optimizers.add(optimizer)
        if self.scope.given:
            return
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        begun = self._now()
        roots = self.networks.find_owners(parameters)
        if roots:
            self._arm(roots)
        spent = self._now() - begun
        self.budget.start_s += spent  # once a run, not a price of observing
        self.guard.own_s -= spent

    def compiled(self, target: Any) -> None:
        """torch.compile was asked for: what it compiles must never meet our hooks."""
        module = target if isinstance(target, nn.Module) else getattr(target, "__self__", None)
        if isinstance(module, nn.Module):
            self.networks.compiled.add(module)
        else:
            self.networks.functions_compiled = True
        if self._look is not None:
            self._look.unhook()
            self._look = None
            if self.step == 0:
                self._begin_look()

    def clipped(self, norm: float) -> None:
        """The total norm that clipping worked out, and with it by how much the gradient was shortened."""
        if math.isnan(self.limit):
            return
        scaled = not (math.isnan(self.pulse.scale) or self.unscaled)
        self.pulse.note_norm(self.step, norm / self.pulse.scale if scaled else norm)
        self.pulse.clip = min(1.0, self.limit / (norm + 1e-6))  # as clip_grad_norm_ does

    def packs(self) -> None:
        """Saved tensors are in somebody's hooks during this step: they must not be read."""
        self._packed = True

    def skipped(self, optimizer: torch.optim.Optimizer) -> None:
        """A loss scaler has left out an optimizer's step."""
        if self.scope.steps_elsewhere(optimizer):
            return
        self.memory.optimizers.steps(optimizer)
        self.pulse.skipped = True
        self.pulse.lr = _rate(optimizer)
        if self.clock.skips(optimizer):
            self._tick()

    # -- an ordinary step: one optimizer, one loss, nobody looks -----------------------------------

    def _quick_backward(self, tensors: Any) -> bool:
        """Note the loss of an ordinary step; False where there is more to do."""
        if not self._quick or not isinstance(tensors, torch.Tensor) or self.guard.aloof():
            return False
        begun = self._now()
        if tensors.numel() != 1 or tensors.is_complex():
            return False
        pulse = self.pulse
        pulse.note_loss(tensors)
        if pulse.is_bad():
            pulse.withdraw()
            return False
        pulse.passes += 1
        self.guard.own_s += self._now() - begun
        return True

    def _pre(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        if not self.guard.admits():
            return
        if self._quick and optimizer is self.clock.ticker() and len(args) == 1 and not kwargs:
            return
        self._quick = False
        self._slow_before(optimizer, args, kwargs)

    def _post(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        if not self.guard.admits():
            return
        if self._quick and optimizer is self.clock.ticker() and not self.guard.aloof():
            self.guard.aside(self._quick_tick, optimizer)
        else:
            self._slow_after(optimizer, args, kwargs)

    def _quick_tick(self, optimizer: torch.optim.Optimizer) -> None:
        now, pulse = self._now(), self.pulse
        rate = optimizer.param_groups[0]["lr"]
        pulse.lr = rate if isinstance(rate, float) else _rate(optimizer)
        self.clock.quick(pulse.passes)
        self._write_step(now, observed=False)

    def _write_step(self, now: float, *, observed: bool) -> None:
        """Write the step's scalars, account for its time, and decide about the next one."""
        step, guard = self.guard.step, self.guard
        row, there = self.pulse.end(step, now - self._started)
        self.logbook.add_step(row, there, now, observed=observed)
        if self.pulse.happened:
            self._tell()
        if self.evaluations.open:
            guard.aside(self.evaluations.close)
        self._packed = self.unscaled = False
        spent = guard.own_s + self._now() - now
        if self._normed:  # what such a step costs, the longer way to it included
            self.budget.norm_s, self._normed = spent, False
        ran = self._ran(now - self._last) if observed else 1.0
        self.budget.account(step, now - self._last, spent, observed, ran)
        guard.own_s, guard.step, self._last = 0.0, step + 1, now
        if self.budget.wants(step + 1):
            self._thread_s = time.thread_time()
            begun = self._now()
            guard.aside(self._begin_look)
            guard.own_s = self._now() - begun
        self._quick = self._look is None and self._is_ordinary(step + 1)

    def _ran(self, step_s: float) -> float:
        """For how much of the observed step this thread ran, on a machine that others use as well.

        1 where it may have waited for an accelerator, which is no waiting for others.
        """
        if torch.cuda.is_initialized() or step_s <= 0:
            return 1.0
        return min(1.0, (time.thread_time() - self._thread_s) / step_s)

    def _is_ordinary(self, step: int) -> bool:
        crowded = self.scope.crowded or not self.clock.ordinary
        return not (crowded or self.budget.affords_norm(step))

    def _tell(self) -> None:
        for kind, text in self.pulse.happened:
            self.logbook.add_event(self.step, kind, text)
        self.pulse.happened.clear()
        self.budget.burst()

    # -- any other step -------------------------------------------------------------------------

    def _begin_look(self) -> None:
        if self._look is not None:
            self._look.unhook()
        self._look = Look(self.guard, self.networks, self.memory, self._note_leaves)
        self._arm(self.networks.roots())

    def _arm(self, roots: list[nn.Module]) -> None:
        if self._look is None:
            return
        if self.networks.functions_compiled and not self.probe.eager_seen:
            return
        self._look.arm(roots)
        self.probe.arm(roots)

    def _before_backward(self, tensors: Any) -> None:
        if self.clock.waits:
            self._settle_clock()
        listed, pulse = _listed(tensors), self.pulse
        self.scope.backward_begins()
        if all(one.numel() == 1 for one in listed) and not self.clock.again():
            for one in listed:
                pulse.note_loss(one)
        if pulse.is_bad() and not self._examined and not self._packed:
            self._examined = True
            nodes = [one.grad_fn for one in listed]
            pulse.where = self.guard.aside(autopsy, nodes, self.networks.name_of) or ""
        pulse.passes += 1
        if self._look is not None:
            self._look.flow.unreadable = self._packed
            self.guard.aside(self._look.loss, listed)

    def _note_leaves(self, leaves: list[torch.Tensor]) -> None:
        """Where no optimizer has led to a network, the graph's leaves do."""
        if not self.scope.given and not self.networks.roots():
            self.networks.find_owners(leaves)
            self.clock.note_leaves(leaves)

    def _inner_backward(self, tensors: Any) -> None:
        if self._look is not None:
            self.guard.aside(self._look.inner, _listed(tensors))

    def _after_backward(self) -> None:
        look = self._look
        if self.scope.backward_missed_us():
            self.pulse.withdraw()
        if look is not None:
            last = self.clock.inside or self.pulse.passes >= self.clock.usual_passes
            self.guard.aside(look.backward_over, self._own_parameters() if last else None)
            self.probe.eager_seen |= not look.flow.compiled
            if look.flow.too_large and TOO_LARGE not in self.networks.notes:
                self.networks.notes.append(TOO_LARGE)
        if self.clock.due:
            self._tick()
        elif self.clock.unsettled or self.clock.manual:
            parameters = [parameter for parameter, _ in self._own_parameters()]
            self.guard.aside(self.clock.note_backward, parameters, look)
            if self.clock.manual and look is not None:
                look.unhook()  # what the script does to its weights by itself comes now

    def _parameters(self) -> list[tuple[torch.Tensor, str]]:
        known = self.networks.named_parameters()
        return known or [(p, self.networks.name_of(p)) for p in self.clock.strays()]

    def _own_parameters(self) -> list[tuple[torch.Tensor, str]]:
        """Those whose gradients may be read: beside another thread that trains, what this step reached."""
        known = self._parameters()
        if not self.guard.crowded:
            return known
        look = self._look
        reaches = look.layers.wiring.reaches if look is not None else lambda _: False
        return [(parameter, name) for parameter, name in known if reaches(parameter)]

    def _before_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        if self.scope.steps_elsewhere(optimizer):
            return
        if self.clock.begins(optimizer):
            self.memory.optimizers.steps(optimizer)
            self.guard.aside(self.owned, optimizer)
        self.pulse.lr = _rate(optimizer)
        look = self._look
        if look is not None:
            self.guard.aside(self.probe.run, look)
            look.parameters.unscaled = self.pulse.scaled
            self.guard.aside(look.before_step, optimizer)
        elif self.budget.affords_norm(self.step):
            self.guard.aside(self._total_norm, optimizer)
        found = getattr(optimizer, "found_inf", None)
        if isinstance(found, torch.Tensor) and found.device.type == "cpu" and float(found):
            self.pulse.skipped = True

    def _total_norm(self, optimizer: torch.optim.Optimizer) -> None:
        """The norm of all gradients, where it costs next to nothing and nobody waits for it."""
        scaled = getattr(optimizer, "grad_scale", None) is not None
        if scaled or not math.isnan(self.pulse.grad_norm):
            return
        self._normed = True
        norm = total_norm(p for group in optimizer.param_groups for p in group["params"])
        if norm is not None:
            self.pulse.note_norm(self.step, norm)

    def _after_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        if self.scope.steps_elsewhere(optimizer):
            return
        if self._look is not None:
            self.guard.aside(self._look.after_step, optimizer)
        if self.clock.ends(optimizer):
            if self._backward.depth:
                self.clock.is_due()
            else:
                self._tick()

    def _settle_clock(self) -> None:
        """A backward pass begins and no optimizer has stepped since the last one."""
        if self.clock.manual:
            self._end_manual()
        elif self.clock.moved():
            self.clock.manual = True
            self.networks.notes.append(NO_STEP)
            self._end_manual()
        elif self.clock.gives_up(self.pulse.passes):
            self._end_idle()

    def _end_idle(self) -> None:
        """Backward passes that no optimizer followed are over: each is a step of its own."""
        self.memory.optimizers.find(self.scope.is_foreign)
        later = self.pulse.keep_first()
        self._end_manual()
        for one in later:
            self.pulse.put(one)
            row, there = self.pulse.end(self.step, self._last - self._started)
            self.logbook.add_step(row, there, self._last, observed=False)
            self.guard.step += 1

    def _end_manual(self) -> None:
        look = self._look
        if look is not None and self.clock.sheet is not None:
            self.guard.aside(look.parameters.finish_manual, self.clock.sheet, look.harvest)
        self.clock.waits = False
        self._tick()

    def _tick(self) -> None:
        """A step is over that was looked at, or was no ordinary one."""
        now, look = self._now(), self._look
        if look is not None:
            self.guard.aside(self._close, look, now)
        self.clock.tick(self.pulse.passes)
        self._write_step(now, observed=look is not None)
        self.guard.own_s -= self._now() - now  # the guard around this call adds it once more

    def _close(self, look: Look, now: float) -> None:
        self._look = None
        self.probe.release()
        look.skipped, look.idle = self.pulse.skipped, self.clock.idle
        look.close(self.pulse.scale_there if self.pulse.scaled else None)
        self.logbook.add_look(self.step, now - self._started, look, self._note_seen)

    def _note_seen(self, seen: Seen) -> None:
        """The observation of this step is here before its scalars are written."""
        known = seen.bad_gradient or not math.isnan(seen.grad_norm)
        if known and math.isnan(self.pulse.grad_norm):
            self.pulse.note_norm(self.step, seen.grad_norm)


def _listed(tensors: Any) -> tuple[Any, ...]:
    return (tensors,) if isinstance(tensors, torch.Tensor) else tuple(tensors)


def _rate(optimizer: torch.optim.Optimizer) -> float:
    """Learning rate of the first group; nan where reading it would wait for an accelerator."""
    rate = optimizer.param_groups[0]["lr"] if optimizer.param_groups else math.nan
    if isinstance(rate, torch.Tensor) and rate.device.type != "cpu":
        return math.nan
    return float(rate)
