"""`report --json`: schema 1 as it was fixed, and what was added to it. --fail-on reads the same findings."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from clinometer.cli.report import command
from clinometer.diagnosis import diagnose as engine
from clinometer.diagnosis import rates
from clinometer.diagnosis.answers import Grounds, answers, chance_loss_end, is_small, killer
from clinometer.diagnosis.diagnose import diagnose
from clinometer.diagnosis.line import FACTORS
from clinometer.diagnosis.quantities import Quantities
from clinometer.diagnosis.rule import Evidence
from clinometer.diagnosis.wiring import Parameter
from clinometer.records.columns import COLUMNS, names
from clinometer.records.site import Site
from made import falling, finding, judged_as, recording, rows_of

GOLDEN = Path(__file__).parent / "golden"


def listed(diagnosis: Any) -> dict[str, Any]:
    """What a program reads: strict JSON, there and back."""
    return json.loads(json.dumps(diagnosis.to_dict(), allow_nan=False))


# -- the schema ----------------------------------------------------------------------------------


def test_the_fields_that_were_fixed_are_there():
    got = listed(diagnose(recording(layers=6, gain=0.3)))
    assert got["schema"] == 1
    assert {"path", "script", "steps", "observed_steps", "ended", "overhead"} <= got["run"].keys()
    assert got["verdict"] == "stuck"
    assert got["because"].startswith("Stuck: ")
    assert got["loss"]["no_information"] == pytest.approx(math.log(4))
    fields = {"code", "name", "severity", "layer", "layers", "cause", "steps", "evidence",
              "explanation", "remedies"}  # fmt: skip
    assert fields <= got["findings"][0].keys()
    assert {"quantity", "value", "limit", "unit", "n"} == got["findings"][0]["evidence"][0].keys()
    assert {"layer", "factors", "total", "residual"} <= got["ledger"][0].keys()
    assert {"code", "why"} == got["not_judged"][0].keys()


def test_a_finding_says_whose_consequence_it_is_and_how_often_its_rule_is_right(monkeypatch):
    counts = {"detected": 9, "sick": 10, "alarms": 1, "healthy": 50}
    monkeypatch.setattr(rates, "_measured", lambda: {"unseen": {"rules": {"FLOW201": counts}}})
    first, second = listed(
        judged_as(finding("FLOW201"), finding("FLOW502", consequence_of="FLOW201"))
    )["findings"]
    assert first["consequence_of"] is None
    assert first["measured"] == {"recall": [9, 10], "false_alarms": [1, 50]}
    assert second["consequence_of"] == "FLOW201"
    assert second["measured"] is None
    assert "size" not in first


def test_a_ledger_row_names_its_tensor_its_references_and_the_blamed_factor():
    row = listed(diagnose(recording(layers=6, gain=0.3)))["ledger"][0]
    assert row["parameter"] == "net.0.weight"
    assert row["reference"].keys() == row["factors"].keys() <= set(FACTORS)
    assert row["blame"]["factor"] in row["factors"]
    worst = row["blame"]["factor"]
    assert row["blame"]["decades"] == pytest.approx(row["reference"][worst] - row["factors"][worst])
    assert row["answer"] == "stuck"


def test_what_is_not_finite_is_null_and_says_what_it_was():
    odd = Evidence("gain", -math.inf, math.nan, "decades", np.int64(3))
    got = listed(judged_as(finding("FLOW201", evidence=(odd,))))["findings"][0]["evidence"][0]
    assert got == {
        "quantity": "gain", "value": None, "limit": None, "unit": "decades", "n": 3,
        "value_text": "-inf",
    }  # fmt: skip


def test_a_recurrent_layer_has_its_profile_through_time():
    sites = (
        Site(0, "call", "rnn", {"class": "RNN", "role": "recurrent", "parents": []}),
        Site(1, "recurrence", "rnn", {}),
        Site(2, "call", "head", {"class": "Linear", "role": "weight", "fan_in": 8, "fan_out": 8,
                                 "output": True, "parents": ["rnn"]}),
        Site(3, "parameter", "rnn.weight_hh_l0", {"shape": [8, 8]}),
        Site(4, "parameter", "head.weight", {"shape": [8, 8]}),
        Site(5, "loss", "cross_entropy", {}),
    )  # fmt: skip
    rows = rows_of(sites, 10, 0.5)
    rows["recurrence"] = np.full((10, 1, len(COLUMNS["recurrence"])), np.nan, np.float32)
    for name, value in {"seen": 1, "length": 3, "lag_0": 1e-2, "lag_1": 1e-3, "lag_2": 0}.items():
        rows["recurrence"][:, 0, names("recurrence").index(name)] = value
    by_name = {
        row["parameter"]: row
        for row in listed(diagnose(recording(sites=sites, rows=rows)))["ledger"]
    }
    past = by_name["rnn.weight_hh_l0"]["lags"]
    assert past["length"] == 3
    assert past["steps_back"][:3] == [0, 1, 2]
    assert past["decades"][:2] == [0.0, pytest.approx(-1.0)]
    assert past["decades"][2] is None
    assert past["zero"] == [2]
    assert "lags" not in by_name["head.weight"]


# -- three answers for a small gradient ----------------------------------------------------------


def parameter(name: str, **fields: Any) -> Parameter:
    given: dict[str, Any] = {
        "layer": "fc", "shape": (8, 8), "dtype": "float32", "trainable": True, "was_trainable": False,
        "owned": True, "was_owned": True, "received": True, "zero": False, "called": True,
        "moved": False, "untrained": True, "seen": 10,
    }  # fmt: skip
    unknown = {field.name: None for field in dataclasses.fields(Parameter)}
    return Parameter(**unknown | given | fields | {"name": name})


def test_a_tensor_without_owner_way_or_call_is_disconnected_and_a_frozen_one_is_not():
    here = [
        parameter("lost", was_owned=False, owned=False),
        parameter("cut", received=False),
        parameter("idle", received=False, called=False),
        parameter("frozen", trainable=False, received=False, was_owned=False),
        parameter("trained earlier", was_trainable=True, received=False),
        parameter("well"),
        parameter("never seen", received=False, seen=0),
    ]
    on = Grounds(right=False, learned=False, late=np.ones(1, bool))
    found = answers([], here, on)
    assert {name: answer.why for name, answer in found.items()} == {
        "lost": "no optimizer that stepped owns it",
        "cut": "no gradient ever reached it",
        "idle": "its layer never ran with gradients wanted",
    }
    assert {answer.word for answer in found.values()} == {"disconnected"}


def test_a_small_gradient_of_a_run_that_is_right_is_learned():
    quiet = recording(layers=3, gain=0.9, losses=np.full(200, 0.01))
    column = names("call").index("grad_out_rms")
    quiet.rows["call"][:, :, [column, column + 1]] *= 1e-4
    got = listed(diagnose(quiet))
    assert got["verdict"] == "learned"
    assert {row["answer"] for row in got["ledger"]} == {"learned"}


def test_the_same_gradient_of_a_run_at_chance_is_stuck_at_the_loss_end():
    quiet = recording(layers=3, gain=1.0)
    column = names("call").index("grad_out_rms")
    quiet.rows["call"][:, :, [column, column + 1]] *= 1e-4
    found = diagnose(quiet)
    assert found.answers["net.0.weight"].word == "stuck"
    assert found.answers["net.0.weight"].factor == "loss_end"


def test_a_gradient_that_is_not_small_needs_no_answer():
    assert diagnose(recording(layers=3, losses=falling())).answers == {}


def test_the_loss_end_of_a_guess_is_what_the_formula_says():
    # cross-entropy, K = 4, N = 8 targets, 64 elements: sqrt(3/4 / 8 * 8 / 64)
    made = recording()
    course = Quantities(made).course
    assert chance_loss_end(made, course) == pytest.approx(math.log10(math.sqrt(0.75 / 64)))
    assert math.isnan(chance_loss_end(recording(sites=made.sites[:-1], rows=made.rows), course))


def test_where_no_reference_is_known_only_a_gradient_of_exactly_zero_is_small():
    made = recording(layers=2, labels={})
    found = diagnose(made)
    on = Grounds(right=False, learned=False, late=found.late)
    assert not is_small(found.lines[0], on)
    column = names("call").index("grad_out_rms")
    made.rows["call"][:, :, [column, column + 1]] = 0
    line = diagnose(made).lines[0]
    assert is_small(line, on)
    assert killer(line, on) == ("loss_end", math.inf)


# -- exit codes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("severities", "fail_on", "code"),
    [
        (["note"], "warning", 0),
        (["warning"], "warning", 1),
        (["warning"], "error", 0),
        (["error", "note"], "error", 1),
        (["error"], None, 0),
        ([], "warning", 0),
    ],
)
def test_fail_on_looks_at_the_severity_and_nothing_else(severities, fail_on, code, monkeypatch):
    found = judged_as(*(finding(f"FLOW20{i}", s) for i, s in enumerate(severities)))
    monkeypatch.setattr(engine, "diagnose", lambda _: found)
    options = ["--fail-on", fail_on] if fail_on else []
    path = str(GOLDEN / "schema2.clino")
    assert CliRunner().invoke(command, [path, *options], standalone_mode=False).return_value == code


def test_fail_on_sees_a_severity_that_was_lifted_by_a_consequence():
    found = diagnose(recording(layers=6, gain=0.3))
    followed = {f.consequence_of for f in found.findings if f.severity == "error"} - {None}
    assert followed <= {f.code for f in found.findings if f.severity == "error"}


def test_input_that_cannot_be_used_is_exit_code_2_and_one_clear_message(run_cli, tmp_path):
    (tmp_path / "empty.clino").write_bytes(b"")
    for path in ("empty.clino", "missing.clino"):
        done = run_cli("report", path, "--fail-on", "error", code=2)
        assert path in done.stderr
        assert "Traceback" not in done.stderr
