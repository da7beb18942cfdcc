"""How grave a sign is: told from what the run does, never from the number alone."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from clinometer.diagnosis.course import Course
from clinometer.diagnosis.severity import fault, idle, suspect, symptom, worse
from clinometer.diagnosis.state import state
from networks import blobs, chain, codes, judged

SEEDS = pytest.mark.parametrize("seed", range(3))
NAN = math.nan


def course(last, *, first=2.3, level=2.3, error=0.01, falling=False, bad_step=None) -> Course:
    """A run of 400 steps that began at `first` and ends at `last`."""
    return Course(
        first=first, last=last, error=error, scatter=error, no_information=level, named="ln 10",
        falling=falling, right=None, bad_step=bad_step, steps=400,
    )  # fmt: skip


STUCK = course(2.3)
LEARNING = course(1.0, falling=True)
SLOW = course(2.0, falling=True)  # 13 % of what there is to learn
LEARNED = course(0.05)
HALF_WAY = course(1.0)  # levelled off, more than half learned
IDLE = course(2.1)  # levelled off, less than half learned
DIVERGED = course(80.0)
BROKE_WHILE_LEARNING = course(1.0, falling=True, bad_step=300)
BROKE_WHILE_STUCK = course(2.3, bad_step=300)


@pytest.mark.parametrize(
    ("seen", "word"),
    [
        (STUCK, "stuck"), (LEARNING, "learning"), (SLOW, "learning"), (LEARNED, "learned"),
        (HALF_WAY, "undecided"), (IDLE, "undecided"), (DIVERGED, "diverged"),
        (BROKE_WHILE_LEARNING, "diverged"), (BROKE_WHILE_STUCK, "diverged"),
    ],
)  # fmt: skip
def test_these_courses_are_what_they_are_called(seen, word):
    assert state(seen) == word


@pytest.mark.parametrize(
    ("seen", "as_symptom", "as_suspect", "as_fault"),
    [
        (STUCK, "error", "error", "error"),
        (DIVERGED, "error", "error", "error"),
        (BROKE_WHILE_STUCK, "error", "error", "error"),
        (BROKE_WHILE_LEARNING, "note", "note", "error"),  # it did no harm until then
        (IDLE, "warning", "warning", "error"),
        (HALF_WAY, "note", "note", "error"),
        (SLOW, "note", "warning", "warning"),
        (LEARNING, "note", "note", "warning"),
        (LEARNED, "note", "note", "warning"),
    ],
)
def test_severity_follows_from_what_the_run_does(seen, as_symptom, as_suspect, as_fault):
    word = state(seen)
    assert symptom(word, seen) == as_symptom
    assert suspect(word, seen) == as_suspect
    assert fault(word) == as_fault


@pytest.mark.parametrize(
    "seen",
    [STUCK, DIVERGED, BROKE_WHILE_LEARNING, BROKE_WHILE_STUCK, IDLE, HALF_WAY, SLOW, LEARNING, LEARNED],
)  # fmt: skip
def test_a_symptom_is_never_graver_than_a_suspicion_nor_that_than_a_fault(seen):
    word = state(seen)
    grades = [symptom(word, seen), suspect(word, seen), fault(word)]
    assert worse(grades[0], grades[1]) == grades[1]
    assert worse(grades[1], grades[2]) == grades[2]


def test_the_worse_of_two_severities_does_not_depend_on_their_order():
    assert [worse(*pair) for pair in (("note", "error"), ("error", "note"))] == ["error", "error"]
    assert worse("note", "warning") == worse("warning", "note") == "warning"


# -- idle --------------------------------------------------------------------------------------


def test_less_than_half_of_what_there_is_to_learn_is_idle_where_the_level_is_known():
    assert idle(course(1.16))  # 49.6 %
    assert not idle(course(1.14))  # 50.4 %


def test_a_run_that_is_worse_than_a_constant_guess_is_idle():
    assert idle(course(3.0))


def test_without_a_level_a_run_is_idle_where_its_loss_is_where_it_began():
    assert idle(course(2.29, level=None))  # within three standard errors
    assert idle(course(2.29, level=None, error=1e-6))  # within 1 %
    assert not idle(course(2.2, level=None))


@pytest.mark.parametrize("seen", [course(None), course(2.3, first=None), course(2.3, error=NAN)])
def test_a_run_too_short_to_tell_is_not_called_idle(seen):
    assert not idle(seen)
    assert symptom("undecided", seen) == "note"


# -- the same network, the same number, another severity ---------------------------------------

TASK = blobs(400, 16, 10)
NOISE = (
    torch.randn(400, 16, generator=torch.Generator().manual_seed(5)),
    torch.randint(0, 10, (400,), generator=torch.Generator().manual_seed(6)),
)


@SEEDS
@pytest.mark.parametrize(
    ("data", "rate", "severity"), [(NOISE, 0.01, "error"), (TASK, 0.1, "note")]
)
def test_the_same_flat_units_are_an_error_where_nothing_is_learned_and_a_note_elsewhere(
    data, rate, severity, seed, tmp_path
):
    torch.manual_seed(seed)
    model = chain(3, 16, nn.Tanh)
    with torch.no_grad():
        for layer in model[:-1:2]:
            layer.weight.mul_(100.0)
    found = judged(tmp_path, model, data, lr=rate)
    flat = next(finding for finding in found.findings if finding.code == "FLOW101")
    assert flat.severity == severity


@pytest.mark.parametrize(
    ("rate", "verdict", "severity"), [(0.1, {"learning", "learned"}, "warning"), (1e-6, {"stuck"}, "error")]
)  # fmt: skip
def test_a_fault_of_the_wiring_is_a_warning_even_in_a_run_that_learns(
    rate, verdict, severity, tmp_path
):
    torch.manual_seed(0)
    model = chain(2, 32, nn.ReLU, inputs=16)

    def forgetful(_, lr):  # the first layer is left out
        return torch.optim.SGD(list(model.parameters())[2:], lr=lr)

    found = judged(tmp_path, model, TASK, optimizer=forgetful, lr=rate, steps=300)
    forgotten = next(finding for finding in found.findings if finding.code == "FLOW401")
    assert found.recording.steps == 300
    assert forgotten.severity == severity
    assert found.verdict in verdict | {"not-training"}


def test_a_network_that_learned_before_its_numbers_broke_has_no_error_but_the_break(tmp_path):
    torch.manual_seed(0)
    model = chain(3, 64, nn.Sigmoid, inputs=16)  # fades by some decades, and learns
    nn.init.xavier_normal_(model[0].weight, gain=2.0)
    calls = iter(range(10**6))

    def loss(out, labels):
        broken = math.nan if next(calls) >= 480 else 1.0
        return nn.functional.cross_entropy(out, labels) * broken

    found = judged(tmp_path, model, TASK, optimizer=torch.optim.Adam, lr=1e-2, steps=500, loss=loss)
    assert found.verdict == "diverged"
    assert set(codes(found, "error", "warning")) == {"FLOW501"}
