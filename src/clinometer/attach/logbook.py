"""What goes into the recording, and when: scalars in batches, observations as their numbers arrive."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from clinometer.attach.budget import Budget
from clinometer.attach.guarding import Guard
from clinometer.attach.look import Look, Memory, Seen
from clinometer.attach.networks import Networks
from clinometer.attach.observation import Places, pack
from clinometer.attach.pulse import FLUSH_S, FLUSH_STEPS, Batch
from clinometer.attach.status_line import StatusLine
from clinometer.store.writer import Writer

STATE_S = 2.0  # what is accumulated over the run is written this often [s], and at the end
COMMIT_S = 0.002  # a commit is waited for this long [s], so that a kill loses no observation; 50 us is usual
MOST_FLYING = (
    8  # observed steps whose numbers are on their way from an accelerator; more are dropped
)


class Logbook:
    """Hands steps, observations and events to the writer.

    Attributes
    ----------
    missed : observations that were dropped because the accelerator was behind
    listener : hears of what is written, where somebody looks on (`StatusLine`)
    """

    def __init__(
        self, writer: Writer, memory: Memory, networks: Networks, budget: Budget, guard: Guard
    ) -> None:
        self.missed = 0
        self.listener: StatusLine | None = None
        self._writer, self._memory, self._networks = writer, memory, networks
        self._budget, self._guard = budget, guard
        self._flushed = self._told = guard.now()
        self._batch = Batch(0)
        self._sent: list[Batch] = []
        self._flying: list[tuple[int, float, Look]] = []
        self._places: Places = {}

    def add_step(
        self, row: tuple[float, ...], there: torch.Tensor | None, now: float, *, observed: bool
    ) -> None:
        """Keep the scalars of a step; write them where enough wait, or after an observation."""
        self._batch.add(row, there)
        if observed or self._batch.steps >= FLUSH_STEPS or now - self._flushed > FLUSH_S:
            self.flush()
            if observed:
                self._writer.flush(COMMIT_S)
        if self._flying:
            self.land()

    def add_look(
        self, step: int, elapsed_s: float, look: Look, tell: Callable[[Seen], None]
    ) -> None:
        """Write an observed step when its numbers are here; `tell` hears of them if that is at once."""
        if len(self._flying) >= MOST_FLYING:
            self.missed += 1
            return
        self._flying.append((step, elapsed_s, look))
        self.land(tell=tell)

    def land(self, *, wait: bool = False, tell: Callable[[Seen], None] | None = None) -> None:
        """Write the observations whose numbers have arrived."""
        while self._flying:
            step, elapsed_s, look = self._flying[0]
            if wait:
                look.harvest.wait()
            if not look.harvest.landed():
                return
            self._flying.pop(0)
            last = tell if not self._flying else None
            self._guard.aside(self._write, step, elapsed_s, look, last)

    def _write(
        self, step: int, elapsed_s: float, look: Look, tell: Callable[[Seen], None] | None
    ) -> None:
        seen = look.read()
        if tell is not None:
            tell(seen)
        row, new = pack(seen, self._places)
        self._budget.row_bytes = 4 * len(row)
        if new:
            self._writer.add_sites(new)
        self._writer.add_observation(step, elapsed_s, row)
        if self.listener is not None:
            self.listener.seen(step, seen.rows)
        if self._guard.now() - self._told > STATE_S or not step:
            self.write_state()

    def add_event(self, step: int, kind: str, text: str) -> None:
        """Something happened: the steps around it are kept for good."""
        self._writer.add_event(step, kind, text)

    def flush(self, *, wait: bool = False) -> None:
        """Write the scalars that wait."""
        self._flushed = self._guard.now()
        if self._batch.steps:
            self._batch.send()
            self._sent.append(self._batch)
            self._batch = Batch(self._batch.first + self._batch.steps)
        while self._sent and (wait or self._sent[0].landed()):
            batch = self._sent.pop(0)
            if wait:
                batch.wait()
            self._writer.add_steps(batch.first, batch.values)
            if self.listener is not None:
                self.listener.steps(batch.first, batch.values)

    def write_state(self) -> None:
        """Write what is accumulated over the run: label counts, dead units, the cost so far."""
        self._told = self._guard.now()
        dead = {name: window.dead()[0][:1024] for name, window in self._memory.windows.items()}
        self._writer.set_state(
            {
                "labels": self._memory.targets.summary(),
                "dead_units": {name: ids for name, ids in dead.items() if ids},
                "evaluations": [one.to_json() for one in self._memory.evaluations],
            }
        )
        known = self._memory.optimizers
        about = {"optimizers": known.made, "stepped": known.stepped}
        self._writer.set_meta({**self._cost(), **about, "parallel": self._networks.parallel})

    def close(self, ended: str, notes: list[str], facts: dict[str, Any]) -> None:
        """Write all that is left, and close the file."""
        self._guard(self.land)(wait=True)
        self._guard(self.flush)(wait=True)
        self._guard(self.write_state)()
        if self.missed:
            text = f"{self.missed} observations were dropped: the accelerator was behind"
            notes = [*notes, text]
        self._writer.set_meta({"ended": ended, "notes": notes, **facts})
        self._writer.close()

    def _cost(self) -> dict[str, Any]:
        budget = self._budget
        measured, (low, high) = budget.overhead(), budget.interval()
        return {
            "overhead": {
                "measured": None if math.isnan(measured) else measured,  # nan before the first step
                "interval": None if math.isnan(low) else [low, high],
                "seconds": budget.spent_s,
                "start_s": budget.start_s,
                "observations": budget.observations,
                "budget": budget.share,
            }
        }
