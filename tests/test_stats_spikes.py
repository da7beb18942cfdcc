"""Spikes: planted ones are found where they are, and noise, trends and steps are none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinometer.stats.spikes import spikes

SEEDS = pytest.mark.parametrize("seed", range(5))


def noisy(n, seed, sigma=0.1):
    """A loss around one with log-normal noise."""
    return np.exp(sigma * np.random.default_rng(seed).standard_normal(n))


def slow(values, deviations):
    """The definition in plain Python: the ends are repeated beyond the ends, 33 neighbours."""
    kept = [(i, math.log(v)) for i, v in enumerate(values) if math.isfinite(v) and v > 0]
    if len(kept) < 3:
        return []
    logs = [log for _, log in kept]
    away = []
    for i in range(len(logs)):
        around = [logs[min(max(j, 0), len(logs) - 1)] for j in range(i - 16, i + 17)]
        away.append(logs[i] - sorted(around)[16])
    sizes = sorted(map(abs, away))
    half = len(sizes) // 2
    middle = sizes[half] if len(sizes) % 2 else (sizes[half - 1] + sizes[half]) / 2
    return [
        at for (at, _), far in zip(kept, away, strict=True) if far > deviations * 1.4826 * middle
    ]


@SEEDS
def test_planted_spikes_are_found_and_nothing_else(seed):
    losses = noisy(400, seed)
    losses[[50, 123, 300]] *= 20
    assert spikes(losses, 8.0).tolist() == [50, 123, 300]


@SEEDS
def test_noise_alone_has_no_spike(seed):
    assert spikes(noisy(1000, seed), 8.0).tolist() == []


@SEEDS
def test_a_falling_loss_has_no_spike_beside_the_planted_one(seed):
    losses = noisy(500, seed, 0.05) * np.exp(-np.arange(500) / 100)
    assert spikes(losses, 8.0).tolist() == []
    losses[400] *= 10  # to far below where the run began
    assert losses[400] < losses[0]
    assert spikes(losses, 8.0).tolist() == [400]


def test_a_step_to_a_higher_level_is_no_spike():
    losses = noisy(400, 1, 0.05)
    losses[200:] *= 5
    assert spikes(losses, 8.0).tolist() == []


def test_a_drop_is_no_spike():
    losses = noisy(200, 2)
    losses[77] /= 100
    assert spikes(losses, 8.0).tolist() == []


def test_a_spike_of_three_steps_is_found_whole():
    losses = noisy(200, 3)
    losses[90:93] *= 30
    assert spikes(losses, 8.0).tolist() == [90, 91, 92]


@pytest.mark.parametrize("at", [1, 5, 196, 198])
def test_a_spike_near_an_end_is_found(at):
    losses = noisy(200, 4)
    losses[at] *= 30
    assert spikes(losses, 8.0).tolist() == [at]


def test_where_the_scatter_is_exactly_nothing_every_deviation_counts():
    losses = np.ones(100)
    losses[40] = 1.0001
    assert spikes(losses, 8.0).tolist() == [40]
    assert spikes(np.ones(100), 8.0).tolist() == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 0.0, -3.0])
def test_what_is_not_finite_or_not_positive_is_no_spike_and_no_neighbour(bad):
    losses = noisy(200, 5)
    losses[120] *= 30
    broken = np.insert(losses, [10, 119, 150], bad)
    assert spikes(broken, 8.0).tolist() == [122]


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 9.0], [np.nan] * 9, [0.0, -1.0, 2.0, 3.0]])
def test_of_fewer_than_three_values_nothing_is_a_spike(values):
    assert spikes(values, 8.0).tolist() == []


SERIES = st.lists(
    st.one_of(st.floats(1e-6, 1e6), st.sampled_from([np.nan, np.inf, 0.0, -1.0])), max_size=80
)


@given(SERIES, st.floats(0.5, 20))
def test_the_same_is_found_by_the_definition_in_plain_python(values, deviations):
    found = spikes(values, deviations).tolist()
    # what lies on the limit to the last bit may fall on either side
    assert set(slow(values, deviations * (1 + 1e-9))) <= set(found)
    assert set(found) <= set(slow(values, deviations * (1 - 1e-9) - 1e-12))


@given(st.integers(0, 2**32), st.integers(-20, 20))
def test_the_unit_of_the_loss_means_nothing(seed, power):
    losses = noisy(120, seed)
    losses[60] *= 20
    assert spikes(losses * 2.0**power, 8.0).tolist() == spikes(losses, 8.0).tolist()


@given(st.integers(0, 2**32), st.floats(1, 20), st.floats(1, 3))
def test_a_stricter_limit_finds_no_more(seed, deviations, times):
    losses = noisy(120, seed, 0.5)
    looser, stricter = spikes(losses, deviations), spikes(losses, deviations * times)
    assert set(stricter.tolist()) <= set(looser.tolist())


@given(st.integers(0, 2**32))
def test_backwards_in_time_the_same_values_are_spikes(seed):
    losses = noisy(100, seed, 0.5)
    back = spikes(losses[::-1], 3.0)
    assert sorted((99 - back).tolist()) == spikes(losses, 3.0).tolist()
