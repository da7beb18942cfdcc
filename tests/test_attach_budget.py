"""The budget in simulated runs: what it may cost, when it looks, and whether it tells its cost truly."""

from __future__ import annotations

import itertools
import math
import random

import pytest
import torch
from torch import nn

import clinometer
from clinometer.attach.budget import (
    ALLOWANCE_S,
    BURST,
    BYTES_A_STEP,
    FREE_BYTES,
    HIDDEN,
    LOAN_S,
    Budget,
)
from clinometer.attach.facts import facts_of_run
from clinometer.attach.recorder import Recorder
from clinometer.store.writer import Writer


class Run:
    """A training whose clock is simulated; `true_s` is what observing really cost."""

    def __init__(self, budget, step_s, price_s, hidden=HIDDEN, noise=0.0, seed=0, idle_s=1e-6):
        self.budget, self.step_s, self.price_s, self.hidden = budget, step_s, price_s, hidden
        self.noise, self.idle_s, self.draw = noise, idle_s, random.Random(seed)
        self.observed, self.true_s, self.bare_s, self.step = [], 0.0, 0.0, 0

    def take(self, steps):
        for _ in range(steps):
            watched = self.budget.wants(self.step)
            bare = self.step_s * math.exp(self.noise * self.draw.gauss(0, 1))
            own = self.price_s if watched else self.idle_s
            cost = own * self.hidden if watched else own
            self.budget.account(self.step, bare + cost, own, watched)
            self.true_s, self.bare_s = self.true_s + cost, self.bare_s + bare
            self.observed += [self.step] if watched else []
            self.step += 1
        return self

    @property
    def share(self):
        return self.true_s / self.bare_s


STEPS_S = [1e-3, 1e-2, 1e-1, 1.0]
PRICES = [0.05, 0.3, 1.5]  # of a step
RUNS = list(itertools.product(STEPS_S, PRICES))


@pytest.mark.parametrize(("step_s", "price"), RUNS)
@pytest.mark.parametrize("share", [0.01, 0.03])
def test_observing_costs_its_share_and_the_allowance(step_s, price, share):
    run = Run(Budget(share), step_s, price * step_s).take(5000)
    loan = max(LOAN_S - share * run.bare_s / 2, 0.0)  # half of what is earned pays it back
    assert run.true_s <= 1.05 * share * run.bare_s + ALLOWANCE_S + loan
    if run.bare_s >= 500:  # where the allowance is a small part
        assert run.share <= 1.05 * share
    assert len(run.observed) >= 5


@pytest.mark.parametrize(("step_s", "price"), RUNS)
def test_what_is_earned_is_spent(step_s, price):
    budget = Budget(0.01)
    run = Run(budget, step_s, price * step_s).take(5000)
    if price * step_s * HIDDEN < 0.01 * run.bare_s / 4:  # it can afford several
        assert run.share > 0.7 * 0.01


@pytest.mark.parametrize(("step_s", "price"), RUNS)
def test_the_first_step_is_seen_and_never_two_in_a_row(step_s, price):
    run = Run(Budget(0.01), step_s, price * step_s).take(3000)
    assert run.observed[0] == 0
    assert min(b - a for a, b in itertools.pairwise(run.observed)) >= 2


def test_a_short_run_is_seen_more_than_once():
    run = Run(Budget(0.01), 1e-3, 1e-3).take(50)
    assert len(run.observed) >= 3


def test_both_phases_of_an_alternating_training_are_seen():
    run = Run(Budget(0.3), 1e-2, 1e-3).take(400)
    assert {step % 2 for step in run.observed} == {0, 1}


