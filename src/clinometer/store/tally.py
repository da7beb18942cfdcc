"""How much a recording should hold: written with every commit, checked by the reader."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Tally:
    """What was written so far, and how far it has been thinned since.

    Attributes
    ----------
    observations : observations written, thinned ones included
    first : how many of them, at the beginning, are never thinned
    edges : the observations numbered below `edges[k]`, but not below `first`, have been thinned
        k + 1 times: of them only those are sure to be there whose number 2**(k + 1) divides
    batches, steps : batches of every-step scalars and the steps in them, thinned ones included
    dropped : rows that were not written because the disk was too slow
    unwritten : rows that were not written because the file was at its bound
    repeated : rows that were not written because their step had been written before
    protected, unprotected : events whose surroundings are kept, and for which there was no room
    facts : rows of `meta` and `state`, this tally not counted
    events, unkept : events that are kept, and those beyond the most that are
    """

    observations: int = 0
    first: int = 0
    edges: list[int] = field(default_factory=list)
    batches: int = 0
    steps: int = 0
    dropped: int = 0
    unwritten: int = 0
    repeated: int = 0
    protected: int = 0
    unprotected: int = 0
    facts: int = 0
    events: int = 0
    unkept: int = 0

    def as_json(self) -> dict[str, Any]:
        """The fields as a dictionary."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Tally:
        """Read the fields; those that this version does not know are left out."""
        return cls(**{key: values[key] for key in cls.__dataclass_fields__ if key in values})
