"""First weights fitted to the data: layer by layer to outputs of RMS 1 on the batch of the call.

Source: Mishkin & Matas (2016), ICLR (LSUV): orthogonal weights, then each layer divided by the RMS of its
output, in the order of the call.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from clinometer.treatment.network.trace import WEIGHTED
from clinometer.treatment.network.weights import (
    Drawn,
    draw,
    drawable,
    frozen_left,
    orthogonal,
    plural,
    put,
    rms,
    without_bias,
)
from clinometer.treatment.remedy import NotApplicable, Remedy

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient


def apply(patient: Patient) -> str:
    """Orthogonal weights, then each layer that the call reaches scaled to an output of RMS 1."""
    chosen = [one for one in drawable(patient) if isinstance(one.module, WEIGHTED)]
    if not chosen:
        raise NotApplicable("the weights are not in layers of torch (nn.Linear, nn.Conv)")
    patient.run()
    for one in chosen:
        put(one, draw(one, orthogonal, patient.generator))
        without_bias(one)
    fitted: set[int] = set()
    hooks = [one.module.register_forward_hook(_once(one, fitted)) for one in chosen]
    try:
        patient.run()
    finally:
        for hook in hooks:
            hook.remove()
    if not fitted:
        raise NotApplicable("no layer gives anything but 0, which no weight scales to 1")
    return (
        f"{plural(len(fitted), 'layer')} orthogonal and scaled to outputs of RMS 1 on one batch, biases 0"
        + frozen_left(patient)
    )


def _once(one: Drawn, fitted: set[int]) -> Callable[[nn.Module, Any, Any], Any]:
    """Divides the weight, and the output of this run, by the RMS of that output: the first time it runs.

    Of numbers of order 1 what comes out below the root of the float spacing has lost half of its digits: to
    scale it to 1 would learn from rounding, as behind a normalisation of single values.
    """

    def fit(_layer: nn.Module, _given: Any, output: Any) -> Any:
        size = rms(output) if isinstance(output, Tensor) else math.nan
        if id(one) in fitted or not 0 < size < math.inf:
            return None
        if fitted and size < math.sqrt(torch.finfo(output.dtype).eps):
            raise NotApplicable(
                f"a layer gives {size:.1e} although those before it give 1: what is left is rounding"
            )
        fitted.add(id(one))
        put(one, one.module.weight.detach() / size)  # type: ignore[operator]
        return output / size

    return fit


REMEDY = Remedy(
    name="fitted-init",
    moment="start",
    changes="weights",
    act="draw weights",
    apply=apply,
    lines="# after the model is made: one batch x, layers in the order in which they run\n"
    "def fit(layer, args, out):\n"
    "    layer.weight.data /= out.std()\n"
    "    return out / out.std()\n"
    "for layer in [m for m in model.modules() if isinstance(m, (nn.Linear, nn.Conv2d))]:\n"
    "    nn.init.orthogonal_(layer.weight)\n"
    "    nn.init.zeros_(layer.bias)\n"
    "    hook = layer.register_forward_hook(fit)\n"
    "    model(x)\n"
    "    hook.remove()\n",
)
