"""`clinometer run` touches nothing: each script, run with and without it, tells the same to the last bit.

The scripts in `scripts/` print their losses, weights, optimizer states, random streams and every
attribute of every module. Each runs twice, in processes of its own.
"""

from __future__ import annotations

import difflib
import itertools
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import clinometer
from clinometer.records.recording import Recording

SCRIPTS = Path(__file__).parent / "scripts"
APART = {"conftest", "digest", "ends", "surroundings"}  # the last two have tests of their own
ORDINARY = sorted({path.stem for path in SCRIPTS.glob("*.py")} - APART)
RUN = ("-m", "clinometer", "run")
OFTEN = {
    "amp_scaler": (1, None),
    "compiled": (1, 3),
    "mlp_dropout": (1, 3, None),
}  # None: by budget

HOOKED_CALL = re.compile(
    r"""(  File "[^"]*/torch/nn/modules/module[.]py", line )\d+, in _call_impl
    return (?:inner\(\)
 +\^+
  File "[^"]*/torch/nn/modules/module[.]py", line \d+, in inner
    result = )?forward_call\(\*args, \*\*kwargs\)
 +\^+
"""
)

# How ends.py can be told to leave, the exit code, and how the recording must say that it ended.
ENDS = {
    "exception": (1, "exception"),
    "in forward": (1, "exception"),
    "in backward": (1, "exception"),
    "in step": (1, "exception"),
    "chained": (1, "exception"),
    "exit 3": (3, "normal"),
    "exit text": (1, "normal"),
    "exception in thread": (0, "normal"),
    "interrupt": (-signal.SIGINT, "interrupted"),
    "interrupt caught": (0, "normal"),
    "terminate": (-signal.SIGTERM, "killed"),
    "kill": (-signal.SIGKILL, "killed"),
    "_exit": (7, "killed"),
    "at exit": (0, "normal"),
    "excepthook": (1, "exception"),
    "excepthook fails": (1, "exception"),
    "thread": (0, "normal"),
    "daemon": (0, "normal"),
    "logging": (0, "normal"),
}


