"""Who writes a recording: a process name that is never given twice."""

from __future__ import annotations

ENDED = "ZXx"  # states of a process that has ended: zombie, dead; proc_pid_stat(5)


def birth_of(pid: int) -> str | None:
    """Boot id and start time of a process on this machine: a name that is never given twice.

    None where it does not run (any more); one that has ended, and that nobody asked about yet, does not.
    """
    try:
        with open("/proc/sys/kernel/random/boot_id") as boot, open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
            return None if fields[0] in ENDED else f"{boot.read().strip()}/{fields[19]}"
    except (OSError, IndexError):
        return None
