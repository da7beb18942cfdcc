"""One corrupt row: how far it moves a temperature, and that it is named."""

from __future__ import annotations

import numpy as np
import pytest

from clinometer.stats.gaps import Gaps, logit_gaps
from clinometer.stats.leverage import leverage
from clinometer.stats.temperature import fit_temperature


def calibrated(seed=0, n=999, classes=5, spread=2.3, beta=1.06):
    """Logits (n, K) whose best inverse temperature is beta exactly, and their labels."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, classes)) * spread
    y = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
    return z * (fit_temperature(logit_gaps(z, y)).beta / beta), y


def with_wrong_row(z, y, gap):
    bad = np.zeros((1, z.shape[1]))
    bad[0, 1] = gap
    return Gaps(np.vstack([z, bad]), np.append(y, 0))


@pytest.mark.parametrize(("gap", "beta"), [(10, 1.04), (100, 0.91), (1000, 0.33), (1e5, 0.0)])
def test_one_wrong_row_in_a_thousand_moves_beta_as_the_reference_says(gap, beta):
    rows = with_wrong_row(*calibrated(), gap)
    fit = fit_temperature(rows)
    found = leverage(rows, fit)
    assert fit.beta == pytest.approx(beta, abs=0.01)
    assert found.row == 999
    assert found.beta_without == pytest.approx(1.06, rel=1e-9)
    assert found.dominates == (gap > 10)  # at 10 the others' interval still holds both


def test_the_fit_without_the_row_is_a_fit_of_the_others():
    z, y = calibrated(1, n=60)
    rows = Gaps(z, y)
    fit = fit_temperature(rows)
    found = leverage(rows, fit)
    slow = max(range(60), key=lambda i: abs(fit.slopes[i]))
    others = np.arange(60) != slow
    rest = fit_temperature(Gaps(z[others], y[others]))
    low, high = rest.beta_interval()
    assert (found.row, found.beta_without) == (slow, rest.beta)
    assert found.half_width == pytest.approx((high - low) / 2, rel=1e-12)
    assert found.share == pytest.approx(abs(fit.slopes[slow]) / np.abs(fit.slopes).sum())


def test_no_row_of_a_hundred_clean_data_sets_dominates():
    named = 0
    for seed in range(100):
        z, y = calibrated(seed, n=200)
        named += leverage(Gaps(z, y), fit_temperature(Gaps(z, y))).dominates
    assert named == 0


def test_the_only_wrong_row_carries_the_temperature():
    z = np.tile([2.0, 0.0], (20, 1))
    y = np.zeros(20, dtype=np.int64)
    y[3] = 1
    found = leverage(Gaps(z, y), fit_temperature(Gaps(z, y)))
    assert (found.row, found.beta_without, found.dominates) == (3, np.inf, True)


def test_a_heavy_weight_pulls_as_much_as_many_rows_and_none_as_nothing():
    z, y = calibrated(2, n=300)
    rows = with_wrong_row(z, y, 1e5)
    weights = np.ones(301)
    weights[300] = 0.0
    found = leverage(rows, fit_temperature(rows, weights), weights)
    assert found.row != 300
    assert not found.dominates
    weights[300] = 1e-9  # so little that it moves nothing, however wrong
    assert not leverage(rows, fit_temperature(rows, weights), weights).dominates
    weights[:] = 1.0
    weights[7] = 1e4
    assert leverage(Gaps(z, y), fit_temperature(Gaps(z, y), weights[:300]), weights[:300]).row == 7


def test_rows_that_do_not_pull_have_no_leverage():
    right = np.array([[0.0, -2.0], [0.0, -1.0]])
    assert leverage(right, fit_temperature(right)) is None
    assert leverage(np.zeros((3, 2)), fit_temperature(np.zeros((3, 2)))) is None
    assert leverage(right[:1], fit_temperature(right[:1])) is None