@dataclass(frozen=True)
class Told:
    """What a process leaves behind for whoever started it."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Runner:
    """Starts scripts, plain and recorded; compiled code is made once and used by both."""

    folder: Path
    compiled: Path

    def plain(self, *command: str, cwd: Path = SCRIPTS.parent) -> Told:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=cwd,
            env=os.environ
            | {"OMP_NUM_THREADS": "1", "TORCHINDUCTOR_CACHE_DIR": str(self.compiled)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        out = re.sub(ADDRESS, "at an address", done.stdout)
        return Told(done.returncode, out, comparable(done.stderr))

    def recorded(
        self, *command: str, how: tuple[str, ...] = ("--every", "1"), cwd: Path = SCRIPTS.parent
    ) -> tuple[Told, Path]:
        path = self.folder / f"{len([*self.folder.iterdir()])}.clino"
        return self.plain(*RUN, "-o", str(path), *how, *command, cwd=cwd), path


@pytest.fixture
def runner(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    session = tmp_path_factory.getbasetemp()
    shared = session.parent if "PYTEST_XDIST_WORKER" in os.environ else session
    return Runner(tmp_path, shared / "inductor")


ADDRESS = r"at 0x[0-9a-f]+"


def comparable(text: str) -> str:
    """What was told, without what no two runs share, and without PyTorch's way to call a hooked module.

    Its log lines begin with time, process and place, and the compiler's with a running number:
    `W1124 18:33:19.438000 6619 torch/_logging/_internal.py:1345] [2/0] `. Objects lie anywhere. A module
    that bears any hook is called through one more function of PyTorch, `inner`, which a traceback shows.
    """
    text = re.sub(
        r"^[A-Z]\d{4} [\d:.]+ \d+ (\S+\] )(\[\d+/\d+\] )?", r"\1", text, flags=re.MULTILINE
    )
    text = re.sub(ADDRESS, "at an address", text)
    return HOOKED_CALL.sub(r"\1 (called)\n", text)


def check_same(recorded: Told, plain: Told) -> None:
    """Fail with the lines that differ: `-` is what the script alone says, `+` what it says under us."""
    told = []
    for name in ("out", "err"):
        one, two = (getattr(which, name).splitlines() for which in (plain, recorded))
        differing = difflib.unified_diff(
            one, two, f"{name}, plain", f"{name}, recorded", "", "", 0, ""
        )
        told += itertools.islice(differing, 60)
    assert not told, "\n".join(told)
    assert recorded == plain  # the exit code, and the last line's end


def declared(script: str, what: str) -> int | None:
    """The number that a script states in a line such as `# Optimizer steps: 20`."""
    text = (SCRIPTS / f"{script}.py").read_text(encoding="utf-8")
    found = re.search(rf"^# {what}: (\d+)$", text, flags=re.MULTILINE)
    return int(found[1]) if found else None


def check_steps(recording: Recording, script: str, every: int | None) -> None:
    steps = declared(script, "Optimizer steps")
    if steps is None:  # two optimizers with clocks of their own: no one number is right
        assert len(recording.step)
        return
    assert recording.step.tolist() == list(range(steps))
    if every and declared(script, "Skipped steps") is None:
        assert recording.observed.tolist() == list(range(0, steps, every))


def test_there_is_a_script_for_every_shape_of_training() -> None:
    assert len(ORDINARY) >= 40
    for script in ORDINARY:
        text = (SCRIPTS / f"{script}.py").read_text(encoding="utf-8")
        assert "clinometer" not in text
        assert text.count("\n") < 70


@pytest.mark.parametrize("script", ORDINARY)
def test_a_script_tells_the_same_when_it_is_recorded(script: str, runner: Runner) -> None:
    plain = runner.plain(f"scripts/{script}.py")
    assert plain.code == 0, plain.err
    assert "python rng" in plain.out
    for every in OFTEN.get(script, (1,)):
        how = ("--every", str(every)) if every else ()
        recorded, path = runner.recorded(f"scripts/{script}.py", how=how)
        check_same(recorded, plain)
        recording = clinometer.read(path)
        assert recording.ended == "normal"
        assert not [note for note in recording.notes if "Error" in note]
        check_steps(recording, script, every)


@pytest.mark.parametrize("way", ENDS)
def test_a_script_ends_in_its_own_way(way: str, runner: Runner) -> None:
    code, ended = ENDS[way]
    plain = runner.plain("scripts/ends.py", way)
    recorded, path = runner.recorded("scripts/ends.py", way)
    assert plain.code == code, plain.err
    check_same(recorded, plain)
    recording = clinometer.read(path)
    assert recording.ended == ended
    assert recording.step.tolist()[:3] == [0, 1, 2]


@pytest.mark.parametrize(
    ("command", "cwd"),
    [
        (("scripts/surroundings.py", "--budget", "-o", "a b"), SCRIPTS.parent),
        (("../scripts/surroundings.py", "--", "-h"), SCRIPTS),
        (("-m", "surroundings", "-m", "1"), SCRIPTS),
        (("-m", "scripts.surroundings"), SCRIPTS.parent),
    ],
    ids=["relative", "through a parent", "module", "module of a package"],
)
def test_a_script_sees_the_surroundings_that_python_gives_it(
    command: tuple[str, ...], cwd: Path, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "scripts.surroundings" in command:
        monkeypatch.setenv("PYTHONPATH", str(SCRIPTS), prepend=os.pathsep)  # for `digest`
    plain = runner.plain(*command, cwd=cwd)
    recorded, path = runner.recorded(*command, cwd=cwd)
    assert plain.code == 0, plain.err
    check_same(recorded, plain)
    assert len(clinometer.read(path).step) == 2


def test_a_script_without_torch_is_not_given_it(runner: Runner) -> None:
    script = runner.folder / "plain.py"
    script.write_text("import sys\nprint('torch' in sys.modules)\n")
    plain = runner.plain(str(script))
    recorded, path = runner.recorded(str(script))
    check_same(recorded, plain)
    assert "False" in plain.out
    assert not path.exists()


@pytest.mark.parametrize("source", ["print(1", "if 1:\nx = 2\n", "x = '\\udc80'; 1/0"])
def test_a_broken_script_fails_as_it_would(source: str, runner: Runner) -> None:
    script = runner.folder / "broken.py"
    script.write_text(source)
    plain = runner.plain(str(script))
    recorded, _ = runner.recorded(str(script))
    assert plain.code == 1
    check_same(recorded, plain)


def test_two_ranks_under_torchrun_tell_the_same(runner: Runner) -> None:
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    plain = runner.plain(*torchrun, "scripts/ddp.py")
    path = runner.folder / "run.clino"
    recorded = runner.plain(*torchrun, *RUN, "-o", str(path), "--every", "1", "scripts/ddp.py")
    assert plain.code == 0, plain.err
    assert recorded.code == 0, recorded.err
    assert recorded.out == plain.out
    assert "rank 1 DistributedDataParallel" in plain.out
    assert path.exists()
    assert path.with_suffix(".1.clino").exists()
    recording = clinometer.read(path)
    assert recording.ended == "normal"
    check_steps(recording, "ddp", every=1)
