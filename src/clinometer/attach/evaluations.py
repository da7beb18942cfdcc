"""Validation as the script makes it: losses that are worked out where no gradient is wanted.

Listened to at the functions that PyTorch's losses end in, so that nobody's own function is replaced. Rows
are kept as they come, an even part of a large pass; once a pass they become sums, of which the best
temperature follows. A loss that is evaluated with gradients on (`no_grad` forgotten) is taken for training;
so is what a compiler traces: with the first `torch.compile` or `torch.jit.script` the listening ends.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import numpy as np
import torch

from clinometer.attach.budget import Budget
from clinometer.attach.guarding import Guard
from clinometer.attach.patches import Undo, branch
from clinometer.attach.row_losses import Labels, Losses, References
from clinometer.records.evaluation import (
    NODES,
    Evaluation,
    best_beta,
    is_outside,
    kept,
    mean_loss,
)
from clinometer.taps.harvest import Harvest, Values
from clinometer.taps.scores import Scores, of_classes, of_logits, of_probabilities, rows_of

MOST_ROWS = 2**12  # rows of a pass that become sums: a share is known to 1 %
MOST_NUMBERS = 2**20  # and logits: 4 MiB of float32
THIN = 3  # odd, so that what is left out does not keep time with sorted or alternating labels
MOST_PASSES = 64  # passes that are kept of a run
MOST_PLACES = (
    16  # places of a script that are told apart; each call of a notebook's cell is another
)
SHARE = 0.2  # of the budget may go to validation, and beyond it, once, ...
ALLOWANCE_S = 0.03  # ... so many seconds of our thread, which read some dozens of passes ...
GROWTH = 8  # ... at gaps that are no shorter than an 8th of the passes so far: few, but some late
SHIFT = 8.0  # nodes reach over a factor of 16: the next ones overlap with them
MOST_SHIFTS = 4  # temperatures up to 2048
DEEPEST = 8  # frames of the script that tell one place from another
NOT_NORMAL = 1e-3  # of scores that are log-probabilities, the log of their sum is 0 within float16
TORCH = os.path.dirname(torch.__file__)
Reader = Callable[[tuple[Any, ...], int, int], Scores | None]
SOURCES: tuple[tuple[Any, str, str, Reader], ...] = (
    (torch._C._nn, "cross_entropy_loss", "cross_entropy", of_classes),
    (torch._C._nn, "nll_loss_nd", "nll_loss", of_classes),
    (torch, "binary_cross_entropy_with_logits", "binary_cross_entropy", of_logits),
    (torch._C._nn, "binary_cross_entropy", "binary_cross_entropy", of_probabilities),
)
Key = tuple[Any, ...]


@dataclass(eq=False)
class Pass:
    """One pass that is going on: its rows so far, of every `keep`-th that came."""

    name: str
    step: int
    classes: int
    keep: int
    offered: int = 0
    kept: int = 0
    parts: list[Scores] = field(default_factory=list)

    def add(self, kind: Reader, args: tuple[Any, ...], rows: int) -> None:
        """Keep a part of the rows of one call, as copies: the script may change its own."""
        first = -self.offered % self.keep
        self.offered += rows
        if first >= rows:
            return
        found = kind(args, self.keep, first)
        if found is not None and len(found.logits) == len(found.labels):
            logits = found.logits.to(
                torch.promote_types(found.logits.dtype, torch.float32), copy=True
            )
            self.parts.append(Scores(logits, found.labels.clone()))
            self.kept += len(found.labels)
        most = max(min(MOST_ROWS, MOST_NUMBERS // self.classes), 1)
        while self.kept > most:
            whole = Scores(
                *(torch.cat(columns)[::THIN] for columns in zip(*self.parts, strict=True))
            )
            self.parts, self.kept, self.keep = [whole], len(whole.labels), self.keep * THIN


class Evaluations:
    """Hears the passes and keeps what they say in `done`."""

    def __init__(self, guard: Guard, budget: Budget, done: list[Evaluation]) -> None:
        self.done = done
        self.open: dict[Key, Pass | None] = {}
        self.spent_s = 0.0
        self._guard, self._budget = guard, budget
        self._price_s = 0.0
        self._names: dict[Key, str] = {}
        self._keep: dict[Key, int] = {}
        self._counts: dict[Key, tuple[int, int]] = {}
        self._centres: dict[str, float] = {}
        self._references: dict[str, References] = {}
        self._flying: list[tuple[Pass, Harvest]] = []
        self._undo: list[Undo] = []
        self.deaf = ""

    def install(self) -> None:
        """Listen, unless something in this process is compiled already."""
        if not self._budget.looks:
            return
        if _compiles():
            self.end("as far as can be told, something was compiled before the recording began")
            return
        for owner, name, kind, reader in SOURCES:
            self._undo.append(branch(owner, name, before=self._listener(kind, reader)))
        self._undo.append(branch(torch.jit, "script", before=self._scripted))

    def _scripted(self, _args: Any, _kwargs: Any) -> None:
        self.end("torch.jit.script was called")

    def end(self, why: str) -> None:
        """Listen no more because of a compiler, whose code must not meet us; `deaf` says so to the user."""
        self.deaf = self.deaf or f"evaluation passes were not listened to: {why}"
        self.leave()

    def leave(self) -> None:
        """Listen no more."""
        for undo in self._undo:
            undo()
        self._undo = []

    def _listener(self, kind: str, reader: Reader) -> Callable[..., None]:
        heard = self._guard.mine(self._heard)

        def listen(args: tuple[Any, ...], _kwargs: Any) -> None:
            if not torch.is_grad_enabled():
                heard(kind, reader, args)

        return listen

    def _heard(self, kind: str, reader: Reader, args: tuple[Any, ...]) -> None:
        if torch._C._get_tracing_state() is not None or torch._C._are_functorch_transforms_active():
            return
        if torch._C._len_torch_dispatch_stack() or any(hasattr(a, "to_local") for a in args[:2]):
            return
        begun = time.thread_time()
        rows, classes = rows_of(kind, args)
        key = kind, classes, *_place(sys._getframe(4))
        if key not in self.open:
            self.open[key] = self._begin(key, kind, classes)
        known = self.open[key]
        if known is not None and rows:
            known.add(reader, args, rows)
        self.spent_s += time.thread_time() - begun

    def _begin(self, key: Key, kind: str, classes: int) -> Pass | None:
        """A pass begins; None where it is beyond the budget."""
        name = self._names.get(key)
        if name is None and len(self._names) >= MOST_PLACES:
            return None
        if name is None:
            alike = sum(other[0] == kind for other in self._names)
            name = self._names[key] = f"{kind}#{alike + 1}" if alike else kind
        if not self._affords(key):
            return None
        return Pass(name, self._guard.step, classes, self._keep.get(key, 1))

    def _affords(self, key: Key) -> bool:
        """Whether the next pass from a place is read; with a fixed gap of steps all are."""
        count, last = self._counts.get(key, (0, -1))
        earned = SHARE * self._budget.share * self._budget.total_s - self.spent_s - self._price_s
        due = count - last >= count / GROWTH
        found = bool(self._budget.every) or earned >= 0 or (due and earned + ALLOWANCE_S >= 0)
        self._counts[key] = count + 1, count if found else last
        return found

    def close(self) -> None:
        """Training goes on: the passes so far are over."""
        begun, passes = time.thread_time(), list(self.open.items())
        self.open = {}
        for key, one in passes:
            if one is None or not one.parts:
                continue
            self._keep[key] = one.keep
            harvest = Harvest()
            for part in one.parts:
                harvest.lane("logits").take(part.logits)
                harvest.lane("labels").take(part.labels)
            harvest.start()
            self._flying.append((one, harvest))
        self.land()
        spent = time.thread_time() - begun
        self.spent_s += spent
        self._price_s = max(spent, 0.9 * self._price_s)

    def land(self, *, wait: bool = False) -> None:
        """Work out the sums of the passes whose rows have arrived."""
        while self._flying:
            one, harvest = self._flying[0]
            if wait:
                harvest.wait()
            if not harvest.landed():
                return
            self._flying.pop(0)
            rows = _rows(one, harvest.lane("logits").values, harvest.lane("labels").values)
            if rows is not None:
                self.done.append(self._judged(one, *rows))
            if len(self.done) > MOST_PASSES:
                thin(self.done)

    def _judged(self, one: Pass, logits: Values, labels: Labels) -> Evaluation:
        """The sums of a pass, and how it stands to the pass of the least loss from the same place."""
        from clinometer.stats.batch_sums import batch_sums  # only a run that evaluates needs it

        centre = self._centres.get(one.name, 1.0)
        for _ in range(MOST_SHIFTS):
            sums = batch_sums(logits, labels, nodes=NODES, centre=centre)
            beta = best_beta(sums, centre)
            if not (beta in {0.0, np.inf} and is_outside(sums)):
                break
            centre *= SHIFT if beta else 1 / SHIFT
        else:
            beta = np.nan
        if 0 < beta < np.inf:
            self._centres[one.name] = 2.0 ** round(np.log2(beta))
        now = Losses.of(one.step, logits, labels, mean_loss(sums), beta)
        references = self._references.setdefault(one.name, References())
        change = references.change_to(now)
        references.take(now)
        most = float(np.bincount(labels).max())
        return Evaluation(one.step, one.name, one.offered, most, kept(sums), centre, change)


def _rows(one: Pass, logits: Values, labels: Values) -> tuple[Values, Labels] | None:
    """(logits (n, K), labels (n,)) of the rows that count; None where there are none."""
    logits, whole = logits.reshape(len(labels), -1), labels.astype(np.int64)
    counted = whole >= 0
    logits, whole = logits[counted], whole[counted]
    if not len(whole) or (one.name.startswith("nll_loss") and not _normal(logits)):
        return None
    if logits.shape[1] == 1:
        logits = np.column_stack([np.zeros(len(logits)), logits[:, 0]])
    return logits, whole


def _normal(scores: Values) -> bool:
    """Whether scores are log-probabilities."""
    with np.errstate(all="ignore"):
        total = np.exp(scores).sum(axis=1)
    return bool(np.all(np.abs(total - 1) < NOT_NORMAL))


def thin(done: list[Evaluation]) -> None:
    """Leave out every second pass of the place that has most, but its best one and its latest half."""
    names = [one.name for one in done]
    crowded = max(set(names), key=names.count)
    own = [one for one in done if one.name == crowded]
    best = min(own, key=lambda one: mean_loss(one.vector))
    out = {id(one) for one in own[1 : len(own) // 2 : 2] if one is not best}
    done[:] = [one for one in done if id(one) not in out]


def _place(frame: FrameType | None) -> tuple[int, ...]:
    """Where in the script a loss is called: what calls what, and in which lines."""
    found: list[int] = []
    while frame is not None and len(found) < 2 * DEEPEST:
        code = frame.f_code
        if not code.co_filename.startswith(TORCH):
            found += (id(code), frame.f_lineno)
        frame = frame.f_back
    return tuple(found)


def _compiles() -> bool:
    """Whether a function was compiled before we came; True where that cannot be told."""
    frames = sys.modules.get("torch._dynamo.eval_frame")
    if frames is None:
        return False
    known = getattr(frames, "cached_backends", None)
    return known is None or any(backend is not None for backend in known.values())
