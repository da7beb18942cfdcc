"""Read loss terms from the graph: value, targets, and which examples are right.

The nodes of PyTorch's own losses keep what we need (`_saved_target`, `_saved_self`), so no function
of the user's is wrapped. A loss made by hand from other operations has no such node: "not seen".
Only reductions are taken, and nothing waits for an accelerator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from clinometer.taps.harvest import Harvest

MOST_CLASSES = 65_536  # a larger vocabulary's label counts are not kept
MOST_OUTPUTS = 1_024  # nor are the moments of a target with more outputs than this
# Nodes that leave the order of the rows as it is.
RESHAPES = frozenset(
    "ViewBackward0 UnsafeViewBackward0 ReshapeAliasBackward0 UnsqueezeBackward0 SqueezeBackward1".split()
)


@dataclass(frozen=True, eq=False)
class Term:
    """One term of the loss as one backward saw it; numbers of the lane "loss", None where unknown.

    Attributes
    ----------
    name : "cross_entropy", "binary_cross_entropy" or "squared_error"
    examples : number of targets that count
    total : sum of the term over those targets [nat, or unit^2]
    right : (examples,) 1 where right; None where right and wrong have no meaning
    judged : how many could be right
    counts : (classes,) how often each label came (classification)
    moments : sums and sums of squares of the target by output, and its rows (regression)
    """

    name: str
    examples: int
    total: int
    right: int | None = None
    judged: int | None = None
    counts: int | None = None
    moments: tuple[int, int, int] | None = None
    classes: int | None = None


def read_terms(nodes: list[Any], harvest: Harvest) -> list[Term]:
    """Loss terms among the nodes above the network, the second of a kind as `cross_entropy#2`.

    Those that cannot be read are left out.
    """
    if torch._C._autograd._top_saved_tensors_default_hooks(True) is not None:
        return []  # unpacking a saved tensor would run somebody's hook
    take = harvest.lane("loss").take
    terms: list[Term] = []
    with torch.no_grad():
        for node in nodes:
            reader = READERS.get(type(node).__name__)
            term = reader(node, take) if reader is not None else None
            if term is not None:
                alike = sum(term.name == known.name.partition("#")[0] for known in terms)
                name = f"{term.name}#{alike + 1}" if alike else term.name
                terms.append(replace(term, name=name))
    return terms


Take = Callable[[torch.Tensor], int]


def _cross_entropy(node: Any, take: Take) -> Term | None:
    above = node.next_functions[0][0]
    while type(above).__name__ in RESHAPES:  # (N, C, L) gets one axis more
        above = above.next_functions[0][0]
    if type(above).__name__ != "LogSoftmaxBackward0" or node._saved_weight is not None:
        return None
    log_p, target = above._saved_result.detach(), node._saved_target.reshape(-1)
    axis = above._saved_dim
    log_p = log_p.movedim(axis - 2**64 if axis >= 2**63 else axis, -1)
    log_p = log_p.reshape(-1, log_p.shape[-1])
    if len(log_p) != len(target):
        return None
    ignored = node._saved_ignore_index
    kept = target != (ignored - 2**64 if ignored >= 2**63 else ignored)
    safe = torch.where(kept, target, torch.zeros_like(target))
    chosen = log_p.gather(1, safe[:, None])[:, 0].double()
    zero = torch.zeros((), dtype=torch.float64, device=chosen.device)
    right = (log_p.argmax(dim=1) == safe) & kept
    classes = log_p.shape[1]
    number = take(kept.double().sum())
    counts = _counts(safe, kept, classes, take) if classes <= MOST_CLASSES else None
    return Term(
        name="cross_entropy",
        examples=number,
        total=take(-torch.where(kept, chosen, zero).sum()),
        right=take(right.double()),
        judged=number,
        counts=counts,
        classes=classes,
    )


def _counts(labels: torch.Tensor, kept: torch.Tensor, classes: int, take: Take) -> int:
    counts = torch.zeros(classes, dtype=torch.float64, device=labels.device)
    return take(counts.scatter_add_(0, labels.long(), kept.double()))


def _binary(node: Any, logits: torch.Tensor, total: torch.Tensor, take: Take) -> Term:
    target = node._saved_target.detach().double()
    hard = (target == 0) | (target == 1)
    number = take(_number(target.numel(), target))
    right = (((logits > 0) == (target > 0.5)) & hard).double().reshape(-1)
    ones = torch.where(hard, target, torch.full_like(target, float("nan"))).sum()
    return Term(
        name="binary_cross_entropy",
        examples=number,
        total=take(total),
        right=take(right),
        judged=take(hard.double().sum()),
        counts=take(torch.stack([hard.double().sum() - ones, ones])),
        classes=2,
    )


def _number(value: int, beside: torch.Tensor) -> torch.Tensor:
    """A number on the device of a tensor, put there without waiting."""
    return torch.full((), value, dtype=torch.float64, device=beside.device)


def _binary_from_logits(node: Any, take: Take) -> Term | None:
    if node._saved_weight is not None or node._saved_pos_weight is not None:
        return None
    logits, target = node._saved_self.detach().double(), node._saved_target.double()
    total = (logits.clamp(min=0) - logits * target + torch.log1p(torch.exp(-logits.abs()))).sum()
    return _binary(node, logits, total, take)


def _binary_from_probabilities(node: Any, take: Take) -> Term | None:
    if node._saved_weight is not None:
        return None
    p, target = node._saved_self.detach().double(), node._saved_target.double()
    log_p = torch.log(p).clamp(min=-100)  # as torch's own BCELoss does
    log_q = torch.log1p(-p).clamp(min=-100)
    return _binary(node, p - 0.5, -(target * log_p + (1 - target) * log_q).sum(), take)


def _squared_error(node: Any, take: Take) -> Term | None:
    output, target = node._saved_self.detach().double(), node._saved_target.detach().double()
    if output.shape != target.shape:
        return None
    columns = target.reshape(len(target), -1) if target.ndim else target.reshape(1, 1)
    guesses = output.reshape(columns.shape)
    number = take(_number(target.numel(), target))
    right = judged = moments = None
    if columns.shape[1] > 1:
        one_hot = ((columns == 0) | (columns == 1)).all() & (columns.sum(dim=1) == 1).all()
        hits = (guesses.argmax(1) == columns.argmax(1)).double()
        right, judged = take(hits), take(one_hot.double() * len(columns))
    if columns.shape[1] <= MOST_OUTPUTS:
        moments = take(columns.sum(dim=0)), take(columns.square().sum(dim=0)), len(columns)
    return Term(
        name="squared_error",
        examples=number,
        total=take((output - target).square().sum()),
        right=right,
        judged=judged,
        moments=moments,
    )


READERS: dict[str, Callable[[Any, Take], Term | None]] = {
    "NllLossBackward0": _cross_entropy,
    "NllLoss2DBackward0": _cross_entropy,
    "BinaryCrossEntropyWithLogitsBackward0": _binary_from_logits,
    "BinaryCrossEntropyBackward0": _binary_from_probabilities,
    "MseLossBackward0": _squared_error,
}
