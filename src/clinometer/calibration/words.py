"""Numbers in words: counts, confidences as near 1 as they are claimed, and the verdict's sentence."""

from __future__ import annotations

import math

from clinometer.calibration.earned import Claim
from clinometer.calibration.linear import Proportion
from clinometer.calibration.split import Split
from clinometer.calibration.verdict import Verdict

COUNTS = "no one two three four five six seven eight nine ten eleven twelve".split()


def count(n: int, thing: str = "point") -> str:
    """Count of things, in words up to twelve.

    >>> count(2), count(1), count(1500)
    ('two points', 'one point', '1,500 points')
    """
    number = COUNTS[n] if n < len(COUNTS) else f"{n:,}"
    return f"{number} {thing}" if n == 1 else f"{number} {thing}s"


def confidence_text(error: float) -> str:
    """1 - error with as many digits as the claim has nines.

    >>> confidence_text(0.1666667), confidence_text(2.0611536e-9), confidence_text(4e-30)
    ('0.83', '0.999999998', '1 - 4e-30')
    """
    if error <= 0.0:
        return "1"
    if error < 1e-15:
        return f"1 - {error:.1g}"
    digits = max(2, math.ceil(-math.log10(error)))
    return f"{1.0 - error:.{digits}f}"


def times(scale: float) -> str:
    """A factor, as a reader says it: `10 times`."""
    return f"{scale:.4g} times"


def because(verdict: Verdict, line: Proportion, split: Split, a: Claim, b: Claim) -> str:
    """The sentence that carries the verdict."""
    if verdict.word == "same separator":
        return f"{_same(line, split)}; {_support(split, a, b)}."
    parts = _parts(split)
    if verdict.word == "undecided":
        exchanged = "B is A with its sides exchanged; " if line.labels_exchanged else ""
        more = (
            f"; about {verdict.rows_to_decide:,} rows would decide"
            if verdict.rows_to_decide
            else ""
        )
        return f"Undecided: {exchanged}{verdict.reason}{more} ({parts}){_sure_scale(split)}."
    better = "AB"[verdict.better == "b"]
    if verdict.word == "only scale":
        return f"{better}'s lower loss is scale only; {_support(split, a, b)} ({parts})."
    also = ", and the scales differ too" if verdict.word == "both" else ""
    return f"{better} separates the classes better{also} ({parts})."


def _sure_scale(split: Split) -> str:
    """What is certain all the same: whose scale costs more."""
    ends = split.scale.interval
    if ends is None or ends[0] <= 0.0 <= ends[1]:
        return ""
    worse = "A" if split.scale.difference > 0.0 else "B"
    least, most = sorted((abs(ends[0]), abs(ends[1])))
    return f"; what is sure is that {worse}'s scale costs it {least:.2g} to {most:.2g} nat more"


def _same(line: Proportion, split: Split) -> str:
    where = "" if line.basis == "weights" else " on these data"
    scale = line.scale or 0.0
    if abs(scale - 1.0) <= line.tolerance:
        return f"Same separator{where} at the same scale: A and B are one model"
    steeper = f"B is {times(scale)} A" if scale > 1.0 else f"A is {times(1.0 / scale)} B"
    if split.difference == 0.0:
        return f"Same separator{where} ({steeper}), and the losses are equal"
    return f"Same separator{where} ({steeper}); {_lower(split)}'s lower loss is scale only"


def _lower(split: Split) -> str:
    return "B" if split.difference > 0.0 else "A"


def _support(split: Split, a: Claim, b: Claim) -> str:
    """What the rows support, beside what the model of lower loss claims."""
    model = b if split.difference > 0.0 else a
    if model.confidence is None:
        return f"every logit ties, so {count(model.n)} support nothing"
    earned, claimed = confidence_text(1.0 - model.confidence), confidence_text(model.error)
    far = model.error < 0.5 * (1.0 - model.confidence)  # the claim more than halves the error
    return f"{count(model.n)} support {earned}, {'not' if far else 'and it claims'} {claimed}"


def _parts(split: Split) -> str:
    return (
        f"loss A - B = {split.difference:.4g} nat: separation {split.separation.difference:.4g}, "
        f"scale {split.scale.difference:.4g}"
    )
