"""Single values that stand far out of a series."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

WINDOW = 33  # values around one that are its neighbours
NORMAL = 1.4826  # median absolute deviation of a normal sample to its standard deviation


def spikes(values: ArrayLike, deviations: float) -> NDArray[np.intp]:
    """Positions of values far above their neighbours, on a logarithmic scale.

    Parameters
    ----------
    values : float array, shape (n,), positive where judged; what is not finite or not positive is never a
        spike and no neighbour
    deviations : how many standard deviations of the neighbours' scatter a spike is away, that scatter
        being the median absolute deviation of all residuals from the running median

    Notes
    -----
    The running median over 33 neighbours follows a trend and is not moved by the spike itself. Where the
    scatter is exactly 0 every deviation counts.

    >>> spikes([1.0, 1.1, 0.9, 1.0, 50.0, 1.0, 1.1, 0.95], 8.0).tolist()
    [4]
    """
    given = np.asarray(values, dtype=np.float64)
    good = np.isfinite(given) & (given > 0)
    places = np.flatnonzero(good)
    if len(places) < 3:
        return np.zeros(0, dtype=np.intp)
    logs = np.log(given[good])
    residuals = logs - _running_median(logs)
    scatter = NORMAL * np.median(np.abs(residuals))
    return np.asarray(places[residuals > deviations * scatter], dtype=np.intp)


def _running_median(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median of each value and its neighbours; the ends are repeated beyond the ends."""
    wide = np.pad(values, WINDOW // 2, mode="edge")
    return np.asarray(np.median(sliding_window_view(wide, WINDOW), axis=1))
