"""The live page in a real browser: pointed at, clicked, scrubbed, followed, attacked."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import live_runs

AXE = Path(__file__).parent / "axe.min.js"
HOSTILE = "<img src=x onerror=alert(1)>\"'</script><b>&lt;"
LAYERS = 4
WAIT_MS = 20_000  # for a verdict on a machine that does something else, too


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    where = tmp_path_factory.mktemp("runs")
    live_runs.write(where / "stuck.clino", layers=12, decades=0.5)
    live_runs.write(where / "other.clino", layers=12)
    live_runs.write(where / f"{HOSTILE.replace('/', '_')}.clino", prefix=f"{HOSTILE}.")
    (where / "broken.clino").write_text("no recording")
    return where


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with live_runs.served(folder) as address:
        yield address


def run_page(open_page, url: str, name: str, **options):
    """The page of a run, when its log is drawn."""
    page = open_page(url, **options)
    page.get_by_role("link", name=name, exact=True).click(timeout=WAIT_MS)
    page.locator(".track-gradient path.gradient").first.wait_for(state="attached", timeout=WAIT_MS)
    return page


def fits(page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def faults(page) -> list[str]:
    """Serious findings of axe."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")["violations"]
    return [
        f"{one['id']}: {node['html']}"
        for one in found
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]


def test_the_list_shows_verdict_sparkline_and_what_cannot_be_read(open_page, url: str) -> None:
    page = open_page(url)
    row = page.locator(".run", has_text="stuck.clino")
    row.locator(".pill", has_text="stuck").wait_for(timeout=WAIT_MS)
    assert row.locator("svg.spark path").get_attribute("d").startswith("M0.0")
    page.locator(".run", has_text="broken.clino").get_by_text("is no recording").wait_for()
    assert page.locator(".run").count() == 4


def test_a_new_run_appears_by_itself_on_top(open_page, tmp_path: Path) -> None:
    live_runs.write(tmp_path / "first.clino", 2)
    with live_runs.served(tmp_path) as url:
        page = open_page(url)
        page.get_by_role("link", name="first.clino").wait_for()
        live_runs.write(tmp_path / "second.clino", 2)
        page.get_by_role("link", name="second.clino").wait_for()
        assert page.locator(".run .name").all_text_contents() == ["second.clino", "first.clino"]
        (tmp_path / "first.clino").unlink()
        page.get_by_role("link", name="first.clino").wait_for(state="detached")
        page.close()


def test_the_filter_leaves_what_holds_every_word(open_page, url: str) -> None:
    page = open_page(url)
    page.locator(".run", has_text="other.clino").wait_for()
    page.get_by_label("Filter").fill("train other")
    assert page.locator(".run:visible").count() == 1


def test_pointing_at_a_layer_shows_its_ledger(open_page, url: str) -> None:
    page = run_page(open_page, url, "stuck.clino")
    page.locator(".layers li").nth(4).hover()
    ledger = page.locator("#ledger")
    assert ledger.locator("strong").text_content() == "net.4"
    assert "net.4.weight" in ledger.locator("caption").text_content()
    assert ledger.locator("tbody tr").count() > 3
    page.locator(".layers li").nth(5).hover()
    assert "No weights of its own" in ledger.text_content()


def test_a_finding_leads_to_its_layer(open_page, url: str) -> None:
    page = run_page(open_page, url, "stuck.clino", viewport={"width": 1280, "height": 420})
    named = page.locator(".finding", has=page.locator(".where")).first
    layer = named.locator(".where").text_content().removeprefix(" at ")
    named.click()
    chosen = page.locator('.layers [aria-selected="true"]')
    assert chosen.locator(".layer-name").text_content() in {layer, layer.rpartition(".")[0]}
    page.wait_for_function("document.activeElement.classList.contains('layers')")
    box = chosen.bounding_box()
    assert 0 <= box["y"] <= 420


def test_a_finding_on_the_run_as_a_whole_leads_to_its_loss(open_page, url: str) -> None:
    page = run_page(open_page, url, "stuck.clino")
    page.locator(".finding", has_text="FLOW502").click()
    assert page.evaluate("document.activeElement.id") == "loss-title"


def test_scrubbing_shows_the_log_of_that_step(open_page, url: str) -> None:
    page = run_page(open_page, url, "stuck.clino")
    path = page.locator(".track-gradient path.gradient").first
    end = path.get_attribute("d")
    page.get_by_label("Log at").press("Home")
    page.wait_for_function("document.getElementById('at').textContent === 'step 0'")
    page.wait_for_function(
        "end => document.querySelector('.track-gradient path.gradient').getAttribute('d') !== end", arg=end
    )  # fmt: skip
    page.get_by_label("Log at").press("ArrowRight")
    assert page.locator("#at").text_content() == "step 10"
    assert page.get_by_label("Log at").get_attribute("aria-valuetext") == "step 10"
    page.get_by_role("button", name="End of run").click()
    page.wait_for_function(
        "end => document.querySelector('.track-gradient path.gradient').getAttribute('d') === end", arg=end
    )  # fmt: skip


