"""The documentation site: Markdown pages, docstrings by autodoc and numpydoc, no network needed."""

import sys
from pathlib import Path

import clinometer

sys.path.insert(0, str(Path(__file__).parent))  # for `run_notebook`

project = "Clinometer"
author = "The Clinometer developers"
project_copyright = "The Clinometer developers, Apache-2.0"
version = release = clinometer.__version__

extensions = [
    "myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "numpydoc", "run_notebook",
]  # fmt: skip
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
