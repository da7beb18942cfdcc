"""Read loss terms from the graph: value, targets, and which examples are right.

The nodes of PyTorch's own losses keep what we need (`_saved_target`, `_saved_self`), so no function
of the user's is wrapped. A loss made by hand from other operations has no such node: "not seen".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

MEAN, SUM = 1, 2  # torch's reduction codes (0 is "none")


@dataclass(frozen=True)
class Term:
    """One term of the loss as one backward saw it.

    Attributes
    ----------
    name : "cross_entropy", "binary_cross_entropy" or "squared_error"
    examples : targets that count
    total : sum of the term over those targets [nat, or unit^2]
    right : how many are right; None where right and wrong have no meaning
    counts : label -> how often (classification)
    moments : per output (n, sum, sum of squares) of the target (regression)
    """

    name: str
    examples: int
    total: float
    right: int | None = None
    counts: dict[int, int] | None = None
    moments: tuple[int, list[float], list[float]] | None = None
    classes: int | None = None


def read_terms(nodes: list[Any]) -> list[Term]:
    """Loss terms among the nodes above the network; those that cannot be read are left out."""
    if torch._C._autograd._top_saved_tensors_default_hooks(True) is not None:
        return []  # unpacking a saved tensor would run somebody's hook
    readers = {
        "NllLossBackward0": _cross_entropy,
        "NllLoss2DBackward0": _cross_entropy,
        "BinaryCrossEntropyWithLogitsBackward0": _binary_from_logits,
        "BinaryCrossEntropyBackward0": _binary_from_probabilities,
        "MseLossBackward0": _squared_error,
    }
    terms = []
    with torch.no_grad():
        for node in nodes:
            reader = readers.get(node.name())
            term = reader(node) if reader is not None else None
            if term is not None:
                terms.append(term)
    return terms


def _cross_entropy(node: Any) -> Term | None:
    above = node.next_functions[0][0]
    if above is None or above.name() != "LogSoftmaxBackward0" or node._saved_weight is not None:
        return None
    log_p, target = above._saved_result.detach(), node._saved_target
    if log_p.ndim > 2:  # (N, C, d1, ...) -> rows of C
        log_p = log_p.movedim(1, -1)
    log_p = log_p.reshape(-1, log_p.shape[-1])
    target = target.reshape(-1)
    ignored = node._saved_ignore_index
    kept = target != (ignored - 2**64 if ignored >= 2**63 else ignored)
    log_p, target = log_p[kept], target[kept]
    chosen = log_p.gather(1, target[:, None])[:, 0].double()
    return Term(
        name="cross_entropy",
        examples=len(target),
        total=-float(chosen.sum()),
        right=int((log_p.argmax(dim=1) == target).sum()),
        counts=_counts(target),
        classes=log_p.shape[1],
    )


def _binary(node: Any, logits: torch.Tensor, total: float) -> Term:
    target = node._saved_target
    hard = bool(((target == 0) | (target == 1)).all())
    return Term(
        name="binary_cross_entropy",
        examples=target.numel(),
        total=total,
        right=int(((logits > 0) == (target > 0.5)).sum()) if hard else None,
        counts=_counts(target.reshape(-1).long()) if hard else None,
        classes=2,
    )


def _binary_from_logits(node: Any) -> Term | None:
    if node._saved_weight is not None or node._saved_pos_weight is not None:
        return None
    logits, target = node._saved_self.detach().double(), node._saved_target.double()
    total = (logits.clamp(min=0) - logits * target + torch.log1p(torch.exp(-logits.abs()))).sum()
    return _binary(node, logits, float(total))


def _binary_from_probabilities(node: Any) -> Term | None:
    if node._saved_weight is not None:
        return None
    p, target = node._saved_self.detach().double(), node._saved_target.double()
    log_p = torch.log(p).clamp(min=-100)  # as torch's own BCELoss does
    log_q = torch.log1p(-p).clamp(min=-100)
    return _binary(node, p - 0.5, -float((target * log_p + (1 - target) * log_q).sum()))


def _squared_error(node: Any) -> Term | None:
    output, target = node._saved_self.detach().double(), node._saved_target.double()
    if output.shape != target.shape:
        return None
    columns = target.reshape(len(target), -1) if target.ndim else target.reshape(1, 1)
    one_hot = columns.shape[1] > 1 and bool(
        ((columns == 0) | (columns == 1)).all() and (columns.sum(dim=1) == 1).all()
    )
    guesses = output.reshape(columns.shape)
    return Term(
        name="squared_error",
        examples=target.numel(),
        total=float((output - target).square().sum()),
        right=int((guesses.argmax(1) == columns.argmax(1)).sum()) if one_hot else None,
        moments=(len(columns), columns.sum(dim=0).tolist(), columns.square().sum(dim=0).tolist()),
    )


def _counts(labels: torch.Tensor) -> dict[int, int]:
    values, counts = torch.unique(labels, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))
