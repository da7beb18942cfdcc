"""A recording, its diagnosis, a finding and the ledger, as HTML for a notebook."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.diagnosis.ledger import settled
from clinometer.diagnosis.line import SPOKEN, Line
from clinometer.diagnosis.remedies import in_words
from clinometer.diagnosis.rule import Finding
from clinometer.records.recording import Bool, Recording
from clinometer.reports.diagnosis_text import sentence
from clinometer.reports.evidence_text import certainty, evidence_text
from clinometer.reports.finding_text import families
from clinometer.reports.layout import counted, some
from clinometer.reports.ledger_text import chosen, is_known, lost_to
from clinometer.reports.log_rows import log_rows
from clinometer.reports.notebook.drawings import log_drawing, sparkline
from clinometer.reports.notebook.parts import card, folded, head, listed, safe, table
from clinometer.reports.rest_text import ENDED, seen_text

LOG_ROWS, LEDGER_ROWS = 24, 12
MOST_LAYERS, MOST_EVIDENCE, MOST_OTHERS = 6, 6, 12
NUMBERS = ("layer", "arrives", "moves", "left", "lost to")


def recording_html(recording: Recording) -> str:
    """What was recorded: how long, how it ended, of how many places, at what cost; and its loss."""
    ended = ENDED.get(recording.ended, recording.ended)
    sites = {kind: len(recording.of_kind(kind)) for kind in ("call", "parameter", "loss")}
    cost = (recording.meta.get("overhead") or {}).get("measured")
    rows = [
        ("script", recording.meta.get("script") or "?"),
        ("steps", f"{recording.steps:,}, {len(recording.observed):,} of them observed in full"),
        ("ended", ended),
        ("places", f"{sites['call']:,} calls, {sites['parameter']:,} parameter tensors"),
        ("cost", "not known" if cost is None else f"{cost:.1%} of the run"),
    ]
    return card(
        f"<p><b>Recording</b> {safe(recording.path)}</p>",
        table(("", ""), rows),
        _loss(recording, None),
        listed("Not observed", list(recording.notes), 4),
        "<p><small>What it means: <code>clinometer.diagnose(recording)</code></small></p>",
    )


def _loss(recording: Recording, level: float | None) -> str:
    losses = recording.loss[recording.loss_seen]
    known = losses[np.isfinite(losses)]
    if not len(known):
        return ""
    told = (
        f"loss of {counted(len(losses), 'step')}: {known[0]:.4g} at first, {known[-1]:.4g} at last"
    )
    if level is not None:
        told += f"; dotted: the no-information level {level:.4g}"
    if len(known) < len(losses):
        told += f"; {len(losses) - len(known):,} are not finite"
    return sparkline(losses, told, level) + f"<p><small>{safe(told)}</small></p>"


def diagnosis_html(diagnosis: Diagnosis) -> str:
    """Verdict, sentence, the leading finding with its evidence, the log, the others, the ledger."""
    found = families(diagnosis.findings)
    grave = [cause for cause, _ in found if cause.severity != "note"]
    rows = log_rows(diagnosis, LOG_ROWS)
    return card(
        head(diagnosis.verdict, sentence(diagnosis), seen_text(diagnosis)),
        _finding(grave[0]) if grave else "",
        log_drawing(rows, _log_label(grave)),
        _loss(diagnosis.recording, diagnosis.course.no_information),
        _others(diagnosis.findings, grave[:1]),
        folded("Ledger: where the gradient of each weight goes", _ledger(diagnosis)),
        folded(
            f"Not judged ({len(diagnosis.not_judged)})",
            table(("rule", "why"), diagnosis.not_judged[:MOST_OTHERS]),
        ),
    )


def _log_label(grave: Sequence[Finding]) -> str:
    blamed = f"; blamed: {grave[0].layer}" if grave and grave[0].layer else ""
    return f"Log by depth, input on top: saturation, gradient, step over weight{blamed}"


def _others(findings: Sequence[Finding], told: Sequence[Finding]) -> str:
    rest = [one for one in findings if one not in told]
    rows = [(one.code, one.severity, one.name, one.layer or "-", one.cause) for one in rest]
    return table(("rule", "severity", "finding", "layer", "cause"), rows[:MOST_OTHERS])


def finding_html(finding: Finding) -> str:
    """One finding by itself."""
    return card(_finding(finding))


def _finding(finding: Finding) -> str:
    layers = [layer for layer in finding.layers if layer != finding.layer]
    place = f" at {finding.layer}" if finding.layer else ""
    also = f"Also: {some(layers, MOST_LAYERS)}. " if layers else ""
    known = [evidence_text(item) for item in finding.evidence[:MOST_EVIDENCE]]
    return (
        head(finding.severity, f"{finding.code} {finding.name}{place}: {finding.cause}")
        + f"<p>{safe(finding.explanation)}</p>"
        + listed("How known", known)
        + listed("Try", [in_words(remedy) for remedy in finding.remedies], 3)
        + f"<p><small>{safe(also + certainty(finding))}</small></p>"
    )


def ledger_html(diagnosis: Diagnosis) -> str:
    """The ledger of a run by itself."""
    return card(_ledger(diagnosis) or "<p>No ledger: no trainable tensor was observed.</p>")


def _ledger(diagnosis: Diagnosis) -> str:
    late = diagnosis.late
    lines = [line for line in diagnosis.lines if line.is_weight and is_known(line, late)]
    rows = [_account(lines[i], late) for i in chosen(lines, diagnosis, LEDGER_ROWS)]
    if not rows:
        return ""
    left_out = len(diagnosis.lines) - len(rows)
    more = f" {counted(left_out, 'other tensor')} are not shown." if left_out else ""
    return (
        table(NUMBERS, rows)
        + "<p><small>In decades (-2: a hundredth). arrives: gradient here over that at the logits; moves: "
        f"step over weight; left: what the account leaves open.{more}</small></p>"
    )


def _account(line: Line, late: Bool) -> tuple[str, ...]:
    total = settled(line.total, late)
    left = total - sum(settled(values, late) for values in line.factors.values())
    open_ = f"{abs(left):.0e}" if math.isfinite(left) else "?"
    lost = ", ".join(lost_to(line, late)[:3]) or "-"
    arrives = _decades(settled(line.arriving, late))
    return f"{line.layer} {line.kind}", arrives, _decades(total), open_, lost


def line_html(line: Line) -> str:
    """One line of the ledger: every factor beside its reference, over the last quarter observed."""
    late = np.arange(len(line.total)) >= len(line.total) * 3 // 4
    short = line.shortfall(late)
    rows = [
        (SPOKEN[name], _decades(settled(values, late)), _decades(line.reference[name]),
         _decades(short[name]))
        for name, values in line.factors.items()
    ]  # fmt: skip
    total = ("step over weight", _decades(settled(line.total, late)), "", "")
    heads = ("factor [decades]", "value", "reference", "falls short by")
    return card(f"<p><b>Ledger</b> {safe(line.spoken)}</p>", table(heads, [*rows, total]))


def _decades(value: float) -> str:
    if math.isnan(value):
        return "?"
    return ("zero" if value < 0 else "all") if math.isinf(value) else f"{value + 0.0:.2f}"
