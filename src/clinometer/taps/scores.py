"""The rows of a loss call: what was claimed of each, and which label it had."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch


class Scores(NamedTuple):
    """Rows of one call on their device: logits (n, K), or (n, 1) of one logit; labels (n,), whole.

    A label below 0 marks a row that does not count.
    """

    logits: torch.Tensor
    labels: torch.Tensor


def of_classes(args: tuple[Any, ...], every: int, first: int) -> Scores | None:
    """Of (input, target, weight, reduction, ignore_index, ...): cross-entropy, or log-probabilities."""
    scores, target = args[0].detach(), args[1].detach()
    if target.is_floating_point() or not scores.is_floating_point():
        return None  # shares of classes are no labels
    ignored = args[4] if len(args) > 4 else -100
    scores = scores[None] if scores.ndim == 1 else scores
    scores = scores.movedim(1, -1).reshape(-1, scores.shape[1])[first::every]
    labels = target.reshape(-1)[first::every]
    return Scores(scores, torch.where(labels == ignored, -1, labels))


def of_logits(args: tuple[Any, ...], every: int, first: int) -> Scores | None:
    """Of binary_cross_entropy_with_logits."""
    logits, target = args[0].detach(), args[1].detach()
    if logits.shape != target.shape:
        return None
    part, labels = logits.reshape(-1)[first::every], target.reshape(-1)[first::every]
    hard = (labels == 0) | (labels == 1)
    return Scores(part[:, None], torch.where(hard, labels, -1).long())


def of_probabilities(args: tuple[Any, ...], every: int, first: int) -> Scores | None:
    """Of binary_cross_entropy; a probability of 0 or 1 has an infinite logit."""
    return of_logits((torch.logit(args[0].detach()), args[1]), every, first)


def rows_of(kind: str, args: tuple[Any, ...]) -> tuple[int, int]:
    """(rows, numbers a row) of a call."""
    scores = args[0]
    if kind.startswith("binary"):
        return scores.numel(), 1
    classes = scores.shape[1] if scores.ndim > 1 else scores.shape[0]
    return scores.numel() // max(classes, 1), classes
