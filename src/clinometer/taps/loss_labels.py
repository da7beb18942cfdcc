"""Terms of a loss that compare with labels: cross-entropies, hard, soft, weighted and smoothed."""

from __future__ import annotations

import math
from typing import Any

import torch

from clinometer.taps.roles import VIEWS
from clinometer.taps.term import Above, Take, Term, axis_of, below, number

MOST_CLASSES = 65_536  # a larger vocabulary's label counts are not kept
MOST_CLAIMS = 65_536  # probabilities that one look reads; above it, rows are read at an even stride


def negative_log_likelihood(node: Any, take: Take, above: Above) -> Term | None:
    """`cross_entropy` after a log-softmax over the classes, `nll_loss` after anything else."""
    scores, labels = node._saved_self.detach(), node._saved_target.reshape(-1).long()
    scores = scores[None] if scores.ndim == 1 else scores
    scores = scores.movedim(1, -1).reshape(-1, scores.shape[1])
    if len(scores) != len(labels):
        return None
    ignored, classes = node._saved_ignore_index, scores.shape[1]
    kept = labels != (ignored - 2**64 if ignored >= 2**63 else ignored)
    safe = torch.where(kept, labels, torch.zeros_like(labels))
    weight = node._saved_weight
    weight = None if weight is None else weight.detach().double()
    counted = kept.double() if weight is None else kept.double() * weight[safe]
    chosen = scores.gather(1, safe[:, None])[:, 0].double()
    total = _summed(-chosen, counted)
    counts = None
    if classes <= MOST_CLASSES:
        counts = torch.zeros(classes, dtype=torch.float64, device=scores.device)
        counts.scatter_add_(0, safe, counted)
    smoothing = _smoothing(node, classes, above)
    if smoothing is not None:
        by_class = torch.ones_like(scores[0], dtype=torch.float64) if weight is None else weight
        spread = _summed(-(scores.double() * by_class).sum(dim=1), kept.double()) / classes
        total = (1 - smoothing) * total + smoothing * spread
        if counts is not None:
            counts = (1 - smoothing) * counts + smoothing / classes * kept.double().sum() * by_class
    name, facts = _kind_of(node)
    top = scores.argmax(dim=1)
    facts |= {} if weight is None else {"weighted": True}
    facts |= {} if smoothing is None else {"label_smoothing": smoothing}
    examples = take(kept.double().sum())
    return Term(
        name=name,
        examples=examples,
        total=take(total),
        divisor=None if weight is None else take(counted.sum()),
        right=take(((top == safe) & kept).double()),
        judged=examples,
        claimed=take(_claimed(scores, top, kept)) if name == "cross_entropy" else None,
        counts=None if counts is None else take(counts),
        classes=classes,
        facts=facts,
    )


