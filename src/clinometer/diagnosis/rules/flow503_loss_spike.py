"""Loss spike: for a moment the loss leaps above what a constant guess would cost, and learning is undone.

Sees      Single steps whose loss, far outside the noise of its neighbours, is more than twice the loss to
          beat (the no-information level, or the first loss), after which the loss has come at least half
          of the way back to it within 64 steps (a momentum may carry the damage on).
Matters   One corrupt batch, or one step too large, undoes many good ones; its gradient outweighs theirs.
Not this  The noise of small batches; a moderate spike that leaves no trace (a note); a loss that rises
          slowly (a harder curriculum, a cyclic rate); a new task, whose loss stays high until it is learned,
          or whose parameters are others; the first steps of a run.
Limits    height: twice the loss to beat, and twice the next loss; below the former again within 8 steps.
          deviations: 8 median deviations of the neighbours' log loss. undone: half of what had been learned,
          or a loss of a hundred times the one to beat: no batch of the same data can cost that.
Source    Chowdhery et al. (2023), JMLR 24(240), section 5.1 (loss spikes, and batches that are left out).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from clinometer.diagnosis.course import Course
from clinometer.diagnosis.margins import BLOCKS
from clinometer.diagnosis.rule import Evidence, NotJudged, Rule, Sign
from clinometer.records.recording import Float64, Recording
from clinometer.stats.spikes import spikes

RULE = Rule(
    code="FLOW503",
    name="loss-spike",
    reads=("recording", "course", "state"),
    limits={"height": 2.0, "deviations": 8.0, "undone": 0.5, "extreme": 100.0},
    remedies=("inspect-batch", "clip-gradient", "lower-rate"),
    blame=40,
    explains=("FLOW502", "FLOW101", "FLOW102", "FLOW201"),  # it learned before: they came after
)


@RULE.check
def check(
    recording: Recording, course: Course, state: str, limits: Mapping[str, float]
) -> Iterator[Sign]:
    """Yield one sign for the spike that undid most."""
    seen = recording.loss_seen
    losses, steps = recording.loss[seen], recording.step[seen]
    if len(losses) < 4 * BLOCKS or not course.reference:
        raise NotJudged("too few losses were seen to tell a spike from noise")
    bound = limits["height"] * max(abs(course.reference), abs(course.first or 0.0))
    found = [
        at
        for at in spikes(losses, limits["deviations"]).tolist()
        if losses[at] > bound
        and at >= BLOCKS
        and np.all(losses[at] > limits["height"] * losses[at + 1 : at + 2])
        and np.any(losses[at + 1 : at + 1 + BLOCKS] < bound)
        and not _another_phase(recording, int(steps[at]))
    ]
    if not found:
        return
    worst = max(found, key=lambda at: (_undone(losses, at, course.reference or 0.0), losses[at]))
    undone = _undone(losses, worst, course.reference)
    extreme = losses[worst] > limits["extreme"] / limits["height"] * bound
    grave = {"stuck": "error", "diverged": "note"}.get(state, "warning")
    yield Sign(
        layer="",
        cause="loss spike",
        size=float(np.log10(losses[worst] / bound)),
        evidence=(
            Evidence("loss in the spike", float(losses[worst]), float(bound), "loss", len(losses)),
            Evidence("undone", undone, limits["undone"], "of what had been learned", BLOCKS**2),
            Evidence("spikes", float(len(found)), 0.0, "steps", len(losses)),
        ),
        explanation=(
            f"At step {steps[worst]} the loss leapt to {losses[worst]:.4g}, "
            f"{losses[worst] / abs(course.reference):.1f} times the loss to beat, from about "
            f"{np.median(losses[worst - BLOCKS : worst]):.4g} before. Look at that batch."
        ),
        severity=grave if undone >= limits["undone"] or extreme else "note",
        step=int(steps[worst]),
    )


def _undone(losses: Float64, at: int, reference: float) -> float:
    """Share of what had been learned before the spike that is gone after it; at least 0."""
    before = float(np.median(losses[at - BLOCKS : at]))
    ahead = losses[at + 1 : at + 1 + BLOCKS * BLOCKS]
    blocks = [ahead[i : i + BLOCKS] for i in range(0, len(ahead), BLOCKS)]
    after = max((float(np.median(block)) for block in blocks), default=before)
    learned = reference - before
    return max(after - before, 0.0) / learned if learned > 0 else 0.0


def _another_phase(recording: Recording, step: int) -> bool:
    """Whether the optimizer owns other parameters after the spike than before it."""
    if not recording.of_kind("parameter") or not len(recording.observed):
        return False
    owned = recording.column("parameter", "owned") == 1
    before, after = owned[recording.observed < step], owned[recording.observed >= step]
    return len(before) > 0 and len(after) > 0 and not np.array_equal(before[-1], after[0])
