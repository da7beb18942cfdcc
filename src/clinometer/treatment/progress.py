"""How far trials are: a bar in a terminal, elsewhere a line now and then."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TextIO

EVERY_S = 30.0  # where nobody watches, so that a log of an hour stays short
Seen = Callable[[int, int], None]  # (trials done, of how many)


@contextlib.contextmanager
def shown(
    total: int, asked: Seen | bool | None = None, out: TextIO | None = None
) -> Iterator[Seen]:
    """What is told after each trial.

    Parameters
    ----------
    total : trials to make
    asked : a function that is told instead; False for silence
    """
    stream = out or sys.stderr
    if callable(asked):
        yield asked
    elif asked is False or not total:
        yield lambda _done, _of: None
    elif stream.isatty():
        with _bar(total, stream) as seen:
            yield seen
    else:
        yield _lines(stream, time.monotonic)


def say(text: str, asked: Seen | bool | None = None, out: TextIO | None = None) -> None:
    """A line about what goes on before the trials; to nobody where silence, or a function, was asked for."""
    if asked is not False and not callable(asked):
        print(text, file=out or sys.stderr, flush=True)


@contextlib.contextmanager
def _bar(total: int, stream: TextIO) -> Iterator[Seen]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(file=stream), transient=True) as bar:
        task = bar.add_task("Trials", total=total)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _lines(stream: TextIO, clock: Callable[[], float]) -> Seen:
    begun = told = clock()

    def seen(done: int, of: int) -> None:
        nonlocal told
        now = clock()
        if now - told >= EVERY_S and done:
            told = now
            stream.write(f"{line(done, of, now - begun)}\n")
            stream.flush()

    return seen


def line(done: int, of: int, spent_s: float) -> str:
    """One line.

    >>> line(10, 40, 60.0)
    'trials 10/40, about 3:00 left'
    """
    minutes, seconds = divmod(round(spent_s / done * (of - done)), 60)
    return f"trials {done}/{of}, about {minutes}:{seconds:02d} left"
