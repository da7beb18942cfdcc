"""Loss spike: for a moment the loss leaps above what a constant guess would cost.

Sees      Single steps whose loss, far outside the noise of its neighbours, is more than twice the loss to
          beat (the no-information level, or the first loss), in a run that was below it before and after.
Matters   One corrupt batch, or one step too large, undoes many good ones; its gradient outweighs theirs.
Not this  The noise of small batches; a loss that rises slowly (a harder curriculum, a cyclic rate); the
          first steps of a run.
Limits    height: twice the loss to beat. deviations: 8 median deviations of the neighbours' log loss.
Source    Chowdhery et al. (2023), JMLR 24(240), section 5.1 (loss spikes, and batches that are left out).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from clinometer.diagnosis.course import BLOCKS, Course
from clinometer.diagnosis.rule import Evidence, NotJudged, Rule, Sign
from clinometer.records.recording import Recording
from clinometer.stats.spikes import spikes

RULE = Rule(
    code="FLOW503",
    name="loss-spike",
    reads=("recording", "course", "state"),
    limits={"height": 2.0, "deviations": 8.0},
    remedies=("inspect-batch", "clip-gradient", "lower-rate"),
    blame=40,
    explains=("FLOW502",),
)


@RULE.check
def check(
    recording: Recording, course: Course, state: str, limits: Mapping[str, float]
) -> Iterator[Sign]:
    """Yield one sign for the highest spike."""
    seen = recording.loss_seen
    losses, steps = recording.loss[seen], recording.step[seen]
    if len(losses) < 4 * BLOCKS or not course.reference:
        raise NotJudged("too few losses were seen to tell a spike from noise")
    places = spikes(losses, limits["deviations"]).tolist()
    bound = limits["height"] * max(abs(course.reference), abs(course.first or 0.0))
    found = [at for at in places if losses[at] > bound and at >= BLOCKS]
    if not found:
        return
    highest = max(found, key=lambda at: losses[at])
    yield Sign(
        layer="",
        cause="loss spike",
        size=float(np.log10(losses[highest] / bound)),
        evidence=(
            Evidence(
                "loss in the spike", float(losses[highest]), float(bound), "loss", len(losses)
            ),
            Evidence("spikes", float(len(found)), 0.0, "steps", len(losses)),
        ),
        explanation=(
            f"At step {steps[highest]} the loss leapt to {losses[highest]:.4g}, "
            f"{losses[highest] / abs(course.reference):.1f} times the loss to beat, from about "
            f"{np.median(losses[max(highest - BLOCKS, 0) : highest]):.4g} before. Look at that batch."
        ),
        severity={"stuck": "error", "diverged": "note"}.get(state, "warning"),
    )
