"""Server-sent events: the newest state, whenever it changed. Nothing queues up for a slow page."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from clinometer.live.keeper import Keeper
from clinometer.live.run import Run
from clinometer.live.watching import Watching

HEARTBEAT_S = 15.0  # so that a connection that died is noticed
MOST_PAGES = 100  # open at once; more are refused


BEAT = ": still here\n\n"


async def of_list(watching: Watching) -> AsyncIterator[str]:
    """Every run at first, later those that changed, and those that went."""
    keeper, seen, heard = watching.keeper, -1, True
    with watching.page():
        while not watching.closing:
            if keeper.version > seen:
                version = keeper.version  # before the rows: what comes in between is told again
                yield event("runs", _list(keeper, seen))
                seen = version
            elif not heard:
                yield BEAT
            heard = await watching.change(HEARTBEAT_S)


def _list(keeper: Keeper, seen: int) -> dict[str, Any]:
    runs = keeper.runs
    rows = [run.row for run in runs.values() if run.version > seen and run.row]
    gone = [key for key, when in list(keeper.gone.items()) if when > seen and key not in runs]
    return {
        "all": seen < 0,
        "rows": rows,
        "gone": gone,
        "total": len(runs),
        "left_out": keeper.folder.left_out,
        "complete": keeper.complete,
    }


async def of_run(watching: Watching, key: str) -> AsyncIterator[str]:
    """One run's row and loss, whenever they changed; `gone` where there is no such file (any more)."""
    keeper, seen, heard = watching.keeper, -1, True
    with watching.page(key):
        while not watching.closing:
            run = keeper.runs.get(key)
            if run is None and keeper.complete:
                yield event("gone", {})
                return
            if run is not None and run.version > seen and run.row:
                seen = run.version
                yield event("run", _run(run, has_sheet=keeper.has_sheet(key)))
            elif not heard:
                yield BEAT
            heard = await watching.change(HEARTBEAT_S)


def _run(run: Run, *, has_sheet: bool) -> dict[str, Any]:
    return {**run.row, "curve": run.envelope.to_dict(), "ready": has_sheet}


def event(name: str, data: dict[str, Any]) -> str:
    r"""One event. JSON holds no line break, so that a text from a file cannot end it.

    >>> event("run", {"name": "a" + chr(10) + "b"})
    'event: run\ndata: {"name":"a\\nb"}\n\n'
    """
    return f"event: {name}\ndata: {json.dumps(data, allow_nan=False, separators=(',', ':'))}\n\n"
