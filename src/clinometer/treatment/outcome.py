"""What one trial came to: its late loss, and pairs of two arms of one seed."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from statistics import fmean
from typing import Any, Literal

from clinometer.diagnosis.margins import LATE
from clinometer.stats.trials import outcome

Record = Mapping[str, Any]
Measure = Literal["wrong", "share", "raw"]
RAN = frozenset({"steps", "script"})
FAILED = frozenset({"exception", "time", "memory", "died"})
WORST = 1.0  # of an outcome, and of a share of wrong rows
SMOOTHED = 20  # a twentieth of the steps is averaged before a loss is said to have been reached


def losses(record: Record) -> list[float]:
    """Training losses after the moment; what is not finite as such ("nan", "inf", "-inf" in a record)."""
    return [float(one) for one in record.get("losses") or ()]


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
    """Share of wrong rows late in the trial; nan where it was not told, 1 for a failed one."""
    if has_failed(record):
        return WORST
    told = record.get("right") or ()
    window = told[-max(1, len(told) // LATE) :]
    return 1.0 - fmean(window) if window and None not in window else math.nan


def has_new_loss(record: Record, new_loss: Collection[str]) -> bool:
    """Whether the loss of this arm is another quantity than the script's."""
    return record.get("remedy") in new_loss


def measure_of(pairs: Sequence[tuple[Record, Record]], new_loss: Collection[str]) -> Measure:
    """How pairs of arms are compared: by losses, unless they are different quantities or below 0."""
    other = any(
        has_new_loss(a, new_loss) or has_new_loss(b, new_loss) or not same_loss(a, b)
        for a, b in pairs
    )
    if other and not any(math.isnan(wrong(one)) for pair in pairs for one in pair):
        return "wrong"
    below = any(late(losses(one)) < 0 for pair in pairs for one in pair)
    return "raw" if below else "share"


def same_loss(one: Record, other: Record) -> bool:
    """Whether both are of the same name, as far as both tell it."""
    names = one.get("loss"), other.get("loss")
    return None in names or names[0] == names[1]


def levels(
    arm: Record, control: Record, reference: float | None, new_loss: Collection[str]
) -> tuple[float, float] | None:
    """No-information levels of both; where none is known, the loss that doing nothing began with."""
    own = [
        float(level) if (level := one.get("no_information")) is not None and level > 0 else None
        for one in (arm, control)
    ]
    if own[0] is not None and own[1] is not None:
        return own[0], own[1]
    another = has_new_loss(arm, new_loss) != has_new_loss(control, new_loss)
    if another or not same_loss(arm, control):
        return None
    known = next((one for one in (*own, reference) if one is not None), None)
    return (known, known) if known is not None else None


def improvement(
    arm: Record,
    control: Record,
    how: Measure,
    reference: float | None,
    new_loss: Collection[str] = (),
) -> float | None:
    """How much better the arm ended than the control, above 0 for better; None where it cannot be told.

    By "share": difference of the outcomes; by "wrong": of shares of wrong rows; by "raw": of the losses,
    and infinite where one of them failed or is not finite.
    """
    if how == "wrong":
        return wrong(control) - wrong(arm)
    own, other = (math.inf if has_failed(one) else late(losses(one)) for one in (arm, control))
    if how == "raw":
        return 0.0 if own == other else other - own
    if own == other == math.inf:
        return 0.0
    level = levels(arm, control, reference, new_loss)
    if level is None:
        return None
    return outcome(other, level[1]) - outcome(own, level[0])


def reference_of(arms: Sequence[Record]) -> float | None:
    """The loss that the trials of one seed began with: doing nothing's, or the median of the others'."""
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
