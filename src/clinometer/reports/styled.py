"""A report on a terminal: verdict and severities in colour; nothing is added, and NO_COLOR is respected."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

STYLES = (
    (r"^(STUCK|DIVERGED|NOT-TRAINING)\b", "bold red"),
    (r"^(LEARNING|LEARNED)\b", "bold green"),
    (r"^UNDECIDED\b", "bold yellow"),
    (r"^ERROR\b", "bold red"),
    (r"^WARNING\b", "bold yellow"),
    (r"^(Proven|Nothing to treat)\b|\bPROVEN\b", "bold green"),
    (r"^None is proven\b", "bold yellow"),
    (r"\bHARMFUL\b", "bold red"),
    (r"^> .*", "bold red"),
    (r"^(Notes|What happened|Log|Ledger|Not judged|How it was measured)\b", "bold"),
    (r"^  (What|Where|How known|How sure|Try|Therefore)\b", "cyan"),
    (r"^  (Treated|Trials|By hand|Not tried|Note|Files|Next)\b", "cyan"),
)


def styled(report: str) -> Text:
    """The same characters, with styles."""
    shown = Text()
    for line in report.splitlines(keepends=True):
        part = Text(line)
        for pattern, style in STYLES:
            part.highlight_regex(pattern, style)
        shown.append_text(part)
    return shown


def show(report: str, console: Console | None = None) -> None:
    """Print a report that is already laid out: lines are not wrapped again."""
    console = console or Console(highlight=False, markup=False, emoji=False)
    console.print(styled(report), end="", soft_wrap=True)
