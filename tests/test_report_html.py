"""The HTML report without a browser: what it says, that it holds nothing foreign, and its arithmetic."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from benchmarks import report

from clinometer.diagnosis.diagnose import diagnose
from clinometer.diagnosis.rates import Rate
from clinometer.errors import ClinometerError
from clinometer.reports.html import findings, log, loss, page
from clinometer.reports.html.ledger import table
from clinometer.reports.html.run_page import run_page, write_run_page
from made import chain_sites, falling, finding, judged_as, recording

MIB = 2**20
HOSTILE = "<img src=x onerror=alert(1)>\"'</script><!--{{7*7}}\u202e\x00"
GOAL_CPU_S, GOAL_MIB = 5.0, 1024


class Parsed(HTMLParser):
    """Tags with their attributes, and the text inside of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": []}
        self.text: list[str] = []
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._in = tag if tag in self.inside else ""
        if self._in:
            self.inside[tag].append("")

    def handle_endtag(self, tag):
        self._in = ""

    def handle_data(self, data):
        if self._in:
            self.inside[self._in][-1] += data
        else:
            self.text.append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def stuck():
    return judged_as(finding("FLOW201"), recording=recording(layers=4, gain=0.1))


@pytest.fixture(scope="module")
def stuck_page(stuck):
    return run_page(stuck)


def words(text: str) -> str:
    return " ".join(" ".join(Parsed(text).text).split())


# -- what it says --------------------------------------------------------------------------------


def test_the_page_says_what_the_text_report_says(stuck_page, stuck):
    said = words(stuck_page)
    for part in (
        "Stuck", "the loss does not fall", "FLOW201", "is what is wrong", "below the limit 0.01", "train.py",
        "200 steps, 10 observed", "initialise with nn.init.kaiming_normal_",
    ):  # fmt: skip
        assert part in said, part
    for _, why in stuck.not_judged:
        assert why in said


def test_a_run_without_a_fault_says_how_many_rules_looked():
    healthy = diagnose(recording(losses=falling()))
    assert not [one for one in healthy.findings if one.severity != "note"]
    assert "rules looked, and none of them found a fault" in words(run_page(healthy))


def test_a_run_in_which_nothing_was_observed_still_has_a_page():
    empty = recording(sites=())
    rows = {kind: cube[:0] for kind, cube in empty.rows.items()}
    said = words(run_page(replace(empty, observed=np.zeros(0, np.int64), rows=rows)))
    assert "There is no log here" in said
    assert "No ledger" in said


def test_reliability_is_given_with_its_interval():
    rows = findings._rates(Rate(23, 25, 0, 280))
    assert rows[0][1:3] == ("23 of 25", "92.0%")
    assert rows[1][1:3] == ("0 of 280", "0.0%")
    # Wilson's interval by hand, z = 1.959964
    z, n, p = 1.959964, 25, 23 / 25
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    assert rows[0][3] == f"{middle - half:.1%} to {middle + half:.1%}"
    assert [row[0] for row in findings._rates(Rate(0, 0, 1, 10))] == [
        "false alarms in healthy runs"
    ]


# -- nothing foreign -----------------------------------------------------------------------------


def test_the_page_refers_to_nothing_outside_itself(stuck_page):
    for tag, attributes in Parsed(stuck_page).tags:
        assert tag not in {"link", "iframe", "object", "embed", "base", "form"}
        for name in ("src", "href", "action", "srcset", "poster", "xlink:href"):
            if name in attributes:
                assert attributes[name].startswith(("#", "data:image/")), (
                    tag,
                    attributes[name][:60],
                )
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
    assert not re.search(r"url\(|@import|https?://", "".join(Parsed(stuck_page).inside["style"]))


def test_the_policy_names_exactly_the_style_and_the_script_of_the_page(stuck_page):
    parsed = Parsed(stuck_page)
    policy = next(m["content"] for m in parsed.of("meta") if m.get("http-equiv"))
    data, script = parsed.inside["script"]
    assert [one.get("type") for one in parsed.of("script")] == ["application/json", None]

    def named(text):
        return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"

    assert f"script-src {named(script)};" in policy
    assert f"style-src {named(parsed.inside['style'][0])};" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert json.loads(data)["places"]


