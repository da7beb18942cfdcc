"""Claims against records: refuted, unproven or supported, over all rows, by group and by class."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from clinometer.calibration.claims import (
    Rows,
    errors,
    errors_by_group,
    refuted_classes,
    surest,
)
from clinometer.calibration.confidence_verdict import decide
from clinometer.calibration.groups import Group
from clinometer.stats.temperature import fit_temperature

ALPHA, MARGIN = 0.05, 0.01


def rows_of(claimed, wrong, n, **rest):
    """n rows that each claim an error rate, of which the first `wrong` are wrong."""
    return Rows(np.full(n, claimed), (np.arange(n) < wrong).astype(float), **rest)


def record(claimed, wrong, n):
    return errors(rows_of(claimed, wrong, n), ALPHA, MARGIN)


# -- all rows ----------------------------------------------------------------------------------------


def test_three_words():
    assert record(0.1, 1000, 10_000).word == "supported"
    assert record(0.1, 3000, 10_000).word == "refuted"
    assert record(0.1, 3, 30).word == "unproven"


def test_one_point_of_overstatement_is_earned_and_twenty_seven_are_not():
    """Both differences are significant with 22,000 rows: the verdict goes by their size."""
    n = 22_000
    small, large = record(0.162, int(0.172 * n), n), record(0.216, int(0.486 * n), n)
    assert small.too_low
    assert large.too_low
    assert (small.word, large.word) == ("supported", "refuted")


def test_who_is_right_more_often_than_claimed_has_earned_the_claim():
    found = record(0.4, 100, 10_000)
    assert found.word == "supported"
    assert found.too_high


def test_the_chapters_claims_are_beyond_what_two_points_can_show():
    for claimed in (0.11920292202211756, 2.0611536181902036e-9):
        assert record(claimed, 0, 2).word == "unproven"


def test_a_claim_of_nine_nines_is_not_supported_by_a_thousand_right_rows():
    assert record(2e-9, 0, 1000).word == "unproven"
    assert record(2e-9, 1, 1000).word == "refuted"  # one error in 1,000 is odds enough


def test_a_calibrated_claim_is_refuted_no_more_often_than_alpha_allows():
    for n in (10, 30, 100, 1000):
        for claimed in (0.01, 0.1, 0.3, 0.6):
            wrong = np.arange(n + 1)
            words = np.array([record(claimed, k, n).word for k in wrong])
            assert binom.pmf(wrong, n, claimed)[words == "refuted"].sum() <= ALPHA / 2


def test_claims_that_differ_from_row_to_row_are_refuted_less_often_still():
    rng = np.random.default_rng(5)
    claimed = rng.beta(0.5, 2.0, size=200)
    refuted = 0
    for _ in range(400):
        wrong = (rng.random(200) < claimed).astype(float)
        refuted += errors(Rows(claimed, wrong), ALPHA, MARGIN).word == "refuted"
    assert refuted <= 10 + 3 * np.sqrt(10)  # 2.5 % of 400, and three standard errors


def test_weights_that_double_a_row_are_the_row_twice_for_the_rate_and_fewer_rows_for_the_interval():
    plain = rows_of(0.2, 20, 100)
    weighted = Rows(plain.error, plain.wrong, np.where(plain.wrong > 0, 3.0, 1.0))
    found = errors(weighted, ALPHA, MARGIN)
    assert found.counted == pytest.approx(60 / 140)
    assert found.n == pytest.approx(140**2 / (20 * 9 + 80))


def test_rows_to_decide_shrinks_the_interval_into_the_limits():
    found = record(0.1, 10, 100)
    n = found.rows_to_decide
    later = record(0.1, round(0.1 * n), n)
    assert later.word == "supported" or later.interval[1] == pytest.approx(
        later.limits[1], rel=0.05
    )


def test_the_surest_rows_come_with_all_that_tie_with_the_last():
    rows = Rows(np.array([0.3, 0.1, 0.1, 0.1, 0.5, 0.6, 0.7, 0.8, 0.9, 0.9]), np.zeros(10))
    assert surest(rows).error.tolist() == [0.1, 0.1, 0.1]


# -- groups ------------------------------------------------------------------------------------------


def groups_of(*counts):
    """Groups of (claimed error, wrong, rows), as `judged_groups` gives them."""
    return tuple(
        Group(f"g{k}", n, record(claimed, wrong, n), fit_temperature(np.array([[0.0, -1.0]])))
        for k, (claimed, wrong, n) in enumerate(counts)
    )


def test_groups_that_scatter_around_the_claim_do_not_refute_it():
    rng = np.random.default_rng(3)
    rates = np.repeat(rng.beta(8, 32, size=30), 200)  # 0.2 on average, another rate in every group
    rows = Rows(
        np.full(6000, 0.2),
        (rng.random(6000) < rates).astype(float),
        codes=np.repeat(np.arange(30), 200),
    )
    alone, together = errors(rows, ALPHA, MARGIN), errors_by_group(rows, ALPHA, MARGIN)
    width = alone.interval[1] - alone.interval[0]
    assert together.interval[1] - together.interval[0] > 2 * width
    assert together.word != "refuted"


def test_one_group_gives_no_interval_between_groups():
    assert errors_by_group(rows_of(0.2, 2, 10, codes=np.zeros(10, int)), ALPHA, MARGIN) is None
    assert errors_by_group(rows_of(0.2, 2, 10), ALPHA, MARGIN) is None


def word(between, whole, groups, classes=()):
    return decide(whole, between, groups, classes).word


def test_the_verdict_rests_on_whole_groups_where_they_decide():
    good, bad, open_ = record(0.1, 1000, 10_000), record(0.1, 3000, 10_000), record(0.1, 3, 30)
    two = groups_of((0.1, 500, 5000), (0.1, 500, 5000))
    assert word(good, bad, two) == "earned"
    assert word(bad, good, two) == "unearned"
    assert word(open_, good, two) == "unproven"


def test_three_wells_that_each_refute_the_claim_are_unearned_and_named():
    bad, open_ = record(0.1, 3000, 10_000), record(0.1, 3, 30)
    wells = groups_of((0.1, 900, 3000), (0.1, 1500, 3000), (0.1, 600, 3000))
    found = decide(bad, open_, wells, ())
    assert (found.word, found.basis) == ("unearned", "each group")
    assert found.refuted_groups == ("g0", "g1", "g2")


def test_where_only_the_rows_together_refute_the_claim_it_is_undecided():
    bad, open_ = record(0.1, 3000, 10_000), record(0.1, 3, 30)
    wells = groups_of((0.1, 2500, 4000), (0.1, 250, 2500), (0.1, 350, 3500))
    assert word(open_, bad, wells) == "undecided"


# -- classes -----------------------------------------------------------------------------------------


def test_a_class_weighted_model_is_refuted_by_the_class_frequencies():
    found = refuted_classes(
        np.array([0.65, 0.35]), np.array([0.89, 0.11]), 5000, alpha=ALPHA, margin=MARGIN
    )
    assert [k for k, _ in found] == [0, 1]
    good = record(0.1, 500, 5000)
    assert decide(good, None, (), found).basis == "classes"


def test_class_frequencies_of_a_calibrated_model_are_seldom_refuted():
    rng = np.random.default_rng(11)
    p = rng.dirichlet(np.full(20, 0.3), size=2000)
    refuted = 0
    for _ in range(100):
        labels = (p.cumsum(axis=1) > rng.random((2000, 1))).argmax(axis=1)
        counted = np.bincount(labels, minlength=20) / 2000
        refuted += bool(refuted_classes(p.mean(axis=0), counted, 2000, alpha=ALPHA, margin=MARGIN))
    assert refuted <= 5 + 3 * np.sqrt(5)
