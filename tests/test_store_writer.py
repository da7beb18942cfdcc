"""Writing never blocks, never raises and never overwrites."""

from __future__ import annotations

import array
import contextlib
import math
import os
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from clinometer.errors import ClinometerWarning, RecordingError
from clinometer.records.columns import SCHEMA
from clinometer.records.site import Site
from clinometer.store import create, database, inbox
from clinometer.store.database import Database
from clinometer.store.file_system import is_shared, type_of
from clinometer.store.reader import read
from clinometer.store.writer import Writer
from store_truth import META, is_true, row, scalars, sites, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.clino"


@contextlib.contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Path]:
    """A file system of our own, where this machine lets us have one."""
    folder.mkdir()
    made = subprocess.run(["mount", *options, str(folder)], capture_output=True)
    if made.returncode:
        pytest.skip(f"no mount here: {made.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_what_was_written_is_read_back_bit_for_bit(path: Path) -> None:
    write(path, steps=500, every=7, each=2).close()
    got = read(path)
    is_true(got, sites(2))
    assert got.step.tolist() == list(range(500))
    assert got.observed.tolist() == list(range(0, 500, 7))
    assert [event.step for event in got.events] == [99, 199, 299, 399, 499]
    assert got.meta == {**META, "schema": SCHEMA, "store_notes": []}
    assert got.labels == {"ce": {"counts": {"0": 497}, "classes": 2}}
    assert got.notes == ("one note",)


def test_a_closed_recording_is_one_file(path: Path) -> None:
    write(path, steps=50, every=5).close()
    assert [file.name for file in path.parent.iterdir()] == ["run.clino"]


def test_closing_twice_and_writing_after_it_do_nothing(path: Path) -> None:
    writer = write(path, steps=10, every=5)
    writer.close()
    writer.close()
    writer.add_event(3, "late", "")
    writer.set_meta({"late": 1})
    assert not writer.flush()
    assert not read(path).events


@pytest.mark.parametrize("name", ["a?b=c#d%41.clino", "blank space.clino", ":memory:", "ü.clino"])
def test_a_name_may_hold_what_it_likes(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    writer = Writer(name, {})
    writer.add_steps(0, scalars(0, 3))
    (tmp_path / "elsewhere").mkdir()
    os.chdir(tmp_path / "elsewhere")  # as a training script may
    writer.close()
    assert read(tmp_path / name).step.tolist() == [0, 1, 2]


def test_a_recording_is_never_overwritten(path: Path) -> None:
    first = Writer(str(path), {"who": "first"})
    with pytest.raises(RecordingError, match="exists already"):
        Writer(str(path), {"who": "second"})
    first.close()
    assert read(path).meta["who"] == "first"


def test_the_log_of_a_recording_that_is_gone_is_not_read_into_a_new_one(path: Path) -> None:
    Path(f"{path}-wal").write_bytes(b"old")
    with pytest.raises(RecordingError, match="belongs to a recording that was here before"):
        Writer(str(path), {})
    assert not path.exists()


@pytest.mark.parametrize("bad", ["missing/run.clino", "file/run.clino", "nul\0.clino", ""])
def test_a_place_that_cannot_be_written_to_is_refused(tmp_path: Path, bad: str) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(RecordingError, match=r"cannot be written|exists already"):
        Writer(str(tmp_path / bad), {})


def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    refused = pytest.raises(RecordingError, match=r"cannot be written \(Read-only file system\)")
    with mounted(tmp_path / "ro", "-t", "tmpfs", "-o", "ro", "none") as folder, refused:
        Writer(str(folder / "run.clino"), {})


def test_a_full_disk_ends_the_recording_with_one_warning_and_keeps_what_is_there(
    tmp_path: Path,
) -> None:
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=1m", "none") as folder:
        path = folder / "run.clino"
        writer = write(path, steps=100, every=10)
        first = 100
        while not writer.failed and first < 100_000:
            writer.add_steps(first, scalars(first, 16))
            writer.flush()
            first += 16
        with pytest.warns(ClinometerWarning, match=r"recording stopped.*full"):
            writer.add_event(5, "spike", "")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            writer.add_event(6, "spike", "")
            writer.close()
        got = read(path)
        is_true(got, sites())
        assert 100 < len(got.step) < 100_000
        assert got.step.tolist() == list(range(len(got.step)))


def test_an_error_of_the_disk_reaches_the_user_once_and_never_as_an_exception(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = write(path, steps=20, every=5)

    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(Database, "apply", fail)
    writer.add_event(20, "spike", "")
    writer.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a user may turn warnings into errors
        writer.add_event(21, "spike", "")
        writer.close()
    assert capsys.readouterr().err.count("recording stopped (disk I/O error)") == 1
    assert read(path).step.tolist() == list(range(20))


def test_a_blocked_disk_never_holds_up_the_caller_and_drops_what_is_too_much(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "MOST_BYTES", 40_000)
    writer = write(path, steps=16, every=4)
    free, apply = threading.Event(), Database.apply
    monkeypatch.setattr(Database, "apply", lambda *a, **k: (free.wait(30), apply(*a, **k)))
    slowest = 0.0
    for first in range(16, 1616, 16):
        begun = time.perf_counter()
        writer.add_steps(first, scalars(first, 16))
        writer.set_state({"first": first})
        slowest = max(slowest, time.perf_counter() - begun)
    assert slowest < 0.2
    assert 50 < writer.dropped < 100
    assert not writer.flush(0.01)
    dropped = writer.dropped
    free.set()
    writer.close()
    got = read(path)
    is_true(got, sites())
    assert len(got.step) == 1616 - 16 * dropped
    assert f"{dropped} rows were left out because the disk was too slow" in got.notes


def test_closing_does_not_wait_for_ever(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = write(path, steps=16, every=4)
    free = threading.Event()
    monkeypatch.setattr(Database, "apply", lambda *_: free.wait(30))
    writer.add_event(3, "spike", "")
    with pytest.warns(ClinometerWarning, match="still busy after 0.1 s"):
        writer.close(0.1)
    free.set()


def test_a_reader_that_stays_does_not_keep_the_writer_from_closing(path: Path) -> None:
    writer = write(path, steps=100, every=10)
    reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    reader.execute("BEGIN")
    before = reader.execute("SELECT COUNT(*) FROM steps").fetchone()
    writer.add_steps(100, scalars(100, 50))
    writer.close()
    assert writer.failed is None
    assert reader.execute("SELECT COUNT(*) FROM steps").fetchone() == before
    reader.close()
    assert len(read(path).step) == 150


def test_a_long_reader_does_not_make_the_log_grow_without_end(path: Path) -> None:
    writer = write(path, steps=64, every=8, most_bytes=2**20)
    reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    reader.execute("BEGIN")
    reader.execute("SELECT COUNT(*) FROM steps").fetchone()
    for first in range(64, 20_064, 16):
        writer.add_steps(first, scalars(first, 16))
        if first % 1024 == 64:
            writer.flush()
    assert writer.bytes < 1.3 * 2**20  # a quarter for such a log
    reader.close()
    writer.add_steps(30_000, scalars(30_000, 16))
    writer.flush()
    writer.add_steps(30_016, scalars(30_016, 16))
    writer.close()
    got = read(path)
    is_true(got, sites())
    assert got.step[-1] == 30_031
    assert any("at its bound" in note for note in got.notes)


def test_numbers_that_no_clock_should_give_are_kept(path: Path) -> None:
    writer = Writer(str(path), {})
    places = sites()
    writer.add_sites(places)
    for step, time_s in enumerate([5.0, -0.0, float("nan"), float("inf"), 3.0]):  # jumps back
        writer.add_observation(step, time_s, row(step, places))
    writer.close()
    assert read(path).observed.tolist() == [0, 1, 2, 3, 4]


def test_a_step_that_comes_again_is_kept_once(path: Path) -> None:
    writer = Writer(str(path), {})
    writer.add_sites(sites())
    for first, many in [(0, 8), (4, 8), (2, 3), (12, 4)]:
        writer.add_steps(first, scalars(first, many))
    for step in (0, 4, 4, 3, 8):
        writer.add_observation(step, 0.0, row(step, sites()))
    writer.close()
    got = read(path)
    is_true(got, sites())
    assert got.step.tolist() == list(range(16))
    assert got.observed.tolist() == [0, 4, 8]
    assert not got.notes


def test_facts_that_have_no_json_are_written_as_text(path: Path) -> None:
    loop: list[object] = []
    loop.append(loop)
    writer = Writer(str(path), {"path": path, "loop": loop, "nan": math.nan})
    writer.set_state({"labels": {"x": {1, 2}}, "\udc80": 1})
    writer.add_event(0, "odd", "\udc80" + "x" * 5000)
    writer.add_sites([Site(0, "call", "\udc80", {"shape": array})])
    writer.close()
    got = read(path)
    assert got.meta["path"] == repr(path)
    assert len(got.events[0].text) == 1000
    assert writer.failed is None


def test_a_forked_child_writes_nothing_and_the_parent_goes_on(path: Path) -> None:
    code = f"""
import os, sys, threading, warnings
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from store_truth import scalars, write
warnings.simplefilter("error")  # Python 3.12 warns where a process with threads forks
writer = write(Path({str(path)!r}), steps=64, every=8)
for round in range(5):
    child = os.fork()
    if not child:
        writer.add_event(1, "child", "")
        writer.set_meta({{"who": "child"}})
        assert not writer.flush()
        writer.close()
        assert threading.active_count() == 1
        sys.exit(0)
    first = 64 + 16 * round
    writer.add_steps(first, scalars(first, 16))
    assert os.waitpid(child, 0)[1] == 0
    assert writer.flush()
writer.close()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    got = read(path)
    is_true(got, sites())
    assert (len(got.step), len(got.events), "who" in got.meta) == (144, 0, False)


def test_no_thread_is_left_behind(path: Path) -> None:
    before = threading.active_count()
    writer = write(path, steps=10, every=5)
    assert threading.active_count() == before + 1
    writer.close()
    assert threading.active_count() == before


def test_on_a_shared_file_system_no_write_ahead_log_is_used(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(create, "is_shared", lambda _: "nfs4")
    writer = write(path, steps=100, every=10)
    assert [file.name for file in path.parent.glob("*-wal")] == []
    assert len(read(path).step) == 100
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT COUNT(*) FROM steps").fetchone()
    writer.add_steps(100, scalars(100, 16))
    assert not writer.flush(1.5)  # the reader is in the way; nothing is lost by that
    reader.close()
    assert writer.flush()
    writer.close()
    got = read(path)
    assert len(got.step) == 116
    assert "may share (nfs4)" in got.notes[0]


MOUNTS = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 22 0:40 / /data rw - nfs4 server:/export rw
41 40 0:41 / /data/local\040disk rw - xfs /dev/vdb rw
42 22 0:42 / /home/me rw - fuse.sshfs me@there: rw
43 22 8:1 / /usb rw - fuseblk /dev/sdb1 rw
"""


@pytest.mark.parametrize(
    ("path", "kind", "shared"),
    [
        ("/tmp/run.clino", "ext4", False),
        ("/data/run.clino", "nfs4", True),
        ("/database/run.clino", "ext4", False),
        ("/data/local disk/run.clino", "xfs", False),
        ("/home/me/run.clino", "fuse.sshfs", True),
        ("/usb/run.clino", "fuseblk", False),
    ],
)
def test_the_innermost_mount_tells_the_file_system(
    tmp_path: Path, path: str, kind: str, shared: bool
) -> None:
    assert type_of(path, MOUNTS) == kind
    (tmp_path / "mountinfo").write_text(MOUNTS)
    assert is_shared(path, str(tmp_path / "mountinfo")) == (kind if shared else None)
    assert is_shared(path, str(tmp_path / "missing")) is None


def test_two_recordings_at_once_do_not_mix(tmp_path: Path) -> None:
    writers = [write(tmp_path / f"{i}.clino", steps=100 + i, every=10) for i in range(3)]
    for writer in writers:
        writer.close()
    assert [len(read(tmp_path / f"{i}.clino").step) for i in range(3)] == [100, 101, 102]


def test_a_statement_waits_for_a_reader_only_as_long_as_it_is_told(path: Path) -> None:
    write(path, steps=10, every=5).close()
    opened = database.Database(str(path), 2**20)
    blocking = sqlite3.connect(path, isolation_level=None)
    blocking.execute("BEGIN IMMEDIATE")
    opened.give_up_at = 0.0
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        opened.apply(inbox.Batch([], {}))
    blocking.close()
    opened.close()
