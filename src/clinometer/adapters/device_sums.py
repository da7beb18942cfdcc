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
        z = (
            logits[rows].T.to(dtype).contiguous()
        )  # classes first: each operation is one long vector
        total += _chunk(z, labels[rows], weights[rows].to(dtype), betas)
    return total


def _chunk(z: Tensor, y: Tensor, w: Tensor, betas: tuple[float, ...]) -> Tensor:
    """Sums of logits z (K, n)."""
    weighed = (w >= 0) & (w <= LARGEST)
    there = ~weighed | (w > 0)
    outside = there & ((y < 0) | (y >= len(z)))
    largest = min(LARGEST, math.sqrt(torch.finfo(z.dtype).max) / 2.0)
    finite = (z.abs() <= largest).all(dim=0) & weighed
    broken = there & ~outside & ~finite
    used = there & ~outside & finite
    w = torch.where(used, w, 0.0)
    y = torch.where(used, y, 0)
    z = torch.where(used, z, 0.0)
    peak, top = z.max(dim=0)
    own = z.gather(0, y[None])[0]
    gap, start = peak - own, z.mean(dim=0) - own
    tied = (z == peak).sum(dim=0).to(z.dtype)
    below = z.amin(dim=0) < own
    z = z - peak
    rest = _powers(z, top, 1.0).sum(dim=0)
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
        "uniform": w * math.log(len(z)),
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


def _powers(away: Tensor, top: Tensor, beta: float) -> Tensor:
    """exp(beta away) with 0 for the top class, (K, n)."""
    return (beta * away).exp_().scatter_(0, top[None], 0.0)


def _nodes(
    away: Tensor, top: Tensor, gap: Tensor, w: Tensor, square: Tensor, betas: tuple[float, ...]
) -> list[Tensor]:
    blocks: tuple[list[Tensor], ...] = ([], [], [], [])
    octave = (len(betas) - 1) // 4  # nodes in each octave: one octave up is the square
    powers = [_powers(away, top, betas[j]) for j in range(octave)]
    away_square = away * away
    for j, beta in enumerate(betas):
        e = powers[j % octave] if j < octave else powers[j % octave].square_()
        rest = e.sum(dim=0)
        scale = 1.0 / (1.0 + rest)
        first, second = (e * away).sum(dim=0) * scale, (e * away_square).sum(dim=0) * scale
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
