"""Which remedies are proven: each against doing nothing, a sham and a random remedy, over seeds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType

from clinometer.records.treatment import (
    CONTROLS,
    HARMFUL,
    NO_BETTER,
    PROVEN,
    UNDECIDED,
    ArmResult,
)
from clinometer.stats.trials import MeanDifference, trials_to_decide
from clinometer.treatment import judgement_numbers as numbers
from clinometer.treatment import outcome as told
from clinometer.treatment.judgement_pairs import SMALLEST, Comparison, Trials
from clinometer.treatment.outcome import Record, Watched
from clinometer.treatment.treat_words import why_open

NOT_SAID: Mapping[str, Watched] = MappingProxyType({})


def judge(
    records: Iterable[Record],
    *,
    new_loss: Collection[str] = (),
    at: int = 0,
    watched: Mapping[str, Watched] = NOT_SAID,
) -> tuple[tuple[ArmResult, ...], tuple[tuple[str, str], ...]]:
    """Judge every arm of a treatment.

    Parameters
    ----------
    records : of the trials, as in the results file; the order of the arms is that of their proposal
    new_loss : names of remedies after which the loss is another quantity
    at : step at which a running state is treated: what a new start gives up
    watched : what of its trials an arm is judged by, where that is not how they end

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
        arms.append(_arm(trials, name, moment, at, watched.get(name, "end")))
    return tuple(arms), tuple(missing)


def _missing(every: Sequence[Record]) -> str:
    """Why an arm has no result."""
    whys = [str(one.get("why") or f"ended: {one.get('ended')}") for one in every]
    return max(dict.fromkeys(whys), key=whys.count)


def _arm(trials: Trials, name: str, moment: str, at: int, watched: Watched) -> ArmResult:
    mine = trials.of(name, moment)
    first = next(iter(mine.values()))
    kind = str(first["kind"])
    against = {
        control: trials.compare(name, control, moment, watched)
        for control in CONTROLS
        if control != name
    }
    sham = trials.compare("sham", "nothing", moment, watched) if name != "sham" else None
    verdict = verdict_of(against, sham.found if sham is not None else None)
    pairs = trials.pairs(name, "nothing", moment)
    failed = sum(told.has_failed(a) and not told.has_failed(b) for a, b in pairs.values())
    nothing = against["nothing"]
    return ArmResult(
        name=name,
        kind=kind,
        moment=moment,
        verdict=verdict,
        watched=watched,
        done=str(first.get("done") or ""),
        against={key: one.found for key, one in against.items() if one.found is not None},
        loss=numbers.loss(list(pairs.values()), trials.new_loss),
        validation=numbers.validation(list(pairs.values())),
        factor=numbers.factor(list(pairs.values())),
        arriving=numbers.arriving(list(pairs.values())),
        steps_given_up=at if moment == "start" else 0,
        steps_to_match=numbers.match(list(pairs.values()), trials.new_loss),
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
