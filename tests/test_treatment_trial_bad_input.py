"""Scripts that cannot be tried as they are: each ends in a record that says why, never in silence."""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from clinometer.errors import TrialError
from clinometer.treatment.trial.folder import copied, is_ours, restore
from clinometer.treatment.trial.plan import Arm, Plan
from trials import NOTHING, NOTHING_FROM_START, SCRIPTS, SEEDED, SHAM, Trials, script

LOWER = Arm("lower-rate", "remedy", "lower-rate", "running")
TO_THE_END = 1000


@pytest.fixture
def trials(tmp_path: Path) -> Iterator[Trials]:
    """Temporary files have a short path of their own: a worker's socket may have 107 characters."""
    with tempfile.TemporaryDirectory() as temporary:
        yield Trials(tmp_path, {"TMPDIR": temporary})


def test_a_script_that_asks_its_user_says_so(trials: Trials) -> None:
    for at, source in (
        (20, script(each="if step == 25: input('go on? ')")),
        (20, script(f"{SEEDED}\ninput()")),
    ):
        (record,) = trials(source, NOTHING, at=at).values()
        assert record["ended"] == "exception"
        assert "waits for input, and a trial has no terminal: EOFError" in record["why"]


def enough_s(trials: Trials) -> float:
    """Twice what a trial takes on this machine now [s]: importing torch is most of it, and others load it."""
    begun = time.monotonic()
    trials(script(), NOTHING, steps=1)
    return float(math.ceil(2 * (time.monotonic() - begun)))


@pytest.mark.parametrize("fork", [True, False])
def test_a_script_that_never_ends_is_ended_with_what_it_has(fork: bool, trials: Trials) -> None:
    limit = enough_s(trials)
    source = script(each="while step == 23: pass")
    (record,) = trials(source, NOTHING, time_limit_s=limit, fork=fork).values()
    assert (record["ended"], record["why"]) == ("time", f"not over after {limit:g} s")
    assert len(record["losses"]) == 4
    assert record["verdict"] is not None


def test_a_script_that_never_comes_to_its_moment_is_ended(trials: Trials) -> None:
    source = script(each="while step == 7: pass")
    found = trials(source, NOTHING, SHAM, time_limit_s=enough_s(trials))
    assert [one["ended"] for one in found.values()] == ["time", "time"]
    assert all("took 8 steps and never came to step 20" in one["why"] for one in found.values())
    assert all(one["losses"] == [] for one in found.values())


def test_a_script_that_is_over_before_the_moment_says_how_far_it_came(trials: Trials) -> None:
    (record,) = trials(script(), NOTHING, at=50).values()
    assert record["ended"] == "script"
    assert record["why"] == "the script took 40 steps and never came to step 50"
    (record,) = trials("print('no training here')", NOTHING_FROM_START).values()
    assert "took 0 steps" in record["why"]


def test_an_exception_is_told_with_its_place_and_only_in_the_arm_that_has_it(
    trials: Trials,
) -> None:
    each = "if 'step' in vars(optimizer) and step == 22: raise ValueError('bad batch')"
    found = trials(script(each=each), NOTHING, LOWER)
    assert found["nothing-running-0"]["ended"] == "steps"
    record = found["lower-rate-running-0"]
    assert record["ended"] == "exception"
    assert record["why"].startswith("ValueError: bad batch, in train.py:")
    assert len(record["losses"]) == 3
    assert "Traceback" in trials.told("lower-rate-running-0")


def test_memory_that_runs_out_ends_the_trial_and_no_other(trials: Trials) -> None:
    each = "more = [torch.ones(2**26) for _ in range(99)] if step == 25 else None"
    found = trials(
        script(each=each), NOTHING, NOTHING_FROM_START, memory_limit_bytes=2**31, steps=5
    )
    assert [one["ended"] for one in found.values()] == ["steps", "steps"]
    found = trials(script(each=each), NOTHING, SHAM, memory_limit_bytes=2**31)
    for record in found.values():
        assert record["ended"] == "memory"
        assert len(record["losses"]) == 6


