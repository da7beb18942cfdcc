"""The usual initialisations: how large the weights of a layer are before any training.

Sources: Glorot & Bengio (2010), AISTATS, PMLR 9:249-256; He et al. (2015), ICCV; LeCun et al. (1998),
Efficient BackProp; PyTorch's default, uniform within 1/sqrt(fan_in) (`nn.Linear.reset_parameters`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

SURE = 4.0  # standard errors within which a sample's RMS is that of a scheme; 6e-5 by chance
NORMAL = math.sqrt(0.5)  # relative standard error of the RMS of n normal numbers, times sqrt(n)
SAMPLED = 512  # elements of a tensor that the recorder looks at


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


def looks_untrained(rms: float, shape: Sequence[int]) -> bool:
    """Whether a weight's RMS is that of a usual initialisation, within its sampling error.

    Only a hint: a trained weight may have that RMS by chance.

    >>> looks_untrained(0.0722, (64, 64)), looks_untrained(0.0922, (64, 64))
    (True, False)
    """
    n = min(math.prod(shape), SAMPLED)
    return any(
        abs(rms / usual - 1) <= SURE * NORMAL / math.sqrt(n)
        for usual in usual_scales(shape).values()
    )
