"""Which remedies are proven: each against doing nothing, a sham and a random remedy, over seeds."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from clinometer.diagnosis.margins import MARGIN
from clinometer.records.treatment import (
    CONTROLS,
    HARMFUL,
    NO_BETTER,
    PROVEN,
    UNDECIDED,
    ArmResult,
    Measured,
)
from clinometer.stats.trials import MeanDifference, mean_difference, trials_to_decide
from clinometer.treatment import outcome as told
from clinometer.treatment.outcome import Measure, Record
from clinometer.treatment.treat_words import why_open

# 1 % of what there is to learn counts as nothing learned; an outcome's slope at the level is a quarter of it.
SMALLEST = {"share": MARGIN / 4, "wrong": MARGIN}
UNITS = {
    **dict.fromkeys(("cross_entropy", "binary_cross_entropy", "nll_loss"), "nat"),
    "squared_error": "squared units",
    "absolute_error": "units",
}
Key = tuple[int, str]  # seed, moment


@dataclass(frozen=True)
class Comparison:
    """One arm against one control, over the seeds that have both.

    found : of the improvements; None where no pair can be told
    how : what is compared
    margin : the least difference that matters, in the same measure
    broke : pairs in which the arm failed or diverged and no size can be given, so that nothing is proven
    same : pairs left out because script and remedy gave the same numbers, bit for bit, in another seed
    """

    found: MeanDifference | None
    how: Measure
    margin: float
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
        """The loss that the trials of a seed began with."""
        key = seed, moment
        return told.reference_of([mine[key] for mine in self.by_arm.values() if key in mine])

    def pairs(self, arm: str, control: str, moment: str) -> dict[int, tuple[Record, Record]]:
        """(arm, control) by seed, as far as both count."""
        mine, others = self.of(arm, moment), self.of(control, moment)
        return {seed: (mine[seed], others[seed]) for seed in mine if seed in others}

    def compare(self, arm: str, control: str, moment: str) -> Comparison:
        """One arm against one control."""
        pairs = self.pairs(arm, control, moment)
        once = distinct(pairs)
        how = told.measure_of(list(pairs.values()), self.new_loss)
        references = {seed: self.reference(seed, moment) for seed in once}
        gains = [
            gain
            for seed, (one, other) in once.items()
            if (gain := told.improvement(one, other, how, references[seed], self.new_loss))
            is not None
        ]
        sizes = [abs(value) for value in references.values() if value is not None]
        margin = SMALLEST.get(how, MARGIN * fmean(sizes) if sizes else 0.0)
        finite = [gain for gain in gains if abs(gain) < math.inf]
        broke = sum(gain == -math.inf for gain in gains)
        return Comparison(mean_difference(finite), how, margin, broke, len(pairs) - len(once))


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


def judge(
    records: Iterable[Record], *, new_loss: Collection[str] = (), at: int = 0
) -> tuple[tuple[ArmResult, ...], tuple[tuple[str, str], ...]]:
    """Judge every arm of a treatment.

    Parameters
    ----------
    records : of the trials, as in the results file; the order of the arms is that of their proposal
    new_loss : names of remedies after which the loss is another quantity
    at : step at which a running state is treated: what a new start gives up

    Returns
    -------
    (arms, not applicable) : remedies and controls in the order of the records, doing nothing left out (see
        `ordered`); (name, why) of those that could not be applied in any seed.

    Notes
    -----
    Proven: the 95 % interval of the improvement lies above 0 against doing nothing, a sham and a random
    remedy, the mean is larger than what the sham did, and no smaller than 1 % of what there is to learn.
    Harmful: below 0 against doing nothing and the sham, by as much. No better than random: no improvement
    over doing nothing (beyond the sham's spread) or over the random remedy that would matter is left in
    the interval. Else undecided.
    """
    trials = Trials(records, new_loss)
    arms, missing = [], []
    for name, moment in trials.arms():
        every = [one for key, one in trials.by_arm[name].items() if key[1] == moment]
        if every[0].get("kind") == "nothing":
            continue
        if not trials.of(name, moment):
            missing.append((name, _missing(every)))
            continue
        arms.append(_arm(trials, name, moment, at))
    return tuple(arms), tuple(missing)


def _missing(every: Sequence[Record]) -> str:
    """Why an arm has no result."""
    whys = [str(one.get("why") or f"ended: {one.get('ended')}") for one in every]
    return max(dict.fromkeys(whys), key=whys.count)


def _arm(trials: Trials, name: str, moment: str, at: int) -> ArmResult:
    mine = trials.of(name, moment)
    first = next(iter(mine.values()))
    kind = str(first["kind"])
    against = {
        control: trials.compare(name, control, moment) for control in CONTROLS if control != name
    }
    sham = trials.compare("sham", "nothing", moment) if name != "sham" else None
    verdict = verdict_of(against, sham.found if sham is not None else None)
    pairs = trials.pairs(name, "nothing", moment)
    failed = sum(told.has_failed(a) and not told.has_failed(b) for a, b in pairs.values())
    nothing = against["nothing"]
    return ArmResult(
        name=name,
        kind=kind,
        moment=moment,
        verdict=verdict,
        done=str(first.get("done") or ""),
        against={key: one.found for key, one in against.items() if one.found is not None},
        loss=_loss(list(pairs.values()), trials.new_loss),
        validation=_validation(list(pairs.values()), trials.new_loss),
        factor=_factor(list(pairs.values())),
        steps_given_up=at if moment == "start" else 0,
        steps_to_match=_match(list(pairs.values()), trials.new_loss),
        seeds=nothing.found.n if nothing.found is not None else 0,
        seeds_needed=needed(against) if verdict == UNDECIDED else None,
        failed=failed,
        states=tuple(str(one["verdict"]) for one in mine.values() if one.get("verdict")),
        why=why_open(verdict, against, failed, list(pairs.values())),
    )


def verdict_of(against: Mapping[str, Comparison], sham: MeanDifference | None) -> str:
    """The word for an arm, from its comparisons and from what the sham did (improvement over nothing)."""
    nothing, random = against["nothing"], against.get("random")
    others = [one for name, one in against.items() if name != "random"]
    if nothing.found is None:
        return UNDECIDED
    chance = abs(sham.mean) if sham is not None else 0.0
    if all(
        one.found is not None and one.found.low > 0 and not one.broke for one in against.values()
    ) and nothing.found.mean > max(chance, nothing.margin):
        return PROVEN
    if _harms(others):
        return HARMFUL
    spread = sham.spread if sham is not None and sham.n > 1 else 0.0
    if nothing.found.high <= max(nothing.margin, spread):
        return NO_BETTER
    if random is not None and random.found is not None and random.found.high <= random.margin:
        return NO_BETTER
    return UNDECIDED


def _harms(others: Sequence[Comparison]) -> bool:
    """Worse than each of these by more than what matters, or broken in every pair where they were not."""
    return all(
        one.found is not None and one.found.high < 0 and one.found.mean < -one.margin
        for one in others
    )


def needed(against: Mapping[str, Comparison]) -> int | None:
    """Seeds that would decide all that is open; None where that cannot be told."""
    found = []
    for one in against.values():
        if one.found is None or one.broke or one.margin <= 0:
            return None
        is_open = one.found.low <= 0 <= one.found.high
        number = trials_to_decide(one.found, one.margin) if is_open else one.found.n
        if number is None:
            return None
        found.append(number)
    most = max(found)
    return most if most > max(one.found.n for one in against.values() if one.found) else None


def ordered(arms: Sequence[ArmResult], proposed: Sequence[str]) -> tuple[ArmResult, ...]:
    """Remedies first: the proven by size, the cheapest (first proposed) among equals; then controls.

    Equal are those whose mean improvements differ by less than what matters.
    """
    place = {name: number for number, name in enumerate(proposed)}
    words = {PROVEN: 0, UNDECIDED: 1, NO_BETTER: 2, HARMFUL: 3}

    def rank(arm: ArmResult) -> tuple[bool, int, int]:
        return arm.kind != "remedy", words[arm.verdict], place.get(arm.name, len(place))

    listed = sorted(arms, key=rank)
    proven = [arm for arm in listed if arm.kind == "remedy" and arm.verdict == PROVEN]
    first: list[ArmResult] = []
    while proven:
        best = max(arm.gain for arm in proven)
        chosen = next(arm for arm in proven if arm.gain > best - SMALLEST["share"])
        first.append(chosen)
        proven.remove(chosen)
    return (*first, *(arm for arm in listed if arm not in first))


def _comparable(pairs: Sequence[tuple[Record, Record]], new_loss: Collection[str]) -> bool:
    """Whether losses of both arms are of the same quantity in every pair."""
    return bool(pairs) and all(
        told.same_loss(a, b)
        and not told.has_new_loss(a, new_loss)
        and not told.has_new_loss(b, new_loss)
        for a, b in pairs
    )


def _loss(pairs: Sequence[tuple[Record, Record]], new_loss: Collection[str]) -> Measured | None:
    if not _comparable(pairs, new_loss):
        return None
    both = [(told.late(told.losses(b)), told.late(told.losses(a))) for a, b in pairs]
    both = [pair for pair in both if not any(map(math.isnan, pair))]
    return _measured(both, UNITS.get(str(pairs[0][1].get("loss")), ""))


def _validation(
    pairs: Sequence[tuple[Record, Record]], new_loss: Collection[str]
) -> Measured | None:
    """The last validation loss that both arms have, at the same step."""
    if not _comparable(pairs, new_loss):
        return None
    both = []
    for arm, nothing in pairs:
        own, other = (
            {int(step): float(value) for step, value in one.get("validation") or ()}
            for one in (arm, nothing)
        )
        common = sorted(own.keys() & other.keys())
        if common:
            both.append((other[common[-1]], own[common[-1]]))
    return _measured(both, UNITS.get(str(pairs[0][1].get("loss")), ""))


def _factor(pairs: Sequence[tuple[Record, Record]]) -> Measured | None:
    """The blamed factor; the difference is arm less nothing, so that more passing is above 0."""
    both = []
    name = ""
    for arm, nothing in pairs:
        values = [(one.get("factor") or {}).get("value") for one in (nothing, arm)]
        if None not in values:
            name = str((arm.get("factor") or {}).get("name") or "")
            both.append((float(values[0]), float(values[1])))  # type: ignore[arg-type]
    found = _measured([(-a, -b) for a, b in both], f"decades of {name}" if name else "decades")
    if found is None:
        return None
    return Measured(found.difference, -found.nothing, -found.arm, found.unit)


def _measured(both: Sequence[tuple[float, float]], unit: str) -> Measured | None:
    """From (nothing, arm) of each seed; None without a pair."""
    if not both:
        return None
    nothing, arm = fmean(pair[0] for pair in both), fmean(pair[1] for pair in both)
    differences = [a - b for a, b in both]
    finite = all(abs(one) < math.inf for one in differences)
    return Measured(mean_difference(differences) if finite else None, nothing, arm, unit)


def _match(pairs: Sequence[tuple[Record, Record]], new_loss: Collection[str]) -> int | None:
    if not _comparable(pairs, new_loss):
        return None
    found = []
    for arm, nothing in pairs:
        steps = told.steps_to_match(told.losses(arm), told.late(told.losses(nothing)))
        if steps is None:
            return None
        found.append(steps)
    return int(median(found))


def notes_of(records: Iterable[Record]) -> tuple[str, ...]:
    """What has to be known of these trials: seeds that are none, pairs that are no pairs."""
    trials = Trials(records)
    notes = []
    for moment in dict.fromkeys(moment for _, moment in trials.arms()):
        nothing = trials.of("nothing", moment)
        traces = {tuple(map(str, one.get("losses") or ())) for one in nothing.values()}
        if len(nothing) > 1 and len(traces) == 1 and any(traces):
            notes.append(
                f"The {len(nothing)} seeds gave the same run, bit for bit: a seed does not move this "
                "script, so they count as one."
            )
        if any(map(_parted, _by_seed(trials, moment).values())):
            notes.append(
                "Arms of one seed differ before the treatment: the script is not deterministic, so the "
                "differences are of runs that only resemble each other, not of pairs."
            )
    return tuple(dict.fromkeys(notes))


def _by_seed(trials: Trials, moment: str) -> dict[int, list[Record]]:
    found: dict[int, list[Record]] = {}
    for name, when in trials.arms():
        if when == moment:
            for seed, record in trials.of(name, when).items():
                found.setdefault(seed, []).append(record)
    return found


def _parted(arms: Sequence[Record]) -> bool:
    """Whether the losses before the treatment are not the same in all."""
    return len({one.get("prefix") for one in arms if one.get("prefix") is not None}) > 1
