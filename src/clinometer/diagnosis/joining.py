"""One fault, one leading finding: what follows from it is listed under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce

import numpy as np

from clinometer.diagnosis.rule import Finding, Rule
from clinometer.diagnosis.severity import GRAVITY, worse

UNBOUNDED = 1e9  # stands for an infinite size in the order


def joined(findings: Sequence[Finding], rules: Mapping[str, Rule]) -> list[Finding]:
    """Findings in order of blame, each consequence under the first of its causes.

    A cause takes over the severity of the worst that follows from it, so that it leads; a note
    explains only notes.
    """
    first = sorted(findings, key=lambda finding: _order(finding, rules))
    causes = [_cause(i, first, rules) for i in range(len(first))]
    roots = [_root(i, causes) for i in range(len(first))]
    found = [
        replace(
            finding,
            severity=_gravest(
                [finding, *(f for f, root in zip(first, roots, strict=True) if root == i)]
            ),
            consequence_of=first[roots[i]].code if roots[i] != i else None,
        )
        for i, finding in enumerate(first)
    ]
    return sorted(found, key=lambda finding: _order(finding, rules))


def _cause(at: int, findings: Sequence[Finding], rules: Mapping[str, Rule]) -> int:
    """Position of the first finding that explains this one; its own where none does.

    Of two that explain each other the one that comes first is the cause.
    """
    for other, cause in enumerate(findings):
        if other == at or not _explains(cause, findings[at], rules):
            continue
        if other < at or not _explains(findings[at], cause, rules):
            return other
    return at


def _root(at: int, causes: Sequence[int]) -> int:
    """Position of the cause that no other explains; where causes run in a circle, of its first."""
    seen: list[int] = []
    while at not in seen:
        seen.append(at)
        at = causes[at]
    return min(seen[seen.index(at) :])


def _explains(cause: Finding, finding: Finding, rules: Mapping[str, Rule]) -> bool:
    rule = rules.get(cause.code)
    if rule is None or finding.code not in rule.explains:
        return False
    return cause.severity != "note" or finding.severity == "note"


def _gravest(findings: Sequence[Finding]) -> str:
    return reduce(worse, [finding.severity for finding in findings])


def _order(finding: Finding, rules: Mapping[str, Rule]) -> tuple[int, int, int, float, str]:
    """Gravest first; of these causes before consequences, then by the rules' own order."""
    rule = rules.get(finding.code)
    size = finding.size if np.isfinite(finding.size) else UNBOUNDED
    return (
        GRAVITY[finding.severity],
        int(finding.consequence_of is not None),
        rule.blame if rule is not None else 99,
        -size,
        finding.code,
    )
