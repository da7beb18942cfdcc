"""`clinometer serve`: the live page."""

from __future__ import annotations

import contextlib
import os

import click

HELP = """Show the recordings of a folder in the browser, and follow those that are still written.

DIR is a folder with recordings by `clinometer run` (default: this one); folders in it are looked
through, too, three deep. Nothing is written there, and the training is never asked: all that is shown
comes from the files. PyTorch is not needed.

\b
  clinometer serve                         this folder, at http://127.0.0.1:8716/
  clinometer serve runs --port 0           any free port
  clinometer serve runs --open             open the browser, too
  clinometer serve runs --host 0.0.0.0     reachable from other machines: the address holds a token

Only this machine can reach the page, unless --host says otherwise. Whoever has the address with its
token can read names and numbers of every run in DIR; the connection is not encrypted. End with Ctrl-C.

Exit code: 0; 2 where DIR or the port cannot be used.
"""


@click.command(help=HELP)
@click.argument("folder", metavar="[DIR]", default=".")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port", type=click.IntRange(0, 65535), metavar="N",
    help="Port to listen at; 0 is any free one (default: 8716, or the next free one).",
)  # fmt: skip
@click.option(
    "--open/--no-open",
    "opens",
    default=False,
    help="Open the browser (default: print the address).",
)
def command(folder: str, host: str, port: int | None, opens: bool) -> int:
    from clinometer.errors import ServeError

    if not os.path.isdir(folder):
        raise ServeError(
            f"{folder}: no such folder.\n  Expected one with recordings (.clino files)."
        )
    try:
        from clinometer.live.serving import bound, serve
    except ModuleNotFoundError as error:
        raise ServeError(
            f"the live page needs {error.name}, which is not installed.\n"
            "  Install it: pip install 'clinometer[live]'. `clinometer report FILE` works without."
        ) from error
    place = bound(host, port, lambda text: click.echo(text, err=True))

    def ready() -> None:
        click.echo(
            f"{place.url}\nShows the recordings in {os.path.abspath(folder)}. End with Ctrl-C."
        )
        if opens:
            click.launch(place.url)

    with contextlib.suppress(KeyboardInterrupt):
        serve(folder, place, ready)
    click.echo("Ended.")
    return 0
