"""Judging trials: what is proven, what is harmful, what stays open, and what is said of it."""

from __future__ import annotations

import json
import math
import statistics

import numpy as np
import pytest

from clinometer.records.treatment import Treatment
from clinometer.treatment.judgement import judge, ordered
from clinometer.treatment.judgement_notes import notes_of
from clinometer.treatment.treat_words import headline

LEVEL = math.log(10)
T_4 = (
    2.7764451051977987  # Student's 97.5 % point, 4 degrees of freedom (Abramowitz & Stegun, 26.10)
)


def record(arm="nothing", seed=0, end=2.3, *, moment="running", steps=40, noise=0.0, **more):
    """One trial: losses that go linearly from the level to `end`, with noise of the seed."""
    kind = arm if arm in {"nothing", "sham", "random"} else "remedy"
    draws = np.random.default_rng([seed, len(arm)]).normal(0, noise or 1e-4, steps)
    losses = np.linspace(LEVEL, end, steps) + draws if math.isfinite(end) else [end] * steps
    told = {
        "arm": arm, "kind": kind, "remedy": arm if kind == "remedy" else None, "seed": seed,
        "moment": moment, "at": 100, "steps": steps, "ended": "steps", "why": "", "done": f"did {arm}",
        "losses": [v if math.isfinite(v) else str(v) for v in map(float, losses)],
        "right": [None] * steps, "loss": "cross_entropy", "no_information": LEVEL, "validation": [],
        "prefix": f"p{seed}", "recording": None, "verdict": "learning", "codes": [], "factor": None,
    }  # fmt: skip
    if told["kind"] == "random":
        told["remedy"] = "weight-decay"
    return told | more


def trials(ends, seeds=5, **more):
    """Records of several arms: end of the loss by arm, a number or one for each seed."""
    return [
        record(arm, seed, end[seed] if isinstance(end, list) else end, **more)
        for seed in range(seeds)
        for arm, end in ends.items()
    ]


STUCK = {"nothing": 2.302, "sham": 2.302, "random": 2.301}


def judged(ends, name="lower-rate", **more):
    arms, _ = judge(trials(ends, **more))
    return next(arm for arm in arms if arm.name == name)


def test_a_remedy_that_beats_all_three_controls_is_proven():
    arm = judged(STUCK | {"lower-rate": 0.4})
    assert arm.verdict == "proven"
    assert arm.loss.nothing == pytest.approx(2.302, abs=0.01)
    assert arm.loss.unit == "nat"
    assert arm.seeds == 5
    assert arm.why == ""


def test_the_interval_is_that_of_the_paired_outcomes_worked_out_by_hand():
    records = trials(STUCK | {"lower-rate": [0.4, 0.9, 1.4, 0.6, 0.5]})
    arm = next(a for a in judge(records)[0] if a.name == "lower-rate")
    gains, drops = [], []
    for seed in range(5):
        ends = {}
        for one in records:
            if one["seed"] == seed:
                ends[one["arm"]] = statistics.fmean(one["losses"][-10:])
        u = {name: loss / (loss + LEVEL) for name, loss in ends.items()}
        gains.append(u["nothing"] - u["lower-rate"])
        drops.append(ends["nothing"] - ends["lower-rate"])
    for values, found in ((gains, arm.against["nothing"]), (drops, arm.loss.difference)):
        half = T_4 * statistics.stdev(values) / math.sqrt(5)
        assert found.mean == pytest.approx(statistics.fmean(values))
        assert found.low == pytest.approx(statistics.fmean(values) - half)
        assert found.high == pytest.approx(statistics.fmean(values) + half)


def test_a_remedy_that_raises_the_loss_is_harmful_and_never_recommended():
    arms, _ = judge(trials(STUCK | {"raise-rate": math.nan, "lower-rate": 2.302}))
    by_name = {arm.name: arm for arm in arms}
    assert by_name["raise-rate"].verdict == "harmful"
    assert by_name["raise-rate"].loss.difference is None
    said, recommended = headline(ordered(arms, ["raise-rate"]), 40, 5)
    assert recommended is None
    assert "Harmful: raise the learning rate" in said


