"""The course of a loss in bounded memory: low, high and mean of stretches of equal length."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from clinometer.records.recording import Float64, Int64

MOST = 1024  # stretches: about one for each pixel that a chart is wide
SPARKS = 48  # points of a sparkline: about one for every two pixels


def _none() -> Float64:
    return np.zeros(0)


@dataclass(frozen=True)
class Envelope:
    """Losses in stretches of `stride` steps, a power of two.

    Attributes
    ----------
    place : int64 (stretches,): step // stride
    low, high, total : float64 (stretches,): of the finite losses of the stretch; nan, nan, 0 without one
    many, bad : float64 (stretches,): how many losses were finite, and how many were NaN or infinite
    last : (step, loss) of the newest loss; (-1, nan) without one
    """

    stride: int = 1
    place: Int64 = field(default_factory=lambda: np.zeros(0, np.int64))
    low: Float64 = field(default_factory=_none)
    high: Float64 = field(default_factory=_none)
    total: Float64 = field(default_factory=_none)
    many: Float64 = field(default_factory=_none)
    bad: Float64 = field(default_factory=_none)
    last: tuple[int, float] = (-1, math.nan)

    def __len__(self) -> int:
        return len(self.place)

    @property
    def mean(self) -> Float64:
        """float64 (stretches,): mean of the finite losses; nan where there is none."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self.total / self.many)

    def added(self, step: Int64, loss: Float64, most: int = MOST) -> Envelope:
        """The same with more losses, of ascending steps beyond those it has.

        >>> Envelope().added(np.arange(8), np.arange(8.0), most=4).mean
        array([0.5, 2.5, 4.5, 6.5])
        """
        if not len(step):
            return self
        good = np.isfinite(loss)
        known = np.where(good, loss, np.nan)
        zero = np.where(good, loss, 0.0)
        grown = Envelope(
            self.stride,
            np.concatenate([self.place, step // self.stride]),
            np.concatenate([self.low, known]),
            np.concatenate([self.high, known]),
            np.concatenate([self.total, zero]),
            np.concatenate([self.many, good.astype(np.float64)]),
            np.concatenate([self.bad, (~good).astype(np.float64)]),
            (int(step[-1]), float(loss[-1])),
        )
        return grown.within(most)

    def within(self, most: int) -> Envelope:
        """The same in at most so many stretches."""
        found = _grouped(self)
        while len(found) > most:
            found = _grouped(replace(found, stride=2 * found.stride, place=found.place // 2))
        return found

    def to_dict(self) -> dict[str, object]:
        """For JSON: the step in the middle of each stretch, null for a stretch without a finite loss."""
        middle = self.place * self.stride + (self.stride - 1) / 2
        return {
            "stride": self.stride,
            "step": middle.tolist(),
            "low": numbers(self.low),
            "high": numbers(self.high),
            "mean": numbers(self.mean),
            "bad": np.flatnonzero(self.bad).tolist(),
            "bad_steps": int(self.bad.sum()),
        }

    def sparkline(self) -> list[int | None]:
        """At most `SPARKS` heights from 0 to 99, null where no loss was finite.

        From 0 up, unless losses are negative: the noise of a loss that stands still is not blown up.
        """
        mean = self.within(SPARKS).mean
        finite = mean[np.isfinite(mean)]
        if not len(finite):
            return []
        low, high = min(0.0, float(finite.min())), float(finite.max())
        span = (high - low) or 1.0
        return [round(99 * (x - low) / span) if math.isfinite(x) else None for x in mean.tolist()]


def numbers(values: Float64) -> list[float | None]:
    """Numbers for JSON, six digits of them: more than a screen can show."""
    return [float(f"{x:.6g}") if math.isfinite(x) else None for x in values.tolist()]


def _grouped(one: Envelope) -> Envelope:
    """Stretches of the same place as one."""
    if not len(one):
        return one
    starts = np.flatnonzero(np.concatenate([[True], np.diff(one.place) != 0]))
    return replace(
        one,
        place=one.place[starts],
        low=np.fmin.reduceat(one.low, starts),
        high=np.fmax.reduceat(one.high, starts),
        total=np.add.reduceat(one.total, starts),
        many=np.add.reduceat(one.many, starts),
        bad=np.add.reduceat(one.bad, starts),
    )
