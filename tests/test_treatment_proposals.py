"""What a diagnosis asks for: when a run is treated, what its trials are judged by, what remedies are told."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional

import clinometer
from clinometer.diagnosis.json_rows import finding_row
from clinometer.records.evaluation import mean_loss
from clinometer.treatment.proposals import facts, moment_of, proposals, watched_of
from clinometer.treatment.remedy import all_remedies
from networks import batches, blobs, chain, initialise

STEPS, SPIKE, PAUSE = 240, 120, 10


@pytest.fixture(scope="module")
def spiked(tmp_path_factory):
    """One batch whose inputs are wrong by a factor and whose labels are another's: learning is undone."""
    torch.manual_seed(0)
    model = initialise(chain(2, 32, nn.ReLU, inputs=16), nn.init.kaiming_normal_)
    optimizer, stream = torch.optim.SGD(model.parameters(), lr=0.1), batches(blobs(400, 16, 10), 64)
    path = tmp_path_factory.mktemp("spiked") / "run.clino"
    with clinometer.watch(model, to=path, every=5):
        for step in range(STEPS):
            optimizer.zero_grad()
            x, labels = next(stream)
            outputs = model(x * 16 if step == SPIKE else x)
            functional.cross_entropy(
                outputs, labels.roll(1) if step == SPIKE else labels
            ).backward()
            optimizer.step()
    return clinometer.diagnose(clinometer.read(path))


@pytest.fixture(scope="module")
def by_heart(tmp_path_factory):
    """Noise learned by heart: the validation loss rises from its least to several times that."""
    torch.manual_seed(0)
    x, labels, held, told = (*_noisy(60), *_noisy(300))
    model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    path = tmp_path_factory.mktemp("by_heart") / "run.clino"
    with clinometer.watch(model, to=path, every=5):
        for step in range(STEPS):
            optimizer.zero_grad()
            functional.cross_entropy(model(x), labels).backward()
            optimizer.step()
            if step % PAUSE == PAUSE - 1:
                with torch.no_grad():
                    functional.cross_entropy(model(held), told)
    return clinometer.diagnose(clinometer.read(path))


def _noisy(rows):
    x = torch.randn(rows, 8)
    clean = x[:, 0] > 0
    return x, torch.where(torch.rand(rows) < 0.25, ~clean, clean).long()


def leading(diagnosis):
    return proposals(diagnosis, all_remedies()).finding


def test_a_spike_is_treated_just_before_it_comes_and_by_what_it_costs(spiked):
    finding = leading(spiked)
    assert finding["code"] == "FLOW503"
    assert finding["steps"] == [SPIKE, SPIKE]
    assert SPIKE - 10 <= moment_of(spiked, finding) < SPIKE
    assert watched_of(spiked, ["clip-gradient"])["clip-gradient"] == "course"


def test_what_holds_over_the_run_is_treated_half_way(spiked):
    over_the_run = leading(spiked) | {"steps": [0, STEPS - 1]}
    assert moment_of(spiked, over_the_run) == STEPS // 2
    assert moment_of(spiked) == STEPS // 2


def test_a_run_that_was_not_finite_is_treated_from_the_start(spiked):
    ruined = replace(spiked, course=replace(spiked.course, bad_step=SPIKE))
    assert moment_of(ruined, leading(spiked)) == 0


def test_confidence_is_treated_at_the_best_pass_and_judged_by_evaluated_rows(by_heart):
    finding = leading(by_heart)
    assert finding["code"] in {"CONF301", "CONF201"}
    passes = by_heart.recording.evaluations
    known = [one for one in passes if one.fit.refinement is not None]
    best = min(known, key=lambda one: one.fit.refinement).step
    assert best < STEPS // 2
    assert moment_of(by_heart, finding) == best
    assert mean_loss(passes[-1].vector) > 1.2 * min(mean_loss(one.vector) for one in passes)
    found = watched_of(by_heart, ["stop-earlier", "fit-temperature"])
    assert found == dict.fromkeys(
        ("sham", "random", "stop-earlier", "fit-temperature"), "validation"
    )


def test_without_a_pass_confidence_is_treated_half_way(by_heart):
    blind = replace(by_heart, recording=replace(by_heart.recording, evaluations=()))
    assert moment_of(blind, leading(by_heart)) == STEPS // 2


def test_remedies_are_told_the_scale_that_the_latest_pass_has_earned(by_heart):
    told, last = facts(by_heart), by_heart.recording.evaluations[-1]
    assert told["temperature"] == pytest.approx(last.fit.temperature)
    assert told["label_smoothing"] == pytest.approx(2 * (1 - last.fit.accuracy), abs=1e-6)
    assert told["best_pass"] == moment_of(by_heart, leading(by_heart))


def test_the_scale_is_that_of_the_pass_nearest_to_the_end_of_the_trial(by_heart):
    early = by_heart.recording.evaluations[3]
    told = facts(by_heart, early.step + PAUSE // 3)
    assert told["temperature"] == pytest.approx(early.fit.temperature)
    assert told["temperature"] < facts(by_heart)["temperature"]


def test_a_run_without_passes_earns_nothing_and_has_nothing_to_stop_at(spiked):
    told = facts(spiked)
    assert told["best_pass"] is None
    assert "temperature" not in told
    assert math.isfinite(told["no_information"])


def test_a_finding_is_one_event_in_its_json_too(spiked):
    found = next(one for one in spiked.findings if one.code == "FLOW503")
    assert finding_row(found)["steps"] == [SPIKE, SPIKE]
