"""What a notebook is told of a recording."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clinometer.attach.launch import Launch


def told(launch: Launch, path: str) -> str:
    """The one line after a recording."""
    if launch.trouble is not None:
        return f"clinometer: not recorded ({launch.trouble})."
    if launch.recorder is None:
        return "clinometer: nothing was recorded, because torch was not imported."
    return f"clinometer: recorded to {path}; next: %clinometer report"


def verdict(path: str) -> dict[str, str] | None:
    """Verdict and sentence as text and HTML, for IPython's display; None where there is none."""
    from clinometer.diagnosis.diagnose import diagnose
    from clinometer.store.reader import read

    try:
        found = diagnose(read(path))
    except Exception:  # the recording stays; `%clinometer report` will say what is wrong with it
        return None
    if not found.recording.steps:
        return None
    word, because = found.verdict.upper(), found.because
    return {
        "text/plain": f"{word}   {because}",
        "text/html": f"<p><b>{html.escape(word)}</b> &nbsp; {html.escape(because)}</p>",
    }
