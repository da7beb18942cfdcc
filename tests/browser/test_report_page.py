"""The HTML report in a real browser: read, pointed at, walked through by keyboard, printed, attacked."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from benchmarks import report

from clinometer.diagnosis.diagnose import diagnose
from clinometer.reports.html.page import visible
from clinometer.reports.html.run_page import write_run_page
from clinometer.store.reader import read
from made import chain_sites, finding, judged_as, recording

AXE = Path(__file__).parent / "axe.min.js"
HOSTILE = (
    "<img src=x onerror=alert(1)><script>document.title='owned'</script>\"' onmouseover='alert(2)"
    "&lt;b&gt;</script><!--{{7*7}}\u202e"
)
READY_MS = 1000.0


@pytest.fixture(scope="module")
def stuck(tmp_path_factory) -> Path:
    """A run that a vanishing gradient keeps at ln 4, and what follows from it."""
    cause = finding("FLOW201", layer="net.0", layers=("net.0", "net.2"), name="vanishing-gradient")
    follows = finding("FLOW502", layer="", layers=(), consequence_of="FLOW201")
    note = finding("RUN103", severity="note", layer="net.4", layers=("net.4",))
    path = tmp_path_factory.mktemp("page") / "stuck.html"
    whole = recording(layers=6, gain=0.1)
    write_run_page(judged_as(cause, follows, note, recording=whole), path)
    return path


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> Path:
    """Every text of the recording tries to leave its place."""
    sites = chain_sites(3, HOSTILE)
    whole = recording(
        sites=sites, path=f"{HOSTILE}.clino", meta={"script": HOSTILE, "arguments": [HOSTILE]},
        notes=(HOSTILE,), ended=HOSTILE,
    )  # fmt: skip
    name = f"{HOSTILE}.0"
    bad = finding("FLOW201", layer=name, layers=(name,), explanation=HOSTILE, remedies=(HOSTILE,))
    path = tmp_path_factory.mktemp("page") / "hostile.html"
    write_run_page(judged_as(bad, recording=whole), path)
    return path


def in_view(page, locator) -> bool:
    box = locator.bounding_box()
    return (
        box is not None
        and box["y"] >= 0
        and box["y"] + box["height"] <= page.viewport_size["height"]
    )


def wide(page) -> int:
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def test_the_first_screen_says_verdict_sentence_cause_and_evidence(open_page, stuck):
    page = open_page(stuck)
    assert page.get_by_role("heading", level=1).inner_text() == "Stuck"
    first = page.locator("#verdict")
    assert "the loss does not fall" in first.inner_text()
    for selector in ("h1", ".because", ".cause h2", ".cause table", ".try"):
        assert in_view(page, first.locator(selector)), selector
    assert "FLOW201 vanishing gradient" in first.locator("h2").inner_text()
    row = first.locator("tbody tr").first
    assert row.locator("th").inner_text() == "gain"
    assert row.locator("td").all_inner_texts() == [
        "1e-06 (-6.0 decades)",
        "below the limit 0.01",
        "10",
    ]


def test_pointing_at_a_depth_shows_its_ledger(open_page, stuck):
    page = open_page(stuck)
    depth, account = page.locator("#depth"), page.locator("#account")
    depth.scroll_into_view_if_needed()
    places = page.evaluate("JSON.parse(document.getElementById('data').textContent).places")
    left, top, right, bottom = page.evaluate(
        "JSON.parse(document.getElementById('data').textContent).edges"
    )
    seen = []
    for number, (name, *_rest) in enumerate(places):
        box = depth.bounding_box()
        share = top + (bottom - top) * (number + 0.5) / len(places)
        if box["y"] + box["height"] * share > page.viewport_size["height"] * 0.6:
            page.mouse.wheel(0, 200)
            page.wait_for_timeout(100)
            box = depth.bounding_box()
        page.mouse.move(
            box["x"] + box["width"] * (left + right) / 2, box["y"] + box["height"] * share
        )
        seen.append(account.locator("h3 bdi").inner_text())
        tensors = account.locator("h4 bdi").all_inner_texts()
        assert all(tensor.startswith(f"{name}.") for tensor in tensors)
    assert seen == [name for name, *_ in places]


def test_the_account_of_a_layer_has_the_numbers_of_the_ledger(open_page, stuck):
    page = open_page(stuck)
    shown = dict(
        page.locator("#account table")
        .nth(1)
        .locator("tr")
        .evaluate_all("rows => rows.map(row => [row.cells[0].innerText, row.cells[1].innerText])")
    )
    heads = page.locator(".ledger thead th").all_inner_texts()
    cells = page.locator(".ledger tbody tr").first.locator("th,td").all_inner_texts()
    table = dict(zip(heads, cells, strict=True))
    assert table["layer"].startswith("net.0")
    for name, value in shown.items():
        assert value == (table.get(name) or table["left"])


def test_a_click_holds_a_depth_and_the_next_lets_it_go(open_page, stuck):
    page = open_page(stuck)
    depth, title = page.locator("#depth"), page.locator("#account h3")
    depth.scroll_into_view_if_needed()
    box = depth.bounding_box()
    across, down = box["x"] + 40, box["y"] + 0.4 * box["height"]
    page.mouse.click(across, down)
    held = title.inner_text()
    assert "held" in held
    page.mouse.move(across, down + 60)
    assert title.inner_text() == held
    page.mouse.click(across, down)
    page.mouse.move(across, down + 61)
    assert title.inner_text() != held
    assert "held" not in title.inner_text()


def test_the_page_is_walked_through_by_keyboard_alone(open_page, stuck):
    page = open_page(stuck)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("(e => e.id || e.className || e.tagName)(document.activeElement)")
        )
        if reached[-1] == "depth":
            break
    assert reached[-1] == "depth", reached
    account, depth = page.locator("#account h3 bdi"), page.locator("#depth")
    for key, name in (
        ("Home", "net.0"),
        ("ArrowDown", "net.1"),
        ("End", "net.10"),
        ("ArrowUp", "net.9"),
    ):
        page.keyboard.press(key)
        assert account.inner_text() == name
        assert name in depth.get_attribute("aria-valuetext")
    assert page.locator("#account").evaluate("e => getComputedStyle(e).position") == "sticky"
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("details").first.evaluate("e => e.open")
    assert page.locator("#finding-2").is_visible()


def test_a_finding_jumps_to_its_place_in_the_log(open_page, stuck):
    page = open_page(stuck)
    page.locator("#finding-3 .jump").click()
    assert page.locator("#account h3 bdi").inner_text() == "net.4"
    assert page.evaluate("document.activeElement.id") == "depth"


def test_a_link_to_a_folded_finding_unfolds_it(open_page, stuck):
    page = open_page(f"{stuck.as_uri()}#finding-2")
    page.wait_for_function("document.querySelector('#finding-2').checkVisibility()")


def test_names_in_a_recording_cannot_act(open_page, hostile):
    page = open_page(hostile)
    for place in ("#depth", ".finding", "#measured"):
        page.locator(place).first.hover()
    page.locator("#depth").focus()
    page.keyboard.press("End")
    assert page.title().startswith("stuck: ")
    assert page.locator("img").count() == 1  # the log itself
    assert page.locator("script").count() == 2  # data and program
    assert page.locator("[onerror], [onmouseover]").count() == 0
    assert visible(HOSTILE) in page.locator("#measured").text_content()
    assert visible(HOSTILE) in page.locator("#account").text_content()


def test_the_policy_stops_a_script_that_got_in_all_the_same(chromium, stuck, tmp_path):
    page_text = stuck.read_text("utf-8").replace(
        "</main>", "<script>window.ran = 1</script></main>", 1
    )
    changed = tmp_path / "changed.html"
    changed.write_text(page_text, "utf-8")
    page = chromium.new_page()
    page.goto(changed.as_uri())
    assert page.evaluate("window.ran") is None
    page.close()


def serious(page) -> list[tuple[str, list[str]]]:
    """(rule, where) of what axe calls serious or critical."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run().then(found => found.violations)")
    grave = [one for one in found if one["impact"] in {"serious", "critical"}]
    return [(one["id"], [node["html"] for node in one["nodes"]][:2]) for one in grave]


