"""The thread that commits, so that a slow disk never holds up a training step."""

from __future__ import annotations

import threading
import time

from clinometer.store.database import Database
from clinometer.store.forks import keep_for_ever, watch_forks
from clinometer.store.inbox import Inbox

FORK_S = 1.0  # a fork waits no longer than this for a commit to end


class Committer:
    """Takes what is in the inbox and commits it; the only one who touches the database.

    The thread is started by the first thing to write, leaves before the process forks, and is
    started again by the next thing to write in the parent.

    Attributes
    ----------
    inbox : where to hand things over
    failed : why nothing more is written, or None
    """

    def __init__(self, database: Database) -> None:
        self.inbox = Inbox()
        self.failed: str | None = None
        self._database = database
        self._thread: threading.Thread | None = None
        self._forking = False
        self._starting = threading.RLock()
        watch_forks(self)

    def start(self) -> None:
        """See that somebody takes what is in the inbox."""
        if self._forking or (self._thread is not None and self._thread.is_alive()):
            return
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                thread = threading.Thread(target=self._work, name="clinometer-store", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the interpreter is ending: `close` does the work itself
                    return
                self._thread = thread

    def close(self, timeout_s: float) -> None:
        """Write what is waiting, close the database, and let the thread end; waits no longer."""
        self._database.give_up_at = time.monotonic() + timeout_s / 2
        self.inbox.wake(closed=True)
        self.start()
        if self._thread is None or not self._thread.is_alive():
            self._work()
            return
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            self.failed = self.failed or f"the disk was still busy after {timeout_s:g} s"

    def before_fork(self) -> None:
        """Let the thread end what it is doing, and leave."""
        self._forking = True
        self.inbox.wake(paused=True)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(FORK_S)

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._forking = False
        self.inbox.wake(paused=False)
        if not self.inbox.empty:
            self.start()

    def after_fork_in_child(self) -> None:
        """Leave the file to the parent: closing a copy of its connection could damage it."""
        keep_for_ever(self._database)

    def _work(self) -> None:
        """Commit until told to leave. Runs in the thread."""
        while (batch := self.inbox.take(self._database.most_together)) is not None:
            try:
                if self.failed is None:
                    self._database.apply(batch, self.inbox.dropped)
            except Exception as error:
                self.failed = str(error) or type(error).__name__
            finally:
                batch.done()
        if self.inbox.closed and not self.inbox.paused:
            self._end()

    def _end(self) -> None:
        try:
            self._database.close()
        except Exception as error:
            self.failed = self.failed or str(error)
