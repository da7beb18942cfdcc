"""One term of a loss, and the part of the graph that it was found in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

Take = Callable[[torch.Tensor], int]
Made = Callable[[Any], "torch.Tensor | None"]
# Nodes that leave the order of the rows as it is.
RESHAPES = frozenset(
    "ViewBackward0 UnsafeViewBackward0 ReshapeAliasBackward0 UnsqueezeBackward0 SqueezeBackward0 "
    "SqueezeBackward1".split()
)


@dataclass(frozen=True, eq=False)
class Term:
    """One term of the loss as one backward saw it; numbers of the lane "loss", None where unknown.

    Attributes
    ----------
    name : what the term is: `cross_entropy`, `nll_loss`, `binary_cross_entropy`, `squared_error`,
        `absolute_error`, `smooth_l1` or `huber`
    examples : number of targets that count
    total : sum of the term over those targets [nat, or unit^2]; weighted where the loss is
    divisor : what PyTorch's mean divides that sum by; None where it is `examples`
    right : (examples,) 1 where right; None where right and wrong have no meaning
    judged : how many could be right
    claimed : (sum of 1 - the largest probability, over how many rows): of some of the rows
    counts : (classes,) how often each label came, times its weight: see `targets`
    moments : sums and sums of squares of the target by output, and its rows (regression)
    sample : some of the targets, (rows, columns) in one line, and the number of columns
    facts : what else there is to say: see `loss`
    """

    name: str
    examples: int
    total: int
    divisor: int | None = None
    right: int | None = None
    judged: int | None = None
    claimed: int | None = None
    counts: int | None = None
    moments: tuple[int, int, int] | None = None
    classes: int | None = None
    sample: tuple[int, int] | None = None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Above:
    """The nodes between the network and the root of its loss.

    Attributes
    ----------
    made : the tensor that a node of the network made, as long as the script holds it unchanged
    """

    nodes: list[Any]
    made: Made = lambda _node: None
    _consumers: dict[Any, list[Any]] = field(default_factory=dict)
    _own: set[Any] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._own = set(self.nodes)

    def holds(self, node: Any) -> bool:
        """Whether a node is one of these."""
        return node in self._own

    def consumers(self, node: Any) -> list[Any]:
        """The nodes here that work on what a node made."""
        return self._all().get(node, [])

    def kinds(self, node: Any) -> list[str]:
        """Their class names."""
        return [type(consumer).__name__ for consumer in self.consumers(node)]

    def _all(self) -> dict[Any, list[Any]]:
        if not self._consumers:
            for node in self.nodes:
                for below, _ in node.next_functions:
                    if below is not None:
                        self._consumers.setdefault(below, []).append(node)
        return self._consumers


def below(node: Any, position: int = 0) -> Any:
    """The node that made what another works on, views left aside; None for data."""
    found = node.next_functions[position][0]
    while type(found).__name__ in RESHAPES:
        found = found.next_functions[0][0]
    return found


def number(value: float, beside: torch.Tensor) -> torch.Tensor:
    """A number on the device of a tensor, put there without waiting."""
    return torch.full((), value, dtype=torch.float64, device=beside.device)


def axis_of(node: Any) -> int:
    """The axis of a softmax; -1 and the like as autograd keeps them, unsigned."""
    axis = int(node._saved_dim)
    return axis - 2**64 if axis >= 2**63 else axis
