"""The line of `clinometer run` on a terminal: seen by a person, by no program, and never in the way."""

from __future__ import annotations

import io
import math
import os
import pty
import re
import select
import sys
import termios
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from clinometer.attach import launch
from clinometer.attach.losses_so_far import MOST_MEANS, Losses, Terms, word_so_far
from clinometer.attach.screen import WIPE, Screen
from clinometer.attach.status_line import DRAW_S, WIDTH, StatusLine, status_text
from clinometer.diagnosis.course import course
from clinometer.diagnosis.state import state
from clinometer.records.columns import STEP
from made import falling, recording
from terminal import OURS, on_terminal, screen_of

SCRIPTS = Path(__file__).parent / "scripts"
TRAINS = """
import sys, time, torch
torch.manual_seed(0)
net = torch.nn.Linear(4, 3)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
x, y = torch.randn(32, 4), torch.arange(32) % 3
def train(steps):
    for step in range(steps):
        loss = torch.nn.functional.cross_entropy(net(x), y)
        optimizer.zero_grad(); loss.backward(); optimizer.step()
        yield step
        time.sleep(0.005)
"""
TALKS = (
    TRAINS
    + """
print(sys.argv[1:], type(sys.stdout).__name__, sys.stdout is sys.__stdout__, flush=True)
for step in train(300):
    if step % 100 == 50:
        print("epoch", step, loss_of := net.weight.sum().item())
    if step % 100 == 75:
        print("half a line, ", end="", flush=True)
    if step % 100 == 90:
        sys.stderr.write("and its end\\n")
for step in train(200):
    sys.stderr.write(f"\\r{step:4d}|{'#' * (step // 10):<20}|")
    sys.stderr.flush()
print("\\nbytes", file=sys.stdout)
sys.stdout.buffer.write(b"raw\\n"); sys.stdout.flush()
raise ValueError("lost")
"""
)
DRAWN = re.compile(r"clinometer: step [\d,]+")
RUN = (sys.executable, "-m", "clinometer", "run", "-o")


def script_in(folder, source):
    path = folder / "train.py"
    path.write_text(source, encoding="utf-8")
    return str(path)


# -- on a terminal -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """(exit code, bytes) of one script on a terminal, alone and recorded."""
    folder = tmp_path_factory.mktemp("talks")
    path = script_in(folder, TALKS)
    alone = on_terminal([sys.executable, path], cwd=folder)
    return alone, on_terminal([*RUN, "run.clino", path], cwd=folder)


def test_a_terminal_gets_the_script_s_own_bytes_and_our_line(both):
    (code, alone), (code_too, shown) = both
    assert code == code_too == 1
    assert "ValueError: lost" in alone
    without, _, last = OURS.sub("", shown).rpartition("clinometer: recorded; next: ")
    assert without == alone
    assert last.startswith("clinometer report ")
    assert len(DRAWN.findall(shown)) >= 3
    assert re.search(r"(stuck|learning|undecided) so far.*cost", shown)


def test_nothing_of_the_line_stays_on_the_screen(both):
    alone, with_us = (screen_of(shown) for _, shown in both)
    assert with_us[: len(alone) - 1] == alone[:-1]
    assert with_us[len(alone) - 1].startswith("clinometer: recorded")
    assert len(with_us) == len(alone) + 1


def test_the_line_is_drawn_at_the_beginning_of_a_line_only(both):
    shown = both[1][1]
    for drawn in re.finditer(r"\r\x1b\[K(?:\x1b\[2m)?clinometer: step", shown):
        before = OURS.sub("", shown[: drawn.start()])
        assert before.endswith("\n") or not before, before[-80:]


@pytest.mark.slow
def test_ctrl_c_ends_the_script_as_it_would(tmp_path):
    path = script_in(
        tmp_path, f"{TRAINS}\nfor step in train(9000):\n    if step == 200: print('now')\n"
    )
    typing = {"cwd": tmp_path, "typed": b"\x03", "after": b"now"}
    code, _ = on_terminal([sys.executable, path], **typing)
    code_too, shown = on_terminal([*RUN, "run.clino", path], **typing)
    assert code == code_too
    assert "\nKeyboardInterrupt\r\n" in shown
    assert screen_of(shown)[-2].startswith("clinometer: recorded")


@pytest.mark.slow
def test_training_on_a_terminal_is_the_same_to_the_last_bit(tmp_path):
    name = str(SCRIPTS / "mlp_dropout.py")
    alone = on_terminal([sys.executable, name], cwd=SCRIPTS.parent)
    code, shown = on_terminal([*RUN, str(tmp_path / "r.clino"), name], cwd=SCRIPTS.parent)
    assert (code, OURS.sub("", shown).partition("clinometer: recorded")[0]) == alone


