"""What a file holds, before it is laid out as a recording: the same for every schema."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clinometer.records.recording import Event, Float64, Int64
from clinometer.records.site import Site


@dataclass
class Raw:
    """One file, row by row, as far as it is whole.

    Attributes
    ----------
    columns : names of the columns that each kind of site has in this file, as they are packed
    step, scalars : number of each recorded step, and by name of the column its scalars
    observed, packed : number of each observed step, and its packed float32 row
    notes : what was lost, thinned or left out, in words
    broken : whether anything failed its checksum
    """

    meta: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    sites: list[Site] = field(default_factory=list)
    columns: dict[str, list[str]] = field(default_factory=dict)
    step: Int64 = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    scalars: dict[str, Float64] = field(default_factory=dict)
    observed: list[int] = field(default_factory=list)
    packed: list[bytes] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    broken: bool = False

    def lose(self, note: str) -> None:
        """Note damage."""
        self.notes.append(note)
        self.broken = True