def test_a_remedy_that_does_as_much_as_a_random_one_is_no_better():
    arm = judged({"nothing": 2.302, "sham": 2.302, "random": 0.4, "lower-rate": 0.4})
    assert arm.verdict == "no better than random"
    assert "a random remedy did as much" in arm.why


def test_a_gain_over_all_controls_that_is_smaller_than_what_matters_is_called_that():
    arm = judged({"nothing": 2.302, "sham": 2.302, "random": 2.302, "lower-rate": 2.298})
    assert arm.against["random"].low > 0
    assert arm.verdict == "no better than random"
    assert "less than would matter" in arm.why


def test_a_remedy_that_does_nothing_is_no_better_than_random():
    arm = judged(STUCK | {"lower-rate": 2.302})
    assert arm.verdict == "no better than random"
    assert "doing nothing" in arm.why


def test_an_improvement_below_one_percent_of_what_there_is_to_learn_is_not_proven():
    arm = judged({"nothing": 2.302, "sham": 2.302, "random": 2.302, "lower-rate": 2.290})
    assert arm.against["nothing"].low > 0
    assert arm.verdict != "proven"


def test_what_scatters_is_undecided_and_says_how_many_seeds_would_decide():
    arm = judged(STUCK | {"lower-rate": [0.2, 2.302, 2.302, 2.302, 2.302]})
    assert arm.verdict == "undecided"
    assert "holds 0" in arm.why
    assert arm.seeds_needed > 5


def test_one_seed_is_never_a_proof():
    arm = judged(STUCK | {"lower-rate": 0.1}, seeds=1)
    assert arm.verdict == "undecided"
    assert "One pair has no interval" in arm.why
    assert arm.seeds_needed is None
    assert arm.loss.difference.interval is None


def test_what_fails_where_doing_nothing_does_not_counts_as_the_worst_outcome():
    records = trials(STUCK | {"lower-rate": 0.4})
    for one in records:
        if one["arm"] == "lower-rate" and one["seed"] == 2:
            one.update(ended="memory", losses=[], why="more than 2 GiB")
    arm = next(a for a in judge(records)[0] if a.name == "lower-rate")
    assert arm.failed == 1
    assert "more than 2 GiB" in arm.why
    assert arm.seeds == 5
    half = 2.302 / (2.302 + LEVEL)
    assert arm.against["nothing"].mean == pytest.approx(
        (4 * (half - 0.41 / 2.71) + (half - 1.0)) / 5, abs=0.05
    )


def test_a_run_that_breaks_on_nan_can_be_cured():
    ends = {"nothing": math.nan, "sham": math.nan, "random": math.nan, "lower-rate": 0.4}
    arm = judged(ends)
    assert arm.verdict == "proven"
    assert arm.loss.nothing == math.inf
    said, recommended = headline([arm], 40, 5)
    assert "Loss not finite -> " in said
    assert recommended == "lower-rate"


def test_seeds_that_move_nothing_count_as_one():
    one = [record(arm, 0, end, prefix="p") for arm, end in (STUCK | {"lower-rate": 0.4}).items()]
    records = [dict(r, seed=seed) for seed in range(5) for r in one]
    arm = next(a for a in judge(records)[0] if a.name == "lower-rate")
    assert arm.seeds == 1
    assert arm.verdict == "undecided"
    assert "bit for bit" in arm.why
    assert any("does not move this script" in note for note in notes_of(records))


def test_arms_that_part_before_the_treatment_are_said_to_be_no_pairs():
    records = trials(STUCK | {"lower-rate": 0.4})
    assert notes_of(records) == ()
    records[1]["prefix"] = "another"
    assert any("not deterministic" in note for note in notes_of(records))


def test_what_cannot_be_applied_is_listed_with_its_reason_and_not_judged():
    records = trials(STUCK | {"lower-rate": 0.4, "gated-cell": 1.0})
    for one in records:
        if one["arm"] == "gated-cell":
            one.update(ended="not-applicable", losses=[], why="no recurrent layer")
    arms, missing = judge(records)
    assert missing == (("gated-cell", "no recurrent layer"),)
    assert "gated-cell" not in {arm.name for arm in arms}


