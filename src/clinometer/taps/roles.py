"""What part a module, or a node of the graph, plays in the chain rule."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

WEIGHT = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
CONVOLUTION = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d)
RECURRENT = (nn.RNNBase,)
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
# Autograd node of a functional call -> name in theory.activations, and what the node keeps of it.
NODE_ACTIVATION = {
    "SigmoidBackward0": ("sigmoid", "_saved_result"),
    "TanhBackward0": ("tanh", "_saved_result"),
    "ReluBackward0": ("relu", "_saved_result"),
    "LeakyReluBackward0": ("leaky_relu", "_saved_self"),
    "EluBackward0": ("elu", "_saved_self_or_result"),
    "GeluBackward0": ("gelu", "_saved_self"),
    "SiluBackward0": ("silu", "_saved_self"),
    "SoftplusBackward0": ("softplus", "_saved_self"),
    "HardtanhBackward0": ("hardtanh", "_saved_self"),
    "HardsigmoidBackward0": ("hardsigmoid", "_saved_self"),
    "HardswishBackward0": ("hardswish", "_saved_self"),
    "MishBackward0": ("mish", "_saved_self"),
    "LogSigmoidBackward0": ("logsigmoid", "_saved_self"),
}
WEIGHT_NODES = frozenset(
    "AddmmBackward0 MmBackward0 MvBackward0 AddmvBackward0 BmmBackward0 BaddbmmBackward0 "
    "LinearBackward0 MkldnnLinearBackward0 ConvolutionBackward0".split()
)
FUSED_ATTENTION = frozenset(
    "ScaledDotProductFlashAttentionForCpuBackward0 ScaledDotProductFlashAttentionBackward0 "
    "ScaledDotProductEfficientAttentionBackward0 ScaledDotProductCudnnAttentionBackward0 "
    "ScaledDotProductFusedAttentionOverrideableBackward0".split()
)
SOFTMAX = frozenset({"SoftmaxBackward0", "SafeSoftmaxBackward0"})
# Nodes that only rearrange their input: they pass a gradient's norm on unchanged.
VIEWS = frozenset(
    "ViewBackward0 UnsafeViewBackward0 ReshapeAliasBackward0 TBackward0 TransposeBackward0 "
    "TransposeBackward1 PermuteBackward0 SqueezeBackward0 SqueezeBackward1 UnsqueezeBackward0 "
    "CloneBackward0 AliasBackward0 ContiguousBackward0 ViewBackward0_copy".split()
)


def facts_of(module: nn.Module) -> dict[str, Any]:
    """Role and constants of a leaf module, as the recording keeps them.

    `role` is "weight", "activation", "normalisation", "recurrent", "embedding" or "other".
    """
    facts: dict[str, Any] = {"class": type(module).__name__, "role": "other"}
    if isinstance(module, WEIGHT):
        facts |= weight_facts(module.weight)
        if getattr(module, "groups", 1) > 1:
            facts["groups"] = module.groups
    elif type(module) in ACTIVATION:
        facts |= {"role": "activation", "activation": ACTIVATION[type(module)]}
    elif isinstance(module, NORMALISATION):
        facts["role"] = "normalisation"
    elif isinstance(module, RECURRENT) or type(module).__name__.endswith("Cell"):
        facts["role"] = "recurrent"
    elif isinstance(module, (nn.Embedding, nn.EmbeddingBag)):
        facts["role"] = "embedding"
    return facts


def weight_facts(weight: torch.Tensor) -> dict[str, Any]:
    """Facts of a linear or convolution weight, (out, in, ...)."""
    return {
        "role": "weight",
        "fan_in": weight[0].numel() if weight.ndim > 1 else weight.numel(),
        "fan_out": weight.shape[0] if weight.ndim > 1 else 1,
    }


def is_observed_whole(module: nn.Module) -> bool:
    """Whether a leaf module is one place; otherwise what happens inside it is looked at instead.

    PyTorch's own layers are, but for attention, whose parts are linear maps and a softmax. A layer of the
    user's own is, unless it owns a matrix: then its operations are the layers.
    """
    if isinstance(module, nn.MultiheadAttention):
        return False
    if type(module).__module__.startswith("torch.nn."):
        return True
    return all(parameter.ndim < 2 for parameter in module.parameters(recurse=False))
