"""What the live page costs: a folder with 1,000 runs, ten of them training, and one page open.

    python benchmarks/live.py [--runs 1000] [--training 10] [--seconds 30] [--pause 0.5]

Processor time and memory are those of the server's process, read from /proc; the page is a client that
reads the list's stream, as a browser does. Each training is a process that writes ten steps and an
observation every `--pause` seconds. Delay: from the end of a commit, whose time is taken in the process
that writes it, to its arrival at the client. Exit code 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from benchmarks.startup import machine  # noqa: E402

import live_runs  # noqa: E402

IDLE_SHARE, DELAY_S = 0.02, 2.0  # goals
TICK = os.sysconf("SC_CLK_TCK")


def processor_s(pid: int) -> float:
    """Processor time of a process so far [s]."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def resident_mib(pid: int) -> float:
    """Memory of a process [MiB]."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


class Page:
    """Reads the stream of the list, and notes when which step arrived."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self.rows: dict[str, dict] = {}
        self.arrived: list[tuple[str, int, float]] = []
        self.bytes = 0
        self._connection = http.client.HTTPConnection(place.hostname, place.port)
        self._connection.request("GET", "/api/events")
        self._answer = self._connection.getresponse()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            for line in iter(self._answer.readline, b""):
                self.bytes += len(line)
                if line.startswith(b"data: "):
                    for row in json.loads(line[6:])["rows"]:
                        self.rows[row["name"]] = row
                        self.arrived.append((row["name"], row["steps"], time.time()))

    def wait_judged(self, many: int) -> float:
        """Until so many runs have a verdict [s]."""
        begun = time.perf_counter()
        while sum(bool(row["sheets"]) for row in list(self.rows.values())) < many:
            time.sleep(0.2)
        return time.perf_counter() - begun


def share(pid: int, seconds: float) -> float:
    """Share of one core that a process takes."""
    before, begun = processor_s(pid), time.perf_counter()
    time.sleep(seconds)
    return (processor_s(pid) - before) / (time.perf_counter() - begun)


@contextlib.contextmanager
def training(folder: Path, many: int, pause: float) -> Iterator[None]:
    """So many processes that record."""
    with contextlib.ExitStack() as children:
        for i in range(many):
            path = folder / f"training-{i}.clino"
            options = ("--pause", str(pause), "--told", str(path) + ".times")
            children.enter_context(live_runs.trained(path, *options))
        yield


def delays(page: Page, folder: Path) -> list[float]:
    """From each commit to the first arrival of its steps, or of later ones [s]."""
    found = []
    for told in folder.glob("*.times"):
        name = told.name.removesuffix(".times")
        mine = [(steps, when) for other, steps, when in list(page.arrived) if other == name]
        for line in told.read_text().splitlines():
            step, committed = line.split()
            later = [when for steps, when in mine if steps >= int(step)]
            if later and mine[0][1] < float(committed):
                found.append(min(later) - float(committed))
    return found


def measure(given: argparse.Namespace, folder: Path) -> bool:
    for i in range(given.runs):
        live_runs.write(folder / f"run-{i:04}.clino", 10)
    with live_runs.served(folder) as url:
        pid = next(
            int(p.name)
            for p in Path("/proc").iterdir()
            if p.name.isdigit() and _is_server(p, folder)
        )
        page = Page(url)
        took = page.wait_judged(given.runs)
        memory, sent = resident_mib(pid), page.bytes / 2**20
        print(f"{given.runs} verdicts after {took:.0f} s, {memory:.0f} MiB, {sent:.1f} MiB sent")
        time.sleep(2)
        idle = share(pid, given.seconds)
        print(f"idle, one page open: {100 * idle:.2f} % of a core")
        with training(folder, given.training, given.pause):
            page.wait_judged(given.runs + given.training)
            time.sleep(2)
            page.arrived.clear()
            busy, before = share(pid, given.seconds), resident_mib(pid)
            time.sleep(DELAY_S)
            late = sorted(delays(page, folder))
            print(f"{given.training} training: {100 * busy:.1f} % of a core, {before:.0f} MiB")
            print(f"delay of {len(late)} commits: median {statistics.median(late):.2f} s, "
                  f"95 % {late[int(0.95 * len(late))]:.2f} s, worst {late[-1]:.2f} s")  # fmt: skip
            more = share(pid, given.seconds)
            print(f"so much later again: {100 * more:.1f} % of a core, {resident_mib(pid):.0f} MiB")
        page._connection.close()
    return idle < IDLE_SHARE and late[-1] < DELAY_S


def _is_server(process: Path, folder: Path) -> bool:
    try:
        command = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"serve" in command and str(folder).encode() in command


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--training", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--pause", type=float, default=0.5)
    given = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        return 0 if measure(given, Path(folder)) else 1


if __name__ == "__main__":
    sys.exit(main())
