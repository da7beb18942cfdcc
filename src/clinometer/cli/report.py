"""`clinometer report`: judge a recording."""

from __future__ import annotations

import json
import shutil
import sys

import click

HELP = """Judge a recording: verdict, findings by cause, ledger.

FILE is a recording by `clinometer run`; one whose run was killed, or is still going, is judged as
far as it goes. PyTorch is not needed.

The first screen says what is wrong, where, how we know, how sure that is, and what to try; then come
a compact log by depth, the ledger (which factor of the chain rule took the gradient of which layer) and
what was not judged.

\b
  clinometer run -o first.clino train.py            record first
  clinometer report first.clino                     read
  clinometer report first.clino | less              plain text, never wider than 100 columns
  clinometer report first.clino --json > first.json everything, for programs
  clinometer report first.clino --fail-on error     for CI: exit code 1 if there is an error
  clinometer report first.clino --html first.html   one file to send: verdict, log, ledger, findings
  clinometer report first.clino --plot first.png    its well log as a picture (.png, .svg, .pdf)
  clinometer report first.clino --las first.las     the log's curves as a LAS 2.0 file

\b
Verdicts:
  learning       the loss falls
  learned        gradients are small because the examples are right
  stuck          the loss does not fall, and a constant guess would do as well
  diverged       the numbers broke, or the loss rose above where it began
  not-training   the wiring: a part of the network cannot move
  undecided      too little was seen to tell

\b
Severities, for --fail-on:
  error     keeps the run from learning
  warning   a fault in a run that learns all the same, or may yet
  note      worth knowing; never makes --fail-on fail

Exit code: 0; 1 where --fail-on is met; 2 where FILE cannot be used.
"""
MET = 1
SEVERITIES = {"error": {"error"}, "warning": {"error", "warning"}}


@click.command(help=HELP)
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print schema 1 JSON instead of text.")
@click.option("--html", metavar="OUT", help="Write the report as one HTML file too.")
@click.option("--plot", metavar="OUT", help="Write the well log too: .png, .svg or .pdf.")
@click.option("--las", metavar="OUT", help="Write the curves of the well log too, as LAS 2.0.")
@click.option("--no-log", is_flag=True, help="Leave the compact log out of the text.")
@click.option(
    "--fail-on", type=click.Choice(["error", "warning"]),
    help="Exit with 1 if there is a finding of this severity or worse.",
)  # fmt: skip
def command(
    file: str,
    as_json: bool,
    html: str | None,
    plot: str | None,
    las: str | None,
    no_log: bool,
    fail_on: str | None,
) -> int:
    from clinometer.diagnosis.diagnose import diagnose
    from clinometer.reports.diagnosis_text import WIDTH, fitting, text
    from clinometer.reports.terminal_log import pen_for, terminal_log
    from clinometer.store.reader import read

    diagnosis = diagnose(read(file))
    if html is not None:
        from clinometer.reports.html.run_page import write_run_page

        write_run_page(diagnosis, html)
    if plot is not None:
        from clinometer.reports.well_log.plot import plot_log

        plot_log(diagnosis, to=plot)
    if las is not None:
        from clinometer.reports.las import to_las

        to_las(diagnosis, las)
    if as_json:
        click.echo(json.dumps(diagnosis.to_dict(), indent=2, allow_nan=False))
    else:
        width = fitting(shutil.get_terminal_size((WIDTH, 24)).columns)
        log = "" if no_log else terminal_log(diagnosis, width, pen_for(sys.stdout.encoding))
        _show(text(diagnosis, width, log))
    bad = SEVERITIES.get(fail_on or "", set())
    return MET if any(finding.severity in bad for finding in diagnosis.findings) else 0


def _show(report: str) -> None:
    """Plain where it is piped; with its gravest words in colour on a terminal."""
    if sys.stdout.isatty():
        from clinometer.reports.styled import show

        show(report)
    else:
        click.echo(report, nl=False)
