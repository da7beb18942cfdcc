"""What a forecast was required to be and is not: layer, found, expected, what to do."""

from __future__ import annotations

import math
from collections.abc import Sequence

from clinometer.records.forecast import Ends, Forecast, Row
from clinometer.theory.floats import FLOATS

MOST_NAMED = 3  # layers in an error


def _inside(value: float, ends: Ends) -> bool:
    return ends[0] <= value <= ends[1]  # False for nan


def _range(ends: Ends) -> str:
    return f"{ends[0]:+.2f} to {ends[1]:+.2f}"


def outside(
    forecast: Forecast, gain: Ends | None, total: Ends | None, size: Ends | None
) -> list[str]:
    """What lies outside of the bounds on gains and sizes, the worst layers first."""
    found = []
    if gain is not None:
        weights = dict(zip(forecast.rows, (row.weight for row in forecast.rows[1:]), strict=False))
        bad = [row for row in forecast.rows[:-1] if not _inside(row.gain, gain)]
        bad.sort(key=lambda row: -abs(row.gain) if math.isfinite(row.gain) else -math.inf)
        found += [
            f"layer {row.layer or '(top)'} ({row.kind}): gain {_told(row.gain)} decades, expected "
            f"{_range(gain)}; {_advice(row, weights[row], gain)}"
            for row in bad[:MOST_NAMED]
        ]
        found += _and_more(bad)
    if total is not None and not _inside(forecast.total, total):
        found.append(
            f"from the output to layer {forecast.rows[0].layer}: gain {_told(forecast.total)} decades, "
            f"expected {_range(total)}; {_best_init(forecast)}"
        )
    if size is not None:
        bad = [row for row in forecast.rows if not _inside(row.size, size)]
        found += [
            f"layer {row.layer or '(top)'} ({row.kind}): log10 RMS of its output {_told(row.size)}, "
            f"expected {_range(size)}; scale its weights, or normalise"
            for row in bad[:MOST_NAMED]
        ]
        found += _and_more(bad)
    return found


def _and_more(bad: Sequence[Row]) -> list[str]:
    return [f"and {len(bad) - MOST_NAMED} more layers"] if len(bad) > MOST_NAMED else []


def _told(value: float) -> str:
    if math.isnan(value):
        return "not measured"
    return "zero (minus infinity)" if value == -math.inf else f"{value:+.2f}"


def _advice(row: Row, weight: float, gain: Ends) -> str:
    """What to change, by the factor that is furthest off; `weight` is the next layer's."""
    parts = {"weight": weight, "activation": row.activation, "other": row.other}
    known = {name: value for name, value in parts.items() if math.isfinite(value)}
    low = not row.gain > gain[1]
    worst = (min if low else max)(known, key=lambda name: known[name], default="")
    if worst == "activation":
        return "its activation takes it: another activation, or smaller first weights before it"
    if worst == "other":
        return (
            "what lies between it and the next layer does it: look at normalisation and joins there"
        )
    size = "larger" if low else "smaller"
    return f"{size} first weights in the layer behind it (He, orthogonal), or a normalisation"


def _best_init(forecast: Forecast) -> str:
    known = [one for one in forecast.inits if math.isfinite(one.measured)]
    if not known:
        return "try other first weights"
    best = min(known, key=lambda one: abs(one.measured))
    return f"{best.name} would give {best.measured:+.2f}"


def uncarried(forecast: Forecast, dtype: str | None) -> list[str]:
    """The layer nearest to the output at which the dtype does not carry the gradient."""
    if dtype is None:
        return []
    if dtype not in FLOATS:
        return [f"carried_by={dtype!r} is no dtype that is known; expected {', '.join(FLOATS)}"]
    low, high = math.log10(FLOATS[dtype].smallest_normal), math.log10(FLOATS[dtype].largest)
    for row in reversed(forecast.rows):
        here = forecast.start + row.arriving
        if not low <= here <= high:
            return [
                (
                    f"layer {row.layer} ({row.kind}): RMS of the gradient 10^{_told(here)}, outside of "
                    f"{dtype}'s normal numbers (10^{low:.1f} to 10^{high:.1f}); loss scaling moves it by a "
                    "constant, other first weights change the decay"
                )
            ]
    return []


def off_theory(forecast: Forecast, most: float | None) -> list[str]:
    """That measurement and theory are too far apart, or that there is no prediction."""
    if most is None:
        return []
    off = forecast.measured - forecast.expected
    if math.isnan(off):
        return [f"no prediction to compare with: {forecast.why_silent}"]
    if abs(off) <= most:
        return []
    return [
        (
            f"the measured gain {_told(forecast.measured)} lies {abs(off):.2f} decades from theory's "
            f"{_told(forecast.expected)}, expected at most {most:.2f} (spread over draws "
            f"{forecast.spread:.2f}); look at the layer where the columns part"
        )
    ]


def width_bound(forecast: Forecast, most: float | None) -> list[str]:
    """Layers whose slope against width is outside of the bound by its whole interval."""
    if most is None:
        return []
    if not forecast.widths:
        return [
            "no width check was made; expected forecast(make_model, ..., widths=(64, 128, 256))"
        ]
    return [
        f"layer {one.layer}: the {one.what} goes with width to the {one.slope:+.2f} (95 %: "
        f"{one.interval[0]:+.2f} to {one.interval[1]:+.2f}), expected within {most:.2f} of 0; scale its "
        "weights or its learning rate with width (muP)"
        for one in forecast.widths
        if not (one.interval[0] <= most and one.interval[1] >= -most)
    ]