def test_without_a_random_trial_nothing_is_proven():
    arm = judged({"nothing": 2.302, "sham": 2.302, "lower-rate": 0.4})
    assert arm.verdict == "undecided"
    assert "a random remedy" in arm.why
    assert arm.seeds_needed is None


def test_controls_are_those_of_the_same_moment():
    records = trials(STUCK | {"lower-rate": 0.4})
    records += trials(
        {"nothing": 0.3, "sham": 0.3, "random": 0.3, "scale-init": 0.3}, moment="start"
    )
    arms, _ = judge(records, at=100)
    by_name = {(arm.name, arm.moment): arm for arm in arms}
    assert by_name["lower-rate", "running"].verdict == "proven"
    assert by_name["scale-init", "start"].verdict == "no better than random"
    assert by_name["scale-init", "start"].steps_given_up == 100
    assert by_name["lower-rate", "running"].steps_given_up == 0


def test_another_loss_is_compared_by_the_share_of_wrong_rows():
    records = trials(STUCK | {"standardise-target": 40.0})
    shares = {"standardise-target": 0.9}
    for one in records:
        if one["arm"] == "standardise-target":
            one["loss"] = "squared_error"
        one["right"] = [shares.get(one["arm"], 0.1) + 0.001 * one["seed"]] * 40
        if one["arm"] == "standardise-target":
            one["right"] = [0.9 - 0.002 * one["seed"]] * 40
    arm = next(a for a in judge(records)[0] if a.name == "standardise-target")
    assert arm.verdict == "proven"
    assert arm.loss is None
    assert arm.against["nothing"].mean == pytest.approx(0.8 - 0.003 * 2)
    assert "Outcome better by" in headline([arm], 40, 5)[0]


def test_another_loss_without_right_rows_is_held_against_its_own_level():
    records = trials(STUCK | {"standardise-target": 0.1})
    for one in records:
        if one["arm"] == "standardise-target":
            one.update(loss="squared_error", no_information=1.0)
    arm = next(a for a in judge(records, new_loss={"standardise-target"})[0] if a.kind == "remedy")
    own = 0.1 + (LEVEL - 0.1) * 4.5 / 39  # the last ten of forty steps down a line
    assert arm.loss is None
    assert arm.against["nothing"].mean == pytest.approx(0.5 - own / (own + 1.0), abs=0.01)


def test_a_loss_below_zero_is_compared_as_it_is():
    records = trials(
        {"nothing": -1.0, "sham": -1.0, "random": -1.0, "lower-rate": -3.0}, noise=0.01
    )
    for one in records:
        one["no_information"] = None
        one["loss"] = None
    arm = next(a for a in judge(records)[0] if a.name == "lower-rate")
    assert arm.verdict == "proven"
    assert arm.against["nothing"].mean == pytest.approx(1.77, abs=0.1)
    for one in records:
        if one["arm"] == "lower-rate" and one["seed"] == 1:
            one["losses"] = ["nan"] * 40
    broken = next(a for a in judge(records)[0] if a.name == "lower-rate")
    assert broken.verdict == "undecided"
    assert "diverged in 1" in broken.why


def test_validation_and_the_blamed_factor_are_paired_too():
    records = trials(STUCK | {"lower-rate": 0.4})
    for one in records:
        better = one["arm"] == "lower-rate"
        one["validation"] = [[10, 2.3], [30, 0.5 + 0.01 * one["seed"] if better else 2.3]]
        one["factor"] = {
            "layer": "0", "name": "activation gain", "value": -1.0 - 0.1 * one["seed"] if better else -5.0,
            "arriving": -0.5 if better else "-inf",
        }  # fmt: skip
    arm = next(a for a in judge(records)[0] if a.name == "lower-rate")
    assert arm.validation.difference.mean == pytest.approx(1.78)
    assert arm.factor.difference.mean == pytest.approx(3.8)
    assert arm.factor.arm == pytest.approx(-1.2)
    assert arm.factor.unit == "decades of activation gain"
    assert (arm.arriving.nothing, arm.arriving.arm) == (-math.inf, -0.5)
    assert arm.arriving.difference is None


