"""The file stays within its bound however long the run, and keeps its beginning, events and end.

`python tests/test_store_bound.py 8640000` runs a whole day of ten milliseconds a step.
"""

from __future__ import annotations

import array
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinometer.records.columns import COLUMNS
from clinometer.records.recording import Recording
from clinometer.records.site import Site
from clinometer.store.reader import read
from clinometer.store.schema import BURST, FIRST, RING
from clinometer.store.second_schema import kept
from clinometer.store.tables import Batch, thinned
from clinometer.store.tally import Tally
from clinometer.store.write_ahead import log_bytes
from clinometer.store.writer import Writer
from store_truth import is_true, row, scalars, sites, write

BATCH = 64
EVERY = 300


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder in memory: what is tested here is bytes, not the disk's speed."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def simulate(path: Path, steps: int, most_bytes: int, layers: int, events: list[int]) -> int:
    """Record so many steps in batches of 64, observe every 300th; the largest size on disk [bytes]."""
    writer = Writer(str(path), {}, most_bytes=most_bytes)
    places = [Site(i, "call", f"layer.{i}", {}) for i in range(layers)]
    writer.add_sites(places)
    fields, largest = scalars(0, BATCH), 0
    values = array.array("f", [1.0] * layers * len(COLUMNS["call"]))
    waiting = sorted(events)
    for first in range(0, steps, BATCH):
        writer.add_steps(first, fields)
        for step in range(first + -first % EVERY, first + BATCH, EVERY):
            values[1] = step
            writer.add_observation(step, step * 0.01, values)
        if waiting and waiting[0] < first + BATCH:
            writer.add_event(waiting.pop(0), "spike", "loss")
        if first % (256 * BATCH) == 0:
            assert writer.flush(60)
            largest = max(largest, writer.bytes)
    assert writer.flush(60)
    largest = max(largest, writer.bytes)
    writer.close()
    assert (writer.failed, writer.dropped) == (None, 0)
    return max(largest, path.stat().st_size)


