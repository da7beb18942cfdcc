"""Every Python example in the documentation runs and prints what the page says."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[1]
WRITTEN = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
PAGES = sorted(page for page in WRITTEN if "_build" not in page.parts)
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def examples(page: Path) -> doctest.DocTest:
    """The `>>>` lines of a page's Python blocks, as one session."""
    blocks = [
        token
        for token in MarkdownIt().parse(page.read_text(encoding="utf-8"))
        if token.type == "fence" and token.info.strip() in {"python", "pycon"}
    ]
    found = []
    for block in blocks:
        for example in doctest.DocTestParser().get_examples(block.content):
            example.lineno += block.map[0] + 1
            found.append(example)
    return doctest.DocTest(found, {"__name__": "__main__"}, page.name, str(page), 0, None)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_examples_on_a_page_print_what_it_says(page, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    session = examples(page)
    outcome = doctest.DocTestRunner(optionflags=OPTIONS, verbose=False).run(session)
    assert outcome.failed == 0, capsys.readouterr().out


def test_the_tutorial_runs_code() -> None:
    assert len(examples(ROOT / "docs" / "tutorial.md").examples) >= 10
