"""`clinometer.diff`: one factor changed by hand is named, with its layer and its step."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import clinometer
from clinometer.stats.change import lasting_shift
from made import chain_sites, recording


def noisy(seed: int, layers: int = 3, **options):
    """A made run whose gradients and steps scatter by 0.05 decades from observation to observation."""
    whole = recording(layers, steps=400, every=20, **options)
    draw = np.random.default_rng(seed)
    rows = {kind: cube.copy() for kind, cube in whole.rows.items()}
    for kind, name in (("call", "grad_in_rms"), ("parameter", "intended_rms")):
        column = whole_names(kind).index(name)
        scatter = 10 ** draw.normal(0, 0.05, rows[kind].shape[:2])
        rows[kind][:, :, column] *= scatter.astype(np.float32)
    return replace(whole, rows=rows)


def whole_names(kind: str) -> list[str]:
    from clinometer.records.columns import names

    return list(names(kind))


def scaled(whole, kind: str, column: str, factor: float, *, since: int = 0, site: str = ""):
    """The run with one column scaled from an observed step on, at one site or at all."""
    cube = whole.rows[kind].copy()
    later = np.flatnonzero(whole.observed >= since)
    at = [i for i, one in enumerate(whole.of_kind(kind)) if site in {"", one.name}]
    cube[np.ix_(later, at, [whole_names(kind).index(column)])] *= factor
    return replace(whole, rows=whole.rows | {kind: cube})


def test_a_run_does_not_differ_from_itself():
    found = clinometer.diff(noisy(0), noisy(0))
    assert not found.changes
    assert found.parted is None
    assert "No factor changed" in str(found)
    assert "the same bit for bit" in str(found)


@pytest.mark.parametrize("since", [0, 200])
def test_the_factor_its_layers_and_its_step_are_named(since):
    slower = scaled(noisy(1), "parameter", "intended_rms", 0.1, since=since)
    slower = scaled(slower, "parameter", "stored_rms", 0.1, since=since)
    found = clinometer.diff(noisy(0), slower)
    change = found.changes[0]
    assert change.factor == "optimizer"
    assert change.from_step == since
    assert change.from_start == (since == 0)
    assert {one.layer for one in change.where} == {"net.0", "net.2", "net.4"}
    assert change.decades == pytest.approx(-1.0, abs=0.1)
    assert found.because.startswith("Optimizer gain: in the second run 1.0 decades lower")


def test_one_layer_that_changed_is_told_from_the_others():
    found = clinometer.diff(
        noisy(0), scaled(noisy(1), "call", "grad_in_rms", 0.05, since=120, site="net.1")
    )
    activation = next(change for change in found.changes if change.factor == "activation")
    assert [one.layer for one in activation.where] == ["net.0"]
    assert activation.from_step == 120


def test_swapping_the_runs_turns_every_sign():
    one, other = noisy(0), scaled(noisy(1), "parameter", "intended_rms", 0.1)
    there, back = clinometer.diff(one, other), clinometer.diff(other, one)
    assert [change.factor for change in there.changes] == [change.factor for change in back.changes]
    assert [change.decades for change in there.changes] == pytest.approx(
        [-change.decades for change in back.changes], abs=1e-9
    )


def test_layers_of_one_run_only_are_said_and_the_others_compared():
    found = clinometer.diff(noisy(0, 3), noisy(1, 4))
    assert found.only_first == ()
    assert found.only_second == ("net.6",)
    assert found.layers == 3
    assert "Only in the second run, not compared: net.6" in str(found)


def test_runs_without_a_layer_in_common_are_not_compared_rather_than_alike():
    found = clinometer.diff(noisy(0), noisy(1, sites=chain_sites(3, prefix="body")))
    assert "no layer of the same name" in found.because
    assert found.to_dict()["not_compared"]


def test_a_run_that_was_hardly_observed_is_not_called_alike():
    short = recording(3, steps=40, every=20)
    assert clinometer.diff(short, noisy(0)).because.startswith("Not compared: 2 observed steps")


def test_a_factor_that_becomes_exactly_zero_in_one_run_is_said_with_its_step():
    dead = scaled(noisy(1), "call", "grad_in_rms", 0.0, since=200, site="net.1")
    dead = scaled(dead, "call", "grad_out_rms", 0.0, since=200, site="net.0")
    found = clinometer.diff(noisy(0), dead)
    assert ("net.0", "activation", 2, 200) in found.zero
    assert "exactly zero in the second run" in found.because


def test_the_json_is_strict_and_the_report_keeps_to_eighty_columns():
    found = clinometer.diff(noisy(0), scaled(noisy(1), "parameter", "intended_rms", 0.1))
    listed = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert listed["schema"] == 1
    assert [run["verdict"] for run in listed["runs"]] == [found.first.verdict, found.second.verdict]
    assert max(map(len, str(found).splitlines())) <= 80
    assert found._repr_html_().startswith("<pre>")


def slow_split(values: np.ndarray) -> int:
    """The split with the least sum of absolute deviations, by trying each level at each value."""
    best, at = np.inf, 0
    for k in range(4, len(values) - 2):
        parts = (values[:k], values[k:])
        cost = sum(min(sum(abs(v - level) for v in part) for level in part) for part in parts)
        if cost < best - 1e-12:
            best, at = cost, k
    return at


def test_the_change_point_is_that_of_a_search_by_hand():
    draw = np.random.default_rng(0)
    for at in (5, 12, 20):
        values = draw.normal(0, 0.1, 30) + np.where(np.arange(30) >= at, 1.5, 0.0)
        found = lasting_shift(values, 0.5)
        assert found is not None
        assert found.at == slow_split(values) == at
        assert found.size == pytest.approx(1.5, abs=0.15)


def test_noise_alone_is_rarely_called_a_change():
    draw = np.random.default_rng(1)
    called = sum(lasting_shift(draw.normal(0, 0.5, 25), 0.5) is not None for _ in range(400))
    assert called <= 4  # 1 %


def test_a_spike_is_no_lasting_change():
    values = np.zeros(30)
    values[10:12] = 5.0
    assert lasting_shift(values, 0.5) is None
