"""The command line: one file per command, each imported only when it is called.

`clinometer run` must not import NumPy or torch before the user's script does (a script may set
OMP_NUM_THREADS first), and `clinometer --help` should open at once: hence the lazy group.
"""

from __future__ import annotations

import importlib
import sys

import click

from clinometer import __version__
from clinometer.errors import ClinometerError

UNUSABLE_INPUT = 2  # exit code for input that cannot be used, as in DESIGN

# Command: one line for `clinometer --help`. The function is `command` in the file of that name.
COMMANDS = {
    "compare": "Two models: is the lower loss better separation, or a larger scale?",
    "confidence": "One model: is its confidence earned, refuted or unproven?",
    "demo": "See both halves at work: the chapter's two models, and a stalled training run.",
    "diff": "Two runs on one depth axis: which factor changed, and from which step.",
    "doctor": "What is installed here, and what can be observed.",
    "forecast": "Gains at initialisation, measured beside theory, before any training.",
    "report": "Judge a recording: verdict, findings by cause, ledger.",
    "run": "Run a training script unchanged and record where its gradient goes.",
    "serve": "Show the recordings of a folder in the browser, and follow those still written.",
    "treat": "Try remedies on copies of a training: which are proven, and which do harm?",
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"clinometer.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with: clinometer demo",
)
@click.version_option(__version__, message="clinometer %(version)s")
def group() -> None:
    """Measure the slope a neural network learns by.

    Is its confidence earned? Is it still learning? If not, which layer and which factor
    of the chain rule stop it?
    """


def main() -> None:
    """Entry point: errors become one clear message; a script to run is started outside of click."""
    try:
        answer = group(prog_name="clinometer", standalone_mode=False)
    except click.exceptions.Exit as leaving:
        sys.exit(leaving.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(UNUSABLE_INPUT)
    except click.Abort:
        sys.exit(130)
    except ClinometerError as error:
        click.echo(f"{type(error).__name__}: {error}", err=True)
        sys.exit(UNUSABLE_INPUT)
    if callable(answer):
        answer()  # `run`: nothing of ours, click included, lies between Python and the script
    elif isinstance(answer, int):
        sys.exit(answer)
