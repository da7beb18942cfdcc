"""What the targets alone tell: how often each label came, and how far a constant guess would get."""

from __future__ import annotations

from typing import Any

from clinometer.taps.loss import Term

MOST_LABELS = 65_536  # distinct labels counted; a language model's vocabulary fits


class Targets:
    """Counts of labels (classification) or moments (regression), summed over the observed steps."""

    def __init__(self) -> None:
        self._counts: dict[str, dict[int, int]] = {}
        self._moments: dict[str, tuple[int, list[float], list[float]]] = {}
        self._classes: dict[str, int] = {}

    def add(self, terms: list[Term]) -> None:
        """Add the targets of one step."""
        for term in terms:
            if term.counts is not None:
                self._add_counts(term)
            if term.moments is not None:
                self._add_moments(term)

    def _add_counts(self, term: Term) -> None:
        counts = self._counts.setdefault(term.name, {})
        self._classes[term.name] = term.classes or 0
        for label, count in (term.counts or {}).items():
            if label in counts or len(counts) < MOST_LABELS:
                counts[label] = counts.get(label, 0) + count

    def _add_moments(self, term: Term) -> None:
        assert term.moments is not None
        rows, total, squares = term.moments
        known = self._moments.get(term.name)
        if known is None or len(known[1]) != len(total):
            self._moments[term.name] = term.moments
            return
        self._moments[term.name] = (
            known[0] + rows,
            [a + b for a, b in zip(known[1], total, strict=True)],
            [a + b for a, b in zip(known[2], squares, strict=True)],
        )

    def summary(self) -> dict[str, dict[str, Any]]:
        """By name of the loss term: {"counts", "classes"} or {"rows", "sum", "squares"}."""
        found: dict[str, dict[str, Any]] = {}
        for name, counts in self._counts.items():
            found[name] = {
                "counts": {str(key): value for key, value in counts.items()},
                "classes": self._classes[name],
            }
        for name, (rows, total, squares) in self._moments.items():
            found[name] = {"rows": rows, "sum": total, "squares": squares}
        return found
