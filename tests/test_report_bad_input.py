"""Whatever a recording holds: it is judged as far as it goes, the rest is not judged, and nothing raises."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinometer.diagnosis import diagnose as engine
from clinometer.diagnosis import quantities
from clinometer.diagnosis.diagnose import all_rules, diagnose
from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.diagnosis.rule import Rule
from clinometer.errors import RecordingError
from clinometer.records.columns import COLUMNS
from clinometer.records.recording import Recording
from clinometer.records.site import Site
from clinometer.reports.diagnosis_text import text
from clinometer.store.reader import read
from made import chain_sites, falling, recording
from store_truth import write

GOLDEN = Path(__file__).parent / "golden"
VERDICTS = {"learning", "learned", "stuck", "diverged", "not-training", "undecided"}


def told(made: Recording) -> Diagnosis:
    """Diagnose, write the text and strict JSON: none of it may raise, and no rule may fail."""
    found = diagnose(made)
    assert found.verdict in VERDICTS
    assert found.because
    report = text(found)
    assert max(map(len, report.splitlines())) <= 80
    json.dumps(found.to_dict(), allow_nan=False)
    failed = [finding.explanation for finding in found.findings if finding.code == "RUN104"]
    assert not failed, failed
    return found


def silent(found: Diagnosis) -> set[str]:
    return {code for code, _ in found.not_judged}


# -- what is missing -----------------------------------------------------------------------------


def test_nothing_at_all():
    found = told(recording(steps=0, sites=(Site(0, "loss", "cross_entropy", {}),), labels={}))
    assert found.verdict == "undecided"
    assert found.lines == ()


def test_no_observation():
    found = told(recording(observed=np.array([], int), rows=rows_like(recording(), 0)))
    assert "no step was observed" in {why for _, why in found.not_judged}


def test_one_step():
    found = told(recording(steps=1, every=1))
    assert found.verdict == "undecided"
    assert "too few" in found.because


def test_without_a_loss():
    nothing = np.full(200, np.nan)
    scalars = recording().scalars | {"loss": nothing, "loss_seen": np.zeros(200)}
    found = told(recording(scalars=scalars, labels={}))
    assert "no loss was seen" in found.because
    assert "FLOW502" in silent(found)


def test_without_labels():
    found = told(recording(labels={}))
    assert found.course.no_information is None
    assert "FLOW502" in silent(found)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0, -1.0])
def test_every_number_the_same(value):
    made = recording(losses=np.full(200, value))
    for cube in made.rows.values():
        cube[:] = value
    told(made)


def test_everything_nan_from_the_middle_on():
    made = recording(losses=np.where(np.arange(200) < 100, falling(), np.nan))
    for cube in made.rows.values():
        cube[5:] = np.nan
    assert told(made).verdict == "diverged"


def test_layers_renamed_midway():
    sites = chain_sites(2, "old") + chain_sites(2, "new")
    sites = tuple(replace(site, index=i) for i, site in enumerate(sites) if site.kind != "loss")
    made = recording(sites=(*sites, Site(99, "loss", "cross_entropy", {})))
    for kind, cube in made.rows.items():
        new = [site.name.startswith("new") for site in made.of_kind(kind)]
        cube[:5, np.array(new, bool)] = np.nan
        cube[5:, ~np.array(new, bool)] = np.nan
    made.rows["loss"][:] = recording().rows["loss"]
    told(made)


def test_calls_whose_parents_are_unknown_and_parameters_without_calls():
    lost = [replace(s, facts=s.facts | {"parents": ["elsewhere"]}) for s in chain_sites(3)]
    more = Site(98, "parameter", "nowhere.weight", {"shape": [3, 3]})
    found = told(recording(sites=(*lost, more)))
    assert any("nowhere" in name for name in found.unlined)


def test_a_layer_that_is_its_own_parent():
    round_about = [
        replace(site, facts=site.facts | {"parents": [site.name, "net.0", "net.4"]})
        if site.kind == "call"
        else site
        for site in chain_sites(3)
    ]
    told(recording(sites=tuple(round_about)))


@pytest.mark.parametrize("name", ["schema1.clino", "schema2.clino"])
def test_older_versions(name):
    told(read(GOLDEN / name))


@pytest.mark.parametrize("cut", [0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_a_file_that_is_cut_anywhere(cut, tmp_path):
    whole = (GOLDEN / "schema2.clino").read_bytes()
    path = tmp_path / "cut.clino"
    path.write_bytes(whole[: int(cut * len(whole))])
    try:
        made = read(path)
    except RecordingError:
        return  # said by the reader: exit code 2
    told(made)


def test_numbers_that_mean_nothing_on_every_kind_of_site(tmp_path):
    write(tmp_path / "run.clino", steps=300, every=10, each=3).close()
    told(read(tmp_path / "run.clino"))


# -- what fails ----------------------------------------------------------------------------------


def broken_rule(**fields: Any) -> Rule:
    rule = Rule(code="FLOW901", name="broken", reads=("course",), limits={}, **fields)

    @rule.check
    def check(course, limits):
        raise ZeroDivisionError("three lines\nof\nmessage")

    return rule


def test_a_rule_that_raises_is_a_note_and_the_others_still_speak(monkeypatch):
    rules = (*all_rules(), broken_rule())
    monkeypatch.setattr(engine, "all_rules", lambda: rules)
    found = diagnose(recording(layers=6, gain=0.3))
    codes = [finding.code for finding in found.findings]
    assert codes[0] == "FLOW201"
    failed = found.findings[codes.index("RUN104")]
    assert failed.severity == "note"
    assert "FLOW901 broken" in failed.explanation
    assert "ZeroDivisionError: three lines)" in failed.explanation
    assert "FLOW901" in silent(found)
    assert "RUN104" in text(found)


@pytest.mark.parametrize(
    "name", ["wiring", "activations", "updates", "motion", "inputs", "linear", "_ledger", "course"]
)
def test_a_quantity_that_raises_is_told_once_and_the_rest_is_judged(name, monkeypatch):
    def fail(self: object) -> None:
        raise ValueError("no such thing")

    monkeypatch.setattr(quantities.Quantities, name, property(fail))
    found = diagnose(recording(layers=6, gain=0.3))
    text(found)
    json.dumps(found.to_dict(), allow_nan=False)
    failed = [f.explanation for f in found.findings if f.code == "RUN104"]
    assert len(failed) == 1
    assert f"`{name.removeprefix('_')}`" in failed[0]
    assert "no such thing" in failed[0]
    assert len(found.not_judged) < len(all_rules())


# -- whatever it holds ---------------------------------------------------------------------------


def rows_like(made: Recording, many: int) -> dict[str, np.ndarray]:
    return {kind: cube[:many] for kind, cube in made.rows.items()}


NUMBERS = st.sampled_from(
    [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 1e-45, 1e-30, 1e30, 3e38, 0.5, 7.0]
)
FACTS = st.sampled_from(
    ["class", "role", "parents", "fan_in", "fan_out", "output", "shape", "dtype", "activation"]
)


@st.composite
def shaken(draw: st.DrawFn) -> Recording:
    """A made recording with columns overwritten, facts taken away, sites and steps missing."""
    steps = draw(st.sampled_from([1, 2, 7, 40, 200]))
    every = draw(st.sampled_from([1, 3, 20]))
    sites = list(chain_sites(draw(st.integers(1, 4))))
    for _ in range(draw(st.integers(0, 3))):
        sites.pop(draw(st.integers(0, len(sites) - 1)))
    gone = draw(st.sets(FACTS, max_size=4))
    kept = tuple(
        Site(i, s.kind, s.name, {k: v for k, v in s.facts.items() if k not in gone})
        for i, s in enumerate(sites)
    ) or (Site(0, "loss", "cross_entropy", {}),)
    losses = np.array(draw(st.lists(NUMBERS, min_size=steps, max_size=steps)))
    made = recording(steps=steps, every=every, sites=kept, losses=losses if steps < 50 else None)
    for _ in range(draw(st.integers(0, 12))):
        kind = draw(st.sampled_from([k for k in COLUMNS if made.rows[k].shape[1]]))
        cube = made.rows[kind]
        at = draw(st.integers(0, cube.shape[0] - 1)), draw(st.integers(0, cube.shape[1] - 1))
        column = draw(st.integers(0, cube.shape[2] - 1))
        cube[slice(None) if draw(st.booleans()) else at[0], at[1], column] = draw(NUMBERS)
    return replace(
        made, labels=draw(LABELS), dead_units=draw(st.sampled_from([{}, {"net.1": [0]}]))
    )


LABELS = st.sampled_from(
    [
        {},
        {"cross_entropy": {}},
        {"cross_entropy": {"counts": {}, "classes": 0}},
        {"cross_entropy": {"counts": {"0": 5}, "classes": 1}},
        {"cross_entropy": {"counts": {"0": 5, "1": 5}, "classes": 2}},
        {"cross_entropy": {"rows": 3.0, "sum": [1e30], "squares": [1e60]}},
        {"cross_entropy": {"rows": 3.0, "sum": [float("nan")], "squares": [1.0]}},
    ]
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(made=shaken())
def test_no_recording_makes_the_report_raise(made):
    told(made)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32 - 1), share=st.sampled_from([0.02, 0.3, 1.0]))
def test_random_numbers_everywhere_make_no_report_raise(seed, share):
    rng = np.random.default_rng(seed)
    made = read(GOLDEN / rng.choice(["schema1.clino", "schema2.clino"]))
    for cube in made.rows.values():
        wild = rng.standard_normal(cube.shape) * 10.0 ** rng.integers(-30, 30, cube.shape)
        wild[rng.random(cube.shape) < 0.2] = rng.choice([0.0, np.nan, np.inf, -np.inf])
        np.copyto(cube, wild.astype(np.float32), where=rng.random(cube.shape) < share)
    told(made)
