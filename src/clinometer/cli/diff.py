"""`clinometer diff`: two runs on one depth axis."""

from __future__ import annotations

import json

import click

HELP = """Two runs on one depth axis: which factor changed, and from which step.

RUN1 and RUN2 are recordings by `clinometer run`. Layers are matched by name in order of execution; of
each, every factor of the chain rule is compared over the steps that both runs were observed in. The
earliest change comes first. PyTorch is not needed.

\b
  clinometer diff before.clino after.clino                what changed, in words
  clinometer diff before.clino after.clino --json         everything, for programs
  clinometer diff before.clino after.clino --plot ab.png  two wells side by side (.png, .svg, .pdf)

A change is half a decade or more (a factor of 3), clear of the spread of what was observed before it, and
lasting. Runs that differ only by their seeds: see docs/diff.md for how often they are told apart.

Exit code: 0 whatever is found, 2 where a file cannot be used.
"""


@click.command(help=HELP)
@click.argument("run1")
@click.argument("run2")
@click.option("--json", "as_json", is_flag=True, help="Print schema 1 JSON instead of text.")
@click.option("--plot", metavar="OUT", help="Draw both well logs too: .png, .svg or .pdf.")
def command(run1: str, run2: str, as_json: bool, plot: str | None) -> None:
    from clinometer.diagnosis.difference import diff
    from clinometer.reports.difference_text import difference_text
    from clinometer.store.reader import read

    found = diff(read(run1), read(run2))
    if plot is not None:
        from clinometer.reports.well_log.plot import plot_log

        plot_log(found.first, beside=found.second, to=plot)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2, allow_nan=False))
    else:
        click.echo(difference_text(found), nl=False)
