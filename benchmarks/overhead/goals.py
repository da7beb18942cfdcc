"""The goals of the recorder, each met or missed and by how much."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.overhead.summary import Summary

LONG_RUN = 1.011
IDLE = 1.002
ONE_OBSERVATION = {"mlp": 1.25, "cnn": 1.10, "transformer": 1.035, "100m": 1.06}
PEAK_SHARE, PEAK_MIB = 1.02, 64.0
MIB_PER_1000_STEPS = 1.0  # transformer, default budget
OPENING_S = 0.3


@dataclass(frozen=True)
class Verdict:
    """One goal, and what was measured."""

    name: str
    goal: float
    measured: float
    unit: str
    how: str

    @property
    def met(self) -> bool:
        return self.measured <= self.goal

    def line(self) -> str:
        digits = 4 if self.unit == "×" else 2
        return (
            f"{'met   ' if self.met else 'MISSED'} {self.name:<41} "
            f"{self.measured:9.{digits}f} ≤ {self.goal:.{digits}f} {self.unit:<4} {self.how}"
        )


def verdicts(rows: list[Summary], opening_s: dict[str, list[float]]) -> list[Verdict]:
    found = [verdict for row in rows for verdict in _of_row(row)]
    if opening_s.get("budget"):
        measured = statistics.median(opening_s["budget"])
        found.append(Verdict("import, attach and first step", OPENING_S, measured, "s", "paired"))
    return found


def _of_row(row: Summary) -> Iterator[Verdict]:
    if row.median is None or row.state != "measured":
        return
    where = f"{row.title.removeprefix('clinometer, ')}, {row.workload}"
    if row.contender == "budget":
        yield _smallest(f"long run at {where}", LONG_RUN, row)
    if row.contender == "idle":
        yield _smallest(f"attached but {where}", IDLE, row)
    if row.contender == "every1" and row.workload in ONE_OBSERVATION:
        how = f"paired [{row.median.low:.3f}, {row.median.high:.3f}]"
        goal = ONE_OBSERVATION[row.workload]
        yield Verdict(f"one observation: {where}", goal, row.median.value, "×", how)
    if row.contender in {"budget", "every1"}:
        most = PEAK_SHARE * row.bare_peak_mib + PEAK_MIB
        yield Verdict(f"peak memory: {where}", most, row.peak_mib, "MiB", "")
    if row.contender == "budget" and row.workload == "transformer":
        size = row.mib_per_1000_steps
        yield Verdict(
            f"disk per 1,000 steps: {where}",
            MIB_PER_1000_STEPS,
            size,
            "MiB",
            f"from {row.steps} steps",
        )


def _smallest(name: str, goal: float, row: Summary) -> Verdict:
    """By the pairs where they can tell; else by the time that the recording itself states."""
    mean = row.mean
    assert mean is not None
    resolved = max(mean.half_width, row.null) <= (goal - 1) / 2
    paired = f"paired {mean.value:.4f} [{mean.low:.4f}, {mean.high:.4f}]"
    if resolved or row.own_books is None:
        return Verdict(
            name, goal, mean.value, "×", f"{paired}{'' if resolved else ' (unresolved)'}"
        )
    return Verdict(name, goal, row.own_books, "×", f"own books; {paired}")
