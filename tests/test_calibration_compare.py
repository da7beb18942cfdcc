"""Laws that a comparison obeys for any logits, and the data that must not be misjudged."""

from __future__ import annotations

import json
from dataclasses import replace

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinometer.calibration.compare import compare
from clinometer.calibration.earned import break_even
from clinometer.calibration.linear import kahan_angle, proportion
from clinometer.calibration.predictions import predictions
from clinometer.errors import PredictionsError, ShapeError

SEEDS = st.integers(0, 10**6)


def sample(seed, n=80, classes=3, noise=0.0, truth=1.0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, classes)) * 2
    p = np.exp(truth * z)
    y = np.array([rng.choice(classes, p=row / row.sum()) for row in p])
    return z + noise * rng.normal(size=z.shape), y


def pair(seed, **kwargs):
    a, y = sample(seed, **kwargs)
    return a, 0.7 * a + np.random.default_rng(seed + 1).normal(size=a.shape), y


@given(seed=SEEDS, power=st.floats(-6, 6))
@settings(max_examples=40)
def test_a_rescaled_model_is_the_same_separator_with_separation_zero(seed, power):
    z, y = sample(seed)
    c = compare(10.0**power * z, z, y)
    assert c.verdict == "same separator"
    assert abs(c.split.separation.difference) < 1e-12
    assert c.line.scale == pytest.approx(10.0**-power, rel=1e-12)


@given(seed=SEEDS, scale=st.sampled_from([1e-6, 1.0, 50.0, 1e4]))
@settings(max_examples=40)
def test_the_parts_sum_to_the_difference_of_the_losses(seed, scale):
    a, b, y = pair(seed)
    s = compare(scale * a, b, y).split
    size = max(s.loss_a, s.loss_b)
    total = s.separation.difference + s.scale.difference
    assert abs(total - s.difference) <= 1e-12 * max(size, 1e-3)


def test_the_loss_is_the_users_own_at_any_logit_size():
    z, y = sample(5, n=6)
    for scale in (1e-3, 1.0, 1e4):
        with mpmath.workdps(50):
            rows = [
                mpmath.log(sum(mpmath.exp(mpmath.mpf(v) - mpmath.mpf(row[k])) for v in row))
                for row, k in zip((scale * z).tolist(), y, strict=True)
            ]
            exact = float(sum(rows) / len(rows))
        assert compare(scale * z, z, y).split.loss_a == pytest.approx(exact, rel=1e-12)


@given(seed=SEEDS)
@settings(max_examples=25)
def test_swapping_the_models_changes_signs_only(seed):
    a, b, y = pair(seed)
    one, other = compare(a, b, y), compare(b, a, y)
    assert one.verdict == other.verdict
    assert one.split.separation.difference == -other.split.separation.difference
    assert one.split.scale.difference == -other.split.scale.difference


@given(seed=SEEDS)
@settings(max_examples=25)
def test_the_order_of_rows_and_of_classes_changes_nothing(seed):
    a, b, y = pair(seed)
    rows, classes = np.random.default_rng(seed).permutation(80), np.array([2, 0, 1])
    one = compare(a, b, y)
    other = compare(a[rows][:, classes], b[rows][:, classes], np.argsort(classes)[y[rows]])
    assert other.verdict == one.verdict
    for part in ("separation", "scale"):
        found, expected = getattr(other.split, part), getattr(one.split, part)
        assert found.difference == pytest.approx(expected.difference, abs=1e-13)


@given(seed=SEEDS, size=st.integers(-1000, 1000))
@settings(max_examples=25)
def test_a_constant_added_to_a_row_changes_nothing(seed, size):
    a, b, y = pair(seed)
    shift = size * np.random.default_rng(seed).normal(size=(80, 1))
    one, other = compare(a, b, y), compare(a + shift, b, y)
    assert other.split.scale.difference == pytest.approx(one.split.scale.difference, abs=1e-10)


@given(seed=SEEDS)
@settings(max_examples=25)
def test_what_temperature_removes_is_never_negative(seed):
    a, b, y = pair(seed)
    c = compare(a, b, y)
    assert c.split.loss_a >= c.fits[0].loss
    assert c.split.loss_b >= c.fits[1].loss


