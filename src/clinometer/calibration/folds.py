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


def paired_folds(
    y: NDArray[Any], groups: NDArray[Any], folds: int, seed: int, *, source: str
) -> tuple[NDArray[np.bool_], Folds, Folds]:
    """Rows that are judged (n,), and their folds by whole groups and at random.

    Left out are the classes that lie in one fold only, until each has rows in two folds of both splits.

    Raises
    ------
    PredictionsError : fewer than two classes are left.
    """
    codes = np.unique(y, return_inverse=True)[1]
    kept = np.ones(len(y), dtype=bool)
    while True:
        whole = group_folds(groups[kept], folds)
        at_random = random_folds(whole, seed)
        alone = _confined(codes[kept], whole) | _confined(codes[kept], at_random)
        if not alone.any():
            break
        kept &= ~np.isin(codes, np.flatnonzero(alone))
        if len(np.unique(codes[kept])) < 2:
            raise PredictionsError(
                f"{source}: fewer than two classes have rows in more than one fold, so a refit would never "
                "have met the class it is judged on. Give other groups, or fewer folds."
            )
    return kept, whole, at_random


def _confined(codes: NDArray[np.int64], split: Folds) -> NDArray[np.bool_]:
    """Which classes have all their rows in one fold."""
    table = np.zeros((codes.max() + 1, split.max() + 1), dtype=bool)
    table[codes, split] = True
    return np.asarray(table.sum(axis=1) == 1)
