"""Reductions on tensors: exact in float64, no gradient tracked, no random number drawn.

Sums of squares are taken in float64: a gradient of 1e-25, ordinary below a deep chain of
sigmoids, squares to zero in float32.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d


def sum_of_squares(tensor: torch.Tensor) -> float:
    """Sum of squares of all elements, in float64; nan or inf where the tensor holds one."""
    return float(torch.linalg.vector_norm(_dense(tensor), dtype=torch.float64)) ** 2


def nonfinite(tensor: torch.Tensor, squares: float) -> int:
    """How many elements are NaN or Inf; `squares` finite proves that none is."""
    if squares < float("inf"):
        return 0
    return int((~torch.isfinite(_dense(tensor))).sum())


def input_squares(module: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    """Squared norm of every input row of a weight layer, as `reach` takes them.

    Returns
    -------
    float64 (rows,) for a linear layer, the leading axes flattened; (examples, groups, positions)
    for a convolution, whose rows are the patches under its output positions.
    """
    if isinstance(module, Convolution):
        return _patch_squares(inputs, module)
    return _row_squares(inputs)


def reach(module: nn.Module, rows: torch.Tensor, gradient: torch.Tensor) -> float:
    """Sum over rows of |dC/d(output row)|^2 |input row|^2, as in `columns.CALL` [loss^2].

    It is the squared norm that the weight gradient would have if rows were unrelated; the batch
    agreement is the gradient's norm over its root.
    """
    if isinstance(module, Convolution):
        batched = gradient.ndim == module.weight.ndim
        return float((_channel_squares(gradient, module.groups, batched) * rows).sum())
    return float(_row_squares(gradient) @ rows)


def _row_squares(tensor: torch.Tensor) -> torch.Tensor:
    flat = tensor.reshape(-1, tensor.shape[-1]).double()
    return (flat * flat).sum(dim=1)


def _patch_squares(inputs: torch.Tensor, convolution: Convolution) -> torch.Tensor:
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
    convolve: Any = (functional.conv1d, functional.conv2d, functional.conv3d)[inputs.ndim - 3]
    patches: torch.Tensor = convolve(
        squares, ones, stride=convolution.stride, dilation=convolution.dilation, groups=groups
    )
    return patches.flatten(2)


def _channel_squares(gradient: torch.Tensor, groups: int, batched: bool) -> torch.Tensor:
    """float64 (examples, groups, positions): squared gradient norm over each group's channels."""
    if not batched:
        gradient = gradient.unsqueeze(0)
    squares = gradient.double().square().flatten(2)
    return squares.reshape(len(squares), groups, -1, squares.shape[-1]).sum(dim=2)


def _padding(convolution: Convolution) -> tuple[list[int], str]:
    pads = list(convolution._reversed_padding_repeated_twice)
    mode = convolution.padding_mode
    return pads, "constant" if mode == "zeros" else mode


def _dense(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.coalesce().values() if tensor.is_sparse else tensor
