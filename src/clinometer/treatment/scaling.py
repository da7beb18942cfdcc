"""Mean and spread of a batch, feature by feature, and numbers counted from that mean in that spread."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

LEAST = 2  # rows that tell a spread
SURE = 3.0  # standard errors within which a mean is 0 and a spread 1


@dataclass(frozen=True, eq=False)
class Scale:
    """Of each feature, in a shape that broadcasts against the data.

    Attributes
    ----------
    mean, spread : in the data's own type; where all rows are alike, the spread of the features together
    rows : that they were worked out from
    """

    mean: Tensor
    spread: Tensor
    rows: int

    def apart(self, values: Tensor) -> Tensor:
        """(values - mean) / spread."""
        return (values - self.mean) / self.spread

    def back(self, values: Tensor) -> Tensor:
        """values * spread + mean."""
        return values * self.spread + self.mean

    def is_standard(self) -> bool:
        """Whether mean 0 and spread 1 lie within what so many rows leave open.

        Standard errors of a normal variable: 1/sqrt(n) and 1/sqrt(2n).
        """
        error = SURE / math.sqrt(self.rows)
        off = self.mean.double().abs().max(), (self.spread.double() - 1).abs().max()
        return bool(off[0] <= error) and bool(off[1] <= error / math.sqrt(2))

    def in_words(self) -> str:
        """Middle over the features, as "mean 340, standard deviation 310"."""
        size = (
            self.mean.double().square().mean().sqrt(),
            self.spread.double().square().mean().sqrt(),
        )
        what = "mean" if self.mean.numel() == 1 else "means of RMS"
        first = self.mean.double().item() if self.mean.numel() == 1 else float(size[0])
        return f"{what} {first:.3g}, standard deviation {float(size[1]):.3g}"


def scale_of(values: Tensor, axis: int | None) -> Scale | None:
    """Mean and standard deviation [units of the data] over all axes but one (None: over all).

    Worked out in float64. None where there are too few rows or a number is not finite.
    """
    wide = values.detach().double()
    over = [k for k in range(wide.ndim) if axis is None or k != axis % wide.ndim]
    rows = math.prod(wide.shape[k] for k in over)
    if rows < LEAST or not bool(torch.isfinite(wide).all()):
        return None
    mean = wide.mean(over, keepdim=True)
    variance = (wide - mean).square().mean(over, keepdim=True)
    pooled = variance.mean()
    pooled = pooled if float(pooled) > 0 else torch.ones_like(pooled)
    spread = torch.where(variance > 0, variance, pooled).sqrt()
    return Scale(mean.to(values.dtype), spread.to(values.dtype), rows)
