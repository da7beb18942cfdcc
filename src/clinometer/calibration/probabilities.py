"""From probabilities back to logits, and what is lost on the way."""

from __future__ import annotations

import numpy as np

from clinometer.errors import PredictionsError
from clinometer.stats.gaps import Array
from clinometer.theory.floats import FLOATS

SUM_TOLERANCE = 1e-3  # a row of printed or float16 probabilities misses 1 by less


def logits_of(p: Array, *, source: str, single: bool) -> tuple[Array, int]:
    """Logits of probabilities, shape (n, K) or (n,), and how many entries were exactly 0 or 1.

    An entry of exactly 0 or 1 has lost its logit to rounding. It gets the smallest logit that rounds
    so in its format, or the largest that occurs beside it: a lower bound of the model's scale.

    Raises
    ------
    PredictionsError : outside 0 .. 1, or rows that do not sum to 1.
    """
    outside = (p < 0.0) | (p > 1.0)
    if outside.any():
        at = tuple(int(i) for i in np.argwhere(outside)[0])
        raise PredictionsError(
            f"{source}: a probability of {p[at]:g} in row {at[0]}: expected 0 to 1. "
            "If these are logits, name them `logits`."
        )
    bits = FLOATS["float32" if single else "float64"].significand_bits
    floor = min(2.0 ** -(bits + 1), float(p.min(where=p > 0.0, initial=1.0)))
    if p.ndim == 1 or p.shape[1] == 1:
        return _one_column(p.reshape(-1), floor)
    off = np.abs(p.sum(axis=1) - 1.0)
    if off.max() > SUM_TOLERANCE:
        row = int(off.argmax())
        raise PredictionsError(
            f"{source}: the probabilities of row {row} sum to {p[row].sum():.6g}: expected 1 to "
            f"within {SUM_TOLERANCE:g}. Give one column per class; use `logits` for scores."
        )
    return np.log(np.maximum(p, floor)), int((p == 0.0).sum())


def _one_column(p: Array, floor: float) -> tuple[Array, int]:
    inner = (p > 0.0) & (p < 1.0)
    safe = np.where(inner, p, 0.5)
    h = np.log(safe) - np.log1p(-safe)
    bound = max(float(-np.log(floor)), float(np.abs(h).max(initial=0.0)))
    return np.where(inner, h, np.where(p >= 1.0, bound, -bound)), int((~inner).sum())
