"""Unproven confidence: the network claims fewer errors than the rows it was seen on can support.

Sees      Not one row was wrong, and the mean claimed error is below 1 / (2 n + 2), what n faultless rows
          earn.
Matters   n faultless observations support log-odds of ln(2 n + 1) at most; whatever is claimed beyond is
          the scale of the weights, not evidence.
Not this  A claim that wrong rows refute (CONF201); a network that is not sure.
Limits    None but the count: rows of the latest evaluation pass; of the late training steps where no pass
          was seen, each counted as often as it came, which is generous.
Source    Krichevsky & Trofimov (1981), IEEE Trans. Inf. Theory 27(2); Jeffreys' prior for a rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import log1p

import numpy as np

from clinometer.diagnosis.quantities import late_observations
from clinometer.diagnosis.rule import Evidence, NotJudged, Rule, Sign
from clinometer.diagnosis.validation import validation
from clinometer.records.recording import Recording

RULE = Rule(
    code="CONF203",
    name="unproven-confidence",
    reads=("recording",),
    limits={},
    remedies=("more-rows", "fit-temperature", "weight-decay"),
    blame=82,
)
RESOLUTION = 2.0**-24  # float32: a smaller error has rounded to a probability of 1


@RULE.check
def check(recording: Recording, limits: Mapping[str, float]) -> Iterator[Sign]:
    """Yield a sign where all rows are right and more is claimed than that earns."""
    rows, wrong, error, which = _seen(recording)
    earned = 1 / (2 * rows + 2)
    if wrong > 0 or not error < earned:
        return
    told = f"{error:.1e}" if error >= RESOLUTION else f"below {RESOLUTION:.0e}"
    yield Sign(
        layer="",
        cause="claim",
        size=float(np.log10(earned / max(error, RESOLUTION))),
        evidence=(Evidence("claimed error", error, earned, "of the rows", rows),),
        explanation=(
            f"All {rows} {which} rows are right, and the network claims an error of {told} a row. So many "
            f"faultless rows earn {earned:.1e} (log-odds of {log1p(2 * rows):.1f}): the rest is unproven."
        ),
        severity="note",
    )


def _seen(recording: Recording) -> tuple[int, float, float, str]:
    """(rows, share wrong, mean claimed error, which rows these are)."""
    known = validation(recording)
    if known is not None:
        fit = known.last.fit
        return fit.rows, fit.wrong, fit.error, "evaluated"
    if len(recording.of_kind("loss")) != 1 or not len(recording.observed):
        raise NotJudged("neither evaluated rows nor one loss term that compares labels was seen")
    late = late_observations(recording, None)
    right, error, examples = (
        recording.column("loss", name)[late, 0] for name in ("right", "claimed_error", "examples")
    )
    here = np.isfinite(right) & np.isfinite(error) & np.isfinite(examples) & (examples > 0)
    if not here.any():
        raise NotJudged("the confidence on training rows was not observed")
    rows = examples[here]
    share, mean = (float(np.average(column[here], weights=rows)) for column in (1 - right, error))
    return int(rows.sum()), share, mean, "training"
