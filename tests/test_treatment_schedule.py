"""Trials over seeds: kept, resumed after a kill, ended at once, and never left behind."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clinometer.errors import TrialError
from clinometer.treatment import progress, task, task_run
from clinometer.treatment.results import NAME, opened
from clinometer.treatment.schedule import TrialDesign, run_trials
from clinometer.treatment.trial.plan import Arm, Plan
from clinometer.treatment.trial.result import blank, write

SCRIPT = """
import sys, time, torch
torch.manual_seed(3)
net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(40):
    x, y = torch.randn(16, 4), torch.randint(3, (16,))
    optimizer.zero_grad()
    loss = torch.nn.functional.cross_entropy(net(x), y)
    loss.backward()
    optimizer.step()
    open("log.txt", "a").write(f"{loss.item()}\\n")
    EXTRA
"""
ARMS = (Arm("nothing", "nothing", None, "start"), Arm("sham", "sham", None, "start"))
DRIVER = """
import sys
from pathlib import Path
from clinometer.treatment.schedule import TrialDesign, run_trials
from clinometer.treatment.trial.plan import Arm, Plan
from clinometer.treatment.trial.result import blank, write
arms = tuple(Arm(kind, kind, None, "start") for kind in ("nothing", "sham"))
design = TrialDesign("train.py", seeds=2, arms=arms, steps=30, workdir=sys.argv[1])
print(len(run_trials(design, workers=2, out=sys.argv[2], progress=False)))
"""


def design(folder: Path, extra: str = "pass", head: str = "", **options) -> TrialDesign:
    folder.mkdir(exist_ok=True)
    (folder / "train.py").write_text(head + SCRIPT.replace("EXTRA", extra))
    return TrialDesign(
        "train.py", **({"seeds": 1, "arms": ARMS, "steps": 12, "workdir": str(folder)} | options)
    )


def run(what: TrialDesign, out: Path, **options):
    return run_trials(what, out=out, **({"workers": 1, "progress": False} | options))


def test_what_is_there_is_not_run_again_and_the_users_folder_stays_as_it_was(tmp_path):
    told: list[tuple[int, int]] = []
    what = design(tmp_path / "work")
    first = run(what, tmp_path / "out", progress=lambda done, of: told.append((done, of)))
    assert told == [(1, 2), (2, 2)]
    assert [one["ended"] for one in first] == ["steps", "steps"]
    assert all(len(one["losses"]) == 12 and Path(one["recording"]).exists() for one in first)
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["train.py"]
    assert run(what, tmp_path / "out", progress=lambda *seen: told.append(seen)) == first
    assert len(told) == 2


def test_a_torn_last_line_is_cut_off_and_its_trial_made_again(tmp_path):
    with opened(str(tmp_path)) as results:
        results.add({"key": "a", "ended": "steps"})
        results.add({"key": "b", "ended": "time"})
    path = tmp_path / NAME
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"key": "c", "ended": "st')
    with opened(str(tmp_path)) as results:
        assert results.final("a") == {"key": "a", "ended": "steps"}
        assert results.final("b") is None  # a limit may be another now
        assert results.final("c") is None
        results.add({"key": "c", "ended": "script"})
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert path.read_bytes().startswith(whole)
    assert [line["key"] for line in lines] == ["a", "b", "c"]


def test_a_line_in_the_middle_that_is_no_record_is_told_by_its_number(tmp_path):
    (tmp_path / NAME).write_text('{"key": "a"}\nnothing\n{"key": "b"}\n')
    with pytest.raises(TrialError, match="line 2 is no record"), opened(str(tmp_path)):
        pass


def test_two_writers_of_one_file_are_refused(tmp_path):
    again = pytest.raises(TrialError, match="another process writes to it")
    with opened(str(tmp_path)), again, opened(str(tmp_path)):
        pass


@pytest.mark.slow
def test_a_run_that_cannot_be_forked_is_replayed_arm_by_arm(tmp_path):
    thread = (
        "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()"
    )
    forked = run(design(tmp_path / "one"), tmp_path / "out1")
    replayed = run(design(tmp_path / "two", head=thread), tmp_path / "out2")
    assert [one["how"] for one in forked] == ["fork", "fork"]
    assert [(one["how"], one["ended"]) for one in replayed] == [("replay", "steps")] * 2
    assert [one["losses"] for one in replayed] == [one["losses"] for one in forked]


def test_a_script_that_is_killed_gives_records_and_no_exception(tmp_path):
    found = run(
        design(tmp_path / "work", "import os; step == 5 and os.kill(os.getpid(), 9)"),
        tmp_path / "o",
    )
    assert [one["ended"] for one in found] == ["memory", "memory"]  # as the system kills for memory


def test_a_trial_that_never_starts_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr(task_run.sys, "executable", "/bin/false")
    found = run(design(tmp_path / "work"), tmp_path / "out")
    assert {one["ended"] for one in found} == {"died"}
    assert "left with code 1" in found[0]["why"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_stopped_midway_nothing_runs_on_and_what_is_finished_is_kept(number, tmp_path):
    """Each arm takes a second and a half."""
    once = "time.sleep(0.05)"
    design(tmp_path / "work", once)
    temp = tmp_path / "temp"
    temp.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(tmp_path / "work"), str(tmp_path / "out")],
        env={**os.environ, "TMPDIR": str(temp)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        until(lambda: lines(tmp_path / "out") >= 1)
        assert of(temp)
        process.send_signal(number)
        told, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    until(lambda: not of(temp), seconds=10)
    kept = lines(tmp_path / "out")
    assert 1 <= kept < 4
    assert process.returncode == (0 if number == signal.SIGINT else -9)
    assert told == (f"{kept}\n" if number == signal.SIGINT else "")
    if number == signal.SIGINT:
        assert not list(temp.glob("clinometer-*"))  # no copy is left


def lines(out: Path) -> int:
    path = out / NAME
    return len(path.read_text().splitlines()) if path.exists() else 0


def until(what, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


def of(folder: Path) -> list[str]:
    """Processes that were told of this folder."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            command = (place / "cmdline").read_bytes().decode()
        except OSError:
            continue
        if str(folder) in command:
            found.append(command)
    return found


