"""Real data: what a random split says of a confidence, and what whole wells say."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("sklearn")
from benchmarks import real_data

from clinometer.calibration.compare import compare
from clinometer.calibration.judgement import judge

pytestmark = [
    pytest.mark.skipif(not real_data.DATA.is_dir(), reason="needs ../shared/data"),
    pytest.mark.slow,
]


def shorter_mlp():
    """A third of the usual epochs: the verdicts are the same, and the test is short."""
    model = real_data.mlp()
    return model.set_params(mlpclassifier__max_iter=60)


def judged(how):
    data = real_data.wells()
    split = getattr(data, how)()
    return real_data.judged(real_data.fitted(shorter_mlp(), data, split), data, split)


def test_a_random_split_of_wells_calls_the_confidence_earned():
    model = judged("random")
    for by in (model, replace(model, groups=None)):  # by wells, and every row by itself
        found = judge(by)
        assert found.verdict == "earned", found.because
        assert abs(found.mean_confidence - found.accuracy) < 0.02


def test_whole_wells_refute_it_and_are_named():
    found = judge(judged("whole_groups"))
    assert found.verdict == "unearned"
    assert found.mean_confidence - found.accuracy > 0.15
    for well in ("16/8-1", "31/2-1"):
        assert well in found.because
    assert found.temperature_interval is None or found.fit.temperature > 1.5


@pytest.mark.parametrize("name", ["basalts", "crops", "phases"])
def test_the_difference_of_two_models_is_split_with_intervals(name):
    data = real_data.SETS[name]()
    split = data.given or data.whole_groups()
    a, b = (
        real_data.judged(real_data.fitted(make(), data, split), data, split)
        for make in (real_data.logistic, real_data.mlp)
    )
    found = compare(a, b)
    parts = found.split
    assert parts.separation.difference + parts.scale.difference == pytest.approx(
        parts.difference, rel=1e-12, abs=1e-15
    )
    assert parts.scale.difference < 0.0  # the MLP's larger scale costs it loss in all three
    assert parts.scale.interval is not None
    assert parts.separation.interval is not None
