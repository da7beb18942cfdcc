"""What a notebook shows of a result: whole HTML, every name escaped, no script, small, light and dark."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

import clinometer
from clinometer.calibration.chapter import models
from clinometer.calibration.compare import compare
from clinometer.calibration.run_view import run_view
from clinometer.calibration.two_splits import Splits, overstated
from clinometer.diagnosis.diagnose import diagnose
from clinometer.errors import ClinometerError
from clinometer.reports.log_rows import log_rows
from clinometer.reports.notebook.drawings import COLUMNS, DOWN, PAD, log_drawing, sparkline
from clinometer.reports.notebook.parts import COLOURS, table
from made import falling, finding, judged_as, recording

MOST_BYTES = 60_000
HOSTILE = "<script>alert(1)</script>\"'&\x00\u202e</div>"
VOID = {"br", "img", "line", "rect", "path"}  # closed by themselves here
ALLOWED = {
    "b", "caption", "code", "details", "div", "li", "line", "p", "path", "rect", "small", "style",
    "span", "strong", "summary", "svg", "table", "tbody", "td", "text", "th", "thead", "title", "tr", "ul",
}  # fmt: skip


class Reader(HTMLParser):
    """Fails where a tag is not closed in order; keeps the tags, attributes and texts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.append(tag)
        self.attributes += attrs

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def read(html):
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def shown(result):
    """The HTML of a result, after the checks that hold for all of them."""
    html = result._repr_html_()
    reader = read(html)
    assert set(reader.tags) <= ALLOWED
    assert len(html.encode()) <= MOST_BYTES
    names = {name for name, _ in reader.attributes}
    assert not [name for name in names if name.startswith("on") or name in {"src", "href"}]
    assert not re.search(r"url\(|@import|https?:", html)
    return html, " ".join(reader.texts)


def noisy_models(n=400, groups=None):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, n)
    logits = rng.normal(size=(n, 3)) * 2
    logits[np.arange(n), labels] += 1.5
    return labels, logits, groups


def confident(**more):
    labels, logits, _ = noisy_models()
    return clinometer.confidence(logits, labels, **more)


def view(epochs=30):
    labels, logits, _ = noisy_models()
    return run_view([(1 + k / 3) * logits for k in range(epochs)], labels)


