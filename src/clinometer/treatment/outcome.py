"""What one trial came to, by the loss that its remedy was named for, and pairs of two arms of one seed."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from statistics import fmean
from typing import Any, Literal

from clinometer.diagnosis.margins import LATE, MARGIN
from clinometer.stats.trials import outcome

Record = Mapping[str, Any]
# What of a trial is judged: how it ends, what its whole course cost, or what evaluation passes say of it.
Watched = Literal["end", "course", "validation"]
Measure = Literal["wrong", "share", "raw", "course", "validation"]
RAN = frozenset({"steps", "script"})
FAILED = frozenset({"exception", "time", "memory", "died"})
WORST = 1.0  # of an outcome, and of a share of wrong rows
SMOOTHED = 20  # a twentieth of the steps is averaged before a loss is said to have been reached


def losses(record: Record) -> list[float]:
    """Training losses after the moment, of the steps that told one.

    What is not finite is named in a record: "nan", "inf", "-inf".
    """
    return [float(one) for one in record.get("losses") or () if one is not None]


def late(values: Sequence[float]) -> float:
    """Mean of the last quarter; inf where any of it is not finite, nan for nothing.

    >>> late([9.0, 9.0, 9.0, 2.0]), late([1.0, float("nan")]), late([])
    (2.0, inf, nan)
    """
    if not values:
        return math.nan
    window = values[-max(1, len(values) // LATE) :]
    return fmean(window) if all(map(math.isfinite, window)) else math.inf


def early(values: Sequence[float]) -> float:
    """Mean of the first quarter; nan where it is not finite or there is none."""
    return finite_mean(values[: max(1, len(values) // LATE)])


def has_failed(record: Record) -> bool:
    """Whether the trial broke off by a fault of its own: an exception, its limits, its death."""
    return record.get("ended") in FAILED


def counts(record: Record) -> bool:
    """Whether a trial can be held against others: it was watched, or it failed."""
    return has_failed(record) or (record.get("ended") in RAN and bool(record.get("losses")))


def wrong(record: Record) -> float:
    """Share of wrong rows in the late steps that were observed; nan where none was, 1 for a failed trial."""
    if has_failed(record):
        return WORST
    told = record.get("right") or ()
    window = [one for one in told[-max(1, len(told) // LATE) :] if one is not None]
    return 1.0 - fmean(window) if window else math.nan


def late_validation(record: Record) -> float:
    """Mean loss of the last quarter of the evaluation passes; nan where there is none."""
    return late([float(loss) for _step, loss in record.get("validation") or ()])


def has_new_loss(record: Record, new_loss: Collection[str]) -> bool:
    """Whether the loss of this arm is another quantity than the script's."""
    return record.get("remedy") in new_loss


def measure_of(
    pairs: Sequence[tuple[Record, Record]],
    new_loss: Collection[str],
    watched: Watched = "end",
    alone: Sequence[tuple[Record, Record]] = (),
) -> Measure:
    """How pairs of arms are compared: by losses, unless they are different quantities or below 0.

    Losses of different quantities are compared by shares of wrong rows. Where next to none is wrong with the
    arm and with doing nothing (`alone`, the pairs of these two), rows cannot tell, and each loss is held
    against its own level. Some below 0 have no common zero: then shares are compared in the pairs that tell
    them.
    """
    if watched == "validation":
        return "validation"
    apart = any(not is_same_quantity(a, b, new_loss) or has_new_loss(a, new_loss) for a, b in pairs)
    shares = [wrong(one) for pair in pairs for one in pair]
    left = max((wrong(one) for pair in alone or pairs for one in pair), default=WORST)
    if apart and left > MARGIN and not any(map(math.isnan, shares)):
        return "wrong"
    every = [losses(one) for pair in pairs for one in pair]
    below = any(
        late(one) < 0 or (watched == "course" and min(one, default=0.0) < 0) for one in every
    )
    if below:
        return "wrong" if apart else "raw"
    return "course" if watched == "course" else "share"


def is_same_quantity(one: Record, other: Record, new_loss: Collection[str]) -> bool:
    """Whether the losses of both can be held against each other as they are."""
    changed = has_new_loss(one, new_loss) != has_new_loss(other, new_loss)
    return not changed and same_loss(one, other)


