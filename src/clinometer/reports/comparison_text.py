"""A comparison in the terminal: the verdict and its sentence, the evidence, then the detail."""

from __future__ import annotations

import textwrap

from clinometer.calibration.comparison import Comparison
from clinometer.calibration.earned import GENEROUS, Claim
from clinometer.calibration.split import Part
from clinometer.calibration.words import confidence_text, count
from clinometer.reports.comparison_table import COLUMNS, WHY, chain_rows

WIDTH = 80


def comparison_text(comparison: Comparison) -> str:
    """The whole report, at most 80 columns wide, plain text (no colour, so NO_COLOR is respected)."""
    blocks = [
        _wrapped(f"Verdict: {comparison.verdict}") + _wrapped(comparison.because),
        _evidence(comparison),
        _claims(comparison),
        _detail(comparison),
        _notes(comparison),
    ]
    return "\n".join("\n".join(block) + "\n" for block in blocks if block)


def _wrapped(text: str, indent: str = "", first: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )


def _evidence(c: Comparison) -> list[str]:
    split, line = c.split, c.line
    rows = [
        f"A: {c.a.source}",
        f"B: {c.b.source}",
        "",
        f"{'Loss [nat]':<26}{'A':>12}{'B':>14}{'A − B':>14}",
        f"{'  cross-entropy, mean':<26}{split.loss_a:>12.5g}{split.loss_b:>14.5g}{split.difference:>14.5g}",
        _part_line("  of it separation", split.separation, line.same_separator),
        _part_line("  of it scale", split.scale),
        "",
    ]
    angle = "none" if line.angle_rad is None else f"{line.angle_rad:.3g} rad"
    scale = "none" if line.scale is None else f"{line.scale:.6g}"
    residual = "none" if line.residual is None else f"{line.residual:.3g}"
    rows += _wrapped(
        f"Line, from the {line.basis}: angle {angle}, scale B/A {scale}, residual {residual} "
        f"(one separator below {line.tolerance:g}); decisions differ on {line.decisions_differ:.2%} "
        f"of {c.n:,} rows.",
        "  ",
        "",
    )
    return [row for path in rows[:2] for row in _wrapped(path, "   ", "")] + rows[2:]


def _part_line(name: str, part: Part, exact: bool = False) -> str:
    interval = "same line: 0 on any data" if exact else "no interval"
    if part.interval and not exact:
        interval = f"[{part.interval[0]:.3g}, {part.interval[1]:.3g}] 95 %"
    return f"{name:<26}{interval:>26}{part.difference + 0.0:>14.5g}"


def _claims(c: Comparison) -> list[str]:
    rows = [f"{f'Is it earned? n = {c.n:,}':<40}{'A':>18}{'B':>18}"]
    for name, of in CLAIM_LINES:
        rows.append(f"  {name:<38}" + "".join(f"{of(claim):>18}" for claim in c.claims))
    rows.append(
        f"  {'log-odds that ' + count(c.n, 'right row') + ' support':<38}{c.logit_budget:>18.4f}"
    )
    if c.break_even_error_rate is not None:
        steeper = "B" if abs(c.line.scale or 0.0) > 1.0 else "A"
        rows += _wrapped(
            f"{steeper} has the lower expected loss only if the true error rate is below "
            f"{c.break_even_error_rate:.5%} (break-even, as both decide alike).",
            "  ",
        )
    return rows + _wrapped(GENEROUS, "  ")


def _optional(value: float | None, form: str) -> str:
    return "not judged" if value is None else format(value, form)


def _earned(claim: Claim) -> str:
    return "not judged" if claim.confidence is None else confidence_text(1.0 - claim.confidence)


CLAIM_LINES = (
    ("right", lambda c: f"{c.right:,} of {c.n:,}"),
    ("claimed confidence, mean", lambda c: confidence_text(c.error)),
    ("earned confidence (Firth/Jeffreys)", _earned),
    ("temperature that would earn it", lambda c: _optional(c.temperature, ".5g")),
    ("guarantee (Clopper-Pearson, 95 %)", lambda c: f"{c.guarantee:.4f}"),
    ("fresh faultless points it would cost", lambda c: _optional(c.points_needed, ",d")),
)


def _detail(c: Comparison) -> list[str]:
    rows = chain_rows(c)
    if isinstance(rows, str):
        return _wrapped(f"Not shown: {rows}.")
    out = ["Chain rule" + " " * 16 + "".join(f"{name:>13}" for name in COLUMNS)]
    for row in rows:
        if not row.cells:
            out += ["", row.quantity]
        else:
            cells = "".join(f"{_narrow(cell):>13}" for cell in row.cells)
            out.append(f"  {row.quantity:<24.24}{cells}")
    out += ["", "  0 and 1 are exact; * marks a step that changes no bit of w."]
    return out + [row for why in WHY for row in _wrapped(why, "  ")]


def _narrow(cell: str) -> str:
    """The table figure's cells, at most 12 columns wide."""
    return (
        cell.replace(" exactly", "")
        .replace(" lost", "*")
        .replace("1 − ", "1−")
        .replace("e-0", "e-")
    )


def _notes(c: Comparison) -> list[str]:
    return [
        row for note in c.notes for row in _wrapped(note[0].upper() + note[1:] + ".", "  ", "- ")
    ]
