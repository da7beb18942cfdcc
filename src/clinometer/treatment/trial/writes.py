"""Keeps a trial from writing where it would meet the user's files, or another trial's."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from typing import Any

from clinometer.attach.arrival import when_imported

# Events of Python that change what lies at a path: which arguments are paths.
CHANGES = {
    "os.remove": (0,), "os.rename": (0, 1), "os.mkdir": (0,), "os.rmdir": (0,), "os.link": (1,),
    "os.symlink": (1,), "shutil.rmtree": (0,), "shutil.move": (1,),
    "sqlite3.connect": (0,),
}  # fmt: skip
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CACHES = (
    "XDG_CACHE_HOME", "MPLCONFIGDIR", "TORCH_HOME", "HF_HOME", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR",
    "PYTHONPYCACHEPREFIX", "CUDA_CACHE_PATH", "NUMBA_CACHE_DIR", "KERAS_HOME",
)  # fmt: skip


def allowed(folders: Iterable[str]) -> tuple[str, ...]:
    """Real paths of the folders that a trial may write to: its own, temporary ones, caches, devices."""
    home = os.path.expanduser("~")
    named = [os.environ[name] for name in CACHES if os.environ.get(name)]
    caches = [
        os.path.join(home, name) for name in (".cache", ".config/matplotlib", ".triton", ".nv")
    ]
    listed = [*folders, tempfile.gettempdir(), "/dev", "/proc", *caches, *named]
    return tuple(dict.fromkeys(map(os.path.realpath, listed)))


def refused(path: str) -> str:
    """Why a write was refused, in words."""
    return (
        f"the script writes to {path}, outside of the trial's own folder; give it a relative path, or allow "
        "it with --allow-writes"
    )


def guard(places: tuple[str, ...], refuse: Callable[[str], None]) -> None:
    """From now on, `refuse(path)` hears of whatever is about to be written anywhere else."""

    def check(path: Any) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return  # a file that is open already
        name = os.fsdecode(path)
        if name.startswith((":memory:", "file:")) or not name:
            return
        real = os.path.realpath(name)
        if "__pycache__" not in real and not any(_lies_in(real, place) for place in places):
            refuse(real)

    def hear(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = args
            written = any(sign in mode for sign in "wax+") if mode else bool(flags & WRITING)
            if written:
                check(path)
        elif event in CHANGES and not _is_relative_to_open_folder(event, args):
            for number in CHANGES[event]:
                if not (event == "os.mkdir" and os.path.isdir(args[number])):  # changes nothing
                    check(args[number])

    sys.addaudithook(hear)
    when_imported("torch", lambda: _torch(check))


def _is_relative_to_open_folder(event: str, args: tuple[Any, ...]) -> bool:
    """Whether a path is told beside the descriptor of its folder, as within `shutil.rmtree`."""
    descriptors = args[2:] if event == "os.mkdir" else args[1:]
    return any(isinstance(one, int) and one >= 0 for one in descriptors)


def _torch(check: Callable[[Any], None]) -> None:
    """`torch.save` opens files in C++, which Python does not hear of."""
    from clinometer.attach.patches import branch

    def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        check(kwargs.get("f", args[1] if len(args) > 1 else None))

    branch(sys.modules["torch"], "save", before=before)


def _lies_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
