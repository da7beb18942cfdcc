"""The same judgement group by group: a well, a field, a station."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clinometer.calibration.claims import Record, Rows, errors
from clinometer.calibration.predictions import Predictions
from clinometer.stats.gaps import Gaps
from clinometer.stats.temperature import TemperatureFit, fit_temperature


@dataclass(frozen=True)
class Group:
    """One group's rows judged by themselves.

    record : claimed and counted errors, at alpha / (number of groups), as all of them are looked at
    fit : the group's own best temperature
    """

    name: str
    n: int
    record: Record
    fit: TemperatureFit

    @property
    def overstated(self) -> float:
        """Mean claimed confidence less the share that is right [-]."""
        return self.record.counted - self.record.claimed


def judged_groups(
    model: Predictions, rows: Rows, gaps: Gaps, alpha: float, margin: float
) -> tuple[Group, ...]:
    """Every group, the most overstated first; () where the rows have no groups."""
    if model.groups is None or rows.codes is None:
        return ()
    names = np.unique(model.groups)
    order = np.argsort(rows.codes, kind="stable")
    ends = np.cumsum(np.bincount(rows.codes))[:-1]
    found = [
        _group(str(name), rows, gaps, at, alpha / len(names), margin)
        for name, at in zip(names, np.split(order, ends), strict=True)
    ]
    return tuple(sorted(found, key=lambda group: -group.overstated))


def _group(
    name: str, rows: Rows, gaps: Gaps, at: NDArray[np.intp], alpha: float, margin: float
) -> Group:
    own = rows.take(at)
    fit = fit_temperature(gaps.take(at), own.weights)
    return Group(name, len(at), errors(own, alpha, margin), fit)
