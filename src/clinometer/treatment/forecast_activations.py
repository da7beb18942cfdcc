"""Which functions of torch are activations, and which of them theory knows."""

from __future__ import annotations

from clinometer.treatment.forecast_trace import Operation

# Name in torch: (name in `theory.activations`, its options with the values that theory has).
ACTIVATIONS: dict[str, tuple[str, dict[str, tuple[str, object]]]] = {
    "relu": ("relu", {}),
    "relu_": ("relu", {}),
    "sigmoid": ("sigmoid", {}),
    "sigmoid_": ("sigmoid", {}),
    "tanh": ("tanh", {}),
    "tanh_": ("tanh", {}),
    "gelu": ("gelu", {}),
    "silu": ("silu", {}),
    "selu": ("selu", {}),
    "elu": ("elu", {"alpha": ("1", 1.0)}),
    "leaky_relu": ("leaky_relu", {"negative_slope": ("1", 0.01)}),
    "softplus": ("softplus", {"beta": ("1", 1.0)}),
    "hardtanh": ("hardtanh", {"min_val": ("1", -1.0), "max_val": ("2", 1.0)}),
    "relu6": ("relu6", {}),
    "hardsigmoid": ("hardsigmoid", {}),
    "hardswish": ("hardswish", {}),
    "softsign": ("softsign", {}),
    "mish": ("mish", {}),
    "logsigmoid": ("logsigmoid", {}),
    "log_sigmoid": ("logsigmoid", {}),
}


def known_activation(one: Operation) -> str | None:
    """Its name in theory; None where it has options of its own."""
    name, options = ACTIVATIONS[one.function]
    if name == "gelu" and one.options.get("approximate", "none") == "tanh":
        return "gelu_tanh"
    for option, (position, value) in options.items():
        if one.options.get(option, one.options.get(position, value)) != value:
            return None
    return name
