"""Processes with a time limit that can all be ended at once."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from pathlib import Path

LIMIT_S = 120.0


class ChildError(Exception):
    """Why a process gave no result."""


class Children:
    """The processes that are running, so that all can be ended at once.

    They start in the given folder: what a script leaves behind does not lie in the checkout.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def call(self, *command: str, limit_s: float = LIMIT_S) -> str:
        """The standard output of a command.

        Raises
        ------
        ChildError : if it fails, takes longer than limit_s, or was stopped.
        """
        process = self._start(command)
        try:
            out, told = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            raise ChildError(f"took longer than {limit_s:.0f} s") from None
        finally:
            self._end(process)
        if process.returncode:
            last = (told.strip().splitlines() or ["no message"])[-1]
            raise ChildError(f"exit code {process.returncode}: {last}")
        return out

    def _start(self, command: tuple[str, ...]) -> subprocess.Popen[str]:
        with self._lock:
            if self._stopped:
                raise ChildError("stopped")
            process = subprocess.Popen(
                command, env={**os.environ, "OMP_NUM_THREADS": "1"}, cwd=self._folder,
                start_new_session=True, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            self._running.add(process)
        return process

    def _end(self, process: subprocess.Popen[str]) -> None:
        with self._lock:
            self._running.discard(process)
        if process.poll() is None:
            _kill(process)
            process.communicate()

    def stop(self) -> None:
        """End what is running, and start nothing more."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                _kill(process)


def _kill(process: subprocess.Popen[str]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
