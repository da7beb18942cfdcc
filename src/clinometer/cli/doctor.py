"""`clinometer doctor`: what is installed, what can be observed here."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from clinometer.records.check import Check
    from clinometer.reports.doctor_text import Line

HELP = """What is installed here, and what can be observed.

Each line says what was found and, where something is amiss, what to do about it.

\b
  clinometer doctor              this machine, this folder
  clinometer doctor --coverage   in which situation what is observed
  clinometer doctor --json       the same, to be read by programs

Exit code: 0; 1 where recording would not work here.
"""
WOULD_NOT_WORK = 1


@click.command(help=HELP)
@click.option(
    "--coverage", is_flag=True, help="Print which training situations are observed, partly or not."
)
@click.option("--json", "as_json", is_flag=True, help="Print schema 1 JSON instead of text.")
def command(coverage: bool, as_json: bool) -> int:
    return _coverage(as_json) if coverage else _doctor(as_json)


def _coverage(as_json: bool) -> int:
    from clinometer.records.coverage import BY_TOPIC

    if as_json:
        rows = [{"topic": topic} | asdict(s) for topic, found in BY_TOPIC.items() for s in found]
        _print_json({"situations": rows})
        return 0
    from clinometer.reports.doctor_text import coverage_lines

    _print(coverage_lines(BY_TOPIC))
    return 0


def _doctor(as_json: bool) -> int:
    from clinometer.attach.installed import installed
    from clinometer.attach.surroundings import surroundings

    packages = installed()
    there = all(check.state != "bad" for check in packages if check.name == "torch")
    here = surroundings(torch_there=there)
    bad = [check for check in (*packages, *here) if check.state == "bad"]
    if as_json:
        _print_json(_as_dict(packages, here, bad))
    else:
        _print_text(packages, here, bad)
    return WOULD_NOT_WORK if bad else 0


def _as_dict(packages: list[Check], here: list[Check], bad: list[Check]) -> dict[str, Any]:
    return {
        "records": not bad,
        "because": [f"{check.name}: {check.found}" for check in bad],
        "installed": [asdict(check) for check in packages],
        "here": [asdict(check) for check in here],
    }


def _print_text(packages: list[Check], here: list[Check], bad: list[Check]) -> None:
    from clinometer.reports.doctor_text import checks_lines, verdict_lines

    _print(checks_lines("Installed", packages) + checks_lines("Here", here) + verdict_lines(bad))


def _print(lines: list[Line]) -> None:
    """In colour on a terminal that wants it; plainly where rich is what is missing."""
    from clinometer.reports.doctor_text import plain

    try:
        from rich.console import Console
        from rich.text import Text
    except ImportError:
        for line in lines:
            click.echo(plain(line))
        return
    console = Console(highlight=False, soft_wrap=True)
    for line in lines:
        console.print(Text.assemble(*line))


def _print_json(content: dict[str, Any]) -> None:
    from clinometer import __version__

    told = {"schema": 1, "clinometer": __version__, **content}
    click.echo(json.dumps(told, indent=2, allow_nan=False))