def test_the_five_verdicts_each_on_data_made_for_it():
    z, y = sample(0, n=3000)
    rng = np.random.default_rng(1)
    worse = z + 1.5 * rng.normal(size=z.shape)
    level = compare(worse, z, y).fits[0].beta  # at its best temperature it has no scale part left
    assert compare(z, 3 * z, y).verdict == "same separator"
    assert compare(z, 3 * (z + 1e-3 * rng.normal(size=z.shape)), y).verdict == "only scale"
    better = compare(level * worse, z, y)
    assert better.verdict == "better separation"
    assert better.judgement.better == "b"
    assert compare(4 * worse, z, y).verdict == "both"
    assert compare(z[:5], worse[:5], y[:5]).verdict == "undecided"
    near = compare(z, z + 0.3 * rng.normal(size=z.shape), y)
    assert near.verdict in {"undecided", "better separation"}


def test_undecided_says_how_many_rows_would_decide():
    a, y = sample(3, n=60)
    c = compare(a, a + 0.4 * np.random.default_rng(4).normal(size=a.shape), y)
    assert c.verdict == "undecided"
    assert c.judgement.rows_to_decide > 60
    assert "would decide" in c.because


def test_an_undecided_separation_does_not_hide_a_scale_that_surely_costs():
    rng = np.random.default_rng(2)
    z = rng.normal(size=(200, 3))
    labels = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
    found = compare(z, 6.0 * (z + 0.3 * rng.normal(size=z.shape)), labels)
    assert found.verdict == "undecided"
    assert "what is sure is that B's scale costs it" in found.because


def test_both_right_on_every_row_but_in_different_directions_is_undecided():
    h = np.linspace(1, 2, 40)
    y = np.arange(40) % 2
    sign = 2 * y - 1
    c = compare(sign * h, 9 * sign * h[::-1], y)
    assert (c.verdict, c.split.method) == ("undecided", "matched scale")
    assert c.split.separation.difference + c.split.scale.difference == pytest.approx(
        c.split.difference
    )
    assert c.to_dict()["separation"]["interval"] == [None, None]


def test_the_interval_covers_the_true_separation():
    big_a, big_b, big_y = pair(0, n=40_000)
    truth = compare(big_a, big_b, big_y).split.separation.difference
    inside = 0
    for k in range(200):
        rows = slice(200 * k, 200 * (k + 1))
        low, high = compare(big_a[rows], big_b[rows], big_y[rows]).split.separation.interval
        inside += low <= truth <= high
    assert 0.90 <= inside / 200 <= 0.99


def test_exchanged_labels_are_inverted_not_a_temperature():
    z, y = sample(2, n=400)
    c = compare(z, -z, y)
    assert c.fits[1].status == "inverted"
    assert c.line.labels_exchanged
    assert c.to_dict()["temperature"]["b"] == {"value": None, "status": "inverted"}
    two = compare([2.0, -2.0], [-20.0, 20.0], [1, 0])
    assert two.verdict == "undecided"
    assert "sides exchanged" in two.because


def test_one_class_only_and_one_row_are_said_to_show_nothing():
    c = compare([1.0, 2.0, -1.0], [3.0, 1.0, -2.0], [1, 1, 1])
    assert any("only one class" in note for note in c.notes)
    assert compare([2.0], [20.0], [1]).verdict == "undecided"


def test_one_column_is_one_logit():
    c = compare(np.array([[2.0], [-2.0]]), np.array([[0.0, 20.0], [0.0, -20.0]]), [1, 0])
    assert (c.verdict, c.line.scale) == ("same separator", 10.0)


def test_zero_logits_are_judged_without_a_number_too_many():
    c = compare([0.0, 0.0], [2.0, -2.0], [1, 0])
    result = c.to_dict()
    json.dumps(result, allow_nan=False)
    assert result["linear"]["angle_rad"] is None
    assert result["temperature"]["a"] == {"value": None, "status": "infinite"}


@pytest.mark.parametrize("seed", range(6))
def test_the_result_is_strict_json(seed):
    a, b, y = pair(seed, n=2 + 5 * seed)
    for x in (a, 0 * a, 1e4 * a, 1e-300 * a, -a):
        json.dumps(compare(x, b, y).to_dict(), allow_nan=False)


