"""The links of a plain chain of layers, as far as mean-field theory tells them apart."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WeightMap:
    """A linear map, or a convolution with a kernel.

    variance : mean square of a weight; None for one fitted so that its output has a length of 1
    bias : mean square of a bias
    inputs, outputs : channels of one group
    kernel, stride, padding, dilation : one number for each direction of the image; () for a linear map
    """

    variance: float | None
    bias: float
    inputs: int
    outputs: int
    kernel: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    padding: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    groups: int = 1


@dataclass(frozen=True)
class Activated:
    """An activation, by its name in `theory.activations`, over `width` independent units."""

    name: str
    width: int


@dataclass(frozen=True)
class Flattened:
    """All positions become units of one: what lies between a convolution and a linear layer."""


@dataclass(frozen=True)
class Dropped:
    """Dropout that keeps this share, and divides by it."""

    kept: float


Link = WeightMap | Activated | Flattened | Dropped
