"""A streamed judgement in the terminal: the same verdict and claims, and what running sums cannot say."""

from __future__ import annotations

from clinometer.calibration.streamed_result import Streamed
from clinometer.reports.claims_text import NAME, WIDTH, claim_lines, group_lines, note_lines
from clinometer.reports.confidence_text import ece_line, temperature_line
from clinometer.reports.layout import counted, wrapped


def streamed_text(result: Streamed) -> str:
    """The whole report, at most 80 columns wide, plain text."""
    blocks = [
        wrapped(f"Verdict: {result.verdict}", WIDTH) + wrapped(result.because, WIDTH),
        [*_about(result), "", *claim_lines(result)],
        _loss(result),
        group_lines(result.groups),
        note_lines(result.notes),
        _not_judged(result),
    ]
    return "\n".join("\n".join(block) + "\n" for block in blocks if block)


def _about(result: Streamed) -> list[str]:
    part = "" if result.complete else f" of {result.rows_there:,}"
    passes = "one pass" if result.passes == 1 else f"{result.passes} passes"
    what = f"{counted(result.rows_read, 'row')}{part} in {counted(result.files, 'file')}, {passes}"
    return wrapped(
        f"{result.source}: {what}; intervals at {1.0 - result.alpha:.0%}.", WIDTH, "  ", ""
    )


def _loss(result: Streamed) -> list[str]:
    parts = result.to_dict()["loss"]
    rows = [f"{'Loss [nat]':<{NAME}}{parts['total']:>16.5g}"]
    for name in ("scale", "refinement"):
        size = "not judged" if parts[name] is None else f"{parts[name]:.5g}"
        rows.append(f"  {name:<{NAME - 2}}{size:>16}")
    return [*rows, temperature_line(result), ece_line(result.fit.ece)]


def _not_judged(result: Streamed) -> list[str]:
    reasons: dict[str, list[str]] = {}
    for what, why in result.not_judged:
        reasons.setdefault(why, []).append(what)
    lines = [
        line
        for why, what in reasons.items()
        for line in wrapped(f"{', '.join(what)}: {why}", WIDTH, "    ", "  ")
    ]
    return ["Not judged", *lines] if lines else []
