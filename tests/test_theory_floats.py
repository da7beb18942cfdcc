"""Rounding: the bounds hold for every weight, and the saturation logits are those measured."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clinometer.errors import ClinometerError, ShapeError
from clinometer.theory.floats import FLOATS, is_lost, round_to_bfloat16


@pytest.mark.parametrize("name", ["float64", "float32", "float16", "bfloat16"])
def test_the_facts_of_a_format_are_torchs(name):
    facts, known = FLOATS[name], torch.finfo(getattr(torch, name))
    assert facts.smallest_normal == known.smallest_normal
    assert 2.0 ** (1 - facts.significand_bits) == known.eps
    if name != "bfloat16":
        assert facts.smallest_subnormal == float(np.finfo(name).smallest_subnormal)


@given(
    w=st.floats(2.0**-100, 2.0**100, width=32),
    share=st.floats(1e-12, 1e-5),
    name=st.sampled_from(["float32", "float64"]),
    sign=st.sampled_from([-1, 1]),
)
def test_a_step_is_lost_below_the_one_bound_and_never_above_the_other(w, share, name, sign):
    dtype = np.dtype(name).type
    weight, step = dtype(w), dtype(sign * w * share)
    ratio = abs(float(step)) / float(weight)
    if ratio < FLOATS[name].certainly_lost_below:
        assert is_lost(weight, step)
    if ratio > FLOATS[name].possibly_lost_below:
        assert not is_lost(weight, step)


def test_the_chapters_squared_error_is_frozen_even_in_float64():
    assert is_lost(np.float64(10), np.float64(8.4967084580441136e-18))
    assert not is_lost(np.float64(10), np.float64(2.0611536181902036e-9))


# The formula rounds the true sigmoid; measured is what torch's arithmetic gives (torch CPU).
@pytest.mark.parametrize(
    ("name", "measured", "attribute"),
    [
        ("float64", 36.7368, "sigmoid_computes_one_from"),
        ("float32", 16.6355, "sigmoid_computes_one_from"),
        ("float16", 8.3203, "sigmoid_rounds_to_one_from"),
        ("bfloat16", 6.25, "sigmoid_rounds_to_one_from"),
    ],
)
def test_where_the_sigmoid_reads_exactly_one(name, measured, attribute):
    start = getattr(FLOATS[name], attribute)
    assert measured == pytest.approx(start, rel=3e-3)  # the next number of the format, at most
    dtype = getattr(torch, name)
    assert torch.sigmoid(torch.tensor(measured + 1e-3, dtype=dtype)) == 1
    assert torch.sigmoid(torch.tensor(start * 0.985, dtype=dtype)) < 1


def test_correct_rounding_reads_one_later_than_float32_arithmetic_does():
    f = FLOATS["float32"]
    assert f.sigmoid_computes_one_from == pytest.approx(24 * np.log(2))
    between = 0.5 * (f.sigmoid_computes_one_from + f.sigmoid_rounds_to_one_from)
    assert torch.sigmoid(torch.tensor(between, dtype=torch.float32)) == 1
    assert np.float32(1 / (1 + np.exp(-between))) < 1


def test_bfloat16_rounds_as_torch_does():
    x = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    theirs = torch.tensor(x).to(torch.bfloat16).float().numpy()
    assert (round_to_bfloat16(x) == theirs).all()


def test_nothing_is_broadcast_or_promoted():
    with pytest.raises(ShapeError):
        is_lost(np.ones(2), np.ones(1))
    with pytest.raises(ClinometerError, match="float32 and step float64"):
        is_lost(np.float32(1), np.float64(1))