def test_a_burst_is_looked_at_whatever_it_costs_and_paid_back():
    budget = Budget(0.01)
    run = Run(budget, 1e-2, 5e-3).take(4000)
    before = len(run.observed)
    budget.burst()
    run.take(BURST)
    assert run.observed[-BURST:] == list(range(4000, 4000 + BURST))
    assert len(run.observed) == before + BURST
    debt = BURST * 5e-3 * HIDDEN / (0.01 * 1e-2)
    run.take(int(0.7 * debt))
    assert (
        len(run.observed) <= before + BURST + 2
    )  # it is being paid back; what is left of the allowance
    run.take(20_000)
    assert len(run.observed) > before + BURST
    assert run.true_s <= 1.05 * 0.01 * run.bare_s + ALLOWANCE_S


@pytest.mark.parametrize("row_bytes", [2_000, 50_000, 400_000])
def test_the_disk_holds_what_it_may(row_bytes):
    budget = Budget(0.5)
    budget.row_bytes = row_bytes
    run = Run(budget, 1e-1, 1e-4).take(5000)
    written = len(run.observed) * row_bytes
    assert written <= FREE_BYTES + BYTES_A_STEP * 5000


def test_without_looks_nothing_is_observed():
    budget = Budget(0.01, looks=False)
    budget.burst()
    assert Run(budget, 1e-2, 1e-3).take(500).observed == []
    assert not any(budget.affords_norm(step) for step in range(100))


def test_a_fixed_gap_is_kept_whatever_it_costs():
    budget = Budget(0.01, every=7)
    budget.burst()
    assert Run(budget, 1e-3, 1.0).take(50).observed == list(range(0, 50, 7))


def test_the_norm_of_gradients_keeps_to_its_own_share():
    budget = Budget(0.01)
    Run(budget, 1e-2, 1e-3).take(200)
    budget.norm_s = 2e-5
    taken = sum(budget.affords_norm(step) for step in range(1000))
    assert 0 < taken * 2e-5 <= 0.1 * 0.01 * 1e-2 * 1000 * 1.01
    budget.norm_s = 1.0
    assert not any(budget.affords_norm(step) for step in range(1000))


@pytest.mark.parametrize("hidden", [1.0, 1.25, 1.6])
def test_the_interval_holds_the_true_cost(hidden):
    held = known = 0
    for seed in range(60):
        budget = Budget(0.02)
        run = Run(budget, 1e-2, 2e-3, hidden, noise=0.05, seed=seed).take(1500)
        low, high = budget.interval()
        known += not math.isnan(low)
        held += low <= run.share * (1 + 1e-6) and run.share <= high
    assert known == 60
    assert held >= 54


def test_the_measured_cost_is_what_our_clock_saw():
    budget = Budget(0.02)
    run = Run(budget, 1e-2, 2e-3).take(1500)
    assert budget.overhead() == pytest.approx(run.share, rel=1e-3)


class Tick:
    """A clock that moves on by a fixed time whenever it is read."""

    def __init__(self, step_s):
        self.now, self.step_s = 0.0, step_s

    def __call__(self):
        self.now += self.step_s
        return self.now


@pytest.mark.parametrize("looks", [True, False])
def test_a_recorder_keeps_the_budget_on_its_own_clock(looks, tmp_path):
    clock = Tick(1e-6)
    path = str(tmp_path / "a.clino")
    recorder = Recorder(Writer(path, facts_of_run("clock", [])), looks=looks, clock=clock)
    torch.manual_seed(0)
    model, inputs = nn.Linear(3, 2), torch.randn(4, 3)
    stepper = torch.optim.SGD(model.parameters(), lr=0.01)
    recorder.start(model)
    try:
        for _ in range(600):
            clock.now += 1e-3  # the run's own work
            model(inputs).square().mean().backward()
            stepper.step()
    finally:
        recorder.stop("normal")
    recording = clinometer.read(path)
    assert not [note for note in recording.notes if note.startswith("step ")]
    assert recording.steps == 600
    cost = recording.meta["overhead"]
    assert cost["observations"] == len(recording.observed)
    assert (len(recording.observed) > 1) == looks
    assert cost["seconds"] <= 1.05 * 0.01 * 0.6 + ALLOWANCE_S
    assert cost["measured"] == pytest.approx(cost["seconds"] / 0.6, rel=0.3)
