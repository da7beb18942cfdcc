"""Gains of the gradient at initialisation, layer by layer: what a chain should pass on before it learns.

The mean-field picture: weights independent of mean 0 and variance Var W, wide layers, pre-activations
normal with mean square q. Backwards a linear map multiplies the rms of the gradient by
sqrt(fan_out Var W), an activation by sqrt(E[phi'(sqrt(q) z)^2]); forwards q becomes
Var W fan_in E[phi(sqrt(q) z)^2] + Var b. Poole et al. (2016), Schoenholz et al. (2017); He et al. (2015).
Not for normalised networks, whose gradients grow with depth (Yang et al. 2019), nor residual ones.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from clinometer.theory.activations import activation
from clinometer.theory.sigmoid import Array

# Where the value or the slope of an activation jumps or bends.
KINKS = {
    "relu": (0.0,),
    "leaky_relu": (0.0,),
    "elu": (0.0,),
    "selu": (0.0,),
    "softsign": (0.0,),
    "hardtanh": (-1.0, 1.0),
    "relu6": (0.0, 6.0),
    "hardsigmoid": (-3.0, 3.0),
    "hardswish": (-3.0, 3.0),
}
FARTHEST = 14.0  # standard deviations; the normal density there is 1e-43
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)

# Variance of a weight by fan-in and fan-out, for the usual initialisations.
INITIAL_VARIANCE: dict[str, Callable[[float, float], float]] = {
    "torch default": lambda fan_in, _: 1.0 / (3.0 * fan_in),  # of nn.Linear; its bias, too
    "He": lambda fan_in, _: 2.0 / fan_in,
    "Glorot": lambda fan_in, fan_out: 2.0 / (fan_in + fan_out),
    "LeCun": lambda fan_in, _: 1.0 / fan_in,
}


def weight_gain(variance: float, outputs: float, kernel: int = 1, stride: int = 1) -> float:
    """RMS gain of a linear map or convolution backwards, sqrt(outputs kernel / stride Var W) [-].

    Parameters
    ----------
    variance : of a weight
    outputs : fan-out, or output channels (of one group)
    kernel, stride : positions of the kernel, and positions of the input for each of the output
        (9 and 4 for 3 x 3 with a stride of 2)

    Notes
    -----
    Exact in the mean over weights. At a padded border fewer outputs look at an input than inside.

    >>> weight_gain(2 / 256, 256), weight_gain(1 / (3 * 256), 256)
    (1.41421356, 0.57735027)
    """
    return math.sqrt(outputs * kernel / stride * variance)


def activation_gain(name: str, q: float) -> float:
    """sqrt(E[phi'(sqrt(q) z)^2]) for a standard normal z: rms gain of an activation backwards [-].

    Error below 1e-12. At q = 0 the slope at 0; a ReLU passes on half of the square at any q.

    >>> activation_gain("relu", 1.0), activation_gain("tanh", 1e-8), activation_gain("sigmoid", 1e-8)
    (0.70710678, 1.0, 0.25)
    """
    return math.sqrt(slope_moment(name, q, 2))


def slope_moment(name: str, q: float, power: int) -> float:
    """E[abs(phi'(sqrt(q) z))^power] for a standard normal z [-]."""
    slope = activation(name).slope
    if name == "relu":
        return 0.5
    if name == "leaky_relu":
        return 0.5 * (1.0 + abs(float(slope(-1.0))) ** power)
    return normal_mean(lambda h: np.abs(slope(h)) ** power, q, KINKS.get(name, ()))


def next_length(name: str, q: float, variance: float, fan_in: float, bias: float = 0.0) -> float:
    """Mean square of the pre-activations of the next layer, Var W fan_in E[phi(sqrt(q) z)^2] + Var b.

    >>> next_length("relu", 1.0, 2 / 256, 256)
    1.0
    """
    value = activation(name).value
    return variance * fan_in * normal_mean(lambda h: value(h) ** 2, q, KINKS.get(name, ())) + bias


def normal_mean(function: Callable[[Array], Array], q: float, kinks: Sequence[float] = ()) -> float:
    """E[f(sqrt(q) z)] for a standard normal z; f is smooth but for its kinks.

    Gauss-Legendre on panels that grow away from 0 and from each kink, so that neither a kink, nor a
    function much narrower or wider than the normal is smeared. Relative error about 1e-14.
    """
    scale = math.sqrt(q)
    if scale == 0.0:
        return float(function(np.zeros(1))[0])
    end = FARTHEST * scale
    smallest = min(1.0, scale) / 8.0
    offsets = smallest * 2.0 ** np.arange(math.ceil(math.log2(end / smallest)) + 1)
    centres = [0.0, *(kink for kink in kinks if abs(kink) < end)]
    marks = np.concatenate([[-end, end], *([c, *(c - offsets), *(c + offsets)] for c in centres)])
    marks = np.unique(marks[np.abs(marks) <= end])
    middle, half = (marks[1:] + marks[:-1]) / 2, np.diff(marks) / 2
    h = middle[:, None] + half[:, None] * _NODES
    density = np.exp(-0.5 * (h / scale) ** 2) / (scale * math.sqrt(2.0 * math.pi))
    return float((half[:, None] * _WEIGHTS * density * function(h)).sum())


def layer_spread(name: str, q: float, width: float) -> float:
    """Standard deviation over initialisations of log10 of one layer's gain, weight and activation [decades].

    Of one example, to first order in 1/width. The squared norm that a layer passes on is a mean over
    `width` units of phi'^2 z^2 with z normal, whose relative variance is 3 E[phi'^4] / E[phi'^2]^2 - 1:
    2 for a linear map, 5 for a ReLU, the 5/width of Hanin & Nica (2018). The logarithm of the norm has half
    its root. Layers are independent: variances add over depth. A batch varies no more than one example.
    Fluctuations of the length q are left out. A ReLU does not feel them; where a length is not held by a
    stable fixed point (GELU under He), they grow with depth, and finite widths drift away from theory.

    >>> layer_spread("relu", 1.0, 256) == 0.5 * math.log10(math.e) * math.sqrt(5 / 256)
    True
    """
    fourth, second = slope_moment(name, q, 4), slope_moment(name, q, 2)
    return 0.5 * math.log10(math.e) * math.sqrt((3.0 * fourth / second**2 - 1.0) / width)


@dataclass(frozen=True)
class ExpectedChain:
    """What theory expects of each layer of a chain, input first; float64 (layers,).

    weight, activation : gains backwards [decades]
    length : mean square of the pre-activations
    spread : standard deviation over initialisations of weight + activation [decades]
    """

    weight: Array
    activation: Array
    length: Array
    spread: Array


def expected_chain(
    name: str, widths: Sequence[int], init: str, *, input_square: float = 1.0
) -> ExpectedChain:
    """Gains of a chain of linear layers, each with the activation `name`, at initialisation.

    Parameters
    ----------
    widths : of the input and of each layer
    init : a key of `INITIAL_VARIANCE`; only the default of torch has a bias that is not 0
    input_square : mean square of the input's elements
    """
    rows = []
    q = None
    for fan_in, fan_out in itertools.pairwise(widths):
        variance = INITIAL_VARIANCE[init](fan_in, fan_out)
        bias = variance if init == "torch default" else 0.0
        first = variance * fan_in * input_square + bias
        q = first if q is None else next_length(name, q, variance, fan_in, bias)
        passed = math.log10(weight_gain(variance, fan_out)), math.log10(activation_gain(name, q))
        rows.append((*passed, q, layer_spread(name, q, fan_in)))
    return ExpectedChain(*np.array(rows, dtype=np.float64).reshape(-1, 4).T)
