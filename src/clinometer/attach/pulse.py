"""What is kept of every step: a handful of numbers, and a nose for trouble.

On an accelerator the loss stays there as a tensor until some dozens have gathered.
"""

from __future__ import annotations

import array
import math
from dataclasses import dataclass, field
from typing import Any

import torch

from clinometer.records.columns import STEP
from clinometer.taps.harvest import Harvest

FLUSH_STEPS = 64  # every-step scalars wait for this many steps ...
FLUSH_S = 0.25  # ... or this long [s], whichever comes first; a kill loses at most that
WARM_UP = 32  # losses seen before one can stand out
MEMORY = 1 / 32  # weight of a new loss in the running mean and the running deviation
OUTLIER = 6.0  # mean deviations above the mean: 7e-7 of a normal series, 0.2 % of a Laplace one
FORGET = 0.999  # the largest excursion so far fades by this a step; a spike is twice as far as that
APART = 256  # steps between two events of a kind: the ring that an event protects
MOST_EVENTS = 32
LOSS = [column.name for column in STEP].index("loss")
NAN = float("nan")
# One backward pass: its loss as a number or where it lies, and the loss scale likewise.
Pass = tuple[list[float], list[torch.Tensor], float, "torch.Tensor | None"]


@dataclass
class Pulse:
    """The scalars of the step that is going on.

    Attributes
    ----------
    passes : backward passes so far; skipped : whether a loss scaler skipped the step
    grad_norm, clip, scale, lr : see `columns.STEP`; nan where not seen
    where : in words, where a loss that is not finite was made
    happened : (kind, text) of what stood out in the step that just ended
    """

    passes: int = 0
    skipped: bool = False
    grad_norm: float = NAN
    clip: float = NAN
    scale: float = NAN
    lr: float = NAN
    where: str = ""
    happened: list[tuple[str, str]] = field(default_factory=list)
    _losses: list[float] = field(default_factory=list)
    _there: list[torch.Tensor] = field(default_factory=list)
    _scale_there: torch.Tensor | None = None
    _mean: float = 0.0
    _deviation: float = 0.0
    _record: float = 0.0
    _count: int = 0
    _quiet_until: dict[str, int] = field(default_factory=dict)
    _events: int = 0

    def note_loss(self, loss: torch.Tensor) -> None:
        """A scalar is being propagated back."""
        if loss.device.type == "cpu":
            self._losses.append(float(loss.detach()) if not loss.is_complex() else NAN)
        else:
            self._there.append(loss.detach())

    def withdraw(self) -> None:
        """The backward pass that was just noted was none of ours."""
        self.passes = max(self.passes - 1, 0)
        if self._losses:
            self._losses.pop()
        elif self._there:
            self._there.pop()

    def keep_first(self) -> list[Pass]:
        """Leave only the first backward pass in the step; returns the later ones, for `put`."""
        later = [
            (self._losses[i : i + 1], self._there[i : i + 1], self.scale, self._scale_there)
            for i in range(1, self.passes)
        ]
        self.passes = min(self.passes, 1)
        del self._losses[1:], self._there[1:]
        return later

    def put(self, one: Pass) -> None:
        """Make the step that begins one of this backward pass."""
        self._losses, self._there, self.scale, self._scale_there = one
        self.passes = 1

    def note_scale(self, scale: Any) -> None:
        """The factor by which a loss scaler multiplies the loss."""
        if isinstance(scale, torch.Tensor) and scale.device.type != "cpu":
            self._scale_there = scale.detach()
        elif scale is not None:
            self.scale = float(scale)

    @property
    def scaled(self) -> bool:
        """Whether a loss scaler is at work in this step."""
        return self.scale == self.scale or self._scale_there is not None

    @property
    def scale_there(self) -> torch.Tensor:
        """The loss scale, where it lies."""
        there = self._scale_there
        return there if there is not None else torch.tensor(self.scale, dtype=torch.float64)

    def is_bad(self) -> bool:
        """Whether a loss that was just noted is NaN or infinite."""
        return bool(self._losses) and not math.isfinite(self._losses[-1])

    def end(self, step: int, elapsed_s: float) -> tuple[tuple[float, ...], torch.Tensor | None]:
        """(the step's scalars, its loss where that is still on an accelerator); begins the next step.

        Every step goes through here: straight on, where nothing is special.
        """
        losses, loss, there = self._losses, NAN, None
        if losses:
            loss = losses[0] if len(losses) == 1 else sum(losses)
            if self.scale == self.scale:
                loss /= self.scale
            self._watch(step, loss)
            losses.clear()
            seen = 1.0
        elif self._there:
            there, seen = self._gathered(), 1.0
        else:
            seen = 0.0
        row = (
            elapsed_s, loss, seen, float(self.passes), self.grad_norm, self.clip, self.scale,
            float(self.skipped), self.lr,
        )  # fmt: skip
        self.passes, self.skipped = 0, False
        self.grad_norm = self.clip = self.scale = NAN
        self._scale_there = None
        return row, there

    def _gathered(self) -> torch.Tensor:
        there = torch.stack([loss.double() for loss in self._there]).sum()
        if self._scale_there is not None:
            there = there / self._scale_there
        self._there = []
        return there

    def _watch(self, step: int, loss: float) -> None:
        """A spike is further above the running mean than noise goes, and twice as far as ever lately."""
        above = loss - self._mean
        if not abs(above) < math.inf:
            made = f"; {self.where}" if self.where else ""
            self._event(step, "non-finite loss", f"the loss is {loss}{made}")
            return
        if (
            above > OUTLIER * self._deviation
            and self._count >= WARM_UP
            and above > 2 * self._record > 0
        ):
            text = f"the loss is {loss:.4g}; its running mean was {self._mean:.4g}"
            self._event(step, "loss spike", text)
        self._record = max(above, self._record * FORGET)
        self._count += 1
        rate = MEMORY if self._count > 1 / MEMORY else 1 / self._count
        self._mean += rate * above
        self._deviation += rate * (abs(above) - self._deviation)

    def note_norm(self, step: int, norm: float) -> None:
        """The norm of all gradients of the step, where it was taken."""
        self.grad_norm = norm
        if not math.isfinite(norm):
            self._event(step, "non-finite gradient", f"the norm of the gradient is {norm}")

    def _event(self, step: int, kind: str, text: str) -> None:
        if step < self._quiet_until.get(kind, 0) or self._events >= MOST_EVENTS:
            return
        self._quiet_until[kind] = step + APART
        self._events += 1
        self.happened.append((kind, text))


class Batch:
    """Scalars of consecutive steps that wait to be written; losses on an accelerator come last."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.values: array.array[float] = array.array("d")
        self._harvest = Harvest()
        self._rows: list[int] = []

    @property
    def steps(self) -> int:
        """How many steps it holds."""
        return len(self.values) // len(STEP)

    def add(self, row: tuple[float, ...], there: torch.Tensor | None) -> None:
        """Append a step."""
        if there is not None:
            self._rows.append(self.steps)
            self._harvest.lane("loss").take(there)
        self.values.extend(row)

    def send(self) -> None:
        """No more steps: fetch the losses that are on an accelerator."""
        self._harvest.start()

    def wait(self) -> None:
        """Wait for the losses: at the end of a run only."""
        self._harvest.wait()
        self.landed()

    def landed(self) -> bool:
        """Whether all losses are here; puts them into their places."""
        if not self._harvest.landed():
            return False
        for row, loss in zip(self._rows, self._harvest.lane("loss").values, strict=False):
            self.values[row * len(STEP) + LOSS] = float(loss)
        self._rows = []
        return True
