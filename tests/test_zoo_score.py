"""The zoo's scorecard: each definition by hand, labels that are wrong, and what blind leaves out."""

from __future__ import annotations

import doctest
import importlib
import json
import sys
import time
from pathlib import Path

import pytest
from benchmarks.zoo import page, scorecard
from benchmarks.zoo import rates as rates_file
from benchmarks.zoo.cases import PARTS, Case, LabelError, known_codes, read_part
from benchmarks.zoo.children import ChildError, Children
from benchmarks.zoo.judging import Said
from benchmarks.zoo.runs import Outcome, Run, digest, is_fresh, stamp
from benchmarks.zoo.score import Score, is_near, score
from benchmarks.zoo.totals import Proportion, rule_totals, totals

from clinometer.diagnosis import rates

ORDER = ("fc1", "fc1:relu", "fc2", "fc2:relu", "head.0", "head.1", "head.2")


def sick(name="a", codes=("FLOW201", "FLOW206"), cause=(), layers=(), verdict=("stuck",)):
    return Case("tuned", name, Path(f"{name}.py"), True, "", codes, cause, layers, verdict)


def healthy(name="h", verdict=("learning", "learned")):
    return Case("tuned", name, Path(f"{name}.py"), False, "", verdict=verdict)


def finding(code, severity="error", layer="fc1", cause="activation gain"):
    return {"code": code, "severity": severity, "layer": layer, "cause": cause}


def judged(case: Case, *findings, verdict="stuck", seed=0, observed=10) -> Score:
    report = {
        "findings": list(findings), "verdict": verdict, "run": {"observed_steps": observed},
    }  # fmt: skip
    return score(case, seed, report, ORDER)


# -- one run ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "detected", "leading"),
    [
        ([], False, False),
        ([finding("FLOW201")], True, True),
        ([finding("FLOW206", "warning")], True, True),  # the second code of a label is as true
        ([finding("FLOW201", "note")], False, False),
        ([finding("FLOW101")], False, False),
        ([finding("FLOW101"), finding("FLOW201", "warning")], True, False),
        ([finding("FLOW101"), finding("FLOW201", "note")], False, False),
    ],
)
def test_detected_asks_for_the_code_anywhere_and_leading_right_for_the_first(
    said, detected, leading
):
    one = judged(sick(), *said)
    assert (one.detected, one.leading_right) == (detected, leading)
    assert one.false_alarm is None


def test_class_right_asks_for_the_cause_only_where_the_label_names_one():
    told = finding("FLOW201", cause="weight gain")
    assert judged(sick(), told).class_right
    assert judged(sick(cause=("clip", "weight gain")), told).class_right
    assert not judged(sick(cause=("activation gain",)), told).class_right
    assert not judged(sick(cause=("weight gain",)), told | {"code": "FLOW101"}).class_right


def test_layer_right_asks_the_first_finding_and_only_where_the_label_names_a_layer():
    assert judged(sick(), finding("FLOW201")).layer_right is None
    assert judged(sick(layers=("fc2",)), finding("FLOW201", layer="fc1")).layer_right
    assert not judged(sick(layers=("head.2",)), finding("FLOW201", layer="fc1")).layer_right
    assert judged(sick(layers=("fc1",)), finding("FLOW999")).layer_right  # the place alone
    assert not judged(sick(layers=("fc1",)), finding("FLOW201", "note")).layer_right
    assert not judged(sick(layers=("fc1",))).layer_right


@pytest.mark.parametrize(
    ("said", "meant", "near"),
    [
        ("fc1", "fc1", True),
        ("fc1#2", "fc1", True),
        ("fc1:relu", "fc1", True),
        ("fc1:relu#2", "fc2", True),  # fc1 and fc1:relu are one place
        ("fc2:relu", "head.0", True),
        ("fc1", "head.0", False),
        ("head.0", "head.1", True),  # a module that is an activation is a place of its own
        ("head.0", "head.2", False),
        ("head", "head.2", True),  # parent
        ("fc1.weight", "fc1", True),  # part
        ("fc", "fc1", False),  # a prefix of the letters is no parent
        ("", "fc1", False),  # the run as a whole is no place
        ("elsewhere", "fc1", False),
    ],
)
def test_near_is_the_layer_a_neighbour_a_parent_or_a_part(said, meant, near):
    assert is_near(said, ["nowhere", meant], ORDER) is near


