"""Notebooks: `%load_ext clinometer`, then `%%clinometer` above a cell that trains.

The training in the cell is recorded as `clinometer run` records a script; the cell's values, errors and
random numbers are its own.
"""

from __future__ import annotations

import ast
import atexit
import os
import weakref
from typing import Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from clinometer.adapters.notebook_text import told, verdict
from clinometer.attach.launch import Launch
from clinometer.attach.session import Session
from clinometer.records.share import share

NAME = "clinometer"
VARIABLE = "_clinometer"  # in the notebook: the path of the latest recording


# A shell's session outlives a reload of the extension, so that nothing is attached twice.
_sessions: weakref.WeakKeyDictionary[InteractiveShell, Session] = weakref.WeakKeyDictionary()


def load(ipython: InteractiveShell) -> None:
    """Offer the magics; once more changes nothing."""
    if ipython not in _sessions:
        session = _sessions[ipython] = Session()
        atexit.register(session.end)
    ipython.register_magics(ClinometerMagics)


def unload(ipython: InteractiveShell) -> None:
    """End what is running, and take the magics off."""
    session = _sessions.pop(ipython, None)
    if session is not None:
        session.end()
        atexit.unregister(session.end)
    for kind in ("line", "cell"):
        ipython.magics_manager.magics[kind].pop(NAME, None)


@magics_class
class ClinometerMagics(Magics):
    """`%%clinometer` and `%clinometer`."""

    @magic_arguments(NAME)
    @argument("what", nargs="*", help="without a cell: on, off, or report [FILE]")
    @argument("-o", "--output", metavar="FILE", help="recording to write (default: DATE.clino)")
    @argument("--budget", default="1%", help="share of the time it may cost (default: 1%%)")
    @argument("--every", type=int, metavar="N", help="observe every N-th optimizer step instead")
    @line_cell_magic
    def clinometer(self, line: str, cell: str | None = None) -> None:
        """Record where the gradient goes: of one cell (%%), or from `on` to `off`."""
        __tracebackhide__ = "__ipython_bottom__"  # an error in the cell begins in the cell
        asked = parse_argstring(self.clinometer, line)
        try:
            budget = share(asked.budget)
        except ValueError as error:
            raise UsageError(f"--budget {error}") from error
        if asked.every is not None and asked.every < 1:
            raise UsageError(f"--every {asked.every}: expected 1 or more")
        if cell is None:
            self._line(asked, budget)
            return
        if asked.what:
            raise UsageError(f"{' '.join(asked.what)!r}: expected only options after %%clinometer")
        self._cell(cell, asked, budget)

    # -- a cell -----------------------------------------------------------------------------------

    def _cell(self, cell: str, asked: Any, budget: float) -> None:
        """Run a cell; what goes wrong in it is passed on as it is."""
        __tracebackhide__ = True
        session = self._session
        if session.launch is not None:
            say(f"clinometer: {session.latest} is being recorded already, and this cell with it.")
            self._run(cell)
            return
        session.begin(self._name("cell"), asked.output, budget, asked.every)
        ended = "exception"
        try:
            self._run(cell)
            ended = "normal"
        except KeyboardInterrupt:
            ended = "interrupted"
            raise
        except SystemExit:
            ended = "normal"
            raise
        finally:
            self._tell(session.end(ended))

    def _run(self, cell: str) -> None:
        """Execute as IPython would: magics, and the value of a last expression shown."""
        __tracebackhide__ = True
        shell = self._shell
        source = shell.transform_cell(cell)
        name = shell.compile.cache(source, shell.execution_count, raw_code=cell)
        tree = shell.transform_ast(shell.compile.ast_parse(source, name))
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(
            compile(tree, name, "exec", flags=shell.compile.flags),
            shell.user_global_ns,
            shell.user_ns,
        )
        if last is not None:
            code = compile(
                ast.Interactive([last]), name, "single", flags=shell.compile.flags
            )  # shows its value
            exec(code, shell.user_global_ns, shell.user_ns)

    # -- on, off, report --------------------------------------------------------------------------

    def _line(self, asked: Any, budget: float) -> None:
        match asked.what:
            case ["on"]:
                self._on(asked, budget)
            case ["off"]:
                self._off()
            case ["report", *rest] if len(rest) < 2:
                self._report(rest[0] if rest else None)
            case _:
                expected = "expected on, off or report [FILE]; or %%clinometer above a cell"
                raise UsageError(f"{' '.join(asked.what)!r}: {expected}")

    def _on(self, asked: Any, budget: float) -> None:
        session = self._session
        if session.launch is not None:
            say(f"clinometer: {session.latest} is being recorded already; end it: %clinometer off")
            return
        launch = session.begin(self._name("notebook"), asked.output, budget, asked.every)
        if launch.trouble is not None:
            self._tell(session.end())
            return
        self._shell.user_ns[VARIABLE] = session.latest
        say(f"clinometer: recording to {session.latest}; end it: %clinometer off")

    def _off(self) -> None:
        launch = self._session.end()
        if launch is None:
            say("clinometer: nothing is being recorded; begin: %clinometer on")
            return
        self._tell(launch)

    def _report(self, path: str | None) -> None:
        from clinometer.diagnosis.diagnose import diagnose
        from clinometer.reports.diagnosis_text import text
        from clinometer.store.reader import read

        path = path or self._session.latest
        if path is None:
            raise UsageError("no recording yet; expected %%clinometer above a cell that trains")
        say(text(diagnose(read(path))))

    # -- the shell --------------------------------------------------------------------------------

    @property
    def _shell(self) -> InteractiveShell:
        assert self.shell is not None
        return self.shell

    @property
    def _session(self) -> Session:
        return _sessions.setdefault(self._shell, Session())

    def _name(self, otherwise: str) -> str:
        """The notebook's own file where the front end says it."""
        for variable in ("__session__", "__vsc_ipynb_file__"):
            found = self._shell.user_ns.get(variable)
            if isinstance(found, str) and found:
                return os.path.basename(found)
        return otherwise

    def _tell(self, launch: Launch | None) -> None:
        """One line, and the verdict; never an error of ours in the place of the cell's."""
        if launch is None:
            return
        path = self._session.latest or launch.path
        say(told(launch, path))
        if launch.recorder is None or launch.trouble is not None:
            return
        self._shell.user_ns[VARIABLE] = path
        shown = verdict(path)
        if shown is not None:
            from IPython.display import display

            display(shown, raw=True)


def say(text: str) -> None:
    """Into the output of the cell."""
    print(text.rstrip())  # noqa: T201
