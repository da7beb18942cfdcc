"""A treatment in words: the sentence on top, and why an arm is not proven."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from clinometer.diagnosis.remedies import in_words
from clinometer.records.treatment import HARMFUL, NO_BETTER, PROVEN, UNDECIDED, ArmResult, Measured
from clinometer.treatment.outcome import Record, has_failed

if TYPE_CHECKING:
    from clinometer.treatment.judgement_pairs import Comparison

SPOKEN = {"nothing": "doing nothing", "sham": "a sham", "random": "a random remedy"}


def why_open(
    verdict: str,
    against: Mapping[str, Comparison],
    failed: int,
    pairs: Sequence[tuple[Record, Record]],
) -> str:
    """What kept an arm from being proven; with what failed."""
    on_training = all(one.how != "validation" for one in against.values())
    if on_training and pairs and all(a["losses"] == b["losses"] and a["losses"] for a, b in pairs):
        return "Its losses are those of doing nothing, bit for bit: the change had no effect."
    return " ".join(part for part in (_reason(verdict, against), _failures(failed, pairs)) if part)


def _reason(verdict: str, against: Mapping[str, Comparison]) -> str:
    missing = [SPOKEN[name] for name, one in against.items() if one.found is None]
    if verdict == PROVEN:
        return ""
    if verdict == HARMFUL:
        return "Worse than doing nothing and than a sham."
    if verdict == NO_BETTER:
        nothing, random = against["nothing"].found, against.get("random")
        beats = nothing is not None and nothing.low > 0
        if beats and random is not None and random.found is not None:
            if random.found.low > 0:
                return "Better than doing nothing, but by less than would matter."
            return "Better than doing nothing, but a random remedy did as much."
        return "It ended no better than doing nothing."
    if missing and any(one.how == "validation" for one in against.values()):
        return "No evaluation pass was seen within its trials: watch them for longer (--steps)."
    if missing and any(one.apart for one in against.values()):
        return (
            "The losses are different quantities, and no share of right rows was seen beside them."
        )
    if missing:
        return f"There is nothing to hold it against: no trial of {' or of '.join(missing)} counts."
    if any(one.found is not None and one.found.n < 2 for one in against.values()):
        same = any(one.same for one in against.values())
        return (
            "The seeds gave the same numbers, bit for bit: they are one pair, which has no interval."
            if same
            else "One pair has no interval."
        )
    broke = max(one.broke for one in against.values())
    if broke:
        return f"It diverged in {broke} of the seeds."
    return _open(against)


def _open(against: Mapping[str, Comparison]) -> str:
    holding = [
        SPOKEN[name]
        for name, one in against.items()
        if one.found is not None and one.found.low <= 0 <= one.found.high
    ]
    if holding:
        return f"The interval holds 0 against {_listed(holding)}."
    worse = [
        SPOKEN[name]
        for name, one in against.items()
        if one.found is not None and one.found.high < 0
    ]
    if worse:
        return f"Better or worse by what it is held against: worse than {_listed(worse)}."
    return (
        "The improvement is smaller than 1 % of what there is to learn, or than what the sham did."
    )


def _failures(failed: int, pairs: Sequence[tuple[Record, Record]]) -> str:
    both = sum(has_failed(a) and has_failed(b) for a, b in pairs)
    said = []
    if failed:
        first = next(a for a, b in pairs if has_failed(a) and not has_failed(b))
        said.append(
            f"It failed in {failed} of {len(pairs)} seeds where doing nothing did not, counted as the worst "
            f"outcome ({first.get('why') or first.get('ended')})."
        )
    if both:
        said.append(f"In {both} of {len(pairs)} seeds both it and doing nothing failed.")
    return " ".join(said)


def headline(
    arms: Sequence[ArmResult], steps: int, seeds: int, by_hand: int = 0
) -> tuple[str, str | None]:
    """(the sentence on top, the remedy it recommends or None); arms as `judgement.ordered` has them."""
    remedies = [arm for arm in arms if arm.kind == "remedy"]
    proven = [arm for arm in remedies if arm.verdict == PROVEN]
    if proven:
        best = proven[0]
        said = f"Proven: {in_words(best.name)}. {_effect(best, steps)}; {_controls(arms, best)}."
        if still := _still(best):
            said += f" {still}"
        return said, best.name
    if not remedies:
        hand = " What might help has to be tried by hand." if by_hand else ""
        return f"None is proven: no remedy could be tried on this run.{hand}", None
    return f"None is proven. {_rest(remedies, seeds)}", None


def _effect(arm: ArmResult, steps: int) -> str:
    inside = f"{_counted(arm.seeds, 'seed')}"
    after = f"{'over' if arm.watched == 'course' else 'after'} {_counted(steps, 'step')}"
    if arm.watched == "validation" and arm.validation is not None:
        return (
            f"Validation loss {loss_change(arm.validation)} {after} "
            f"({inside}{_interval(arm.validation)})"
        )
    if arm.loss is None or arm.watched == "course":
        gain = arm.against["nothing"]
        ends = f"95 % {gain.low:.3f} to {gain.high:.3f}"
        return f"Outcome better by {gain.mean:.3f} of 1 {after} ({inside}; {ends})"
    return f"Loss {loss_change(arm.loss)} {after} ({inside}{_interval(arm.loss)})"


def loss_change(loss: Measured) -> str:
    """From nothing to arm.

    >>> loss_change(Measured(None, math.inf, 0.41, "nat"))
    'not finite -> 0.41'
    """
    return f"{_figure(loss.nothing)} -> {_figure(loss.arm)}"


def _figure(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "not finite"


def _interval(loss: Measured) -> str:
    found = loss.difference
    if found is None or found.interval is None:
        return ""
    unit = f" {loss.unit}" if loss.unit else ""
    return f"; lower by {found.mean:.3g}{unit}, 95 % {found.low:.3g} to {found.high:.3g}"


def _controls(arms: Sequence[ArmResult], best: ArmResult) -> str:
    """What the controls of its moment did, in losses where they are comparable."""
    controls = [arm for arm in arms if arm.kind != "remedy" and arm.moment == best.moment]
    better = [SPOKEN[arm.name] for arm in controls if arm.verdict == PROVEN]
    if better:
        return f"{_listed(better)} helped too, but less"
    return "doing nothing, a sham and a random remedy did not do as well"


def _still(arm: ArmResult) -> str:
    """What is left: a proven remedy need not cure."""
    ill = [word for word in arm.states if word in {"stuck", "diverged", "not-training"}]
    if len(ill) * 2 <= len(arm.states):
        return ""
    word = max(dict.fromkeys(ill), key=ill.count)
    return (
        f"It is better, not cured: {len(ill)} of {len(arm.states)} treated runs are still {word}."
    )


def _rest(remedies: Sequence[ArmResult], seeds: int) -> str:
    said = []
    for verdict, words in (
        (UNDECIDED, "undecided"),
        (NO_BETTER, "no better than random"),
        (HARMFUL, "harmful"),
    ):
        these = [in_words(arm.name) for arm in remedies if arm.verdict == verdict]
        if these:
            said.append(f"{words[0].upper()}{words[1:]}: {'; '.join(these)}.")
    more = [
        arm.seeds_needed
        for arm in remedies
        if arm.seeds_needed is not None and arm.seeds_needed > seeds
    ]
    if more:
        said.append(
            f"About {min(more):,} seeds would decide at least one of them (--seeds {min(more)})."
        )
    return " ".join(said)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _counted(many: int, thing: str) -> str:
    return f"{many:,} {thing}{'' if many == 1 else 's'}"


def not_finished(records: Sequence[Record], planned: int) -> str:
    """What is there where trials are missing."""
    done = sum(one.get("ended") != "interrupted" for one in records)
    return (
        f"{done} of {planned} trials were done; what is missing is run by the same command, and what is "
        "there is not run again."
    )


def uncounted(missing: Sequence[tuple[str, str]], remedies: Sequence[str]) -> Iterator[str]:
    """Controls that do not count, those of one reason together; not where a remedy has told it already.

    >>> list(uncounted([("a", "x"), ("sham", "x"), ("sham", "y"), ("random", "y")], ["a"]))
    ['No sham or random trial counts: y']
    """
    told = {why for name, why in missing if name in remedies}
    controls: dict[str, list[str]] = {}
    for name, why in missing:
        if name not in remedies and why not in told:
            controls.setdefault(why, []).append(name)
    for why, names in controls.items():
        yield f"No {' or '.join(names)} trial counts: {why}"
