"""What layers without a matrix were set to, and over how many values they work at their first call.

A normalisation takes each of its means over `pooled` values: one alone normalises to nothing. A softmax
works along one axis: over the wrong one, or over a single unit, its output means something else.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

Facts = dict[str, Any]
SOFTMAX = (nn.Softmax, nn.LogSoftmax, nn.Softmin)


def settings(module: nn.Module, inputs: torch.Tensor | None, out: torch.Tensor) -> Facts:
    """Facts of one call: `features`, `eps`, `pooled`, `groups`; `rate`; `axis`, `axes`, `size`.

    Empty for a module of no such kind. `inputs` is None where it was worked on in place: it had the
    output's shape.
    """
    given = out if inputs is None else inputs
    found = next((read for kinds, read in READERS if isinstance(module, kinds)), None)
    return found(module, given) if found is not None else {}


def _batch(module: Any, inputs: torch.Tensor) -> Facts:
    """BatchNorm: over the batch and its places; in evaluation over nothing, and `pooled` is left out."""
    facts: Facts = {"features": module.num_features, "eps": module.eps}
    if _takes_statistics(module):
        facts["pooled"] = inputs.numel() // max(module.num_features, 1)
    return facts


def _instance(module: Any, inputs: torch.Tensor) -> Facts:
    """InstanceNorm: over the places of one channel of one example."""
    facts: Facts = {"features": module.num_features, "eps": module.eps}
    if _takes_statistics(module):
        channel = 0 if inputs.ndim == module._get_no_batch_dim() else 1
        facts["pooled"] = math.prod(inputs.shape[channel + 1 :])
    return facts


def _takes_statistics(module: Any) -> bool:
    return bool(module.training or (module.running_mean is None and module.running_var is None))


def _layer(module: Any, inputs: torch.Tensor) -> Facts:
    """LayerNorm and RMSNorm: over the features of one example and place."""
    features = math.prod(module.normalized_shape)
    eps = module.eps if module.eps is not None else torch.finfo(inputs.dtype).eps
    return {"features": features, "eps": eps, "pooled": features}


def _group(module: Any, inputs: torch.Tensor) -> Facts:
    """GroupNorm: over a group of channels at all places of one example."""
    channels, groups = module.num_channels, module.num_groups
    pooled = channels // groups * math.prod(inputs.shape[2:])
    return {"features": channels, "eps": module.eps, "groups": groups, "pooled": pooled}


def _dropout(module: Any, _inputs: torch.Tensor) -> Facts:
    return {"rate": float(module.p)}


def _softmax(module: Any, inputs: torch.Tensor) -> Facts:
    axis = module.dim
    if axis is None:  # as PyTorch chooses where nothing is said
        axis = 0 if inputs.ndim in {0, 1, 3} else 1
    axis = axis % inputs.ndim if inputs.ndim else 0
    size = inputs.shape[axis] if inputs.ndim else 1
    return {"axis": axis, "axes": inputs.ndim, "size": size}


READERS: tuple[tuple[Any, Callable[[Any, torch.Tensor], Facts]], ...] = (
    (nn.modules.instancenorm._InstanceNorm, _instance),
    (nn.modules.batchnorm._NormBase, _batch),
    (nn.LayerNorm, _layer),
    (nn.GroupNorm, _group),
    (nn.modules.dropout._DropoutNd, _dropout),
    (SOFTMAX, _softmax),
    *(((nn.RMSNorm, _layer),) if hasattr(nn, "RMSNorm") else ()),
)
