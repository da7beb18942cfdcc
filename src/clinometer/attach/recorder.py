"""The recorder: listens for optimizer steps, and decides before each one how closely to look.

Between observations the run meets two optimizer hooks and one branch in `backward`. Whatever of ours
raises is swallowed, counted and noted; after some such faults the run goes on unseen rather than
disturbed.
"""

from __future__ import annotations

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

from clinometer.attach.budget import Budget
from clinometer.attach.clock import Clock
from clinometer.attach.look import Look, Memory
from clinometer.attach.networks import Networks
from clinometer.attach.observation import Places, pack
from clinometer.attach.patches import BackwardTap
from clinometer.attach.probe import Probe
from clinometer.attach.pulse import FLUSH_S, FLUSH_STEPS, Batch, Pulse
from clinometer.attach.seams import install_seams
from clinometer.store.writer import Writer
from clinometer.taps.autopsy import autopsy
from clinometer.taps.handles import numbered_apart
from clinometer.taps.parameters import total_norm

MOST_FAULTS = 8  # after so many faults of ours the recorder takes itself off
STATE_S = 2.0  # what is accumulated over the run is written this often [s], and at the end
COMMIT_S = 0.002  # a commit is waited for this long [s], so that a kill loses no observation; 50 us is usual
MOST_FLYING = (
    8  # observed steps whose numbers are on their way from an accelerator; more are dropped
)


