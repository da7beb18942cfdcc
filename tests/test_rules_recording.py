"""What is said of the recording itself (RUN101 to 104), and that a rule that fails silences no other."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

import clinometer
from clinometer.diagnosis.diagnose import all_rules
from clinometer.diagnosis.quantities import Quantities
from clinometer.diagnosis.rule import NotJudged, Rule
from made import META, falling, recording
from networks import batches, blobs, chain, codes, judged

TASK = blobs(400, 16, 4)
RULES = [rule.code for rule in all_rules()]


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def said(found, code):
    """The one finding of a rule."""
    of_it = [finding for finding in found.findings if finding.code == code]
    assert len(of_it) == 1, codes(found)
    return of_it[0]


def trains(model, steps=40):
    """Plain training of a model."""
    stepper = torch.optim.SGD(model.parameters(), lr=0.1)
    stream = batches(TASK, 32)
    for _ in range(steps):
        inputs, labels = next(stream)
        stepper.zero_grad()
        functional.cross_entropy(model(inputs), labels).backward()
        stepper.step()


class Images(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(1, 4, 3), nn.Linear(16, 4)

    def forward(self, x):
        return self.head(torch.relu(self.conv(x.view(-1, 1, 4, 4))).flatten(1))


NETWORKS = {"chain": lambda: chain(2, 16, nn.Tanh, classes=4), "images": Images}
NETWORK = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)


# -- not observed ------------------------------------------------------------------------------


def test_a_run_that_never_trained_was_not_observed(tmp_path):
    with clinometer.watch(nn.Linear(2, 2), to=tmp_path / "a.clino"):
        pass
    found = clinometer.diagnose(clinometer.read(tmp_path / "a.clino"))
    assert said(found, "RUN101").severity == "note"
    assert "Of 0 steps 0 were observed" in said(found, "RUN101").explanation
    assert found.verdict == "undecided"


def test_steps_of_which_no_layer_was_seen_are_told():
    sites = tuple(site for site in recording().sites if site.kind in {"parameter", "loss"})
    found = clinometer.diagnose(recording(sites=sites))
    assert said(found, "RUN101").evidence[1].value == 0
    assert {"FLOW101", "FLOW102", "FLOW201", "FLOW404"} <= {code for code, _ in found.not_judged}
    assert not {"FLOW101", "FLOW102", "FLOW201", "FLOW404"} & set(codes(found))


@NETWORK
@pytest.mark.parametrize("every", [1, 7, None])
def test_a_run_that_was_observed_is_not_called_unobserved(network, every, tmp_path):
    found = judged(tmp_path, network(), TASK, every=every, steps=40)
    assert "RUN101" not in codes(found)


# -- incomplete --------------------------------------------------------------------------------


@NETWORK
def test_a_run_that_is_still_going_is_told_and_judged(network, tmp_path):
    model, path = network(), tmp_path / "a.clino"
    with clinometer.watch(model, to=path, every=1):
        trains(model, steps=60)
        during = clinometer.diagnose(clinometer.read(path))
    after = clinometer.diagnose(clinometer.read(path))
    assert "is still going" in said(during, "RUN102").explanation
    assert said(during, "RUN102").severity == "note"
    assert len(during.recording.observed) > 0
    assert "RUN102" not in codes(after)


def test_a_run_that_was_killed_is_told_with_the_steps_that_are_left():
    found = clinometer.diagnose(recording(ended="killed", losses=falling(), steps=200))
    assert said(found, "RUN102").explanation == (
        "The recording is not whole: the run was killed. The first 200 steps are judged."
    )
    assert found.verdict in {"learning", "learned"}


def test_what_could_not_be_read_is_told():
    found = clinometer.diagnose(recording(notes=("step 7 fails its checksum", "b", "c")))
    finding = said(found, "RUN102")
    assert "step 7 fails its checksum" in finding.explanation
    assert finding.evidence[0].value == 3
    assert finding.severity == "note"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_run_that_ends_by_an_exception_is_whole(error, tmp_path):
    model, path = chain(2, 16, nn.Tanh, classes=4), tmp_path / "a.clino"

    def broken():
        with clinometer.watch(model, to=path, every=5):
            trains(model)
            raise error("enough")

    with pytest.raises(error):
        broken()
    found = clinometer.diagnose(clinometer.read(path))
    assert found.recording.ended in {"exception", "interrupted"}
    assert found.recording.steps == 40
    assert "RUN102" not in codes(found)


# -- over budget -------------------------------------------------------------------------------


def paid(**overhead):
    """A run whose books say so."""
    return clinometer.diagnose(recording(meta={**META, "overhead": overhead}))


def test_a_budget_that_was_certainly_exceeded_is_told():
    found = paid(budget=0.01, measured=0.05, interval=[0.04, 0.06], seconds=50.0, observations=100)
    assert said(found, "RUN103").severity == "note"
    assert "took 5.0% of the run's time; the budget was 1.0%" in said(found, "RUN103").explanation


@pytest.mark.parametrize(
    "overhead",
    [
        {"measured": 0.009, "interval": [0.008, 0.010], "seconds": 10.0},  # within
        {"measured": 0.03, "interval": [0.005, 0.06], "seconds": 10.0},  # not certain
        {"measured": 0.2, "interval": [0.15, 0.25], "seconds": 0.1},  # a short run: 0.1 s
    ],
)
def test_a_budget_that_was_kept_or_may_have_been_is_no_finding(overhead):
    found = paid(budget=0.01, observations=100, **overhead)
    assert "RUN103" not in codes(found)
    assert "RUN103" not in dict(found.not_judged)


@pytest.mark.parametrize("missing", ["budget", "measured", "interval", "seconds"])
def test_books_that_are_not_complete_are_not_judged(missing):
    overhead = {"budget": 0.01, "measured": 0.5, "interval": [0.4, 0.6], "seconds": 50.0}
    overhead[missing] = None
    assert "RUN103" in dict(paid(**overhead).not_judged)
    assert "RUN103" in dict(paid().not_judged)


def test_what_is_said_of_the_recording_comes_after_what_is_said_of_the_network():
    cost = {"budget": 0.01, "measured": 0.5, "interval": [0.4, 0.6], "seconds": 50.0}
    found = clinometer.diagnose(
        recording(8, gain=0.2, ended="killed", meta={**META, "overhead": cost})
    )
    assert codes(found)[-2:] == ["RUN102", "RUN103"]
    assert found.findings[0].code.startswith("FLOW")
    assert "killed" not in found.because


# -- a rule that fails -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sick(tmp_path_factory):
    """A recording of deep sigmoids, at which many rules have something to look at."""
    torch.manual_seed(0)
    model = chain(10, 16, nn.Sigmoid, classes=4)
    return judged(tmp_path_factory.mktemp("sick"), model, TASK, every=5).recording


def spoiled(monkeypatch, spoil):
    """Replace what each rule does when it looks."""
    look = Rule.look
    monkeypatch.setattr(Rule, "look", lambda rule, quantities: spoil(look, rule, quantities))


@pytest.mark.parametrize("code", RULES)
def test_whichever_rule_raises_the_others_say_what_they_said(code, sick, monkeypatch):
    before = clinometer.diagnose(sick)

    def spoil(look, rule, quantities):
        if rule.code == code:
            raise ZeroDivisionError("a defect")
        return look(rule, quantities)

    spoiled(monkeypatch, spoil)
    found = clinometer.diagnose(sick)
    assert "ZeroDivisionError: a defect" in said(found, "RUN104").explanation
    assert code in said(found, "RUN104").explanation
    assert said(found, "RUN104").severity == "note"
    assert code in dict(found.not_judged)
    others = [c for c in codes(before) if c != code]
    assert sorted(codes(found)) == sorted([*others, "RUN104"])
    assert {c for c, _ in found.not_judged} == {c for c, _ in before.not_judged} | {code}


def test_a_rule_that_raises_halfway_says_nothing_of_what_it_had_seen(sick, monkeypatch):
    def spoil(look, rule, quantities):
        signs = look(rule, quantities)
        if rule.code == "FLOW201":
            assert signs
            raise KeyError("halfway")
        return signs

    spoiled(monkeypatch, spoil)
    found = clinometer.diagnose(sick)
    assert "FLOW201" not in codes(found)
    assert "FLOW502" in codes(found, "error")
    assert found.verdict == "stuck"


def test_rules_that_all_raise_leave_the_course_and_the_ledger(sick, monkeypatch):
    def spoil(look, rule, quantities):
        raise RuntimeError(rule.code)

    spoiled(monkeypatch, spoil)
    found = clinometer.diagnose(sick)
    assert codes(found) == ["RUN104"] * len(RULES)
    assert found.verdict == "stuck"
    assert found.lines
    assert found.course.no_information is not None


def test_a_rule_that_cannot_judge_is_no_failure(sick, monkeypatch):
    def spoil(look, rule, quantities):
        raise NotJudged("not today")

    spoiled(monkeypatch, spoil)
    found = clinometer.diagnose(sick)
    assert codes(found) == []
    assert dict(found.not_judged) == dict.fromkeys(RULES, "not today")


READ = {name for rule in all_rules() for name in rule.reads}


@pytest.mark.parametrize("name", sorted(READ - {"recording", "ledger", "state"}))
def test_a_quantity_that_raises_is_told_once_and_rules_that_do_not_read_it_still_speak(
    name, sick, monkeypatch
):
    def broken(self):
        raise ZeroDivisionError("a defect of a quantity")

    before = clinometer.diagnose(sick)
    monkeypatch.setattr(Quantities, name, property(broken))
    found = clinometer.diagnose(sick)
    told = [f for f in found.findings if f.code == "RUN104"]
    assert len(told) == 1
    readers = {rule.code for rule in all_rules() if name in rule.reads}
    if name != "symptom":  # the severity of whatever names none itself
        assert set(codes(before)) - readers <= set(codes(found))


def test_a_rule_that_raises_in_a_healthy_run_raises_no_alarm(tmp_path, monkeypatch):
    def spoil(look, rule, quantities):
        if rule.code.startswith("FLOW2"):
            raise ValueError("a defect")
        return look(rule, quantities)

    spoiled(monkeypatch, spoil)
    found = judged(tmp_path, Images(), TASK, every=5)
    assert codes(found, "error", "warning") == []
    assert found.verdict in {"learning", "learned"}
