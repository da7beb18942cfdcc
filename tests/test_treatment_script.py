"""The change as the user would write it: diffs that apply, compile, and do what the trial did."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from clinometer.treatment.script import EDITS, WEIGHTS, Change, change_of, edited
from clinometer.treatment.trial.plan import Arm
from trials import Trials

ZOO = Path(__file__).parents[1] / "benchmarks" / "zoo" / "tuned"
DONE = {
    "smaller-epsilon": "eps 1e-08 -> 1.08e-19",
    "weight-decay": "weight decay 0 -> 0.01 (decoupled)",
    "warm-up": "learning rate 0.001 -> 0.01 over the first 20 steps",
    "change-activation": "sigmoid -> relu (9 times), tanh -> relu (9 times)",
    "add-nonlinearity": "ReLU put between layers at 3 places",
    "linear-output": "relu behind the last layer taken away",
    "remove-normalisation": "1 normalisation of one or two values taken out",
    "scale-init": "4 layers drawn anew (3 by He, 1 by Glorot), biases 0",
}
HEAD = "import torch\nfrom torch import nn\n\n"
SCRIPT = f"""{HEAD}model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
opt = torch.optim.Adam(model.parameters(), lr=0.02)  # größer
loss_fn = nn.CrossEntropyLoss()
for x, y in data:
    opt.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    opt.step()