def _claimed(
    scores: torch.Tensor, top: torch.Tensor, kept: torch.Tensor | None = None
) -> torch.Tensor:
    """(sum of 1 - largest probability, rows) of log-probabilities, over an even part of the rows.

    As the sum of the other classes: 1 - p of a sure row would be the rounding of p.
    """
    stride = max(-(-scores.numel() // MOST_CLAIMS), 1)
    part, top = scores[::stride], top[::stride, None]
    others = part.exp().scatter_(1, top, 0.0).sum(dim=1, dtype=torch.float64)
    if kept is None:
        return torch.stack([others.sum(), number(len(others), others)])
    held = kept[::stride]
    return torch.stack([torch.where(held, others, 0.0).sum(), held.double().sum()])


def _summed(values: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Weighted sum; a weight of zero hides even an infinite value, as in PyTorch."""
    return torch.where(weights == 0, torch.zeros_like(values), values * weights).sum()


def _kind_of(node: Any) -> tuple[str, dict[str, Any]]:
    """(name of the term, {"after": what the scores came from}) of a negative log-likelihood."""
    source, viewed = node.next_functions[0][0], False
    while type(source).__name__ in VIEWS | {"ToCopyBackward0"}:
        source, viewed = source.next_functions[0][0], True
    kind = type(source).__name__
    if kind != "LogSoftmaxBackward0":
        return "nll_loss", {"after": kind}
    shape, axis = source._input_metadata[0].shape, axis_of(source)
    classes = 0 if node._saved_self.ndim == 1 else 1
    same = (
        shape[axis] == node._saved_self.shape[classes] if viewed else axis % len(shape) == classes
    )
    return ("cross_entropy", {}) if same else ("nll_loss", {"after": kind, "axis": axis})


def _smoothing(node: Any, classes: int, above: Above) -> float | None:
    """The label smoothing of a cross-entropy: (1 - s) * this term + s / classes * another one."""
    for scaled in above.consumers(node):
        if type(scaled).__name__ != "MulBackward1":
            continue
        rest = _scalar(scaled)
        for both in above.consumers(scaled):
            if type(both).__name__ != "AddBackward0" or rest is None:
                continue
            others = [other for other, _ in both.next_functions if other is not scaled]
            share = _scalar(others[0]) if len(others) == 1 else None
            if share is None or not math.isclose(share * classes, 1 - rest, abs_tol=1e-9):
                continue
            if _comes_from(others[0], below(node)):
                return round(1 - rest, 12)
    return None


def _scalar(node: Any) -> float | None:
    """The Python number that a product was taken with."""
    found = getattr(node, "_saved_other", None)
    return float(found) if isinstance(found, (int, float)) else None


def _comes_from(node: Any, source: Any) -> bool:
    """Whether a single file of nodes leads down to one."""
    for _ in range(8):
        if node is None or node is source:
            break
        node = node.next_functions[0][0]
    return node is source


def soft_cross_entropy(node: Any, take: Take, above: Above) -> Term | None:
    """-sum(target * log_softmax) with a target that is data: what F.cross_entropy does with shares."""
    ways = [way for way, _ in node.next_functions]
    at = next((i for i, w in enumerate(ways) if type(w).__name__ == "LogSoftmaxBackward0"), None)
    if at is None or len(ways) != 2 or ways[1 - at] is not None:
        return None
    source = ways[at]
    target, log_p = node._saved_other if at == 0 else node._saved_self, source._saved_result
    hard = {"NllLossBackward0", "NllLoss2DBackward0"} & set(above.kinds(source))
    if target is None or target.shape != log_p.shape or hard:
        return None
    axis, top, weight = axis_of(source), node, None
    if above.kinds(node) == ["MulBackward0"]:  # weights of the classes
        ahead = above.consumers(node)[0]
        weight, top = ahead._saved_other, ahead
        if weight is None or weight.numel() != log_p.shape[axis] or weight.ndim != log_p.ndim:
            return None
    if not _is_negative_sum(top, axis, log_p.ndim, above):
        return None
    scores = log_p.detach().movedim(axis, -1).reshape(-1, log_p.shape[axis])
    shares = target.detach().movedim(axis, -1).reshape(scores.shape).double()
    counted = shares if weight is None else shares * weight.detach().reshape(-1).double()
    examples, top = take(number(len(scores), scores)), scores.argmax(dim=1)
    return Term(
        name="cross_entropy",
        examples=examples,
        total=take(_summed(-scores.double(), counted)),
        right=take((top == shares.argmax(dim=1)).double()),
        judged=examples,
        claimed=take(_claimed(scores, top)),
        counts=take(counted.sum(dim=0)) if scores.shape[1] <= MOST_CLASSES else None,
        classes=scores.shape[1],
        facts={"soft": True} | ({} if weight is None else {"weighted": True}),
    )


def _is_negative_sum(node: Any, axis: int, axes: int, above: Above) -> bool:
    """Whether nothing but -sum over the classes (or over everything) follows."""
    sums = above.consumers(node)
    if len(sums) != 1 or above.kinds(sums[0]) != ["NegBackward0"]:
        return False
    kind = type(sums[0]).__name__
    if kind == "SumBackward1":
        over = [one - 2**64 if one >= 2**63 else one for one in sums[0]._saved_dim]
        return [one % axes for one in over] == [axis % axes]
    return kind == "SumBackward0"


def binary_from_logits(node: Any, take: Take, _above: Above) -> Term | None:
    """Binary cross-entropy of logits."""
    logits, target = node._saved_self.detach().double(), node._saved_target.detach().double()
    more = torch.log1p(torch.exp(-logits.abs()))
    yes = (-logits).clamp(min=0) + more  # -log p and -log(1 - p)
    no = logits.clamp(min=0) + more
    return _binary(node, logits, target, (yes, no), torch.sigmoid(-logits.abs()), take)


def binary_from_probabilities(node: Any, take: Take, _above: Above) -> Term | None:
    """Binary cross-entropy of probabilities."""
    p, target = node._saved_self.detach().double(), node._saved_target.detach().double()
    yes = -torch.log(p).clamp(min=-100)  # as torch's own BCELoss does
    no = -torch.log1p(-p).clamp(min=-100)
    return _binary(node, p - 0.5, target, (yes, no), torch.minimum(p, 1 - p), take)


def _binary(
    node: Any,
    logits: torch.Tensor,
    target: torch.Tensor,
    surprise: tuple[torch.Tensor, torch.Tensor],
    doubt: torch.Tensor,
    take: Take,
) -> Term:
    ones, zeros = target, 1 - target
    weights = {"of_ones": getattr(node, "_saved_pos_weight", None), "of_all": node._saved_weight}
    if weights["of_ones"] is not None:
        ones = ones * weights["of_ones"].detach().double()
    if weights["of_all"] is not None:
        whole = weights["of_all"].detach().double()
        ones, zeros = ones * whole, zeros * whole
    weighted = any(weight is not None for weight in weights.values())
    examples = take(number(target.numel(), target))
    hard = (target == 0) | (target == 1)
    right = ((logits > 0) == (target > 0.5)) & hard
    return Term(
        name="binary_cross_entropy",
        examples=examples,
        total=take((ones * surprise[0] + zeros * surprise[1]).sum()),
        right=take(right.double().reshape(-1)),
        judged=take(hard.double().sum()),
        claimed=take(torch.stack([doubt.sum(), number(doubt.numel(), doubt)])),
        counts=take(torch.stack([zeros.sum(), ones.sum()])),
        classes=2,
        facts={"weighted": True} if weighted else {},
    )
