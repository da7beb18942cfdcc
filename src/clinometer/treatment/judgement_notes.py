"""What has to be known of the trials themselves, before anything is read from their differences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from clinometer.treatment.judgement_pairs import Trials
from clinometer.treatment.outcome import Record


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
