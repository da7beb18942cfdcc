"""Rescaled separator: every training row is right, and what still falls is bought by larger weights.

Sees      Since some step every training row that was looked at is right, the loss still falls, and more
          than half of that is the growth of the linear and convolution layers along their own direction.
Matters   The boundary stays where it is and the confidence rises: the chapter's step from model A to B.
          The loss can fall so for ever; a lower loss or a higher confidence is then no evidence of a
          better model.
Not this  A loss that still falls because layers turn (the share tells); a run with rows that are still
          wrong.
Limits    scale: half of the progress, three standard errors sure. Rows seen more than once count each
          time.
Source    Soudry et al. (2018), JMLR 19(70): on separable data the norm grows like log t, the direction
          stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from clinometer.diagnosis.margins import BLOCKS
from clinometer.diagnosis.progress import Progress
from clinometer.diagnosis.rule import Evidence, NotJudged, Rule, Sign
from clinometer.records.recording import Bool, Recording

RULE = Rule(
    code="CONF101",
    name="rescaled-separator",
    reads=("recording", "progress"),
    limits={"scale": 0.5},
    remedies=("stop-earlier", "weight-decay", "smooth-labels"),
    blame=80,
    explains=("CONF102", "CONF203"),
)


@RULE.check
def check(recording: Recording, progress: Progress, limits: Mapping[str, float]) -> Iterator[Sign]:
    """Yield a sign where all rows are right and the progress is mostly scale."""
    since, rows = _all_right(recording)
    if not since.any():
        return
    share = progress.share(since)
    if share is None:
        raise NotJudged(f"fewer than {BLOCKS} steps were observed since all rows are right")
    if not share.progresses or share.least < limits["scale"]:
        return
    first = int(recording.observed[since][0])
    yield Sign(
        layer="",
        cause="scale",
        size=share.scale,
        evidence=(
            Evidence("scale", share.scale, limits["scale"], "of the progress", share.n),
            Evidence("right", 1.0, None, "of the training rows", rows),
        ),
        explanation=(
            f"All {rows} training rows seen since step {first} are right, and {share.scale:.0%} "
            f"(standard error {share.error:.0%}) of what the loss still gains is scale: the weights grow, "
            "the boundary hardly turns. The confidence rises without new evidence."
        ),
        severity="note",
    )


def _all_right(recording: Recording) -> tuple[Bool, int]:
    """(observations since the last one with a wrong row, training rows seen in them)."""
    if len(recording.of_kind("loss")) != 1 or not len(recording.observed):
        raise NotJudged(
            "which training rows are right was not seen (one loss term that compares labels)"
        )
    right = recording.column("loss", "right")[:, 0]
    known = ~np.isnan(right)
    if not known.any():
        raise NotJudged("which training rows are right was not seen")
    wrong = np.flatnonzero(known & (right < 1))
    since = known & (np.arange(len(right)) > (wrong[-1] if len(wrong) else -1))
    rows = float(np.nansum(recording.column("loss", "examples")[since, 0]))
    if not np.isfinite(rows):
        raise NotJudged("how many training rows were seen is not known")
    return np.asarray(since), int(rows)
