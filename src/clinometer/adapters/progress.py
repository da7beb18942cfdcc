"""A bar on stderr for what takes long, gone when it is done."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sized
from typing import TypeVar

T = TypeVar("T")


def shown(
    things: Iterable[T], progress: bool | None, what: str, size: int | None = None
) -> Iterable[T]:
    """The same things; a bar where stderr is a terminal, or wherever `progress` is True."""
    if progress is False or (progress is None and not sys.stderr.isatty()):
        return things
    from rich.console import Console
    from rich.progress import track

    total = size if size is not None or not isinstance(things, Sized) else len(things)
    return track(things, what, total=total, console=Console(stderr=True), transient=True)
