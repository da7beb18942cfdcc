"""What the page's script reads of a run: places by depth, and the account of every tensor."""

from __future__ import annotations

from typing import Any

from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.diagnosis.line import FACTORS, SPOKEN
from clinometer.diagnosis.paths import plain as plain_name
from clinometer.reports.html.ledger import account
from clinometer.reports.html.log import Log
from clinometer.reports.html.numbers import plain
from clinometer.reports.well_log.well import Well

READINGS = {  # of a place: what the page calls it, and whether it is a share
    "gradient": ("gradient, RMS", False),
    "activation": ("output, RMS", False),
    "slope": ("slope", False),
    "weight_gain": ("weight gain", False),
    "other_gain": ("gain", False),
    "saturated": ("saturated", True),
    "dead": ("dead units", True),
    "update_ratio": ("update ratio", False),
    "rounding_limit": ("rounding limit", False),
    "lost": ("steps lost", True),
}


def log_data(diagnosis: Diagnosis, shown: Log, well: Well | None) -> dict[str, Any]:
    """What the page's script reads: places with their readings, and the account of every tensor."""
    places = () if well is None else range(len(well))
    return {
        "edges": shown.edges,
        "factors": [SPOKEN[name] for name in FACTORS],
        "readings": list(READINGS.values()),
        "places": [_place(well, i) for i in places if well is not None],
        "lines": [account(line, diagnosis) for line in diagnosis.lines],
        "of": _owners(diagnosis, () if well is None else well.names),
        "found": [
            (well.places(finding.layer) or [-1])[0] if well is not None and finding.layer else -1
            for finding in diagnosis.findings
        ],
    }


def _place(well: Well, i: int) -> list[Any]:
    read = [plain(float(well.read[name][i])) for name in READINGS]
    marks = [name for name in ("gradient", "activation") if well.broken[name][i]]
    return [well.names[i], well.kinds[i], well.classes[i], read, marks]


def _owners(diagnosis: Diagnosis, names: tuple[str, ...]) -> list[int]:
    """Of each ledger line the place of its module's first call; -1 where it is none of the places."""
    first: dict[str, int] = {}
    for i, name in enumerate(names):
        first.setdefault(name, i)
        first.setdefault(plain_name(name), i)
    return [
        first.get(line.layer if line.is_weight else line.parameter.rpartition(".")[0], -1)
        for line in diagnosis.lines
    ]
