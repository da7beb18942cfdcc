"""A trial leaves the run as it was, to the last bit, until it is treated; and treats every arm alike."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import clinometer
from clinometer.treatment.remedy import all_remedies
from clinometer.treatment.trial.plan import Arm, Plan, key
from clinometer.treatment.trial.treated import drawn
from test_untouched_scripts import comparable
from trials import NOTHING, NOTHING_FROM_START, SCRIPTS, SEEDED, SHAM, Trials, script

LOWER = Arm("lower-rate", "remedy", "lower-rate", "running")
TO_THE_END = 1000  # steps: more than any of these scripts takes
NEXT = 20  # losses after a fork that the issue asks to be bit-identical

# Scripts, and half of their steps.
HALVES = {
    "mlp_dropout": 20, "conv_batchnorm": 6, "gan": 10, "transformer": 6, "clipping": 6, "lbfgs": 3,
    "amp_scaler": 8, "accumulation": 5, "recurrent": 6, "no_optimizer": 10,
}  # fmt: skip


@pytest.fixture
def trials(tmp_path: Path) -> Trials:
    return Trials(tmp_path, {})


def plain(name: str) -> str:
    """What a script says that runs by itself, on both channels."""
    done = subprocess.run(
        [sys.executable, name],
        cwd=SCRIPTS,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280,
        check=True,
    )
    return comparable(done.stdout)


@pytest.mark.parametrize("name", HALVES)
def test_an_untreated_fork_tells_what_the_untouched_script_tells(name: str, trials: Trials) -> None:
    """Losses, weights, gradients, optimizer states, attributes and random streams, printed at the end."""
    options = {"at": HALVES[name], "steps": TO_THE_END}
    found = trials(SCRIPTS / f"{name}.py", NOTHING, NOTHING_FROM_START, **options)
    expected = plain(f"{name}.py")
    for arm, record in found.items():
        assert (record["ended"], record["how"]) == ("script", "fork")
        assert comparable(trials.told("script-0") + trials.told(arm)) == expected
    assert found["nothing-running-0"]["at"] == HALVES[name]


@pytest.mark.parametrize("arm", [NOTHING, NOTHING_FROM_START, LOWER, SHAM])
def test_a_replay_is_the_fork_again(arm: Arm, trials: Trials) -> None:
    forked = trials(script(), arm, steps=TO_THE_END)
    replayed = trials(script(), arm, steps=TO_THE_END, fork=False)
    (one,), (two,) = forked.values(), replayed.values()
    assert (one["how"], two["how"]) == ("fork", "replay")
    for same in ("losses", "prefix", "at", "done", "ended", "verdict", "right", "validation"):
        assert one[same] == two[same]
    assert one["losses"]


def test_the_losses_of_an_untreated_arm_are_the_next_ones_of_the_script(trials: Trials) -> None:
    found = trials(script(), NOTHING, steps=NEXT)
    record = found["nothing-running-0"]
    done = subprocess.run(
        [sys.executable, trials.folder / "work" / "train.py"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    expected = [float.fromhex(line.split()[1]) for line in done.stdout.splitlines()]
    assert record["losses"] == expected[20:40]
    assert record["ended"] == "steps"
    recording = clinometer.read(record["recording"])
    np.testing.assert_array_equal(recording.loss, record["losses"])


def test_a_sham_arm_differs_by_float_spacings_alone(trials: Trials) -> None:
    found = trials(script(), NOTHING, SHAM)
    one, two = (np.array(found[f"{name}-running-0"]["losses"]) for name in ("nothing", "sham"))
    assert not np.array_equal(one, two)
    assert np.abs(one - two).max() < 1e-4  # a float spacing is 1e-7; ten steps multiply it


def test_arms_of_a_seed_share_their_prefix_and_seeds_do_not(trials: Trials) -> None:
    first = trials(script(), NOTHING, LOWER)
    other = trials(script(), NOTHING, LOWER, seed=1)
    prefixes = [{one["prefix"] for one in found.values()} for found in (first, other)]
    assert len(prefixes[0]) == len(prefixes[1]) == 1
    assert prefixes[0] != prefixes[1]
    assert len({one["key"] for found in (first, other) for one in found.values()}) == 4


DRAWS = """
import random
import numpy as np
{seeds}
print(random.random(), np.random.rand(), np.random.default_rng({own}).random(), torch.rand(1).item())
print(torch.rand(1, generator=torch.Generator().manual_seed(3)).item())
print(isinstance(torch.default_generator, torch.Generator), flush=True)
"""


@pytest.mark.parametrize("seeds", ["random.seed(1); np.random.seed(2); torch.manual_seed(3)", ""])
def test_every_stream_of_a_seed_is_the_same_twice_and_another_for_another_seed(
    seeds: str, trials: Trials
) -> None:
    source = script(DRAWS.format(seeds=seeds, own="4" if seeds else ""))
    told = []
    for seed in (0, 0, 1):
        trials(source, NOTHING, seed=seed)
        told.append(trials.told(f"script-{seed}").split()[:6])
    assert told[0] == told[1]
    assert all(a != b for a, b in zip(told[0][:5], told[2][:5], strict=True))
    assert told[2][5] == "True"
    if seeds:
        alone = subprocess.run(
            [sys.executable, trials.folder / "work" / "train.py"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert alone.stdout.split()[:6] == told[0]  # seed 0 is the script's own


def test_both_moments_of_one_run_are_treated(trials: Trials) -> None:
    found = trials(script(), NOTHING, NOTHING_FROM_START, steps=TO_THE_END)
    assert [one["at"] for one in found.values()] == [20, 0]
    late, whole = (one["losses"] for one in found.values())
    assert whole[20:] == late


def test_a_moment_lies_before_the_scheduler_or_after_it_and_every_arm_sees_the_same(
    trials: Trials,
) -> None:
    before = f"{SEEDED}\nrates = []"
    each = "scheduler = scheduler if step else torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.9)\n"
    source = script(
        before, each + "scheduler.step()\nrates.append(optimizer.param_groups[0]['lr'])"
    )
    found = trials(source, NOTHING, LOWER, steps=TO_THE_END)
    recordings = [clinometer.read(one["recording"]) for one in found.values()]
    whole, tenth = (one.scalars["lr"] for one in recordings)
    np.testing.assert_allclose(tenth, whole / 10, rtol=1e-12)
    assert found["lower-rate-running-0"]["done"].startswith("learning rate 0.01")


def test_a_random_arm_tries_what_nobody_proposed_and_says_what(trials: Trials) -> None:
    arm = Arm("random", "random", None, "running")
    again = [trials(script(), arm, proposed=("lower-rate",))["random-running-0"] for _ in range(2)]
    assert again[0]["remedy"] == again[1]["remedy"] not in (None, "lower-rate")
    assert again[0]["losses"] == again[1]["losses"]


@pytest.mark.parametrize("name", sorted(all_remedies()))
def test_a_random_arm_draws_neither_a_proposed_remedy_nor_one_of_the_same_act(name: str) -> None:
    known = all_remedies()
    found = drawn(known, Plan("", proposed=(name,)), Arm("random", "random", None, "start"))
    act = known[name].act
    assert set(found) == {
        other for other, one in known.items() if other != name and (not act or one.act != act)
    }


def test_the_key_of_a_trial_depends_on_the_code_that_makes_it(monkeypatch) -> None:
    plan, arm = Plan(""), Arm("random", "random", None, "start")
    before = key(plan, arm)
    assert key(plan, arm) == before
    monkeypatch.setattr("clinometer.treatment.trial.plan.code", lambda: "another")
    assert key(plan, arm) != before


@pytest.mark.parametrize("fork", [True, False])
def test_a_random_arm_draws_again_where_a_remedy_finds_late_that_it_does_not_apply(
    fork: bool, trials: Trials
) -> None:
    """A cross-entropy has no target to standardise, which shows when the loss is called.

    `linear-output`, which does the same act, is not proposed either: else neither would be drawn.
    """
    arm = Arm("random", "random", None, "start")
    names = {"standardise-target", "linear-output", "weight-decay"}
    plan = Plan("", proposed=tuple(all_remedies().keys() - names))
    first = (drawn(all_remedies(), replace(plan, seed=seed), arm)[0] for seed in range(99))
    seed = [*first].index("standardise-target")
    options = {"proposed": plan.proposed, "seed": seed, "fork": fork}
    (record,) = trials(script(), arm, **options).values()
    assert (record["remedy"], record["ended"]) == ("weight-decay", "steps")
    (record,) = trials(
        script(), arm, **options | {"proposed": (*plan.proposed, "weight-decay")}
    ).values()
    assert record["ended"] == "not-applicable"
    assert record["why"]


def test_a_record_tells_what_the_recording_of_the_arm_shows(trials: Trials) -> None:
    finding = {"code": "FLOW101", "layer": "0", "cause": "activation gain"}
    validation = (
        "with torch.no_grad():\n    nn.functional.cross_entropy(model(x), (x[:, 0] > 0).long())"
    )
    record = trials(script(each=validation), NOTHING, finding=finding, every=1)["nothing-running-0"]
    diagnosis = clinometer.diagnose(clinometer.read(record["recording"]))
    assert record["verdict"] == diagnosis.verdict
    assert record["loss"] == "cross_entropy"
    assert record["no_information"] == pytest.approx(diagnosis.course.no_information)
    assert len(record["right"]) == len(record["losses"]) == 10
    assert all(0 <= share <= 1 for share in record["right"])
    assert [step for step, _loss in record["validation"]] == list(range(1, 11))
    factors = diagnosis.to_dict()["ledger"][0]
    assert factors["layer"] == "0"
    assert record["factor"]["name"] == "activation gain"
    assert record["factor"]["value"] == pytest.approx(factors["factors"]["activation"])
    (line,) = (one for one in diagnosis.lines if one.layer == "0")
    assert record["factor"]["arriving"] == pytest.approx(np.mean(line.arriving[diagnosis.late]))


def test_a_treatment_that_joins_steps_tells_no_level_in_the_units_of_a_step(trials: Trials) -> None:
    arm = Arm("larger-batch", "remedy", "larger-batch", "running")
    record = trials(script(), arm)["larger-batch-running-0"]
    assert len(record["losses"]) == 10
    assert record["no_information"] is None


def test_steps_that_a_scaler_leaves_out_and_steps_that_nobody_takes_are_counted(
    trials: Trials,
) -> None:
    for name, steps in (("amp_scaler", 16), ("forgotten_step", 72), ("gradient_penalty", 12)):
        found = trials(SCRIPTS / f"{name}.py", NOTHING_FROM_START, steps=TO_THE_END)
        assert len(found["nothing-start-0"]["losses"]) == steps
