"""Attention: how sharply queries choose, and how large their logits have grown.

Read off what autograd keeps: queries, keys and the log-normaliser of a fused attention, or the weights
of a plain softmax. A few queries of a few examples are enough, for every head.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

from clinometer.taps.harvest import Harvest
from clinometer.taps.kept import kept

MOST_QUERIES = 32  # of one head and example
MOST_EXAMPLES = 2


@dataclass(frozen=True)
class Attention:
    """Numbers in the lane "attention" of one call.

    entropies : (heads,) mean entropy of a query [nat]; largest : largest logit, None where not kept
    """

    entropies: int
    largest: int | None
    queries: int
    keys: int


def look_at(node: Any, harvest: Harvest) -> Attention | None:
    """Measure one attention node; None where it keeps too little."""
    if hasattr(node, "_saved_logsumexp") or hasattr(node, "_saved_query"):
        return _fused(node, harvest)
    weights = kept(node, "_saved_result")
    if weights is None or weights.ndim < 3:
        return None
    return _taken(weights.flatten(0, -4) if weights.ndim > 4 else weights, None, harvest)


def _fused(node: Any, harvest: Harvest) -> Attention | None:
    queries, keys = kept(node, "_saved_query"), kept(node, "_saved_key")
    if queries is None or keys is None or queries.ndim != 4 or keys.ndim != 4:
        return None
    step = max(queries.shape[2] // MOST_QUERIES, 1)
    few = queries[:MOST_EXAMPLES, :, ::step].float()
    few_keys = keys[:MOST_EXAMPLES].float()
    if few_keys.shape[1] != few.shape[1]:  # grouped queries share a head's keys
        few_keys = few_keys.repeat_interleave(few.shape[1] // few_keys.shape[1], dim=1)
    scale = getattr(node, "_saved_scale", None)
    scale = 1 / math.sqrt(queries.shape[-1]) if scale is None else float(scale)
    logits = few @ few_keys.transpose(-2, -1) * scale
    mask = kept(node, "_saved_attn_mask")
    if mask is not None and mask.is_floating_point():
        mask = mask.reshape((1,) * (4 - mask.ndim) + mask.shape)
        whole = mask.expand(*mask.shape[:2], queries.shape[2], keys.shape[2])
        logits = logits + whole[:MOST_EXAMPLES, :, ::step]
    if getattr(node, "_saved_is_causal", False):
        rows = torch.arange(0, queries.shape[2], step, device=logits.device)[:, None]
        columns = torch.arange(keys.shape[2], device=logits.device)[None, :]
        logits = logits.masked_fill(columns > rows, float("-inf"))
    return _taken(torch.softmax(logits, dim=-1), logits, harvest)


def _taken(weights: torch.Tensor, logits: torch.Tensor | None, harvest: Harvest) -> Attention:
    """Entropies by head: the axis before the last two, where there are four.

    With three, heads and examples may share an axis: all count as one head.
    """
    if weights.ndim == 4:
        weights = weights[:MOST_EXAMPLES]
    step = max(weights.shape[-2] // MOST_QUERIES, 1) if logits is None else 1
    weights = weights[..., ::step, :].float()
    entropy = torch.special.entr(weights).sum(dim=-1)
    if logits is not None:  # a query that may choose nothing has no entropy
        entropy.masked_fill_(~(logits > float("-inf")).any(dim=-1), float("nan"))
    by_head = entropy.nanmean(dim=(0, 2)) if entropy.ndim == 3 else entropy.nanmean()
    lane = harvest.lane("attention")
    largest = lane.take(logits.max()) if logits is not None else None
    return Attention(lane.take(by_head), largest, entropy.numel(), weights.shape[-1])
