"""Step too small: over the whole run the weights hardly move, or the learning rate is gone.

Sees      A run that learned next to nothing, in which no weight matrix got farther than 1 % of its own size
          from where it started, and no bias or gain farther than 0.01; or whose learning rate was, through
          the second half, less than 1 % of what it had been.
Matters   Nothing was learned because nothing was changed.
Not this  Wide networks, which learn with small relative motion (their loss falls); runs that have learned;
          gradients that are lost on the way (their own rules speak, and lead); runs that no optimizer steps.
Limits    distance: 1 %, what this project takes as practically nothing. Where nothing is learned steps point
          anywhere, and N steps of path length s in all get as far as s / sqrt(N). rate: 1 % of the largest.
Source    Chizat et al. (2019), NeurIPS, on lazy training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from clinometer.diagnosis.margins import BLOCKS
from clinometer.diagnosis.rule import Evidence, Rule, Sign
from clinometer.diagnosis.updates import Update, path_length
from clinometer.records.recording import Recording

RULE = Rule(
    code="FLOW302",
    name="step-too-small",
    reads=("recording", "updates", "motion", "symptom"),
    limits={"distance": 0.01, "rate": 0.01},
    remedies=("raise-rate", "change-optimizer", "smaller-epsilon"),
    blame=18,
    explains=("FLOW502",),
)


@RULE.check
def check(
    recording: Recording,
    updates: list[Update],
    motion: Mapping[str, float],
    symptom: str,
    limits: Mapping[str, float],
) -> Iterator[Sign]:
    """Yield one sign for the weight that got farthest, if even that is next to nothing."""
    if symptom == "note":
        return
    distances = _distances(recording, updates, motion)
    if distances:
        update, distance = max(distances, key=lambda pair: pair[1])
        if distance < limits["distance"] and np.nanmax(update.gradient, initial=0.0) > 0:
            yield _small(update, distance, recording.steps, symptom, limits["distance"])
            return
    rates = recording.scalars["lr"]
    rates = rates[np.isfinite(rates)]
    if len(rates) >= 2 * BLOCKS and np.max(rates) > 0:
        left = float(np.median(rates[len(rates) // 2 :]) / np.max(rates))
        if left < limits["rate"]:
            yield _gone(left, float(np.max(rates)), len(rates), symptom, limits["rate"])


def _distances(
    recording: Recording, updates: list[Update], motion: Mapping[str, float]
) -> list[tuple[Update, float]]:
    """How far each tensor got: a matrix against its own size, a bias or gain against 1.

    A tensor that starts at 0 has no size of its own, and one that no optimizer steps has no step.
    """
    spread, found = float(np.sqrt(max(recording.steps, 1))), []
    for update in updates:
        if not np.isfinite(update.rate).any():
            continue
        if update.is_matrix and update.first > 0 and update.name in motion:
            found.append((update, motion[update.name] / spread))
        elif len(update.shape) == 1 and (known := np.isfinite(update.stored)).any():
            length = path_length(recording.observed[known], update.stored[known], recording.steps)
            found.append((update, length / spread))
    return found


def _small(update: Update, distance: float, steps: int, severity: str, limit: float) -> Sign:
    rate = update.rate[~np.isnan(update.rate)]
    typical = float(np.median(rate)) if len(rate) else float("nan")
    return Sign(
        layer=update.layer,
        cause="optimizer gain",
        size=-float(np.log10(max(distance, 1e-30) / limit)),
        evidence=(
            Evidence(
                "distance of the tensor that moved most", distance, limit, "of its size", steps
            ),
            Evidence("learning rate, median", typical, None, "-", len(rate)),
        ),
        explanation=(
            f"In {steps} steps no weight got farther than about {distance:.1e} of its own size "
            f"({update.name}): the steps are too small to change anything"
            + (f" (learning rate {typical:.2g})." if len(rate) else ".")
        ),
        severity=severity,
    )


def _gone(left: float, largest: float, steps: int, severity: str, limit: float) -> Sign:
    return Sign(
        layer="",
        cause="optimizer gain",
        size=-float(np.log10(max(left, 1e-30) / limit)),
        evidence=(
            Evidence("learning rate in the second half", left, limit, "of the largest", steps),
            Evidence("largest learning rate", largest, None, "-", steps),
        ),
        explanation=(
            f"Through the second half of the run the learning rate was {left:.1e} of what it had been "
            f"({largest:.2g}): the schedule ended the training before anything was learned."
        ),
        severity=severity,
    )
