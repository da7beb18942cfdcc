"""Numbers as the page shows them; "not measured" and an exact zero are words, never numbers."""

from __future__ import annotations

import math

NOT_MEASURED, ZERO = "?", "zero"
DIGITS = 7  # significant, of what the page's script is given: it rounds to the same hundredths as a table
MINUS = "\N{MINUS SIGN}"


def decades(value: float | None) -> str:
    """Decades for a table.

    >>> decades(-6.1), decades(-math.inf), decades(math.nan), decades(-0.0)
    ('−6.10', 'zero', '?', '0.00')
    """
    if value is None or math.isnan(value):
        return NOT_MEASURED
    if math.isinf(value):
        return ZERO if value < 0 else "infinite"
    return signed(f"{value:.2f}")


def signed(number: str) -> str:
    """A number with a true minus sign, and none before a zero.

    >>> signed("-0.5"), signed("-0.00")
    ('−0.5', '0.00')
    """
    bare = number.removeprefix("-")
    return bare if bare == number or not bare.strip("0.") else MINUS + bare


def remainder(value: float) -> str:
    """What an account leaves open, to one digit.

    >>> remainder(-2.1e-15), remainder(0.0), remainder(math.nan)
    ('2e-15', '0', '?')
    """
    if not math.isfinite(value):
        return NOT_MEASURED
    return f"{abs(value):.0e}" if value else "0"


def plain(value: float | None) -> float | str | None:
    """For JSON: None where it was not measured, "zero" for a signal of exactly 0.

    >>> plain(-1.23456), plain(-math.inf), plain(math.nan)
    (-1.23456, 'zero', None)
    """
    if value is None or math.isnan(value):
        return None
    if math.isinf(value):
        return ZERO if value < 0 else "infinite"
    return float(f"{value:.{DIGITS}g}")