def test_the_users_own_variables_count_and_everything_else_is_alike(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "4")  # what Ray sets in its workers
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    plain = task.environment(dict.fromkeys(task.CARRIED))
    assert plain["OMP_NUM_THREADS"] == "1"
    assert "CUDA_VISIBLE_DEVICES" not in plain
    own = task.environment({"OMP_NUM_THREADS": "2", "CUDA_VISIBLE_DEVICES": "1"})
    assert (own["OMP_NUM_THREADS"], own["CUDA_VISIBLE_DEVICES"], own["PYTHONHASHSEED"]) == (
        "2",
        "1",
        "0",
    )


def test_where_nobody_watches_a_line_is_printed_now_and_then():
    out, times = io.StringIO(), iter([0.0, 1.0, 31.0, 40.0, 80.0])
    seen = progress._lines(out, lambda: next(times))
    for done in range(1, 5):
        seen(done, 8)
    assert out.getvalue() == "trials 2/8, about 1:33 left\ntrials 4/8, about 1:20 left\n"


def test_the_memory_of_the_machine_is_shared_by_the_workers():
    with open("/proc/meminfo") as file:
        total = 1024 * int(file.readline().split()[1])
    assert 0 < task_run.available_bytes() <= total


def test_a_random_remedy_that_does_not_apply_is_not_taken_for_the_arm_before_another_is_drawn(
    tmp_path,
):
    """The trial writes its record, reads it, and takes it away: whoever looks in between must wait."""
    (tmp_path / "work").mkdir()
    (tmp_path / "place").mkdir()
    arm = Arm("random", "random", None, "start")
    plan = Plan("train.py", arms=(arm,), workdir=str(tmp_path / "work"))
    told: list[dict] = []
    running = task_run._Running(
        task.Task(plan, ("k",)), str(tmp_path / "place"), None, lambda one, _files: told.append(one),
        lambda: False,
    )  # fmt: skip
    vain = blank(running.plan, arm, "not-applicable", "no loss to smooth") | {
        "remedy": "smooth-labels"
    }
    write(running.plan, arm, vain)
    running._take()
    assert told == []
    write(running.plan, arm, vain | {"remedy": "weight-decay", "ended": "steps"})
    running._take()
    assert [(one["key"], one["remedy"]) for one in told] == [("k", "weight-decay")]
