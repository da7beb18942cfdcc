"""Pairs of trials of one seed, and one arm against one control over the seeds."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from clinometer.diagnosis.margins import MARGIN
from clinometer.stats.trials import MeanDifference, mean_difference
from clinometer.treatment import outcome as told
from clinometer.treatment.outcome import Measure, Record, Watched

# 1 % of what there is to learn counts as nothing learned; an outcome's slope at the level is a quarter of it.
SMALLEST = {"share": MARGIN / 4, "course": MARGIN / 4, "validation": MARGIN / 4, "wrong": MARGIN}
Key = tuple[int, str]  # seed, moment


@dataclass(frozen=True)
class Comparison:
    """One arm against one control, over the seeds that have both.

    found : of the improvements; None where no pair can be told
    how : what is compared
    margin : the least difference that matters, in the same measure
    apart : whether losses are of different quantities
    broke : pairs in which the arm failed or diverged and no size can be given, so that nothing is proven
    same : pairs left out because script and remedy gave the same numbers, bit for bit, in another seed
    """

    found: MeanDifference | None
    how: Measure
    margin: float
    apart: bool = False
    broke: int = 0
    same: int = 0


class Trials:
    """The records of one treatment, each once, by arm, seed and moment."""

    def __init__(self, records: Iterable[Record], new_loss: Collection[str] = ()) -> None:
        self.new_loss = frozenset(new_loss)
        self.by_arm: dict[str, dict[Key, Record]] = {}
        for record in records:
            mine = self.by_arm.setdefault(str(record["arm"]), {})
            key = int(record["seed"]), str(record["moment"])
            if key not in mine or told.counts(record) or not told.counts(mine[key]):
                mine[key] = record

    def arms(self) -> list[tuple[str, str]]:
        """(name, moment) of each arm, in the order of the records."""
        return list(
            dict.fromkeys((name, key[1]) for name, mine in self.by_arm.items() for key in mine)
        )

    def of(self, arm: str, moment: str) -> dict[int, Record]:
        """The records of one arm that can be held against others, by seed."""
        mine = self.by_arm.get(arm, {})
        return {
            seed: record
            for (seed, when), record in sorted(mine.items())
            if when == moment and told.counts(record)
        }

    def reference(self, seed: int, moment: str) -> float | None:
        """What a loss of this seed is held against: its level, or where the trials began."""
        key = seed, moment
        return told.reference_of([mine[key] for mine in self.by_arm.values() if key in mine])

    def pairs(self, arm: str, control: str, moment: str) -> dict[int, tuple[Record, Record]]:
        """(arm, control) by seed, as far as both count."""
        mine, others = self.of(arm, moment), self.of(control, moment)
        return {seed: (mine[seed], others[seed]) for seed in mine if seed in others}

    def compare(self, arm: str, control: str, moment: str, watched: Watched = "end") -> Comparison:
        """One arm against one control.

        Against random: the random remedy of a seed, or doing nothing where that did better. What beats the
        better of both on average beats either; harm done at random would only widen the interval.
        """
        pairs = self.pairs(arm, control, moment)
        once = distinct(pairs)
        beside = self.of("nothing", moment) if control == "random" else {}
        held = {
            seed: [pair, *([(pair[0], beside[seed])] if seed in beside else [])]
            for seed, pair in once.items()
        }
        every = [*pairs.values(), *(pair for listed in held.values() for pair in listed)]
        alone = list(self.pairs(arm, "nothing", moment).values())
        how = told.measure_of(every, self.new_loss, watched, alone)
        references = {seed: self.reference(seed, moment) for seed in once}
        gains = [
            gain
            for seed, listed in held.items()
            if (gain := self._gain(listed, how, references[seed])) is not None
        ]
        sizes = [abs(value) for value in references.values() if value is not None]
        margin = SMALLEST.get(how, MARGIN * fmean(sizes) if sizes else 0.0)
        finite = [gain for gain in gains if abs(gain) < math.inf]
        broke = sum(gain == -math.inf for gain in gains)
        apart = not all(told.is_same_quantity(*pair, self.new_loss) for pair in pairs.values())
        return Comparison(
            mean_difference(finite), how, margin, apart, broke, len(pairs) - len(once)
        )

    def _gain(
        self, listed: Sequence[tuple[Record, Record]], how: Measure, reference: float | None
    ) -> float | None:
        """The least improvement of these pairs; None where that over the first cannot be told."""
        found = [told.improvement(*pair, how, reference, self.new_loss) for pair in listed]
        return min(one for one in found if one is not None) if found[0] is not None else None


def distinct(pairs: Mapping[int, tuple[Record, Record]]) -> dict[int, tuple[Record, Record]]:
    """Pairs that are not, bit for bit, those of an earlier seed: a seed that moves nothing is no seed."""
    seen: set[tuple[object, ...]] = set()
    found = {}
    for seed, pair in pairs.items():
        trace = tuple(tuple(map(str, one.get("losses") or ())) for one in pair)
        if any(trace) and trace in seen:
            continue
        seen.add(trace)
        found[seed] = pair
    return found
