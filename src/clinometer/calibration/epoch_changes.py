"""What changed from an earlier epoch to the last one: loss, refinement and scale, paired row by row."""

from __future__ import annotations

from collections.abc import Sequence

from clinometer.calibration.checkpoints import Rows
from clinometer.calibration.epochs import Epoch, Seen
from clinometer.calibration.run_view_result import AllRight, Part, Since
from clinometer.calibration.split import split_loss
from clinometer.stats.clusters import cluster_interval, cluster_temperature
from clinometer.stats.gaps import Array, logit_gaps
from clinometer.stats.paired import paired_interval


def change(
    best: tuple[int, Seen] | None, last: int, now: Seen | None, rows: Rows | None, alpha: float
) -> Since | None:
    """The change with intervals: at the best temperature the row losses are the influence function.

    None where the best epoch is the last, or the last is not finite.
    """
    if best is None or now is None or rows is None or best[0] == last:
        return None
    at, then = best

    def part(value_now: float | None, value_then: float | None, paired: Array) -> Part:
        assert value_now is not None
        assert value_then is not None
        interval = (
            paired_interval(paired, alpha, rows.weights)
            if rows.codes is None
            else cluster_interval(paired, rows.codes, alpha, rows.weights)
        )
        return Part(value_now - value_then, interval)

    loss, refinement = now.fit.given - then.fit.given, now.fit.rows - then.fit.rows
    late, early = now.epoch, then.epoch
    return Since(
        at,
        part(late.loss, early.loss, loss),
        part(late.refinement, early.refinement, refinement),
        part(late.scale, early.scale, loss - refinement),
    )


def surely_above_one(now: Seen | None, rows: Rows | None, alpha: float) -> bool | None:
    """Whether the interval of the temperature lies above 1; None where there is no interval."""
    if now is None or rows is None or now.fit.status != "finite":
        return None
    if rows.codes is None:
        ends = now.fit.beta_interval(alpha)
    else:
        gaps = logit_gaps(now.gaps.logits, now.gaps.labels)
        found = cluster_temperature(gaps, rows.codes, now.fit, rows.weights, alpha)
        ends = None if found is None else found.beta
    return None if ends is None else ends[1] < 1.0


def lowest(epochs: Sequence[Epoch], part: str) -> int | None:
    """Number of the first epoch with the lowest value; None where no epoch has one."""
    values = [getattr(epoch, part) for epoch in epochs]
    judged = [value for value in values if value is not None]
    return values.index(min(judged)) if judged else None


def change_of_points(epochs: Sequence[Epoch], at: int | None) -> Since | None:
    """The change without rows; None where either end is not judged, or both are one."""
    if at is None or at == len(epochs) - 1:
        return None
    then, now = epochs[at], epochs[-1]
    parts: list[Part] = []
    for name in ("loss", "refinement", "scale"):
        early, late = getattr(then, name), getattr(now, name)
        if early is None or late is None:
            return None
        parts.append(Part(late - early, None))
    return Since(at, *parts)


def all_right(
    first: tuple[int, Seen] | None, last: int, now: Seen | None, rows: Rows | None
) -> AllRight | None:
    """The loss that fell since every row was right, as scale and direction (matched scale)."""
    if first is None or now is None or rows is None or first[0] == last:
        return None
    at, then = first
    split = split_loss(then.gaps, now.gaps, then.fit, now.fit, weights=rows.weights)
    return AllRight(at, last, split)
