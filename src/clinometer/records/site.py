"""What is observed: a layer's call, an activation, a parameter tensor, a term of the loss ..."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Site:
    """One place in the network that rows are recorded for.

    Attributes
    ----------
    index : position in the recording; rows are packed in this order
    kind : "call", "activation", "parameter" ..., a key of `columns.COLUMNS`
    name : qualified name (`net.3`, `net.3.weight`, `cross_entropy`)
    facts : what does not change from step to step (class, role, parents, shape, dtype ...)
    """

    index: int
    kind: str
    name: str
    facts: dict[str, Any] = field(default_factory=dict)