def test_a_trial_that_the_system_kills_is_told_by_its_run(trials: Trials) -> None:
    each = "import os, signal\nif step == 25: os.kill(os.getpid(), signal.{})"
    for name, ended in (("SIGKILL", "memory"), ("SIGSEGV", "died")):
        found = trials(script(each=each.format(name)), NOTHING, SHAM)
        assert [one["ended"] for one in found.values()] == [ended, ended]


def test_a_remedy_that_cannot_be_applied_says_why(trials: Trials) -> None:
    unknown = Arm("own", "remedy", "somebody-else's", "running")
    record = trials(script(), unknown)["own-running-0"]
    assert record["ended"] == "not-applicable"
    assert "somebody-else's" in record["why"]
    epsilon = Arm("smaller-epsilon", "remedy", "smaller-epsilon", "running")
    record = trials(script(), epsilon)["smaller-epsilon-running-0"]
    assert (record["ended"], record["losses"]) == ("not-applicable", [])  # SGD has no epsilon
    assert record["why"]


# -- what a script writes ----------------------------------------------------------------------------


def test_what_an_arm_writes_the_next_one_does_not_find(trials: Trials) -> None:
    """Beside the script, below the working folder, and through a file that was open before the fork."""
    before = f"{SEEDED}\nfrom pathlib import Path\nlog = open('log.txt', 'a+')"
    each = (
        "print(step, file=log, flush=True)\n"
        "if step == 24:\n"
        "    print(Path('new').exists(), len(Path('log.txt').read_text().split()), flush=True)\n"
        "    Path('new').mkdir()\n"
        "    torch.save(model.state_dict(), Path(__file__).parent / 'new' / 'weights.pt')\n"
        "    (Path('kept.txt')).write_text('changed')"
    )
    (trials.folder / "original").mkdir()
    (trials.folder / "original" / "kept.txt").write_text("as it was")
    found = trials(script(before, each), NOTHING, SHAM, LOWER)
    for arm, record in found.items():
        assert record["ended"] == "steps"
        assert "False 25" in trials.told(arm)
    assert (trials.folder / "original" / "kept.txt").read_text() == "as it was"
    assert not (trials.folder / "original" / "new").exists()


def test_arms_read_on_where_the_run_was_in_an_open_file(trials: Trials) -> None:
    before = f"{SEEDED}\nnumbers = open('numbers.txt', buffering=1)"
    (trials.folder / "original").mkdir()
    lines = "\n".join(map(str, range(20000)))  # far more than one buffer
    (trials.folder / "original" / "numbers.txt").write_text(lines)
    each = "seen = [next(numbers) for _ in range(400)][-1].strip()\nprint('read', seen, flush=True)"
    found = trials(script(before, each), NOTHING, SHAM, LOWER)
    told = [[line for line in trials.told(arm).splitlines() if "read" in line] for arm in found]
    assert told[0] == told[1] == told[2]
    assert len(told[0]) >= 10


@pytest.mark.parametrize(
    "writes", ["open('{}', 'w')", "torch.save(1, '{}')", "import os; os.mkdir('{}')"]
)
def test_a_write_outside_of_the_copy_is_refused_and_can_be_allowed(
    writes: str, trials: Trials
) -> None:
    outside = trials.folder / "outside"
    source = script(each=f"if step == 25: {writes.format(outside)}")
    (record,) = trials(source, NOTHING).values()
    assert record["ended"] == "refused"
    assert str(outside) in record["why"]
    assert "--allow-writes" in record["why"]
    assert not outside.exists()
    (record,) = trials(source, NOTHING, allow_writes=True).values()
    assert record["ended"] == "steps"
    assert outside.exists()


def test_temporary_files_are_nobodys_business(trials: Trials) -> None:
    each = "import tempfile\nwith tempfile.TemporaryDirectory() as place: open(place + '/x', 'w').close()"
    (record,) = trials(script(each=each), NOTHING).values()
    assert record["ended"] == "steps"


def test_a_folder_that_is_too_large_is_not_copied(tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "data").write_bytes(bytes(2**21))
    with pytest.raises(TrialError, match="holds more than 1 MiB"):
        copied(str(tmp_path / "from"), str(tmp_path / "to"), most_bytes=2**20)
    assert not (tmp_path / "to").exists()


