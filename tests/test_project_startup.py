"""Reading opens at once: the command line loads nothing that it does not need."""

from __future__ import annotations

import subprocess
import sys

import pytest

import clinometer
from clinometer.cli import COMMANDS, group

HEAVY = ("torch", "numpy", "scipy", "matplotlib", "sklearn", "pandas", "rich")


def loaded_after(code: str) -> set[str]:
    """Which top-level modules a fresh interpreter holds after running `code`."""
    probe = f"{code}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_clinometer_loads_none_of_its_dependencies() -> None:
    assert loaded_after("import clinometer").isdisjoint({*HEAVY, "click"})


def test_opening_the_command_line_loads_only_click() -> None:
    assert loaded_after("import clinometer.cli").isdisjoint(HEAVY)


def test_naming_the_public_things_loads_none_of_them() -> None:
    assert loaded_after("import clinometer; dir(clinometer)").isdisjoint(HEAVY)


@pytest.mark.parametrize("name", clinometer.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(clinometer, name).__doc__


@pytest.mark.parametrize("name", ["Rule", "compare", "diagnose", "read"])
def test_what_only_reads_needs_no_torch(name: str) -> None:
    blocked = "import sys; sys.modules['torch'] = None\n"
    loaded_after(f"{blocked}from clinometer import {name}")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_without_torch(command: str, run_cli) -> None:
    done = run_cli(command, "--help")
    assert done.stdout.startswith("Usage: clinometer ")
    code = f"import sys; sys.modules['torch'] = None\nimport clinometer.cli.{command}"
    loaded_after(code)


def test_an_unknown_command_is_one_clear_line(run_cli) -> None:
    done = run_cli("reprot", code=2)
    assert "reprot" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_group_lists_every_command() -> None:
    assert list(COMMANDS) == group.list_commands(None)