class Recorder:
    """Records the training that happens in this process between `start` and `stop`."""

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
        self.budget = Budget(budget, every, looks)
        self.networks = Networks()
        self.memory = Memory()
        self.pulse = Pulse()
        self.probe = Probe(self.guard, self.networks)
        self.clock = Clock()
        self.faults: list[str] = []
        self.missed = 0
        self.limit = math.nan
        self.unscaled = False
        self._scope: weakref.ref[nn.Module] | None = None
        self._concerns: Any = weakref.WeakKeyDictionary()
        self._witness: tuple[Any, int] | None = None
        self._now = clock
        self._pid = os.getpid()
        self._step = 0
        self._own_s = 0.0
        self._look: Look | None = None
        self._flying: list[tuple[int, float, Look]] = []
        self._batch = Batch(0)
        self._sent: list[Batch] = []
        self._places: Places = {}
        self._packed = False
        self._examined = False
        self._quick = False
        self._crowded = False
        self._normed = False
        self._open = False
        self._backward = BackwardTap(
            self.guard(self._before_backward),
            self.guard(self._after_backward),
            self.guard(self._inner_backward),
            self._quick_backward,
        )
        self._slow_before = self.guard(self._before_step)
        self._slow_after = self.guard(self._after_step)
        self._undo: list[Callable[[], None]] = []

    # -- life -----------------------------------------------------------------------------------

    def start(self, model: nn.Module | None = None) -> None:
        """Attach: to this model, or to the networks whose parameters an optimizer takes."""
        self._started = self._last = self._flushed = self._told = begun = self._now()
        self._open = True
        try:
            self._attach()
        except Exception as error:  # the run goes on unrecorded, and the recording says why
            self._detach()
            self._fault(error)
            return
        if self.budget.wants(0):
            self._look = Look(self.guard, self.networks, self.memory)
        if model is not None:
            self.guard(self.meet)(model)
        self.budget.start_s = self._now() - begun
        self._own_s = 0.0

    def _attach(self) -> None:
        with numbered_apart():
            pre = register_optimizer_step_pre_hook(self._pre)
            self._undo.append(pre.remove)
            post = register_optimizer_step_post_hook(self._post)
            self._undo.append(post.remove)
        self._undo.append(self._backward.install())
        self._undo += install_seams(self)

    def _detach(self) -> None:
        for undo in reversed(self._undo):
            undo()
        self._undo = []

    def stop(self, ended: str, **facts: Any) -> None:
        """Detach, write what is left, and close the file; safe to call twice, and in a child."""
        if not self._open or os.getpid() != self._pid:
            return
        self._open = False
        self._detach()
        self.guard(self._last_step)()
        self.guard(self._land)(wait=True)
        self.guard(self._flush)(wait=True)
        self.guard(self._write_state)()
        notes = list(dict.fromkeys(self.networks.notes + self.probe.notes + self.faults))
        if self.missed:
            notes.append(f"{self.missed} observations were dropped: the accelerator was behind")
        parallel = {"parallel": self.networks.parallel}
        self.writer.set_meta({"ended": ended, "notes": notes, **self._cost(), **parallel, **facts})
        self.writer.close()

    def _last_step(self) -> None:
        """A step without an optimizer is over when nothing follows it."""
        if self.clock.manual and self.clock.waits:
            self._end_manual()
        if self._look is not None:
            self._look.unhook()
            self._look = None
        self.probe.release()

    def guard(self, function: Callable[..., Any]) -> Callable[..., None]:
        """Wrap a hook: timed, silent, never raising, never returning a value, not in a child process."""
        pid, faults, now = self._pid, self.faults, self._now

        def guarded(*args: Any, **kwargs: Any) -> None:
            if os.getpid() != pid or len(faults) >= MOST_FAULTS or _capturing():
                return
            begun = now()
            try:
                function(*args, **kwargs)
            except Exception as error:
                self._fault(error)
            finally:
                self._own_s += now() - begun

        return guarded

    def _aside(self, function: Callable[..., Any], *args: Any) -> Any:
        """Measure; a fault there must not cost the step its place in the count."""
        try:
            return function(*args)
        except Exception as error:
            self._fault(error)
            return None

    def _fault(self, error: Exception) -> None:
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        code = place.tb_frame.f_code.co_filename if place else "?"
        where = f"{os.path.basename(code)}:{place.tb_lineno if place else 0}"
        text = f"step {self._step}: {type(error).__name__} in {where}: {error}"[:300]
        if not any(text.partition(": ")[2] == known.partition(": ")[2] for known in self.faults):
            self.faults.append(text)

    # -- finding the networks -------------------------------------------------------------------

    def meet(self, module: nn.Module) -> None:
        """Take the network whose training, and no other's, is to be recorded."""
        self._scope = weakref.ref(module)
        root = self.networks.add(module)
        if root is not None:
            self._arm([root])

    def owned(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimizer has been made: the owners of its parameters are networks."""
        if self._scope is not None:
            return
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        begun = self._now()
        roots = self.networks.find_owners(parameters)
        if roots:
            self._arm(roots)
        spent = self._now() - begun
        self.budget.start_s += spent  # once a run, not a price of observing
        self._own_s -= spent

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
            if self._step == 0:
                self._look = Look(self.guard, self.networks, self.memory)
                self._arm(self.networks.roots())

    def clipped(self, norm: float) -> None:
        """The total norm that clipping worked out, and with it by how much the gradient was shortened."""
        if math.isnan(self.limit):
            return
        scaled = not (math.isnan(self.pulse.scale) or self.unscaled)
        true = norm / self.pulse.scale if scaled else norm
        self.pulse.note_norm(self._step, true)
        self.pulse.clip = min(1.0, self.limit / (norm + 1e-6))  # as clip_grad_norm_ does

    def packs(self) -> None:
        """Saved tensors are in somebody's hooks during this step: they must not be read."""
        self._packed = True

    def _arm(self, roots: list[nn.Module]) -> None:
        if self._look is None:
            return
        if self.networks.functions_compiled and not self.probe.eager_seen:
            return
        self._look.arm(roots)
        self.probe.arm(roots)

    # -- an ordinary step: one optimizer, one loss, nobody looks -----------------------------------

    def _quick_backward(self, tensors: Any) -> bool:
        """Note the loss of an ordinary step; False where there is more to do."""
        if not self._quick or not isinstance(tensors, torch.Tensor) or self._aloof():
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
        self._own_s += self._now() - begun
        return True

    def _pre(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        if self._quick and optimizer is self.clock.ticker() and len(args) == 1 and not kwargs:
            return
        self._quick = False
        self._slow_before(optimizer, args, kwargs)

    def _post(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        if self._quick and optimizer is self.clock.ticker() and not self._aloof():
            try:
                self._quick_tick(optimizer)
            except Exception as error:
                self._fault(error)
            return
        self._slow_after(optimizer, args, kwargs)

    def _quick_tick(self, optimizer: torch.optim.Optimizer) -> None:
        now, step, pulse = self._now(), self._step, self.pulse
        rate = optimizer.param_groups[0]["lr"]
        pulse.lr = rate if isinstance(rate, float) else _rate(optimizer)
        self.clock.quick(pulse.passes)
        row, there = pulse.end(step, now - self._started)
        self._batch.add(row, there)
        if pulse.happened:
            self._tell()
        if self._batch.steps >= FLUSH_STEPS or now - self._flushed > FLUSH_S:
            self._flush()
        if self._flying:
            self._land()
        self._packed = self.unscaled = False
        self._book(now, observed=False)

    def _book(self, now: float, *, observed: bool) -> None:
        """The step is written: account for it, and decide about the next one."""
        step = self._step
        spent = self._now() - now
        if self._normed:  # what such a step costs, the longer way to it included
            self.budget.norm_s, self._normed = self._own_s + spent, False
        self.budget.account(step, now - self._last, self._own_s + spent, observed)
        self._own_s, self._last, self._step = 0.0, now, step + 1
        if self.budget.wants(step + 1):
            self._look = Look(self.guard, self.networks, self.memory)
            self._aside(self._arm, self.networks.roots())
            self._own_s = self._now() - now - spent
        self._quick = (
            self._look is None
            and self.clock.ordinary
            and not self._crowded
            and not self.budget.affords_norm(step + 1)
        )

    def _aloof(self) -> bool:
        """Whether this is a forked child or a captured graph, or too much has gone wrong."""
        return os.getpid() != self._pid or len(self.faults) >= MOST_FAULTS or _capturing()

    # -- any other step -------------------------------------------------------------------------

    def _before_backward(self, tensors: Any) -> None:
        if self.clock.waits:
            self._settle_clock()
        pulse, look = self.pulse, self._look
        listed = (tensors,) if isinstance(tensors, torch.Tensor) else tuple(tensors)
        self._witness = self._gradient_of_scope()
        if all(one.numel() == 1 for one in listed) and not self.clock.again():
            for one in listed:
                pulse.note_loss(one)
        if pulse.is_bad() and not self._examined and not self._packed:
            self._examined = True
            nodes = [one.grad_fn for one in listed]
            pulse.where = self._aside(autopsy, nodes, self.networks.name_of) or ""
        pulse.passes += 1
        if look is not None:
            look.flow.unreadable = self._packed
            leaves = self._aside(look.loss, listed) or []
            if self._scope is None and not self.networks.roots():
                self.networks.find_owners(leaves)
                self.clock.note_leaves(leaves)

    def _inner_backward(self, tensors: Any) -> None:
        if self._look is not None:
            self._aside(
                self._look.inner,
                (tensors,) if isinstance(tensors, torch.Tensor) else tuple(tensors),
            )

    def _gradient_of_scope(self) -> tuple[Any, int] | None:
        """The gradient of one parameter of the watched model: whether a backward pass reaches it."""
        if self._scope is None:
            return None
        first = self.networks.first_trainable()
        gradient = first.grad if first is not None else None
        return gradient, gradient._version if gradient is not None else -1

    def _untouched(self, before: tuple[Any, int]) -> bool:
        """Whether that gradient is what it was before."""
        now = self._gradient_of_scope()
        return now is not None and now[0] is before[0] and now[1] == before[1]

    def _foreign(self, optimizer: torch.optim.Optimizer) -> bool:
        """Whether an optimizer has nothing to do with the watched model."""
        model = self._scope() if self._scope is not None else None
        if model is None:
            return False
        known = self._concerns.get(optimizer)
        if known is None or known[0] != len(optimizer.param_groups) or not known[1]:
            ours = {id(p) for p in model.parameters()}
            groups = optimizer.param_groups
            mine = any(id(p) in ours for group in groups for p in group["params"])
            known = self._concerns[optimizer] = (len(groups), mine)
        self._crowded |= not known[1]
        return not known[1]

    def _after_backward(self) -> None:
        look = self._look
        if self._witness is not None and self._untouched(self._witness):
            self.pulse.withdraw()  # another model's backward pass
        if look is not None:
            last = self.clock.inside or self.pulse.passes >= self.clock.usual_passes
            self._aside(look.backward_over, self._parameters() if last else None)
            self.probe.eager_seen |= not look.flow.compiled
        if self.clock.due:
            self._tick()
        elif self.clock.unsettled or self.clock.manual:
            parameters = [parameter for parameter, _ in self._parameters()]
            self._aside(self.clock.note_backward, parameters, look)
            if self.clock.manual:
                self._begin_manual()

    def _parameters(self) -> list[tuple[torch.Tensor, str]]:
        known = self.networks.named_parameters()
        return known or [(p, self.networks.name_of(p)) for p in self.clock.strays()]

    def _before_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        if self._foreign(optimizer):
            return
        if self.clock.begins(optimizer):
            self._aside(self.owned, optimizer)
        self.pulse.lr = _rate(optimizer)
        look = self._look
        if look is not None:
            self._aside(self.probe.run, look)
            self._aside(look.before_step, optimizer)
        elif self.budget.affords_norm(self._step):
            self._aside(self._total_norm, optimizer)
        found = getattr(optimizer, "found_inf", None)
        if isinstance(found, torch.Tensor) and found.device.type == "cpu" and float(found):
            self.pulse.skipped = True

    def _total_norm(self, optimizer: torch.optim.Optimizer) -> None:
        """The norm of all gradients, where it costs next to nothing and nobody waits for it."""
        if (
            not math.isnan(self.pulse.grad_norm)
            or getattr(optimizer, "grad_scale", None) is not None
        ):
            return
        norm = total_norm(p for group in optimizer.param_groups for p in group["params"])
        self._normed = True
        if norm is not None:
            self.pulse.note_norm(self._step, norm)

    def _after_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        if self._foreign(optimizer):
            return
        if self._look is not None:
            self._aside(self._look.after_step, optimizer)
        if self.clock.ends(optimizer):
            if self._backward.depth:
                self.clock.due = True
            else:
                self._tick()

    def skipped(self, optimizer: torch.optim.Optimizer) -> None:
        """A loss scaler has left out an optimizer's step."""
        if self._foreign(optimizer):
            return
        self.pulse.skipped = True
        self.pulse.lr = _rate(optimizer)
        if self.clock.skips(optimizer):
            self._tick()

    def _settle_clock(self) -> None:
        """A backward pass begins and no optimizer has stepped since the last one."""
        if self.clock.manual:
            self._end_manual()
        elif self.clock.moved():
            self.clock.manual = True
            self.networks.notes.append("no optimizer stepped: a step is one backward pass")
            self._end_manual()

    def _begin_manual(self) -> None:
        """Backward is over; what the script does to its weights by itself comes now."""
        if self._look is not None:
            self._look.unhook()

    def _end_manual(self) -> None:
        look = self._look
        if look is not None and self.clock.sheet is not None:
            self._aside(look.parameters.finish_manual, self.clock.sheet, look.harvest)
        self.clock.waits = False
        self._tick()

    def _tick(self) -> None:
        """A step is over: keep its scalars, send its observation off, decide about the next one."""
        now = self._now()
        look, step = self._look, self._step
        if look is not None:
            self._aside(self._close, look, now)
        self.clock.tick(self.pulse.passes)
        row, there = self.pulse.end(step, now - self._started)
        self._batch.add(row, there)
        if self.pulse.happened:
            self._tell()
        if look is not None or self._batch.steps >= FLUSH_STEPS or now - self._flushed > FLUSH_S:
            self._flush()
            if look is not None:
                self.writer.flush(COMMIT_S)
        if self._flying:
            self._land()
        self._packed = self.unscaled = False
        self._book(now, observed=look is not None)
        self._own_s -= self._now() - now  # the guard around this call adds it once more

    def _close(self, look: Look, now: float) -> None:
        self._look = None
        self.probe.release()
        look.skipped = self.pulse.skipped
        look.scale = 1.0 if math.isnan(self.pulse.scale) else self.pulse.scale
        look.close()
        if len(self._flying) >= MOST_FLYING:
            self.missed += 1
            return
        self._flying.append((self._step, now - self._started, look))
        self._land()

    def _land(self, wait: bool = False) -> None:
        """Write the observations whose numbers have arrived."""
        while self._flying:
            step, elapsed_s, look = self._flying[0]
            if wait:
                look.harvest.wait()
            if not look.harvest.landed():
                return
            self._flying.pop(0)
            self._aside(self._write_observation, step, elapsed_s, look)

    def _write_observation(self, step: int, elapsed_s: float, look: Look) -> None:
        seen = look.read()
        known = seen.bad_gradient or not math.isnan(seen.grad_norm)
        if known and step == self._step and math.isnan(self.pulse.grad_norm):
            self.pulse.note_norm(step, seen.grad_norm)
        row, new = pack(seen, self._places)
        self.budget.row_bytes = 4 * len(row)
        if new:
            self.writer.add_sites(new)
        self.writer.add_observation(step, elapsed_s, row)
        if self._now() - self._told > STATE_S or not step:
            self._write_state()

    def _tell(self) -> None:
        for kind, text in self.pulse.happened:
            self.writer.add_event(self._step, kind, text)
        self.pulse.happened.clear()
        self.budget.burst()

    # -- writing ----------------------------------------------------------------------------------

    def _flush(self, wait: bool = False) -> None:
        self._flushed = self._now()
        if self._batch.steps:
            self._batch.send()
            self._sent.append(self._batch)
            self._batch = Batch(self._batch.first + self._batch.steps)
        while self._sent and (wait or self._sent[0].landed()):
            batch = self._sent.pop(0)
            if wait:
                batch.wait()
            self.writer.add_steps(batch.first, batch.values)

    def _write_state(self) -> None:
        self._told = self._now()
        windows = self.memory.windows.items()
        dead = {name: window.dead()[0][:1024] for name, window in windows}
        self.writer.set_state(
            {
                "labels": self.memory.targets.summary(),
                "dead_units": {name: ids for name, ids in dead.items() if ids},
            }
        )
        self.writer.set_meta({**self._cost(), "parallel": self.networks.parallel})

    def _cost(self) -> dict[str, Any]:
        measured, (low, high) = self.budget.overhead(), self.budget.interval()
        known = not math.isnan(low)
        return {
            "overhead": {
                "measured": None if math.isnan(measured) else measured,  # nan before the first step
                "interval": [low, high] if known else None,
                "seconds": self.budget.spent_s,
                "start_s": self.budget.start_s,
                "observations": self.budget.observations,
                "budget": self.budget.share,
            }
        }


def _capturing() -> bool:
    """Whether a CUDA graph is being captured: what we launched would be in every replay of it."""
    return torch.cuda.is_initialized() and torch.cuda.is_current_stream_capturing()


def _rate(optimizer: torch.optim.Optimizer) -> float:
    """Learning rate of the first group; nan where reading it would wait for an accelerator."""
    rate = optimizer.param_groups[0]["lr"] if optimizer.param_groups else math.nan
    if isinstance(rate, torch.Tensor) and rate.device.type != "cpu":
        return math.nan
    return float(rate)
