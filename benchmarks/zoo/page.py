"""The scorecard as a page of the documentation, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.zoo.score import DEFINITIONS, Score
from benchmarks.zoo.scorecard import RULES_LEGEND, Part, rows, rules_by_code
from benchmarks.zoo.totals import Proportion, RuleTotals, rule_totals

LEAD = """\
# How often the diagnosis is right

Numbers from one run of

```console
$ {command}
```

which trains scripts with a known fault, and healthy ones that look suspicious, each over several seeds,
and compares what `clinometer report` says with what is known.

The limits of the rules were worked out on `tuned`. `opened` was written by another author without
knowledge of the rules; when it was first judged 71 % of its cases were found, without a false alarm, and
then it was looked into. `unseen` and `reserve` were written by two more authors, from the list of rules
alone, and whoever wrote the rules has not read them: they are the columns to believe. After `unseen` had
been judged one order was changed (a flat output leads over the weights that made it flat); `reserve` was
judged after that. The figures of both are those of their first, blind judgement; what they showed was mended
afterwards (a curriculum is no loss spike; a faded gradient leads over small steps).

`fresh` came after that, 60 scripts by a fifth author, six of them with faults of confidence; judged once,
blind, in three seeds each: found 66 of 78 sick runs = 85 % (75 to 91), the layer within one in 33 of 39, no
false alarm in 102 healthy runs (0 to 4 %), the same leading finding and layer in 94 %. Not found: gradients
of a GAN's generator that are never zeroed, attention with a softmax over one key, a normalisation that
takes away the only information (found in one seed of three), one of three runs with a peak of the learning
rate, and a confidence beyond what 12 validation rows support. These are to be mended; the figures after
that need new scripts.

{about}

## What is counted

```text
{definitions}
```
"""


def markdown(parts: Sequence[Part], about: str, command: str, *, blind: bool) -> str:
    """The page; without each rule's own figures where it is blind."""
    lead = LEAD.format(command=command, about=about, definitions=DEFINITIONS)
    blocks = [lead, "## Totals\n", *_totals(parts)]
    if not blind:
        blocks += ["\n## Each rule\n", RULES_LEGEND, "", *_rules(parts)]
    return "\n".join(blocks) + "\n"


def _totals(parts: Sequence[Part]) -> Iterator[str]:
    yield "k of n, per cent, and its 95 % interval.\n"
    yield from _head(["", *(part.name for part in parts)])
    for blocks in zip(*(rows(part) for part in parts), strict=True):
        if blocks[0][0]:
            yield _row([f"**{blocks[0][0]}**", *[""] * len(parts)])
        for cells in zip(*(listed for _, listed in blocks), strict=True):
            yield _row([cells[0][0], *(one for _, one in cells)])


def _rules(parts: Sequence[Part]) -> Iterator[str]:
    heads = [
        f"{part.name}: {what}" for part in parts for what in ("cases", "runs", "alarm", "misled")
    ]
    yield from _head(["rule", *heads])
    for code, found in rules_by_code(parts).items():
        yield _row([code, *(one for rule in found for one in _rule_cells(rule))])


def _rule_cells(rule: RuleTotals | None) -> list[str]:
    if rule is None:
        return ["–"] * 4
    counts = (rule.cases, rule.runs, rule.alarms, rule.misled)
    return [f"{one.k}/{one.n}" if one.n else "–" for one in counts]


def _head(cells: Sequence[str]) -> Iterator[str]:
    yield _row(cells)
    yield "|---|" + "--:|" * (len(cells) - 1)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def as_json(parts: Sequence[Part], about: str, *, blind: bool) -> dict[str, Any]:
    """Everything, as plain values; only totals where it is blind."""
    told = {part.name: _part(part) for part in parts}
    if not blind:
        for part in parts:
            told[part.name]["rules"] = [_rule(rule) for rule in rule_totals(part.scores)]
            told[part.name]["each"] = [_run(one) for one in part.scores]
            told[part.name]["unscored"] = [
                {"case": one.run.case.name, "seed": one.run.seed, "why": one.why}
                for one in part.unscored
            ]
    return {"schema": 1, "about": about, "parts": told}


def _part(part: Part) -> dict[str, Any]:
    found = part.totals
    return {
        "sick": found.sick,
        "healthy": found.healthy,
        "not_scored": len(part.unscored),
        "runs": {name: _proportion(one) for name, one in found.runs.items()},
        "by_case": {name: _proportion(one) for name, one in found.by_case.items()},
        "stability": {
            name: {"share": one.share, "alike": _proportion(one.alike)}
            for name, one in (("leading", found.leading), ("code", found.code))
        },
    }


def _proportion(found: Proportion) -> dict[str, Any]:
    return {"k": found.k, "n": found.n, "interval": found.interval}


def _rule(rule: RuleTotals) -> dict[str, Any]:
    names = ("cases", "runs", "alarms", "misled")
    return {"code": rule.code, **{name: _proportion(getattr(rule, name)) for name in names}}


def _run(one: Score) -> dict[str, Any]:
    """A score with its case's name in place of the label."""
    return {**asdict(one), "case": one.case.name, "codes": sorted(one.codes)}
