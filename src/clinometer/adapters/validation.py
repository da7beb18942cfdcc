"""A metric for the validation loop: loss, refinement, scale and temperature, epoch by epoch.

Used like a torchmetrics metric: `update` with each batch, `compute` at the end of the epoch, `reset`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from clinometer.adapters.device_sums import device_sums, precision
from clinometer.errors import ShapeError
from clinometer.stats.running_fit import RunningFit
from clinometer.stats.sums_layout import Layout, betas
from clinometer.stats.temperature_sums import TemperatureSums


class ValidationMetric:
    """Splits a validation loss into refinement and scale while the loop runs.

    Keeps a few dozen sums on the device of the logits and no row; nothing is read back before `compute`.
    Draws no random number, keeps no graph, and never sees the model.

    Parameters
    ----------
    ignore_index : label of rows that do not count, as in `cross_entropy`
    nodes : 5 or 9 inverse temperatures, see `TemperatureSums`
    follow : look around the last epoch's temperature instead of around 1; ranks follow each other, because
        they see the same result. Only after `compute` and `reset`, so one epoch never mixes two places
    process_group : ranks that `compute` joins; None: all

    Examples
    --------
    >>> metric = ValidationMetric()
    >>> metric.update(torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]]), torch.tensor([0, 1, 1]))
    >>> result = metric.compute()
    >>> round(result.loss, 3), result.accuracy, result.status
    (1.163, 0.6666..., 'infinite')
    """

    def __init__(
        self,
        *,
        ignore_index: int = -100,
        nodes: int = 5,
        follow: bool = True,
        process_group: Any = None,
    ) -> None:
        self._ignored, self._nodes, self._follow = ignore_index, nodes, follow
        self._group = process_group
        self._centre = 1.0
        self._last: float | None = None
        self.reset()

    def reset(self) -> None:
        """Forget all rows, for a new epoch."""
        if self._follow and self._last is not None:
            self._centre = self._last
        self._betas = tuple(betas(self._nodes, self._centre).tolist())
        self._sums: dict[torch.device, tuple[Tensor, Tensor]] = {}
        self._merged = TemperatureSums(self._nodes, self._centre)
        self._classes: int | None = None

    @torch.no_grad()
    def update(self, logits: Tensor, labels: Tensor, weights: Tensor | None = None) -> None:
        """Add a batch.

        Parameters
        ----------
        logits : (n, K) or (n, K, d, …) as for `cross_entropy`; or one logit for each label, (n,), (n, 1) or
            the shape of labels (several labels an example are judged as one pool); any float type, any device
        labels : (n,) or (n, d, …), class numbers; 0 or 1 of any type for a single logit
        weights : importance of each row, the shape of labels; one that is NaN or below 0 makes its row count
            among those that are not finite
        """
        z, y, w = _rows(logits.detach(), labels.detach(), weights, self._ignored)
        if self._classes not in {None, z.shape[1]}:
            raise ShapeError(
                f"logits of {z.shape[1]} classes after {self._classes}: one metric for each model"
            )
        self._classes = z.shape[1]
        term = device_sums(z, y, w, self._betas)
        high, low = self._sums.get(term.device) or (torch.zeros_like(term), torch.zeros_like(term))
        total = high + term
        part = total - high
        low = low + ((high - (total - part)) + (term - part))  # stats.compensated, on the device
        self._sums[term.device] = (total, low)

    def merge(self, other: ValidationMetric) -> None:
        """Add the rows of another metric, for instance of another process's half of the data."""
        self._merged.merge(other.sums())

    def sums(self) -> TemperatureSums:
        """The sums of this process so far, read back from the device."""
        here = TemperatureSums(self._nodes, self._centre)
        here.merge(self._merged)
        for high, low in self._sums.values():
            vector = high.cpu().double().numpy() + low.cpu().double().numpy()
            here.add(vector, self._classes or 0)
        return here

    def sync(self) -> TemperatureSums:
        """The sums of all ranks: one all-reduce of one vector; those of this process where it is alone.

        Each rank has to call it, one without a batch too. The metric keeps its own rows, so it may be
        called again.
        """
        here = self.sums()
        distributed = torch.distributed
        if not (distributed.is_available() and distributed.is_initialized()):
            return here
        device = _reducing_device(distributed.get_backend(self._group))
        vector = torch.as_tensor(here.vector).to(device, precision(device))
        distributed.all_reduce(vector, group=self._group)
        everywhere = TemperatureSums(self._nodes, self._centre)
        everywhere.add(vector.cpu().double().numpy(), here.classes or 0)
        return everywhere

    def compute(self, alpha: float = 0.05) -> RunningFit:
        """What the rows of all ranks say so far.

        Raises
        ------
        ShapeError : labels outside the classes, counted here because the device is not asked before.
        """
        sums = self.sync()
        outside = int(sums.vector[Layout(self._nodes).single("outside")])
        if outside:
            raise ShapeError(
                f"{outside} labels lie outside the classes 0 to {(sums.classes or 1) - 1}: number the "
                f"classes from 0, and give `ignore_index` the label of rows that do not count "
                f"(it is {self._ignored})"
            )
        result = sums.compute(alpha)
        self._last = _next_centre(result, self._centre)
        return result


def _next_centre(result: RunningFit, centre: float) -> float:
    """Where the next epoch looks: at this temperature, or beyond the end that it lay beyond."""
    if result.beta is not None:
        return result.beta
    return centre if result.elsewhere is None else result.elsewhere


def _reducing_device(backend: str) -> torch.device:
    """NCCL reduces on the GPU of the rank only; the others on the CPU."""
    if "nccl" in backend and torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")


def _rows(
    logits: Tensor, labels: Tensor, weights: Tensor | None, ignored: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Rows (n, K), label numbers (n,) and weights (n,), 0 for ignored rows."""
    if not logits.is_floating_point():
        raise ShapeError(f"logits are {logits.dtype}: expected floating-point numbers")
    single = logits.shape == labels.shape or (logits.ndim == 2 and logits.shape[1] == 1)
    expected = logits.shape if logits.shape == labels.shape else logits.shape[:1] + logits.shape[2:]
    if (
        logits.ndim == 0
        or labels.numel() != np.prod(expected)
        or (not single and labels.shape != expected)
    ):
        raise ShapeError(
            f"logits {tuple(logits.shape)} and labels {tuple(labels.shape)} do not fit: expected (n, K) and "
            "(n,), (n, K, d, …) and (n, d, …), or one logit for each label"
        )
    if not single and labels.is_floating_point():
        raise ShapeError(f"labels are {labels.dtype}: expected class numbers, not probabilities")
    y = labels.reshape(-1).to(logits.device)
    if single:
        h = logits.reshape(-1)
        z = torch.stack([torch.zeros_like(h), h], dim=1)
        # a soft label (0.3) is none of the classes: it must not be cut down to 0
        y = torch.where(y == y.round(), y, -1) if y.is_floating_point() else y
    else:
        z = logits.movedim(1, -1).reshape(-1, logits.shape[1])
    y = y.to(torch.int64)
    w = torch.ones(len(y), dtype=precision(z.device), device=z.device)
    if weights is not None:
        if weights.numel() != len(y):
            raise ShapeError(f"{weights.numel()} weights for {len(y)} labels: give one each")
        w = weights.detach().reshape(-1).to(z.device, w.dtype)
    return z, y, torch.where(y == ignored, 0.0, w)
