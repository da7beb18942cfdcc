"""Not observed: parts of the network of which no number was seen.

Sees      Layers that trained and of which no gradient was observed; a run without any observation.
Matters   What was not seen is not judged: no verdict of this report speaks of it.
Not this  A finding about the network: a note about the recording.
Limits    none: a count.
Source    `clinometer doctor --coverage` lists what is observed in which situation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from clinometer.diagnosis.rule import Evidence, Rule, Sign
from clinometer.records.recording import Recording

RULE = Rule(
    code="RUN101", name="not-observed", reads=("recording",), limits={}, remedies=("record-more",),
    blame=95,
)  # fmt: skip


@RULE.check
def check(recording: Recording, limits: Mapping[str, float]) -> Iterator[Sign]:
    """Yield one sign where layers, or all of them, went unseen."""
    calls = len(recording.of_kind("call"))
    if recording.steps and len(recording.observed) and calls:
        return
    seen = len(recording.observed)
    yield Sign(
        layer="",
        cause="not observed",
        size=0.0,
        evidence=(
            Evidence("observed steps", float(seen), 1.0, "steps", recording.steps),
            Evidence("layers seen", float(calls), 1.0, "layers", seen),
        ),
        explanation=(
            f"Of {recording.steps} steps {seen} were observed, and {calls} layers were seen in them: what "
            "the layers did is not judged. `clinometer run --every 1` looks at every step."
        ),
        severity="note",
    )
