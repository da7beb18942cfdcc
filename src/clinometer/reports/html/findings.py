"""Findings as a page shows them: what, where, the numbers, how reliable the rule is, what to try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.diagnosis.rates import Rate, rate
from clinometer.diagnosis.remedies import in_words
from clinometer.diagnosis.rule import Evidence, Finding
from clinometer.reports.evidence_text import certainty, limit_text, value_text
from clinometer.reports.finding_text import families
from clinometer.reports.layout import some

MOST_LAYERS = 24  # names in a line of text; the log and the ledger show the others
Row = tuple[str, str, str, str]  # quantity, value, limit, observations


@dataclass(frozen=True)
class Card:
    """One finding for a page.

    `number`: of its anchor; `sure`: certainty in a sentence, `rates`: (what, how often, 95 % interval) of
    the rule; `following`: cards of what follows from it.
    """

    number: int
    finding: Finding
    where: str
    evidence: tuple[Row, ...]
    sure: str
    rates: tuple[Row, ...]
    remedies: tuple[str, ...]
    following: tuple[Card, ...] = ()


def cards(diagnosis: Diagnosis) -> list[Card]:
    """The causes in order of blame, each with what follows from it."""
    number = {id(finding): i for i, finding in enumerate(diagnosis.findings, 1)}
    return [
        _card(cause, number[id(cause)], [_card(one, number[id(one)]) for one in following])
        for cause, following in families(diagnosis.findings)
    ]


def _card(finding: Finding, number: int, following: Sequence[Card] = ()) -> Card:
    measured = rate(finding.code)
    others = [layer for layer in finding.layers if layer != finding.layer]
    return Card(
        number=number,
        finding=finding,
        where=some(others, MOST_LAYERS),
        evidence=tuple(_row(item) for item in finding.evidence),
        sure=certainty(finding),
        rates=tuple(_rates(measured)) if measured is not None else (),
        remedies=tuple(in_words(remedy) for remedy in finding.remedies),
        following=tuple(following),
    )


def _row(item: Evidence) -> Row:
    """Quantity, value, limit, n, each as the text report says it.

    >>> _row(Evidence("gain", -6.0, -2.0, "decades", 61))
    ('gain', '1e-06 (-6.0 decades)', 'below the limit 0.01', '61')
    """
    has_limit = item.limit is not None and item.unit != "yes or no"
    limit = limit_text(item).lstrip(",; ") if has_limit else ""
    n = f"{item.n:,}" if item.n > 0 else ""
    return item.quantity, value_text(item).lstrip(": "), limit, n


def _rates(measured: Rate) -> list[Row]:
    """Recall and false alarms: what, k of n, share, interval."""
    found = (
        ("found in runs with this fault", measured.detected, measured.sick, measured.recall_interval),
        ("false alarms in healthy runs", measured.alarms, measured.healthy, measured.alarm_interval),
    )  # fmt: skip
    return [
        (what, f"{k:,} of {n:,}", f"{k / n:.1%}", f"{interval[0]:.1%} to {interval[1]:.1%}")
        for what, k, n, interval in found
        if interval is not None
    ]
