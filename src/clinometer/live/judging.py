"""Judge one recording: what the list says of it, and the sheet of its page."""

from __future__ import annotations

from typing import Any

from clinometer.diagnosis.diagnose import diagnose
from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.live.run import shown
from clinometer.live.sheet import Sheet, sheet_of
from clinometer.store.reader import read


def judge(path: str, *, with_sheet: bool) -> tuple[dict[str, Any], Sheet | None]:
    """(what the list says, sheet), the latter only where a page shows it.

    Raises
    ------
    RecordingError : if nothing can be read.
    """
    diagnosis = diagnose(read(path))
    return _said(diagnosis), sheet_of(diagnosis) if with_sheet else None


def _said(diagnosis: Diagnosis) -> dict[str, Any]:
    faults = [finding for finding in diagnosis.findings if finding.severity != "note"]
    first = faults[0] if faults else None
    return {
        "verdict": diagnosis.verdict,
        "because": shown(diagnosis.because),
        "finding": f"{first.code} {first.name}" if first else "",
        "layer": shown(first.layer) if first else "",
        "faults": len(faults),
    }
