"""The running sums of one batch, taken on the device that the batch is on, without waiting for it.

The same sums in the same places as `stats.batch_sums`, to rounding. Nothing here asks the device for a
number, so a validation loop is never held up; rows that do not count get weight 0 instead of being cut out.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from clinometer.stats.batch_sums import LARGEST
from clinometer.stats.sums_layout import BINS, Layout

CHUNK = (
    2**22
)  # logits at a time: 32 MiB in float64, so that a segmentation batch costs no more memory


def precision(device: torch.device) -> torch.dtype:
    """float64, except on Apple's mps, which has none: float32 there, about 1e-6 relative."""
    return torch.float32 if device.type == "mps" else torch.float64


def device_sums(
    logits: Tensor, labels: Tensor, weights: Tensor, betas: tuple[float, ...]
) -> Tensor:
    """Sums of logits (n, K), labels (n,) int64 and weights (n,), as a vector on their device."""
    dtype = precision(logits.device)
    total = torch.zeros(Layout(len(betas)).size, dtype=dtype, device=logits.device)
    step = max(CHUNK // logits.shape[1], 1)
    for start in range(0, len(labels), step):
        rows = slice(start, start + step)
        total += _chunk(logits[rows].to(dtype), labels[rows], weights[rows].to(dtype), betas)
    return total


def _chunk(z: Tensor, y: Tensor, w: Tensor, betas: tuple[float, ...]) -> Tensor:
    weighed = (w >= 0) & (w <= LARGEST)
    there = ~weighed | (w > 0)
    outside = there & ((y < 0) | (y >= z.shape[1]))
    largest = min(LARGEST, math.sqrt(torch.finfo(z.dtype).max) / 2.0)
    finite = (z.abs() <= largest).all(dim=1) & weighed
    broken = there & ~outside & ~finite
    used = there & ~outside & finite
    w = torch.where(used, w, 0.0)
    y = torch.where(used, y, 0)
    z = torch.where(used[:, None], z, 0.0)
    peak, top = z.max(dim=1)
    own = z.gather(1, y[:, None])[:, 0]
    gap, start = peak - own, z.mean(dim=1) - own
    tied = (z == peak[:, None]).sum(dim=1).to(z.dtype)
    below = z.amin(dim=1) < own
    z = z - peak[:, None]
    rest = _rest(z, top, 1.0)[1]
    loss, error = gap + rest.log1p(), rest / (1.0 + rest)
    right, square = (top == y).to(z.dtype), w * w
    singles = {
        "rows": used,
        "weight": w,
        "weight_square": square,
        "loss": w * loss,
        "loss_square": square * loss * loss,
        "loss_cross": square * loss,
        "wrong": w * (1.0 - right),
        "error": w * error,
        "above": used & (gap > 0),
        "below": used & below,
        "ties": w * torch.where(gap > 0, 0.0, tied.log()),
        "start": w * start,
        "start_square": square * start * start,
        "start_cross": square * start,
        "uniform": w * math.log(z.shape[1]),
        "not_finite": broken,
        "outside": outside,
        "beyond": torch.zeros_like(
            w
        ),  # the budget asks for the number of rows: known at the end only
    }
    parts = [torch.stack([value.sum().to(z.dtype) for value in singles.values()])]
    parts += _nodes(z, top, gap, w, square, betas)
    parts += _bins(1.0 - error, right, w)
    return torch.cat(parts)


def _rest(away: Tensor, top: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    """exp(beta away) with 0 for the top class, and its sum over the classes."""
    e = (beta * away).exp().scatter(1, top[:, None], 0.0)
    return e, e.sum(dim=1)


def _nodes(
    away: Tensor, top: Tensor, gap: Tensor, w: Tensor, square: Tensor, betas: tuple[float, ...]
) -> list[Tensor]:
    blocks: tuple[list[Tensor], ...] = ([], [], [], [])
    for beta in betas:
        e, rest = _rest(away, top, beta)
        share = e / (1.0 + rest)[:, None]
        first, second = (share * away).sum(dim=1), (share * away * away).sum(dim=1)
        slope = gap + first
        curvature = (second - first * first).clamp(min=0.0)
        values = (w * (beta * gap + rest.log1p()), w * slope, w * curvature, square * slope * slope)
        for block, value in zip(blocks, values, strict=True):
            block.append(value.sum())
    return [torch.stack(block) for block in blocks]


def _bins(confidence: Tensor, right: Tensor, w: Tensor) -> list[Tensor]:
    """Bins of equal width, closed on the right: their edges decide, not the rounded product."""
    edges = torch.linspace(0.0, 1.0, BINS + 1, dtype=w.dtype, device=w.device)
    place = torch.bucketize(confidence, edges[1:-1])
    zero = torch.zeros(BINS, dtype=w.dtype, device=w.device)
    return [zero.index_add(0, place, value) for value in (w, w * confidence, w * right)]