def keeps_what_matters(got: Recording, steps: int, events: list[int]) -> None:
    kept_steps, looks = set(got.step.tolist()), set(got.observed.tolist())
    assert set(range(FIRST)) <= kept_steps
    assert set(range(0, FIRST * EVERY, EVERY)) <= looks
    for event in events:
        around = range(event - RING, event + BURST + 1)
        assert set(around) <= kept_steps
        assert {step for step in around if step % EVERY == 0} <= looks
    last = (steps + BATCH - 1) // BATCH * BATCH
    assert set(range(last - RING - BURST, last)) <= kept_steps
    assert set(range(last // EVERY * EVERY - 20 * EVERY, last, EVERY)) <= looks
    assert got.rows["call"][:, 0, 1].astype(int).tolist() == got.observed.tolist()
    assert [event.step for event in got.events] == events
    gaps = np.diff(got.step)  # the density falls off with age, and no age is empty
    assert (gaps <= np.maximum(64, (last - got.step[:-1]) / 4)).all()


def test_a_day_of_steps_stays_within_its_bound_and_keeps_what_matters(tmp_path: Path) -> None:
    path, bound, steps = tmp_path / "run.clino", 3 * 2**20, 400_000
    events = [5_000, 5_100, 200_000, 399_990]
    largest = simulate(path, steps, bound, 20, events)
    got = read(path)
    assert 0.7 * bound < largest <= bound
    keeps_what_matters(got, steps, events)
    assert got.steps == (steps + BATCH - 1) // BATCH * BATCH
    assert got.notes[0].endswith("were thinned to keep the file within its bound")


def test_thinned_numbers_are_the_true_ones(tmp_path: Path) -> None:
    write(tmp_path / "run.clino", steps=9000, every=3, most_bytes=2**20, batch=5).close()
    got = read(tmp_path / "run.clino")
    is_true(got, sites())
    assert len(got.step) < 9000
    assert "later events were not kept apart" in " ".join(got.notes)


def test_rows_that_hardly_fit_leave_the_first_and_the_last(tmp_path: Path) -> None:
    path, places = tmp_path / "run.clino", sites(100)
    writer = Writer(str(path), {}, most_bytes=2**20)
    writer.add_sites(places)
    size = 4 * len(row(0, places))
    for step in range(0, 800, 2):
        writer.add_observation(step, 0.0, row(step, places))
        writer.flush()
        assert writer.bytes <= 2**20 + log_bytes(2**20)
    writer.close()
    got = read(path)
    is_true(got, places)
    assert got.observed[0] == 0
    assert got.observed[-1] == 798
    assert 10 < len(got.observed) < 2**20 / size


def test_a_row_larger_than_the_bound_is_left_out_and_counted(tmp_path: Path) -> None:
    writer = Writer(str(tmp_path / "run.clino"), {}, most_bytes=2**19)
    places = sites(400)
    writer.add_sites(places)
    for step in range(20):
        writer.add_steps(step, scalars(step, 1))
        writer.add_observation(step, 0.0, row(step, places))
        writer.flush()
    writer.close()
    got = read(tmp_path / "run.clino")
    is_true(got, places)
    assert 1 <= len(got.observed) < 10
    assert any("left out because the file was at its bound" in note for note in got.notes)


def test_reading_while_rows_are_thinned_sees_one_moment(tmp_path: Path) -> None:
    path = tmp_path / "run.clino"
    writer = write(path, steps=3000, every=3, most_bytes=2**20)
    places, seen = sites(), []
    for first in range(3000, 9000, 16):
        writer.add_steps(first, scalars(first, 16))
        writer.add_observation(first, 0.0, row(first, places))
        if first % 800 == 760:
            got = read(path)
            is_true(got, places)
            assert got.ended == "killed"  # no process is named in these facts
            assert not [note for note in got.notes if "left out" in note or "missing" in note]
            seen.append(got.steps)
    writer.close()
    assert seen == sorted(seen)


@given(
    first=st.integers(0, 100),
    many=st.integers(1, 70),
    level=st.integers(0, 4),
)
def test_thinning_a_batch_keeps_the_steps_that_twice_the_stride_divides(
    first: int, many: int, level: int
) -> None:
    stride = 2**level
    steps = [stride * (first + i) for i in range(many)]
    data = b"".join(scalars(step, 1).tobytes() for step in steps)
    got = thinned(Batch(steps[0], 0, 1, data), stride)
    want = [step for step in steps if step % (2 * stride) == 0]
    assert got.data == b"".join(scalars(step, 1).tobytes() for step in want)
    assert not want or got.first == want[0]


@settings(max_examples=50)
@given(edges=st.lists(st.integers(3, 200), max_size=4), lost=st.integers(0, 199))
def test_a_lost_observation_is_noticed_where_it_was(edges: list[int], lost: int) -> None:
    edges = sorted(edges, reverse=True)
    tally = Tally(observations=200, first=3, edges=edges)
    low = edges[-1] if edges else 0

    def left(number: int) -> bool:
        return number < low or number % 2 ** sum(edge > number for edge in edges) == 0

    numbers = [number for number in range(200) if left(number)]
    whole = np.array([number for number in numbers if number != lost])
    before = sum(number < lost for number in numbers)
    unnoticed = lost not in numbers or lost == numbers[-1]
    assert kept(whole, tally) == (len(whole) if unnoticed else before)


def main(steps: int) -> None:
    """Print what a long run leaves."""
    events = [100_000, 1_000_000, 4_000_000]
    with tempfile.TemporaryDirectory() as folder:
        path, begun, used = Path(folder) / "run.clino", time.perf_counter(), time.process_time()
        largest = simulate(path, steps, 2**26, 200, events)
        wrote, cpu = time.perf_counter() - begun, time.process_time() - used
        begun = time.perf_counter()
        got = read(path)
        print(
            f"{steps} steps, {steps // EVERY} observations of 200 layers: {wrote:.1f} s ({cpu:.1f})"
        )
        print(f"largest {largest / 2**20:.2f} MiB of {2**26 / 2**20:g}; {got.notes}")
        print(f"read in {time.perf_counter() - begun:.2f} s")
        keeps_what_matters(got, steps, events)


if __name__ == "__main__":
    main(int(sys.argv[1]))
