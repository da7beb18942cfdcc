"""The report of a treatment: text in 80 columns, a page, a notebook's card."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

import clinometer
from clinometer.records.treatment import Treatment
from clinometer.reports.html.treatment_page import treatment_page
from clinometer.reports.treatment_text import treatment_text
from clinometer.treatment.judgement import judge, ordered
from clinometer.treatment.treat_words import headline

DIFF = "--- train.py\n+++ train.py\n@@ -1 +1 @@\n-lr=1e-1  # <slow>\n+lr=1e-2\n"
FINDING = {
    "code": "FLOW201", "name": "vanishing-gradient", "severity": "error", "layer": "net.<0>",
    "explanation": "The gradient <b>vanishes</b>.",
}  # fmt: skip


def record(arm, seed, end, **more):
    kind = arm if arm in {"nothing", "sham", "random"} else "remedy"
    noise = np.random.default_rng([seed, len(arm)]).normal(0, 1e-3, 20)
    losses = [end + float(one) for one in noise] if math.isfinite(end) else ["nan"] * 20
    return {
        "arm": arm, "kind": kind, "remedy": arm if kind == "remedy" else None, "seed": seed,
        "moment": "running", "at": 300, "steps": 20, "ended": "steps", "why": "",
        "done": "learning rate 0.1 -> 0.01", "losses": losses, "right": None, "loss": "cross_entropy",
        "no_information": 2.303, "validation": [[10, end]] if math.isfinite(end) else [],
        "prefix": "p", "recording": None, "verdict": "learning", "codes": [],
        "factor": {"layer": "net.0", "name": "activation gain", "value": -5.0 + (end < 2) - seed / 100},
    } | more  # fmt: skip


@pytest.fixture(scope="module")
def treatment():
    ends = {
        "nothing": 2.302, "sham": 2.302, "random": 2.3, "lower-rate": 0.41, "raise-rate": math.nan,
        "change-activation-with-a-long-name": 2.302,
    }  # fmt: skip
    judged, _ = judge([record(arm, seed, end) for seed in range(5) for arm, end in ends.items()])
    arms = ordered(judged, ["lower-rate"])
    because, remedy = headline(arms, 20, 5)
    return Treatment(
        script="runs/<train>.py", finding=FINDING, verdict="proven", because=because, remedy=remedy,
        arms=arms, steps=20, at=300, seeds=5, by_hand=(("reconnect-graph", "take out detach()"),),
        not_applicable=(("gated-cell", "no recurrent layer"),), notes=("A note <i>.",),
        change={"kind": "diff", "text": DIFF, "where": "line 1"}, trials="out/trials.jsonl",
    )  # fmt: skip


def test_the_first_line_says_which_remedy_is_proven_and_by_how_much(treatment):
    first = " ".join(treatment_text(treatment).split("\n\n")[0].split())
    assert first.startswith("Proven: divide the learning rate by 10. Loss 2.302 -> 0.41")
    assert "after 20 steps (5 seeds; lower by 1.89 nat, 95 % 1.89 to 1.89)" in first
    assert "doing nothing, a sham and a random remedy did not do as well" in first


def test_the_text_fits_eighty_columns_and_names_what_is_harmful(treatment):
    told = treatment_text(treatment)
    assert max(map(len, told.splitlines())) <= 80
    assert "HARMFUL" in told
    assert "no recurrent layer" in told
    assert "take out detach()" in told
    assert "+lr=1e-2" in told
    assert "Activation gain -5.0 -> -4.0 decades" in " ".join(told.split())
    assert str(treatment) == told


def test_a_page_shows_the_same_and_escapes_everything(treatment):
    page = treatment_page(treatment)
    for said in ("<b>vanishes", "<slow>", "<train>", "A note <i>"):
        assert said not in page
    for said in (
        "&lt;slow&gt;",
        "Proven",
        "lower-rate",
        "harmful",
        "no recurrent layer",
        "+lr=1e-2",
    ):
        assert said in page
    assert "there are no logs" in page.lower()
    assert "http" not in page.replace("http-equiv", "")


def test_a_notebook_shows_it_too(treatment):
    shown = clinometer.notebook_html(treatment)
    assert "&lt;slow&gt;" in shown
    assert "<slow>" not in shown
    assert "A note <i>" not in shown
    assert treatment._repr_html_() == shown


def test_nothing_to_treat_is_one_sentence(treatment):
    found = Treatment("train.py", None, "nothing to treat", "Nothing to treat: ... Learned: ...")
    assert treatment_text(found) == "Nothing to treat: ... Learned: ...\n"
    assert "Nothing was tried" in treatment_page(found)


def test_only_a_proven_remedy_is_recommended(treatment):
    arms = tuple(
        dataclasses.replace(arm, verdict="undecided") if arm.verdict == "proven" else arm
        for arm in treatment.arms
    )
    because, remedy = headline(arms, 20, 5)
    assert remedy is None
    assert because.startswith("None is proven. Undecided: divide the learning rate by 10.")
