"""The page of remedies lists every one that can be tried, and what keeps it from being tried."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest

from clinometer.diagnosis.remedies import REMEDIES
from clinometer.treatment.remedy import Aspect, all_remedies

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def written() -> ModuleType:
    sys.path.insert(0, str(DOCS))
    try:
        return importlib.import_module("remedy_page")
    finally:
        sys.path.remove(str(DOCS))


def test_every_remedy_has_a_section_with_its_lines_and_stands_in_one_table(written: Any) -> None:
    page = written.remedies_page([])
    for name, one in all_remedies().items():
        _, _, rest = page.partition(f"\n### {name}\n")
        assert one.lines.rstrip() in rest.partition("\n### ")[0]
        assert page.count(f"| [{name}](#{name}) |") == 1
    for name in set(REMEDIES) - set(all_remedies()):
        assert page.partition("## By hand only")[2].count(f"| {name} |") == 1
    assert set(written.ASPECTS) == set(get_args(Aspect))


def test_reasons_are_those_of_a_remedy_and_of_what_it_calls(written: Any) -> None:
    known = all_remedies()
    assert list(written.reasons_of(known["lower-rate"].apply)) == [
        "no optimizer with a learning rate was seen"  # said in treatment/rates.py
    ]
    told = list(written.reasons_of(known["smooth-labels"].apply))
    assert "the loss (...) has no labels to smooth" in told
    assert "no cross-entropy without label smoothing was seen" in told  # through a constant


def test_a_reason_that_is_one_of_two_gives_both(written: Any) -> None:
    tree = ast.parse('NotApplicable("a" if x else f"b {x}"); NotApplicable("c" + why)')
    assert list(written.raised(tree, {})) == ["a", "b ...", "c..."]


def test_nothing_in_a_docstring_becomes_markup(written: Any) -> None:
    assert written.prose("x * y_ <b> `a_b`") == r"x \* y\_ \<b\> `a_b`"
