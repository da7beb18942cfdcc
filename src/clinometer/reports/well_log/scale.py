"""Scales of curves: the edges belong to the curve, so several scales lie over one track."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clinometer.records.recording import Bool, Float64

LINE = 0.004  # width of a thin line, over that of a track
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Scale:
    """Values at the left and right edge of a track.

    Attributes
    ----------
    left, right : in the unit in which the curve is kept: decades where it is logarithmic
    is_log : whether the curve is kept in decades
    """

    left: float
    right: float
    is_log: bool = True

    def place(self, values: Float64) -> Float64:
        """Where values lie: 0 at the left edge of the track, 1 at the right; nan stays nan.

        >>> Scale(-8, 0).place(np.array([-8.0, -2.0, 1.0]))
        array([0.   , 0.75 , 1.125])
        """
        return np.asarray((np.asarray(values, np.float64) - self.left) / (self.right - self.left))

    def beyond(self, values: Float64) -> tuple[Bool, Bool]:
        """(off scale to the left, off scale to the right); an exact zero is neither.

        What lies on an edge, to within a line's width, is still seen.
        """
        at = self.place(values)
        known = np.isfinite(at)
        return np.asarray(known & (at < -LINE)), np.asarray(known & (at > 1 + LINE))

    @property
    def edges(self) -> tuple[str, str]:
        """The values at both edges as they are written in a header."""
        return self.written(self.left), self.written(self.right)

    def written(self, value: float) -> str:
        """A value of the curve in print.

        >>> Scale(-8, 0).edges, Scale(-1, 1).edges, Scale(0, 1, is_log=False).edges
        (('10⁻⁸', '1'), ('0.1', '10'), ('0', '100'))
        """
        if not self.is_log:
            return f"{100 * value:g}"
        return f"{10.0**value:g}" if abs(value) <= 1 else "10" + f"{value:.0f}".translate(_RAISED)


SHARE = Scale(0, 1, is_log=False)
GRADIENT = Scale(-8, 0)  # eight decades
BELOW = Scale(-16, -8)  # the backup curve: the same data on the next scale
ABOVE = Scale(0, 8)
ACTIVATION = Scale(-4, 4)  # eight decades, so that the grid serves both; 1 lies in the middle
UPDATE = Scale(-8, -1)  # from 1e-8, so that float32's rounding limit, 3e-8, lies on the track
PAIR = Scale(-1, 1)
REVERSED = Scale(1, -1)  # runs the other way: both curves meet where their product is 1