def test_the_angle_keeps_its_digits_near_zero_and_near_pi():
    a = np.array([1.0, 1e-9])
    assert kahan_angle(np.array([1.0, 0.0]), a) == pytest.approx(1e-9, rel=1e-6)
    assert kahan_angle(np.array([1.0, 0.0]), -a) == pytest.approx(np.pi - 1e-9, rel=1e-15)


def test_weights_tell_what_logits_on_few_rows_cannot():
    x = np.array([[1.0, 1.0], [-1.0, -1.0]])
    a = predictions([1, 0], weight=[1.0, 1.0], bias=0.0, x=x)
    b = predictions([1, 0], weight=[15.0, 5.0], bias=0.0, x=x)
    assert not compare(a, b).line.same_separator
    assert compare(a.logits, b.logits, [1, 0]).line.same_separator  # on these two rows only
    assert proportion(a, b).angle_rad == pytest.approx(np.arctan2(15, 5) - np.pi / 4)


def test_softmax_weights_are_compared_without_what_all_classes_share():
    rng = np.random.default_rng(0)
    w, x, y = rng.normal(size=(3, 4)), rng.normal(size=(30, 4)), rng.integers(0, 3, 30)
    a = predictions(y, weight=w, bias=np.zeros(3), x=x)
    b = predictions(y, weight=5 * w + rng.normal(size=4), bias=np.full(3, 7.0), x=x)
    c = compare(a, b)
    assert c.verdict == "same separator"
    assert c.line.scale == pytest.approx(5)


def test_float32_weights_may_differ_by_float32_rounding():
    x, y = np.eye(2), [1, 0]
    w = np.array([0.1, -0.7], dtype=np.float32)
    a = predictions(y, weight=w, x=x)
    b = predictions(y, weight=w * np.float32(3.3), x=x)
    assert compare(a, b).verdict == "same separator"
    assert compare(a, b, tolerance=1e-12).verdict == "undecided"


def test_break_even_is_where_the_expected_losses_meet():
    a, b = np.array([[0.0, 2.0], [0.0, -2.0]]), np.array([[0.0, 20.0], [0.0, -20.0]])
    rate = break_even(a, b)
    for wrong in (0.0, 2 * rate):
        expected = [wrong * np.logaddexp(0, m) + (1 - wrong) * np.logaddexp(0, -m) for m in (2, 20)]
        assert (expected[0] > expected[1]) == (wrong < rate)
    assert break_even(a, -b) is None


def test_labels_given_beside_a_file_must_be_its_own():
    a = predictions([1, 0], [2.0, -2.0])
    assert compare(a, a, [1, 0]).verdict == "same separator"
    with pytest.raises(PredictionsError, match="differ in 2 of 2 rows"):
        compare(a, a, [0, 1])
    with pytest.raises(PredictionsError, match="give labels="):
        compare([1.0], [2.0])


def test_classes_in_another_order_are_matched_by_name():
    z, _ = sample(0, n=20)
    names = np.array(["ash", "basalt", "chert"])
    y = names[np.arange(20) % 3]
    a = predictions(y, z, classes=("ash", "basalt", "chert"))
    b = predictions(y, z[:, [2, 0, 1]], classes=("chert", "ash", "basalt"))
    assert compare(a, b).line.scale == pytest.approx(1.0)
    with pytest.raises(PredictionsError, match="name the same classes"):
        compare(a, replace(b, classes=("chert", "ash", "other")))


def test_shapes_that_differ_are_refused():
    z, y = sample(0, n=10)
    with pytest.raises(ShapeError, match=r"3 classes and .* has 2"):
        compare(predictions(y % 2, z), predictions(y % 2, z[:, :2]))
    with pytest.raises(ShapeError, match=r"10 rows and .* has 9"):
        compare(predictions(y, z), predictions(y[:9], z[:9]))


def test_probabilities_called_logits_are_noticed():
    z, y = sample(0)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    assert any("look like probabilities" in note for note in compare(p, z, y).notes)


