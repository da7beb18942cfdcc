"""`clinometer doctor` never fails where something is missing, and says what to do about it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from clinometer.attach import surroundings
from clinometer.attach.installed import BESIDE, installed
from clinometer.records.check import Check
from clinometer.records.coverage import BY_TOPIC, SITUATIONS
from clinometer.reports.doctor_text import checks_lines, coverage_lines, plain, verdict_lines
from clinometer.store import writer

NOWHERE = "/proc"  # not even root can write there


def blocked(*modules: str, args: tuple[str, ...] = (), cwd: Path | str = ".") -> Any:
    """Run `doctor` where these modules cannot be imported and are not known as installed."""
    code = f"""
import sys, importlib.metadata as known
known_version = known.version
def version(name):
    if name in {modules!r}:
        raise known.PackageNotFoundError(name)
    return known_version(name)
known.version = version
sys.modules.update(dict.fromkeys({modules!r}))
sys.argv = ['clinometer', 'doctor', *{args!r}]
from clinometer.cli import main
main()
"""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=cwd, check=False
    )


def test_a_whole_installation_can_record(run_cli) -> None:
    done = run_cli("doctor")
    assert done.stdout.splitlines()[-1].startswith("Recording works here. Next: clinometer run")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "\x1b" not in done.stdout


def test_json_tells_the_same(run_cli) -> None:
    told = json.loads(run_cli("doctor", "--json").stdout)
    assert (told["schema"], told["records"], told["because"]) == (1, True, [])
    assert {"Python", "clinometer", "torch", *BESIDE} <= {one["name"] for one in told["installed"]}
    assert {"devices", "distributed", "torch.compile", "working folder", "disk", "cores"} == {
        one["name"] for one in told["here"]
    }


def test_without_torch_it_exits_with_1_and_the_reason() -> None:
    done = blocked("torch")
    assert done.returncode == 1
    assert "Recording would not work here." in done.stdout
    assert 'torch: not installed. pip install "clinometer[torch]"' in done.stdout
    assert done.stderr == ""


def test_a_torch_that_cannot_be_imported_is_told_as_it_fails(tmp_path) -> None:
    (tmp_path / "torch.py").write_text("raise OSError('libtorch.so: no such file')\n")
    done = subprocess.run(
        [sys.executable, "-m", "clinometer", "doctor"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "OSError: libtorch.so: no such file" in " ".join(done.stdout.split())


@pytest.mark.parametrize("missing", BESIDE)
def test_it_says_how_to_get_what_is_missing(missing: str) -> None:
    done = blocked(missing, args=("--json",))
    checks = {one["name"]: one for one in json.loads(done.stdout)["installed"]}
    assert done.returncode == (1 if missing in {"numpy", "scipy", "rich"} else 0)
    assert "pip install" in checks[missing]["advice"]


def test_without_rich_it_speaks_plainly() -> None:
    done = blocked("rich", args=("--coverage",))
    assert done.returncode == 0
    assert done.stdout.count("::test_") == len(SITUATIONS)


def test_a_folder_that_cannot_be_written_to_is_the_reason(run_cli) -> None:
    done = run_cli("doctor", cwd=NOWHERE, code=1)
    assert "Give another: clinometer run -o FOLDER/FILE" in done.stdout
    told = json.loads(run_cli("doctor", "--json", cwd=NOWHERE, code=1).stdout)
    assert told["records"] is False
    assert told["because"][0].startswith("working folder: /proc: cannot be written to")


def test_nothing_is_left_in_the_folder(run_cli, tmp_path) -> None:
    run_cli("doctor")
    assert [*tmp_path.iterdir()] == []


def test_a_network_disk_is_noted_and_works(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(surroundings, "is_shared", lambda path: "nfs4")
    check = surroundings.writable(str(tmp_path))
    assert check.state == "note"
    assert "nfs4" in check.found
    assert "local disk" in check.advice


def test_a_disk_that_is_nearly_full_is_noted() -> None:
    assert surroundings.disk(surroundings.MOST_BYTES).state == "good"
    assert surroundings.disk(surroundings.MOST_BYTES - 1).state == "note"


def test_the_bound_is_the_writer_s_own() -> None:
    assert writer.Writer.__init__.__kwdefaults__["most_bytes"] == surroundings.MOST_BYTES


def test_more_threads_than_cores_are_noted() -> None:
    torch = SimpleNamespace(get_num_threads=lambda: 8)
    check = surroundings.cores(torch, {"OMP_NUM_THREADS": "8"}, 2)
    assert check.state == "note"
    assert "OMP_NUM_THREADS=2" in check.advice
    assert surroundings.cores(torch, {}, 8).state == "good"
    assert surroundings.cores(None, {}, 8).state == "good"


def test_a_missing_compiler_is_not_needed_for_recording(monkeypatch) -> None:
    monkeypatch.delenv("CXX", raising=False)
    check = surroundings.compiler(lambda name: None)
    assert check.state == "absent"
    assert surroundings.compiler(lambda name: f"/usr/bin/{name}").found.endswith("c++")


def test_devices_are_named_and_a_driver_that_fails_stops_nothing() -> None:
    def fail() -> bool:
        raise RuntimeError("driver too old")

    card = SimpleNamespace(
        is_available=lambda: True, device_count=lambda: 1, get_device_name=lambda i: "H100"
    )
    ranks = SimpleNamespace(is_available=lambda: False)
    assert surroundings.cuda(SimpleNamespace(cuda=card)).found == "cpu, cuda (H100)"
    broken = SimpleNamespace(cuda=SimpleNamespace(is_available=fail), distributed=ranks)
    states = {check.name: check.state for check in surroundings._of_torch(broken)}
    assert states == {"cuda": "note", "distributed": "absent"}


def test_versions_come_from_the_packages_records_alone() -> None:
    checks = {check.name: check for check in installed(lambda package: None)}
    assert checks["torch"].state == "bad"
    assert checks["pandas"].state == "absent"
    code = "import sys, clinometer.attach.installed as i; i.installed(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "numpy", "IPython", "pytest"} & set(done.stdout.split())


def test_every_situation_is_printed_in_80_columns(run_cli) -> None:
    lines = run_cli("doctor", "--coverage").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    text = "".join(re.sub(r"^ +", "", line) for line in lines)
    for situation in SITUATIONS:
        assert any(line.startswith(f"  {situation.name} ") for line in lines)
        assert situation.test in text


def test_coverage_as_json(run_cli) -> None:
    told = json.loads(run_cli("doctor", "--coverage", "--json").stdout)
    assert [row["name"] for row in told["situations"]] == [one.name for one in SITUATIONS]
    assert {row["topic"] for row in told["situations"]} == set(BY_TOPIC)


@pytest.mark.parametrize(("variable", "coloured"), [("FORCE_COLOR", True), ("NO_COLOR", False)])
def test_colour_is_for_those_who_want_it(variable, coloured, run_cli, monkeypatch) -> None:
    for name in ("FORCE_COLOR", "NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(variable, "1")
    done = run_cli("doctor")
    assert ("\x1b[32m" in done.stdout) == coloured


def test_lines_by_hand() -> None:
    bad = Check("disk", "bad", "full", "Make room.")
    shown = [plain(line) for line in checks_lines("Here", [bad])]
    assert shown == ["Here", "BAD  disk           full", "                    Make room.", ""]
    assert [plain(line) for line in verdict_lines([bad])][1] == "  disk: full. Make room."
    first = [plain(line) for line in coverage_lines(BY_TOPIC)][1]
    assert first.split() == ["one", "model,", "one", "optimizer", "observed", "observed"]
