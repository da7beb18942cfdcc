"""Run a command on a terminal of its own, and read the screen that its bytes make."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

OURS = re.compile(r"\r\x1b\[K(?:(?:\x1b\[2m)?clinometer: step [^\r]*)?")  # wiped off, or drawn


def on_terminal(
    command: Sequence[str],
    *,
    cwd: Path,
    columns: int = 80,
    typed: bytes = b"",
    after: bytes = b"",
    env: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    """(exit code, all that the terminal was sent); `typed` is typed once `after` has been seen."""
    pid, leader = pty.fork()
    if pid == 0:  # a child, with the terminal as its stdin, stdout and stderr
        os.chdir(cwd)
        os.environ.update({"TERM": "xterm", "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": ""})
        os.environ.pop("NO_COLOR", None)
        os.environ.update(env or {})
        os.execvp(command[0], list(command))
    fcntl.ioctl(leader, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    shown = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:  # what Linux says when the other end is closed
            break
        shown += part
        if typed and after in shown:
            os.write(leader, typed)
            typed = b""
    os.close(leader)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def screen_of(shown: str) -> list[str]:
    """The lines that stand on the screen in the end; colours are taken off."""
    lines, at = [""], 0
    for mark in re.findall(r"\x1b\[[\d;]*[A-Za-z]|[^\x1b]", shown):
        if mark == "\n":
            lines, at = [*lines, ""], 0 if at == 0 else at
        elif mark == "\r":
            at = 0
        elif mark == "\x1b[K":
            lines[-1] = lines[-1][:at]
        elif not mark.startswith("\x1b"):
            lines[-1] = f"{lines[-1]:<{at}}"[:at] + mark + lines[-1][at + 1 :]
            at += 1
    return [line.rstrip() for line in lines]
