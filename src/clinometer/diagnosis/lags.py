"""Recurrence by time: how much of the gradient reaches each step back from the last one that has any."""

from __future__ import annotations

import numpy as np

from clinometer.diagnosis.scale import log10, median, over
from clinometer.records.columns import LAGS
from clinometer.records.recording import Float64, Int64, Recording

Profile = tuple[Int64, Float64, int]


def lags(recording: Recording) -> dict[str, Profile]:
    """The profile of every recurrent place that was seen.

    Returns
    -------
    {name: (lags, decades, length)} : lags, int64 (lags,), steps back in time; decades, float64
        (observations, lags), RMS of the gradient there over the one at lag 0 (-inf where it is exactly 0,
        nan beyond the sequence or where it was not measured); length, median number of time steps.
    """
    of_lag = [log10(recording.column("recurrence", f"lag_{lag}")) for lag in LAGS]
    lengths = recording.column("recurrence", "length")
    found: dict[str, Profile] = {}
    for i, site in enumerate(recording.of_kind("recurrence")):
        profile = np.stack([over(values[:, i], of_lag[0][:, i]) for values in of_lag], axis=1)
        length = median(lengths[:, i])
        if np.isfinite(length):
            found[site.name] = (np.array(LAGS, dtype=np.int64), profile, int(length))
    return found
