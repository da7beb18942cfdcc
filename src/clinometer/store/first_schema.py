"""Read a file of schema 1 (Clinometer before 0.1.0 was released).

Its rows carry a checksum, its tables of facts do not. What an activation module showed stood in the
columns of its call, and `movable` counted elements.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
import zlib
from collections.abc import Iterator

import numpy as np

from clinometer.records.columns import names
from clinometer.records.recording import Float32, Int64
from clinometer.records.site import Site
from clinometer.store.layout import starts
from clinometer.store.raw import Raw

SCALARS = ("time_s", "loss", "loss_seen")


def read_first(database: sqlite3.Connection) -> Raw:
    """Read all that is whole.

    Raises
    ------
    sqlite3.Error, ValueError : if what is needed to read the rows is damaged.
    """
    raw = Raw()
    raw.meta = {k: json.loads(v) for k, v in database.execute("SELECT key, value FROM meta")}
    raw.state = {k: json.loads(v) for k, v in database.execute("SELECT name, value FROM state")}
    raw.sites = [
        Site(index, kind, name, json.loads(facts))
        for index, kind, name, facts in database.execute(
            "SELECT id, kind, name, facts FROM site ORDER BY id"
        )
    ]
    listed = database.execute("SELECT kind, name FROM column ORDER BY kind, position").fetchall()
    by_kind = itertools.groupby(listed, key=lambda row: str(row[0]))
    raw.columns = {kind: [name for _, name in group] for kind, group in by_kind}
    width = 4 * sum(len(raw.columns[site.kind]) for site in raw.sites)
    for step, data in _whole(database, "observation", "step", raw):
        if len(data) > width or len(data) % 4:
            raw.lose(f"observed steps from {step} on are left out: they hold unknown sites")
            break
        raw.observed.append(step)
        raw.packed.append(data)
    _steps(raw, list(_whole(database, "steps", "first", raw)))
    return raw


def place_activations(raw: Raw, where: dict[str, Int64]) -> None:
    """Give each call of an activation a site of kind "activation", read from the call's columns."""
    begin = starts(raw.sites, raw.columns)
    calls = [site for site in raw.sites if site.kind == "call" and "activation" in site.facts]
    known = raw.columns.get("call", [])
    offsets = [known.index(name) if name in known else None for name in names("activation")]
    rows = [[-1 if o is None else begin[call.index] + o for call in calls] for o in offsets]
    where["activation"] = np.array(rows, dtype=np.int64)
    raw.sites += [
        Site(len(raw.sites) + i, "activation", call.name, call.facts)
        for i, call in enumerate(calls)
    ]


def make_movable_a_share(cube: Float32, sites: list[Site]) -> None:
    """Divide the count of movable elements by the size of the parameter.

    That is known of the parameters of linear layers only; it becomes nan elsewhere.
    """
    linear = {s.name: s.facts for s in sites if s.facts.get("class") == "Linear"}
    sizes = []
    for site in (site for site in sites if site.kind == "parameter"):
        owner, _, last = site.name.rpartition(".")
        facts = linear.get(owner, {})
        rows, columns = facts.get("fan_out", np.nan), facts.get("fan_in", np.nan)
        sizes.append({"weight": rows * columns, "bias": rows}.get(last, np.nan))
    cube[:, :, names("parameter").index("movable")] /= np.array(sizes, dtype=np.float32)


def _whole(
    database: sqlite3.Connection, table: str, key: str, raw: Raw
) -> Iterator[tuple[int, bytes]]:
    """(key, data) of rows up to the first that is damaged."""
    last = -1
    try:
        for step, data, crc in database.execute(f"SELECT {key}, data, crc FROM {table} ORDER BY 1"):
            if crc != zlib.crc32(data, step & 0xFFFFFFFF) or step <= last:
                raise ValueError("a row fails its checksum")
            last = step
            yield step, data
    except (sqlite3.Error, ValueError, TypeError, MemoryError) as error:
        raw.lose(f"rows of {table} after {last} cannot be read and are left out ({error})")


def _steps(raw: Raw, batches: list[tuple[int, bytes]]) -> None:
    width = 8 * len(SCALARS)
    numbers = [np.arange(first, first + len(data) // width) for first, data in batches]
    raw.step = np.concatenate([np.zeros(0, dtype=np.int64), *numbers]).astype(np.int64)
    data = np.frombuffer(b"".join(data for _, data in batches), dtype="<f8")
    table = data.reshape(-1, len(SCALARS)).astype(np.float64)
    raw.scalars = {name: np.ascontiguousarray(table[:, i]) for i, name in enumerate(SCALARS)}
