"""Ends a trial and all that it started as soon as the one who asked for it is gone.

    python guard.py COMMAND...

The command runs in a session of its own. Where the standard input of the guard ends, because it was closed
or because its owner died, by whatever signal, every process of the command's group is killed. Who sees to
that is a process of its own again: Ray, where it ends a worker, kills the worker's children with it, and the
guard is among them. It imports nothing of ours: its start takes 20 ms.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys


def main(command: list[str]) -> int:
    """Exit code of the command; 128 and the number of the signal that ended it."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    watcher = os.fork()
    if not watcher:
        os.setsid()
        watch(child.pid)
        os._exit(0)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # not reaped: its number stays its own
    end(child.pid)
    os.kill(watcher, signal.SIGKILL)
    os.waitpid(watcher, 0)
    code = child.wait()
    return code if code >= 0 else 128 - code


def watch(pid: int) -> None:
    """Wait for the end of the standard input, and end the group then; or for that of the process."""
    ended = os.pidfd_open(pid)
    while True:
        ready, _, _ = select.select([0, ended], [], [])
        if ended in ready:
            return
        if not os.read(0, 4096):
            end(pid)
            return


def end(group: int) -> None:
    """Kill what is left of a process group."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
