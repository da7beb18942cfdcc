"""Reductions on tensors: exact in float64, no gradient tracked, no random number drawn.

Sums of squares are taken in float64: a gradient of 1e-25, ordinary below a deep chain of
sigmoids, squares to zero in float32.
"""

from __future__ import annotations

import torch
from torch.nn import functional


def sum_of_squares(tensor: torch.Tensor) -> float:
    """Sum of squares of all elements, in float64; nan or inf where the tensor holds one."""
    return float(torch.linalg.vector_norm(_dense(tensor), dtype=torch.float64)) ** 2


def nonfinite(tensor: torch.Tensor, squares: float) -> int:
    """How many elements are NaN or Inf; `squares` finite proves that none is."""
    if squares < float("inf"):
        return 0
    return int((~torch.isfinite(_dense(tensor))).sum())


def row_squares(tensor: torch.Tensor) -> torch.Tensor:
    """float64 (rows,): squared norm of each row over the last axis, the leading axes flattened."""
    flat = tensor.reshape(-1, tensor.shape[-1]).double()
    return (flat * flat).sum(dim=1)


def patch_squares(inputs: torch.Tensor, convolution: torch.nn.Module) -> torch.Tensor:
    """float64 (examples, groups, positions): squared norm of the patch under each output position.

    Exact: the convolution of the squared input with a kernel of ones.
    """
    if inputs.ndim == convolution.weight.ndim - 1:  # an unbatched input
        inputs = inputs.unsqueeze(0)
    groups = convolution.groups
    squares = inputs.double().square()
    squares = squares.reshape(len(inputs), groups, -1, *inputs.shape[2:]).sum(dim=2)
    padding, mode = _padding(convolution)
    squares = functional.pad(squares, padding, mode=mode)
    ones = torch.ones(
        groups, 1, *convolution.kernel_size, dtype=torch.float64, device=inputs.device
    )
    convolve = (functional.conv1d, functional.conv2d, functional.conv3d)[inputs.ndim - 3]
    patches = convolve(
        squares, ones, stride=convolution.stride, dilation=convolution.dilation, groups=groups
    )
    return patches.flatten(2)


def channel_squares(gradient: torch.Tensor, groups: int, batched: bool) -> torch.Tensor:
    """float64 (examples, groups, positions): squared gradient norm over each group's channels."""
    if not batched:
        gradient = gradient.unsqueeze(0)
    squares = gradient.double().square().flatten(2)
    return squares.reshape(len(squares), groups, -1, squares.shape[-1]).sum(dim=2)


def _padding(convolution: torch.nn.Module) -> tuple[list[int], str]:
    pads = list(convolution._reversed_padding_repeated_twice)
    mode = convolution.padding_mode
    return pads, "constant" if mode == "zeros" else mode


def _dense(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.coalesce().values() if tensor.is_sparse else tensor