def test_no_color_and_a_narrow_terminal_are_respected(tmp_path):
    path = script_in(tmp_path, f"{TRAINS}\nfor step in train(120):\n    pass\n")
    run = [*RUN, "run.clino", path]
    _, shown = on_terminal(run, cwd=tmp_path, columns=40, env={"NO_COLOR": "1"})
    assert not re.search(r"\x1b\[[\d;]*m", shown)
    drawn = re.findall(r"clinometer: step [^\r]*", shown)
    assert drawn
    assert max(map(len, drawn)) < 40


FOUND = "from clinometer.attach.screen import screen; open('found', 'w').write(str(screen()))"


@pytest.mark.parametrize("where", ["> out", "2> err", "> out 2> err", "| cat"])
def test_no_line_where_an_output_goes_elsewhere(tmp_path, where):
    on_terminal(["sh", "-c", f'{sys.executable} -c "{FOUND}" {where}'], cwd=tmp_path)
    assert (tmp_path / "found").read_text() == "None"


@pytest.mark.parametrize(("term", "there"), [("xterm", True), ("dumb", False), ("", False)])
def test_a_terminal_must_be_able_to_move_its_cursor(tmp_path, term, there):
    on_terminal([sys.executable, "-c", FOUND], cwd=tmp_path, env={"TERM": term})
    assert ("Screen" in (tmp_path / "found").read_text()) == there


@pytest.mark.parametrize(
    ("status", "ranks", "asked"), [(True, "1", True), (False, "1", False), (True, "2", False)]
)
def test_several_ranks_and_no_status_have_no_line(monkeypatch, status, ranks, asked):
    looked = []
    monkeypatch.setattr(launch, "screen", lambda: looked.append(1))
    monkeypatch.setattr(launch, "when_imported", lambda *_: lambda: None)
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setenv("WORLD_SIZE", ranks)
    launch.Launch("run.clino", "x.py", [], status=status).run(
        compile("", "x", "exec"), ModuleType("x")
    )
    assert bool(looked) == asked


# -- the screen ----------------------------------------------------------------------------------


@pytest.fixture
def terminal():
    leader, follower = pty.openpty()
    raw = io.FileIO(follower, "w", closefd=False)
    yield SimpleNamespace(
        leader=leader, follower=follower, raw=raw, screen=Screen((raw,), follower)
    )
    os.close(leader)
    os.close(follower)


def read(terminal, most):
    shown = b""
    while len(shown) < most and select.select([terminal.leader], [], [], 1)[0]:
        shown += os.read(terminal.leader, most)
    return shown.decode()


def test_the_line_is_wiped_before_the_script_writes(terminal):
    terminal.screen.draw("clinometer: step 1")
    terminal.raw.write(b"text\n")
    terminal.raw.write(b"more\n")
    assert read(terminal, 45) == f"{WIPE}clinometer: step 1{WIPE}text\r\nmore\r\n"


@pytest.mark.parametrize(
    ("written", "free"),
    [(b"", True), (b"a\n", True), (b"a", False), (b"\r 3% |", False), (b"\n\x1b[A", False)],
)
def test_a_line_that_the_script_has_begun_is_left_alone(terminal, written, free):
    terminal.raw.write(written)
    assert terminal.screen.is_free == free


def test_a_terminal_that_is_stopped_is_not_waited_for(terminal):
    termios.tcflow(terminal.follower, termios.TCOOFF)
    assert not terminal.screen.is_free
    termios.tcflow(terminal.follower, termios.TCOON)
    assert terminal.screen.is_free


def test_the_streams_are_left_as_they_were(terminal):
    assert "write" in vars(terminal.raw)
    terminal.screen.close()
    assert "write" not in vars(terminal.raw)


def test_a_forked_child_draws_and_wipes_nothing(terminal):
    terminal.screen.draw("line")
    if os.fork() == 0:
        free = terminal.screen.is_free
        terminal.raw.write(b"child\n")
        terminal.screen.close()
        os._exit(int(free))
    assert os.wait()[1] == 0
    assert read(terminal, 15) == f"{WIPE}linechild\r\n"


# -- what it says --------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [1, 20, 30, 45, 60, 80, 200])
def test_the_line_never_fills_the_terminal(columns):
    told = " | ".join(status_text(123_456_789, 1.2345e-30, "undecided", 0.01, columns))
    assert len(told) < columns


def feed(losses, run, every=20):
    """The losses in batches of 64, and the term's value in every 20th step."""
    kept, terms = Losses(), Terms()
    for first in range(0, len(losses), 64):
        chunk = losses[first : first + 64]
        for step in range(first, first + len(chunk)):
            if step % every == 0 and math.isfinite(losses[step]):
                terms.seen(step, {"cross_entropy": losses[step]})
        kept.extend(first, chunk.tolist())
        terms.extend(first, chunk.tolist())
    return word_so_far(kept, terms, run.labels)


