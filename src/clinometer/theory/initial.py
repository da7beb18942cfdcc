"""The usual initialisations: how large the weights of a layer are before any training.

Sources: Glorot & Bengio (2010), AISTATS, PMLR 9:249-256; He et al. (2015), ICCV; LeCun et al. (1998),
Efficient BackProp; PyTorch's default, uniform within 1/sqrt(fan_in) (`nn.Linear.reset_parameters`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight of shape (out, in, ...).

    >>> fans((16, 3, 5, 5))
    (75, 400)
    """
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def usual_scales(shape: Sequence[int]) -> dict[str, float]:
    """RMS of a weight of shape (out, in, ...) by scheme [-].

    >>> {name: round(rms, 4) for name, rms in usual_scales((64, 64)).items()}
    {'PyTorch default': 0.0722, 'LeCun': 0.125, 'Glorot': 0.125, 'He': 0.1768, 'He, fan out': 0.1768}
    """
    fan_in, fan_out = fans(shape)
    return {
        "PyTorch default": math.sqrt(1 / (3 * fan_in)),
        "LeCun": math.sqrt(1 / fan_in),
        "Glorot": math.sqrt(2 / (fan_in + fan_out)),
        "He": math.sqrt(2 / fan_in),
        "He, fan out": math.sqrt(2 / fan_out),
    }
