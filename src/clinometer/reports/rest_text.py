"""What a report ends with: what was not judged and why, what happened, and how it was measured."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.reports.layout import counted, some, wrapped

MOST_REASONS = 8
MOST_REASONS_WELL = 4  # in the report of a run that learns
MOST_EVENTS = 4
MOST_NAMES = 4
MORE = "(--json lists all)"
ENDED = {
    "normal": "ended normally",
    "exception": "ended by an exception",
    "interrupted": "interrupted",
    "killed": "killed",
    "running": "still going",
}


def events_text(diagnosis: Diagnosis, width: int) -> str:
    """What was noticed while the run went on."""
    told = [f"step {event.step:,}: {event.text}" for event in diagnosis.recording.events]
    return _listed("What happened", told, MOST_EVENTS, width)


def not_judged_text(diagnosis: Diagnosis, width: int) -> str:
    """One item a reason: the rules, or the layers, that it holds for."""
    told = [
        f"{some(codes, MOST_NAMES)}: {why}" for why, codes in _grouped(diagnosis.not_judged).items()
    ]
    layers = ((layer, why) for layer, why in diagnosis.unlined.items())
    told += [f"{some(names, MOST_NAMES)}: {why}" for why, names in _grouped(layers).items()]
    told += list(dict.fromkeys(diagnosis.recording.notes))
    well = diagnosis.verdict in {"learning", "learned"}
    return _listed("Not judged", told, MOST_REASONS_WELL if well else MOST_REASONS, width)


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """{why: names}, in order of first mention."""
    found: dict[str, list[str]] = {}
    for name, why in pairs:
        found.setdefault(why, []).append(name)
    return found


def _listed(title: str, items: list[str], most: int, width: int) -> str:
    if not items:
        return ""
    lines = [line for item in items[:most] for line in wrapped(item, width, "    ", "  - ")]
    if len(items) > most:
        lines.append(f"  and {len(items) - most:,} more {MORE}")
    return "\n".join([title, *lines])


def measured_text(diagnosis: Diagnosis, width: int) -> str:
    """How many steps, what they cost, and with what."""
    run = diagnosis.recording
    late = int(diagnosis.late.sum())
    told = (
        f"How it was measured: {counted(run.steps, 'step')}, {len(run.observed):,} of them in full"
    )
    if late:
        told += (
            f"; the ledger is that of the last {f'{late:,} of these' if late > 1 else 'of these'}"
        )
    return "\n".join(wrapped(f"{told}{_cost(run.meta)}.{_versions(run.meta)}", width))


def seen_text(diagnosis: Diagnosis) -> str:
    """How long the run was and how it ended, in a few words."""
    run = diagnosis.recording
    ended = ENDED.get(run.ended, run.ended)
    return f"{counted(run.steps, 'step')}, {len(run.observed):,} observed, {ended}"


def _cost(meta: dict[str, Any]) -> str:
    """What recording cost, with its interval; nothing where it is not known."""
    cost = meta.get("overhead") or {}
    seconds, measured = cost.get("seconds"), cost.get("measured")
    if seconds is None or measured is None or not math.isfinite(measured):
        return ""
    told = f". Recording took {seconds:.2f} s ({measured:.1%} of the run"
    if interval := cost.get("interval"):
        told += f", 95 % interval {interval[0]:.1%} to {interval[1]:.1%}"
    return told + ")"


def _versions(meta: dict[str, Any]) -> str:
    names = ("clinometer", "torch", "python")
    known = [f"{name} {meta[name]}" for name in names if meta.get(name)]
    return f" With {', '.join(known)}." if known else ""
