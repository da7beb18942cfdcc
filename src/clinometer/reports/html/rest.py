"""What was not judged, what happened, and how the run was measured, as lists for a page."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from clinometer.diagnosis.answers import DISCONNECTED
from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.reports.layout import counted, some
from clinometer.reports.rest_text import ENDED

MOST_NAMES = 24  # in a line of text
Named = tuple[str, str]  # names, and what is said of them


def not_judged(diagnosis: Diagnosis) -> list[Named]:
    """(rules or layers, why), one item a reason; of a note that names nothing, ("", note)."""
    found = [(some(codes, MOST_NAMES), why) for why, codes in _by_why(diagnosis.not_judged)]
    layers = ((layer, why) for layer, why in diagnosis.unlined.items())
    found += [(some(names, MOST_NAMES), why) for why, names in _by_why(layers)]
    return found + [("", note) for note in dict.fromkeys(diagnosis.recording.notes)]


def disconnected(diagnosis: Diagnosis) -> list[Named]:
    """(tensors that nothing can reach or move, why)."""
    away = [a for a in diagnosis.answers.values() if a.word == DISCONNECTED]
    return [
        (some(names, MOST_NAMES), why) for why, names in _by_why((a.parameter, a.why) for a in away)
    ]


def _by_why(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for name, why in pairs:
        found.setdefault(why, []).append(name)
    return list(found.items())


def happened(diagnosis: Diagnosis) -> list[Named]:
    """(step, what was noticed)."""
    return [(f"step {event.step:,}", event.text) for event in diagnosis.recording.events]


def measured(diagnosis: Diagnosis) -> list[Named]:
    """(label, text) of each fact; what the recording does not say is left out."""
    run = diagnosis.recording
    meta = run.meta
    script = " ".join([str(meta.get("script") or ""), *map(str, meta.get("arguments") or [])])
    dtypes = dict.fromkeys(str(s.facts.get("dtype", "")) for s in run.of_kind("parameter"))
    late = int(diagnosis.late.sum())
    looked = diagnosis.rules - len(diagnosis.not_judged)
    found = [
        ("Script", script.strip()),
        ("Recording", run.path),
        ("Started", str(meta.get("started") or "").replace("T", " ")),
        ("Length", f"{counted(run.steps, 'step')}, {ENDED.get(run.ended, run.ended)}"),
        ("Observed in full", f"{counted(len(run.observed), 'step')}{_from_to(run.observed)}"),
        ("The ledger is of", _late(diagnosis, late)),
        ("Loss", _loss(diagnosis)),
        ("No-information level", _level(diagnosis)),
        ("Number format", ", ".join(dtype for dtype in dtypes if dtype)),
        ("Cost of recording", _cost(meta.get("overhead") or {})),
        ("Rules", f"{looked:,} looked, {len(diagnosis.not_judged):,} could not judge"),
        ("Recorded with", _versions(meta)),
    ]
    return [(label, text) for label, text in found if text]


def _from_to(steps: Any) -> str:
    return f", from {int(steps[0]):,} to {int(steps[-1]):,}" if len(steps) > 1 else ""


def _late(diagnosis: Diagnosis, late: int) -> str:
    """Which observations the ledger is the mean of."""
    seen = diagnosis.recording.observed[diagnosis.late]
    if not late:
        return ""
    if late == 1:
        return f"the last observation, of step {int(seen[0]):,}"
    return f"the last {late:,} observations{_from_to(seen)}: means of logarithms"


def _loss(diagnosis: Diagnosis) -> str:
    course = diagnosis.course
    if course.first is None or course.last is None:
        return "not seen"
    sure = "" if math.isnan(course.error) else f" ± {course.error:.2g} (standard error)"
    broke = "" if course.bad_step is None else f"; not finite at step {course.bad_step:,}"
    return f"{course.first:.4g} at first, {course.last:.4g}{sure} at last{broke}"


def _level(diagnosis: Diagnosis) -> str:
    course = diagnosis.course
    if course.no_information is None:
        return f"not known{f': {course.named}' if course.named else ''}"
    return f"{course.no_information:.4g} ({course.named})"


def _cost(cost: dict[str, Any]) -> str:
    seconds, share = cost.get("seconds"), cost.get("measured")
    if seconds is None or share is None or not math.isfinite(share):
        return ""
    told = f"{seconds:.2f} s, {share:.1%} of the run"
    if interval := cost.get("interval"):
        told += f" (95 % interval {interval[0]:.1%} to {interval[1]:.1%})"
    budget = cost.get("budget")
    return told + (f"; the budget was {budget:.1%}" if budget is not None else "")


def _versions(meta: dict[str, Any]) -> str:
    names = ("clinometer", "torch", "python")
    return ", ".join(f"{name} {meta[name]}" for name in names if meta.get(name))
