"""Activations: value, slope, peak slope, and where the slope has gone flat.

Slopes are written so that nothing cancels; at a kink they follow PyTorch's convention.
`activation("sigmoid").saturation_region` and `.peak_slope` are plain Python floats.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.errors import ClinometerError
from clinometer.theory import curves
from clinometer.theory.saturation import Region, flat_region
from clinometer.theory.sigmoid import Array, sigmoid, sigmoid_slope, softplus

FLAT = 0.01  # saturated: the slope is below 1 % of its peak


@dataclass(frozen=True)
class Activation:
    """An elementwise activation a(h).

    value, slope : functions of an array, float64 in and out
    peak_slope : supremum of abs(slope) [-]
    """

    name: str
    value: Callable[[ArrayLike], Array]
    slope: Callable[[ArrayLike], Array]
    peak_slope: float

    @cached_property
    def saturation_region(self) -> Region:
        """Open intervals (low, high) of h where abs(slope) < 1 % of its peak; ends may be infinite.

        To float precision; solved when first asked for.

        >>> activation("relu").saturation_region
        ((-inf, 0.0),)
        """
        return flat_region(self.slope, FLAT * self.peak_slope)

    def saturated(self, h: ArrayLike) -> NDArray[np.bool_]:
        """Whether abs(slope(h)) is below 1 % of its peak, elementwise.

        >>> activation("sigmoid").saturated([5.9, 6.0]).tolist()
        [False, True]
        """
        return np.asarray(np.abs(self.slope(h)) < FLAT * self.peak_slope)


def leaky_relu(slope: float = 0.01) -> Activation:
    """ReLU with a slope below 0 [-]; at exactly 1 % of the peak it is not saturated."""
    return Activation(
        "leaky_relu",
        lambda h: np.where(_array(h) > 0, h, slope * _array(h)),
        lambda h: np.where(_array(h) > 0, 1.0, slope),
        max(1.0, abs(slope)),
    )


def elu(alpha: float = 1.0, scale: float = 1.0, name: str = "elu") -> Activation:
    """scale * h above 0, scale * alpha * (exp(h) - 1) below."""
    return Activation(
        name,
        lambda h: scale * np.where(_array(h) > 0, h, alpha * np.expm1(np.minimum(h, 0.0))),
        lambda h: scale * np.where(_array(h) > 0, 1.0, alpha * np.exp(np.minimum(h, 0.0))),
        scale * max(1.0, alpha),
    )


def _array(h: ArrayLike) -> Array:
    return np.asarray(h, dtype=np.float64)


def _within(low: float, high: float) -> Callable[[ArrayLike], Array]:
    return lambda h: np.where((_array(h) > low) & (_array(h) < high), 1.0, 0.0)


_HARD_THIRD = _within(-3.0, 3.0)

ACTIVATIONS: dict[str, Activation] = {
    a.name: a
    for a in (
        Activation("identity", _array, lambda h: np.ones_like(_array(h)), 1.0),
        Activation("sigmoid", sigmoid, sigmoid_slope, 0.25),
        Activation("tanh", lambda h: np.tanh(_array(h)), curves.tanh_slope, 1.0),
        Activation("relu", lambda h: np.maximum(_array(h), 0.0), _within(0.0, np.inf), 1.0),
        leaky_relu(),
        elu(),
        elu(1.6732632423543772, 1.0507009873554805, "selu"),  # Klambauer et al. (2017), NeurIPS 30
        Activation("gelu", curves.gelu, curves.gelu_slope, 1.1289041451851548),
        Activation("gelu_tanh", curves.gelu_tanh, curves.gelu_tanh_slope, 1.1289930686587718),
        Activation("silu", lambda h: _array(h) * sigmoid(h), curves.silu_slope, 1.0998393201288669),
        Activation("softplus", softplus, sigmoid, 1.0),
        Activation("hardtanh", lambda h: np.clip(_array(h), -1.0, 1.0), _within(-1.0, 1.0), 1.0),
        Activation("relu6", lambda h: np.clip(_array(h), 0.0, 6.0), _within(0.0, 6.0), 1.0),
        Activation(
            "hardsigmoid",
            lambda h: np.clip(_array(h) / 6.0 + 0.5, 0.0, 1.0),
            lambda h: _HARD_THIRD(h) / 6.0,
            1.0 / 6.0,
        ),
        Activation("hardswish", curves.hardswish, curves.hardswish_slope, 1.5),
        Activation("softsign", curves.softsign, curves.softsign_slope, 1.0),
        Activation("mish", curves.mish, curves.mish_slope, 1.0884981612517279),
        Activation(
            "logsigmoid", lambda h: -softplus(-_array(h)), lambda h: sigmoid(-_array(h)), 1.0
        ),
    )
}


def activation(name: str) -> Activation:
    """The activation of that name; ClinometerError lists the known ones where there is none."""
    if name not in ACTIVATIONS:
        raise ClinometerError(
            f"no activation is called {name!r}; known are {', '.join(sorted(ACTIVATIONS))}"
        )
    return ACTIVATIONS[name]
