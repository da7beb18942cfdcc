"""The report in words: what a stuck user reads on the first screen, and what comes after it."""

from __future__ import annotations

import io
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from clinometer.diagnosis import rates
from clinometer.diagnosis.answers import Answer
from clinometer.diagnosis.diagnose import all_rules, diagnose
from clinometer.diagnosis.line import SPOKEN
from clinometer.diagnosis.remedies import REMEDIES
from clinometer.diagnosis.rule import Evidence
from clinometer.records.recording import Event
from clinometer.reports.diagnosis_text import fitting, text
from clinometer.reports.evidence_text import evidence_text
from clinometer.reports.finding_text import families
from clinometer.reports.ledger_text import MOST_LINES
from clinometer.reports.styled import show
from clinometer.store.writer import Writer
from made import chain_sites, falling, finding, judged_as, recording

SCREEN = 24
GOLDEN = Path(__file__).parent / "golden"
PAGE = Path(__file__).parents[1] / "docs" / "reading-a-report.md"


def first_screen(report: str) -> str:
    return "\n".join(report.splitlines()[:SCREEN])


def flat(report: str) -> str:
    """Without line breaks and indents: what a reader reads."""
    return re.sub(r"\s+", " ", report)


def block(report: str, title: str) -> list[str]:
    """Lines of one part of the report."""
    return next(part for part in report.split("\n\n") if part.startswith(title)).splitlines()


# -- the first screen ----------------------------------------------------------------------------


def test_the_first_screen_says_what_where_how_known_how_sure_and_what_to_try():
    found = diagnose(recording(layers=6, gain=0.3))
    assert found.findings[0].code == "FLOW201"
    screen = first_screen(text(found))
    assert screen.startswith("STUCK   train.py\n200 steps, 10 observed, ended normally\n")
    assert "ln 4" in screen
    labels = ["What", "Where", "How known", "How sure", "Try", "Therefore"]
    at = [screen.index(f"\n  {label} ") for label in labels]
    assert at == sorted(at)
    assert "layer net.0" in screen
    assert "below the limit 0.01" in screen
    assert "nn.init.kaiming_normal_" in screen
    assert "FLOW502 no-information-plateau" in screen


def test_the_explanation_of_the_leading_finding_is_told_once():
    found = judged_as(finding("FLOW201"))
    assert flat(text(found)).count("FLOW201 is what is wrong.") == 1
    assert "Stuck: the loss does not fall." in text(found)


def test_a_measured_rule_states_its_rates_and_another_that_it_was_not_measured(monkeypatch):
    counts = {"detected": 23, "sick": 25, "alarms": 0, "healthy": 280}
    monkeypatch.setattr(rates, "_measured", lambda: {"unseen": {"rules": {"FLOW201": counts}}})
    report = flat(text(judged_as(finding("FLOW201"), finding("FLOW202"))))
    assert "right in 23 of 25 sick runs, no false alarm in 280 healthy ones" in report
    assert "n = 10 in this run. This rule: not measured yet." in report


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (Evidence("gain", -np.inf, -2.0, "decades", 5), "gain exactly 0, below the limit 0.01"),
        (Evidence("gain", -6.0, 0.0, "decades", 5), "gain 1e-06 (-6.0 decades); lossless would be 1"),
        (Evidence("gain", -1e4, -2.0, "decades", 5), "gain -10000 decades, below the limit 0.01"),
        (Evidence("flat", 0.98, 0.5, "of units x examples", 5),
         "flat 98 % of units x examples, above the limit 50 %"),
        (Evidence("axis", 0.0, None, "of 2", 5), "axis 0 of 2"),
        (Evidence("received", 1.0, None, "yes or no", 5), "received: yes"),
        (Evidence("rms", 3.0, 3.0, "-", 1200), "rms 3, at the limit 3 (n = 1,200)"),
        (Evidence("flat", np.nan, None, "of units", 0), "flat: not measured"),
    ],
)  # fmt: skip
def test_evidence_is_a_plain_number_beside_its_limit(item, said):
    assert evidence_text(item, 5) == said


