"""What part a module plays in the chain rule, told from its class."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

WEIGHT = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMALISATION = (
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.LocalResponseNorm,
    *((nn.RMSNorm,) if hasattr(nn, "RMSNorm") else ()),
)
# PyTorch class -> name in theory.activations
ACTIVATION = {
    nn.Sigmoid: "sigmoid",
    nn.Tanh: "tanh",
    nn.ReLU: "relu",
    nn.LeakyReLU: "leaky_relu",
    nn.ELU: "elu",
    nn.SELU: "selu",
    nn.GELU: "gelu",
    nn.SiLU: "silu",
    nn.Softplus: "softplus",
    nn.Hardtanh: "hardtanh",
    nn.ReLU6: "relu6",
    nn.Hardsigmoid: "hardsigmoid",
    nn.Hardswish: "hardswish",
    nn.Softsign: "softsign",
    nn.Mish: "mish",
    nn.LogSigmoid: "logsigmoid",
}
# Autograd node of a functional call -> name in theory.activations
NODE_ACTIVATION = {
    "SigmoidBackward0": "sigmoid",
    "TanhBackward0": "tanh",
    "ReluBackward0": "relu",
    "LeakyReluBackward0": "leaky_relu",
    "EluBackward0": "elu",
    "GeluBackward0": "gelu",
    "SiluBackward0": "silu",
    "SoftplusBackward0": "softplus",
    "HardtanhBackward0": "hardtanh",
    "HardsigmoidBackward0": "hardsigmoid",
    "HardswishBackward0": "hardswish",
    "MishBackward0": "mish",
    "LogSigmoidBackward0": "logsigmoid",
}
# Nodes that only rearrange their input: they pass a gradient's norm on unchanged.
VIEWS = frozenset(
    "ViewBackward0 UnsafeViewBackward0 ReshapeAliasBackward0 TBackward0 TransposeBackward0 "
    "PermuteBackward0 SqueezeBackward0 SqueezeBackward1 UnsqueezeBackward0 CloneBackward0 "
    "AliasBackward0 ContiguousBackward0".split()
)


def facts_of(module: nn.Module) -> dict[str, Any]:
    """Role and constants of a leaf module, as the recording keeps them.

    `role` is "weight", "activation", "normalisation" or "other".
    """
    facts: dict[str, Any] = {"class": type(module).__name__, "role": "other"}
    if isinstance(module, WEIGHT):
        facts |= {
            "role": "weight",
            "fan_in": module.weight[0].numel(),
            "fan_out": module.weight.shape[0],
        }
    elif type(module) in ACTIVATION:
        facts |= {"role": "activation", "activation": ACTIVATION[type(module)]}
    elif isinstance(module, NORMALISATION):
        facts["role"] = "normalisation"
    return facts


def unit_axis(tensor: torch.Tensor, after_convolution: bool) -> int:
    """Axis of the units: channels behind a convolution, features otherwise."""
    if tensor.ndim <= 1:
        return 0
    return 1 if after_convolution or tensor.ndim >= 4 else tensor.ndim - 1