def test_a_layer_that_runs_twice_has_neighbours_on_both_occasions():
    order = ["cell", "gate", "out", "cell#2", "tail"]
    assert is_near("tail", ["cell"], order)
    assert is_near("gate", ["cell"], order)
    assert not is_near("tail", ["gate"], order)


def test_any_finding_that_counts_is_a_false_alarm_on_a_healthy_run():
    assert judged(healthy(), finding("RUN101", "warning"), verdict="learning").false_alarm
    assert judged(healthy(), finding("FLOW201", "note"), verdict="learning").false_alarm is False
    one = judged(healthy(), verdict="learned")
    assert (one.false_alarm, one.detected, one.leading_right, one.class_right) == (
        False, None, None, None,
    )  # fmt: skip
    assert one.right


def test_the_verdict_is_right_where_the_label_allows_it():
    assert judged(healthy(), verdict="learned").verdict_right
    assert not judged(healthy(), verdict="stuck").verdict_right
    assert not judged(healthy(), verdict="stuck").right


def test_a_run_of_which_nothing_was_observed_is_counted_as_such():
    assert judged(healthy(), verdict="learning").observed
    assert not judged(healthy(), verdict="learning", observed=0).observed


# -- many runs --------------------------------------------------------------------------------------


def seeds(case, *found, verdict="stuck"):
    return [judged(case, *one, verdict=verdict, seed=seed) for seed, one in enumerate(found)]


def test_runs_and_cases_are_counted_apart():
    hit, miss = [finding("FLOW201")], []
    scores = [
        *seeds(sick("a"), hit, hit, miss),
        *seeds(sick("b"), hit, miss),  # half is not most
        *seeds(healthy("h"), miss, [finding("FLOW101")], miss, verdict="learning"),
        *seeds(healthy("i"), miss, miss, miss, verdict="stuck"),
    ]
    found = totals(scores)
    assert (found.sick, found.healthy) == (2, 2)
    assert found.runs["detected"] == Proportion(3, 5)
    assert found.by_case["detected"] == Proportion(1, 2)
    assert found.runs["false_alarm"] == Proportion(1, 6)
    assert found.by_case["false_alarm"] == Proportion(1, 2)  # any seed
    assert found.runs["verdict_right"] == Proportion(8, 11)
    assert found.runs["layer_right"] == Proportion(0, 0)
    assert found.runs["layer_right"].interval is None


def test_two_cases_of_one_name_in_two_parts_are_two():
    other = Case("unseen", "a", Path("a.py"), True, "", ("FLOW201",), verdict=("stuck",))
    assert totals([judged(sick("a")), judged(other)]).sick == 2


def test_stability_is_the_share_of_the_most_frequent_answer_over_sick_cases():
    here, there = finding("FLOW201", layer="fc1"), finding("FLOW201", layer="fc2")
    scores = [
        *seeds(sick("a"), [here], [here], [there], []),  # 2 of 4 alike; by code 3 of 4
        *seeds(sick("b"), [], [], [], []),  # always nothing
        *seeds(sick("c"), [here]),  # a single seed says nothing of stability
        *seeds(healthy(), [here], []),
    ]
    found = totals(scores)
    assert found.leading.share == (2 / 4 + 1) / 2
    assert found.code.share == (3 / 4 + 1) / 2
    assert found.leading.alike == found.code.alike == Proportion(1, 2)
    assert totals([]).leading.share is None


def test_a_rule_is_held_against_the_labels_that_name_it_first():
    scores = [
        *seeds(sick("a", ("FLOW201",)), [finding("FLOW201")], [finding("FLOW201")], []),
        *seeds(sick("b", ("FLOW206", "FLOW201")), [finding("FLOW201")]),  # named, but not first
        *seeds(sick("c", ("FLOW301",)), [finding("FLOW201"), finding("FLOW301")]),  # misled
        *seeds(sick("d", ("FLOW301",)), [finding("FLOW301"), finding("FLOW201")]),  # not led
        *seeds(healthy(), [finding("FLOW201", "warning")], [finding("FLOW201", "note")]),
    ]
    found = {rule.code: rule for rule in rule_totals(scores, also=["FLOW999"])}
    assert list(found) == ["FLOW201", "FLOW206", "FLOW301", "FLOW999"]
    assert found["FLOW201"].runs == Proportion(2, 3)
    assert found["FLOW201"].cases == Proportion(1, 1)
    assert found["FLOW201"].alarms == Proportion(1, 2)
    assert found["FLOW201"].misled == Proportion(1, 6)
    assert found["FLOW301"].runs == Proportion(2, 2)  # a second finding is found, too
    assert found["FLOW206"].cases == Proportion(0, 1)
    assert (found["FLOW999"].runs, found["FLOW999"].alarms) == (Proportion(0, 0), Proportion(0, 2))


