"""How far the script is, by its own calls: steps, and the losses that it propagates back.

A remedy may leave real steps out or add some: what counts is what the script asks for.
"""

from __future__ import annotations

import hashlib
import math
import struct
from typing import Any

import torch

from clinometer.attach.clock import MOST_PASSES, Clock


class Pace:
    """Counts the steps of the script, by the optimizer that the recorder counts by, too.

    Where no optimizer is ever asked to step, each backward pass is a step.

    Attributes
    ----------
    losses : of each step, the sum of what was propagated back in it, loss scale taken off; None where
        nothing was seen
    passes : backward passes since the last step
    """

    def __init__(self) -> None:
        self.losses: list[float | None] = []
        self.clock = Clock()
        self.by_passes = False
        self.optimizers = 0  # made so far
        self._pending: list[float] = []
        self.passes = 0
        self._scale = 1.0

    @property
    def count(self) -> int:
        """Steps that are over."""
        return len(self.losses)

    def prefix(self) -> str:
        """Digest of the bits of the losses so far: 16 hexadecimal digits."""
        bits = b"".join(struct.pack("<d", math.nan if one is None else one) for one in self.losses)
        return hashlib.sha256(bits).hexdigest()[:16]

    # -- what happens --------------------------------------------------------------------------------

    def scaled(self, scale: float) -> None:
        """The loss that comes next is multiplied by this."""
        self._scale = scale

    def backward_begins(self, tensors: Any) -> None:
        """The script propagates losses back."""
        listed = (tensors,) if isinstance(tensors, torch.Tensor) else tuple(tensors)
        scale, self._scale = self._scale, 1.0
        if self.clock.again():
            return
        for one in listed:
            if isinstance(one, torch.Tensor) and one.numel() == 1 and not one.is_complex():
                self._pending.append(float(one.detach()) / scale)

    def backward_ends(self) -> None:
        """That is over."""
        if self.clock.inside:
            return
        self.passes += 1
        if self.clock.due:
            self._end()
        elif self.clock.unsettled:
            if not self.optimizers or self.passes >= MOST_PASSES:
                self._settle()
            if self.by_passes:
                self._end()

    def cleared(self) -> None:
        """Gradients are set to zero: those that no optimizer has used will not be used."""
        if self.clock.unsettled and self.passes and not self.by_passes and not self.clock.inside:
            self._settle()
            self._end()

    def step_begins(self, optimizer: torch.optim.Optimizer) -> None:
        """The script asks an optimizer to step."""
        self.by_passes = False
        self.clock.begins(optimizer)

    def step_ends(self, optimizer: torch.optim.Optimizer, *, within: bool) -> None:
        """It has; `within` a backward pass the step ends with that."""
        if not self.clock.ends(optimizer):
            return
        if within:
            self.clock.is_due()
        else:
            self._end()

    def step_left_out(self, optimizer: torch.optim.Optimizer) -> None:
        """A loss scaler has left a step out."""
        if self.clock.skips(optimizer):
            self._end()

    def _settle(self) -> None:
        """No optimizer will step: the passes so far were steps."""
        self.by_passes = True
        earlier = self._pending[: self.passes - 1]
        self.losses += earlier
        del self._pending[: len(earlier)]

    def _end(self) -> None:
        self.losses.append(sum(self._pending) if self._pending else None)
        self.clock.tick(self.passes)
        self._pending, self.passes = [], 0
