"""Incomplete: the recording is cut, damaged, or its run has not ended.

Sees      Parts of the file that could not be read; a run that was killed or is still going.
Matters   The report speaks of what is there; what came later is not known.
Not this  A finding about the network: a note about the recording.
Limits    none.
Source    the recording's own tally and check sums.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from clinometer.diagnosis.rule import Evidence, Rule, Sign
from clinometer.records.recording import Recording

RULE = Rule(
    code="RUN102", name="incomplete", reads=("recording",), limits={}, remedies=(), blame=96
)
UNENDED = {"killed": "was killed", "running": "is still going"}


@RULE.check
def check(recording: Recording, limits: Mapping[str, float]) -> Iterator[Sign]:
    """Yield one sign where something is missing."""
    ended = UNENDED.get(recording.ended)
    if ended is None and not recording.notes:
        return
    told = [f"the run {ended}"] if ended else []
    told += list(recording.notes[:2])
    yield Sign(
        layer="",
        cause="incomplete",
        size=float(len(recording.notes)),
        evidence=(
            Evidence("notes of the recording", float(len(recording.notes)), 0.0, "notes", 1),
        ),
        explanation=(
            f"The recording is not whole: {'; '.join(told)}. The first {recording.steps} steps are judged."
        ),
        severity="note",
    )
