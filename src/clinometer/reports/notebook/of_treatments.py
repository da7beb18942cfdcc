"""What was found of remedies, as HTML for a notebook."""

from __future__ import annotations

from clinometer.records.treatment import ArmResult, Treatment
from clinometer.reports.notebook.parts import card, folded, head, listed, safe, table
from clinometer.reports.treatment_text import (
    arm_told,
    difference_words,
    loss_column,
    rest_of,
    trials_words,
)


def treatment_html(found: Treatment) -> str:
    """The sentence, the arms, the change of the recommended remedy, and what else has to be known."""
    more = trials_words(found) if found.arms else ""
    return card(
        head(found.verdict, found.because, more),
        table(("arm", "verdict", "loss", "lower by"), map(_row, found.arms)),
        listed("Of the remedies", [f"{arm.name}: {arm_told(arm)}" for arm in found.remedies]),
        _change(found),
        listed("What else", [f"{title}: {words}" for title, words in rest_of(found)], 12),
    )


def _row(arm: ArmResult) -> tuple[str, str, str, str]:
    return arm.name, arm.verdict, loss_column(arm), difference_words(arm)


def _change(found: Treatment) -> str:
    change = found.change
    if not change or not change.get("text"):
        return ""
    kind = "The change, as a diff" if change["kind"] == "diff" else "The change, as lines to add"
    where = f" ({change['where']})" if change.get("where") else ""
    return folded(kind + where, f"<pre>{safe_lines(str(change['text']))}</pre>")


def safe_lines(text: str) -> str:
    r"""Several lines for HTML, each escaped by itself.

    >>> safe_lines("a < b\nc")
    'a &lt; b\nc'
    """
    return "\n".join(safe(line) for line in text.splitlines())
