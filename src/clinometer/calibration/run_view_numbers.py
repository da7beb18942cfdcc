"""Numbers of a run view as they stand in its sentences."""

from __future__ import annotations

from typing import TypeVar

from clinometer.calibration.epochs import Epoch
from clinometer.calibration.run_view_result import Part, RunView

T = TypeVar("T")


def nat(value: float | None) -> str:
    """A loss with its unit.

    >>> nat(0.12345)
    '0.123 nat'
    """
    return "not judged" if value is None else f"{value:.3g} nat"


def signed(value: float) -> str:
    """A change with its sign.

    >>> signed(0.0123), signed(-0.5)
    ('+0.0123', '-0.5')
    """
    return f"{value + 0.0:+.3g}"


def rows(n: float) -> str:
    """A count of rows, rounded where they are weighted.

    >>> rows(1), rows(1200.4)
    ('one row', '1,200 rows')
    """
    return "one row" if n == 1 else f"{n:,.0f} rows"


def temperature(epoch: Epoch) -> str:
    """The best temperature of an epoch, in brackets; nothing where there is none."""
    return "" if epoch.temperature is None else f" (T = {epoch.temperature:.3g} on these rows)"


def with_ends(part: Part) -> str:
    """A change with its sign, and its interval where there is one."""
    ends = "" if part.interval is None else f", {part.interval[0]:.3g} to {part.interval[1]:.3g}"
    return f"{signed(part.difference)}{ends}"


def with_interval(part: Part, view: RunView, *, every: bool = False) -> str:
    """A change and its interval; `every`: certain for all epochs at once, as one was chosen among them."""
    if part.interval is None or view.alpha is None:
        return f"{part.difference:.3g}"
    level = f"{1.0 - view.alpha:.0%}" + (" over all epochs" if every else "")
    return f"{part.difference:.3g} ({part.interval[0]:.3g} to {part.interval[1]:.3g} at {level})"


def known(value: T | None) -> T:
    """What the phase that is worded implies to be there."""
    assert value is not None
    return value
