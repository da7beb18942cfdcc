"""A fork copies only the thread that forks: ours leave before it, and the child never writes.

Without threads Python has nothing to warn of at a fork, and no lock of SQLite is copied while it is
held. The child must not even close its copy of a connection, so that one is kept for ever.
"""

from __future__ import annotations

import ctypes
import os
import weakref
from typing import Any, Protocol


class Forked(Protocol):
    """What has to do with a fork: it is told before, and after it on both sides."""

    def before_fork(self) -> None: ...
    def after_fork_in_parent(self) -> None: ...
    def after_fork_in_child(self) -> None: ...


_open: weakref.WeakSet[Forked] = weakref.WeakSet()
_registered = False


def watch_forks(what: Forked) -> None:
    """Tell this object about every fork, for as long as it lives."""
    global _registered  # noqa: PLW0603 - hooks at forks cannot be taken off again
    _open.add(what)
    if not _registered and hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=lambda: _tell("before_fork"),
            after_in_parent=lambda: _tell("after_fork_in_parent"),
            after_in_child=lambda: _tell("after_fork_in_child"),
        )
        _registered = True


def keep_for_ever(what: Any) -> None:
    """Never free an object, not even when the interpreter ends."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(what))


def _tell(message: str) -> None:
    for what in list(_open):
        getattr(what, message)()
