"""Over budget: recording cost more of the run's time than it was allowed to.

Sees      A measured overhead whose 95 % interval lies wholly above the budget.
Matters   The run was slower than it had to be.
Not this  Short runs, in which a fixed third of a second is a large share.
Limits    the budget itself, and 0.3 s: what a run of any length may cost beyond it, a
          loan of 0.2 s included.
Source    the recorder's own books (`docs/recording.md`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from clinometer.diagnosis.rule import Evidence, NotJudged, Rule, Sign
from clinometer.records.recording import Recording

RULE = Rule(
    code="RUN103",
    name="over-budget",
    reads=("recording",),
    limits={"allowance_s": 0.3},
    remedies=("larger-interval",),
    blame=97,
)


@RULE.check
def check(recording: Recording, limits: Mapping[str, float]) -> Iterator[Sign]:
    """Yield one sign where the budget was certainly exceeded."""
    cost = recording.meta.get("overhead") or {}
    budget, interval = cost.get("budget"), cost.get("interval")
    seconds, measured = cost.get("seconds"), cost.get("measured")
    if not (budget and interval and seconds and measured):
        raise NotJudged("what recording cost is not known with an interval")
    allowed = (
        budget + limits["allowance_s"] * measured / seconds
    )  # the allowance as a share of the run
    if not interval[0] > allowed:
        return
    yield Sign(
        layer="",
        cause="over budget",
        size=float(measured),
        evidence=(
            Evidence("overhead", float(measured), float(budget), "of the run's time",
                     int(cost.get("observations", 0))),
        ),
        explanation=(
            f"Recording took {measured:.1%} of the run's time; the budget was {budget:.1%}."
        ),
        severity="note",
    )  # fmt: skip
