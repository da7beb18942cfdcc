"""The project's own files agree with each other."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import clinometer

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PINNED = {
    line.partition("==")[0]: line.partition("==")[2].strip()
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if "==" in line and not line.startswith("#")
}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def wanted() -> set[str]:
    extras = PROJECT["project"]["optional-dependencies"].values()
    requirements = [*PROJECT["project"]["dependencies"], *(r for extra in extras for r in extra)]
    names = {canonical(re.match(r"[\w.-]+", r)[0]) for r in requirements}
    return names - {"clinometer"}


def test_every_dependency_is_pinned_for_development() -> None:
    assert wanted() <= {canonical(name) for name in PINNED}


def test_torch_is_pinned_without_a_local_tag_so_that_a_cpu_wheel_satisfies_it() -> None:
    assert PINNED["torch"] == "2.13.0"


def test_every_dependency_says_why_it_is_there() -> None:
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    bare = [line for line in lines if re.match(r'\s+"[\w.-]+>=[\d.]+",\s*$', line)]
    assert not bare


def test_make_and_ci_need_no_terminal_and_fail_loudly() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert "set -euo pipefail" in script.read_text(encoding="utf-8")


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(clinometer.__file__).parent / "py.typed").exists()


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert "limitations under the License." in text
