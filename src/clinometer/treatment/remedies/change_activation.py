"""Activations that go flat, exchanged between layers: sigmoid or tanh for ReLU or GELU, ReLU for leaky.

The output's activation and gates stay: their bounds are meant. GELU where the network attends, else ReLU.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn
from torch.nn import functional

from clinometer.treatment.network.chain import bends_between
from clinometer.treatment.network.sites import exchange, planned, whole
from clinometer.treatment.network.trace import Op, Trace, trace
from clinometer.treatment.remedy import NotApplicable, Remedy

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient

FLAT = frozenset(
    {"sigmoid", "sigmoid_", "tanh", "tanh_", "hardtanh", "hardtanh_", "hardsigmoid", "softsign", "relu6",
     "logsigmoid", "log_sigmoid", "tanhshrink"}
)  # fmt: skip
DYING = frozenset({"relu", "relu_"})
ATTENDING = frozenset({"multi_head_attention_forward", "scaled_dot_product_attention", "softmax"})


def apply(patient: Patient) -> str:
    """Modules are exchanged where they serve between layers alone; other calls at their place."""
    seen = trace(patient)
    between = list(bends_between(seen))
    chosen, new = _choice(seen, between)
    for module in _whole(seen, chosen):
        patient.swap(module, MODULES[new]())
        chosen = [op for op in chosen if op.module is not module]
    calls = [op for op in between if op.function in (FLAT if new != "leaky_relu" else DYING)]
    if chosen:
        exchange(patient, planned(seen, chosen, _act(FUNCTIONS[new])))
    counts = Counter(op.function.rstrip("_") for op in calls)
    return ", ".join(f"{name} -> {new} ({number} times)" for name, number in counts.items())


def _choice(seen: Trace, between: list[Op]) -> tuple[list[Op], str]:
    flat = [op for op in between if op.function in FLAT]
    if flat:
        attends = any(op.function in ATTENDING for op in seen.ops)
        return flat, "gelu" if attends else "relu"
    dying = [op for op in between if op.function in DYING]
    if not dying:
        raise NotApplicable("no sigmoid, tanh or ReLU stands between layers")
    return dying, "leaky_relu"


def _whole(seen: Trace, chosen: list[Op]) -> list[nn.Module]:
    """Activation modules of torch whose every call was chosen."""
    return [
        module
        for module in whole(seen, chosen)
        if type(module).__module__ == "torch.nn.modules.activation"
        and not any(True for _ in module.parameters())
    ]


def _act(function: Callable[[Tensor], Tensor]) -> Callable[..., Any]:
    return lambda _original, tensor, *_args, **_options: function(tensor)


MODULES: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "leaky_relu": nn.LeakyReLU,
}
FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "gelu": functional.gelu,
    "leaky_relu": functional.leaky_relu,
}

REMEDY = Remedy(
    name="change-activation",
    moment="start",
    changes="network",
    apply=apply,
    lines="# in the model, between its layers; the output stays as it is\n"
    "nn.ReLU()  # in place of nn.Sigmoid() or nn.Tanh(); nn.LeakyReLU() in place of a dying nn.ReLU()\n",
)
