"""Does a weight look exactly as it was made: uniform within a usual bound, or standard normal?

Sources: `reset_parameters` of nn.Linear, nn.modules.conv._ConvNd and nn.Embedding; `nn.init`'s uniform
schemes: Glorot & Bengio (2010), He et al. (2015).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from clinometer.theory.initial import fans

Values = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

LEAST = 32  # values; of fewer nothing is said
SURE = 4.0  # standard errors: 6e-5 by chance
UNIFORM_RMS = math.sqrt(4 / 45) / (2 / 3)  # relative standard error of the RMS, times sqrt(n)
RARE = 1e-4  # chance that the largest of n uniform values lies further below the bound


def uniform_bounds(shape: Sequence[int]) -> tuple[float, ...]:
    """Bounds of the usual uniform initialisations of a weight (out, in, ...) [-].

    PyTorch's default, LeCun, Glorot and He (fan in and fan out).

    >>> [round(bound, 4) for bound in uniform_bounds((64, 64))]
    [0.125, 0.2165, 0.2165, 0.3062, 0.3062]
    """
    fan_in, fan_out = (max(fan, 1) for fan in fans(shape))
    wide = (1 / fan_in, 3 / fan_in, 6 / (fan_in + fan_out), 6 / fan_in, 6 / fan_out)
    return tuple(math.sqrt(square) for square in wide)


def is_fresh_uniform(values: Values, bound: float, rounding: float = 2.0**-23) -> bool | None:
    """Whether a sample looks drawn from the uniform distribution within a bound.

    Parameters
    ----------
    values : float64 (n,), weights [-]
    bound : largest absolute value that the distribution gives [-]
    rounding : relative spacing of the numbers that the weight is stored in

    Returns
    -------
    bool, or None below 32 values: all lie within the bound, the largest near it, and the RMS within 4
    standard errors of bound / sqrt(3).

    Notes
    -----
    A mean square of n uniform values errs by sqrt(4/45) / (1/3) / sqrt(n), its root by half of that.

    >>> made = np.random.default_rng(0).uniform(-0.125, 0.125, 512)
    >>> [is_fresh_uniform(values, 0.125) for values in (made, made * 0.9, made[:9])]
    [True, False, None]
    """
    if values.size < LEAST:
        return None
    largest = float(np.max(np.abs(values)))
    rms = math.sqrt(float(np.mean(np.square(values))))
    near = RARE ** (1 / values.size)
    error = UNIFORM_RMS / math.sqrt(values.size)
    inside = near * bound <= largest <= bound * (1 + rounding)
    return bool(inside and abs(rms * math.sqrt(3) / bound - 1) <= SURE * error)


def is_fresh_normal(values: Values) -> bool | None:
    """Whether a sample looks drawn from the standard normal distribution.

    Parameters
    ----------
    values : float64 (n,), weights [-]; exact zeros (a padding row) are left out

    Returns
    -------
    bool, or None below 32 values: RMS and kurtosis within 4 standard errors of 1 and 3. All zero is False.

    Notes
    -----
    Standard errors of normal samples: 1/sqrt(2n) of the RMS, sqrt(24/n) of the kurtosis.

    >>> made = np.random.default_rng(0).standard_normal(512)
    >>> is_fresh_normal(made), is_fresh_normal(made * 0.02), is_fresh_normal(np.sign(made))
    (True, False, False)
    """
    if values.size >= LEAST and not values.any():
        return False
    values = values[values != 0]
    n = values.size
    if n < LEAST:
        return None
    square = float(np.mean(np.square(values)))
    kurtosis = float(np.mean(np.square(np.square(values)))) / square**2
    return bool(
        abs(math.sqrt(square) - 1) <= SURE / math.sqrt(2 * n)
        and abs(kurtosis - 3) <= SURE * math.sqrt(24 / n)
    )
