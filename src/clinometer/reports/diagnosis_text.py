"""A diagnosis as text: verdict, sentence and cause on the first screen, the ledger behind it."""

from __future__ import annotations

import math
import textwrap

from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.diagnosis.ledger import FACTORS, settled
from clinometer.diagnosis.rule import Evidence, Finding

WIDTH = 80
HEADS = {
    "loss_end": "loss", "weight": "weight", "activation": "activ.", "normalisation": "norm.",
    "other": "other", "sharing": "share", "input_size": "input", "batch_agreement": "agree",
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
    seen = f"{len(run.step)} steps, {len(run.observed)} observed, run {_ended(run.ended)}"
    cost = run.meta.get("overhead", {})
    if cost.get("seconds") is not None and math.isfinite(cost.get("measured") or math.nan):
        seen += f"; recording took {cost['seconds']:.2f} s ({cost['measured']:.1%})"
    return "\n".join([what, "", *_wrapped(diagnosis.because, width), "", *_wrapped(seen, width)])


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
    """Decades by layer and factor; factors that are 0 for every layer are left out."""
    if not diagnosis.lines:
        return ""
    late = diagnosis.late
    named = {line.layer: f"{line.layer} {line.kind}" for line in diagnosis.lines}
    rows = {
        line.layer: {name: settled(values, late) for name, values in line.factors.items()}
        for line in diagnosis.lines
    }
    shown = [f for f in FACTORS if any(abs(row.get(f, 0.0)) >= 0.005 or math.isnan(row.get(f, 0.0))
                                       for row in rows.values())]  # fmt: skip
    name_width = min(max(len(name) for name in named.values()) + 1, width - 7 * (len(shown) + 2))
    name_width = max(name_width, 8)
    lines = [
        "Ledger: decades from the loss to each weight's relative motion, by depth",
        " " * name_width + "".join(f"{HEADS[f]:>7}" for f in shown) + "  total  left",
    ]
    for line in diagnosis.lines:
        row = rows[line.layer]
        total = settled(line.total, late)
        cells = "".join(_cell(row.get(f)) for f in shown)
        left = total - sum(row.values())
        lines.append(f"{_short(named[line.layer], name_width)}{cells}{_cell(total)}{_left(left)}")
    return "\n".join(lines)


def _cell(value: float | None) -> str:
    if value is None or math.isnan(value):
        return f"{'?':>7}"
    return f"{'zero':>7}" if math.isinf(value) else f"{value:>7.2f}"


def _left(value: float) -> str:
    return f"{'?':>6}" if not math.isfinite(value) else f"{abs(value):>6.0e}"


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
