"""The scorecard as Markdown: docs/treatment_scorecard.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.treatment.score import Line, Score, proven, score
from benchmarks.zoo.totals import Proportion

TOP = """# Are the remedies proven?

Every sick script of the [zoo](zoo.md) is treated as `clinometer treat` does it: its recording, its leading
finding, trials of the remedies that are named, beside doing nothing, a sham and a random remedy.

A case is *curable* where a rule of its label names a remedy that can be tried from outside of the script. A
case that is diagnosed wrongly, or gives no result, stays curable and counts as not cured. Every proven remedy
is tried again on further seeds; it is *worse there* where its mean outcome is below doing nothing's, or its
validation loss lies above with its whole interval.
"""
ROWS = {
    "cured": "curable cases with a proven remedy (goal: 80 % or more)",
    "named": "of these, where the leading finding was right",
    "learnable": "curable cases without those whose data hold nothing to learn (labelled FLOW502)",
    "others": "cases that are not curable, with a proven remedy",
    "shams": "sham arms that would count as proven (goal: 5 % or less)",
    "randoms": "random remedies that would count as proven",
    "harmful": "recommended remedies that were worse on further seeds (goal: none)",
    "confirmed": "recommended remedies that were better on further seeds",
}


def markdown(parts: Mapping[str, Sequence[Line]], about: str, command: str, *, blind: bool) -> str:
    """The whole page."""
    blocks = [TOP, f"```console\n$ {command}\n```\n\n{about}\n"]
    for part, lines in parts.items():
        blocks += [f"## {part}\n", *_totals(score(lines), len(lines))]
        if not blind:
            blocks += ["", *_cases(lines)]
        blocks.append("")
    return "\n".join(blocks)


def _totals(found: Score, cases: int) -> Iterator[str]:
    yield f"| {cases} cases | |"
    yield "|---|---|"
    for name, title in ROWS.items():
        yield f"| {title} | {share(getattr(found, name))} |"
    if found.broken:
        yield f"| cases without a result | {found.broken} |"


def _cases(lines: Sequence[Line]) -> Iterator[str]:
    yield "| script | leading finding | curable | verdict | first remedy | outcome gained | min |"
    yield "|---|---|---|---|---|---|---|"
    for line in sorted(lines, key=lambda one: one["name"]):
        told: Mapping[str, Any] = line.get("treatment") or {}
        finding = (told.get("finding") or {}).get("code", "none")
        right = "" if line.get("leading_right") or not line["codes"] else " (not the label's)"
        verdict = told.get("verdict") or f"no result: {line.get('error', '')}"[:80]
        yield (
            f"| {line['name']} | {finding}{right} | {'yes' if line['cures'] else 'no'} | {verdict} | "
            f"{', '.join(proven(line)[:1]) or '-'} | {_gained(told)} | {line['wall_s'] / 60:.1f} |"
        )


def _gained(told: Mapping[str, Any]) -> str:
    """Outcome of the recommended remedy against doing nothing, with its interval."""
    arm = next((one for one in told.get("arms", ()) if one["name"] == told.get("remedy")), None)
    found = ((arm or {}).get("outcome") or {}).get("nothing")
    if not found or found["difference"] is None:
        return "-"
    ends = found["interval"] or (None, None)
    if None in ends:
        return f"{found['difference']:.3f}"
    return f"{found['difference']:.3f} ({ends[0]:.3f} to {ends[1]:.3f})"


def share(found: Proportion) -> str:
    """Percent, counts and Wilson's interval.

    >>> share(Proportion(4, 5))
    '80 % (4 of 5; 38 to 96 %)'
    """
    ends = found.interval
    if ends is None:
        return "none to count"
    low, high = ends
    return f"{found.k / found.n:.0%} ({found.k} of {found.n}; {100 * low:.0f} to {100 * high:.0f} %)".replace(
        "%", " %", 1
    )
