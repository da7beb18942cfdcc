"""Monotone shape: pooling by hand, laws, and what fitting and judging on the same rows hides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from clinometer.stats.shape import applied, cross_fitted_losses, fitted_losses, rising_map


def class_weighted(seed, n):
    """Log-odds of a model with balanced class weights at a base rate of 11 %, labels, true log-odds."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=n) * 1.9 - 3.15
    return 1.5 * (truth + 2.1), (rng.random(n) < expit(truth)).astype(np.int64), truth


def losses(probability, labels):
    return -np.log(np.where(labels == 1, probability, 1 - probability))


def pooled_by_hand(h, y, w):
    """Blocks merged while one lies above the next; a row of weight 1 and rate 1/2 at either end."""
    places = sorted(set(h))
    blocks = [[1.0, 0.5, 0]]
    for place in places:
        inside = [i for i in range(len(h)) if h[i] == place]
        held = sum(w[i] for i in inside)
        blocks.append([held, sum(w[i] * y[i] for i in inside) / held, 1])
    blocks.append([1.0, 0.5, 0])
    merged = []
    for block in blocks:
        merged.append(list(block))
        while len(merged) > 1 and merged[-2][1] >= merged[-1][1]:
            (a, p, j), (b, q, k) = merged[-2:]
            merged[-2:] = [[a + b, (a * p + b * q) / (a + b), j + k]]
    rates = [rate for _, rate, count in merged for _ in range(count)]
    return places, rates


@given(seed=st.integers(0, 10**6), n=st.integers(1, 30))
@settings(max_examples=40)
def test_the_map_is_the_one_pooled_by_hand(seed, n):
    rng = np.random.default_rng(seed)
    h, y, w = rng.integers(-5, 6, n) + 0.0, rng.integers(0, 2, n), rng.random(n) + 0.1
    place, probability = rising_map(h, y, w)
    places, rates = pooled_by_hand(h.tolist(), y.tolist(), w.tolist())
    assert place.tolist() == places
    assert probability == pytest.approx(rates, abs=1e-12)
    assert (np.diff(probability) >= -1e-15).all()


def test_a_pure_pool_keeps_half_a_label_of_the_other_class():
    _, probability = rising_map(np.arange(6.0), np.array([0, 0, 0, 0, 1, 1]), np.ones(6))
    assert probability == pytest.approx([0.1] * 4 + [2.5 / 3] * 2)
    assert np.isfinite(fitted_losses(np.arange(4.0), np.array([1, 1, 0, 0]))).all()


def test_between_places_the_map_is_the_mean_of_both_and_flat_beyond_them():
    risen = (np.array([0.0, 1.0]), np.array([0.2, 0.6]))
    assert applied(risen, np.array([-9.0, 0.0, 0.3, 1.0, 9.0])) == pytest.approx(
        [0.2, 0.2, 0.4, 0.6, 0.6]
    )


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20)
def test_no_rising_map_order_of_rows_or_size_of_weights_changes_the_losses(seed):
    h, y, _ = class_weighted(seed, 80)
    h = np.round(h, 1)
    rng = np.random.default_rng(seed)
    weights, codes = rng.random(80), rng.integers(0, 7, 80)
    order, names = rng.permutation(80), rng.permutation(7)
    for groups in (None, codes):
        one = cross_fitted_losses(h, y, weights, groups)
        renamed = None if groups is None else names[groups][order]
        other = cross_fitted_losses(expit(h[order] / 9), y[order], weights[order] * 8, renamed)
        assert other == pytest.approx(one[order], abs=1e-12)


def test_isotonic_flatters_its_own_rows_and_cross_fitting_does_not():
    """Mean over eight data sets of 20,000 rows, each beside its own true probabilities."""
    fresh_h, fresh_y, fresh_truth = class_weighted(1, 100_000)
    ideal = losses(expit(fresh_truth), fresh_y).mean()
    own, crossed, attained = [], [], []
    for seed in range(10, 18):
        h, y, truth = class_weighted(seed, 20_000)
        best = losses(expit(truth), y).mean()
        own.append(fitted_losses(h, y).mean() - best)
        crossed.append(cross_fitted_losses(h, y).mean() - best)
        risen = rising_map(h, y, np.ones(20_000))
        attained.append(losses(applied(risen, fresh_h), fresh_y).mean() - ideal)
    assert np.mean(own) == pytest.approx(
        -0.0021, abs=0.0003
    )  # the reference: 0.2388 against 0.2403
    assert np.mean(attained) == pytest.approx(0.0009, abs=0.0003)
    assert np.mean(crossed) == pytest.approx(np.mean(attained), abs=0.0003)
    assert np.mean(crossed) > 0


def test_whole_groups_stay_together():
    """With no more groups than folds, each group is judged by the map of all the others."""
    h, y, _ = class_weighted(3, 300)
    groups = np.random.default_rng(3).integers(0, 4, 300)
    found = cross_fitted_losses(h, y, groups=groups)
    for group in range(4):
        own = groups == group
        risen = rising_map(h[~own], y[~own], np.ones(300)[~own])
        assert found[own] == pytest.approx(losses(applied(risen, h[own]), y[own]), abs=1e-12)


def test_nothing_can_be_left_out_of_one_row_or_one_group():
    assert cross_fitted_losses(np.zeros(1), np.zeros(1, dtype=int)) is None
    assert (
        cross_fitted_losses(np.arange(4.0), np.array([0, 1, 0, 1]), groups=np.zeros(4, dtype=int))
        is None
    )
    assert cross_fitted_losses(np.arange(2.0), np.array([0, 1]), np.array([1.0, 0.0])) is None
    assert np.isfinite(cross_fitted_losses(np.arange(2.0), np.array([0, 1]))).all()


def test_rows_of_weight_zero_teach_nothing_but_are_judged():
    h, y, _ = class_weighted(4, 200)
    weights = np.ones(200)
    weights[::4] = 0.0
    kept = weights > 0
    found = cross_fitted_losses(h, y, weights)
    assert np.isfinite(found).all()
    flipped = np.where(kept, y, 1 - y)
    changed = cross_fitted_losses(h, flipped, weights)
    ranks_alike = found[kept]  # ranks, and so the folds, are those of all rows
    assert changed[kept] == pytest.approx(ranks_alike)
