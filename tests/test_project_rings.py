"""The import contracts catch what they are there for: a check that cannot fail checks nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINTER = Path(sys.executable).parent / "lint-imports"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "src", tmp_path / "src")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    rules = tmp_path / "src" / "clinometer" / "diagnosis" / "rules"
    rules.mkdir(parents=True, exist_ok=True)
    for init in (rules / "__init__.py", rules.parent / "__init__.py"):
        init.touch()
    (rules / "flow998_one.py").write_text("ONE = 1\n", encoding="utf-8")
    (rules / "flow999_two.py").write_text("TWO = 2\n", encoding="utf-8")
    return tmp_path


def lint(package: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINTER, "--no-cache"],
        cwd=package,
        env={**os.environ, "PYTHONPATH": str(package / "src")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_contracts_hold(package: Path) -> None:
    done = lint(package)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("records/site.py", "from clinometer.store import schema", "Rings"),
        ("store/schema.py", "import clinometer.diagnosis", "Rings"),
        ("store/schema.py", "import torch", "Torch stays"),
        ("cli/run.py", "import torch.nn", "Torch stays"),
        (
            "diagnosis/rules/flow999_two.py",
            "from clinometer.diagnosis.rules.flow998_one import ONE",
            "Rules never import each other",
        ),
    ],
)
def test_a_forbidden_import_is_caught(package: Path, module: str, line: str, contract: str) -> None:
    with (package / "src" / "clinometer" / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    done = lint(package)
    assert done.returncode == 1
    broken = [told for told in done.stdout.splitlines() if told.partition(" BROKEN")[1]]
    assert any(contract in told for told in broken), done.stdout
