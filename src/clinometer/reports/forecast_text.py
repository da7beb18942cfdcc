"""A forecast as text: what the first weights do to the gradient, beside theory, then what would do better."""

from __future__ import annotations

import math
from collections.abc import Sequence

from clinometer.records.forecast import Forecast, Initialised, Row
from clinometer.reports.layout import counted, cut, short, wrapped
from clinometer.theory.reach import Reach

WIDTH = 80
MOST_ROWS = 14
LOST, GROWN = (
    -0.1,
    0.1,
)  # decades a layer: within a factor of 1.26 a gradient keeps its size for 10 layers
COLUMNS = ("size", "there", "gain", "theory", "weight", "theory", "activ.", "theory")
LEGEND = (
    "In decades (-2: a hundredth). size: RMS of the output; there: gradient that arrives over the one at "
    "the output; gain: from the next layer's output to this one's; weight: of its own weights; activ.: of "
    "the activation behind it; ?: not measured; -: no prediction."
)
KINDS = {"normal": "loses bits", "zero": "is zero", "overflow": "overflows"}


def forecast_text(forecast: Forecast, width: int = WIDTH) -> str:
    """The report: plain text, at most `width` columns wide."""
    parts = [
        _head(forecast, width),
        _table(forecast.rows, width),
        _theory(forecast, width),
        _carried(forecast, width),
        _inits(forecast.inits, width),
        _widths(forecast, width),
        "\n".join(line for note in forecast.notes for line in wrapped(f"{note}.", width, "  ")),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def headline(forecast: Forecast) -> str:
    """The sentence: what happens to the gradient."""
    total, each = forecast.total, forecast.per_layer
    if total == -math.inf:
        return "No gradient arrives at the first layer: it is exactly zero before any training."
    if math.isnan(total) or (math.isnan(each) and len(forecast.rows) > 1):
        return (
            "The gradient is not finite or not measured at some layers: see the marks in the table."
        )
    went = f"10^{total:+.1f} of it arrives at the first of {counted(len(forecast.rows), 'layer')}"
    if len(forecast.rows) == 1:
        return f"Of the gradient at the output, {went}."
    if each < LOST:
        return f"The gradient fades: {went}, {_times(each)} a layer."
    if each > GROWN:
        return f"The gradient grows: {went}, {_times(each)} a layer."
    return f"The gradient keeps its size: {went}, {_times(each)} a layer."


def _times(decades: float) -> str:
    return f"typically x{10**decades:.3g}"


def _head(forecast: Forecast, width: int) -> str:
    title = cut(f"FORECAST   {forecast.model}, before any training", width)
    begins = (
        f"One batch, one pass; the gradient starts as {forecast.loss}, RMS 10^{forecast.start:.1f} at the "
        "output."
    )
    return "\n".join([title, *wrapped(begins, width), "", *wrapped(headline(forecast), width)])


def _table(rows: Sequence[Row], width: int) -> str:
    names = [short(f"{row.layer or '(top)'} {row.kind}", width - 2 - 8 * 7) for row in rows]
    wide = max(5, *map(len, names))
    lines = [f"  {'layer':<{wide}}" + "".join(f"{head:>7}" for head in COLUMNS)]
    at = list(range(len(rows)))
    if len(rows) > MOST_ROWS:
        half = MOST_ROWS // 2
        at = [*range(half), *range(len(rows) - half, len(rows))]
    for before, i in zip([-1, *at[:-1]], at, strict=True):
        if i - before > 1:
            lines.append(f"  ... {counted(i - before - 1, 'layer')} between ...")
        lines.append(f"  {names[i]:<{wide}}{_numbers(rows[i])}")
    return "\n".join([*lines, *wrapped(LEGEND, width, "  ")])


def _numbers(row: Row) -> str:
    seen = (row.size, row.arriving, row.gain, row.weight, row.activation)
    told = (row.expected_gain, row.expected_weight, row.expected_activation)
    size, arrives, gain, weight, activation = (_cell(value, "?") for value in seen)
    gain_told, weight_told, activation_told = (_cell(value, "-") for value in told)
    return f"{size}{arrives}{gain}{gain_told}{weight}{weight_told}{activation}{activation_told}"


def _cell(value: float, missing: str) -> str:
    if math.isnan(value):
        return f"{missing:>7}"
    return f"{'zero':>7}" if value == -math.inf else f"{value + 0.0:>7.2f}"


def _theory(forecast: Forecast, width: int) -> str:
    if math.isnan(forecast.expected):
        return "\n".join(wrapped(f"Theory: no prediction; {forecast.why_silent}.", width))
    said = (
        f"Theory: {forecast.expected:+.2f} decades with a spread of {forecast.spread:.2f} over draws of the "
        f"weights; measured {forecast.measured:+.2f}."
    )
    if abs(forecast.at_seen_lengths - forecast.expected) > forecast.spread:
        said += (
            f" From the lengths that this network has, theory says {forecast.at_seen_lengths:+.2f}: lengths "
            "are not held here, and another draw will differ."
        )
    if forecast.why_silent:
        said += (
            f" For the layers that are covered; beyond them no prediction: {forecast.why_silent}."
        )
    return "\n".join(wrapped(said, width))


def _carried(forecast: Forecast, width: int) -> str:
    lines = ["Depth at which the gradient leaves a dtype (layers below the output)"]
    for dtype in dict.fromkeys(one.dtype for one in forecast.reach):
        told = [
            _reach(one) for one in forecast.reach if one.dtype == dtype and one.depth is not None
        ]
        lines += wrapped(f"{dtype}: {'; '.join(told) or 'never at this gain'}", width, "    ", "  ")
    return "\n".join(lines)


def _reach(one: Reach) -> str:
    where = "in this network" if one.seen else "carried on"
    return f"{KINDS[one.kind]} from {one.depth:,} ({where})"


def _inits(inits: Sequence[Initialised], width: int) -> str:
    if not inits:
        return ""
    lines = [
        "Other first weights, tried on copies: gain to the first layer [decades]",
        f"  {'':<20}{'measured':>10}{'a layer':>10}{'theory':>10}{'spread':>10}",
    ]
    for one in inits:
        if one.why:
            lines.append(cut(f"  {one.name:<20}not measured: {one.why}", width))
            continue
        lines.append(
            f"  {one.name:<20}{_cell(one.measured, '?'):>10}{_cell(one.per_layer, '?'):>10}"
            f"{_cell(one.expected, '-'):>10}{_cell(one.spread, '-'):>10}"
        )
    return "\n".join(cut(line, width) for line in lines)


def _widths(forecast: Forecast, width: int) -> str:
    if not forecast.widths:
        return ""
    tried = ", ".join(map(str, forecast.widths_tried))
    lines = [f"Width check at {tried}: slope of log size against log width (0: no change)"]
    for one in forecast.widths[:MOST_ROWS]:
        low, high = one.interval
        name = short(f"{one.layer or '(top)'} {one.what}", 40)
        lines.append(f"  {name:<40}{one.slope:>+8.2f}   95 %: {low:+.2f} to {high:+.2f}")
    if len(forecast.widths) > MOST_ROWS:
        lines.append(
            f"  ... {len(forecast.widths) - MOST_ROWS} more (to_dict and --json list them)"
        )
    return "\n".join(cut(line, width) for line in lines)