def test_a_click_on_the_loss_scrubs_there(open_page, url: str) -> None:
    page = run_page(open_page, url, "stuck.clino")
    box = page.locator(".u-over").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_function("/^step 1[345]0$/.test(document.getElementById('at').textContent)")
    assert "loss 2." in page.locator("#readout").text_content()


def test_everything_is_reached_by_keyboard(open_page, url: str) -> None:
    page = run_page(open_page, url, "stuck.clino")
    page.locator("#log [role=listbox]").focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    assert page.locator("#ledger strong").text_content() == "net.3"
    page.keyboard.press("End")
    assert page.locator("#ledger strong").text_content() == "net.22"
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("(e => e.id || e.className || e.tagName)(document.activeElement)")
        )
    assert {"step", "other", "finding", "layers"} <= set(reached)


def test_two_runs_are_laid_over_each_other(open_page, url: str) -> None:
    page = open_page(url)
    for name in ("stuck.clino", "other.clino"):
        page.get_by_role("checkbox", name=name).check(timeout=WAIT_MS)
    page.get_by_role("link", name="Overlay two runs").click()
    page.locator(".track-gradient path.two").first.wait_for(state="attached", timeout=WAIT_MS)
    assert {page.locator("#name").text_content(), page.locator("#beside-name").text_content()} == {
        "stuck.clino", "other.clino",
    }  # fmt: skip
    page.locator(".layers li").nth(4).hover()
    assert "other run" in page.locator("#ledger thead").text_content()
    assert page.locator("#ledger td.number.two").count() > 3


def test_a_run_that_ends_while_it_is_shown_says_so(open_page, tmp_path: Path) -> None:
    path = tmp_path / "run.clino"
    with live_runs.served(tmp_path) as url, live_runs.trained(path) as child:
        page = run_page(open_page, url, "run.clino")
        page.locator("#state", has_text="running").wait_for()
        before = page.locator("#facts dd").first.text_content()
        page.wait_for_function(
            "before => document.querySelector('#facts dd').textContent !== before", arg=before, timeout=4000
        )  # fmt: skip
        child.send_signal(signal.SIGTERM)
        page.locator("#state", has_text="finished").wait_for(timeout=WAIT_MS)
        page.close()


def test_a_run_that_is_killed_while_it_is_shown_says_so(open_page, tmp_path: Path) -> None:
    path = tmp_path / "run.clino"
    with live_runs.served(tmp_path) as url, live_runs.trained(path) as child:
        page = run_page(open_page, url, "run.clino")
        page.locator("#state", has_text="running").wait_for()
        child.kill()
        page.locator("#state", has_text="killed").wait_for(timeout=WAIT_MS)
        assert page.locator(".layers li").count() > 0
        page.close()


def test_hostile_names_are_text(open_page, url: str) -> None:
    name = f"{HOSTILE.replace('/', '_')}.clino"
    page = run_page(open_page, url, name)
    assert page.locator("#name").text_content() == name
    first = page.locator(".layers li").first
    assert first.locator(".layer-name").text_content() == f"{HOSTILE}.0"
    first.hover()
    assert page.locator("#ledger strong").text_content() == f"{HOSTILE}.0"
    assert page.locator("img:not([src^='static/'])").count() == 0
    assert page.locator("main b").count() == 0


def test_no_script_of_a_page_can_be_put_in_from_outside(open_page, url: str) -> None:
    page = open_page(f"{url}run?id=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&with=../../etc/passwd")
    page.get_by_text("There is no such recording").wait_for()
    assert page.title() == "Run · Clinometer"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280, 3840])
def test_it_fits_the_window_and_axe_finds_nothing_serious(open_page, url, scheme, width) -> None:
    options = {"color_scheme": scheme, "viewport": {"width": width, "height": 800}}
    page = open_page(url, **options)
    page.locator(".run .pill[data-tone=bad]").first.wait_for(timeout=WAIT_MS)
    assert fits(page)
    assert faults(page) == []
    page = run_page(open_page, url, "stuck.clino", **options)
    page.locator("#log [role=listbox]").focus()
    assert fits(page)
    assert faults(page) == []
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(19, 23, 26)"
    assert dark is (scheme == "dark")


def test_a_server_that_went_away_is_said(open_page, tmp_path: Path) -> None:
    live_runs.write(tmp_path / "run.clino", 2)
    with live_runs.served(tmp_path) as url:
        page = open_page(url)
        page.get_by_role("link", name="run.clino").wait_for()
        page.evaluate("console.error = () => {}")
    page.locator("#connection", has_text="does not answer").wait_for()
    page.close()