"""


def lines(before: str, after: str) -> tuple[list[str], list[str]]:
    """(those taken out, those put in)."""
    old, new = before.splitlines(), after.splitlines()
    return [x for x in old if x not in new], [x for x in new if x not in old]


@pytest.mark.parametrize("remedy", [*EDITS, *WEIGHTS])
def test_a_diff_of_each_script_of_the_zoo_applies_and_compiles(remedy: str, tmp_path: Path) -> None:
    """All scripts in one go of `git apply`."""
    patches, expected = [], {}
    for script in sorted(ZOO.glob("*.py")):
        source = script.read_text()
        change = change_of(remedy, source, script.name, DONE.get(remedy, ""), {})
        if change.kind == "diff":
            (tmp_path / script.name).write_text(source)
            patches.append(change.text)
            expected[script.name] = edited(remedy, source, DONE.get(remedy, ""))
    if not patches:
        assert remedy in {"fitted-init", "softmax-over-classes"}
        return
    subprocess.run(
        ["git", "apply", "-p1", "-"], input="".join(patches), text=True, cwd=tmp_path, check=True
    )
    for name, wanted in expected.items():
        written = (tmp_path / name).read_text()
        assert written == wanted
        compile(written, name, "exec")


@pytest.mark.parametrize(
    ("remedy", "done", "out", "into"),
    [
        ("lower-rate", "", ["opt = torch.optim.Adam(model.parameters(), lr=0.02)  # größer"],
         ["opt = torch.optim.Adam(model.parameters(), lr=0.002)  # größer"]),
        ("raise-rate", "", ["opt = torch.optim.Adam(model.parameters(), lr=0.02)  # größer"],
         ["opt = torch.optim.Adam(model.parameters(), lr=0.2)  # größer"]),
        ("raise-rate", "learning rate 0.02 -> 20",
         ["opt = torch.optim.Adam(model.parameters(), lr=0.02)  # größer"],
         ["opt = torch.optim.Adam(model.parameters(), lr=20.0)  # größer"]),
        ("change-optimizer", "", ["opt = torch.optim.Adam(model.parameters(), lr=0.02)  # größer"],
         ["opt = torch.optim.AdamW(model.parameters(), lr=1e-3)  # größer"]),
        ("weight-decay", DONE["weight-decay"],
         ["opt = torch.optim.Adam(model.parameters(), lr=0.02)  # größer"],
         ["opt = torch.optim.AdamW(model.parameters(), lr=0.02, weight_decay=0.01)  # größer"]),
        ("clip-gradient", "", [],
         ["    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)"]),
        ("smooth-labels", "", ["loss_fn = nn.CrossEntropyLoss()"],
         ["loss_fn = nn.CrossEntropyLoss(label_smoothing=0.1)"]),
        ("warm-up", DONE["warm-up"], [],
         ["warm_up = torch.optim.lr_scheduler.LambdaLR(",
          "    opt, lambda step: min(1.0, (step + 1) / 20)", ")", "    warm_up.step()"]),
        ("change-activation", "tanh -> relu (1 times)",
         ["model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))"],
         ["model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))"]),
    ],
)  # fmt: skip
def test_a_change_is_as_small_as_the_user_would_write_it(
    remedy: str, done: str, out: list[str], into: list[str]
) -> None:
    after = edited(remedy, SCRIPT, done)
    assert after is not None
    assert lines(SCRIPT, after) == (out, into)


@pytest.mark.parametrize("remedy", ["lower-rate", "clip-gradient", "change-optimizer"])
def test_two_optimizers_leave_the_place_open_and_lines_are_given(remedy: str) -> None:
    twice = SCRIPT.replace("loss_fn =", "other = torch.optim.SGD(w, lr=0.1)\nloss_fn =")
    change = change_of(remedy, twice, "train.py", "", {})
    assert change.kind == "lines"
    assert change.text.startswith("#")
    assert change.where.startswith("train.py: ")


def test_a_rate_that_is_no_number_is_multiplied_where_it_stands() -> None:
    after = edited("lower-rate", SCRIPT.replace("lr=0.02", "lr=args.lr"))
    assert after is not None
    assert "lr=0.1 * args.lr)" in after


def test_rates_that_a_cycle_sets_itself_are_lowered_with_it() -> None:
    more = "sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=0.5, total_steps=9)\nloss_fn ="
    after = edited("lower-rate", SCRIPT.replace("loss_fn =", more, 1))
    assert after is not None
    assert "max_lr=0.05" in after


def test_what_is_no_python_gets_lines() -> None:
    assert change_of("lower-rate", "print 1", "old.py", "", {}).kind == "lines"
    assert change_of("lower-rate", "", "gone.py", "", {}).kind == "lines"


def test_a_remedy_by_hand_is_given_in_words() -> None:
    change = change_of("reconnect-graph", SCRIPT, "train.py", "", {})
    assert change == Change("lines", change.text, change.where)
    assert "detach()" in change.text


def test_a_temperature_is_written_with_its_value() -> None:
    done = "temperature 1 -> 2.5 in evaluation"
    assert "(logits / 2.5)" in change_of("fit-temperature", SCRIPT, "train.py", done, {}).text


def test_a_last_line_without_an_end_and_a_form_feed_survive_the_diff(tmp_path: Path) -> None:
    source = f"{HEAD}\x0c\nopt = torch.optim.SGD(w, lr=0.02)"
    (tmp_path / "a.py").write_text(source)
    text = change_of("lower-rate", source, "a.py", "", {}).text
    subprocess.run(["git", "apply", "-p1", "-"], input=text, text=True, cwd=tmp_path, check=True)
    assert (tmp_path / "a.py").read_text() == edited("lower-rate", source)


def test_a_sigmoid_that_is_a_gate_or_the_output_keeps_its_place() -> None:
    source = HEAD + (
        "class Net(nn.Module):\n"
        "    def forward(self, x):\n"
        "        g = torch.sigmoid(self.a(x)) * self.b(x)\n"
        "        return torch.sigmoid(self.c(g))\n"
    )
    assert edited("change-activation", source, "sigmoid -> relu (2 times)") is None


@pytest.mark.parametrize(
    ("made", "done", "into"),
    [
        ("nn.LayerNorm(1)", 1, "nn.Identity()"),
        ("nn.LayerNorm(normalized_shape=(1, 2), eps=1e-6)", 1, "nn.Identity()"),
        ("nn.LayerNorm(1)", 2, None),  # another was taken out, too: where it is made, is not known
        ("nn.LayerNorm(width)", 1, None),
        ("nn.LayerNorm(8)", 1, None),
        ("nn.GroupNorm(8, 8)", 1, None),  # of images, it has values enough
    ],
)
def test_only_a_normalisation_whose_values_are_written_out_becomes_an_identity(
    made: str, done: int, into: str | None
) -> None:
    told = f"{done} normalisation{'s' * (done > 1)} of one or two values taken out"
    after = edited("remove-normalisation", f"{HEAD}norm = {made}\n", told)
    assert after == (None if into is None else f"{HEAD}norm = {into}\n")


@pytest.mark.parametrize(
    ("end", "into"),
    [
        ("return F.relu(self.last(x)).squeeze(-1)", "return self.last(x).squeeze(-1)"),
        ("return self.act(self.last(x))", "return self.last(x)"),
        ("return self.last(x).relu()", "return self.last(x)"),
        ("return F.softplus(self.last(x))", None),  # the trial took a ReLU away
        ("return self.last(F.relu(x))", None),
    ],
)
def test_only_the_activation_that_ends_the_network_is_taken_away(
    end: str, into: str | None
) -> None:
    source = HEAD + (
        "import torch.nn.functional as F\n\n\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        self.act = nn.ReLU()\n\n"
        f"    def forward(self, x):\n        {end}\n"
    )
    after = edited("linear-output", source, "relu behind the last layer taken away")
    assert after == (None if into is None else source.replace(end, into))


TINY = "torch.finfo(torch.float32).tiny"


@pytest.mark.parametrize(
    ("root", "into"),
    [
        ("torch.sqrt((a * a).sum(1))", f"torch.sqrt((a * a).sum(1).clamp_min({TINY}))"),
        ("(a * a).sum(1).sqrt()", f"(a * a).sum(1).clamp_min({TINY}).sqrt()"),
        ("torch.sqrt(a + b)", f"torch.sqrt((a + b).clamp_min({TINY}))"),
        ("(a + b).sqrt()", f"(a + b).clamp_min({TINY}).sqrt()"),
        ("torch.sqrt(a) + torch.sqrt(b)", None),
        ("torch.sqrt(a) + torch.log(b)", None),
        ("torch.sqrt(a) + b**0.5", None),
        ("math.sqrt(2) + np.sqrt(3)", None),
    ],
)
def test_a_guard_is_written_around_the_only_root(root: str, into: str | None) -> None:
    source = f"{HEAD}import math\nimport numpy as np\n\nd = {root}\n"
    after = edited("guard-root", source, "")
    assert after == (None if into is None else source.replace(root, into))


def test_one_statement_among_others_on_a_line_is_left_to_the_user() -> None:
    source = SCRIPT.replace(
        "    loss.backward()\n    opt.step()\n", "    loss.backward(); opt.step()\n"
    )
    assert edited("clip-gradient", source) is None


SAME = {
    "lower-rate": "deep_sigmoid_mlp",
    "logits-with-matching-loss": "softmax_then_cross_entropy",
    "sigmoid-for-one-unit": "softmax_single_unit",
    "smooth-labels": "other_label_order",
    "add-nonlinearity": "circles_no_activation",
    "guard-root": "siamese_sqrt_distance",
    "linear-output": "logprob_regression_relu_head",
    "remove-normalisation": "layernorm_one_feature",
    "change-activation": "xavier_sigmoid_two_layers",
    "clip-gradient": "few_rows_validated",
}


@pytest.mark.slow
@pytest.mark.parametrize("remedy", SAME)
def test_the_changed_script_has_the_losses_of_the_trial(remedy: str, tmp_path: Path) -> None:
    source = (ZOO / f"{SAME[remedy]}.py").read_text()
    arm = Arm(remedy, "remedy", remedy, "start")
    plain = Arm("nothing", "nothing", None, "start")
    finding = {"code": "FLOW502", "layer": "", "layers": [], "remedies": [remedy]}
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    trial = Trials(tmp_path / "a", {})(source, arm, steps=15, at=0, finding=finding)
    (treated,) = [one for name, one in trial.items() if name != "nofork"]
    after = edited(remedy, source, treated["done"])
    assert after is not None, treated
    changed = Trials(tmp_path / "b", {})(after, plain, steps=15, at=0)
    (by_hand,) = [one for name, one in changed.items() if name != "nofork"]
    assert len(treated["losses"]) == 15
    assert treated["losses"] == pytest.approx(by_hand["losses"], rel=1e-6)


@pytest.mark.parametrize(
    ("done", "where", "wanted"),
    [
        ("learning rate 1e-07 -> 0.01", "before any scheduler", '["lr"] *= 100000\n'),
        ("learning rate 3e-09 -> 0.1, and kept there", "without the scheduler", '["lr"] = 0.1\n'),
    ],
)
def test_the_rate_to_be_written_is_the_one_that_was_tried(
    done: str, where: str, wanted: str
) -> None:
    change = change_of("raise-rate", "", "a.py", done, {})
    assert change.where.endswith(where)
    assert change.text.endswith(wanted)


def test_a_rate_that_was_held_against_a_schedule_is_no_edit_of_the_rate() -> None:
    done = "learning rate 3e-09 -> 0.1, and kept there"
    assert edited("raise-rate", SCRIPT, done) is None
    assert edited("raise-rate", SCRIPT, "learning rate 0.02 -> 0.2") is not None
