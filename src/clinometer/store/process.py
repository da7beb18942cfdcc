"""Who writes a recording: a process name that is never given twice."""

from __future__ import annotations


def birth_of(pid: int) -> str | None:
    """Boot id and start time of a process on this machine: a name that is never given twice."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as boot, open(f"/proc/{pid}/stat") as stat:
            return f"{boot.read().strip()}/{stat.read().rpartition(')')[2].split()[19]}"
    except (OSError, IndexError):
        return None