def test_every_remedy_that_a_rule_names_is_told_in_words():
    named = {remedy for rule in all_rules() for remedy in rule.remedies}
    assert named <= REMEDIES.keys()
    assert max(map(len, REMEDIES.values())) <= 100
    assert not [line for line in REMEDIES.values() if line.endswith(".") or "\n" in line]


def test_the_page_on_reading_a_report_explains_every_label_verdict_factor_and_answer():
    page = PAGE.read_text(encoding="utf-8")
    labels = ["What", "Where", "How known", "How sure", "Try", "Therefore"]
    columns = ["arrives", "moves", "left", "lost to"]
    verdicts = ["learning", "learned", "stuck", "diverged", "not-training", "undecided"]
    assert not [word for word in [*labels, *columns] if f"| *{word}* |" not in page]
    assert not [word for word in [*verdicts, "disconnected"] if f"\n{word}\n: " not in page]
    assert not [factor for factor in SPOKEN.values() if factor not in page]


# -- causes, consequences, notes -----------------------------------------------------------------


def test_consequences_are_one_line_each_under_their_cause():
    found = judged_as(
        finding("FLOW205"),
        finding("FLOW303", layer="net.4"),
        finding("FLOW101", consequence_of="FLOW205"),
        finding("FLOW201", layer="net.2", consequence_of="FLOW101"),
        finding("FLOW502", layer="", consequence_of="FLOW303"),
    )
    report = text(found)
    assert block(report, "ERROR FLOW205")[-2:] == [
        "  Therefore  FLOW101 some-fault at net.0",
        "             FLOW201 some-fault at net.2",
    ]
    assert block(report, "ERROR FLOW303")[-1] == "  Therefore  FLOW502 some-fault"
    assert report.count("ERROR") == 2


def test_many_consequences_are_counted():
    rest = [finding(f"FLOW30{i}", consequence_of="FLOW205") for i in range(6)]
    assert text(judged_as(finding("FLOW205"), *rest)).count("and 3 more consequences") == 1


def test_of_causes_that_explain_each_other_the_first_leads():
    one = finding("FLOW404", consequence_of="FLOW104")
    other = finding("FLOW104", consequence_of="FLOW404")
    lost = finding("FLOW302", consequence_of="FLOW104")
    assert families((one, other, lost)) == [(one, [other, lost])]
    alone = finding("FLOW404", consequence_of="FLOW999")
    assert families((alone,)) == [(alone, [])]


def test_notes_come_last_and_short():
    notes = [finding(f"FLOW10{i}", "note") for i in range(7)]
    report = text(judged_as(notes[0], finding("FLOW205", "warning"), *notes[1:]))
    assert report.index("WARNING FLOW205") < report.index("\nNotes\n")
    assert block(report, "Notes")[1] == "  - FLOW100 some-fault at net.0: FLOW100 is what is wrong."
    assert "and 2 more (--json lists them)" in report
    assert "second sentence" not in "\n".join(block(report, "Notes"))


# -- a run that learns ---------------------------------------------------------------------------


def test_a_run_that_learns_has_a_short_report_without_advice():
    found = diagnose(recording(layers=40, losses=falling(), gain=0.99))
    report = text(found)
    assert found.verdict in {"learning", "learned"}
    assert "none of them found a fault" in report
    assert not re.search("ERROR|WARNING|  Try", report)
    assert len(report.splitlines()) < 40


# -- the ledger ----------------------------------------------------------------------------------


@pytest.mark.parametrize("gain", [0.8, 0.97, 1.0])
def test_a_large_network_shows_its_ends_and_the_blamed_layers_and_counts_the_rest(gain):
    table = block(text(diagnose(recording(layers=200, gain=gain))), "  layer")
    rows = [line for line in table[1:] if line.startswith(("  net.", "  ..."))]
    assert len(rows) <= MOST_LINES
    assert rows[0].startswith("  net.0 Linear")
    assert rows[-1].startswith("  net.398 Linear")
    between = [int(n) for line in rows if (n := "".join(re.findall(r"\.\.\. (\d+) layer", line)))]
    assert len(rows) - len(between) + sum(between) == 200
    assert "  200 other tensors (--json lists them)" in table


def test_the_layers_that_findings_name_are_shown():
    found = judged_as(finding("FLOW101", layer="net.200"), recording=recording(layers=200))
    assert any(line.startswith("  net.200 Linear ") for line in text(found).splitlines())