def test_a_copy_is_real_and_can_be_put_back(tmp_path: Path) -> None:
    source = tmp_path / "from"
    (source / "inner" / "empty").mkdir(parents=True)
    (source / ".git").mkdir()
    (source / "a.clino").write_text("a recording")
    (source / "inner" / "x").write_text("x")
    (source / "link").symlink_to("inner/x")
    (source / "folder").symlink_to("inner")
    copy = Path(copied(str(source), str(source / "to")))  # even where it lies inside
    assert sorted(path.name for path in copy.iterdir()) == [
        ".clinometer-copy", "folder", "inner", "link",
    ]  # fmt: skip
    assert is_ours(str(copy))
    assert not is_ours(str(source))
    assert (copy / "link").readlink() == Path("inner/x")
    assert (copy / "inner" / "empty").is_dir()
    kept = copied(str(copy), str(tmp_path / "kept"))
    (copy / "link").unlink()
    (copy / "inner" / "x").write_text("y")
    (copy / "inner" / "new").write_text("z")
    restore(kept, str(copy))
    assert (copy / "link").read_text() == "x"
    assert not (copy / "inner" / "new").exists()
    assert (source / "inner" / "x").read_text() == "x"


# -- what cannot be forked ---------------------------------------------------------------------------


def test_workers_and_threads_make_a_trial_a_replay(trials: Trials) -> None:
    workers = f"""{SEEDED}
from torch.utils.data import DataLoader, TensorDataset
rows = TensorDataset(torch.arange(200.0))
batches = iter(DataLoader(rows, num_workers=1, multiprocessing_context="fork"))"""
    each = "next(batches)"
    found = trials(script(workers, each), NOTHING)
    assert found["nofork"] == {
        "seed": 0,
        "why": "the script has child processes (DataLoader workers)",
    }
    (record,) = trials(script(workers, each), NOTHING, fork=False).values()
    assert (record["ended"], record["how"], len(record["losses"])) == ("steps", "replay", 10)
    thread = "import threading as t\nt.Thread(target=t.Event().wait, daemon=True, name='w').start()"
    found = trials(script(f"{SEEDED}\n{thread}"), NOTHING)
    assert found["nofork"]["why"] == "the script has other threads (w)"


def test_a_progress_bar_keeps_no_thread_of_its_own(trials: Trials) -> None:
    (trials.folder / "original").mkdir()
    bar = "class tqdm:\n    monitor_interval = 10\n"
    (trials.folder / "original" / "tqdm.py").write_text(bar)
    trials(script(f"{SEEDED}\nimport tqdm\nprint('every', tqdm.tqdm.monitor_interval)"), NOTHING)
    assert "every 0" in trials.told("script-0")


def test_a_script_that_trains_in_a_thread_is_replayed(trials: Trials) -> None:
    options = {"at": 10, "steps": 5}
    found = trials(SCRIPTS / "threads.py", NOTHING, **options)
    assert "other threads" in found["nofork"]["why"]
    (record,) = trials(SCRIPTS / "threads.py", NOTHING, fork=False, **options).values()
    assert (record["ended"], len(record["losses"])) == ("steps", 5)


def test_children_of_the_script_are_not_treated(trials: Trials) -> None:
    (record,) = trials(
        SCRIPTS / "workers.py", NOTHING, at=12, steps=TO_THE_END, fork=False
    ).values()
    assert (record["ended"], len(record["losses"])) == ("script", 4)


def test_a_plan_that_is_none_is_refused(tmp_path: Path) -> None:
    plan = Plan("a.py", ("--x",), arms=(NOTHING, LOWER), finding={"code": "FLOW101"})
    assert Plan.from_json(plan.to_json()) == plan
    for text in ("", "[]", "{}", '{"arms": [1]}'):
        with pytest.raises(TrialError, match="no plan of a trial"):
            Plan.from_json(text)
    with pytest.raises(TrialError, match="2 arms"):
        Plan.from_json(json.dumps(json.loads(plan.to_json()) | {"fork": False}))