def test_the_first_of_equals_is_the_cheapest():
    arms, _ = judge(trials(STUCK | {"change-activation": 0.401, "lower-rate": 0.4, "warm-up": 1.5}))
    names = [arm.name for arm in ordered(arms, ["change-activation", "warm-up", "lower-rate"])]
    assert names[:3] == ["change-activation", "lower-rate", "warm-up"]
    names = [arm.name for arm in ordered(arms, ["warm-up", "lower-rate", "change-activation"])]
    assert names[:3] == ["lower-rate", "change-activation", "warm-up"]


def test_a_sham_that_cannot_matter_is_rarely_proven():
    """Chaos alone: every arm a draw of the same distribution, 300 times 5 seeds."""
    proven = 0
    for case in range(300):
        rng = np.random.default_rng(case)
        ends = {name: list(rng.uniform(0.3, 2.3, 5)) for name in (*STUCK, "lower-rate")}
        records = [record(arm, seed, ends[arm][seed], steps=8) for seed in range(5) for arm in ends]
        proven += sum(arm.verdict == "proven" for arm in judge(records)[0] if arm.kind == "sham")
    assert proven / 300 <= 0.05


def test_a_treated_run_that_is_still_ill_is_said_to_be():
    records = trials({"nothing": 2.302, "sham": 2.302, "random": 2.302, "lower-rate": 2.0})
    for one in records:
        one["verdict"] = "stuck"
    arm = next(a for a in judge(records)[0] if a.name == "lower-rate")
    assert arm.verdict == "proven"
    assert "better, not cured: 5 of 5 treated runs are still stuck" in headline([arm], 40, 5)[0]


def test_the_steps_until_it_matched_doing_nothing_are_counted():
    arm = judged(STUCK | {"lower-rate": 0.4})
    assert 1 <= arm.steps_to_match < 10
    assert judged(STUCK | {"lower-rate": 2.4}).steps_to_match is None


def test_the_json_is_strict_and_not_judged_is_null():
    arms, missing = judge(
        trials({"nothing": math.nan, "sham": math.nan, "random": math.nan, "a": 0.4})
    )
    found = Treatment(
        script="train.py", finding=None, verdict="proven", because="...", remedy="a", arms=arms
    )
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    row = next(one for one in told["arms"] if one["name"] == "a")
    assert told["schema"] == 1
    assert row["loss"] == {
        "difference": None, "interval": None, "unit": "nat", "nothing": None,
        "arm": pytest.approx(0.6, abs=0.1),
    }  # fmt: skip
    assert row["validation"] is None
    assert missing == ()


def test_a_trial_that_was_interrupted_gives_way_to_the_one_that_was_not():
    records = trials(STUCK | {"lower-rate": 0.4})
    stopped = [dict(one, ended="interrupted", losses=[]) for one in records]
    assert judge([*stopped, *records])[0] == judge([*records, *stopped])[0] == judge(records)[0]


def test_a_change_without_any_effect_is_told_from_one_that_does_not_help():
    records = trials(STUCK | {"lower-rate": 2.302})
    nothing = {one["seed"]: one["losses"] for one in records if one["arm"] == "nothing"}
    for one in records:
        if one["arm"] == "lower-rate":
            one["losses"] = nothing[one["seed"]]
    arm = next(a for a in judge(records)[0] if a.name == "lower-rate")
    assert arm.verdict == "no better than random"
    assert "the change had no effect" in arm.why


# -- what a remedy is judged by ----------------------------------------------------------------


CONFIDENCE = dict.fromkeys(("smooth-labels", "sham", "random"), "validation")


def passes(end, seed=0):
    """Evaluation passes whose loss goes from the level to `end`."""
    noise = np.random.default_rng(seed).normal(0, 1e-3, 8)
    losses = np.linspace(LEVEL, end, 8) + noise
    return {
        "validation": [[5 * k, float(one)] for k, one in enumerate(losses)],
        "validation_level": LEVEL,
    }


