"""Recordings with known content, and whether what is read back is a whole prefix of it."""

from __future__ import annotations

import array
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from clinometer.errors import RecordingError
from clinometer.records.columns import COLUMNS, STEP
from clinometer.records.recording import Recording
from clinometer.records.site import Site
from clinometer.store.reader import read
from clinometer.store.writer import Writer

META = {"script": "train.py", "budget": 0.01, "notes": ["one note"], "rank": 0}


def sites(each: int = 1) -> list[Site]:
    """`each` sites of every kind, kinds in turn."""
    kinds = [(kind, f"layer.{i}") for i in range(each) for kind in COLUMNS]
    return [Site(i, kind, name, {"fan_in": i}) for i, (kind, name) in enumerate(kinds)]


WIDTHS = {kind: len(columns) for kind, columns in COLUMNS.items()}


def row(step: int, places: list[Site], widths: Mapping[str, int] = WIDTHS) -> array.array[float]:
    """A packed row in which every number tells its step and place; `seen` is 1."""
    values = array.array("f")
    for site in places:
        width = widths[site.kind]
        values.extend([1.0] + [step + site.index / 64 + i / 4096 for i in range(1, width)])
    return values


def scalars(first: int, many: int) -> array.array[float]:
    """Every-step scalars that tell their step: time, loss and so on; some losses are NaN."""
    values = array.array("d")
    for step in range(first, first + many):
        fields = [step + i / 16 for i in range(len(STEP))]
        fields[1:3] = [float("nan") if step % 50 == 49 else 1 / (step + 1), float(step % 10 > 0)]
        values.extend(fields)
    return values


def write(
    path: Path, *, steps: int, every: int, batch: int = 16, each: int = 1, most_bytes: int = 2**26
) -> Writer:
    """A recording of so many steps, committed but not closed."""
    writer = Writer(str(path), META, most_bytes=most_bytes)
    places = sites(each)
    writer.add_sites(places)
    for first in range(0, steps, batch):
        writer.add_steps(first, scalars(first, min(batch, steps - first)))
        for step in range(first, min(first + batch, steps)):
            if step % every == 0:
                writer.add_observation(step, step / 8, row(step, places))
                writer.set_state({"labels": {"ce": {"counts": {"0": step}, "classes": 2}}})
            if step % 100 == 99:
                writer.add_event(step, "spike", f"loss of step {step}")
        if first // batch % 64 == 0:
            writer.flush()
    assert writer.flush()
    return writer


def is_true(got: Recording, places: list[Site], widths: Mapping[str, int] = WIDTHS) -> None:
    """Every number is the one that was written for its step, whatever was left out.

    `widths` tells an older version's number of columns: what it had not is NaN.
    """
    for at, step in enumerate(got.observed.tolist()):
        want = row(step, places, widths)
        begin = 0
        for site in places:
            width = widths[site.kind]
            place = [other.name for other in got.of_kind(site.kind)].index(site.name)
            have = got.rows[site.kind][at, place]
            assert have[:width].tobytes() == want[begin : begin + width].tobytes()
            assert np.isnan(have[width:]).all()
            begin += width
    table = np.column_stack([got.scalars[column.name] for column in STEP])
    for at, step in enumerate(got.step.tolist()):
        assert table[at].tobytes() == scalars(step, 1).tobytes()
    assert [event.text for event in got.events] == [f"loss of step {e.step}" for e in got.events]


def outcome(path: Path, whole: Recording) -> str:
    """How a damaged copy reads: "whole", "prefix" or "error"; anything else fails.

    A prefix is a prefix of each table, bit for bit, together with a note that says so.
    """
    try:
        got = read(path)
    except RecordingError:
        return "error"
    steps, looks, events = len(got.step), len(got.observed), len(got.events)
    assert got.step.tobytes() == whole.step[:steps].tobytes()
    assert got.observed.tobytes() == whole.observed[:looks].tobytes()
    assert got.events == whole.events[:events]
    for name, values in got.scalars.items():
        assert values.tobytes() == whole.scalars[name][:steps].tobytes()
    for kind, cube in whole.rows.items():
        have = got.rows[kind]
        assert have.tobytes() == cube[:looks, : have.shape[1]].tobytes()
    assert got.sites == whole.sites[: len(got.sites)]
    assert got.meta.items() <= whole.meta.items()
    assert got.labels in ({}, whole.labels)
    counts = (steps, looks, events, len(got.sites), len(got.meta), bool(got.labels))
    full = (len(whole.step), len(whole.observed), len(whole.events), len(whole.sites))
    if counts == (*full, len(whole.meta), bool(whole.labels)):
        return "whole"
    assert set(got.notes) - set(whole.notes), f"nothing says that rows are missing: {counts}"
    return "prefix"


def copies(path: Path, folder: Path, changes: Iterator[bytes]) -> Iterator[Path]:
    """The file with each of the changed contents, beside what belongs to it."""
    place = folder / "damaged.clino"
    for changed in changes:
        shutil.copyfile(path, place)
        place.write_bytes(changed)
        yield place