# -- what is told -----------------------------------------------------------------------------------


def outcome(case: Case, *findings, verdict="stuck", seed=0) -> Outcome:
    report = {"findings": list(findings), "verdict": verdict, "run": {"observed_steps": 9}}
    return Outcome(Run(case, seed), Said(report, ORDER))


@pytest.fixture
def three_parts():
    secret = "secret_script"
    return [
        scorecard.part_of(
            part,
            [
                *(
                    outcome(Case(part, secret, Path(), True, secret, ("FLOW201",), verdict=("stuck",)),
                            finding("FLOW101"), seed=seed)
                    for seed in range(120)
                ),
                Outcome(Run(Case(part, "late", Path(), False, ""), 0), None, "took longer than 120 s"),
                Outcome(Run(Case("another part", "x", Path(), False, ""), 0), None),
            ],
        )
        for part in PARTS
    ]  # fmt: skip


def test_all_parts_fit_in_80_columns(three_parts):
    told = scorecard.text(three_parts, "about", blind=False)
    assert max(map(len, told.splitlines())) <= 80
    assert told.count("0/120   0 (0-3)") == len(PARTS) * 3  # detected, leading right, class right


def test_failures_name_the_case_its_seeds_and_what_was_said(three_parts):
    told = "\n".join(scorecard.failures(three_parts[:1]))
    assert "tuned/secret_script" in told
    assert "seed 0 1 2 3" in told
    assert "FLOW101 by activation gain at fc1; stuck" in told
    assert "wrong: detected, leading right, class right" in told
    assert "tuned/late seed 0: not scored, took longer than 120 s" in told


def test_blind_tells_no_name_and_no_code(three_parts):
    told = [
        scorecard.text(three_parts, "about", blind=True),
        page.markdown(three_parts, "about", "make zoo", blind=True),
        json.dumps(page.as_json(three_parts, "about", blind=True)),
    ]
    assert not [word for word in ("secret", "late", "FLOW") for one in told if word in one]
    assert "secret" not in page.markdown(three_parts, "about", "make zoo", blind=False)


def test_the_json_holds_each_run(three_parts):
    plain = json.loads(json.dumps(page.as_json(three_parts, "about", blind=False)))
    assert plain["parts"]["reserve"]["each"][3]["said"] == ["FLOW101", "fc1", "activation gain"]
    assert plain["parts"]["reserve"]["runs"]["detected"]["k"] == 0


# -- rates ------------------------------------------------------------------------------------------


def measured(monkeypatch, parts) -> None:
    monkeypatch.setattr(rates, "_measured", lambda: parts)


def test_rates_are_summed_over_parts_that_nobody_looked_into(monkeypatch, tmp_path):
    file = tmp_path / "rates.json"
    scores = [*seeds(sick(), [finding("FLOW201")], []), *seeds(healthy(), [], [], [])]
    for name in PARTS:
        part = scorecard.Part(name, tuple(scores), ())
        rates_file.write([part], file, seeds=2, date="2026-01-31", version="0")
    measured(monkeypatch, json.loads(file.read_text(encoding="utf-8"))["parts"])
    assert rates.rate("FLOW201") == rates.Rate(2, 4, 0, 6)
    assert rates.rate("FLOW201", ("tuned",)) == rates.Rate(1, 2, 0, 3)
    assert rates.rate("FLOW000") is None
    assert rates.rate("FLOW501") == rates.Rate(0, 0, 0, 6)  # silent on the healthy is measured
    assert rates.rate("FLOW501").recall_interval is None


def test_nothing_is_measured_where_there_is_no_file(monkeypatch, tmp_path):
    monkeypatch.setattr(rates, "files", lambda package: tmp_path)
    rates._measured.cache_clear()
    try:
        assert rates.rate("FLOW201") is None
    finally:
        rates._measured.cache_clear()


