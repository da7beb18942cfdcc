"""The other end of the pipe: start a contender's process, give it turns, end it."""

from __future__ import annotations

import multiprocessing
import os
import socket
import threading
from pathlib import Path
from typing import Any

from benchmarks.overhead.contenders import Place
from benchmarks.overhead.worker import Job, Ready, work

PATIENCE_S = 600.0  # no answer for so long is an answer


class ContenderError(Exception):
    """Why a contender has no figure."""


class Turns:
    """One contender's process, which runs only when it is told to."""

    def __init__(
        self,
        workload: str,
        contender: str,
        folder: Path,
        core: int,
        port: int = 0,
        as_users: bool = False,
    ) -> None:
        files = folder / contender
        files.mkdir(parents=True)
        self.contender = contender
        self.place = Place(files, port)
        self.log = folder / f"{contender}.log"
        context = processes()
        self._pipe, theirs = context.Pipe()
        job = Job(workload, contender, self.place, self.log, core, as_users)
        self._process = context.Process(target=work, args=(job, theirs), daemon=False)
        self._process.start()
        theirs.close()

    def ready(self) -> Ready:
        return self._answer()

    def __call__(self, command: str, *arguments: Any) -> Any:
        """Give it a turn.

        Raises
        ------
        ContenderError : if it failed, died, or does not answer.
        """
        try:
            self._pipe.send((command, *arguments))
        except OSError as error:
            raise ContenderError(f"its process has died ({error})") from error
        return self._answer()

    def _answer(self) -> Any:
        try:
            if not self._pipe.poll(PATIENCE_S):
                raise ContenderError(f"no answer in {PATIENCE_S:.0f} s")
            answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            self._process.join(5)
            raise ContenderError(f"its process died (exit {self._process.exitcode})") from error
        if isinstance(answer, str):
            raise ContenderError(answer)
        return answer

    def end(self) -> None:
        self._pipe.close()
        self._process.join(20)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def bytes_on_disk(self) -> int:
        return sum(f.stat().st_size for f in self.place.folder.rglob("*") if f.is_file())


def processes() -> Any:
    """Processes are forked from a server that has imported torch and nothing else of weight."""
    os.environ["OMP_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch"])
    return context


def stand_in_viewer() -> int:
    """Listen on this machine, read whatever comes and drop it; returns the port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def read(connection: socket.socket) -> None:
        while connection.recv(65536):
            pass

    def accept() -> None:
        while True:
            threading.Thread(target=read, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return int(listener.getsockname()[1])
