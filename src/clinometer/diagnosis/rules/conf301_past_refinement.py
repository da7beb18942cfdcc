"""Past refinement: since its best pass the evaluation loss has risen, and what it lost is named.

Sees      The latest evaluation pass against the one of the least loss, on the same rows: whether the loss
          rose, and whether the loss after each pass' own best temperature (the refinement) rose with it.
Matters   A rise that a temperature takes away has cost no separation: overconfident, not overfitted. One
          that it does not is separation lost: the earlier weights tell the rows apart better.
Not this  The least of many passes is always a little below the last; passes over other rows, or in
          another order.
Limits    Rises of three standard errors, of pairs of rows, and of 1 % (risen) of the refinement. lost: for a
          warning 10 % of it, and 1 % of ln K (learnable).
Source    Berta et al. (2025), arXiv 2501.19195 (refine, then calibrate); Guo et al. (2017), ICML, PMLR
          70.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from clinometer.diagnosis.margins import MARGIN, SURE
from clinometer.diagnosis.rule import Evidence, NotJudged, Rule, Sign
from clinometer.diagnosis.validation import Validation, level
from clinometer.records.evaluation import Change

RULE = Rule(
    code="CONF301",
    name="past-refinement",
    reads=("validation",),
    limits={"risen": MARGIN, "lost": 0.1, "learnable": MARGIN},
    remedies=("stop-earlier", "fit-temperature", "weight-decay"),
    blame=71,
    explains=("CONF201",),
)


@RULE.check
def check(validation: Validation, limits: Mapping[str, float]) -> Iterator[Sign]:
    """Yield a sign where the loss of the latest pass is above its least, and say which part of it rose."""
    change, fit = validation.last.change, validation.last.fit
    if change is None or fit.refinement is None:
        raise NotJudged(
            "no two evaluation passes over the same rows, both with a best temperature, were seen"
        )
    before = fit.refinement - change.refinement
    known = _risen(change.loss, change.loss_error, before, limits["risen"])
    lost = known and _risen(change.refinement, change.refinement_error, before, limits["risen"])
    best = fit.refinement - change.risen
    past = _risen(change.risen, change.risen_error, best, limits["risen"])
    overconfident = fit.temperature is None or fit.temperature > 1
    if not past and not (known and (lost or overconfident)):
        return
    cause = "lost separation" if lost else "past refinement" if past else "scale"
    share = (change.refinement if lost else change.risen if past else change.loss) / before
    grave = lost and share >= limits["lost"]
    grave = grave and change.refinement >= limits["learnable"] * level(validation.last)
    yield Sign(
        layer="",
        cause=cause,
        size=share,
        evidence=(
            Evidence("rise of the loss", change.loss, SURE * change.loss_error, "nat", fit.rows),
            Evidence("rise of the refinement", change.refinement, SURE * change.refinement_error,
                     "nat", fit.rows),
            Evidence("rise since the best refinement", change.risen, SURE * change.risen_error,
                     "nat", fit.rows),
        ),
        explanation=_told(change, fit.loss, cause),
        severity="warning" if grave else "note",
    )  # fmt: skip


def _risen(rise: float, error: float, before: float, margin: float) -> bool:
    """Whether a rise is beyond doubt, and beyond what nobody would notice."""
    return rise > SURE * error and rise >= margin * before


def _told(change: Change, loss: float, cause: str) -> str:
    rose = f"Since step {change.since} the evaluation loss went from {loss - change.loss:.3g} to {loss:.3g}"
    if cause == "lost separation":
        return (
            f"{rose}, and {change.refinement:.3g} of that no temperature takes away: separation was lost. "
            "Stop there."
        )
    if cause == "past refinement":
        return (
            f"{rose}. With the best temperature of each pass the loss was least at step {change.best}, by "
            f"{change.risen:.3g} (standard error {change.risen_error:.1g}): stop there, then fit one."
        )
    return (
        f"{rose}; after the best temperature of each pass it changed by {change.refinement:+.2g} (standard "
        f"error {change.refinement_error:.1g}): overconfident, not overfitted."
    )