def test_a_notebook_shows_verdict_and_sentence():
    assert (
        "<strong>same separator</strong>"
        in compare([2.0, -2.0], [20.0, -20.0], [1, 0])._repr_html_()
    )


def test_weights_and_groups_of_the_rows_enter_the_comparison():
    a, b, y = pair(3, n=240)
    rng = np.random.default_rng(0)
    weights, groups = rng.integers(0, 4, 240).astype(float), np.repeat(np.arange(12), 20)
    times = weights.astype(int)
    found = compare(predictions(y, a, weights=weights), predictions(y, b))
    copies = compare(*(np.repeat(z, times, axis=0) for z in (a, b)), np.repeat(y, times))
    for part in ("separation", "scale"):
        one, other = getattr(found.split, part), getattr(copies.split, part)
        assert one.difference == pytest.approx(other.difference, rel=1e-10)
        assert one.interval[1] - one.interval[0] > other.interval[1] - other.interval[0]
    assert found.n == int((weights > 0).sum())
    by_group = compare(predictions(y, a, groups=groups), predictions(y, b, groups=groups))
    means = (by_group.split.separation.rows).reshape(12, 20).mean(axis=1)
    half = 2.2009851601 * means.std(ddof=1) / np.sqrt(12)  # Student's 97.5 %, 11 degrees
    middle = by_group.split.separation.difference
    assert by_group.split.separation.interval == pytest.approx((middle - half, middle + half))


def test_a_row_of_weight_zero_is_not_there():
    a, b, y = pair(5, n=90)
    weights = np.ones(90)
    weights[60:] = 0.0
    found = compare(predictions(y, a, weights=weights), predictions(y, b, weights=weights))
    few = compare(a[:60], b[:60], y[:60])
    assert found.n == 60
    assert found.verdict == few.verdict
    assert found.split.separation.interval == pytest.approx(few.split.separation.interval)
    assert found.line.residual == few.line.residual


def test_weights_or_groups_that_differ_between_the_models_are_refused():
    a, b, y = pair(5, n=20)
    with pytest.raises(PredictionsError, match="row weights of A and B differ in 1 of 20 rows"):
        compare(
            predictions(y, a, weights=np.ones(20), source="A"),
            predictions(y, b, weights=np.r_[2.0, np.ones(19)], source="B"),
        )
    with pytest.raises(PredictionsError, match="groups of A and B differ"):
        compare(
            predictions(y, a, groups=["w"] * 20, source="A"),
            predictions(y, b, groups=["v"] * 20, source="B"),
        )


@pytest.mark.parametrize("scale", [1e-100, 1e-6, 1.0, 1e6, 1e50, 1e99])
def test_the_parts_sum_to_the_losses_at_any_logit_size(scale):
    a, b, y = pair(9)
    split = compare(scale * a, b, y).split
    total = split.separation.difference + split.scale.difference
    assert abs(total - split.difference) <= 1e-12 * max(split.loss_a, split.loss_b)


@pytest.mark.parametrize("power", range(-6, 7))
def test_the_rescaled_copy_has_separation_zero_to_rounding(power):
    z, y = sample(1, n=500)
    split = compare(10.0**power * z, z, y).split
    assert abs(split.separation.difference) <= 1e-14
    assert max(map(abs, split.separation.interval)) <= 1e-14


def test_many_classes_are_compared():
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(40, 10_000)), rng.integers(0, 10_000, 40)
    z[np.arange(40), y] += 9.0
    c = compare(z, 2 * z, y)
    assert c.verdict == "same separator"
    json.dumps(c.to_dict(), allow_nan=False)


def test_logits_that_do_not_vary_over_the_rows_have_no_correlation():
    a = np.tile([0.1, 0.7, -0.3], (30, 1))
    y = np.arange(30) % 3
    assert compare(a, sample(0, n=30)[0], y).line.data_cosine is None


def test_one_group_has_no_interval_and_that_is_said():
    a, b, y = pair(5, n=40)
    c = compare(predictions(y, a, groups=["w"] * 40), predictions(y, b, groups=["w"] * 40))
    assert (c.verdict, c.split.separation.interval) == ("undecided", None)
    assert "fewer than two groups" in c.because
