"""What an arm and doing nothing came to, in units of their own: losses, the blamed factor, steps."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from statistics import fmean, median

from clinometer.records.treatment import Measured
from clinometer.stats.trials import mean_difference
from clinometer.treatment import outcome as told
from clinometer.treatment.outcome import Record

UNITS = {
    **dict.fromkeys(("cross_entropy", "binary_cross_entropy", "nll_loss"), "nat"),
    "squared_error": "squared units",
    "absolute_error": "units",
}


def _comparable(pairs: Sequence[tuple[Record, Record]], new_loss: Collection[str]) -> bool:
    """Whether losses of both arms are of the same quantity in every pair."""
    return bool(pairs) and all(
        told.same_loss(a, b)
        and not told.has_new_loss(a, new_loss)
        and not told.has_new_loss(b, new_loss)
        for a, b in pairs
    )


def loss(pairs: Sequence[tuple[Record, Record]], new_loss: Collection[str]) -> Measured | None:
    """The late training loss of both; None where the two are different quantities."""
    if not _comparable(pairs, new_loss):
        return None
    both = [(told.late(told.losses(b)), told.late(told.losses(a))) for a, b in pairs]
    both = [pair for pair in both if not any(map(math.isnan, pair))]
    return _measured(both, UNITS.get(str(pairs[0][1].get("loss")), ""))


def validation(pairs: Sequence[tuple[Record, Record]]) -> Measured | None:
    """The late validation loss of both, which another loss of the training leaves as the script has it."""
    both = [(told.late_validation(b), told.late_validation(a)) for a, b in pairs]
    both = [pair for pair in both if not any(map(math.isnan, pair))]
    return _measured(both, UNITS.get(str(pairs[0][1].get("loss")), "") if pairs else "")


def factor(pairs: Sequence[tuple[Record, Record]]) -> Measured | None:
    """The blamed factor; the difference is arm less nothing, so that more passing is above 0."""
    names = [str(name) for arm, _ in pairs if (name := (arm.get("factor") or {}).get("name"))]
    return _decades(pairs, "value", f"decades of {names[0]}" if names else "decades")


def arriving(pairs: Sequence[tuple[Record, Record]]) -> Measured | None:
    """The gradient at the output of the blamed layer, over that at the logits; as `factor`."""
    return _decades(pairs, "arriving", "decades")


def _decades(pairs: Sequence[tuple[Record, Record]], key: str, unit: str) -> Measured | None:
    both = []
    for arm, nothing in pairs:
        values = [(one.get("factor") or {}).get(key) for one in (nothing, arm)]
        if None not in values:
            both.append((-float(values[0]), -float(values[1])))  # type: ignore[arg-type]
    found = _measured(both, unit)
    return found and Measured(found.difference, -found.nothing, -found.arm, found.unit)


def _measured(both: Sequence[tuple[float, float]], unit: str) -> Measured | None:
    """From (nothing, arm) of each seed; None without a pair."""
    if not both:
        return None
    nothing, arm = fmean(pair[0] for pair in both), fmean(pair[1] for pair in both)
    differences = [a - b for a, b in both]
    finite = all(abs(one) < math.inf for one in differences)
    return Measured(mean_difference(differences) if finite else None, nothing, arm, unit)


def match(pairs: Sequence[tuple[Record, Record]], new_loss: Collection[str]) -> int | None:
    """Median steps after which the arm is where doing nothing ended; None where a seed never is."""
    if not _comparable(pairs, new_loss):
        return None
    found = []
    for arm, nothing in pairs:
        steps = told.steps_to_match(told.losses(arm), told.late(told.losses(nothing)))
        if steps is None:
            return None
        found.append(steps)
    return int(median(found))