def same_loss(one: Record, other: Record) -> bool:
    """Whether both are of the same name, as far as both tell it."""
    names = one.get("loss"), other.get("loss")
    return None in names or names[0] == names[1]


def levels(
    arm: Record, control: Record, reference: float | None, new_loss: Collection[str]
) -> tuple[float, float] | None:
    """No-information levels of both: of the script's own loss `reference`, else what they tell themselves."""
    own, other = _level(arm), _level(control)
    if not is_same_quantity(arm, control, new_loss):
        return (own, other) if own is not None and other is not None else None
    listed = (other, own, reference) if has_new_loss(arm, new_loss) else (reference, other, own)
    known = next((one for one in listed if one is not None), None)
    return (known, known) if known is not None else None


def _level(record: Record) -> float | None:
    level = record.get("no_information")
    return float(level) if level is not None and level > 0 else None


def improvement(
    arm: Record,
    control: Record,
    how: Measure,
    reference: float | None,
    new_loss: Collection[str] = (),
) -> float | None:
    """How much better the arm ended than the control, above 0 for better; None where it cannot be told.

    By "share": difference of the outcomes; by "course": of their means over all steps; by "validation": of
    the outcomes of the late validation losses; by "wrong": of shares of wrong rows; by "raw": of the
    losses, and infinite where one of them failed or is not finite.
    """
    if how == "wrong":
        found = wrong(control) - wrong(arm)
        return None if math.isnan(found) else found
    if how == "validation":
        return _validation_gain(arm, control)
    own, other = (math.inf if has_failed(one) else late(losses(one)) for one in (arm, control))
    if own == other == math.inf and how != "course":
        return 0.0
    if how == "raw":
        return other - own
    level = levels(arm, control, reference, new_loss)
    if level is None:
        return None
    if how == "course":
        return cost(control, level[1]) - cost(arm, level[0])
    return outcome(other, level[1]) - outcome(own, level[0])


def cost(record: Record, level: float) -> float:
    """Mean outcome over all steps: what a spike costs lies between the ends; 1 for a failed trial."""
    told = losses(record)
    return fmean(outcome(one, level) for one in told) if told and not has_failed(record) else WORST


def _validation_gain(arm: Record, control: Record) -> float | None:
    """Difference of the outcomes of late validation losses; None where a pass or the level is missing."""
    known = [one["validation_level"] for one in (arm, control) if one.get("validation_level")]
    own, other = (math.inf if has_failed(one) else late_validation(one) for one in (arm, control))
    if not known or math.isnan(own) or math.isnan(other):
        return None
    return outcome(other, known[0]) - outcome(own, known[0])


def reference_of(arms: Sequence[Record]) -> float | None:
    """The no-information level of one seed's trials, as doing nothing tells it, else the sham.

    Where none does, the loss that they began with: doing nothing's, or the median of the others'.
    """
    told = [level for kind in ("nothing", "sham") for one in arms
            if one.get("kind") == kind and (level := _level(one)) is not None]  # fmt: skip
    if told:
        return told[0]
    first = {str(one.get("kind")): early(losses(one)) for one in arms}
    nothing = first.get("nothing", math.nan)
    if nothing > 0:
        return nothing
    others = sorted(value for one in arms if (value := early(losses(one))) > 0)
    return others[len(others) // 2] if others else None


def steps_to_match(arm: Sequence[float], target: float) -> int | None:
    """Steps after which the smoothed loss stays at or below a loss; None where it never does.

    >>> steps_to_match([4.0, 3.0, 2.0, 1.0, 1.0], 2.0)
    3
    """
    window = max(1, len(arm) // SMOOTHED)
    smooth = [finite_mean(arm[k - window : k]) for k in range(window, len(arm) + 1)]
    above = [k for k, value in enumerate(smooth, window) if not value <= target]
    last = above[-1] if above else window - 1
    return last + 1 if last < len(arm) else None


def finite_mean(window: Sequence[float]) -> float:
    """Mean of a window; nan where it is not finite or empty."""
    return fmean(window) if window and all(map(math.isfinite, window)) else math.nan
