"""Smooth calibration error: the binned one without bins.

Błasiok and Nakkiran (2023), arXiv 2309.12236: the residuals confidence - right are smoothed by a Gaussian
of width sigma, reflected at 0 and 1, and the integral of the absolute value is smECE_sigma; it never rises
with sigma, and the error is the sigma at which smECE_sigma = sigma. No bins, no width to choose.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.stats.calibration_error import checked
from clinometer.stats.gaps import Array

CELLS = 2**16  # of the grid on 0 .. 1; its transform costs about 2 ms
NARROWEST = 2.0**-10  # sigma, 64 cells: splitting a row between two grid points widens it by 3e-5


def smooth_ece(confidence: Array, right: NDArray[Any], weights: Array | None = None) -> float:
    """smECE of confidence (n,) in 0 .. 1 against right (n,), 0 or 1 or a frequency [-].

    Relative error below 1e-4 of the paper's definition where it is above 2^-10. Below, the kernel keeps
    the width 2^-10, so that the answer is a lower bound, less than 2^-10 from it. A residual at 0 or 1
    keeps all of its mass inside, as the definition's kernel does.

    >>> round(smooth_ece(np.array([0.9, 0.9]), np.array([True, True])), 6)
    0.1
    """
    from scipy.optimize import brentq

    spectrum = residual_spectrum(confidence, right, weights)
    lowest = smoothed(spectrum, NARROWEST)
    if lowest <= NARROWEST:
        return lowest
    return float(brentq(lambda sigma: smoothed(spectrum, sigma) - sigma, NARROWEST, 1.0, rtol=1e-9))


def residual_spectrum(
    confidence: Array, right: NDArray[Any], weights: Array | None = None
) -> Array:
    """Cosine coefficients sum w (confidence - right) cos(k pi confidence) / sum w, k = 0 .. CELLS."""
    from scipy.fft import dct

    weight = checked(confidence, right, weights)
    apart = np.subtract(confidence, right)
    apart = apart / len(apart) if weight is None else apart * (weight / weight.sum())
    place = np.minimum((confidence * CELLS).astype(np.intp), CELLS - 1)
    share = confidence * CELLS - place
    mass = np.zeros(CELLS + 1)
    mass += np.bincount(place, apart * (1.0 - share), CELLS + 1)
    mass += np.bincount(place + 1, apart * share, CELLS + 1)
    mass[1:-1] *= 0.5  # this transform counts inner points twice
    return np.asarray(dct(mass, type=1), dtype=np.float64)


def smoothed(spectrum: Array, sigma: float) -> float:
    """smECE_sigma: a reflected Gaussian multiplies cosine coefficient k by exp(-(k pi sigma)^2 / 2)."""
    from scipy.fft import dct

    damped = spectrum * np.exp(-0.5 * (np.pi * sigma * np.arange(len(spectrum))) ** 2)
    curve = np.abs(dct(damped, type=1))
    return float((curve.sum() - 0.5 * (curve[0] + curve[-1])) / (len(curve) - 1))
