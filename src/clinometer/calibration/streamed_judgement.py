"""From running sums to a verdict, by the same rules as for rows in memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from clinometer.calibration.claims import Record, Rows, errors_by_group, refuted_classes
from clinometer.calibration.confidence_verdict import decide
from clinometer.calibration.confidence_words import sentence
from clinometer.calibration.streamed_result import Price, Streamed, StreamedGroup
from clinometer.stats.binomial import clopper_pearson, guarantee, points_needed
from clinometer.stats.claimed_rate import judged, practical_limits
from clinometer.stats.running_fit import RunningFit
from clinometer.stats.temperature_sums import TemperatureSums

NEEDS_ROWS = "needs all rows at once: judge a sample of them in memory"
NOT_JUDGED = (
    ("surest_tenth", NEEDS_ROWS),
    ("loss.shift", NEEDS_ROWS),
    ("loss.shape", NEEDS_ROWS),
    ("earned.confidence", NEEDS_ROWS),
    ("earned.temperature", NEEDS_ROWS),
)


def judge_sums(
    whole: TemperatureSums,
    groups: dict[str, TemperatureSums],
    *,
    alpha: float,
    margin: float,
    **read: Any,
) -> Streamed:
    """Judge the sums of all rows, and those of each group; `read` says what was read, for the answer."""
    fit = whole.compute(alpha)
    record = record_of(fit, alpha, margin)
    own = judged_groups(groups, alpha, margin)
    classes = () if groups else _classes(whole, fit, alpha, margin)
    between = _between(own, groups, record, alpha, margin)
    decision = decide(record, between, cast("Any", own), classes)
    result = Streamed(
        verdict=decision.word,
        because="",
        decision=decision,
        whole=record,
        between=between,
        groups=own,
        classes=classes,
        claim=_price(fit, alpha),
        fit=fit,
        alpha=alpha,
        margin=margin,
        not_judged=NOT_JUDGED + _gaps(whole, fit, bool(own)),
        **read,
    )
    return replace(result, because=sentence(cast("Any", result)))


def record_of(fit: RunningFit, alpha: float, margin: float) -> Record:
    """The claim to be right so often, every row by itself."""
    counted, n = min(fit.wrong, 1.0), fit.effective
    limits = (0.0, practical_limits(min(fit.error, 1.0), margin)[1])
    interval = clopper_pearson(counted * n, n, alpha)
    return Record(fit.error, counted, interval, limits, n, judged(limits, interval))


def judged_groups(
    groups: dict[str, TemperatureSums], alpha: float, margin: float
) -> tuple[StreamedGroup, ...]:
    """Every group that has rows of weight, the most overstated first."""
    found = []
    for name, sums in groups.items():
        fit = sums.compute(alpha)
        if fit.rows:
            record = record_of(fit, alpha / len(groups), margin)
            found.append(StreamedGroup(name, fit.rows, record, fit))
    return tuple(sorted(found, key=lambda group: (-group.overstated, group.name)))


def _between(
    own: Sequence[StreamedGroup],
    groups: dict[str, TemperatureSums],
    whole: Record,
    alpha: float,
    margin: float,
) -> Record | None:
    """Whole groups as the unit: a mean over rows is the mean of group means, weighted by the groups."""
    if not own:
        return None
    claimed, counted, weight = (
        np.array(values)
        for values in (
            [group.record.claimed for group in own],
            [group.record.counted for group in own],
            [groups[group.name].weight for group in own],
        )
    )
    rows = Rows(claimed, counted, weight, np.arange(len(own)))
    found = errors_by_group(rows, alpha, margin)
    return None if found is None else replace(found, n=whole.n)


def _classes(
    sums: TemperatureSums, fit: RunningFit, alpha: float, margin: float
) -> tuple[tuple[int, Record], ...]:
    if not sums.by_class:
        return ()
    claimed, counted = (
        sums.vector[sums.layout.by_class(name)] / sums.weight for name in ("claimed", "counted")
    )
    return refuted_classes(claimed, counted, fit.effective, alpha=alpha, margin=margin)


def _price(fit: RunningFit, alpha: float) -> Price:
    n = fit.effective
    return Price(points_needed(fit.error, alpha), guarantee(n * fit.accuracy, n, alpha))


def _gaps(sums: TemperatureSums, fit: RunningFit, grouped: bool) -> tuple[tuple[str, str], ...]:
    """What these sums could not say, with the reason."""
    found = []
    if fit.status in {"above", "below"}:
        end = fit.range[fit.status == "above"]
        found.append(("temperature", f"it lies {fit.status} {end:.4g}, where no sums were taken"))
    if grouped:
        found.append(("temperature.interval", "rows of a group hang together: it " + NEEDS_ROWS))
    elif not sums.by_class:
        found.append(("classes", "there are too many classes to keep their frequencies"))
    if not math.isfinite(sums.budget):
        found.append(("logit_budget", "the number of rows was not known beforehand"))
    return tuple(found)
