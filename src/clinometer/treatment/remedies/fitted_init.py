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

# Where layers give 1, what is below this behind a normalisation is its rounding: float32's spacing, 1.2e-7,
# over the root of the usual eps, 1e-5, is 3.8e-5; as much again and more lies between that and the limit.
ROUNDING = math.sqrt(torch.finfo(torch.float32).eps)


def apply(patient: Patient) -> str:
    """Orthogonal weights, then each layer that the call reaches scaled to an output of RMS 1."""
    chosen = [one for one in drawable(patient) if isinstance(one.module, WEIGHTED)]
    if not chosen:
        raise NotApplicable("the weights are not in layers of torch (nn.Linear, nn.Conv)")
    patient.run()
    kept = [(p, p.detach().clone()) for one in chosen for p in one.module.parameters()]
    try:
        fitted = _fit(patient, chosen)
    except NotApplicable:
        with torch.no_grad():
            for parameter, before in kept:
                parameter.copy_(before)
        raise
    return (
        f"{plural(fitted, 'layer')} orthogonal and scaled to outputs of RMS 1 on one batch, biases 0"
        + frozen_left(patient)
    )


def _fit(patient: Patient, chosen: list[Drawn]) -> int:
    """How many layers were drawn and fitted."""
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
    return len(fitted)


def _once(one: Drawn, fitted: set[int]) -> Callable[[nn.Module, Any, Any], Any]:
    """Divides the weight, and the output of this run, by the RMS of that output: the first time it runs."""

    def fit(_layer: nn.Module, given: Any, output: Any) -> Any:
        size = rms(output) if isinstance(output, Tensor) else math.nan
        if id(one) in fitted or not 0 < size < math.inf:
            return None
        arrives = rms(given[0]) if given and isinstance(given[0], Tensor) else math.nan
        if fitted and arrives < ROUNDING:
            raise NotApplicable(
                f"{arrives:.1e} reaches a layer although those before it give 1: what is left is rounding"
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