def test_hostile_texts_add_no_tag_no_attribute_and_no_script(stuck_page):
    name = f"{HOSTILE}.0"
    whole = recording(
        layers=4, gain=0.1, sites=chain_sites(4, HOSTILE), path=HOSTILE, notes=(HOSTILE,),
        meta={"script": HOSTILE, "torch": HOSTILE},
    )  # fmt: skip
    bad = finding("FLOW201", layer=name, layers=(name,), explanation=HOSTILE, remedies=(HOSTILE,))
    told = run_page(judged_as(bad, recording=whole))

    def shape(text):
        return {(tag, *sorted(attributes)) for tag, attributes in Parsed(text).tags}

    assert shape(told) <= shape(stuck_page) | {("dd",), ("dt",)}
    assert "49" not in Parsed(told).of("title")
    data = json.loads(Parsed(told).inside["script"][0])
    assert data["places"][0][0] == page.visible(name)
    assert told.count("</script>") == 2
    assert not set("\u202e\x00") & set(told)


def test_half_of_a_surrogate_pair_in_a_path_can_be_written(tmp_path):
    broken = judged_as(finding("FLOW201"), recording=recording(path="run\udc80.clino"))
    write_run_page(broken, tmp_path / "page.html")
    assert "run\\udc80.clino" in (tmp_path / "page.html").read_text("utf-8")


def test_a_value_that_no_page_should_hold_is_refused_not_written_as_nan():
    with pytest.raises(ValueError, match="JSON compliant"):
        page.data_block({"value": math.nan})


# -- arithmetic ----------------------------------------------------------------------------------


def test_the_ledger_has_the_numbers_of_the_json_report(stuck):
    rows = {row.layer: row for row in table(stuck).rows}
    found = table(stuck)
    for line in stuck.to_dict()["ledger"]:
        if line["layer"] not in rows:
            continue
        row = rows[line["layer"]]
        assert number(row.moves) == pytest.approx(line["total"], abs=0.005)
        assert number(row.arrives) == pytest.approx(line["arriving"], abs=0.005)
        spoken = dict(zip(found.factors, row.cells, strict=True))
        assert number(spoken["weight gain"].text) == pytest.approx(
            line["factors"]["weight"], abs=0.005
        )
    assert len(rows) == 4


def test_each_row_of_the_ledger_sums_to_what_moves(stuck):
    for row in table(stuck).rows:
        parts = [number(cell.text) for cell in row.cells if cell.text]
        assert sum(parts) == pytest.approx(number(row.moves), abs=0.005 * (len(parts) + 1))


def number(text: str) -> float:
    return float(text.replace("\N{MINUS SIGN}", "-"))


