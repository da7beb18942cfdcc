"""What can be observed here: devices, ranks, the folder that recordings go to, its disk, the cores."""

from __future__ import annotations

import importlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from typing import Any

from clinometer.records.check import Check
from clinometer.store.file_system import is_shared

MOST_BYTES = 64 * 2**20  # of one recording, however long its run (`store.writer.Writer`)
COMPILERS = ("c++", "g++", "clang++")


def surroundings(folder: str = ".", torch_there: bool = True) -> list[Check]:
    """Look at this machine; `torch_there` says whether torch is worth importing."""
    torch, failed = _torch() if torch_there else (None, "")
    checks = [*_of_torch(torch), compiler(shutil.which)] if torch is not None else []
    if failed:
        why = f"cannot be imported ({failed})"
        checks = [Check("torch's import", "bad", why, "Install torch anew: see pytorch.org.")]
    place = writable(folder)
    room = [] if place.state == "bad" else _disk(folder)
    return [*checks, place, *room, cores(torch, os.environ, usable_cores())]


def _torch() -> tuple[Any, str]:
    """(the module, "") or (None, why not); a broken installation may fail in any way."""
    try:
        return importlib.import_module("torch"), ""
    except Exception as error:
        return None, f"{type(error).__name__}: {error}".splitlines()[0][:120]


def _of_torch(torch: Any) -> list[Check]:
    found = []
    for look in (cuda, distributed):
        try:
            found.append(look(torch))
        except Exception as error:  # a driver may fail in any way; the others still speak
            told = f"cannot be asked ({type(error).__name__}: {error})".splitlines()[0][:120]
            found.append(Check(look.__name__, "note", told, "Check the driver."))
    return found


def cuda(torch: Any) -> Check:
    """Accelerators; the CPU is always observed."""
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        return Check("devices", "good", f"cpu, cuda ({', '.join(names)})")
    if os.path.exists("/dev/nvidia0"):
        told = "cpu; there is an NVIDIA device, but torch cannot use it"
        return Check("devices", "note", told, "Install torch with CUDA, or mend the driver.")
    return Check("devices", "good", "cpu; no CUDA device")


def distributed(torch: Any) -> Check:
    """Whether runs of several ranks can be recorded."""
    if not torch.distributed.is_available():
        told = "not in this build of torch"
        return Check("distributed", "absent", told, "Only one process can train, and is recorded.")
    backends = [
        name
        for name in ("gloo", "nccl", "mpi")
        if getattr(torch.distributed, f"is_{name}_available")()
    ]
    return Check("distributed", "good", ", ".join(backends) or "available, without a backend")


def compiler(which: Any) -> Check:
    """The C++ compiler that torch.compile's default backend calls on a CPU."""
    chosen = os.environ.get("CXX", "")
    names = (chosen, *COMPILERS) if chosen else COMPILERS
    found = next((path for path in map(which, names) if path), None)
    if found:
        return Check("torch.compile", "good", f"compiler {found}")
    advice = "Install g++ if your script calls torch.compile; recording needs none."
    return Check("torch.compile", "absent", "no C++ compiler found", advice)


def writable(folder: str) -> Check:
    """Whether a recording can be written into a folder, and how."""
    place = os.path.abspath(folder)
    try:
        with tempfile.TemporaryFile(dir=place, prefix=".clinometer-"):
            pass
    except OSError as error:
        told = f"{place}: cannot be written to ({error.strerror or error})"
        return Check("working folder", "bad", told, "Give another: clinometer run -o FOLDER/FILE")
    shared = is_shared(place)
    if shared:
        told = f"{place} lies on {shared}, which others may share: no write-ahead log"
        advice = "Recordings work, with slower commits; a local disk is better: -o FILE"
        return Check("working folder", "note", told, advice)
    return Check("working folder", "good", f"{place}, on a local disk")


def _disk(folder: str) -> list[Check]:
    try:
        return [disk(shutil.disk_usage(folder).free)]
    except OSError:
        return []  # the folder itself is reported already


def disk(free: int) -> Check:
    """Free space [bytes] against what one recording may take.

    >>> disk(2**20).found
    '1 MiB free; a recording takes at most 64 MiB'
    """
    told = f"{free // 2**20:,} MiB free; a recording takes at most {MOST_BYTES // 2**20} MiB"
    if free >= MOST_BYTES:
        return Check("disk", "good", told)
    advice = "Make room: on a full disk recording stops with one warning, training goes on."
    return Check("disk", "note", told, advice)


def usable_cores() -> int:
    """Cores that this process may run on."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def cores(torch: Any, environment: Mapping[str, str], usable: int) -> Check:
    """Cores and threads; more threads than cores make every measurement of time noisy."""
    threads = torch.get_num_threads() if torch is not None else None
    told = f"{usable} usable"
    told += f", torch computes in {threads} threads" if threads is not None else ""
    asked = environment.get("OMP_NUM_THREADS")
    told += f" (OMP_NUM_THREADS={asked})" if asked else ""
    if threads is not None and threads > usable:
        advice = f"Set OMP_NUM_THREADS={usable}: more threads than cores slow training down."
        return Check("cores", "note", told, advice)
    return Check("cores", "good", told)
