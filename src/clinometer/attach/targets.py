"""What the targets alone tell: how often each label came, and how far a constant guess would get."""

from __future__ import annotations

from typing import Any

import numpy as np

from clinometer.taps.harvest import Harvest, Values
from clinometer.taps.loss import Term


class Targets:
    """Counts of labels (classification) or moments (regression), summed over the observed steps."""

    def __init__(self) -> None:
        self._counts: dict[str, Values] = {}
        self._moments: dict[str, tuple[float, Values, Values]] = {}

    def add(self, terms: list[Term], harvest: Harvest) -> None:
        """Add the targets of one step."""
        lane = harvest.lane("loss")
        for term in terms:
            if term.counts is not None:
                counts = lane[term.counts]
                known = self._counts.get(term.name)
                if np.isfinite(counts).all():  # soft labels have no counts
                    if known is not None and known.shape == counts.shape:
                        counts = known + counts
                    self._counts[term.name] = counts
            if term.moments is not None:
                total, squares, rows = term.moments
                self._add_moments(term.name, float(rows), lane[total], lane[squares])

    def _add_moments(self, name: str, rows: float, total: Values, squares: Values) -> None:
        known = self._moments.get(name)
        if known is not None and known[1].shape == total.shape:
            rows, total, squares = known[0] + rows, known[1] + total, known[2] + squares
        self._moments[name] = rows, total, squares

    def summary(self) -> dict[str, dict[str, Any]]:
        """By name of the loss term: {"counts", "classes"} or {"rows", "sum", "squares"}."""
        found: dict[str, dict[str, Any]] = {}
        for name, counts in self._counts.items():
            seen = np.flatnonzero(counts)
            found[name] = {
                "counts": {str(label): int(counts[label]) for label in seen.tolist()},
                "classes": len(counts),
            }
        for name, (rows, total, squares) in self._moments.items():
            found[name] = {"rows": rows, "sum": total.tolist(), "squares": squares.tolist()}
        return found