def noisy(values):
    return values + 0.01 * np.random.default_rng(1).standard_normal(len(values))


@pytest.mark.parametrize("steps", [40, 200, 3000])
@pytest.mark.parametrize(
    "shape",
    [
        falling,
        lambda n: np.full(n, math.log(4)),
        lambda n: 0.01 + 1.3 * np.exp(-np.arange(n) / (n / 30)),
        lambda n: np.full(n, 0.7),
        lambda n: np.linspace(1.4, 9.0, n),
        lambda n: np.where(np.arange(n) < n - 3, 1.3, np.nan),
        lambda n: np.where(np.arange(n) < n - 3, 1.3, np.inf),
    ],
    ids=["falls", "flat at ln 4", "learned", "levelled off", "rises", "nan", "inf"],
)
def test_the_word_so_far_is_the_report_s_word_for_the_loss(shape, steps):
    losses = noisy(shape(steps))
    run = recording(losses=losses, steps=steps)
    assert feed(losses, run) == state(course(run))


def test_too_few_losses_have_no_word_yet():
    assert feed(noisy(falling(31)), recording()) == ""


def test_a_loss_that_is_not_its_term_is_held_against_no_level():
    losses = np.full(400, math.log(4))
    kept, terms = Losses(), Terms()
    kept.extend(0, losses.tolist())
    terms.extend(0, losses.tolist())
    labels = recording().labels
    terms.seen(10, {"cross_entropy": math.log(4)})
    assert word_so_far(kept, terms, labels) == "stuck"
    terms.seen(20, {"cross_entropy": 0.5})
    assert word_so_far(kept, terms, labels) == "undecided"


@pytest.mark.parametrize("count", [1, 127, 129, 1000, 100_003])
def test_the_kept_means_are_those_of_consecutive_losses(count):
    losses = np.random.default_rng(0).standard_normal(count)
    kept = Losses()
    for first in range(0, count, 61):
        kept.extend(first, losses[first : first + 61].tolist())
    assert len(kept.means) <= MOST_MEANS
    assert len(kept.means) >= min(count, MOST_MEANS // 2)
    whole = losses[: len(kept.means) * kept.size].reshape(len(kept.means), kept.size)
    np.testing.assert_allclose(kept.means, whole.mean(axis=1), atol=1e-12)


def line_on(screen, clock):
    recorder = SimpleNamespace(
        budget=SimpleNamespace(overhead=lambda: 0.01, start_s=0.0),
        memory=SimpleNamespace(targets=SimpleNamespace(summary=dict)),
        guard=SimpleNamespace(own_s=0.0),
    )
    return StatusLine(screen, recorder, now=clock), recorder


def scalars(losses, **columns):
    rows = np.full((len(losses), WIDTH), np.nan)
    for name, values in {"loss": losses, "loss_seen": 1, "skipped": 0, **columns}.items():
        rows[:, [column.name for column in STEP].index(name)] = values
    return rows.ravel().tolist()


def test_it_is_drawn_twice_a_second_at_most():
    drawn, time = [], iter(np.arange(0, 100, 0.01))
    screen = SimpleNamespace(is_free=True, own_s=0.0, columns=80, draw=drawn.append)
    line, _ = line_on(screen, lambda: float(next(time)))
    for step in range(1000):
        line.steps(step, scalars([1.0]))
    assert len(drawn) <= 1 + 20 / DRAW_S  # a call reads the clock once or twice


def test_the_time_of_wiping_is_counted_as_ours():
    screen = SimpleNamespace(is_free=False, own_s=0.25, columns=80, draw=None)
    line, recorder = line_on(screen, lambda: 0.0)
    line.steps(0, scalars([1.0]))
    assert (recorder.guard.own_s, screen.own_s) == (0.25, 0.0)


def test_a_skipped_overflow_is_no_divergence():
    drawn = []
    screen = SimpleNamespace(is_free=True, own_s=0.0, columns=80, draw=drawn.append)
    line, _ = line_on(screen, lambda: 0.0)
    line.steps(0, scalars([math.inf, 1.0], skipped=[1, 0]))
    line.steps(2, scalars([math.nan, 1.0], loss_seen=[0, 1]))
    assert "diverged" not in drawn[0]
    line, _ = line_on(screen, lambda: 0.0)
    line.steps(0, scalars([math.inf, 1.0]))
    assert "diverged" in drawn[-1]


def test_a_terminal_that_fails_ends_the_line_and_nothing_else():
    def fails(_line):
        raise OSError("gone")

    screen = SimpleNamespace(is_free=True, own_s=0.0, columns=80, draw=fails)
    line, recorder = line_on(screen, lambda: 0.0)
    line.steps(0, scalars([1.0]))
    line.steps(1, scalars([1.0]))
    assert recorder.guard.own_s == 0.0
