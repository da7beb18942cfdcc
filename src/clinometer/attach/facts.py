"""What is known of a run before it begins; imports neither NumPy nor torch."""

from __future__ import annotations

import os
import platform
import sys
import time
from typing import Any

from clinometer import __version__
from clinometer.store.process import birth_of


def rank() -> int:
    """Rank of the process among those of a distributed training, as its launcher tells it."""
    return int(os.environ.get("RANK", "0") or 0)


def ranks() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1") or 1)


def facts_of_run(script: str, arguments: list[str]) -> dict[str, Any]:
    """Meta data of a recording: script, versions, machine, start time, and who writes it."""
    torch = sys.modules.get("torch")
    return {
        "clinometer": __version__,
        "script": script,
        "arguments": arguments,
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "python": platform.python_version(),
        "torch": str(getattr(torch, "__version__", "")) or None,
        "machine": f"{platform.system()} {platform.machine()}",
        "rank": rank(),
        "world": ranks(),
        "process": {"pid": os.getpid(), "birth": birth_of(os.getpid())},
    }
