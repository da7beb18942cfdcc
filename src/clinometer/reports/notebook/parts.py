"""The parts that every result is shown with in a notebook: card, badge, table, escaped text.

Text and lines take the notebook's own colour, so light and dark need no rule of ours; what has a colour
has its own background with it, or stands out from white and black alike.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence

# White on these: contrast 6 or more (WCAG 2.1 asks for 4.5).
COLOURS = {
    "bad": "#b3261e", "good": "#1b6e3c", "open": "#6b5200", "plain": "#555555",
}  # fmt: skip
TONE = {
    **dict.fromkeys(("stuck", "diverged", "not-training", "error", "unearned"), "bad"),
    **dict.fromkeys(("learning", "learned", "earned", "better separation", "both"), "good"),
    **dict.fromkeys(("undecided", "warning", "unproven", "only scale"), "open"),
    "past refinement: stop here": "open", "overconfident, not overfitted": "open",
    "lost separation": "bad", "still separating": "good",
    "proven": "good", "nothing to treat": "good", "none proven": "open",
}  # fmt: skip
STYLE = (
    "<style>.clino{max-width:60em;line-height:1.45;color:inherit}"
    ".clino .w{color:#fff;border-radius:3px;padding:.1em .5em;margin-right:.6em}"
    ".clino p{margin:.4em 0}.clino small{opacity:.8}"
    ".clino table{border-collapse:collapse;margin:.5em 0;background:none;color:inherit;font-size:90%}"
    ".clino th,.clino td{padding:.15em .7em;text-align:right;border:0;"
    "border-bottom:1px solid rgba(128,128,128,.35);background:none;color:inherit}"
    ".clino th:first-child,.clino td:first-child,.clino .l{text-align:left}"
    ".clino svg{max-width:100%;height:auto;display:block;margin:.5em 0}"
    ".clino summary{cursor:pointer}</style>"
)
NOT_MEASURED = "?"


def safe(text: object) -> str:
    r"""Text as it is, for HTML: escaped, control and invisible characters shown by their codes.

    >>> safe("<b>&'"), safe("a\x00\u202e")
    ('&lt;b&gt;&amp;&#x27;', 'a\\x00\\u202e')
    """
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))
    return html.escape(shown, quote=True)


def card(*parts: str) -> str:
    """The whole output of a cell; empty parts are left out."""
    return f'<div class="clino">{STYLE}{"".join(parts)}</div>'


def head(word: str, sentence: str, more: str = "") -> str:
    """The verdict and its sentence."""
    colour = COLOURS[TONE.get(word, "plain")]
    badge = f'<span class="w" style="background:{colour}"><strong>{safe(word)}</strong></span>'
    return f"<p>{badge}{safe(sentence)}</p>" + (
        f"<p><small>{safe(more)}</small></p>" if more else ""
    )


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """A table; the first cell of a row names it, columns of words stand left. "" without rows."""
    cells = [[str(cell) for cell in row] for row in rows]
    if not cells:
        return ""
    sides = ["" if _are_numbers(column) else ' class="l"' for column in zip(*cells, strict=True)]
    body = "".join(
        f'<tr><th scope="row">{safe(row[0])}</th>'
        + "".join(
            f"<td{side}>{safe(cell)}</td>" for cell, side in zip(row[1:], sides[1:], strict=True)
        )
        + "</tr>"
        for row in cells
    )
    top = "".join(
        f'<th scope="col"{side}>{safe(name)}</th>' for name, side in zip(heads, sides, strict=True)
    )
    named = f"<caption>{safe(caption)}</caption>" if caption else ""
    return f"<table>{named}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _are_numbers(column: Sequence[str]) -> bool:
    """Whether any cell of a column is a number with at most a unit behind it."""
    return any(cell[:1] in set("-0123456789") and cell.count(" ") < 4 for cell in column if cell)


def listed(title: str, items: Sequence[str], most: int = 6) -> str:
    """A list under its title; how many are left out is said. "" without items."""
    if not items:
        return ""
    more = [f"and {len(items) - most:,} more"] if len(items) > most else []
    told = "".join(f"<li>{safe(item)}</li>" for item in [*items[:most], *more])
    return f"<p>{safe(title)}</p><ul>{told}</ul>"


def folded(title: str, inside: str) -> str:
    """What is shown on a click; without a script."""
    return f"<details><summary>{safe(title)}</summary>{inside}</details>" if inside else ""


def figure(value: float | None, form: str = ".4g") -> str:
    """A number, or a mark for what was not measured.

    >>> figure(0.12345), figure(None), figure(math.nan), figure(-math.inf)
    ('0.1235', '?', '?', '-inf')
    """
    if value is None or math.isnan(value):
        return NOT_MEASURED
    return format(value, form)


def percent(value: float | None) -> str:
    """A share.

    >>> percent(0.1234), percent(None)
    ('12.3 %', '?')
    """
    return NOT_MEASURED if value is None or math.isnan(value) else f"{100 * value:.1f} %"
