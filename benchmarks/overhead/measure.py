"""One interleaved run per workload: who is paired with which bare block, and when it is over."""

from __future__ import annotations

import itertools
import random
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.overhead.contenders import BASE, CONTENDERS
from benchmarks.overhead.estimates import Pair
from benchmarks.overhead.turns import ContenderError, Turns
from benchmarks.overhead.worker import WARM_UP, Block
from benchmarks.overhead.workloads import WORKLOADS

SHARE_OF_MEMORY = 0.6  # of what is free, for processes that are there at the same time
LONGEST_CYCLE_S = 6.0  # a block of one cycle that takes longer is not run


@dataclass(frozen=True)
class Plan:
    """How long and how often.

    Attributes
    ----------
    pairs, seconds : rounds end at so many pairs or after so long, whichever comes first
    repeats : how often all of it is done with fresh processes, which differ in where their memory is
    block_s : length of one block, at least one step
    settle_s : training before the first pair of the run whose controller has to settle; the
        recorder's own books count from half of it
    """

    pairs: int
    seconds: float
    repeats: int
    block_s: float
    settle_s: float
    core: int
    port: int
    folder: Path


@dataclass
class Record:
    """What was measured of one contender on one workload."""

    workload: str
    contender: str
    pairs: list[Pair] = field(default_factory=list)
    attach_s: float = float("nan")
    finish_s: float = float("nan")
    peak_mib: float = float("nan")
    bare_peak_mib: float = float("nan")
    bytes_per_1000_steps: float = float("nan")
    steps: int = 0
    own_books: float | None = None  # ratio, from the recorder's own books once settled
    stated: float | None = None  # overhead of the whole run, start included, as recorded
    failed: str | None = None
    computed: bool = False  # from the contender named in `instead`


def measure(workload: str, contenders: list[str], plan: Plan) -> dict[str, Record]:
    """Run the contenders against the bare run, in as few heats as memory allows."""
    heats = list(_heats(workload, contenders)) * plan.repeats
    found: dict[str, list[Record]] = {name: [] for name in [BASE, *contenders]}
    for number, names in enumerate(heats, 1):
        tell(f"{workload}: heat {number} of {len(heats)}: {', '.join(names)}")
        share = len(names) / len(contenders) / plan.repeats
        for name, record in Heat(workload, names, plan, number).run(plan.seconds * share).items():
            found[name].append(record)
    return {name: pooled(records) for name, records in found.items()}


def pooled(records: list[Record]) -> Record:
    """All pairs of all processes; of the other figures the last heat's, the largest peak memory."""
    last = records[-1]
    last.pairs = [pair for record in records for pair in record.pairs]
    worst = max(records, key=lambda record: record.peak_mib - record.bare_peak_mib)
    last.peak_mib, last.bare_peak_mib = worst.peak_mib, worst.bare_peak_mib
    books = [record.own_books for record in records if record.own_books is not None]
    last.own_books = statistics.fmean(books) if books else None
    last.failed = next((record.failed for record in records if record.failed), None)
    return last


def _heats(workload: str, contenders: list[str]) -> Iterator[list[str]]:
    """Groups that fit into memory together; the process of the bare run is in each of them."""
    room = int(SHARE_OF_MEMORY * free_mib() / WORKLOADS[workload].memory_mib) - 1
    size = max(2, room)
    for first in range(0, len(contenders), size):
        yield contenders[first : first + size]


def free_mib() -> float:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable"):
            return int(line.split()[1]) / 1024
    return 4096.0


