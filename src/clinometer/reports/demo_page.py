"""The index page of `clinometer demo`: everything that it made, on one page."""

from __future__ import annotations

from importlib.resources import files
from typing import Any


def demo_page(**content: Any) -> str:
    """HTML of the demo's index page; every value is escaped.

    Raises
    ------
    ImportError : where Jinja2 is not installed (the extra `demo` brings it).
    """
    import jinja2

    template = files("clinometer.reports").joinpath("templates/demo.html").read_text("utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(template).render(**content)
