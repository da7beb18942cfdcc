"""The skeleton that every page shares: one file, strict content-security policy, everything escaped.

A page is a template that extends `report_page.html`; style and script are files of this package, named
in the policy by their SHA-256, so that no other script and no other style sheet can act.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clinometer.errors import ClinometerError

if TYPE_CHECKING:
    import jinja2

POLICY = (
    "default-src 'none'; img-src data:; style-src '{style}'; script-src '{script}'; "
    "base-uri 'none'; form-action 'none'"
)
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
FOLDER = "templates"
STYLE, SCRIPT = "report.css", "report.js"


def render(template: str, data: Any = None, **content: Any) -> str:
    """A page.

    Parameters
    ----------
    template : a file of `reports/templates` that extends `report_page.html`
    data : what the page's script reads; plain lists, dictionaries, texts, finite numbers and None
    content : what the template shows; each value is escaped

    Raises
    ------
    ClinometerError : where Jinja2 is not installed.
    """
    from clinometer import __version__

    style, script = _static(STYLE), _static(SCRIPT)
    policy = POLICY.format(style=source_hash(style), script=source_hash(script))
    markup = _markup()
    fixed = {"page_style": markup(style), "page_script": markup(script), "policy": policy}
    page = _environment().get_template(template)
    return page.render(
        **fixed, **content, data=markup(data_block(data)), clinometer_version=__version__
    )


def write_page(page: str, path: str | os.PathLike[str]) -> None:
    """Write a page as UTF-8.

    Raises
    ------
    ClinometerError : where the file cannot be written.
    """
    try:
        Path(path).write_bytes(page.encode())
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ClinometerError(f"{os.fspath(path)!r}: cannot be written ({why})") from None


def source_hash(text: str) -> str:
    """How a content-security policy names an inline style or script (W3C CSP level 3, section 2.3.1).

    >>> source_hash("")
    'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    """
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def data_block(data: Any) -> str:
    r"""JSON that no HTML parser can leave: `<`, `>` and `&` stand as escapes, as all that is not ASCII.

    >>> data_block({"name": "</script><!--"})
    '{"name":"\\u003c/script\\u003e\\u003c!--"}'
    """
    told = json.dumps(_all_visible(data), separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        told = told.replace(character, f"\\u{ord(character):04x}")
    return told


def visible(text: str) -> str:
    r"""The same text with what cannot be seen escaped: a name must not pass for another.

    Control characters, marks that turn the direction of writing, and halves of surrogate pairs.

    >>> visible("net.\u202e0"), visible("a\x00b"), visible("层.0")
    ('net.\\u202e0', 'a\\x00b', '层.0')
    """
    return UNSEEN.sub(lambda found: ascii(found.group())[1:-1], text)


def _all_visible(data: Any) -> Any:
    if isinstance(data, str):
        return visible(data)
    if isinstance(data, dict):
        return {name: _all_visible(value) for name, value in data.items()}
    return [_all_visible(one) for one in data] if isinstance(data, list | tuple) else data


def _shown(value: Any) -> Any:
    """What a template puts out; markup of our own passes."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


@cache
def _static(name: str) -> str:
    return files("clinometer.reports").joinpath(FOLDER, name).read_text("utf-8")


def _markup() -> type[Any]:
    try:
        from markupsafe import Markup
    except ImportError:
        raise ClinometerError(
            "the HTML report needs Jinja2, which is not installed: pip install 'clinometer[html]'"
        ) from None
    return Markup


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("clinometer.reports", FOLDER),
        autoescape=True,
        finalize=_shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
