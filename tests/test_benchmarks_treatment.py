"""The treatment scorecard counts every case, and calls harm what it is."""

import pytest

pytest.importorskip("torch")

from benchmarks.treatment.cases import cures
from benchmarks.treatment.page import markdown
from benchmarks.treatment.score import is_worse, score


def arm(kind, verdict, name="a", **more):
    return {"name": name, "kind": kind, "verdict": verdict, **more}


def line(*arms, curable=True, right=True, held_out=(), **more):
    treatment = {"arms": list(arms), "verdict": "v", "finding": {"code": "FLOW101"}, "remedy": None}
    return {
        "name": "n", "codes": ["FLOW101"], "cures": ["lower-rate"] if curable else [], "wall_s": 60.0,
        "leading_right": right, "held_out": list(held_out), "treatment": treatment, **more,
    }  # fmt: skip


def test_a_case_without_a_result_stays_curable_and_is_not_cured():
    cured = line(arm("remedy", "proven"), arm("sham", "undecided"), arm("random", "proven"))
    broken = {
        "name": "b",
        "codes": [],
        "cures": ["lower-rate"],
        "error": "took too long",
        "wall_s": 1.0,
    }
    found = score([cured, broken, line(arm("sham", "proven"), curable=False, right=False)])
    assert (found.cured.k, found.cured.n, found.broken) == (1, 2, 1)
    assert (found.named.k, found.named.n) == (1, 1)
    assert (found.others.k, found.others.n) == (0, 1)
    assert (found.shams.k, found.shams.n) == (1, 2)
    assert (found.randoms.k, found.randoms.n) == (1, 1)
    assert "| b | none | yes | no result: took too long |" in markdown(
        {"tuned": [cured, broken]}, "", "", blind=False
    )


def test_data_that_hold_nothing_to_learn_are_counted_apart_too():
    shuffled = line(codes=["FLOW502"])
    found = score([line(arm("remedy", "proven")), shuffled, line(codes=["FLOW502", "FLOW201"])])
    assert (found.cured.k, found.cured.n) == (1, 3)
    assert (found.learnable.k, found.learnable.n) == (1, 2)


def test_a_repetition_says_harm_by_verdict_by_mean_or_by_validation_loss():
    def repeated(verdict="undecided", gain=0.1, validation=None):
        return arm(
            "remedy", verdict, outcome={"nothing": {"difference": gain}}, validation=validation
        )

    assert not is_worse(repeated())
    assert is_worse(repeated("harmful"))
    assert is_worse(repeated(gain=-0.01))
    assert is_worse(repeated(validation={"interval": [-0.3, -0.1]}))
    assert not is_worse(repeated(validation={"interval": [-0.3, 0.1]}))
    assert score([line(held_out=[repeated(gain=-0.01), repeated()])]).harmful.k == 1


def test_what_no_one_can_try_from_outside_is_not_curable():
    assert "lower-rate" in cures(["FLOW102"])
    assert cures([]) == ()
