"""A diagnosis as text: verdict, sentence and cause on the first screen, the ledger behind it."""

from __future__ import annotations

import math
import textwrap
from typing import Any

from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.diagnosis.ledger import settled
from clinometer.diagnosis.rule import Evidence, Finding

WIDTH = 80
MOST_EVENTS = 4  # told on the first screen
CELL = 7  # columns of one number in the ledger
HEADS = {
    "loss_end": "loss", "weight": "weight", "activation": "activ.", "normalisation": "norm.",
    "attention": "atten.", "recurrence": "time", "branch": "branch", "other": "other", "sharing": "share", "input_size": "input", "batch_agreement": "agree",
    "clip": "clip", "optimizer": "optim.", "rounding": "round.", "weight_size": "size",
}  # fmt: skip


def text(diagnosis: Diagnosis, width: int = WIDTH) -> str:
    """The report, at most `width` columns wide."""
    parts = [_head(diagnosis, width)]
    parts += [_finding(finding, width) for finding in diagnosis.findings]
    parts += [_ledger(diagnosis, width), _rest(diagnosis, width)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(diagnosis: Diagnosis, width: int) -> str:
    run = diagnosis.recording
    what = f"{diagnosis.verdict.upper()}   {run.meta.get('script', run.path)}"
    seen = (
        f"{run.steps} steps, {len(run.observed)} observed, run {_ended(run.ended)}{_cost(run.meta)}"
    )
    told = [f"step {event.step}: {event.text}" for event in run.events[:MOST_EVENTS]]
    if len(run.events) > MOST_EVENTS:
        told.append(f"and {len(run.events) - MOST_EVENTS} more events")
    events = [line for text in told for line in _wrapped(text, width, "  ")]
    return "\n".join(
        [what, "", *_wrapped(diagnosis.because, width), "", *_wrapped(seen, width), *events]
    )


def _cost(meta: dict[str, Any]) -> str:
    """What recording cost, with its interval; nothing where it is not known."""
    cost = meta.get("overhead", {})
    if cost.get("seconds") is None or not math.isfinite(cost.get("measured") or math.nan):
        return ""
    told = f"; recording took {cost['seconds']:.2f} s ({cost['measured']:.1%}"
    if cost.get("interval"):
        low, high = cost["interval"]
        told += f", 95 % interval {low:.1%} to {high:.1%}"
    return told + ")"


def _ended(how: str) -> str:
    return {
        "normal": "ended normally",
        "exception": "ended by an exception",
        "interrupted": "interrupted",
        "killed": "killed",
        "running": "still going",
    }.get(how, how)


def _finding(finding: Finding, width: int) -> str:
    place = f" at {finding.layer}" if finding.layer else ""
    lines = [f"{finding.severity} {finding.code} {finding.name}{place}: {finding.cause}"]
    lines += _wrapped(finding.explanation, width, "  ")
    lines += [f"    {_evidence(item)}" for item in finding.evidence]
    if len(finding.layers) > 1:
        lines += _wrapped("also seen at: " + _some(finding.layers, finding.layer), width, "  ")
    if finding.remedies:
        lines += _wrapped("may help: " + ", ".join(finding.remedies), width, "  ")
    return "\n".join(lines)


def _evidence(item: Evidence) -> str:
    limit = f", limit {item.limit:.4g}" if item.limit is not None else ""
    value = "zero signal" if item.value == -math.inf else f"{item.value:.4g} {item.unit}"
    return f"{item.quantity} {value}{limit} (n = {item.n:,})"


def _some(layers: tuple[str, ...], but: str, most: int = 6) -> str:
    others = [layer for layer in layers if layer != but]
    more = f" and {len(others) - most} more" if len(others) > most else ""
    return ", ".join(others[:most]) + more


def _ledger(diagnosis: Diagnosis, width: int) -> str:
    """Decades by layer and factor, in as many tables as the width asks for.

    Factors that are 0 for every layer, and those that were measured for none, are left out.
    """
    late = diagnosis.late
    if not diagnosis.lines or not late.any():
        return ""
    rows = [
        {HEADS[name]: settled(values, late) for name, values in line.factors.items()}
        | {"total": settled(line.total, late)}
        for line in diagnosis.lines
    ]
    for row in rows:
        row["left"] = row["total"] - sum(value for name, value in row.items() if name != "total")
    names = [f"{line.layer} {line.kind}" for line in diagnosis.lines]
    heads = [head for head in HEADS.values() if any(_worth(row.get(head)) for row in rows)]
    name_width = min(max(map(len, names)) + 1, width // 3)
    fit = max((width - name_width) // CELL, 1)
    lines = ["Ledger: decades from the loss to each weight's relative motion, by depth"]
    columns = [*heads, "total", "left"]
    for first in range(0, len(columns), fit):
        lines += _table(names, rows, columns[first : first + fit], name_width)
    return "\n".join(lines)


def _table(
    names: list[str], rows: list[dict[str, float]], heads: list[str], name_width: int
) -> list[str]:
    table = [" " * name_width + "".join(f"{head:>{CELL}}" for head in heads)]
    for name, row in zip(names, rows, strict=True):
        cells = "".join(_left(row[h]) if h == "left" else _cell(row.get(h)) for h in heads)
        table.append(_short(name, name_width) + cells)
    return table


def _worth(value: float | None) -> bool:
    """Whether a cell tells anything: not 0 as far as two decimals show, and measured."""
    return value is not None and not math.isnan(value) and abs(value) >= 0.005


def _cell(value: float | None) -> str:
    if value is None or math.isnan(value):
        return f"{'?':>{CELL}}"
    return f"{'zero':>{CELL}}" if math.isinf(value) else f"{value:>{CELL}.2f}"


def _left(value: float) -> str:
    return f"{'?':>{CELL}}" if not math.isfinite(value) else f"{abs(value):>{CELL}.0e}"


def _short(name: str, width: int) -> str:
    return (name if len(name) < width else "~" + name[-(width - 2) :]).ljust(width)


def _rest(diagnosis: Diagnosis, width: int) -> str:
    silent = [f"{code}: {why}" for code, why in diagnosis.not_judged]
    silent += [f"{layer}: {why}" for layer, why in diagnosis.unlined.items()]
    silent += list(diagnosis.recording.notes)
    if not silent:
        return ""
    most = 8
    more = [f"  and {len(silent) - most} more (see --json)"] if len(silent) > most else []
    lines = [line for item in silent[:most] for line in _wrapped("- " + item, width, "  ")]
    return "\n".join(["Not judged", *lines, *more])


def _wrapped(sentence: str, width: int, indent: str = "") -> list[str]:
    return textwrap.wrap(sentence, width, initial_indent=indent, subsequent_indent=indent)
