"""Stopping by refinement: patience in epochs, and in paired standard errors where rows are given."""

from __future__ import annotations

from types import SimpleNamespace as Epoch

import numpy as np
import pytest

from clinometer.adapters.stopping import RefinementStopping
from clinometer.errors import ShapeError
from clinometer.stats.gaps import logit_gaps, row_terms
from clinometer.stats.temperature import fit_temperature


def run_of(stopping, refinements, scales, rows=None):
    for k, (r, s) in enumerate(zip(refinements, scales, strict=True)):
        if stopping.step(Epoch(loss=r + s, refinement=r, scale=s), rows and rows[k]):
            return k
    return None


def test_patience_is_counted_in_epochs_without_rows():
    stopping = RefinementStopping(patience=3)
    assert run_of(stopping, [0.9, 0.5, 0.6, 0.6, 0.6, 0.4], [0.1] * 6) == 4
    assert stopping.best_epoch == 1
    assert "patience is counted in epochs" in stopping.sentence


def test_a_lower_refinement_renews_the_patience_though_the_loss_rises():
    stopping = RefinementStopping(patience=2)
    refinements, scales = np.linspace(0.9, 0.5, 30), np.linspace(0.1, 2.0, 30)
    assert run_of(stopping, refinements, scales) is None
    assert stopping.best_epoch == 29
    assert stopping.phase == "overconfident, not overfitted"


def test_with_rows_a_rise_beyond_chance_stops_at_once_and_chance_does_not():
    rng = np.random.default_rng(0)
    base = rng.exponential(0.5, 1000)
    chance, lost = base + rng.normal(0, 0.1, 1000), base + 0.05 + rng.normal(0, 0.1, 1000)
    chance += base.mean() + 0.001 - chance.mean()
    rows = [base + 0.3, base, chance, lost]
    stopping = RefinementStopping(patience=50)
    refinements = [float(r.mean()) for r in rows]
    assert run_of(stopping, refinements, [0.1] * 4, rows) == 3
    assert stopping.phase == "lost separation"
    assert "in epochs" not in stopping.sentence


def test_an_epoch_that_is_not_judged_decides_nothing_and_is_told():
    stopping = RefinementStopping(patience=1)
    assert not stopping.step(Epoch(loss=float("nan"), refinement=None, scale=None))
    assert not stopping.step(Epoch(loss=1.0, refinement=0.9, scale=0.1))
    assert (stopping.best_epoch, stopping.unjudged) == (1, [0])
    assert "Not judged: 1 of 2 epochs" in stopping.sentence


def test_rows_of_another_validation_set_are_refused():
    stopping = RefinementStopping()
    stopping.step(Epoch(loss=1.0, refinement=0.9, scale=0.1), np.ones(5))
    with pytest.raises(ShapeError, match="same order"):
        stopping.step(Epoch(loss=1.0, refinement=0.9, scale=0.1), np.ones(4))
    with pytest.raises(ShapeError, match="patience 0"):
        RefinementStopping(patience=0)


def epoch_of(z, y):
    gaps = logit_gaps(z, y)
    fit = fit_temperature(gaps)
    loss = float(row_terms(gaps, 1.0).loss.mean())
    return Epoch(loss=loss, refinement=fit.loss, scale=loss - fit.loss), fit.rows


def test_a_run_that_only_grows_is_not_called_overfitted_and_one_that_turns_is():
    rng = np.random.default_rng(1)
    z = rng.normal(size=(800, 4)) * 2
    y = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
    grows, turns = RefinementStopping(patience=8), RefinementStopping(patience=8)
    noise = rng.normal(size=z.shape) * 2
    for k in range(6):
        grows.step(*epoch_of(z * (0.5 + 0.5 * k), y))
        mixed = z * (0.5 + 0.5 * k) + noise * max(k - 2, 0)
        if turns.step(*epoch_of(mixed, y)):
            break
    assert grows.phase == "overconfident, not overfitted"
    assert turns.phase == "lost separation"
