"""A diagnosis as text: verdict, cause, place, evidence and remedies on the first screen, the rest behind."""

from __future__ import annotations

import numpy as np

from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.reports.finding_text import finding_blocks
from clinometer.reports.layout import counted, short, wrapped
from clinometer.reports.ledger_text import ledger_text
from clinometer.reports.rest_text import events_text, measured_text, not_judged_text, seen_text

WIDTH = 80
NARROWEST, WIDEST = 60, 100


def fitting(columns: int) -> int:
    """The width of a report on a terminal of so many columns."""
    return min(max(columns, NARROWEST), WIDEST)


@np.errstate(all="ignore")
def text(diagnosis: Diagnosis, width: int = WIDTH, log: str = "") -> str:
    """The report: plain text, at most `width` columns wide; `log` stands before the ledger."""
    parts = [
        _head(diagnosis, width),
        *finding_blocks(diagnosis, width),
        events_text(diagnosis, width),
        log,
        ledger_text(diagnosis, width),
        not_judged_text(diagnosis, width),
        measured_text(diagnosis, width),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(diagnosis: Diagnosis, width: int) -> str:
    word = diagnosis.verdict.upper()
    script = str(diagnosis.recording.meta.get("script") or diagnosis.recording.path)
    title = f"{word}   {short(script, width - len(word) - 3)}"
    lines = [title, *wrapped(seen_text(diagnosis), width), "", *wrapped(sentence(diagnosis), width)]
    if not any(finding.severity != "note" for finding in diagnosis.findings):
        lines += wrapped(_nothing_found(diagnosis), width)
    return "\n".join(lines)


def sentence(diagnosis: Diagnosis) -> str:
    """The sentence, without the leading finding's explanation where that stands right below."""
    said = diagnosis.because
    for finding in diagnosis.findings[:1]:
        if finding.severity != "note" and said.endswith(finding.explanation):
            said = said.removesuffix(finding.explanation).rstrip() or said
    return said


def _nothing_found(diagnosis: Diagnosis) -> str:
    looked = diagnosis.rules - len(diagnosis.not_judged)
    return f"{counted(looked, 'rule')} looked, and none of them found a fault."
