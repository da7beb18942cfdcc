"""Claims, groups and notes as lines of text, the same from rows in memory and from running sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from clinometer.calibration.claims import Record
from clinometer.calibration.confidence_verdict import VERDICTS
from clinometer.calibration.confidence_words import sure
from clinometer.calibration.record_json import Judged
from clinometer.reports.layout import counted, short, wrapped

if TYPE_CHECKING:
    from clinometer.calibration.confidence import Confidence
    from clinometer.calibration.streamed_result import Streamed

WIDTH = 80
NAME = 26  # columns of what a line is about
MOST_GROUPS = 12  # lines of groups; the most overstated come first


def claim_lines(result: Confidence | Streamed, surest: Record | None = None) -> list[str]:
    """What is claimed beside what was counted, and from which record on the claim is worth it."""
    rows = [
        f"{'Is it right as often as it says?':<{NAME + 8}}{'says':>8}{'is right':>10}{'interval':>16}"
    ]
    rows.append(_claim_line("all rows", result.whole))
    if result.between is not None:
        rows.append(_claim_line(f"over {counted(len(result.groups), 'group')}", result.between))
    if surest is not None:
        rows.append(_claim_line("its surest tenth", surest))
    worth = f"A record of {sure(result.whole.limits[1])} or more is worth the claim: the rest costs at most "
    return rows + wrapped(
        f"{worth}{100.0 * result.margin:.3g} % of the loss that stays.", WIDTH, "  ", "  "
    )


def _claim_line(name: str, record: Record) -> str:
    low, high = (1.0 - end for end in reversed(record.interval))
    between = f"{low:.3f} to {high:.3f}"
    numbers = f"{sure(record.claimed):>16}{sure(record.counted):>10}{between:>16}"
    return f"  {name:<{NAME - 2}}{numbers}  {record.word}"


def group_lines(groups: Sequence[Judged]) -> list[str]:
    """The groups, one a line; none where there are no groups."""
    if not groups:
        return []
    rows = [f"{'Group':<{NAME}}{'rows':>8}{'says':>8}{'is right':>10}{'interval':>16}"]
    for group in groups[:MOST_GROUPS]:
        record = group.record
        low, high = (1.0 - end for end in reversed(record.interval))
        between = f"{low:.3f} to {high:.3f}"
        numbers = f"{group.n:>8,}{sure(record.claimed):>8}{sure(record.counted):>10}{between:>16}"
        rows.append(
            f"  {short(group.name, NAME - 2):<{NAME - 2}}{numbers}  {VERDICTS[record.word]}"
        )
    if len(groups) > MOST_GROUPS:
        rows.append(f"  and {counted(len(groups) - MOST_GROUPS, 'group')} that overstate less")
    return rows


def note_lines(notes: Sequence[str]) -> list[str]:
    """What the numbers do not show by themselves, one a paragraph."""
    return [
        row
        for note in notes
        for row in wrapped(f"{note[0].upper()}{note[1:].rstrip('.')}.", WIDTH, "  ", "- ")
    ]