def claims(ends, **more):
    """Arms whose training losses speak against them, and whose validation losses are `ends`."""
    return [
        record(arm, seed, 0.1 if arm == "nothing" else 0.9, **passes(end, seed), **more)
        for seed in range(5)
        for arm, end in ends.items()
    ]


def test_a_claim_about_confidence_is_judged_by_the_validation_loss_whatever_training_says():
    records = claims({"nothing": 4.0, "sham": 4.0, "random": 3.9, "smooth-labels": 0.6})
    arms, _ = judge(records, new_loss={"smooth-labels"}, watched=CONFIDENCE)
    arm = next(one for one in arms if one.name == "smooth-labels")
    assert (arm.verdict, arm.watched) == ("proven", "validation")
    late = [fmean_of_late(end) for end in (4.0, 0.6)]
    expected = late[0] / (late[0] + LEVEL) - late[1] / (late[1] + LEVEL)
    assert arm.against["nothing"].mean == pytest.approx(expected, abs=0.002)
    assert "Validation loss 3.879 -> 0.7216" in headline([arm], 40, 5)[0]


def fmean_of_late(end):
    """Mean of the last two of eight passes."""
    return statistics.fmean(np.linspace(LEVEL, end, 8)[-2:])


def test_a_higher_validation_loss_is_harmful_for_a_claim_about_confidence():
    records = claims({"nothing": 0.6, "sham": 0.6, "random": 0.6, "smooth-labels": 4.0})
    arms, _ = judge(records, watched=CONFIDENCE)
    assert next(one for one in arms if one.name == "smooth-labels").verdict == "harmful"


def test_without_an_evaluation_pass_a_claim_about_confidence_stays_open_and_says_why():
    arms, _ = judge(trials(STUCK | {"smooth-labels": 0.1}), watched=CONFIDENCE)
    arm = next(one for one in arms if one.name == "smooth-labels")
    assert arm.verdict == "undecided"
    assert "No evaluation pass was seen" in arm.why


def spiked(arm, seed, height, back):
    """A learned run that a spike throws back for `back` steps."""
    noise = np.random.default_rng([seed, len(arm)]).normal(0, 1e-3, 40)
    losses = 0.1 + noise
    losses[10] = 5 * LEVEL
    losses[11 : 11 + back] += height
    return record(arm, seed) | {"losses": losses.tolist()}


def test_a_spike_that_costs_less_is_proven_though_all_end_the_same():
    costs = {
        "nothing": (2.0, 15),
        "sham": (2.0, 15),
        "random": (1.9, 15),
        "clip-gradient": (0.0, 0),
    }
    records = [spiked(arm, seed, *cost) for seed in range(5) for arm, cost in costs.items()]
    plain, _ = judge(records)
    assert next(one for one in plain if one.name == "clip-gradient").verdict != "proven"
    watched = dict.fromkeys(("clip-gradient", "sham", "random"), "course")
    arms, _ = judge(records, watched=watched)
    arm = next(one for one in arms if one.name == "clip-gradient")
    assert arm.verdict == "proven"
    by_hand = []
    for seed in range(5):
        u = {}
        for one in records:
            if one["seed"] == seed:
                u[one["arm"]] = statistics.fmean(x / (x + LEVEL) for x in one["losses"])
        by_hand.append(u["nothing"] - u["clip-gradient"])
    assert arm.against["nothing"].mean == pytest.approx(statistics.fmean(by_hand), rel=1e-12)
    assert "over 40 steps" in headline([arm], 40, 5)[0]


def test_losses_below_zero_of_different_quantities_are_never_held_against_each_other():
    ends = {"nothing": -40_000.0, "sham": -40_000.0, "random": -40_000.0, "smooth-labels": 0.5}
    arms, _ = judge(trials(ends), new_loss={"smooth-labels"})
    arm = next(one for one in arms if one.name == "smooth-labels")
    assert arm.verdict == "undecided"
    assert "different quantities" in arm.why


