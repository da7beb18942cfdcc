"""Findings in words: what is wrong, where, how we know, how sure we are, what to try, what follows."""

from __future__ import annotations

from collections.abc import Sequence

from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.diagnosis.remedies import in_words
from clinometer.diagnosis.rule import Finding
from clinometer.reports.evidence_text import certainty, evidence_text
from clinometer.reports.layout import LABEL, counted, cut, first_sentence, labelled, some, wrapped

MOST_EVIDENCE = 4
MOST_REMEDIES = 3
MOST_FOLLOWING = 3
MOST_LAYERS = 4
MOST_NOTES = 5

Family = tuple[Finding, list[Finding]]  # a cause, and what follows from it


def families(findings: Sequence[Finding]) -> list[Family]:
    """Findings by their first cause, in order of blame; where causes run in a circle the first leads."""
    found: dict[int, Family] = {}
    roots = [_root(finding, findings) for finding in findings]
    for finding, root in zip(findings, roots, strict=True):
        cause, following = found.setdefault(id(root), (root, []))
        if finding is not cause:
            following.append(finding)
    return list(found.values())


def _root(finding: Finding, findings: Sequence[Finding]) -> Finding:
    seen = [finding]
    while seen[-1].consequence_of is not None:
        code = seen[-1].consequence_of
        cause = next((other for other in findings if other.code == code), None)
        if cause is None:
            break
        if any(cause is one for one in seen):
            circle = seen[next(i for i, one in enumerate(seen) if one is cause) :]
            return min(circle, key=lambda one: _place(one, findings))
        seen.append(cause)
    return seen[-1]


def _place(finding: Finding, findings: Sequence[Finding]) -> int:
    return next(i for i, other in enumerate(findings) if other is finding)


def finding_blocks(diagnosis: Diagnosis, width: int) -> list[str]:
    """The leading finding in full, the other causes shorter, the notes in a line or two each."""
    found = families(diagnosis.findings)
    grave = [family for family in found if family[0].severity != "note"]
    notes = [cause for cause, _ in found if cause.severity == "note"]
    blocks = [full(*family, width) for family in grave[:1]]
    blocks += [brief(*family, width) for family in grave[1:]]
    return blocks + ([noted(notes, width)] if notes else [])


def full(cause: Finding, following: Sequence[Finding], width: int) -> str:
    """A finding with everything that a user needs to act on it."""
    usual = cause.evidence[0].n if cause.evidence else None
    known = [evidence_text(item, usual) for item in cause.evidence[:MOST_EVIDENCE]]
    return "\n".join(
        [
            _title(cause, width),
            *labelled("What", [cause.explanation], width),
            *labelled("Where", [_where(cause)], width),
            *labelled("How known", known, width),
            *labelled("How sure", [certainty(cause)], width),
            *_try(cause, MOST_REMEDIES, width),
            *_therefore(following, width),
        ]
    )


def brief(cause: Finding, following: Sequence[Finding], width: int) -> str:
    """A finding that is not the first: what, the leading number, the cheapest remedy."""
    known = [evidence_text(item) for item in cause.evidence[:1]]
    return "\n".join(
        [
            _title(cause, width),
            *labelled("What", [cause.explanation], width),
            *labelled("How known", known, width),
            *labelled("How sure", [certainty(cause)], width),
            *_try(cause, 1, width),
            *_therefore(following, width),
        ]
    )


def noted(notes: Sequence[Finding], width: int) -> str:
    """What is worth knowing and no fault."""
    lines = ["Notes"]
    for note in notes[:MOST_NOTES]:
        place = f" at {note.layer}" if note.layer else ""
        text = f"{note.code} {note.name}{place}: {first_sentence(note.explanation)}"
        lines += wrapped(text, width, "    ", "  - ")
    if len(notes) > MOST_NOTES:
        lines.append(f"  and {len(notes) - MOST_NOTES} more (--json lists them)")
    return "\n".join(lines)


def _title(finding: Finding, width: int) -> str:
    place = f" at {finding.layer}" if finding.layer else ""
    return cut(
        f"{finding.severity.upper()} {finding.code} {finding.name}{place}: {finding.cause}", width
    )


def _where(finding: Finding) -> str:
    others = [layer for layer in finding.layers if layer != finding.layer]
    place = f"layer {finding.layer}" if finding.layer else "the run as a whole"
    if not others:
        return place
    return f"{place}; also {some(others, MOST_LAYERS)}"


def _try(finding: Finding, most: int, width: int) -> list[str]:
    return labelled("Try", [in_words(remedy) for remedy in finding.remedies[:most]], width)


def _therefore(following: Sequence[Finding], width: int) -> list[str]:
    told = []
    for finding in following[:MOST_FOLLOWING]:
        place = f" at {finding.layer}" if finding.layer else ""
        told.append(cut(f"{finding.code} {finding.name}{place}", width - LABEL))
    if len(following) > MOST_FOLLOWING:
        told.append(f"and {counted(len(following) - MOST_FOLLOWING, 'more consequence')}")
    return labelled("Therefore", told, width)