def test_the_ledger_names_the_factor_and_the_answer():
    report = text(diagnose(recording(layers=8, gain=0.3)))
    row = next(line for line in report.splitlines() if line.startswith("  net.0 Linear"))
    assert re.search(r"stuck: (weight|activation) \d\.\d", row)


def test_disconnected_tensors_are_told_by_their_reason():
    found = judged_as(
        answers={
            name: Answer(name, "disconnected", why="no optimizer that stepped owns it")
            for name in ("fc.weight", "fc.bias")
        }
    )
    assert "Disconnected (no optimizer that stepped owns it): fc.weight, fc.bias." in text(found)


# -- what was not judged, and how it was measured ------------------------------------------------


def test_reasons_are_told_once_with_all_the_rules_they_hold_for():
    silent = tuple((f"FLOW10{i}", "no activation was observed") for i in range(3))
    found = replace(judged_as(finding("FLOW205")), not_judged=(*silent, ("FLOW204", "no time")))
    assert block(text(found), "Not judged")[1:3] == [
        "  - FLOW100, FLOW101, FLOW102: no activation was observed",
        "  - FLOW204: no time",
    ]


def test_events_and_cost_are_told():
    meta = {"overhead": {"seconds": 1.5, "measured": 0.012, "interval": [0.01, 0.014]}}
    events = tuple(Event(step, "spike", f"loss of step {step}") for step in range(9))
    report = flat(text(judged_as(recording=recording(meta=meta, events=events))))
    assert "step 0: loss of step 0" in report
    assert "and 5 more" in report
    assert "Recording took 1.50 s (1.2% of the run, 95 % interval 1.0% to 1.4%)" in report


# -- width, colour, pipes ------------------------------------------------------------------------


words = st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1, max_size=200)


@settings(max_examples=40)
@given(
    width=st.integers(60, 100), name=words, told=words, severity=st.sampled_from(["error", "note"])
)
def test_no_line_is_wider_than_asked(width, name, told, severity):
    prefix = "block." + re.sub(r"\s", "_", name)
    run = recording(sites=chain_sites(15, prefix), meta={"script": name}, notes=(told,))
    found = judged_as(
        finding("FLOW201", severity, layer=prefix, layers=(prefix, name), explanation=told),
        finding("FLOW301", severity, layer=prefix, consequence_of="FLOW201"),
        recording=run,
        not_judged=(("FLOW204", told),),
        unlined={name: told},
        answers={name: Answer(name, "disconnected", why=told)},
    )
    assert max(map(len, text(found, width).splitlines())) <= width


@pytest.mark.parametrize(("columns", "width"), [(20, 60), (80, 80), (300, 100)])
def test_the_width_is_that_of_the_terminal_within_bounds(columns, width):
    assert fitting(columns) == width


def on_terminal(report: str, **options: object) -> str:
    out = io.StringIO()
    console = Console(
        file=out, force_terminal=True, width=80, highlight=False, markup=False, **options
    )
    show(report, console)
    return out.getvalue()


def test_colour_adds_no_character_and_no_color_takes_it_away(monkeypatch):
    report = text(judged_as(finding("FLOW205"), finding("FLOW301", "note")), 100)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    coloured = on_terminal(report)
    assert "\x1b[1;31mSTUCK\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == report
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[\d;]*3\dm", on_terminal(report))


def test_what_is_piped_is_plain_text_and_needs_no_rich(run_cli):
    shown = run_cli("report", GOLDEN / "schema2.clino").stdout
    assert "\x1b" not in shown
    assert max(map(len, shown.splitlines())) <= 100
    assert shown.endswith(".\n")


def test_a_name_beyond_ascii_stops_no_report(run_cli, tmp_path):
    writer = Writer(str(tmp_path / "über.clino"), {"script": "größe.py"})
    writer.close()
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    assert "größe.py" in run_cli("report", "über.clino", env=environment).stdout


def test_help_teaches_verdicts_severities_and_exit_codes(run_cli):
    told = run_cli("report", "--help").stdout
    for word in ("learned", "not-training", "undecided", "warning", "--fail-on error", "Exit code"):
        assert word in told
