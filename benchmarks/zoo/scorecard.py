"""The scorecard as text, 80 columns: totals, each rule's own figures, and what went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from benchmarks.zoo.cases import Case
from benchmarks.zoo.runs import Outcome
from benchmarks.zoo.score import DEFINITIONS, Score, score
from benchmarks.zoo.totals import (
    MEASURES,
    Proportion,
    RuleTotals,
    Stability,
    Totals,
    rule_totals,
    totals,
)

TITLES = {
    "detected": "detected",
    "leading_right": "leading right",
    "class_right": "class right",
    "layer_right": "layer within one",
    "verdict_right": "verdict right",
    "false_alarm": "false alarm",
}
Rows = list[tuple[str, str]]  # title, cell
NAME, CELL = 17, 21  # widths; three parts fill 80 columns
RULE_NAME, RULE_CELL = 8, 24


@dataclass(frozen=True)
class Part:
    """What one part came to."""

    name: str
    scores: tuple[Score, ...]
    unscored: tuple[Outcome, ...]
    totals: Totals = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "totals", totals(self.scores))


def part_of(name: str, outcomes: Iterable[Outcome]) -> Part:
    """Score one part's runs."""
    own = [outcome for outcome in outcomes if outcome.run.case.part == name]
    scores = [
        score(one.run.case, one.run.seed, one.said.report, one.said.order)
        for one in own
        if one.said
    ]
    return Part(name, tuple(scores), tuple(one for one in own if one.said is None))


def text(parts: Sequence[Part], about: str, *, blind: bool) -> str:
    """The whole scorecard; only its totals where it is blind."""
    blocks = [about, DEFINITIONS]
    halves = [parts[i : i + ABREAST] for i in range(0, len(parts), ABREAST)]
    blocks += ["\n".join(_totals(half)) for half in halves]
    if not blind:
        blocks += ["\n".join(_rules(half)) for half in halves]
    return "\n\n".join(blocks)


ABREAST = 2  # parts beside each other in 80 columns


# -- totals -----------------------------------------------------------------------------------------


def rows(part: Part) -> Iterator[tuple[str, Rows]]:
    """The table of one part: headings, and under each its rows."""
    found = part.totals
    yield (
        "",
        [
            ("scripts", f"{found.sick} sick, {found.healthy} well"),
            ("runs", str(len(part.scores))),
            ("nothing observed", str(sum(not one.observed for one in part.scores))),
            ("not scored", str(len(part.unscored))),
        ],
    )
    yield "of all runs", _cells(found.runs)
    yield "of all cases", _cells(found.by_case)
    yield "stability", [*_stability("code + layer", found.leading), *_stability("code", found.code)]


def _cells(found: Mapping[str, Proportion]) -> Rows:
    return [(TITLES[name], cell(found[name])) for name in MEASURES]


def _stability(what: str, found: Stability) -> Rows:
    share = "-" if found.share is None else f"mean {100 * found.share:3.0f}"
    return [(what, share), ("all seeds alike", cell(found.alike))]


def cell(found: Proportion) -> str:
    """Count, percentage and its interval.

    >>> cell(Proportion(115, 120)), cell(Proportion(0, 0))
    ('115/120  96 (91-98)', '-')
    """
    if found.interval is None:
        return "-"
    low, high = found.interval
    return f"{found.k}/{found.n} {100 * found.k / found.n:3.0f} ({100 * low:.0f}-{100 * high:.0f})"


def _totals(parts: Sequence[Part]) -> Iterator[str]:
    yield "k of n, per cent (interval)"
    yield _line("", [part.name for part in parts])
    for blocks in zip(*(rows(part) for part in parts), strict=True):
        if blocks[0][0]:
            yield blocks[0][0]
        for cells in zip(*(listed for _, listed in blocks), strict=True):
            yield _line(cells[0][0], [one for _, one in cells])


def _line(title: str, cells: Iterable[str]) -> str:
    return (f"{title:<{NAME}}" + "".join(f"{one:>{CELL}}" for one in cells)).rstrip()


# -- rules ------------------------------------------------------------------------------------------

RULES_LEGEND = """\
Each rule: cases and runs in which it speaks, of those whose label names it
first; healthy runs in which it speaks (alarm); sick runs that it leads although
the label does not name it (mis.)."""


def rules_by_code(parts: Sequence[Part]) -> dict[str, list[RuleTotals | None]]:
    """Each rule's figures in every part, None where a part has nothing of it."""
    by_part = [{rule.code: rule for rule in rule_totals(part.scores)} for part in parts]
    codes = sorted({code for found in by_part for code in found})
    return {code: [found.get(code) for found in by_part] for code in codes}


def _rules(parts: Sequence[Part]) -> Iterator[str]:
    yield RULES_LEGEND
    yield " " * RULE_NAME + "".join(f"{part.name:>{RULE_CELL}}" for part in parts)
    yield " " * RULE_NAME + f"{'cases':>6}{'runs':>7}{'alarm':>6}{'mis.':>5}" * len(parts)
    for code, found in rules_by_code(parts).items():
        yield f"{code:<{RULE_NAME}}" + "".join(map(_rule_cell, found))


def _rule_cell(rule: RuleTotals | None) -> str:
    if rule is None:
        return f"{'-':>6}{'-':>7}{'-':>6}{'-':>5}"
    found, runs = (f"{p.k}/{p.n}" if p.n else "-" for p in (rule.cases, rule.runs))
    return f"{found:>6}{runs:>7}{rule.alarms.k:>6}{rule.misled.k:>5}"


# -- failures ---------------------------------------------------------------------------------------


def failures(parts: Iterable[Part]) -> Iterator[str]:
    """Every failing case, its seeds together where the same was said of them."""
    for part in parts:
        wrong = [one for one in part.scores if not one.right]
        for case, group in groupby(wrong, lambda one: one.case):
            yield f"{case.part}/{case.name}: {case.what}"
            yield f"  label: {_label(case)}"
            yield from _alike(list(group))
        for one in part.unscored:
            yield f"{part.name}/{one.run.case.name} seed {one.run.seed}: not scored, {one.why}"


def _label(case: Case) -> str:
    asked = " or ".join(case.codes) if case.sick else "healthy"
    cause = f" by {' or '.join(case.cause)}" if case.cause else ""
    place = f" at {' '.join(case.layers)}" if case.layers else ""
    return f"{asked}{cause}{place}; {' or '.join(case.verdict)}"


def _alike(group: list[Score]) -> Iterator[str]:
    seeds: dict[tuple[str, str], list[int]] = {}
    for one in group:
        seeds.setdefault((_said(one), ", ".join(_wrong(one))), []).append(one.seed)
    for (said, wrong), of in seeds.items():
        yield f"  seed {' '.join(map(str, of))}: {said}"
        yield f"    wrong: {wrong}"


def _said(one: Score) -> str:
    code, layer, cause = one.said or ("nothing", "", "")
    place = (f" by {cause}" if cause else "") + (f" at {layer}" if layer else "")
    others = sorted(one.codes - {code})
    seen = "" if one.observed else "; no step observed"
    return f"{code}{place}; {one.verdict}{seen}" + (f"; also {' '.join(others)}" if others else "")


def _wrong(one: Score) -> list[str]:
    answers = {name: getattr(one, name) for name in MEASURES}
    return [TITLES[name] for name, yes in answers.items() if yes is (name == "false_alarm")]
