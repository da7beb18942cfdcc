"""Run a script as Python would, and record the training inside it.

Nothing that the script could notice is imported before it: neither torch nor NumPy, so that it may
set OMP_NUM_THREADS first. The recorder attaches when torch has been imported.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import CodeType, ModuleType, TracebackType
from typing import Any

from clinometer.attach.arrival import when_imported
from clinometer.attach.facts import facts_of_run, rank, ranks
from clinometer.attach.screen import Screen, screen
from clinometer.errors import ScriptError


@dataclass
class Launch:
    """One run of one script under a recorder.

    `status`: whether a terminal is shown a line about it (see `screen`); of several ranks none is, for
    one does not see what the others write there.
    """

    path: str
    script: str
    arguments: list[str]
    budget: float = 0.01
    every: int | None = None
    status: bool = False
    recorder: Any = None
    trouble: str | None = None
    _screen: Screen | None = None
    _undo: Callable[[], None] = field(default=lambda: None)

    def attach_on_import(self) -> None:
        """Attach as soon as the script has imported torch."""
        self._undo = when_imported("torch", self._attach)

    def _attach(self) -> None:
        try:
            from clinometer.attach.recorder import Recorder
            from clinometer.store.writer import Writer

            writer = Writer(self.path, facts_of_run(self.script, self.arguments))
            # By budget one rank looks: the gradients are the same on all, and a step that is observed on
            # one rank makes all wait.
            looks = rank() == 0 or self.every is not None
            self.recorder = Recorder(writer, budget=self.budget, every=self.every, looks=looks)
            self.recorder.start()
            if self._screen is not None:
                from clinometer.attach.status_line import StatusLine

                self.recorder.logbook.listener = StatusLine(self._screen, self.recorder)
        except Exception as error:  # never the script's trouble
            self.trouble = f"{type(error).__name__}: {error}"

    def finish(self, ended: str, **facts: Any) -> None:
        """Detach and close the recording; `ended` as `Recording.ended` has it."""
        self._undo()
        if self.recorder is not None:
            self.recorder.stop(ended, **facts)
            self.trouble = self.trouble or self.recorder.writer.failed
        if self._screen is not None:
            self._screen.close()

    def run(self, code: CodeType, module: ModuleType) -> None:
        """Execute the script as `__main__`, and leave as Python would have left after it.

        Raises
        ------
        SystemExit : the script's own, or with 1 after an exception that nobody caught.
        KeyboardInterrupt : already shown; Python then ends by SIGINT, so that a shell's loop stops.
        """
        sys.modules["__main__"] = module
        self._screen = screen() if self.status and ranks() == 1 else None
        self.attach_on_import()
        try:
            exec(code, module.__dict__)
        except SystemExit as leaving:
            given = leaving.code
            self.finish("normal", exit_code=given if isinstance(given, int) else int(bool(given)))
            raise
        except KeyboardInterrupt as stopped:
            self.finish("interrupted")
            _show(stopped, ours=1)
            sys.excepthook = _shown_already
            raise
        except BaseException as error:
            self.finish("exception", exit_code=1)
            _show(error, ours=1)
            sys.exit(1)
        self.finish("normal", exit_code=0)


def load_script(path: str) -> tuple[CodeType, ModuleType]:
    """Compile a script as `python script.py` would.

    Raises
    ------
    ScriptError : if it cannot be read. A SyntaxError is the script's own and is shown as Python's.
    """
    if os.path.isdir(path):
        raise ScriptError(f"{path}: is a folder.\n  Expected a Python script.")
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        raise ScriptError(
            f"{path}: {error.strerror or error}.\n"
            "  Expected a Python script that can be read: clinometer run [options] script.py"
        ) from error
    _first_on_path(os.path.dirname(os.path.realpath(path)))
    whole = os.path.join(os.getcwd(), path.removeprefix("./"))  # as Python itself does since 3.9
    module = _main_module(whole)
    module.__loader__ = importlib.machinery.SourceFileLoader("__main__", whole)
    return _compiled(source, whole), module


def load_module(name: str) -> tuple[CodeType, ModuleType]:
    """Find a module as `python -m name` would (a package's `__main__`).

    Raises
    ------
    ScriptError : if there is no such module, or it has no Python code.
    """
    _first_on_path(os.getcwd())
    spec = _spec(name)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = _spec(f"{name}.__main__")
    if spec is None or spec.loader is None or not hasattr(spec.loader, "get_code"):
        raise ScriptError(
            f"-m {name}: no such module, or it cannot be run.\n"
            "  Expected a module that `python -m` can run from this folder."
        )
    code = spec.loader.get_code(spec.name)
    module = _main_module(spec.origin or name)
    module.__spec__, module.__package__ = spec, spec.parent
    module.__loader__, module.__dict__["__cached__"] = spec.loader, spec.cached
    return code, module


def default_path(script: str) -> str:
    """Recording's name: the script's own, the date, and the rank where there are several."""
    stem = os.path.splitext(os.path.basename(script))[0] or "run"
    return time.strftime(f"{stem}-%Y%m%d-%H%M%S.clino")


def of_rank(path: str) -> str:
    """The recording of this rank: run.clino, run.1.clino, run.2.clino ..."""
    rank = os.environ.get("RANK", "0")
    if rank in ("", "0"):
        return path
    stem, ending = os.path.splitext(path)
    return f"{stem}.{rank}{ending}"


def _spec(name: str) -> Any:
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None


def _main_module(path: str) -> ModuleType:
    module = ModuleType("__main__")
    module.__dict__.update(
        __file__=path, __builtins__=__builtins__, __spec__=None, __cached__=None, __annotations__={}
    )
    return module


def _first_on_path(folder: str) -> None:
    """Python puts a script's folder first; ours was put there when Clinometer was started."""
    if getattr(sys.flags, "safe_path", False):
        return
    sys.path[:1] = [folder]


def _compiled(source: bytes, path: str) -> CodeType:
    try:
        return compile(source, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        _show(error, ours=2)
        sys.exit(1)


def _show(error: BaseException, ours: int) -> None:
    """Hand the exception to the script's `sys.excepthook`, without our frames in its traceback."""
    traceback: TracebackType | None = error.__traceback__
    for _ in range(ours):
        traceback = traceback.tb_next if traceback is not None else None
    error = error.with_traceback(traceback)
    try:
        sys.excepthook(type(error), error, traceback)
    except BaseException as failed:
        _hook_failed(failed, error)


def _hook_failed(failed: BaseException, error: BaseException) -> None:
    """Tell of an excepthook that fails in the words that Python has for it."""
    if isinstance(failed, SystemExit):
        raise failed.with_traceback(None) from None
    inner = failed.__traceback__.tb_next if failed.__traceback__ is not None else None
    failed.__context__ = None if failed.__context__ is error else failed.__context__
    for title, shown in (("Error in sys.excepthook:", failed.with_traceback(inner)),
                         ("\nOriginal exception was:", error)):  # fmt: skip
        sys.stderr.write(f"{title}\n")
        sys.__excepthook__(type(shown), shown, shown.__traceback__)


def _shown_already(*_: object) -> None:
    """The excepthook while Python ends on an interrupt whose traceback has been shown."""
