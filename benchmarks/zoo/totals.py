"""Counts of many scores: proportions over runs and over cases, stability, and each rule's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from benchmarks.zoo.score import Score

from clinometer.stats.binomial import wilson

Group = Sequence[Score]  # the seeds of one case
MEASURES = (
    "detected",
    "leading_right",
    "class_right",
    "layer_right",
    "verdict_right",
    "false_alarm",
)


@dataclass(frozen=True)
class Proportion:
    """k of n."""

    k: int
    n: int

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's, 95 %; None for none of none."""
        return wilson(self.k, self.n) if self.n else None


@dataclass(frozen=True)
class Stability:
    """How alike the seeds of a sick case are.

    Attributes
    ----------
    share : mean over cases of the share of seeds that say what most say; None without cases
    alike : cases in which all seeds say the same
    """

    share: float | None
    alike: Proportion


@dataclass(frozen=True)
class Totals:
    """A part's figures; the keys of `runs` and `by_case` are MEASURES."""

    sick: int
    healthy: int
    runs: dict[str, Proportion]
    by_case: dict[str, Proportion]
    leading: Stability
    code: Stability


@dataclass(frozen=True)
class RuleTotals:
    """One rule's figures.

    Attributes
    ----------
    cases, runs : found, of those whose label names this code first
    alarms : healthy runs in which it speaks
    misled : sick runs that it leads although their label does not name it
    """

    code: str
    cases: Proportion
    runs: Proportion
    alarms: Proportion
    misled: Proportion


def totals(scores: Iterable[Score]) -> Totals:
    """The figures of one part."""
    every = list(scores)
    cases = by_case(every)
    sick = [group for group in cases if group[0].case.sick]
    return Totals(
        sick=len(sick),
        healthy=len(cases) - len(sick),
        runs={name: _share(getattr(s, name) for s in every) for name in MEASURES},
        by_case={name: _share(_of_case(name, group) for group in cases) for name in MEASURES},
        leading=stability(sick, lambda score: score.said and score.said[:2]),
        code=stability(sick, lambda score: score.said and score.said[0]),
    )


def by_case(scores: Iterable[Score]) -> list[list[Score]]:
    """The scores of each case together."""

    def key(score: Score) -> tuple[str, str]:
        return score.case.part, score.case.name

    return [list(group) for _, group in groupby(sorted(scores, key=key), key)]


def _share(answers: Iterable[bool | None]) -> Proportion:
    asked = [answer for answer in answers if answer is not None]
    return Proportion(sum(asked), len(asked))


def _of_case(name: str, group: Group) -> bool | None:
    """A false alarm in any seed; anything else in more than half of them."""
    answers = [getattr(score, name) for score in group]
    if None in answers:
        return None
    return any(answers) if name == "false_alarm" else most(answers)


def most(answers: Sequence[bool]) -> bool:
    """More than half.

    >>> most([True, False]), most([True, True, False])
    (False, True)
    """
    return 2 * sum(answers) > len(answers)


def stability(groups: Iterable[Group], what: Callable[[Score], object]) -> Stability:
    """How alike the seeds of each case are in something; saying nothing is an answer, too.

    A case with a single seed is alike by necessity and left out.
    """
    shares = [
        Counter(what(score) for score in group).most_common(1)[0][1] / len(group)
        for group in groups
        if len(group) > 1
    ]
    alike = Proportion(sum(share == 1 for share in shares), len(shares))
    return Stability(sum(shares) / len(shares) if shares else None, alike)


def rule_totals(scores: Iterable[Score], also: Iterable[str] = ()) -> list[RuleTotals]:
    """The figures of every rule that a label names first or that spoke, and of others; by code."""
    every = list(scores)
    named = {score.case.codes[0] for score in every if score.case.sick}
    spoke = {code for score in every for code in score.codes}
    return [_of_rule(code, every) for code in sorted({*named, *spoke, *also})]


def _of_rule(code: str, every: Group) -> RuleTotals:
    own = [score for score in every if score.case.codes[:1] == (code,)]
    return RuleTotals(
        code=code,
        cases=_share(most([code in s.codes for s in group]) for group in by_case(own)),
        runs=_share(code in score.codes for score in own),
        alarms=_share(code in score.codes for score in every if not score.case.sick),
        misled=_share(_misleads(code, score) for score in every if score.case.sick),
    )


def _misleads(code: str, score: Score) -> bool:
    return score.said is not None and score.said[0] == code and code not in score.case.codes
