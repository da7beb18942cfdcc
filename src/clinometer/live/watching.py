"""Looks at the folder and judges, while a page is open; tells the pages when something changed."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator

from clinometer.live.keeper import Keeper

POLL_S = 0.8  # with the quarter of a second after which a run writes, well within two seconds
LINGER_S = 10.0  # after the last page was closed: it may be loaded again
END_S = 1.0  # a judgement that is under way is not waited for longer


class Watching:
    """The two threads behind the pages, and what the pages wait for."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper
        self.closing = False
        self.pages = 0
        self._left = time.monotonic()
        self._changed, self._opened = asyncio.Event(), asyncio.Event()
        self._urgent = threading.Event()

    @contextlib.contextmanager
    def page(self, key: str | None = None) -> Iterator[None]:
        """While a page is open, on one run or on the list."""
        self.pages += 1
        if key is not None:
            self.keeper.shown[key] = self.keeper.shown.get(key, 0) + 1
        self._opened.set()
        self._urgent.set()
        try:
            yield
        finally:
            self.pages -= 1
            self._left = time.monotonic()
            if key is not None and (left := self.keeper.shown.pop(key) - 1):
                self.keeper.shown[key] = left

    async def change(self, timeout_s: float) -> bool:
        """Wait until something changed, at most so long; whether it did."""
        try:
            await asyncio.wait_for(self._changed.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        """Let the pages go; from the thread of the event loop."""
        self.closing = True
        self._opened.set()
        self._urgent.set()
        self._tell()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Both threads, for as long as the server runs."""
        loop = asyncio.get_running_loop()
        self.keeper.told = lambda: _call(loop, self._tell)
        judging = threading.Thread(target=self._judge, name="clinometer-judge", daemon=True)
        judging.start()
        looking = asyncio.create_task(self._look())
        try:
            yield
        finally:
            self.close()
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking
            await asyncio.to_thread(judging.join, END_S)

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    @property
    def _is_watched(self) -> bool:
        return bool(self.pages) or time.monotonic() - self._left < LINGER_S

    async def _look(self) -> None:
        while not self.closing:
            if self._is_watched:
                await asyncio.to_thread(self.keeper.look)
                await asyncio.sleep(POLL_S if self.keeper.complete else 0)
            else:
                self._opened.clear()
                await self._opened.wait()

    def _judge(self) -> None:
        """Runs in its own thread."""
        while not self.closing:
            rest_s = self.keeper.judge_next() if self._is_watched else LINGER_S
            self._urgent.wait(rest_s)
            self._urgent.clear()


def _call(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    """Have it called by the loop's own thread, unless that has ended."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(function)
