"""Text in columns: wrapping, labels and names that are too long for their place."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

LABEL = 13  # columns of a label and its indent


def wrapped(sentence: str, width: int, indent: str = "", first: str | None = None) -> list[str]:
    """A sentence in lines of at most `width` columns."""
    return textwrap.wrap(
        sentence,
        width,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )


def labelled(label: str, items: Iterable[str], width: int) -> list[str]:
    """Each item wrapped beside a label, which stands before the first of them.

    >>> labelled("Try", ["one", "two"], 60)
    ['  Try        one', '             two']
    """
    lines: list[str] = []
    for item in items:
        head = f"  {label:<{LABEL - 2}}" if not lines else " " * LABEL
        lines += wrapped(item, width, " " * (LABEL + 2), head)
    return lines


def some(names: Sequence[str], most: int) -> str:
    """The first of many names, and how many more there are.

    >>> some(["a", "b", "c", "d"], 2)
    'a, b and 2 more'
    """
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def counted(many: int, thing: str) -> str:
    """A count and its noun.

    >>> counted(1, "step"), counted(1200, "step")
    ('1 step', '1,200 steps')
    """
    return f"{many:,} {thing}{'' if many == 1 else 's'}"


def short(name: str, width: int) -> str:
    """A name whose beginning gives way where it is too long: its end tells more.

    >>> short("encoder.layers.3.linear1", 12)
    '~.3.linear1'
    """
    return name if len(name) < width else "~" + name[len(name) - width + 2 :]


def cut(sentence: str, width: int) -> str:
    """A sentence that must fit one line."""
    return sentence if len(sentence) <= width else sentence[: width - 3].rstrip() + "..."


def first_sentence(text: str) -> str:
    """Up to the first full stop that ends a sentence.

    >>> first_sentence("The loss is 2.3 of ln 10. It does not fall.")
    'The loss is 2.3 of ln 10.'
    """
    head, stop, _ = text.partition(". ")
    return head + "." if stop else text
