"""What the pairs of one contender come to: the figures that tables, pictures and goals show."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.overhead.contenders import CONTENDERS
from benchmarks.overhead.estimates import (
    Estimate,
    mean_ratio,
    median_ratio,
    process,
    thread,
    wall,
)
from benchmarks.overhead.measure import Record

MIB = 2**20


@dataclass(frozen=True)
class Summary:
    """One row.

    Attributes
    ----------
    median, mean : CPU time of the training thread over the bare run's: of the pairs, of the sums
    process : CPU time of all threads and child processes over the bare run's, of the sums
    wall : wall time over the bare run's, median of the pairs
    own_books : the same ratio by the recorder's own books, once it has settled; ours only
    steps : of the whole run, settling included; what is on disk is from all of them
    null : what bare processes differ by; a smaller overhead is not resolved by the pairs
    """

    workload: str
    contender: str
    pairs: int
    median: Estimate | None
    mean: Estimate | None
    process: Estimate | None
    wall: Estimate | None
    own_books: float | None
    mib_per_1000_steps: float
    peak_mib: float
    bare_peak_mib: float
    attach_s: float
    finish_s: float
    steps: int
    bare_step_ms: float
    null: float
    state: str  # "measured", "computed", or why there is no figure

    @property
    def title(self) -> str:
        return CONTENDERS[self.contender].title

    @property
    def extra_mib(self) -> float:
        return self.peak_mib - self.bare_peak_mib

    def flat(self) -> dict[str, Any]:
        """One level of names and numbers, for a CSV file."""
        row: dict[str, Any] = {}
        for name, value in asdict(self).items():
            if name in {"median", "mean", "process", "wall"}:
                parts = value or {"value": None, "low": None, "high": None}
                row |= {f"{name}_{part}": number for part, number in parts.items()}
            else:
                row[name] = value
        return row


def summarise(records: dict[str, Record]) -> list[Summary]:
    """Rows of one workload, in the contenders' order; the bare run has none."""
    rows = {n: _measured(r, records) for n, r in records.items() if n in _watched(records)}
    for name, record in records.items():
        if record.computed:
            rows[name] = _computed(record, rows, records)
    return [rows[name] for name in _watched(records)]


def _watched(records: dict[str, Record]) -> list[str]:
    return [name for name in records if name != "bare"]


def _measured(record: Record, records: dict[str, Record]) -> Summary:
    pairs = record.pairs
    return Summary(
        workload=record.workload,
        contender=record.contender,
        pairs=len(pairs),
        median=median_ratio(pairs, thread) if pairs else None,
        mean=mean_ratio(pairs, thread) if pairs else None,
        process=mean_ratio(pairs, process) if pairs else None,
        wall=median_ratio(pairs, wall) if pairs else None,
        own_books=record.own_books,
        mib_per_1000_steps=record.bytes_per_1000_steps / MIB,
        peak_mib=record.peak_mib,
        bare_peak_mib=record.bare_peak_mib,
        attach_s=record.attach_s,
        finish_s=record.finish_s,
        steps=record.steps,
        bare_step_ms=_bare_step_ms(records),
        null=_null(records),
        state=f"failed: {record.failed}" if record.failed else "measured",
    )


def _computed(record: Record, rows: dict[str, Summary], records: dict[str, Record]) -> Summary:
    """Every so many steps the dear one's step: the overhead divided by so many."""
    contender = CONTENDERS[record.contender]
    dear = rows.get(contender.instead or "")
    row = _measured(record, records).__dict__ | {"state": "not run: a cycle takes too long"}
    if dear is not None and dear.median is not None:
        share = 1 / contender.cycle
        for name in ("median", "mean", "process", "wall"):
            e: Estimate = getattr(dear, name)
            row[name] = Estimate(*(1 + (x - 1) * share for x in (e.value, e.low, e.high)))
        row |= {"state": "computed", "pairs": dear.pairs}
    return Summary(**row)


def _bare_step_ms(records: dict[str, Record]) -> float:
    blocks = [pair.bare for record in records.values() for pair in record.pairs]
    steps = sum(block.steps for block in blocks)
    return 1000 * sum(block.thread_s for block in blocks) / steps if steps else float("nan")


def _null(records: dict[str, Record]) -> float:
    """How far bare runs are from each other: the worst process, or the interval where wider."""
    nulls = [r for r in records.values() if CONTENDERS[r.contender].null]
    pairs = [pair for record in nulls for pair in record.pairs]
    groups = [
        [pair for pair in record.pairs if pair.processes == number]
        for record in nulls
        for number in sorted({pair.processes for pair in record.pairs})
    ]
    if not pairs:
        return float("nan")
    off = max(abs(mean_ratio(group, thread).value - 1) for group in groups)
    return max(off, mean_ratio(pairs, thread).half_width)
