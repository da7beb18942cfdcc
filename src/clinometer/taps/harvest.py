"""Small tensors of one observed step, carried to the host together.

Nothing that a hook takes is turned into a Python number at once: on an accelerator that would make
the host wait. Each hook leaves its reduced tensor in a lane; when the step is over, a lane is one
concatenation and one copy, and the statistics are worked out on plain arrays.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

Values = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass
class Lane:
    """Tensors that belong together, in the order in which they were taken."""

    tensors: list[torch.Tensor] = field(default_factory=list)
    values: Values = field(default_factory=lambda: np.zeros(0))
    starts: list[int] = field(default_factory=lambda: [0])

    def take(self, tensor: torch.Tensor) -> int:
        """Keep a reduced tensor; returns its number in the lane."""
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def __getitem__(self, number: int) -> Values:
        """float64, flat: what was taken under this number, once it has landed."""
        return self.values[self.starts[number] : self.starts[number + 1]]


class Harvest:
    """The lanes of one step. `start` begins the journey to the host, `landed` says when it is over."""

    def __init__(self) -> None:
        self.lanes: dict[str, Lane] = {}
        self._host: list[tuple[Lane, torch.Tensor]] = []
        self._events: list[torch.cuda.Event] = []

    def lane(self, name: str) -> Lane:
        """The lane of this name, made when first asked for."""
        found = self.lanes.get(name)
        if found is None:
            found = self.lanes[name] = Lane()
        return found

    def start(self) -> None:
        """Join each lane and send it off; the small tensors are let go."""
        for lane in self.lanes.values():
            if not lane.tensors:
                continue
            sizes = [tensor.numel() for tensor in lane.tensors]
            lane.starts = [0, *np.cumsum(sizes).tolist()]
            self._host.append((lane, self._sent(_joined(lane.tensors))))
            lane.tensors = []

    def _sent(self, joined: torch.Tensor) -> torch.Tensor:
        if joined.device.type != "cuda":
            return joined.cpu()
        there = torch.empty(joined.shape, dtype=joined.dtype, pin_memory=True)
        there.copy_(joined, non_blocking=True)
        event = torch.cuda.Event()
        event.record()
        self._events.append(event)
        return there

    def wait(self) -> None:
        """Wait for everything to arrive: at the end of a run only."""
        for event in self._events:
            event.synchronize()

    def landed(self) -> bool:
        """Whether everything has arrived; never waits for it."""
        if not all(event.query() for event in self._events):
            return False
        for lane, there in self._host:
            lane.values = there.numpy().astype(np.float64)
        self._host = []
        return True


def _joined(tensors: list[torch.Tensor]) -> torch.Tensor:
    if torch.cuda.is_initialized() and len({tensor.device for tensor in tensors}) > 1:
        tensors = [tensor.cpu() for tensor in tensors]  # a model spread over several devices
    joined = torch.cat([t if t.ndim == 1 else t.reshape(-1) for t in tensors])
    return joined.float() if joined.dtype in {torch.bfloat16, torch.float16} else joined
