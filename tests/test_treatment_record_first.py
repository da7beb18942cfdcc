"""The run that is recorded before any trial keeps to the bounds of one, and says why it is of no use."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from clinometer.errors import TrialError
from clinometer.store.reader import read
from clinometer.treatment.record_first import recorded
from clinometer.treatment.record_first_words import doubts_of
from clinometer.treatment.treat import default_folder

TRAINS = """
import torch
model = torch.nn.Linear(2, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(5):
    optimizer.zero_grad()
    model(torch.ones(4, 2)).square().mean().backward()
    optimizer.step()
"""


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Records a script of a text in a folder of its own; temporary files go elsewhere."""
    for name in ("work", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", None)

    def make(text: str, **bounds: Any) -> str:
        if not Path("train.py").exists():
            Path("train.py").write_text(text, "utf-8")
        given = {"module": False, "folder": "out", "limit_s": 60.0, "in_place": False, **bounds}
        return recorded("train.py", (), **given | {"folder": str(tmp_path / "out")})

    return make


def test_what_the_recorded_run_would_write_elsewhere_is_left_as_it_is(
    made: Any, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "model.pt"
    checkpoint.write_text("of last week")
    script = (
        f"{TRAINS}open('inside.txt', 'w')\ntorch.save(model.state_dict(), {str(checkpoint)!r})\n"
    )
    assert read(made(script)).steps == 5
    assert checkpoint.read_text() == "of last week"
    assert not Path("inside.txt").exists()
    assert "--allow-writes" in (tmp_path / "out" / "before.log").read_text()
    first = (tmp_path / "out" / "before.clino").stat().st_mtime_ns
    assert Path(made(script)).stat().st_mtime_ns == first  # it would break off at the same place
    assert read(made(script, allow_writes=True)).ended == "normal"
    assert checkpoint.read_bytes() != b"of last week"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("input('who? ')", "it waits for input"),
        ("open({outside!r}, 'w')", "it writes where a trial may not"),
        ("kept = [bytearray(2**26) for _ in range(100)]", "memory ran out"),
        ("import sys; sys.exit(3)", "it left with exit code 3"),
        ("print('fitted')", "came to its end without a step of an optimizer"),
        ("while True: pass", "it took no step within 2 s (--time-limit)"),
    ],
)
def test_a_script_without_a_step_is_told_why(
    script: str, said: str, made: Any, tmp_path: Path
) -> None:
    bounds = {"memory_limit_bytes": 2**30, "limit_s": 2.0 if "while" in script else 60.0}
    with pytest.raises(TrialError) as error:
        made(script.format(outside=str(tmp_path / "outside")), **bounds)
    assert said in str(error.value)
    assert str(tmp_path / "temporary") not in str(error.value)  # the copy that it ran in
    assert not (tmp_path / "outside").exists()


def test_in_place_nothing_is_said_of_a_copy(made: Any) -> None:
    with pytest.raises(TrialError) as error:
        made("open('here.txt', 'w')", in_place=True)
    assert "--allow-writes lets it write anywhere" in str(error.value)
    assert "copy of this folder" not in str(error.value)
    assert not Path("here.txt").exists()


def recording(script: str, *arguments: str, ended: str = "normal") -> Any:
    meta = {"script": script, "arguments": list(arguments)}
    return SimpleNamespace(meta=meta, ended=ended, steps=43)


def test_a_recording_of_another_script_or_of_other_arguments_is_told() -> None:
    assert doubts_of(recording("train.py", "--lr", "1"), "./train.py", ("--lr", "1")) == ()
    assert doubts_of(recording("runs/train.py"), "runs.train", ()) == ()
    assert "is of other.py" in doubts_of(recording("other.py"), "train.py", ())[0]
    told = doubts_of(recording("train.py", "--lr", "1"), "train.py", ())
    assert told[0].endswith("the arguments --lr 1, and the trials with (none).")
    assert "after 43 steps" in doubts_of(recording("a.py", ended="exception"), "a.py", ())[0]


def test_each_module_of_a_package_has_a_folder_of_its_own() -> None:
    assert default_folder("runs/train.py") == "train-treatment"
    assert default_folder("runs.train", module=True) == "runs.train-treatment"
