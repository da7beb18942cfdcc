"""The comparison's one word: pure logic on numbers that are already known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clinometer.calibration.linear import Proportion
from clinometer.calibration.split import Split
from clinometer.stats.paired import Interval, rows_to_decide

Word = Literal["same separator", "only scale", "better separation", "both", "undecided"]
FEWEST = 10  # rows; below this no interval is trusted


@dataclass(frozen=True)
class Verdict:
    """word; better is "a" or "b" where the verdict favours one; reason and rows say why undecided."""

    word: Word
    better: Literal["a", "b"] | None = None
    reason: str = ""
    rows_to_decide: int | None = None


def judge(line: Proportion, split: Split, n: float, refinement: float, margin: float) -> Verdict:
    """Apply DESIGN's words in order.

    Parameters
    ----------
    n : rows; the effective ones where they are weighted
    refinement : loss of the better model at its best temperature [nat]
    margin : share of it within which separations count as equal [-] (equivalence, not mere
        failure to tell them apart)
    """
    if line.same_separator:
        return Verdict("same separator")
    if n < FEWEST:
        return Verdict(
            "undecided", reason=f"{n:.4g} rows are too few for an interval (at least {FEWEST})"
        )
    separation = split.separation
    if separation.rows is None or split.scale.rows is None:
        why = "both models are right on every row, so these rows cannot rank their separation"
        return Verdict("undecided", reason=why)
    if separation.interval is None:
        why = "fewer than two groups carry weight, so the separation has no interval"
        return Verdict("undecided", reason=why)
    delta = margin * refinement
    equal = _inside(separation.interval, delta)
    if equal and _excludes_zero(split.total):
        return Verdict("only scale", "b" if split.difference > 0 else "a")
    if not equal and _excludes_zero(separation.interval):
        word: Word = "both" if _excludes_zero(split.scale.interval) else "better separation"
        return Verdict(word, "b" if separation.difference > 0 else "a")
    if equal:
        why = "the separations are equal within the margin, and the losses cannot be told apart"
        return Verdict("undecided", reason=why)
    why = "the interval of the separation includes 0 and is too wide to call the separations equal"
    if split.groups is not None:  # more rows of the same groups would not make it narrower
        return Verdict("undecided", None, why)
    return Verdict("undecided", None, why, rows_to_decide(separation.rows, delta, split.weights))


def _excludes_zero(interval: Interval | None) -> bool:
    return interval is not None and (interval[0] > 0.0 or interval[1] < 0.0)


def _inside(interval: Interval | None, delta: float) -> bool:
    return interval is not None and -delta <= interval[0] and interval[1] <= delta
