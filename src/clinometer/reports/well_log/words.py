"""Text in a picture: names as they are, whatever they hold, and labels that never lie over one another."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.text import Text

FONT = "DejaVu Sans"  # comes with matplotlib: the same picture everywhere
SMALL, NORMAL, LARGE, TITLE = 6.4, 7.2, 9.0, 13.0  # points
POINT = 1 / 72  # inches
LINE = 1.3  # height of a line, and
CHARACTER = 0.63  # mean width of a character, over the size of the font


def write(where: Any, across: float, down: float, text: str, **style: Any) -> Text:
    """Text as it is: no dollar sign begins a formula, no control character reaches a file."""
    given = {"fontsize": NORMAL, "fontfamily": FONT, "parse_math": False} | style
    written: Text = where.text(across, down, printable(text), **given)
    return written


def printable(text: str) -> str:
    r"""What the font cannot show is escaped.

    >>> printable("net.0"), printable("a\nb"), printable("层.0")
    ('net.0', 'a\\nb', '\\u5c42.0')
    """
    return "".join(c if _is_known(c) else ascii(c)[1:-1] for c in text)


@cache
def _is_known(character: str) -> bool:
    from matplotlib.font_manager import findfont, get_font

    return character.isprintable() and get_font(findfont(FONT)).get_char_index(ord(character)) > 0


def fitting(width: float, size: float = NORMAL) -> int:
    """How many characters of a font size fit in a width [inches]."""
    return max(4, int(width / (size * POINT * CHARACTER)))


def height(lines: float, size: float = NORMAL) -> float:
    """Height of some lines of text [inches]."""
    return lines * size * POINT * LINE


def apart(
    wanted: Sequence[float], heights: Sequence[float], first: float, last: float
) -> list[float]:
    """Middles of labels, as near to the wanted ones as order and room allow.

    Parameters
    ----------
    wanted : ascending middles
    heights : of the labels, in the same unit
    first, last : between which they must lie; where they need more room they overrun `first`

    >>> apart([1.0, 1.1, 9.9], [1.0, 1.0, 1.0], 0.0, 10.0)
    [1.0, 2.0, 9.5]
    """
    placed: list[float] = []
    edge = first
    for middle, tall in zip(wanted, heights, strict=True):
        placed.append(max(middle, edge + tall / 2))
        edge = placed[-1] + tall / 2
    edge = last
    for i in range(len(placed) - 1, -1, -1):
        placed[i] = min(placed[i], edge - heights[i] / 2)
        edge = placed[i] - heights[i] / 2
    return placed