def test_axe_sees_a_fault_that_is_planted(open_page, stuck):
    page = open_page(stuck)
    page.evaluate("document.querySelector('#sheet img').removeAttribute('alt')")
    assert [rule for rule, _ in serious(page)] == ["image-alt"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(360, 740), (1280, 800), (3840, 2160)])
def test_no_window_scrolls_sideways_and_axe_has_no_serious_finding(
    open_page, stuck, hostile, size, scheme
):
    for path in (stuck, hostile):
        page = open_page(
            path, viewport=dict(zip(("width", "height"), size, strict=True)), color_scheme=scheme
        )
        assert wide(page) <= 0
        page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
        assert serious(page) == []


def test_dark_mode_is_dark_and_paper_is_white(open_page, stuck):
    ground = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    light, dark = (open_page(stuck, color_scheme=scheme) for scheme in ("light", "dark"))
    assert min(light.evaluate(ground)) > 230
    assert max(dark.evaluate(ground)) < 40
    dark.emulate_media(media="print")
    assert dark.evaluate(ground) == [255, 255, 255]


def test_print_opens_what_is_folded_and_hides_what_only_a_screen_can_do(open_page, stuck):
    page = open_page(stuck)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#finding-2").is_visible()
    for gone in ("nav", "#account", ".jump >> nth=0"):
        assert not page.locator(gone).is_visible()
    pages = page.pdf(format="A4").count(b"/Type /Page\n") or page.pdf(format="A4").count(
        b"/Type /Page"
    )
    assert pages >= 2


def test_without_scripts_everything_but_the_depth_cursor_is_there(open_page, stuck):
    page = open_page(stuck, java_script_enabled=False)
    for heading in (
        "Stuck",
        "The well log",
        "The ledger",
        "Findings",
        "What was not judged",
        "How it was measured",
    ):
        assert page.get_by_role("heading", name=heading, exact=True).is_visible()
    assert "Without scripts" in page.locator("noscript").inner_text()


def test_there_is_one_main_landmark_with_headings_in_order(open_page, stuck):
    page = open_page(stuck)
    assert page.get_by_role("main").count() == 1
    assert page.get_by_role("banner").count() == 1
    assert page.get_by_role("navigation").count() == 1
    levels = page.locator("main :is(h1,h2,h3,h4)").evaluate_all(
        "all => all.map(h => +h.tagName[1])"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.slow
def test_a_report_of_200_layers_is_interactive_within_a_second(open_page, tmp_path):
    path, shown = tmp_path / "long.clino", tmp_path / "long.html"
    report.write(path, 100_000, 200)
    write_run_page(diagnose(read(path)), shown)
    times = []
    for _ in range(3):
        page = open_page(shown)
        times.append(float(page.locator("html").get_attribute("data-ready")))
        page.locator("#depth").focus()
        page.keyboard.press("End")
        assert page.locator("#account h3 bdi").inner_text() == "net.398"
    assert min(times) < READY_MS, times
    assert np.isfinite(times).all()