class Heat:
    """Contenders that take turns with the same bare run."""

    def __init__(self, workload: str, contenders: list[str], plan: Plan, number: int) -> None:
        self._workload, self._plan, self._number = workload, plan, number
        self._folder = plan.folder / workload / f"{number}"
        self._records = {name: Record(workload, name) for name in [BASE, *contenders]}
        self._turns: dict[str, Turns] = {}
        self._steps: dict[str, int] = {}
        self._empty_bytes: dict[str, int] = {}
        self._peak_mib: dict[str, float] = {}
        self._short_peak_mib: dict[str, float] = {}
        self._first_own_s: dict[str, float | None] = {}
        self._books_s: dict[str, float] = {}
        self._before = {name: bool(i % 2) for i, name in enumerate(contenders)}
        self._order = random.Random(0)

    def run(self, seconds: float) -> dict[str, Record]:
        try:
            for name in self._records:
                self._start(name)
            for name in list(self._turns):
                self._settle(name)
            if len(self._turns) > 1:
                self._rounds(seconds)
            for name in list(self._turns):
                self._finish(name)
        finally:
            for turns in self._turns.values():
                turns.end()
        return self._records

    def _start(self, name: str) -> None:
        plan, record = self._plan, self._records[name]
        turns = Turns(self._workload, name, self._folder, plan.core, plan.port)
        try:
            ready = turns.ready()
        except ContenderError as error:
            return self._drop(name, turns, error)
        record.attach_s = ready.attach_s
        cycle = CONTENDERS[name].cycle
        if cycle > 1 and cycle * ready.step_s > LONGEST_CYCLE_S:
            record.computed = True
            return turns.end()
        cycles = round(plan.block_s / ready.step_s / cycle)
        self._steps[name], self._turns[name] = max(1, cycles) * cycle, turns
        self._empty_bytes[name] = turns.bytes_on_disk()
        if name == BASE or CONTENDERS[name].ours:
            self._short_run(name)
        return None

    def _short_run(self, name: str) -> None:
        """Peak memory with a user's allocator, and bytes of a recording that ends at once.

        While a recording is open, its write-ahead log would count too.
        """
        turns = Turns(self._workload, name, self._folder / "short", self._plan.core, as_users=True)
        try:
            turns.ready()
            self._short_peak_mib[name] = turns("finish").peak_mib
            self._empty_bytes[name] = turns.bytes_on_disk()
        except ContenderError as error:
            tell(f"  {name}, short run: {error}")
        finally:
            turns.end()

    def _settle(self, name: str) -> None:
        """A controller finds its pace; what comes in cycles has had one, with all its first times."""
        try:
            if CONTENDERS[name].settles:
                self._open_books(name, CONTENDERS[name].settles * self._plan.settle_s / 2)
            if CONTENDERS[name].cycle > 1:
                self._turns[name]("block", CONTENDERS[name].cycle)
        except ContenderError as error:
            self._drop(name, self._turns.pop(name), error)

    def _open_books(self, name: str, seconds: float) -> None:
        """Twice so long: not counted, then counted by the recorder's own books (not in pairs)."""
        turns = self._turns[name]
        turns("settle", seconds)
        self._first_own_s[name] = turns("spent_s")
        self._books_s[name] = turns("settle", seconds).wall_s

    def _drop(self, name: str, turns: Turns, error: ContenderError) -> None:
        self._records[name].failed = str(error)
        tell(f"  {name} failed: {error}")
        turns.end()
        if name == BASE:
            raise error

    def _rounds(self, seconds: float) -> None:
        began = time.monotonic()
        least = max((CONTENDERS[name].period for name in self._turns), default=1)
        for name, turns in self._turns.items():
            if name not in self._first_own_s:
                self._first_own_s[name] = turns("spent_s")
        for number in range(self._plan.pairs):
            self._round(number)
            if number + 1 >= least and time.monotonic() - began > seconds:
                break
        taken = time.monotonic() - began
        tell(f"  {number + 1} rounds in {taken:.0f} s")

    def _round(self, number: int) -> None:
        """Every contender that is due, just before or just after a block of the bare run."""
        due = [
            name
            for place, name in enumerate(self._turns)
            if name != BASE and (number + place) % CONTENDERS[name].period == 0
        ]
        self._order.shuffle(due)
        before = [name for name in due if self._before[name]]
        after = [name for name in due if not self._before[name]]
        for first, last in itertools.zip_longest(before, after):
            blocks = {name: self._block(name) for name in (first, BASE, last) if name}
            for name in (first, last):
                if name and blocks[name] and blocks[BASE]:
                    self._records[name].pairs.append(Pair(blocks[BASE], blocks[name], self._number))
                    self._before[name] = not self._before[name]

    def _block(self, name: str) -> Block | None:
        if name not in self._turns:
            return None
        try:
            return self._turns[name]("block", self._steps[name])
        except ContenderError as error:
            self._drop(name, self._turns.pop(name), error)
            return None

    def _finish(self, name: str) -> None:
        turns, record = self._turns[name], self._records[name]
        try:
            own_s = turns("spent_s")
            finished = turns("finish")
        except ContenderError as error:
            return self._drop(name, self._turns.pop(name), error)
        record.finish_s, self._peak_mib[name] = finished.finish_s, finished.peak_mib
        peaks = self._short_peak_mib if name in self._short_peak_mib else self._peak_mib
        record.peak_mib = peaks[name]
        record.bare_peak_mib = peaks.get(BASE, float("nan"))
        record.steps = finished.steps
        grown = turns.bytes_on_disk() - self._empty_bytes[name]
        record.bytes_per_1000_steps = 1000 * grown / max(1, finished.steps - WARM_UP)
        record.stated = stated_overhead(turns)
        record.own_books = _ratio_of(
            trained_s=sum(
                (pair.watched.wall_s for pair in record.pairs), self._books_s.get(name, 0.0)
            ),
            first_s=self._first_own_s.get(name),
            last_s=own_s,
        )
        return None


def _ratio_of(trained_s: float, first_s: float | None, last_s: float | None) -> float | None:
    """Time with the observer over time without it, both by its own books."""
    if first_s is None or last_s is None or trained_s <= last_s - first_s:
        return None
    return trained_s / (trained_s - (last_s - first_s))


def stated_overhead(turns: Turns) -> float | None:
    """What the finished recording says that it has cost, as a share of the run."""
    if not CONTENDERS[turns.contender].ours:
        return None
    import clinometer

    try:
        return float(clinometer.read(turns.place.recording).meta["overhead"]["measured"])
    except (OSError, KeyError, TypeError, ValueError):
        return None


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
