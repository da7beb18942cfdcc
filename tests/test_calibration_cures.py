"""The settings that give the earned scale: exact numbers, and a training that ends there."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from clinometer.calibration.chapter import models
from clinometer.calibration.compare import compare
from clinometer.calibration.cures import l2_penalty, label_smoothing
from clinometer.calibration.judgement import judge
from clinometer.reports.confidence_text import confidence_text
from clinometer.stats.firth import firth_beta
from clinometer.stats.gaps import Gaps

A, B = models()["A"], models()["B"]


def penalty(model, beta):
    return l2_penalty(Gaps(model.logits, model.labels), beta, model.linear.weight)


@pytest.mark.parametrize("model", [A, B], ids="AB")
def test_the_earned_scale_has_one_penalty_whichever_model_it_is_read_from(model):
    beta = firth_beta(Gaps(model.logits, model.labels))
    assert penalty(model, beta) == pytest.approx(0.10356, abs=5e-6)


def test_the_penalties_at_which_the_chapters_models_would_be_optimal():
    assert penalty(A, 1.0) == pytest.approx(0.05960, abs=5e-6)
    assert penalty(B, 1.0) == pytest.approx(1.03e-10, rel=2e-3)


def test_the_penalised_loss_is_least_at_that_scale():
    """0.0596 s^2 on both weights, found by searching s."""

    def cost(s):
        return math.log1p(math.exp(-2.0 * s)) + penalty(A, 1.0) * 2.0 * s * s

    assert minimize_scalar(cost, bounds=(0.1, 5.0), method="bounded").x == pytest.approx(
        1.0, abs=1e-4
    )


def test_smoothing_of_one_third_earns_five_sixths():
    assert label_smoothing(1 / 6, 2) == pytest.approx(1 / 3)
    assert label_smoothing(0.11920292202211756, 2) == pytest.approx(0.2384, abs=1e-4)


@pytest.mark.parametrize("classes", [2, 5, 100])
def test_smoothed_targets_are_met_exactly_at_that_error(classes):
    eps = label_smoothing(0.07, classes)
    target = np.full(classes, eps / classes)
    target[0] += 1.0 - eps
    assert target[0] == pytest.approx(1.0 - 0.07)


def test_both_answers_carry_them():
    both = compare(A, B).to_dict()["earned"]
    assert both["label_smoothing"] == pytest.approx({"a": 1 / 3, "b": 1 / 3})
    assert both["l2"] == pytest.approx({"a": 0.10356, "b": 0.10356}, abs=5e-6)
    one = judge(B).to_dict()["earned"]
    assert one["temperature"] == pytest.approx(12.426698691, rel=1e-9)
    assert one["label_smoothing"] == pytest.approx(1 / 3)
    text = confidence_text(judge(B))
    assert "label smoothing 0.333, L2 0.104" in text
