"""What rounding does to a step: facts of each floating-point format, and the exact test.

Source: Goldberg (1991), ACM Computing Surveys 23(1); IEEE 754-2019 for float16/32/64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.errors import ClinometerError, ShapeError


@dataclass(frozen=True)
class FloatFormat:
    """A binary format: bits of the significand (the leading one counted) and smallest exponent.

    >>> FLOATS["float32"].sigmoid_rounds_to_one_from, FLOATS["float32"].sigmoid_computes_one_from
    (17.32867948..., 16.63553233...)
    """

    name: str
    significand_bits: int
    smallest_exponent: int  # of the smallest normal number

    @property
    def smallest_normal(self) -> float:
        return math.ldexp(1.0, self.smallest_exponent)

    @property
    def smallest_subnormal(self) -> float:
        return math.ldexp(1.0, self.smallest_exponent - self.significand_bits + 1)

    @property
    def largest(self) -> float:
        """The largest finite number: 65504 in float16. IEEE 754: emax = 1 - emin."""
        exponent = 1 - self.smallest_exponent
        return (2.0 - math.ldexp(1.0, 1 - self.significand_bits)) * math.ldexp(1.0, exponent)

    @property
    def certainly_lost_below(self) -> float:
        """A step smaller than this share of a normal weight changes no bit of it [-].

        Half the distance to the nearer neighbour, divided by the weight, is never smaller.
        """
        return math.ldexp(1.0, -self.significand_bits - 1)

    @property
    def possibly_lost_below(self) -> float:
        """A step larger than this share of a normal weight always changes it [-].

        Between the two bounds it depends on the weight's place between two powers of two.
        """
        return math.ldexp(1.0, -self.significand_bits)

    @property
    def sigmoid_rounds_to_one_from(self) -> float:
        """Logit from which the true sigmoid, correctly rounded, is 1: ln(2**(bits + 1) - 1).

        float16 and bfloat16 in torch do this (8.3203, 6.25 measured): they compute in float32.
        """
        return math.log(2 ** (self.significand_bits + 1) - 1)

    @property
    def sigmoid_computes_one_from(self) -> float:
        """Logit from which 1 / (1 + exp(-h)) computed in this format is 1: bits * ln 2.

        Earlier than correct rounding, as 1 + exp(-h) rounds before the division. torch's float32 and
        float64 on a CPU do this (16.6355, 36.7368 measured).
        """
        return self.significand_bits * math.log(2.0)


FLOATS = {
    f.name: f
    for f in (
        FloatFormat("float64", 53, -1022),
        FloatFormat("float32", 24, -126),
        FloatFormat("float16", 11, -14),
        FloatFormat("bfloat16", 8, -126),
    )
}


def is_lost(weight: ArrayLike, step: ArrayLike) -> NDArray[np.bool_]:
    """Whether weight + step == weight in the weight's own dtype; exact, no tolerance.

    Parameters
    ----------
    weight : float array; its dtype is the one that rounds (float16, float32 or float64)
    step : what is added, same shape and dtype

    Raises
    ------
    ShapeError : where the shapes differ; nothing is broadcast.
    ClinometerError : where the dtypes differ, or are not floating point.

    >>> bool(is_lost(np.float32(10), np.float32(2.06e-9)))
    True
    """
    w, s = np.asarray(weight), np.asarray(step)
    if w.shape != s.shape:
        raise ShapeError(f"weight has shape {w.shape} and step {s.shape}: give one step per weight")
    if w.dtype != s.dtype or not np.issubdtype(w.dtype, np.floating):
        raise ClinometerError(
            f"weight is {w.dtype} and step {s.dtype}: both must have the floating dtype that rounds"
        )
    return np.asarray(w + s == w)


def round_to_bfloat16(x: ArrayLike) -> NDArray[np.float32]:
    """Finite float32 values rounded to the nearest bfloat16, ties to even, kept as float32.

    >>> float(round_to_bfloat16(np.float32(1.003)))
    1.0
    """
    bits = np.asarray(x, dtype=np.float32).view(np.uint32)
    odd = (bits >> np.uint32(16)) & np.uint32(1)
    kept = (bits + np.uint32(0x7FFF) + odd) & np.uint32(0xFFFF0000)
    return np.asarray(kept.view(np.float32))
