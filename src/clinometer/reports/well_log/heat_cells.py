"""The cells of a heat map: where they lie, and the worst of what falls into each."""

from __future__ import annotations

import numpy as np

from clinometer.records.recording import Bool, Float64, Int64
from clinometer.reports.well_log.scale import ACTIVATION, BELOW, GRADIENT, SHARE, UPDATE, Scale

SCALES = {
    "gradient": GRADIENT,
    "activation": ACTIVATION,
    "update_ratio": UPDATE,
    "saturated": SHARE,
}


def step_edges(observed: Int64) -> Float64:
    """Between which steps each observation is drawn: halfway to its neighbours, the first from its own.

    >>> step_edges(np.array([0, 10, 30]))
    array([ 0.,  5., 20., 40.])
    """
    steps = observed.astype(np.float64)
    between = (steps[1:] + steps[:-1]) / 2
    last = (steps[-1] - steps[-2]) / 2 if len(steps) > 1 else 0.5
    return np.concatenate([steps[:1], between, [steps[-1] + last]])


def worst_cells(values: Float64, rows: Int64, columns: Int64, *, greatest: bool = False) -> Float64:
    """The least of what falls into each cell, so that an exact zero (-inf) goes before all.

    Parameters
    ----------
    values : float64 (places, observations); nan where nothing was measured
    rows, columns : first place and first observation of each cell, then their count
    greatest : the greatest instead, of a share

    Returns
    -------
    float64 (len(rows) - 1, len(columns) - 1) : nan only where nothing was measured.

    >>> worst_cells(np.array([[1.0, np.nan], [0.5, np.nan]]), np.array([0, 2]), np.array([0, 1, 2]))
    array([[0.5, nan]])
    """
    worse = np.fmax if greatest else np.fmin
    found = worse.reduceat(worse.reduceat(values, rows[:-1], axis=0), columns[:-1], axis=1)
    return np.asarray(found, dtype=np.float64)


def any_cells(where: Bool, rows: Int64, columns: Int64) -> Bool:
    """Whether it holds for anything that falls into each cell."""
    found = np.logical_or.reduceat(where, rows[:-1], axis=0)
    return np.asarray(np.logical_or.reduceat(found, columns[:-1], axis=1))


def scale_of(curve: str, values: Float64) -> Scale:
    """The curve's own scale; of the gradient the backup scale as well, where it is needed."""
    scale = SCALES[curve]
    finite = values[np.isfinite(values)]
    if curve == "gradient" and len(finite) and finite.min() < scale.left:
        return Scale(BELOW.left, scale.right)
    return scale


def runs(row: Bool) -> tuple[Int64, Int64]:
    """Where stretches of True begin, and where they have ended.

    >>> runs(np.array([True, False, True, True]))
    (array([0, 2]), array([1, 4]))
    """
    changes = np.diff(np.concatenate([[0], row.astype(np.int64), [0]]))
    return np.flatnonzero(changes == 1), np.flatnonzero(changes == -1)
