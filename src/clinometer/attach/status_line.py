"""The line of `clinometer run` on a terminal: steps, loss, the verdict so far, what recording costs.

It hears what the logbook writes anyway, in the training's own thread: no thread, no file, no other
process. Its time is counted as the recorder's.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from clinometer.attach.losses_so_far import Losses, Terms, word_so_far
from clinometer.attach.screen import Screen
from clinometer.records.columns import STEP, names

DRAW_S = 0.5  # between two drawings [s]: read at a glance, 30 us each
JUDGE_S = 2.0  # between two judgements [s] ...
JUDGE_SHARE = 0.001  # ... and no more of the time than this: a tenth of the default budget
COLUMN = {column.name: i for i, column in enumerate(STEP)}
WIDTH = len(STEP)
DIM, PLAIN = "\x1b[2m", "\x1b[0m"
COLOUR = {
    "learning": "\x1b[32m", "learned": "\x1b[32m", "undecided": "\x1b[33m",
    "stuck": "\x1b[31m", "diverged": "\x1b[31m",
}  # fmt: skip


def status_text(steps: int, loss: float, word: str, overhead: float, columns: int) -> list[str]:
    """The parts of the line that fit in a terminal so wide, the least needed left out first.

    Parameters
    ----------
    overhead : cost over the run's other seconds [-]; nan before it is known
    columns : of the terminal; the line is shorter by one, so that no terminal wraps it

    >>> " | ".join(status_text(1200, 2.3026, "stuck", 0.008, 80))
    'clinometer: step 1,200 | loss 2.303 | stuck so far | cost 0.8%'
    >>> status_text(1200, math.nan, "diverged", math.nan, 40)
    ['clinometer: step 1,200', 'loss nan']
    """
    so_far = word if word in {"", "diverged"} else f"{word} so far"
    cost = "" if math.isnan(overhead) else f"cost {overhead:.1%}"
    parts = [f"clinometer: step {steps:,}", f"loss {loss:.4g}", so_far, cost]
    told = [part for part in parts if part]
    while told and len(" | ".join(told)) >= columns:
        told.pop()
    return told


def coloured(parts: Sequence[str]) -> str:
    r"""The line, dim but for the verdict's word.

    >>> coloured(["step 1", "stuck so far"])
    '\x1b[2mstep 1\x1b[0m | \x1b[31mstuck so far\x1b[0m'
    """
    styles = (COLOUR.get(part.partition(" ")[0], DIM) for part in parts)
    return " | ".join(f"{style}{part}{PLAIN}" for style, part in zip(styles, parts, strict=True))


class StatusLine:
    """Listens to the logbook and draws; whatever goes wrong in it ends it, and nothing else."""

    def __init__(
        self, screen: Screen, recorder: Any, now: Callable[[], float] = time.perf_counter
    ) -> None:
        self._screen, self._budget = screen, recorder.budget
        self._targets, self._guard = recorder.memory.targets, recorder.guard
        self._now = now
        begun = now()
        import clinometer.diagnosis.course  # noqa: F401  (a start-up cost, not that of a step)

        self._budget.start_s += now() - begun
        self._losses, self._terms = Losses(), Terms()
        self._word = ""
        self._draw_at = self._judge_at = now()
        self._has_colour = not os.environ.get("NO_COLOR")
        self._broken = False

    def seen(self, step: int, rows: Mapping[tuple[str, str], Sequence[float]]) -> None:
        """Rows of an observed step, by (kind, name) of the site."""
        value, there = names("loss").index("value"), names("loss").index("seen")
        terms = {
            name: row[value] for (kind, name), row in rows.items() if kind == "loss" and row[there]
        }
        self._terms.seen(step, terms)

    def steps(self, first: int, values: Sequence[float]) -> None:
        """Scalars of consecutive steps, as `columns.STEP` has them, one after the other."""
        if self._broken:
            return
        try:
            self._take(first, values)
        except Exception:  # a terminal that is gone is nobody's trouble
            self._broken = True

    def _take(self, first: int, values: Sequence[float]) -> None:
        losses = values[COLUMN["loss"] :: WIDTH]
        if not math.isfinite(sum(losses)):
            losses = _counting(losses, values)
        self._losses.extend(first, losses)
        self._terms.extend(first, values[COLUMN["loss"] :: WIDTH])
        self._guard.own_s += self._screen.own_s  # of wiping, since the last time
        self._screen.own_s = 0.0
        now = self._now()
        if now < self._draw_at or not self._screen.is_free:
            return
        self._draw_at = now + DRAW_S
        if now >= self._judge_at:
            self._word = word_so_far(self._losses, self._terms, self._targets.summary())
            if self._word:
                self._judge_at = now + max(JUDGE_S, (self._now() - now) / JUDGE_SHARE)
        steps, overhead = first + len(values) // WIDTH, self._budget.overhead()
        parts = status_text(steps, self._losses.last, self._word, overhead, self._screen.columns)
        self._screen.draw(coloured(parts) if self._has_colour else " | ".join(parts))


def _counting(losses: Sequence[float], values: Sequence[float]) -> list[float]:
    """Those that count: seen, and no overflow of a step that the loss scaler left out."""
    seen, skipped = values[COLUMN["loss_seen"] :: WIDTH], values[COLUMN["skipped"] :: WIDTH]
    counts = zip(losses, seen, skipped, strict=True)
    return [loss for loss, there, left in counts if there and (math.isfinite(loss) or not left)]