def test_the_curve_of_the_loss_keeps_every_extreme_of_a_long_run():
    rng = np.random.default_rng(1)
    losses = 1.0 + 0.1 * rng.standard_normal(50_000)
    losses[12_345], losses[40_000] = 1.9, 0.3
    told = loss.curve(diagnose(recording(steps=50_000, every=5_000, losses=losses)))
    points = [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", told.path)]
    assert len(points) <= 4 * loss.COLUMNS
    low, high = float(told.bottom), float(told.top)
    assert (low, high) == (pytest.approx(0.3), pytest.approx(1.9))
    # the slow way: each column of pixels by a loop over its losses
    span = loss.DOWN - 2 * loss.PAD
    columns: dict[int, list[float]] = {}
    for step, value in enumerate(losses):
        column = int(step * (loss.ACROSS / 49_999) * loss.COLUMNS / loss.ACROSS)
        columns.setdefault(min(column, loss.COLUMNS - 1), []).append(value)
    width = loss.ACROSS / loss.COLUMNS
    for column, mine in columns.items():
        shown = [y for x, y in points if column * width - 0.05 <= x <= (column + 1) * width + 0.05]
        for extreme in (min(mine), max(mine)):
            down = loss.PAD + (high - extreme) / (high - low) * span
            assert min(abs(y - down) for y in shown) <= 0.11


def test_the_curve_of_the_loss_never_joins_over_a_nan():
    losses = np.linspace(2.0, 1.0, 200)
    losses[100] = math.nan
    told = loss.curve(diagnose(recording(losses=losses)))
    assert told.path.count("M") == 2
    assert told.bad == pytest.approx(100 / 199 * loss.ACROSS)
    assert "not finite from step 100 on" in told.alt


def test_a_loss_over_more_than_two_decades_has_a_logarithmic_scale_and_says_so():
    told = loss.curve(diagnose(recording(losses=np.logspace(0, -4, 200))))
    assert told.scale == "logarithmic"
    heights = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", told.path)]
    assert np.diff(heights) == pytest.approx(np.mean(np.diff(heights)), abs=0.11)


def test_depths_lie_on_the_picture_where_the_page_says(stuck):
    """The band of the blamed layer, found by its colour in the picture itself."""
    pytest.importorskip("matplotlib")
    from PIL import Image

    from clinometer.reports.well_log.plot import DOTS, drawable
    from clinometer.reports.well_log.remarks import STRONG
    from clinometer.reports.well_log.sheet import sheet

    for layer in ("net.0", "net.4"):
        blamed = judged_as(finding("FLOW201", layer=layer), recording=stuck.recording)
        well = drawable(blamed)
        figure = sheet([well])
        part, drawn = log._part(figure), io.BytesIO()
        figure.savefig(drawn, format="png", dpi=DOTS, bbox_inches=part)
        pixels = np.asarray(Image.open(drawn).convert("RGB")).astype(int)
        colour = [int(STRONG[i : i + 2], 16) for i in (1, 3, 5)]
        left, top, right, bottom = log._edges(figure, part, len(well))
        inside = pixels[int(top * len(pixels)) : int(bottom * len(pixels))]
        rows = np.flatnonzero((np.abs(inside - colour).sum(axis=2) < 12).sum(axis=1) > 200)
        tall = len(pixels) * (bottom - top) / len(well)
        place = well.names.index(layer)
        assert rows[0] == pytest.approx(place * tall, abs=4)
        assert rows[-1] == pytest.approx((place + 1) * tall, abs=4)
        assert 0 < left < right < 1


# -- limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize("layers", [3, 200])
def test_the_page_without_what_grows_with_the_network_is_at_most_a_mebibyte(layers):
    told = run_page(judged_as(finding("FLOW201"), recording=recording(layers=layers, gain=0.9)))
    data = Parsed(told).inside["script"][0]
    assert len(told.encode()) - len(data) <= MIB


def test_without_matplotlib_the_page_has_no_log_and_says_how_to_get_one(monkeypatch, stuck):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    told = run_page(stuck)
    assert "pip install 'clinometer[plot]'" in words(told)
    assert not Parsed(told).of("img")


def test_without_jinja2_the_error_says_how_to_get_it(monkeypatch, stuck):
    monkeypatch.setitem(sys.modules, "markupsafe", None)
    with pytest.raises(ClinometerError, match=r"pip install 'clinometer\[html\]'"):
        run_page(stuck)


def test_the_same_recording_gives_the_same_page(stuck, stuck_page):
    assert run_page(stuck) == stuck_page


def test_the_command_writes_the_page_and_one_clear_line_where_it_cannot(tmp_path, run_cli):
    path = tmp_path / "run.clino"
    report.write(path, 500, 3)
    done = run_cli("report", path, "--html", tmp_path / "page.html")
    assert done.stdout.startswith("STUCK") or "steps" in done.stdout
    assert (tmp_path / "page.html").read_text("utf-8").startswith("<!doctype html>")
    bad = run_cli("report", path, "--html", tmp_path / "no" / "page.html", code=2)
    assert "cannot be written" in bad.stderr
    assert "Traceback" not in bad.stderr


@pytest.mark.slow
def test_a_page_of_100000_steps_and_200_layers_takes_less_than_five_seconds_and_a_gibibyte(
    tmp_path,
):
    path, told = tmp_path / "long.clino", tmp_path / "long.html"
    report.write(path, 100_000, 200)
    runs = [report.measured(["report", str(path), "--html", str(told)]) for _ in range(3)]
    assert min(cpu for _, cpu, _ in runs) < GOAL_CPU_S
    assert max(memory for *_, memory in runs) < GOAL_MIB
    assert told.stat().st_size <= MIB
