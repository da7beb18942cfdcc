"""`clinometer run`: a training script, unchanged, recorded."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from types import CodeType, ModuleType
from typing import TYPE_CHECKING

import click

from clinometer.cli.options import ScriptCommand

if TYPE_CHECKING:
    from clinometer.attach.launch import Launch

HELP = """Run a training script unchanged and record where its gradient goes.

The script sees its own sys.argv, sys.path and __main__; its output, its exit code and its
traceback are its own. Options after the script belong to the script.

\b
  clinometer run train.py --epochs 5
  clinometer run -o first.clino -m package.train

Exit code: the script's own (2 where there is no script to run).
Next: clinometer report FILE
"""


def _share(ctx: click.Context, param: click.Parameter, value: str) -> float:
    """A share of time: 1% or 0.01."""
    from clinometer.records.share import share

    try:
        return share(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


@click.command(
    cls=ScriptCommand,
    help=HELP,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option(
    "-o", "--output", metavar="FILE", help="Recording to write (default: script-DATE.clino)."
)
@click.option(
    "--budget", callback=_share, default="1%", show_default=True, metavar="SHARE",
    help="Share of the step time that recording may cost.",
)  # fmt: skip
@click.option(
    "--every", type=click.IntRange(min=1), metavar="N",
    help="Observe every N-th optimizer step, whatever it costs, instead of by budget.",
)  # fmt: skip
@click.option(
    "--no-status", is_flag=True,
    help="Without the line of steps, loss and verdict so far that a terminal is shown.",
)  # fmt: skip
@click.option("-m", "module", metavar="MODULE", help="Run a module, as python -m does.")
@click.argument("script", nargs=-1, type=click.UNPROCESSED, metavar="[SCRIPT] [ARGS]...")
@click.pass_context
def command(
    ctx: click.Context,
    output: str | None,
    budget: float,
    every: int | None,
    no_status: bool,
    module: str | None,
    script: tuple[str, ...],
) -> Callable[[], None]:
    from clinometer.attach import launch

    if module is None and not script:
        raise click.UsageError("no script given; expected clinometer run [options] script.py", ctx)
    name = module if module is not None else script[0]
    arguments = list(script if module is not None else script[1:])
    path = launch.of_rank(output or launch.default_path(name))
    _check_output(path)
    code, main = launch.load_module(name) if module else launch.load_script(name)
    sys.argv = [str(main.__file__) if module else name, *arguments]
    started = launch.Launch(
        os.path.abspath(path), name, arguments, budget=budget, every=every, status=not no_status
    )
    return partial(_run, started, code, main, path)


def _run(started: Launch, code: CodeType, main: ModuleType, path: str) -> None:
    try:
        started.run(code, main)
    finally:
        _tell(started, path)


def _check_output(path: str) -> None:
    """Refuse before the script has run for an hour, not after."""
    from clinometer.errors import RecordingError

    folder = os.path.dirname(os.path.abspath(path))
    if os.path.exists(path):
        raise RecordingError(
            f"{path}: exists already, and a recording is never overwritten.\n"
            "  Give another name with -o, or remove it."
        )
    if not os.path.isdir(folder):
        raise RecordingError(f"{folder}: no such folder.\n  Expected one that may be written to.")


def _tell(started: Launch, path: str) -> None:
    """One line on stderr, and only where a person sees it: the script's output stays its own."""
    if started.trouble is not None:
        click.echo(f"clinometer: not recorded ({started.trouble}).", err=True)
    elif sys.stderr.isatty():
        told = (
            f"clinometer: recorded; next: clinometer report {path}"
            if started.recorder is not None
            else "clinometer: nothing was recorded, because the script did not import torch."
        )
        click.echo(told, err=True)
