"""One fault, one leading finding: consequences stand under their cause, and causes never run in a circle."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

import clinometer
from clinometer.diagnosis.diagnose import all_rules
from clinometer.diagnosis.joining import joined
from clinometer.diagnosis.rule import SEVERITIES, Evidence, Finding, Rule
from networks import blobs, chain, codes, initialise, judged
from truth import record

TASK = blobs(400, 16, 4)
RULES = {rule.code: rule for rule in all_rules()}


def finding(code, severity="error", size=1.0, layer=""):
    return Finding(
        code=code, name=code.lower(), severity=severity, layer=layer, layers=(layer,) * bool(layer),
        cause="made", steps=(0, 9), evidence=(Evidence("x", 1.0, 0.0, "-", 1),), explanation="",
        remedies=(), size=size,
    )  # fmt: skip


def rule(code, *explains, blame=50):
    return Rule(code=code, name=code.lower(), reads=(), limits={}, blame=blame, explains=explains)


def of(*rules):
    return {one.code: one for one in rules}


def told(found):
    """[(code, severity, cause)] in order."""
    return [(one.code, one.severity, one.consequence_of) for one in found]


# -- by hand -----------------------------------------------------------------------------------


def test_a_consequence_stands_under_its_cause():
    rules = of(rule("A", "B"), rule("B", blame=1))
    found = joined([finding("B"), finding("A")], rules)
    assert told(found) == [("A", "error", None), ("B", "error", "A")]


def test_a_chain_of_causes_leads_to_the_first_of_them():
    rules = of(rule("A", "B", blame=9), rule("B", "C", blame=5), rule("C", blame=1))
    found = joined([finding("C"), finding("B"), finding("A")], rules)
    assert {one.code: one.consequence_of for one in found} == {"A": None, "B": "A", "C": "A"}
    assert found[0].code == "A"


def test_a_cause_takes_over_the_severity_of_the_worst_that_follows():
    rules = of(rule("A", "B"), rule("B"))
    found = joined([finding("A", "warning"), finding("B", "error")], rules)
    assert told(found) == [("A", "error", None), ("B", "error", "A")]


def test_of_two_findings_of_one_rule_the_note_is_not_lifted_by_what_follows_from_the_other():
    rules = of(rule("A", "B"), rule("B"))
    found = joined([finding("A", "note"), finding("B"), finding("A", "warning")], rules)
    assert told(found) == [("A", "error", None), ("B", "error", "A"), ("A", "note", None)]


def test_a_lifted_cause_goes_before_what_was_graver_than_itself():
    rules = of(rule("A", "B", blame=1), rule("B", blame=2), rule("C", blame=3))
    found = joined([finding("C", "error"), finding("A", "warning"), finding("B", "error")], rules)
    assert [one.code for one in found] == ["A", "C", "B"]


@pytest.mark.parametrize("severity", ["error", "warning"])
def test_a_note_explains_nothing_graver(severity):
    rules = of(rule("A", "B"), rule("B"))
    found = joined([finding("A", "note"), finding("B", severity)], rules)
    assert told(found) == [("B", severity, None), ("A", "note", None)]


def test_a_note_explains_a_note():
    rules = of(rule("A", "B"), rule("B", blame=1))
    found = joined([finding("A", "note"), finding("B", "note")], rules)
    assert told(found) == [("A", "note", None), ("B", "note", "A")]


def test_what_explains_nothing_is_ordered_by_severity_then_blame_then_size():
    rules = of(rule("A", blame=1), rule("B", blame=2), rule("C", blame=2), rule("D", blame=3))
    found = joined(
        [finding("D"), finding("A", "warning"), finding("B", size=1.0), finding("C", size=2.0)],
        rules,
    )
    assert [one.code for one in found] == ["C", "B", "D", "A"]


def test_an_endless_size_goes_first_and_one_that_is_no_number_breaks_nothing():
    rules = of(*(rule(code) for code in "ABC"))
    found = joined([finding("A"), finding("B", size=float("inf")), finding("C")], rules)
    assert found[0].code == "B"
    assert len(joined([finding("A", size=float("nan")), finding("B")], rules)) == 2


def test_a_finding_of_no_rule_goes_last_among_its_severity():
    found = joined([finding("Z"), finding("A")], of(rule("A", blame=98)))
    assert [one.code for one in found] == ["A", "Z"]


@pytest.mark.parametrize("length", range(2, 6))
def test_causes_that_run_in_a_circle_leave_the_first_of_them_to_lead(length):
    names = "ABCDE"[:length]
    rules = of(
        *(
            rule(name, names[(i + 1) % length], blame=i)
            for i, name in enumerate(names)
        )
    )  # fmt: skip
    for order in itertools.permutations(names):
        found = joined([finding(name) for name in order], rules)
        assert told(found)[0] == ("A", "error", None)
        assert {one.consequence_of for one in found[1:]} == {"A"}


# -- laws --------------------------------------------------------------------------------------


def check_family(before, after):
    """What holds of any findings and any rules."""
    assert sorted((f.code, f.layer) for f in before) == sorted((f.code, f.layer) for f in after)
    roots = {one.code for one in after if one.consequence_of is None}
    assert bool(roots) == bool(after)  # somebody leads
    assert {one.consequence_of for one in after} - {None} <= roots  # no chain, and so no circle
    if after:
        grave = [SEVERITIES.index(one.severity) for one in after]
        assert after[0].consequence_of is None
        assert grave == sorted(grave)
        assert grave[0] == min(SEVERITIES.index(one.severity) for one in before)
    for one in after:
        assert one.consequence_of != one.code


FINDINGS = st.lists(
    st.builds(
        finding, st.sampled_from(sorted(RULES)), st.sampled_from(SEVERITIES), st.floats(0, 9)
    ),
    max_size=9,
    unique_by=lambda one: one.code,
)


@given(FINDINGS)
def test_whatever_our_rules_say_together_somebody_leads_and_no_circle_is_told(findings):
    check_family(findings, joined(findings, RULES))


@given(st.data())
def test_whatever_anybodys_rules_explain_somebody_leads_and_no_circle_is_told(data):
    names = "ABCDEF"
    explains = st.lists(st.sampled_from(names), max_size=4, unique=True)
    rules = of(
        *(
            rule(n, *(e for e in data.draw(explains) if e != n), blame=data.draw(st.integers(0, 3)))
            for n in names
        )
    )
    some = data.draw(st.lists(st.sampled_from(names), unique=True))
    findings = [finding(name, data.draw(st.sampled_from(SEVERITIES))) for name in some]
    check_family(findings, joined(findings, rules))


@given(FINDINGS, st.randoms(use_true_random=False))
def test_the_order_in_which_rules_look_changes_nothing(findings, shuffle):
    mixed = list(findings)
    shuffle.shuffle(mixed)
    assert joined(mixed, RULES) == joined(findings, RULES)


# -- our rules ---------------------------------------------------------------------------------


def test_rules_explain_existing_codes_only_and_never_themselves():
    for one in RULES.values():
        assert set(one.explains) <= set(RULES) - {one.code}, one.code
        assert len(set(one.explains)) == len(one.explains), one.code


def test_no_two_or_three_of_our_rules_leave_nobody_to_lead():
    """Explanations depend on what else was seen, so that the rules' own graph may close; what is told
    of any two or three of them may not."""
    for size in (2, 3):
        for some in itertools.combinations(RULES, size):
            findings = [finding(code) for code in some]
            check_family(findings, joined(findings, RULES))


def test_the_recording_explains_nothing_and_the_plateau_is_nobodys_cause():
    assert not any(RULES[code].explains for code in ("RUN101", "RUN102", "RUN103", "FLOW502"))


@pytest.mark.parametrize(
    "code", sorted(c for c in RULES if c.startswith("FLOW") and c != "FLOW502")
)
def test_whatever_keeps_a_run_from_learning_explains_the_plateau(code):
    found = joined([finding("FLOW502"), finding(code)], RULES)
    assert [(one.code, one.consequence_of) for one in found] == [(code, None), ("FLOW502", code)]


# -- real runs: one fault, one leading finding ---------------------------------------------------


def leaders(found):
    """Codes of the findings that are graver than a note and follow from no other."""
    return [f.code for f in found.findings if f.severity != "note" and f.consequence_of is None]


@pytest.mark.parametrize("seed", range(3))
def test_raw_inputs_that_saturate_a_network_have_one_leading_finding(seed, tmp_path):
    torch.manual_seed(seed)
    data = TASK[0] * torch.logspace(0, 4, 16), torch.randint(0, 4, (400,))
    found = judged(tmp_path, chain(3, 16, nn.Tanh, classes=4), data, every=5, steps=150)
    assert leaders(found) == ["FLOW205"]
    assert {"FLOW101", "FLOW205"} <= set(codes(found))
    assert next(f for f in found.findings if f.code == "FLOW101").consequence_of == "FLOW205"


def test_an_optimizer_that_never_steps_has_one_leading_finding(tmp_path):
    model = chain(10, 16, nn.Sigmoid, classes=4)
    stepper = torch.optim.SGD(model.parameters(), lr=0.1)

    def train():
        for _ in range(60):
            stepper.zero_grad()
            functional.cross_entropy(model(TASK[0][:64]), TASK[1][:64]).backward()

    found = clinometer.diagnose(record(tmp_path, model, train, every=5))
    assert leaders(found) == ["FLOW406"]
    following = {f.code: f.consequence_of for f in found.findings if f.severity == "error"}
    assert following.pop("FLOW406") is None
    assert following
    assert set(following.values()) == {"FLOW406"}


def test_tiny_weights_have_one_leading_finding(tmp_path):
    model = initialise(chain(8, 16, nn.Tanh, classes=4), lambda w: nn.init.normal_(w, std=0.02))
    found = judged(tmp_path, model, TASK, every=5, steps=150)
    assert leaders(found) == ["FLOW206"]
    assert {"FLOW201", "FLOW502"} <= {
        f.code for f in found.findings if f.consequence_of == "FLOW206"
    }


def test_a_softmax_over_one_unit_has_one_leading_finding(tmp_path):
    model = nn.Sequential(nn.Linear(16, 24), nn.Tanh(), nn.Linear(24, 1), nn.Softmax(dim=1))
    data = TASK[0], (TASK[1] % 2).float()[:, None]
    found = judged(tmp_path, model, data, every=5, steps=100, loss=functional.binary_cross_entropy)
    assert leaders(found) == ["FLOW407"]


def test_deep_sigmoids_have_one_leading_finding(tmp_path):
    found = judged(tmp_path, chain(10, 16, nn.Sigmoid, classes=4), TASK, every=5, steps=150)
    assert leaders(found) == ["FLOW201"]
    assert {f.code for f in found.findings if f.consequence_of == "FLOW201"} == {"FLOW502"}


def test_two_faults_have_two_leading_findings(tmp_path):
    """A replaced head in a network whose encoder is cut off: neither explains the other."""

    class Cut(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.head = nn.Linear(16, 24), nn.Linear(24, 4)

        def forward(self, x):
            return self.head(torch.tanh(self.encoder(x)).detach())

    model = Cut()
    owned = list(model.encoder.parameters())
    model.head = nn.Linear(24, 4)
    stepper = torch.optim.SGD(owned, lr=0.1)

    def train():
        for _ in range(40):
            model.zero_grad()
            functional.cross_entropy(model(TASK[0][:64]), TASK[1][:64]).backward()
            stepper.step()

    found = clinometer.diagnose(record(tmp_path, model, train, every=1))
    assert set(leaders(found)) == {"FLOW401", "FLOW402"}
    assert found.verdict == "not-training"
