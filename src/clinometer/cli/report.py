"""`clinometer report`: judge a recording."""

from __future__ import annotations

import json
import shutil

import click

HELP = """Judge a recording: verdict, findings by cause, ledger.

FILE is a recording by `clinometer run`; one whose run was killed, or is still going, is judged as
far as it goes. Torch is not needed.

\b
  clinometer report first.clino
  clinometer report first.clino --json > first.json
  clinometer report first.clino --fail-on error     (for CI)

Exit code: 0; 1 where --fail-on is met; 2 where FILE cannot be used.
"""
MET = 1


@click.command(help=HELP)
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print schema 1 JSON instead of text.")
@click.option(
    "--fail-on", type=click.Choice(["error", "warning"]),
    help="Exit with 1 if there is a finding of this severity or worse.",
)  # fmt: skip
def command(file: str, as_json: bool, fail_on: str | None) -> int:
    from clinometer.diagnosis.diagnose import diagnose
    from clinometer.reports.diagnosis_text import WIDTH, text
    from clinometer.store.reader import read

    diagnosis = diagnose(read(file))
    if as_json:
        click.echo(json.dumps(diagnosis.to_dict(), indent=2, allow_nan=False))
    else:
        width = min(shutil.get_terminal_size((WIDTH, 24)).columns, 100)
        click.echo(text(diagnosis, max(width, 60)), nl=False)
    bad = {"error": {"error"}, "warning": {"error", "warning"}}.get(fail_on or "", set())
    return MET if any(finding.severity in bad for finding in diagnosis.findings) else 0
