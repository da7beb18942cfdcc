"""The gallery and the how-to pages are what the scripts and the program say today."""

from __future__ import annotations

import doctest
import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
MENDED_BY = "run `.venv/bin/python docs/make_gallery.py` and commit docs/gallery"
ALWAYS = ("flow207", "flow406")  # the others are slow together
OFTEN = ("tiny-loss",)
MOST_OF_ALL = 2_000_000  # bytes of all pictures


def module(name: str):
    """A script of docs/."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    found = importlib.util.module_from_spec(spec)
    sys.modules[name] = found
    spec.loader.exec_module(found)
    return found


@pytest.fixture(scope="module")
def gallery():
    for name in ("remedy_page", "generate"):  # one imports the other
        module(name)
    return module("make_gallery")


SESSIONS = module("sessions")
SAID = json.loads((DOCS / "gallery" / "said.json").read_text(encoding="utf-8"))
PAGES = sorted(page for page in (DOCS / "how-to").glob("*.md") if page.stem != "index")
WITH_SESSION = [page for page in PAGES if SESSIONS.calls(page)]


def some(names, always):
    """All of them, of which only a few are not slow."""
    return [
        pytest.param(name, id=str(name), marks=[] if name in always else [pytest.mark.gallery])
        for name in names
    ]


def without_numbers(text: str) -> str:
    """Last digits differ between machines, and so do exponents; words and codes do not."""
    text = re.sub(r"(?<![A-Z\d])-?\d[\d.,]*(e[+-]?\d+)?", "#", text)
    return re.sub(r"\s+", " ", text)


# -- the gallery -----------------------------------------------------------------------------------


def test_the_pages_are_written_from_scripts_cures_and_what_the_runs_said(gallery):
    for name, text in gallery.pages(SAID):
        assert (DOCS / name).read_text(encoding="utf-8") == text, f"{name}: {MENDED_BY}"


def test_what_was_said_was_said_by_the_scripts_as_they_are(gallery):
    assert {one.code: one.digest for one in gallery.entries()} == {
        code: said["digest"] for code, said in SAID.items()
    }, MENDED_BY


def test_every_rule_has_its_run_or_a_sentence_why_not(gallery):
    shown = {one.code for one in gallery.entries()}
    told = set(gallery.cures()["without"])
    assert shown | told == set(gallery.names())
    assert not shown & told


def test_no_cured_run_still_has_its_error(gallery):
    stuck = {
        code: said["cured"].splitlines()[0]
        for code, said in SAID.items()
        if not re.match("LEARN|UNDECIDED", said["cured"])
    }
    assert not stuck


def test_every_entry_has_a_small_picture(gallery):
    sizes = [(DOCS / "gallery" / f"{one.code}.png").stat().st_size for one in gallery.entries()]
    assert max(sizes) <= gallery.MOST_BYTES
    assert sum(sizes) <= MOST_OF_ALL


@pytest.mark.parametrize("code", some(SAID, ALWAYS))
def test_a_run_says_what_the_gallery_says(code, gallery, tmp_path):
    one = gallery.entry(code, gallery.cures()[code])
    said = gallery.said_of(one, tmp_path, picture=None)
    for kind in ("sick", "cured"):
        assert without_numbers(said[kind]) == without_numbers(SAID[code][kind]), MENDED_BY


# -- the how-to pages ------------------------------------------------------------------------------


def test_there_are_twelve_short_how_to_pages():
    assert len(PAGES) == 12
    lengths = {page.stem: len(page.read_text(encoding="utf-8").splitlines()) for page in PAGES}
    assert max(lengths.values()) <= 60, lengths


@pytest.mark.parametrize("name", some([page.stem for page in WITH_SESSION], OFTEN))
def test_a_session_prints_what_its_page_says(name, tmp_path):
    check = doctest.OutputChecker().check_output
    for call, printed in SESSIONS.run(DOCS / "how-to" / f"{name}.md", tmp_path):
        expected, got = without_numbers(call.printed), without_numbers(printed)
        assert check(expected, got, doctest.ELLIPSIS), f"$ {call.command}\n{printed}"


def test_a_page_that_says_something_else_is_found_out():
    check = doctest.OutputChecker().check_output
    assert not check(
        without_numbers("STUCK FLOW201\n"), without_numbers("STUCK FLOW205\n"), doctest.ELLIPSIS
    )
