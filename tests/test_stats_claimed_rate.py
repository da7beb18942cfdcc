"""What record still earns a claim: the cost in nats, checked at fifty digits."""

from __future__ import annotations

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinometer.errors import ClinometerError
from clinometer.stats.claimed_rate import judged, practical_limits


def cost_share(rate, claimed):
    """KL(rate || claimed) / H(rate) at fifty digits."""
    with mpmath.workdps(50):
        r, c = mpmath.mpf(rate), mpmath.mpf(claimed)
        cost = r * mpmath.log(r / c) + (1 - r) * mpmath.log((1 - r) / (1 - c))
        return float(cost / (-r * mpmath.log(r) - (1 - r) * mpmath.log(1 - r)))


@given(st.floats(1e-12, 0.999), st.floats(1e-4, 0.3))
def test_at_both_limits_the_claim_costs_exactly_the_margin(claimed, margin):
    low, high = practical_limits(claimed, margin)
    assert low < claimed < high
    assert cost_share(low, claimed) == pytest.approx(margin, rel=1e-6)
    assert cost_share(high, claimed) == pytest.approx(margin, rel=1e-6)


def test_the_chapters_claim_stays_a_claim_of_nine_nines():
    low, high = practical_limits(2.0611536181902036e-9)
    assert 1e-9 < low < 2.0611536e-9 < high < 5e-9


def test_a_claim_of_never_wrong_is_worth_a_faultless_record_only():
    assert practical_limits(0.0) == (0.0, 0.0)
    assert practical_limits(1.0) == (1.0, 1.0)


def test_the_three_words():
    limits = practical_limits(0.15)
    assert judged(limits, (0.14, 0.16)) == "supported"
    assert judged(limits, (0.30, 0.35)) == "refuted"
    assert judged(limits, (0.01, 0.02)) == "refuted"
    assert judged(limits, (0.10, 0.30)) == "unproven"


@pytest.mark.parametrize(("claimed", "margin"), [(-0.1, 0.01), (1.1, 0.01), (0.5, 0.0)])
def test_what_is_no_rate_is_refused(claimed, margin):
    with pytest.raises(ClinometerError, match="expected 0 to 1"):
        practical_limits(claimed, margin)
