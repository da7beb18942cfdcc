"""The loss by step as a curve, thinned so that no extreme is lost."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.records.recording import Float64, Int64

COLUMNS = 600  # more stand closer together than the pixels of the widest figure on a usual screen
ACROSS, DOWN = 1000, 300  # of the view box; the figure is stretched to its place
PAD = 12  # above and below the curve
LOGARITHMIC = 100.0  # where the losses span two decades, a linear scale would show only the first


@dataclass(frozen=True)
class Curve:
    """The figure: a path, its edges in numbers, and what it says in words.

    Attributes
    ----------
    path : of an SVG, in a box of `ACROSS` by `DOWN`; parted where the loss is not finite
    level : height of the no-information level in that box; None where it is not known
    bad : where across the first loss that is not finite stands; None where there is none
    top, bottom : losses at the edges [the loss's own unit]
    first, last : steps at the edges
    scale : "" or "logarithmic"
    alt : the figure in one sentence
    """

    path: str
    level: float | None
    bad: float | None
    top: str
    bottom: str
    first: str
    last: str
    scale: str
    alt: str


def curve(diagnosis: Diagnosis) -> Curve | None:
    """The figure of a run's losses; None where fewer than two finite losses were seen."""
    run, course = diagnosis.recording, diagnosis.course
    seen = run.loss_seen
    steps, losses = run.step[seen], run.loss[seen]
    good = losses[np.isfinite(losses)]
    if len(good) < 2:
        return None
    shown = np.append(good, [] if course.no_information is None else course.no_information)
    low, high = float(shown.min()), float(shown.max())
    is_log = low > 0 and high / low >= LOGARITHMIC
    heights = _Heights(low, high, is_log=is_log)
    span = max(int(steps[-1] - steps[0]), 1)
    across = (steps - steps[0]) * (ACROSS / span)
    bad = steps[~np.isfinite(losses)]
    return Curve(
        path=_path(across, heights(losses), _columns(across)),
        level=None if course.no_information is None else _one(heights, course.no_information),
        bad=float(across[np.argmax(~np.isfinite(losses))]) if len(bad) else None,
        top=f"{high:.4g}",
        bottom=f"{low:.4g}",
        first=f"{int(steps[0]):,}",
        last=f"{int(steps[-1]):,}",
        scale="logarithmic" if is_log else "",
        alt=_alt(diagnosis, good, bad),
    )


class _Heights:
    """Losses to distances from the top of the box."""

    def __init__(self, low: float, high: float, *, is_log: bool) -> None:
        self._of = np.log if is_log else np.asarray
        self._low, self._high = float(self._of(low)), float(self._of(high))

    def __call__(self, losses: Float64) -> Float64:
        span = (self._high - self._low) or 1.0
        with np.errstate(all="ignore"):
            part = (self._high - self._of(losses)) / span
        return np.asarray(PAD + part * (DOWN - 2 * PAD))


def _one(heights: _Heights, loss: float) -> float:
    return round(float(heights(np.array([loss]))[0]), 1)


def _columns(across: Float64) -> Int64:
    return np.minimum(across * COLUMNS / ACROSS, COLUMNS - 1).astype(np.int64)


def _path(across: Float64, down: Float64, column: Int64) -> str:
    """A path through first, least, greatest and last value of each column of pixels."""
    told: list[str] = []
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    joined = False
    for first, end in zip(starts, np.append(starts[1:], len(column)), strict=True):
        for i in _extremes(down[first:end]):
            if math.isnan(down[first + i]) or math.isinf(down[first + i]):
                joined = False
                continue
            told.append(f"{'L' if joined else 'M'}{across[first + i]:.1f} {down[first + i]:.1f}")
            joined = True
    return "".join(told)


def _extremes(values: Float64) -> Iterator[int]:
    """Where the first, least, greatest and last value stand; and one that is not finite."""
    found = {0, len(values) - 1}
    bad = ~np.isfinite(values)
    if bad.any():
        found.add(int(np.argmax(bad)))
    if not bad.all():
        whole = np.where(bad, np.nan, values)
        found |= {int(np.nanargmin(whole)), int(np.nanargmax(whole))}
    yield from sorted(found)


def _alt(diagnosis: Diagnosis, good: Float64, bad: Int64) -> str:
    course = diagnosis.course
    told = f"Loss by step: {good[0]:.4g} at first, {good[-1]:.4g} at last"
    if course.no_information is not None:
        told += f"; the no-information level is {course.no_information:.4g}"
    return told + (f"; not finite from step {int(bad[0]):,} on." if len(bad) else ".")
