"""Simulated truth: what is called a 95 % interval covers, and a 5 % test rejects, about as often as it says.

The bounds are those that the intervals must hold at 200 rows (0.92), with room for chance above: 1,000
repeats of a true 0.95 lie within 0.93 to 0.97, three standard errors. The size of the test must lie within
0.04 to 0.06, as in the reference simulations. At more length: benchmarks/interval_coverage.py.
"""

from __future__ import annotations

import numpy as np
import pytest

from clinometer.stats.gaps import Gaps
from clinometer.stats.paired import paired_interval
from clinometer.stats.temperature import fit_temperature

ROWS, REPEATS = 200, 1000


def drawn(rng, n, classes=3):
    z = 2 * rng.normal(size=(n, classes))
    return z, (z + rng.gumbel(size=z.shape)).argmax(axis=1)


def models(rng, n):
    """One model too steep, one blurred, on the same rows."""
    z, y = drawn(rng, n)
    return fit_temperature(Gaps(2.5 * z, y)), fit_temperature(Gaps(z + rng.normal(size=z.shape), y))


def differences(a, b):
    return a.rows - b.rows, (a.given - a.rows) - (b.given - b.rows)


def test_separation_and_scale_intervals_cover_the_truth():
    rng = np.random.default_rng(0)
    truth = [rows.mean() for rows in differences(*models(rng, 400_000))]
    inside = np.zeros(2)
    for _ in range(REPEATS):
        found = [paired_interval(rows) for rows in differences(*models(rng, ROWS))]
        inside += [low <= true <= high for (low, high), true in zip(found, truth, strict=True)]
    separation, scale = inside / REPEATS
    assert 0.92 <= separation <= 0.97
    assert 0.91 <= scale <= 0.97  # approximate below 200 rows: 0.856 at 30 in the reference


@pytest.mark.parametrize("weighted", [False, True])
def test_the_interval_of_the_temperature_covers_one_for_a_calibrated_model(weighted):
    rng, inside = np.random.default_rng(1), 0
    for _ in range(REPEATS):
        z, y = drawn(rng, ROWS)
        weights = 1.0 + 3.0 * (z[:, 0] > 0) if weighted else None  # heavy rows are one kind of rows
        low, high = fit_temperature(Gaps(z, y), weights).interval()
        inside += low <= 1.0 <= (np.inf if high is None else high)
    assert 0.92 <= inside / REPEATS <= 0.98


@pytest.mark.parametrize("n", [30, 300])
def test_the_ratio_test_rejects_a_calibrated_model_in_five_cases_of_a_hundred(n):
    rng, repeats = np.random.default_rng([2, n]), 3000
    rejected = 0
    for _ in range(repeats):
        p = fit_temperature(Gaps(*drawn(rng, n))).scale_test()
        rejected += p is not None and p < 0.05
    assert 0.04 <= rejected / repeats <= 0.06


def test_the_optimism_is_what_a_fit_gains_on_its_own_rows():
    rng = np.random.default_rng(3)
    fits = [fit_temperature(Gaps(*drawn(rng, ROWS))) for _ in range(2 * REPEATS)]
    gain = np.array([fit.scale for fit in fits])
    error = 3 * gain.std() / np.sqrt(len(gain))
    assert gain.mean() == pytest.approx(1 / (2 * ROWS), abs=error + 2e-4)  # S is 0 in truth
    left = np.mean([fit.scale - fit.optimism for fit in fits])
    assert abs(left) < 2e-4 + error
