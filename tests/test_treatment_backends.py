"""Trials through Ray, Dask and local processes: the same numbers; and what a cluster is sent."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from clinometer.errors import TrialError
from clinometer.treatment import shipping
from clinometer.treatment.schedule import TrialDesign, run_trials
from clinometer.treatment.task import Task, keys, lost
from clinometer.treatment.task_run import run_task
from clinometer.treatment.trial.plan import Arm, Plan

ROOT = Path(__file__).parents[1]
NOTHING = Arm("nothing", "nothing", None, "start")
SAME = (
    "arm",
    "seed",
    "key",
    "losses",
    "remedy",
    "ended",
    "done",
    "prefix",
    "verdict",
    "codes",
    "factor",
)


def records(backend):
    """In a process of its own: Ray and Dask leave threads and sockets behind."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.treatment.backends", "--json", "--backends", backend],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])[backend]


@pytest.fixture(scope="module")
def local():
    pytest.importorskip("sklearn")
    return records("local")


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "needs"), [("ray", "ray"), ("dask", "distributed")])
def test_eight_trials_give_the_same_numbers_as_local_processes(local, backend, needs):
    if importlib.util.find_spec(needs) is None:
        pytest.skip(f"{needs} is not installed: pip install 'clinometer[{backend}]'")
    found = records(backend)
    assert len(found) == 8
    assert {one["ended"] for one in found} == {"steps"}
    for there, here in zip(found, local, strict=True):
        assert [there[name] for name in SAME] == [here[name] for name in SAME]


def test_a_backend_that_is_missing_says_what_to_install(tmp_path, monkeypatch):
    design = TrialDesign("a.py", seeds=1, arms=(NOTHING,), workdir=str(tmp_path))
    (tmp_path / "a.py").write_text("")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(TrialError, match="need ray here, which is not installed: pip install ray"):
        run_trials(design, backend="ray", out=tmp_path / "out", progress=False)
    with pytest.raises(TrialError, match="expected local, ray, dask"):
        run_trials(design, backend="spark", out=tmp_path / "out", progress=False)


def test_a_script_outside_of_the_folder_that_is_sent_is_refused(tmp_path):
    (tmp_path / "a.py").write_text("")
    (tmp_path / "work").mkdir()
    design = TrialDesign(
        str(tmp_path / "a.py"), seeds=1, arms=(NOTHING,), workdir=str(tmp_path / "work")
    )
    with pytest.raises(TrialError, match="is not in the working folder"):
        run_trials(design, backend="ray", out=tmp_path / "out", progress=False)


def test_a_folder_is_sent_with_its_links_and_without_recordings(tmp_path):
    folder = tmp_path / "work"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "a.txt").write_text("a")
    (folder / "b.txt").symlink_to("inner/a.txt")
    (folder / "old.clino").write_text("")
    found = Path(shipping.unpacked(shipping.packed(str(folder)), str(tmp_path / "there")))
    assert (found / "inner" / "a.txt").read_text() == "a"
    assert os.readlink(found / "b.txt") == "inner/a.txt"
    assert not (found / "old.clino").exists()


def test_a_folder_that_is_too_large_to_be_sent_is_refused_with_numbers(tmp_path):
    (tmp_path / "large.bin").write_bytes(bytes(4096))
    with pytest.raises(
        TrialError, match=r"holds more than 0 MiB(?s:.*)every machine must see the same"
    ):
        shipping.packed(str(tmp_path), most_bytes=1024)


def test_a_worker_with_another_version_is_refused(tmp_path):
    plan = Plan("a.py", arms=(NOTHING,), workdir=str(tmp_path))
    with pytest.raises(TrialError, match="Install the same version on all machines"):
        run_task(Task(plan, keys(plan), version="0.0"))


def test_a_worker_that_does_not_see_the_folder_says_so(tmp_path):
    plan = Plan("a.py", arms=(NOTHING,), workdir=str(tmp_path / "gone"))
    with pytest.raises(TrialError, match="is not on the machine"):
        run_task(Task(plan, keys(plan), in_place=True))


def test_a_lost_worker_is_a_trial_that_died_and_no_exception(tmp_path):
    plan = Plan("a.py", arms=(NOTHING,), workdir=str(tmp_path))
    (record,) = lost(Task(plan, ("k",)), "the worker was lost").records
    assert (record["ended"], record["key"], record["losses"]) == ("died", "k", [])
