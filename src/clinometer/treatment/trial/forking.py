"""Whether the script's process can be forked now, and children that are waited for with a limit."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from typing import NamedTuple

TIME = signal.SIGUSR1  # asks a trial to end with what it has
GRACE_S = 5.0  # until it is killed: a step may be in one long call of torch's
LONGEST_NAP_S = 0.05
FORKABLE = {
    "jemalloc_bg_thd"
}  # stops and starts itself around a fork (jemalloc's pthread_atfork handlers)
STOP, ANEW = b"s", b"a"  # what a child says of the clock that runs against it


class Ended(NamedTuple):
    """How a child ended: its wait status, whether the limit was over, its processor time [s]."""

    status: int
    late: bool
    cpu_s: float

    @property
    def killed_by(self) -> int:
        """Number of the signal that ended it; 0 for none."""
        return os.WTERMSIG(self.status) if os.WIFSIGNALED(self.status) else 0


def unsafe() -> str:
    """Why this process must not be forked, in words; "" where it may.

    A child has only the thread that forked it: what others hold (locks, devices, workers) stays as it was.
    """
    torch = sys.modules["torch"]
    if not hasattr(os, "fork"):
        return "this system cannot fork a process"
    if torch.cuda.is_initialized():
        return "CUDA is in use, which does not survive a fork"
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return "a process group of torch.distributed is open"
    if multiprocessing.active_children():
        return "the script has child processes (DataLoader workers)"
    others = [one.name for one in threading.enumerate() if one is not threading.current_thread()]
    if others:
        return f"the script has other threads ({', '.join(others[:3])})"
    return _native(torch.get_num_threads())


def _native(torch_threads: int) -> str:
    try:
        count = sum(_counts(task) for task in os.listdir("/proc/self/task"))
    except OSError:  # no Linux: a pool may be there, once torch may use one
        count = torch_threads
    if count > 1:
        return f"{count} native threads run in the process (OMP_NUM_THREADS=1 leaves one)"
    return ""


def _counts(task: str) -> bool:
    """Whether a native thread stands against a fork."""
    try:
        with open(f"/proc/self/task/{task}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip() not in FORKABLE
    except OSError:  # it has just ended
        return False


def waited(pid: int, limit_s: float, told: int | None = None) -> Ended:
    """Wait for a child; after the limit [s] (0: none) it is asked to end, and killed a little later.

    On the descriptor `told` (not blocking) the child may stop the clock (`STOP`) and start it anew (`ANEW`).
    """
    begun, late, nap, runs = time.monotonic(), False, 0.001, True
    while True:
        for word in _words(told):
            begun, runs = time.monotonic(), word == ANEW[0]
        found, status, used = os.wait4(pid, os.WNOHANG)
        if found:
            return Ended(status, late, used.ru_utime + used.ru_stime)
        spent = time.monotonic() - begun
        if limit_s and runs and spent > limit_s and not late:
            late = True
            os.kill(pid, TIME)
        if late and spent > limit_s + GRACE_S:
            os.kill(pid, signal.SIGKILL)
        time.sleep(nap)
        nap = min(2 * nap, LONGEST_NAP_S)


def _words(told: int | None) -> bytes:
    try:
        return os.read(told, 64) if told is not None else b""
    except BlockingIOError:
        return b""


def offsets() -> dict[int, int]:
    """Where each open regular file is read or written: a child shares, and moves, these."""
    found = {}
    for number in _open_files():
        try:
            found[number] = os.lseek(number, 0, os.SEEK_CUR)
        except OSError:  # a pipe, a terminal
            continue
    return found


def put_back(offsets: dict[int, int]) -> None:
    """Undo what a child has moved."""
    for number, offset in offsets.items():
        try:
            os.lseek(number, offset, os.SEEK_SET)
        except OSError:
            continue


def _open_files() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/dev/fd") if int(name) > 2]
    except OSError:
        return []
