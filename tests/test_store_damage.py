"""A damaged recording gives a whole prefix or a clear error: never garbage, never a crash."""

from __future__ import annotations

import collections
import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from clinometer.errors import RecordingError
from clinometer.store.reader import read
from store_kills import kill
from store_truth import is_true, outcome, sites, write

TIMES = int(os.environ.get("CLINOMETER_FUZZ", "1000"))  # damages of each sort; more on demand
SMALL = {"steps": 400, "every": 10, "batch": 8}
THINNED = {"steps": 12_000, "every": 7, "most_bytes": 2**19}


def truncations(data: bytes, times: int, seed: int) -> Iterator[bytes]:
    draw = random.Random(seed)
    return (data[: draw.randrange(len(data))] for _ in range(times))


def flips(data: bytes, times: int, seed: int) -> Iterator[bytes]:
    draw = random.Random(seed)
    for _ in range(times):
        changed = bytearray(data)
        changed[draw.randrange(len(data))] ^= draw.randrange(1, 256)
        yield bytes(changed)


@pytest.fixture(scope="module")
def memory() -> Iterator[Path]:
    """A folder in memory: a disk would only make this slow."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        yield Path(folder)


@pytest.fixture(scope="module", params=[SMALL, THINNED], ids=["young", "thinned"])
def closed(request: pytest.FixtureRequest, memory: Path) -> Path:
    path = memory / f"{request.param['steps']}.clino"
    write(path, **request.param).close()
    return path


@pytest.mark.parametrize("damage", [truncations, flips])
def test_a_thousand_damages_give_a_whole_prefix_or_an_error(
    closed: Path, memory: Path, damage: collections.abc.Callable[..., Iterator[bytes]]
) -> None:
    whole = read(closed)
    is_true(whole, sites())
    place, counts = memory / "damaged.clino", collections.Counter[str]()
    for changed in damage(closed.read_bytes(), TIMES // 2, seed=3):  # of each of the two files
        place.write_bytes(changed)
        counts[outcome(place, whole)] += 1
    print(damage.__name__, dict(counts))
    assert sum(counts.values()) == TIMES // 2
    assert counts["prefix"] > counts["error"] / 2


@pytest.mark.parametrize("damage", [truncations, flips])
def test_a_damaged_log_gives_an_earlier_moment_of_the_run(
    tmp_path: Path, damage: collections.abc.Callable[..., Iterator[bytes]]
) -> None:
    writer = write(tmp_path / "run.clino", **SMALL)
    main, log = tmp_path / "run.clino", tmp_path / "run.clino-wal"
    place, counts = tmp_path / "copy.clino", collections.Counter[str]()
    whole = read(main)
    assert log.stat().st_size > 50_000
    for changed in damage(log.read_bytes(), 200, seed=4):
        shutil.copyfile(main, place)
        Path(f"{place}-wal").write_bytes(changed)
        got = read(place)
        is_true(got, sites())
        steps, looks = len(got.step), len(got.observed)
        assert got.step.tobytes() == whole.step[:steps].tobytes()
        assert got.observed.tobytes() == whole.observed[:looks].tobytes()
        counts["whole" if steps == len(whole.step) else "prefix"] += 1
        Path(f"{place}-shm").unlink(missing_ok=True)
    print(damage.__name__, dict(counts))
    assert counts["prefix"] > 100
    writer.close()


def test_a_copy_without_its_log_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    writer = write(tmp_path / "run.clino", steps=20_000, every=5)
    shutil.copyfile(tmp_path / "run.clino", tmp_path / "copy.clino")
    got = read(tmp_path / "copy.clino")
    is_true(got, sites())
    assert 1000 < len(got.step) <= 20_000
    writer.close()


def test_a_killed_writer_leaves_all_that_was_committed() -> None:
    results = kill(20, seed=5)
    assert len(results) == 20
    print("kills", results)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"SQLite", "is no recording"),
        (b"label,logit\n", "is no recording"),
        (b"SQLite format 3\x00" + bytes(84), "is damaged"),
        (b"SQLite format 3\x00" + bytes(5000), "is damaged"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "x.clino").write_bytes(content)
    with pytest.raises(RecordingError, match=why):
        read(tmp_path / "x.clino")