def test_shares_of_right_rows_are_compared_where_they_were_observed_now_and_then():
    ends = {"nothing": -40_000.0, "sham": -40_000.0, "random": -40_000.0, "smooth-labels": 0.5}
    shares = {"smooth-labels": 0.58}
    records = [
        one | {"right": [shares.get(one["arm"], 0.3) if k % 4 == 0 else None for k in range(40)]}
        for one in trials(ends)
    ]
    arms, _ = judge(records, new_loss={"smooth-labels"})
    arm = next(one for one in arms if one.name == "smooth-labels")
    assert arm.verdict == "proven"
    assert arm.against["nothing"].mean == pytest.approx(0.28)


def test_a_seed_that_tells_no_share_of_right_rows_is_left_out_where_nothing_else_can_be_compared():
    ends = {"nothing": -40_000.0, "sham": -40_000.0, "random": -40_000.0, "smooth-labels": 0.5}
    records = [
        one | {"right": [0.58 if one["arm"] == "smooth-labels" else 0.3] * 40}
        for one in trials(ends)
    ]
    for one in records:
        if (one["arm"], one["seed"]) == ("random", 2):
            one["right"] = None
    arms, _ = judge(records, new_loss={"smooth-labels"})
    arm = next(one for one in arms if one.name == "smooth-labels")
    assert arm.verdict == "proven"
    assert {name: one.n for name, one in arm.against.items()} == {
        "nothing": 5,
        "sham": 5,
        "random": 4,
    }


def test_where_all_rows_are_right_each_loss_is_held_against_its_own_level():
    ends = {"nothing": 1.28, "sham": 1.28, "random": 1.28, "logits-with-matching-loss": 0.03}
    records = [
        one | {"right": [0.4 if (one["arm"], one["seed"]) == ("random", 3) else 0.999] * 40}
        for one in trials(ends)
    ]
    arms, _ = judge(records, new_loss={"logits-with-matching-loss"})
    arm = next(one for one in arms if one.kind == "remedy")
    assert arm.verdict == "proven"
    late = next(
        one["losses"][-10:] for one in records if (one["arm"], one["seed"]) == ("nothing", 0)
    )
    mean = statistics.fmean(late)
    assert arm.against["nothing"].mean < mean / (mean + LEVEL)


def test_losses_of_one_quantity_have_one_level_whatever_a_recording_says():
    """A batch of eight sums eight losses in its recording: its own level would make it look learned."""
    records = trials({"nothing": 2.5, "sham": 2.5, "random": 2.5, "linear-output": 0.2})
    for one in records:
        if one["arm"] == "random":
            one["no_information"] = 50.0
    arm = next(one for one in judge(records)[0] if one.name == "linear-output")
    assert arm.verdict == "proven"
    assert arm.against["random"].mean == pytest.approx(arm.against["nothing"].mean, abs=0.01)


def test_a_step_without_a_loss_is_left_out_and_not_taken_for_a_divergence():
    records = [one | {"losses": [None, *one["losses"][1:]]} for one in trials(STUCK)]
    arms, _ = judge(records)
    assert all(arm.loss.nothing < LEVEL + 0.1 for arm in arms)


def test_what_a_random_remedy_ruins_is_neither_merit_nor_doubt_of_another():
    """It did harm in two of five seeds: as such, its differences have an interval that holds 0."""
    ends = {
        "nothing": 1.0, "sham": 1.0, "random": [1.0, 1.0, 30.0, 1.0, 30.0], "lower-rate": 0.7,
    }  # fmt: skip
    records = trials(ends)
    arm = next(one for one in judge(records)[0] if one.name == "lower-rate")
    assert arm.verdict == "proven"
    by_hand = []
    for seed in range(5):
        u = {}
        for one in records:
            if one["seed"] == seed:
                late = statistics.fmean(one["losses"][-10:])
                u[one["arm"]] = late / (late + LEVEL)
        by_hand.append(min(u["random"], u["nothing"]) - u["lower-rate"])
    assert arm.against["random"].mean == pytest.approx(statistics.fmean(by_hand), rel=1e-12)


def test_a_random_remedy_that_helps_as_much_in_some_seeds_still_counts():
    ends = {"nothing": 1.0, "sham": 1.0, "random": [1.0, 0.2, 1.0, 0.2, 0.2], "lower-rate": 0.7}
    assert judged(ends).verdict != "proven"
