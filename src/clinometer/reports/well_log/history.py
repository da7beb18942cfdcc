"""One curve of a well at every observation: what the heat map shows."""

from __future__ import annotations

import numpy as np

from clinometer.diagnosis.scale import columns
from clinometer.errors import ClinometerError
from clinometer.records.recording import Bool, Float64
from clinometer.reports.well_log.beds import spread
from clinometer.reports.well_log.readings import COUNTS, counted, first_lines
from clinometer.reports.well_log.well import Well

CURVES = {
    "gradient": "gradient RMS [loss/-]",
    "activation": "activation RMS [-]",
    "update_ratio": "update ratio [-]",
    "saturated": "saturated units × examples [%]",
}


def history(well: Well, curve: str) -> tuple[Float64, Bool]:
    """(float64 (places, observations), bool of the same shape: NaN or Inf was seen there).

    Decades, or shares for `saturated`; those of a bed stand at all of its places.

    Raises
    ------
    ClinometerError : where there is no such curve.
    """
    if curve not in CURVES:
        raise ClinometerError(f"curve={curve!r}: expected one of {', '.join(CURVES)}")
    recording = well.diagnosis.recording
    bad = np.zeros((len(well), len(recording.observed)), dtype=bool)
    if curve in COUNTS:
        column = "grad_out_rms" if curve == "gradient" else "out_rms"
        return columns(recording, "call", column)[column], counted(recording, COUNTS[curve]).T
    values = np.full(bad.shape, np.nan)
    if curve == "update_ratio":
        for place, line in first_lines(well.diagnosis).items():
            values[place] = line.total
    else:
        at = {site.name: i for i, site in enumerate(recording.of_kind("activation"))}
        shares = recording.column("activation", "saturated")
        for place, name in enumerate(well.names):
            if name in at:
                values[place] = shares[:, at[name]]
    upwards = curve == "saturated"
    whole = [spread(values[:, i], well.bed, upwards=upwards) for i in range(values.shape[1])]
    return np.stack(whole, axis=1), bad
