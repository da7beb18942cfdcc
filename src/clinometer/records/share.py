"""A share of time as people write it."""

from __future__ import annotations


def share(text: str) -> float:
    """`1%` or `0.01` as a number in (0, 1].

    Raises
    ------
    ValueError : if it is neither, or out of range.

    >>> share("1%"), share("0.25")
    (0.01, 0.25)
    """
    try:
        found = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        found = -1.0
    if not 0 < found <= 1:
        raise ValueError(f"{text!r}: expected a share such as 1% or 0.01")
    return found
