"""Rows of a convolution: the patches under its output positions."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional


def patch_norms(convolution: nn.Module, inputs: torch.Tensor, wide: bool) -> torch.Tensor | None:
    """Norm of the patch under each output position; float32, or float64 where wide.

    Exact: the root of the convolution of the squared input, summed over channels, with a kernel of ones.
    Shape (examples, groups, positions). None for a transposed convolution, whose rows are not patches.
    """
    if not isinstance(convolution, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
        return None
    if inputs.ndim == convolution.weight.ndim - 1:  # an unbatched input
        inputs = inputs.unsqueeze(0)
    groups = convolution.groups
    inputs = inputs.unflatten(1, (groups, -1))
    inputs = inputs.double() if wide else inputs.float()
    squares = torch.linalg.vecdot(inputs, inputs, dim=2)
    pads = list(convolution._reversed_padding_repeated_twice)
    mode = convolution.padding_mode
    squares = functional.pad(squares, pads, mode="constant" if mode == "zeros" else mode)
    ones = torch.ones(
        groups, 1, *convolution.kernel_size, dtype=squares.dtype, device=squares.device
    )
    convolve: Any = (functional.conv1d, functional.conv2d, functional.conv3d)[squares.ndim - 3]
    patches: torch.Tensor = convolve(
        squares, ones, stride=convolution.stride, dilation=convolution.dilation, groups=groups
    )
    return patches.flatten(2).clamp_(min=0).sqrt()
