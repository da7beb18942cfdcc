"""The losses of a run in bounded room, and the word that a report would have for them so far.

The word is that of `diagnosis.state`: the loss alone, against the no-information level. Which layer and
which factor are to blame takes the report.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from clinometer.diagnosis.margins import BLOCKS, LATE, MARGIN

MOST_MEANS = 128  # halved when full: 64 at least speak, which is 16 in the late quarter
LEAST_MEANS = LATE * BLOCKS  # fewer tell no trend, as in `diagnosis.course`
MOST_PAIRS = 64  # observed steps whose loss is compared with the term's own value
CHUNKS = 8  # of losses that wait for the term's value: it may come later from an accelerator
SLOW = frozenset({"huber", "smooth_l1"})  # their level takes an optimiser, which takes SciPy


@dataclass
class Losses:
    """Means of `size` consecutive losses each; the size doubles when there are too many.

    Attributes
    ----------
    last : the latest loss; nan before the first
    bad_step : first step whose loss was NaN or infinite, or None
    early : the first losses, whose mean is where the run began
    """

    last: float = math.nan
    bad_step: int | None = None
    size: int = 1
    early: list[float] = field(default_factory=list)
    means: list[float] = field(default_factory=list)
    _waiting: list[float] = field(default_factory=list)

    def extend(self, first: int, losses: Sequence[float]) -> None:
        """Take the losses of consecutive steps, from step `first` on."""
        if not losses:
            return
        self.last = losses[-1]
        if not math.isfinite(sum(losses)):
            self._note_bad(first, losses)
            losses = [loss for loss in losses if math.isfinite(loss)]
        self.early += losses[: BLOCKS - len(self.early)]
        self._waiting += losses
        while len(self._waiting) >= self.size:
            self.means.append(math.fsum(self._waiting[: self.size]) / self.size)
            del self._waiting[: self.size]
            if len(self.means) > MOST_MEANS:
                self._halve()

    def _note_bad(self, first: int, losses: Sequence[float]) -> None:
        bad = (first + i for i, loss in enumerate(losses) if not math.isfinite(loss))
        if self.bad_step is None:
            self.bad_step = next(bad, None)

    def _halve(self) -> None:
        """Join neighbours; one that is left over is the beginning of the next mean."""
        if len(self.means) % 2:
            self._waiting[:0] = [self.means.pop()] * self.size
        pairs = zip(self.means[::2], self.means[1::2], strict=True)
        self.means = [(one + other) / 2 for one, other in pairs]
        self.size *= 2


@dataclass
class Terms:
    """Whether what is propagated back is the one loss term that was seen in observed steps."""

    names: list[str] = field(default_factory=list)
    pairs: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=MOST_PAIRS))
    _values: dict[int, float] = field(default_factory=dict)
    _chunks: deque[tuple[int, Sequence[float]]] = field(
        default_factory=lambda: deque(maxlen=CHUNKS)
    )

    def seen(self, step: int, values: Mapping[str, float]) -> None:
        """Values of the loss terms of an observed step, by name."""
        self.names += [name for name in values if name not in self.names]
        if len(values) == 1:
            self._values[step] = next(iter(values.values()))
            self._match()

    def extend(self, first: int, losses: Sequence[float]) -> None:
        """The losses of consecutive steps, some of which are or will have been observed."""
        self._chunks.append((first, losses))
        if self._values:
            self._match()

    def _match(self) -> None:
        for first, losses in self._chunks:
            for step in [s for s in self._values if first <= s < first + len(losses)]:
                pair = losses[step - first], self._values.pop(step)
                if all(map(math.isfinite, pair)):
                    self.pairs.append(pair)
        for step in list(self._values)[:-CHUNKS]:  # its losses are gone
            del self._values[step]

    @property
    def is_the_loss(self) -> bool:
        """Whether one term was seen, and the losses are its values to within `MARGIN`."""
        near = (abs(loss - value) <= MARGIN * abs(value) for loss, value in self.pairs)
        return len(self.names) == 1 and bool(self.pairs) and all(near)


def word_so_far(losses: Losses, terms: Terms, labels: Mapping[str, Mapping[str, Any]]) -> str:
    """A verdict's word by the loss alone: learning, learned, stuck, diverged or undecided.

    "" while there are too few losses to tell a trend.
    `labels` is what is known of the targets (`Targets.summary`). Without a level a loss that does not
    fall is undecided, as in the report.
    """
    if losses.bad_step is not None:
        return "diverged"
    if len(losses.means) < LEAST_MEANS:
        return ""
    from clinometer.diagnosis.course import course
    from clinometer.diagnosis.state import state

    seen = course(_recording(losses, terms, labels))
    return state(replace(seen, first=math.fsum(losses.early) / len(losses.early)))


def _recording(losses: Losses, terms: Terms, labels: Mapping[str, Mapping[str, Any]]) -> Any:
    """As much of a recording as `course` reads: the means in the place of the losses."""
    import numpy as np

    from clinometer.records.columns import COLUMNS
    from clinometer.records.recording import Recording
    from clinometer.records.site import Site

    many = len(losses.means)
    known = terms.is_the_loss and terms.names[0] not in SLOW
    sites = (Site(0, "loss", terms.names[0]),) if known else ()
    scalars = {"loss": np.array(losses.means), "loss_seen": np.ones(many)}
    return Recording(
        path="", meta={}, ended="running", sites=sites, step=np.arange(many),
        scalars=scalars | {"skipped": np.zeros(many)}, observed=np.zeros(0, np.int64),
        rows={"loss": np.zeros((0, len(sites), len(COLUMNS["loss"])), np.float32)},
        labels={name: dict(facts) for name, facts in labels.items()}, dead_units={},
    )  # fmt: skip
