"""Folds of rows: by whole groups, and at random with the same sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import PredictionsError

Folds = NDArray[np.int64]


def group_folds(groups: NDArray[Any], folds: int) -> Folds:
    """Fold (n,) of each row, groups whole: the largest first, each into the fold with fewest rows.

    Raises
    ------
    PredictionsError : fewer than two folds, or fewer groups than folds.

    >>> group_folds(np.array(["a", "a", "a", "b", "b", "c"]), 2).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    names, code, size = np.unique(groups, return_inverse=True, return_counts=True)
    if not 2 <= folds <= len(names):
        raise PredictionsError(
            f"{folds} folds of {len(names)} groups: give from 2 to as many folds as there are groups"
        )
    filled = np.zeros(folds, dtype=np.int64)
    of_group = np.empty(len(names), dtype=np.int64)
    for group in np.argsort(-size, kind="stable"):
        of_group[group] = np.argmin(filled)
        filled[of_group[group]] += size[group]
    return np.asarray(of_group[code])


def random_folds(like: Folds, seed: int) -> Folds:
    """Fold (n,) of each row at random, with as many rows in each fold as `like` has."""
    return np.random.default_rng(seed).permutation(like)