def test_a_rules_page_states_its_rates(monkeypatch):
    location = Path(__file__).parents[1] / "docs" / "generate.py"
    monkeypatch.syspath_prepend(location.parent)  # it imports its neighbour
    spec = importlib.util.spec_from_file_location("generate", location)
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    measured(monkeypatch, {})
    assert generate.measured("FLOW201") == "Not measured yet.\n"
    one = {"detected": 23, "sick": 25, "alarms": 0, "healthy": 280}
    measured(monkeypatch, {"unseen": {"rules": {"FLOW201": one}}})
    told = generate.measured("FLOW201")
    assert "found in 23 of 25 sick runs, 95 % interval 75 % to 98 %; " in told
    assert "false alarms in 0 of 280 healthy runs, at most 1.4 %" in told
    assert "worked out on: not measured yet" in told


# -- labels -----------------------------------------------------------------------------------------

GOOD = """
[one]
sick = true
what = "w"
codes = ["FLOW201"]
verdict = ["stuck"]
"""


def zoo(folder: Path, labels: str) -> Path:
    (folder / "tuned").mkdir()
    (folder / "tuned" / "one.py").touch()
    (folder / "tuned.toml").write_text(labels, encoding="utf-8")
    return folder


def test_a_label_is_read(tmp_path):
    (one,) = read_part("tuned", zoo(tmp_path, GOOD))
    assert (one.name, one.sick, one.codes, one.layers) == ("one", True, ("FLOW201",), ())
    assert read_part("unseen", tmp_path) == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("FLOW201", "FLOW299", "unknown code 'FLOW299'"),
        ('codes = ["FLOW201"]', "", "is sick, but `codes` names no finding"),
        ("sick = true", "sick = false", "is healthy, but `codes` names a finding"),
        ("sick = true", 'sick = "yes"', "expected `sick = true` or"),
        ('["stuck"]', '["stick"]', "unknown verdict 'stick'"),
        ('verdict = ["stuck"]', "", "expected `verdict`"),
        ('["stuck"]', '"stuck"', "verdict is 'stuck'; expected a list"),
        ("what", "that", "unknown key 'that'"),
        ("[one]", "[two]", "has no label"),
        ("[one]", "[two]\n[one]", "there is no script"),
        ("[one]", "[one", "is not TOML"),
    ],
)
def test_a_wrong_label_is_refused_and_says_why(tmp_path, old, new, complaint):
    with pytest.raises(LabelError, match="tuned") as raised:
        read_part("tuned", zoo(tmp_path, GOOD.replace(old, new, 1)))
    assert complaint in str(raised.value)


@pytest.mark.parametrize("part", PARTS)
def test_every_script_of_the_zoo_has_a_valid_label_and_every_label_a_script(part):
    complaint = ""
    try:
        read_part(part)
    except LabelError as error:  # of a part that is to stay unseen, only that there is one
        complaint = str(error) if part == "tuned" else "a label is wrong, or missing"
    if complaint:
        pytest.fail(f"{part}: {complaint}", pytrace=False)


def test_codes_of_rules_that_are_not_written_yet_are_known():
    assert {"FLOW101", "FLOW408", "CONF204", "RUN103"} <= known_codes()


# -- runs -------------------------------------------------------------------------------------------


def test_a_recording_is_reused_only_for_the_script_as_it_was(tmp_path):
    script = tmp_path / "s.py"
    script.write_text("1", encoding="utf-8")
    run = Run(Case("tuned", "s", script, False, ""), 3)
    run.recording(tmp_path).parent.mkdir()
    assert not is_fresh(run, tmp_path)
    stamp(run, tmp_path).write_text(digest(script), encoding="utf-8")
    assert is_fresh(run, tmp_path)
    script.write_text("2", encoding="utf-8")
    assert not is_fresh(run, tmp_path)


def test_a_process_that_takes_too_long_is_ended_and_one_that_fails_says_why(tmp_path):
    children = Children(tmp_path)
    begun = time.monotonic()
    with pytest.raises(ChildError, match="took longer than 0 s"):
        children.call(sys.executable, "-c", "import time; time.sleep(60)", limit_s=0.2)
    assert time.monotonic() - begun < 30
    with pytest.raises(ChildError, match="exit code 3: last words"):
        children.call(
            sys.executable, "-c", "import sys; print('last words', file=sys.stderr); sys.exit(3)"
        )
    children.stop()
    with pytest.raises(ChildError, match="stopped"):
        children.call(sys.executable, "-c", "")


@pytest.mark.parametrize("name", ["score", "totals", "scorecard", "progress"])
def test_the_examples_in_the_zoos_docstrings_hold(name):
    outcome = doctest.testmod(importlib.import_module(f"benchmarks.zoo.{name}"))
    assert outcome.attempted > 0
    assert outcome.failed == 0
