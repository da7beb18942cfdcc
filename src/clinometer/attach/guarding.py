"""Nothing of ours reaches the user's run: hooks are timed, silent, and off in a forked child."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import torch

MOST_FAULTS = 8  # after so many faults of ours the recorder keeps off


class Guard:
    """Wraps hooks, and remembers what went wrong in them and how long they took.

    Attributes
    ----------
    faults : what of ours has raised, each once
    own_s : seconds that hooks took since it was last set to 0
    step : number of the step that is going on, for the faults
    crowded : whether another thread trains, too. Its engine may be writing gradients without the
        interpreter's lock: to look at one of its parameters' would read freed memory
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.faults: list[str] = []
        self.own_s = 0.0
        self.step = 0
        self.crowded = False
        self.now = now
        self.pid = os.getpid()
        self._thread: threading.Thread | None = None
        self._ident = -1

    def __call__(self, function: Callable[..., Any]) -> Callable[..., None]:
        """A hook that never raises and never returns a value."""
        now = self.now

        def guarded(*args: Any, **kwargs: Any) -> None:
            if self.aloof():
                return
            begun = now()
            try:
                function(*args, **kwargs)
            except Exception as error:
                self.note(error)
            finally:
                self.own_s += now() - begun

        return guarded

    def mine(self, function: Callable[..., Any]) -> Callable[..., None]:
        """A hook that the script's own threads run into: it works in the one thread that is recorded."""
        guarded = self(function)

        def admitted(*args: Any, **kwargs: Any) -> None:
            if self.is_mine():
                guarded(*args, **kwargs)

        return admitted

    def is_mine(self) -> bool:
        """Whether no other thread is the one that is recorded."""
        mine = self._ident in {threading.get_ident(), -1} or not self._lives()
        self.crowded |= not mine
        return mine

    def _lives(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def admits(self) -> bool:
        """Whether this is the thread whose training is recorded: the first that trains, while it lives.

        Two threads that train at once would tear one observation apart: hooks of one would be
        taken off the graph that the other is propagating through.
        """
        if threading.get_ident() == self._ident:
            return True
        if self._lives():
            self.crowded = True
            return False
        self._thread, self._ident = threading.current_thread(), threading.get_ident()
        return True

    def aside(self, function: Callable[..., Any], *args: Any) -> Any:
        """Measure; a fault there must not cost the step its place in the count."""
        try:
            return function(*args)
        except Exception as error:
            self.note(error)
            return None

    def aloof(self) -> bool:
        """Whether this is a forked child, a CUDA graph is captured, or too much has gone wrong.

        What we launched during a capture would be in every replay of the graph.
        """
        return (
            os.getpid() != self.pid
            or len(self.faults) >= MOST_FAULTS
            or (torch.cuda.is_initialized() and torch.cuda.is_current_stream_capturing())
        )

    def note(self, error: Exception) -> None:
        """Remember a fault of ours, with its place."""
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        code = place.tb_frame.f_code.co_filename if place else "?"
        where = f"{os.path.basename(code)}:{place.tb_lineno if place else 0}"
        text = f"step {self.step}: {type(error).__name__} in {where}: {error}"[:300]
        if not any(text.partition(": ")[2] == known.partition(": ")[2] for known in self.faults):
            self.faults.append(text)
