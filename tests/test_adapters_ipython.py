"""Notebooks: a cell under `%%clinometer` does what it does without it, and leaves a recording."""

from __future__ import annotations

import atexit
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from torch.nn.modules import module as registries

import clinometer
from clinometer.adapters import ipython as adapter
from clinometer.attach.session import free_path
from scripts.digest import checksum

TRAIN = """
import torch
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Dropout(0.2), torch.nn.Linear(8, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
losses = []
for _ in range(12):
    optimizer.zero_grad()
    loss = torch.nn.functional.cross_entropy(model(torch.randn(16, 6)), torch.arange(16) % 2)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
"""

Run = Callable[..., Any]


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    kept = sys.displayhook, sys.excepthook, sys.modules["__main__"]
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(colors="nocolor")
    shell.history_manager.enabled = False
    shell.extension_manager.load_extension("clinometer")
    yield shell
    adapter.unload(shell)
    shell.history_manager.end_session()
    atexit.unregister(shell.atexit_operations)
    shell.atexit_operations()
    InteractiveShell.clear_instance()
    sys.displayhook, sys.excepthook, sys.modules["__main__"] = kept


@pytest.fixture
def run(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a cell; what it showed, and how it went."""

    def run(cell: str) -> tuple[str, Any]:
        capsys.readouterr()
        result = shell.run_cell(cell)
        return capsys.readouterr().out, result

    return run


def recordings(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.clino"))


def left_behind(shell: InteractiveShell) -> list[str]:
    names = shell.user_ns
    found = [names["losses"], names["model"].state_dict(), names["optimizer"].state_dict()]
    return [checksum([*found, torch.get_rng_state()])]


def hooks() -> int:
    """How much of ours there is in PyTorch."""
    stepping = sys.modules["torch.optim.optimizer"]
    return sum(
        len(held)
        for held in (
            registries._global_forward_hooks,
            registries._global_forward_pre_hooks,
            stepping._global_optimizer_pre_hooks,
            stepping._global_optimizer_post_hooks,
        )
    )


def test_a_cell_trains_bit_for_bit_the_same(run, shell, tmp_path) -> None:
    run(TRAIN)
    plain = left_behind(shell)
    for options in ("--every 1", "--every 3", ""):
        _, result = run(f"%%clinometer {options}\n{TRAIN}")
        assert result.success
        assert left_behind(shell) == plain
    assert len(recordings(tmp_path)) == 3


def test_a_cell_is_recorded_like_a_script(run, shell, tmp_path) -> None:
    told, _ = run(f"%%clinometer -o one.clino --every 1\n{TRAIN}")
    assert "clinometer: recorded to one.clino; next: %clinometer report" in told
    assert shell.user_ns["_clinometer"] == "one.clino"
    recording = clinometer.read(tmp_path / "one.clino")
    assert recording.observed.tolist() == list(range(12))
    assert recording.loss.tolist() == shell.user_ns["losses"]
    assert recording.ended == "normal"
    assert [site.name for site in recording.of_kind("call")] == ["0", "1", "2"]


def test_the_verdict_is_shown_where_it_can_be(run, shell, monkeypatch) -> None:
    shown = []
    monkeypatch.setattr(shell.display_pub, "publish", lambda data, **_: shown.append(data))
    run(f"%%clinometer\n{TRAIN}")
    assert re.match(r"[A-Z-]+   \S", shown[0]["text/plain"])
    assert shown[0]["text/html"].startswith("<p><b>")


def test_a_cell_that_runs_again_keeps_its_first_recording(run, shell, tmp_path) -> None:
    before = hooks()
    for _ in range(3):
        run(f"%%clinometer -o run.clino --every 4\n{TRAIN}")
        assert hooks() == before
    assert recordings(tmp_path) == ["run-2.clino", "run-3.clino", "run.clino"]
    assert shell.user_ns["_clinometer"] == "run-3.clino"


def test_the_value_of_the_last_line_is_shown_as_ever(run, shell) -> None:
    told, _ = run("%%clinometer\nx = 3\nx + 4")
    assert re.search(r"Out\[\d+\]: 7|^7$", told, flags=re.MULTILINE)
    assert shell.user_ns["_"] == 7
    assert run("%%clinometer\nx;")[1].success
    assert run("%%clinometer\n%time y = 5\n!true")[1].success
    assert shell.user_ns["y"] == 5


def test_an_error_in_the_cell_is_the_cell_s_own(run, tmp_path) -> None:
    cell = TRAIN + "raise ArithmeticError('of its own')\n"
    told, result = run(f"%%clinometer -o run.clino\n{cell}")
    assert isinstance(result.error_in_exec, ArithmeticError)
    assert "of its own" in told
    assert "clinometer/adapters" not in told.replace("\\", "/")
    recording = clinometer.read(tmp_path / "run.clino")
    assert recording.ended == "exception"
    assert len(recording.step) == 12


def test_a_cell_with_a_syntax_error_says_so(run) -> None:
    told, result = run("%%clinometer\nx = = 1")
    assert isinstance(result.error_in_exec, SyntaxError)
    assert "x = = 1" in told


@pytest.mark.parametrize(
    ("error", "ended"), [("KeyboardInterrupt", "interrupted"), ("SystemExit(0)", "normal")]
)
@pytest.mark.filterwarnings("ignore:To exit")  # IPython's advice
def test_a_cell_that_is_left_otherwise_is_closed(error, ended, run, tmp_path) -> None:
    before = hooks()
    run(f"%%clinometer -o run.clino\n{TRAIN}raise {error}\n")
    assert clinometer.read(tmp_path / "run.clino").ended == ended
    assert hooks() == before


def test_on_and_off_record_what_lies_between(run, shell, tmp_path) -> None:
    before = hooks()
    told, _ = run("%clinometer on -o run.clino --every 1")
    assert "recording to run.clino; end it: %clinometer off" in told
    run(TRAIN)
    run("1 / 0")
    run(TRAIN)
    told, _ = run("%clinometer off")
    assert "recorded to run.clino" in told
    assert hooks() == before
    recording = clinometer.read(tmp_path / "run.clino")
    assert recording.observed.tolist() == list(range(24))
    assert recording.ended == "normal"
    assert "nothing is being recorded" in run("%clinometer off")[0]


def test_a_second_on_says_that_one_is_running(run, tmp_path) -> None:
    run("%clinometer on -o run.clino")
    attached = hooks()
    told, _ = run("%clinometer on -o other.clino")
    assert "run.clino is being recorded already" in told
    told, result = run(f"%%clinometer -o other.clino\n{TRAIN}")
    assert "run.clino is being recorded already, and this cell with it" in told
    assert result.success
    assert hooks() == attached
    run("%clinometer off")
    assert recordings(tmp_path) == ["run.clino"]
    assert len(clinometer.read(tmp_path / "run.clino").step) == 12


def test_report_tells_of_the_latest_or_of_a_file(run) -> None:
    _, result = run("%clinometer report")
    assert isinstance(result.error_in_exec, Exception)
    run(f"%%clinometer -o run.clino\n{TRAIN}")
    told, _ = run("%clinometer report")
    assert "12 steps" in told
    assert run("%clinometer report run.clino")[0] == told


@pytest.mark.parametrize("line", ["sideways", "on twice", "", "on --budget lots", "on --every 0"])
def test_what_cannot_be_understood_is_refused(line, run, tmp_path) -> None:
    _, result = run(f"%clinometer {line}")
    assert type(result.error_in_exec).__name__ == "UsageError"
    assert recordings(tmp_path) == []


def test_loading_again_piles_nothing_up(run, shell, tmp_path) -> None:
    before = hooks()
    run("%clinometer on -o run.clino --every 1")
    attached = hooks()
    run("%reload_ext clinometer")
    assert hooks() <= attached
    run("%load_ext clinometer")
    run("%clinometer off")
    assert hooks() == before
    run(f"%%clinometer -o next.clino --every 1\n{TRAIN}")
    assert len(clinometer.read(tmp_path / "next.clino").step) == 12
    assert hooks() == before


def test_unloading_ends_the_recording_and_takes_the_magics_off(run, shell, tmp_path) -> None:
    before = hooks()
    run("%clinometer on -o run.clino")
    run(TRAIN)
    run("%unload_ext clinometer")
    assert hooks() == before
    assert clinometer.read(tmp_path / "run.clino").ended == "normal"
    assert shell.find_line_magic("clinometer") is None
    assert shell.find_cell_magic("clinometer") is None


def test_a_place_that_cannot_be_written_to_costs_no_training(run, shell) -> None:
    told, result = run(f"%%clinometer -o /nowhere/run.clino\n{TRAIN}")
    assert result.success
    assert len(shell.user_ns["losses"]) == 12
    assert "clinometer: not recorded (RecordingError: /nowhere/run.clino: cannot be" in told
    assert "not recorded" in run("%clinometer on -o /nowhere/run.clino")[0]
    assert "nothing is being recorded" in run("%clinometer off")[0]


def test_torch_is_not_imported_for_a_cell_that_does_not() -> None:
    code = """
from IPython.core.interactiveshell import InteractiveShell
import sys
shell = InteractiveShell.instance()
shell.history_manager.enabled = False
shell.run_cell("%load_ext clinometer")
shell.run_cell("%%clinometer\\nx = 1")
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "because torch was not imported" in done.stdout
    assert done.stdout.splitlines()[-1] == "False"


def test_free_names_by_hand(tmp_path) -> None:
    path = tmp_path / "run.clino"
    assert free_path(str(path)) == str(path)
    path.touch()
    (tmp_path / "run-2.clino").touch()
    assert free_path(str(path)) == str(tmp_path / "run-3.clino")
