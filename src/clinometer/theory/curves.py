"""The smooth activations that need more than one line, and their slopes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from clinometer.theory.sigmoid import Array, sigmoid


def tanh_slope(h: ArrayLike) -> Array:
    """1 - tanh(h)**2 = 4 e / (1 + e)**2 with e = exp(-2 abs(h)); does not cancel far out."""
    small = np.exp(-2.0 * np.abs(np.asarray(h, dtype=np.float64)))
    return np.asarray(4.0 * small / (1.0 + small) ** 2)


def _normal_share(h: Array) -> Array:
    """Phi(h), by erfc, which keeps its digits in the lower tail."""
    from scipy.special import erfc

    return np.asarray(0.5 * erfc(-h / math.sqrt(2.0)))


def gelu(h: ArrayLike) -> Array:
    """h Phi(h), the exact form (Hendrycks and Gimpel 2016)."""
    h = np.asarray(h, dtype=np.float64)
    return np.asarray(h * _normal_share(h))


def gelu_slope(h: ArrayLike) -> Array:
    """Phi(h) + h phi(h)."""
    h = np.asarray(h, dtype=np.float64)
    far = np.minimum(np.abs(h), 1e3)  # phi is 0 long before; keeps the square finite
    density = np.exp(-0.5 * far**2) / math.sqrt(2.0 * math.pi)
    return np.asarray(_normal_share(h) + np.copysign(far, h) * density)


def _gelu_tanh_argument(h: Array) -> tuple[Array, Array]:
    """u with 1/2 (1 + tanh(u / 2)) = sigmoid(u), and du/dh; clipped where sigmoid is 0 or 1."""
    near = np.clip(h, -40.0, 40.0)
    factor = 2.0 * math.sqrt(2.0 / math.pi)
    return factor * (near + 0.044715 * near**3), factor * (1.0 + 0.134145 * near**2)


def gelu_tanh(h: ArrayLike) -> Array:
    """h sigmoid(2 sqrt(2 / pi) (h + 0.044715 h**3)), the tanh form without its cancellation."""
    h = np.asarray(h, dtype=np.float64)
    return np.asarray(h * sigmoid(_gelu_tanh_argument(h)[0]))


def gelu_tanh_slope(h: ArrayLike) -> Array:
    """sigmoid(u) (1 + h du/dh sigmoid(-u))."""
    h = np.asarray(h, dtype=np.float64)
    u, rate = _gelu_tanh_argument(h)
    return np.asarray(sigmoid(u) * (1.0 + np.clip(h, -40.0, 40.0) * rate * sigmoid(-u)))


def silu_slope(h: ArrayLike) -> Array:
    """sigmoid(h) (1 + h sigmoid(-h))."""
    h = np.asarray(h, dtype=np.float64)
    return np.asarray(sigmoid(h) * (1.0 + h * sigmoid(-h)))


def _mish_gate(h: Array) -> tuple[Array, Array]:
    """tanh(softplus(h)) and one minus it, as ratios of positive terms in exp(-abs(h))."""
    e = np.exp(-np.abs(h))
    rising, rest = np.where(h > 0, 1.0 + 2.0 * e, e * (e + 2.0)), np.where(h > 0, 2.0 * e * e, 2.0)
    return rising / (rising + rest), rest / (rising + rest)


def mish(h: ArrayLike) -> Array:
    """h tanh(softplus(h)) (Misra 2019)."""
    h = np.asarray(h, dtype=np.float64)
    return np.asarray(h * _mish_gate(h)[0])


def mish_slope(h: ArrayLike) -> Array:
    """w + h (1 - w)(1 + w) sigmoid(h) with w = tanh(softplus(h))."""
    h = np.asarray(h, dtype=np.float64)
    w, rest = _mish_gate(h)
    return np.asarray(w + h * rest * (1.0 + w) * sigmoid(h))


def hardswish(h: ArrayLike) -> Array:
    """h clip(h + 3, 0, 6) / 6 (Howard et al. 2019)."""
    h = np.asarray(h, dtype=np.float64)
    return np.asarray(h * (np.clip(h + 3.0, 0.0, 6.0) / 6.0))


def hardswish_slope(h: ArrayLike) -> Array:
    """0 up to -3, h / 3 + 1/2 between, 1 from 3 on; its peak is 3/2, just below 3."""
    h = np.asarray(h, dtype=np.float64)
    between = np.clip(h, -3.0, 3.0) / 3.0 + 0.5
    return np.where(h <= -3.0, 0.0, np.where(h >= 3.0, 1.0, between))


def softsign(h: ArrayLike) -> Array:
    """h / (1 + abs(h))."""
    h = np.asarray(h, dtype=np.float64)
    return np.asarray(h / (1.0 + np.abs(h)))


def softsign_slope(h: ArrayLike) -> Array:
    """1 / (1 + abs(h))**2."""
    with np.errstate(over="ignore"):  # beyond 1e154 the slope is 0 in float64
        return np.asarray(1.0 / (1.0 + np.abs(np.asarray(h, dtype=np.float64))) ** 2)