RESULTS = {
    "recording": recording,
    "diagnosis": lambda: judged_as(finding("FLOW201", layer="net.2"), finding("FLOW301")),
    "finding": lambda: finding("FLOW201"),
    "ledger": lambda: judged_as().ledger,
    "line": lambda: judged_as().ledger[0],
    "comparison": lambda: compare(*models().values()),
    "confidence": confident,
    "groups": lambda: confident(groups=np.arange(400) // 10),
    "splits": lambda: Splits(confident(), confident(), "By rows it holds.", 5, 0, (320,) * 5, 0, ("a",)),
    "run view": view,
}  # fmt: skip


@pytest.mark.parametrize("name", RESULTS)
def test_every_result_is_whole_small_html_without_a_script(name):
    html, text = shown(RESULTS[name]())
    assert html == clinometer.notebook_html(RESULTS[name]())
    assert len(text) > 100


@pytest.mark.parametrize("kind", ["diagnosis", "comparison", "confidence", "splits", "run view"])
def test_verdict_and_sentence_come_first(kind):
    result = RESULTS[kind]()
    told = result.to_dict()
    word = told.get("verdict", told.get("whole_groups", {}).get("verdict"))
    sentence = told.get("because", told.get("headline"))
    _, text = shown(result)
    assert text.index(word) < text.index(sentence.split(".")[0]) < text.index(word) + 2000


def test_a_diagnosis_shows_its_evidence_its_log_and_its_ledger():
    judged = judged_as(finding("FLOW201", layer="net.2"), finding("FLOW301"))
    html, text = shown(judged)
    for told in ("1e-06 (-6.0 decades)", "This rule: ", "FLOW301", "net.2", "lost to"):
        assert told in text
    assert html.count("<svg") == 2
    assert "Log by depth" in html


def test_the_ledger_shows_the_settled_numbers():
    judged = diagnose(recording(layers=4, gain=0.3))
    _, text = shown(judged.ledger)
    for line in judged.lines:
        if line.is_weight:
            assert f"{line.arriving[judged.late].mean() + 0.0:.2f}" in text
            assert f"{line.total[judged.late].mean():.2f}" in text


def test_a_recording_says_what_was_recorded():
    _, text = shown(recording(notes=("one layer was not seen",), losses=falling()))
    for told in ("train.py", "200, 10 of them", "5 calls", "6 parameter", "not known", "not seen"):
        assert told in text


def test_hostile_names_are_text():
    sites = recording(2).sites
    named = (replace(sites[0], name=HOSTILE), *sites[1:])
    run = recording(sites=named, path=HOSTILE, notes=(HOSTILE,), meta={"script": HOSTILE})
    told = {
        "layer": HOSTILE,
        "layers": (HOSTILE, "net.0"),
        "cause": HOSTILE,
        "explanation": HOSTILE,
    }
    judged = judged_as(finding("FLOW201", **told), recording=run)
    judged = replace(judged, because=HOSTILE)
    for result in (run, judged, judged.findings[0], judged.ledger, judged.ledger[0]):
        html, _ = shown(result)
        assert "<script" not in html
        assert "\x00" not in html
        assert "\u202e" not in html
        html.encode("utf-8")


def test_hostile_groups_classes_and_notes_are_text():
    groups = np.array([f"{HOSTILE}{i}" for i in range(40)])[np.arange(400) // 10]
    found = replace(confident(groups=groups), notes=(HOSTILE,), because=HOSTILE)
    html, text = shown(found)
    assert "<script" not in html
    assert "alert(1)" in text


def test_half_a_surrogate_pair_can_be_sent():
    html, _ = shown(recording(path="run\udc80.clino"))
    html.encode("utf-8")


@pytest.mark.parametrize("layers", [1, 40, 1000])
def test_a_large_network_stays_small(layers):
    run = recording(layers, notes=tuple(f"note {i} " * 20 for i in range(200)))
    found = [finding(f"FLOW{i}", layer=f"net.{2 * i}") for i in range(100, 300)]
    for result in (run, judged_as(*found, recording=run), judged_as(recording=run).ledger):
        shown(result)


def test_a_long_run_of_epochs_stays_small():
    labels, logits, _ = noisy_models(60)
    shown(run_view([(1 + k / 300) * logits for k in range(500)], labels))


def test_runs_with_little_in_them_are_shown():
    loss = recording().sites[-1]
    nothing = recording(sites=(loss,), losses=np.full(200, np.nan))
    for result in (nothing, diagnose(nothing), diagnose(nothing).ledger):
        shown(result)
    assert "No ledger" in shown(diagnose(nothing).ledger)[1]


def test_what_is_no_result_is_refused():
    with pytest.raises(ClinometerError, match="expected a result"):
        clinometer.notebook_html("text")


# -- drawings ------------------------------------------------------------------------------------


def points(svg):
    path = re.search(r' d="([^"]*)"', svg)[1]
    return [(c, float(x), float(y)) for c, x, y in re.findall(r"([ML])([\d.]+) ([\d.]+)", path)]


def test_a_curve_goes_through_the_extremes_of_a_long_run():
    values = np.random.default_rng(0).standard_normal(50_000)
    drawn = points(sparkline(values, "loss"))
    heights = [y for _, _, y in drawn]
    assert len(drawn) <= 2 * COLUMNS
    assert (min(heights), max(heights)) == (PAD, DOWN - PAD)


def test_a_curve_is_parted_where_it_is_not_finite():
    values = np.array([1.0, 2.0, np.nan, 1.0, np.inf, 2.0])
    assert "".join(c for c, _, _ in points(sparkline(values, ""))) == "MLMM"
    assert sparkline(np.array([1.0, np.nan]), "") == ""


def test_the_log_draws_each_reading_where_its_scale_puts_it():
    judged = judged_as(finding("FLOW201", layer="net.2"), recording=recording(3, gain=0.1))
    rows = log_rows(judged, 24)
    drawn = log_drawing(rows, "log")
    widths = re.findall(r'width="([\d.]+)" height="9" fill="#3b82c4"', drawn)
    expected = [130 * (row.gradient + 8) / 8 for row in rows]
    assert [float(w) for w in widths[::2]] == pytest.approx(expected, abs=0.1)
    assert drawn.count('fill-opacity=".3"') == 1
    assert ">FLOW201<" in drawn


# -- light and dark ------------------------------------------------------------------------------


def luminance(colour):
    """Relative luminance (WCAG 2.1) of #rrggbb."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colour", COLOURS.values())
def test_a_badge_is_read_on_its_own_colour(colour):
    assert contrast("#ffffff", colour) >= 4.5


@pytest.mark.parametrize("ground", ["#ffffff", "#111111"])
def test_curves_stand_out_from_light_and_dark(ground):
    from clinometer.reports.notebook import drawings

    for colour in (drawings.BLUE, drawings.RED, drawings.BROWN):
        assert contrast(colour, ground) >= 3


def test_text_takes_the_colour_of_the_page():
    html, _ = shown(judged_as(finding("FLOW201")))
    style = re.search(r"<style>(.*?)</style>", html)[1]
    assert re.findall(r"[;{]color:([^;}]*)", style) == ["inherit", "#fff", "inherit", "inherit"]
    assert re.findall(r'fill="(currentColor)"', html)


def test_a_table_without_rows_is_left_out():
    assert table(("a",), []) == ""


def test_confidence_and_its_overstatement_agree():
    found = confident()
    assert f"{100 * found.accuracy:.1f} %" in shown(found)[1]
    assert overstated(found) == found.mean_confidence - found.accuracy
