"""The documentation site: Markdown pages, docstrings by autodoc and numpydoc, no network needed."""

import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert

import clinometer

sys.path.insert(0, str(Path(__file__).parent))  # for `run_notebook`

project = "Clinometer"
author = "The Clinometer developers"
project_copyright = "The Clinometer developers, Apache-2.0"
version = release = clinometer.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc", "run_notebook"]
exclude_patterns = ["_build"]
suppress_warnings = ["config.cache"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
numpydoc_show_class_members = False  # autodoc lists them
numpydoc_xref_param_type = False  # a parameter's type line also gives shape and unit: prose

# Names of other projects have no target here: pages are built without a network.
nitpick_ignore_regex = [
    (r"py:.*", r"(?!clinometer\b).*"),
    (r"py:class", r"clinometer\.diagnosis\.ways\.Ways"),  # what a Way is made from, not for users
]

html_theme = "furo"
html_title = f"Clinometer {version}"
html_copy_source = False
html_show_sphinx = False
html_math_renderer = "mathml"  # browsers draw it themselves: no script, no network


def setup(app: Any) -> None:
    app.add_html_math_renderer("mathml", (inline_math, None), (display_math, None))


def inline_math(writer: Any, node: Any) -> None:
    writer.body.append(convert(node.astext()))
    raise nodes.SkipNode


def display_math(writer: Any, node: Any) -> None:
    """A formula by itself, which scrolls where the window is narrow."""
    formula = convert(node.astext(), display="block")
    writer.body.append(f'<div class="math" style="overflow-x: auto">{formula}</div>')
    raise nodes.SkipNode
