"""Running sums: the exact fit's temperature without a row kept, in any split and any order."""

from __future__ import annotations

import math
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinometer.errors import ShapeError
from clinometer.stats.gaps import logit_gaps, row_terms
from clinometer.stats.hermite import hermite_minimum
from clinometer.stats.sums_layout import BINS, BLOCKS, SINGLES, Layout
from clinometer.stats.temperature import fit_temperature
from clinometer.stats.temperature_sums import TemperatureSums


def drawn(seed: int, n: int, classes: int = 10, temperature: float = 1.0, spread: float = 2.5):
    """Logits that are too large by `temperature`, and labels drawn from the true probabilities."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, classes)) * spread
    return z * temperature, (z + rng.gumbel(size=z.shape)).argmax(axis=1)


def sums_of(z, y, w=None, **options) -> TemperatureSums:
    sums = TemperatureSums(**options)
    sums.update(z, y, w)
    return sums


@pytest.mark.parametrize(
    ("nodes", "classes", "within", "nats"),
    [(5, 2, 7e-5, 1.4e-5), (5, 10, 7e-5, 1.4e-5), (9, 10, 1e-5, 3e-7)],
)
def test_the_running_fit_is_as_near_the_exact_one_as_the_reference_says(
    nodes, classes, within, nats
):
    worst_t = worst_l = 0.0
    for seed, temperature in enumerate([0.3, 0.5, 1.0, 1.5, 2.5, 3.6]):
        z, y = drawn(seed, 20_000, classes, temperature=temperature)
        exact, found = fit_temperature(logit_gaps(z, y)), sums_of(z, y, nodes=nodes).compute()
        worst_t = max(worst_t, abs(found.temperature - 1 / exact.beta))
        worst_l = max(worst_l, abs(found.refinement - exact.loss))
    print(f"{nodes} nodes, K = {classes}: T within {worst_t:.1e}, loss within {worst_l:.1e} nat")
    assert worst_t <= within
    assert worst_l <= nats


def test_around_last_epochs_temperature_the_fit_is_nearer_still():
    z, y = drawn(1, 20_000, temperature=30.0)
    exact = fit_temperature(logit_gaps(z, y))
    assert sums_of(z, y).compute().status == "above"
    found = sums_of(z, y, centre=exact.beta * 1.05).compute()
    assert found.temperature == pytest.approx(1 / exact.beta, rel=1e-5)
    assert found.refinement == pytest.approx(exact.loss, abs=1e-6)


def test_each_sum_agrees_with_fifty_digits():
    z, y = drawn(2, 7, classes=4, spread=6.0)
    w = np.array([1.0, 2.0, 0.0, 0.5, 3.0, 1.0, 1.0])
    sums = sums_of(z, y, w)
    layout, vector = Layout(5), sums.vector
    with mpmath.workdps(50):
        for j, beta in enumerate(sums.betas):
            expected = _slow_terms(z, y, w, float(beta))
            for name, value in zip(BLOCKS, expected, strict=True):
                assert vector[layout.block(name)][j] == pytest.approx(float(value), rel=1e-13)


def _slow_terms(z, y, w, beta):
    totals = [mpmath.mpf(0)] * 4
    for row, label, weight in zip(z, y, w, strict=True):
        d = [mpmath.mpf(float(v)) - mpmath.mpf(float(row[label])) for v in row]
        e = [mpmath.exp(beta * v) for v in d]
        p = [v / sum(e) for v in e]
        slope = sum(a * b for a, b in zip(p, d, strict=True))
        curvature = sum(a * (b - slope) ** 2 for a, b in zip(p, d, strict=True))
        terms = [mpmath.log(sum(e)), slope, curvature, weight * slope**2]
        totals = [t + weight * v for t, v in zip(totals, terms, strict=True)]
    return totals


def test_losses_of_right_rows_are_exact_down_to_1e_300():
    sums = sums_of(np.array([[0.0, -690.0]]), np.array([0]))
    assert sums.compute().loss == pytest.approx(float(mpmath.exp(-690)), rel=1e-12)
    assert sums.compute().error == pytest.approx(float(mpmath.exp(-690)), rel=1e-12)


def test_eight_merged_shards_equal_one_pass():
    z, y = drawn(3, 40_000, temperature=2.0)
    w = np.random.default_rng(3).uniform(0.5, 2.0, len(y))
    one = sums_of(z, y, w)
    cuts = [0, 1, 7, 5000, 5001, 9000, 20_000, 33_333, 40_000]
    shards = [sums_of(z[a:b], y[a:b], w[a:b]) for a, b in pairwise(cuts)]
    merged = sum(shards[1:], shards[0])
    worst = np.max(np.abs(merged.vector - one.vector) / np.maximum(np.abs(one.vector), 1e-300))
    print(f"eight shards against one pass: {worst:.1e} relative")
    assert len(shards) == 8
    assert worst <= 1e-12
    a, b = merged.compute(), one.compute()
    assert a.temperature == pytest.approx(b.temperature, rel=1e-12)
    assert a.scale == pytest.approx(b.scale, rel=1e-12)


@given(seed=st.integers(0, 10**6), cuts=st.lists(st.integers(0, 300), max_size=7))
@settings(max_examples=40)
def test_no_split_and_no_order_changes_the_answer(seed, cuts):
    rng = np.random.default_rng(seed)
    z, y = drawn(seed, 300, classes=3, temperature=10.0 ** rng.uniform(-2, 2))
    one = sums_of(z, y)
    order = rng.permutation(300)
    edges = sorted({0, 300, *cuts})
    shards = [sums_of(z[order[a:b]], y[order[a:b]]) for a, b in pairwise(edges)]
    rng.shuffle(shards)
    merged = sum(shards[1:], shards[0])
    # Slopes may cancel: they are held against the sum of their sizes.
    size = np.maximum(np.abs(one.vector), np.sqrt(np.maximum(_squares(one.vector), 0.0)))
    assert (np.abs(merged.vector - one.vector) <= 1e-12 * size).all()
    assert merged.compute().status == one.compute().status


def _squares(vector):
    """300 times the sum of squares where the layout keeps one (a bound of the squared sum), else 0."""
    layout, out = Layout(5), np.zeros_like(vector)
    out[layout.block("slope")] = 300 * vector[layout.block("slope_square")]
    for name in ("start", "start_cross"):
        out[layout.single(name)] = 300 * vector[layout.single("start_square")]
    return out


def test_compensated_sums_keep_what_plain_ones_lose():
    # 1e16 first: plain float64 addition of 1 changes nothing.
    sums = TemperatureSums()
    terms = np.zeros(Layout(5).size)
    terms[0] = 1e16
    sums.add(terms, 2)
    terms[0] = 1.0
    for _ in range(1000):
        sums.add(terms, 2)
    assert sums.vector[0] == 1e16 + 1000


def test_repeating_a_row_is_the_same_as_its_weight():
    z, y = drawn(4, 200, classes=3)
    k = np.random.default_rng(4).integers(0, 4, 200)
    repeated = sums_of(np.repeat(z, k, axis=0), np.repeat(y, k)).compute()
    weighted = sums_of(z, y, k.astype(float)).compute()
    for name in ("loss", "refinement", "temperature", "accuracy", "confidence", "ece"):
        assert getattr(weighted, name) == pytest.approx(getattr(repeated, name), rel=1e-12)
    assert weighted.rows == (k > 0).sum()
    assert weighted.effective == pytest.approx(k.sum() ** 2 / (k**2).sum())


def test_only_the_ratios_of_weights_matter():
    z, y = drawn(5, 300)
    w = np.random.default_rng(5).uniform(0.1, 5, 300)
    one, other = sums_of(z, y, w).compute(), sums_of(z, y, 1000 * w).compute()
    for name in ("loss", "temperature", "effective", "optimism", "loss_error"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-11)
    assert one.interval == pytest.approx(other.interval, rel=1e-11)


def test_rows_of_weight_zero_do_not_exist_even_if_they_are_nan_or_wrong():
    z = np.array([[2.0, 0.0], [0.0, 3.0], [np.nan, 0.0], [0.0, 9.0]])
    found = sums_of(z, np.array([0, 1, 0, 0]), np.array([1.0, 1.0, 0.0, 0.0])).compute()
    assert (found.status, found.rows, found.not_finite) == ("zero", 2, 0)


@pytest.mark.parametrize(
    ("z", "y", "status"),
    [
        ([[2.0, 0.0], [0.0, 2.0]], [0, 1], "zero"),
        ([[2.0, 0.0], [0.0, 0.0]], [0, 1], "zero"),  # ties allowed
        ([[0.0, 0.0]] * 3, [0, 1, 0], "infinite"),
        ([[2.0, 0.0], [0.0, 2.0]], [1, 0], "inverted"),
        ([[1.0, 0.0], [0.0, 1.0]], [0, 0], "infinite"),
    ],
)
def test_data_without_a_finite_temperature_are_named_as_by_the_exact_fit(z, y, status):
    z, y = np.array(z), np.array(y)
    exact, found = fit_temperature(logit_gaps(z, y)), sums_of(z, y).compute()
    assert found.status == exact.status == status
    assert found.temperature is None
    assert found.interval is None
    assert found.refinement == pytest.approx(min(exact.loss, found.loss), abs=1e-15)


def test_many_exchanged_labels_are_inverted():
    z, y = drawn(6, 2000, classes=3)
    assert sums_of(-z, y).compute().status == "inverted"


def test_a_temperature_outside_the_nodes_is_never_the_node():
    z, y = drawn(7, 4000)
    for factor, status in ((100.0, "above"), (0.01, "below")):
        found = sums_of(z * factor, y).compute()
        assert (found.status, found.temperature, found.refinement, found.scale) == (
            status,
            None,
            None,
            None,
        )
        assert found.range == (0.25, 4.0)


def test_rows_that_are_not_finite_are_counted_and_make_the_loss_nan():
    z, y = drawn(8, 10)
    z[3, 2], z[5, 0], z[6, 1] = np.nan, np.inf, 1e101
    found = sums_of(z, y).compute()
    assert (found.status, found.not_finite, found.rows) == ("not finite", 3, 7)
    assert math.isnan(found.loss)
    assert found.refinement is None


def test_nothing_seen_is_empty_and_not_zero():
    found = TemperatureSums().compute()
    assert found.status == "empty"
    assert math.isnan(found.loss)
    assert math.isnan(found.accuracy)


def test_one_logit_is_two_columns():
    h = np.array([2.0, -1.0, 0.5, -3.0])
    y = np.array([1, 0, 0, 1])
    one = sums_of(h, y).vector
    assert (one == sums_of(h[:, None], y).vector).all()
    assert (one == sums_of(np.column_stack([0 * h, h]), y).vector).all()


def test_interval_optimism_and_errors_are_those_of_the_rows():
    z, y = drawn(9, 5000, temperature=2.0)
    gaps = logit_gaps(z, y)
    exact, found = fit_temperature(gaps), sums_of(z, y, nodes=9).compute()
    at, one = row_terms(gaps, exact.beta), row_terms(gaps, 1.0)
    square, curvature = np.mean(at.slope**2), at.curvature.mean()
    half = 1.9604 * math.sqrt(square / 5000) / curvature
    ends = (1 / (exact.beta + half), 1 / (exact.beta - half))
    assert found.interval == pytest.approx(ends, rel=1e-3)
    assert found.optimism == pytest.approx(square / (2 * 5000 * curvature), rel=0.02)
    assert found.loss == pytest.approx(one.loss.mean(), rel=1e-13)
    assert found.loss_error == pytest.approx(one.loss.std(ddof=1) / math.sqrt(5000), rel=1e-9)


def test_claims_and_bins_are_those_of_a_slow_loop():
    z, y = drawn(10, 500, classes=4)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    top, right = p.max(axis=1), p.argmax(axis=1) == y
    ece = 0.0
    for k in range(BINS):
        inside = (top > k / BINS) & (top <= (k + 1) / BINS)
        ece += abs((top[inside] - right[inside]).sum()) / 500
    found = sums_of(z, y).compute()
    assert found.accuracy == pytest.approx(right.mean())
    assert found.confidence == pytest.approx(top.mean(), rel=1e-13)
    assert found.ece == pytest.approx(ece, rel=1e-12)


def test_rows_that_claim_longer_odds_than_the_budget_are_counted():
    z = np.array([[5.0, 0.0], [0.0, 5.1], [9.0, 0.0]])
    assert sums_of(z, np.array([0, 1, 1]), budget=5.05).compute().beyond == 2
    three = np.array([[5.1, 0.0, 0.0]])  # log-odds of the decision are 5.1 - ln 2
    assert sums_of(three, np.array([0]), budget=5.05).compute().beyond == 0


def test_class_frequencies_are_those_of_a_slow_loop():
    z, y = drawn(13, 300, classes=4)
    w = np.random.default_rng(13).uniform(0, 2, 300)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    sums = sums_of(z, y, w, by_class=4)
    claimed, counted = (sums.vector[sums.layout.by_class(n)] for n in ("claimed", "counted"))
    assert claimed == pytest.approx((w[:, None] * p).sum(axis=0), rel=1e-12)
    assert counted == pytest.approx([w[y == k].sum() for k in range(4)], rel=1e-12)
    plain = sums_of(z, y, w).vector
    assert (sums.vector[: len(plain)] == plain).all()


@pytest.mark.parametrize("classes", [2, 3, 10_000])
def test_any_number_of_classes(classes):
    z, y = drawn(11, 40, classes=classes, spread=4.0)
    loss = row_terms(logit_gaps(z, y), 1.0).loss.mean()
    assert sums_of(z.astype(np.float32), y).compute().loss == pytest.approx(loss, rel=1e-5)
    assert sums_of(z, y).compute().loss == pytest.approx(loss, rel=1e-13)


def test_logits_of_any_size_stay_finite():
    z, y = drawn(12, 50, classes=3)
    for factor in (1e-90, 1e90):
        found = sums_of(z * factor, y)
        assert np.isfinite(found.vector).all()
        assert found.compute().status in {"below", "above"}


def test_what_does_not_fit_is_refused_with_what_was_found():
    sums = sums_of(np.zeros((2, 3)), np.array([0, 1]))
    with pytest.raises(ShapeError, match="2 classes after 3"):
        sums.update(np.zeros(4), np.zeros(4, int))
    with pytest.raises(ShapeError, match="outside the classes 0 to 2"):
        sums.update(np.zeros((2, 3)), np.array([0, 3]))
    with pytest.raises(ShapeError, match="do not fit"):
        sums.update(np.zeros((2, 3)), np.array([0]))
    with pytest.raises(ShapeError, match="below 0, infinite or NaN"):
        sums.update(np.zeros((2, 3)), np.array([0, 1]), np.array([1.0, -1.0]))
    with pytest.raises(ShapeError, match="make all shards alike"):
        sums.merge(TemperatureSums(nodes=9))
    with pytest.raises(ShapeError, match="after 2"):
        TemperatureSums(by_class=2).update(np.zeros((2, 3)), np.array([0, 1]))
    with pytest.raises(ShapeError, match="4 m \\+ 1"):
        TemperatureSums(nodes=6)
    with pytest.raises(ShapeError, match="above 0"):
        TemperatureSums(centre=0.0)


@pytest.mark.parametrize("nodes", [2, 3, 4])
def test_the_curve_reproduces_a_quintic(nodes):
    f = np.polynomial.Polynomial([1.0, -2.0, 0.5, 0.25, 0.125, 0.0625])
    x = np.linspace(0.0, 1.5, nodes)
    found = hermite_minimum(x, f(x), f.deriv()(x), f.deriv(2)(x))
    root = next(r.real for r in f.deriv().roots() if abs(r.imag) < 1e-12 and 0 < r.real < 1.5)
    assert found.x == pytest.approx(root, rel=1e-12)
    assert found.value == pytest.approx(f(root), rel=1e-12)
    assert found.second == pytest.approx(f.deriv(2)(root), rel=1e-10)


def test_every_sum_has_its_own_place():
    layout = Layout(9, 3)
    places = [layout.single(name) for name in SINGLES]
    for name in BLOCKS:
        places += range(*layout.block(name).indices(layout.size))
    for name in ("weight", "confidence", "right"):
        places += range(*layout.bins(name).indices(layout.size))
    for name in ("claimed", "counted"):
        places += range(*layout.by_class(name).indices(layout.size))
    assert sorted(places) == list(range(layout.size))
