"""What the targets alone tell: how often each label came, and how far a constant guess would get."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from clinometer.taps.harvest import Harvest, Lane, Values
from clinometer.taps.term import Term

MOST_KEPT = 1_024  # values of a target that are kept
THIN = 3  # odd, so that what is left out does not keep time with batches of even size
SHARE = 4  # the recent labels are those of this part of the run at least
LEAST_LOOKS = 8  # and of so many observations


@dataclass(eq=False)
class Labels:
    """How often each label came, each time counted with its weight.

    Attributes
    ----------
    counts, divisor : over the run; what PyTorch's mean divided the loss by
    recent, before : the same counts since the last two turns
    looks, since : observations, and those since the last turn
    """

    counts: Values
    divisor: float = 0.0
    weighted: bool = False
    recent: Values | None = None
    before: Values | None = None
    looks: int = 0
    since: int = 0

    def add(self, counts: Values, divisor: float, weighted: bool) -> None:
        """Add those of one pass; a head that grows has more classes than before."""
        if not np.isfinite(counts).all():
            return
        self.counts = _sum(self.counts, counts)
        self.recent = _sum(self.recent, counts)
        self.divisor += divisor
        self.weighted |= weighted

    def turn(self) -> None:
        """An observation is over."""
        self.looks, self.since = self.looks + 1, self.since + 1
        if self.since >= max(LEAST_LOOKS, self.looks // SHARE):
            self.before, self.recent, self.since = self.recent, None, 0

    def summary(self) -> dict[str, Any]:
        """Facts of `Targets.summary`."""
        found: dict[str, Any] = {"counts": _counted(self.counts), "classes": len(self.counts)}
        if self.weighted or not np.isclose(self.counts.sum(), self.divisor, rtol=1e-6):
            found["divisor"] = self.divisor
        if self.weighted:
            found["weighted"] = True
        if self.looks >= LEAST_LOOKS:
            found["recent"] = _counted(_sum(self.before, _sum(self.recent, np.zeros(0))))
        return found


@dataclass(eq=False)
class Sample:
    """Targets of the run, thinned as it goes on: every `keep`-th of those that were offered."""

    rows: Values
    pooled: bool = False
    keep: int = 1
    offered: int = 0

    def add(self, rows: Values) -> None:
        """Offer the targets of one pass, (rows, columns)."""
        if rows.shape[1] != self.rows.shape[1]:
            self.rows, self.keep, self.offered = np.zeros((0, rows.shape[1])), 1, 0
        first = -self.offered % self.keep
        self.offered += len(rows)
        self.rows = np.concatenate([self.rows, rows[first :: self.keep]])
        while self.rows.size > MOST_KEPT:
            self.rows, self.keep = self.rows[::THIN], self.keep * THIN

    def summary(self) -> dict[str, Any]:
        """Facts of `Targets.summary`."""
        found: dict[str, Any] = {"targets": self.rows.T.tolist()}
        return found | ({"pooled": True} if self.pooled else {})


class Targets:
    """Counts of labels (classification), moments and a sample (regression), over the observed steps."""

    def __init__(self) -> None:
        self._labels: dict[str, Labels] = {}
        self._moments: dict[str, tuple[float, Values, Values]] = {}
        self._samples: dict[str, Sample] = {}
        self._parameters: dict[str, dict[str, Any]] = {}

    def add(self, terms: list[Term], harvest: Harvest) -> None:
        """Add the targets of one step."""
        lane = harvest.lane("loss")
        for term in terms:
            if term.counts is not None:
                self._add_counts(term, lane)
            if term.moments is not None:
                total, squares, rows = term.moments
                self._add_moments(term.name, float(rows), lane[total], lane[squares])
            if term.sample is not None:
                number, columns = term.sample
                rows_seen = lane[number].reshape(-1, columns)
                pooled = bool(term.facts.get("pooled"))
                known = self._samples.setdefault(term.name, Sample(np.zeros((0, columns)), pooled))
                known.add(rows_seen)
            for key in {"beta", "delta"} & term.facts.keys():
                self._parameters[term.name] = {key: term.facts[key]}
        for name in {term.name for term in terms if term.counts is not None}:
            self._labels[name].turn()

    def _add_counts(self, term: Term, lane: Lane) -> None:
        assert term.counts is not None
        divisor = term.examples if term.divisor is None else term.divisor
        counts = lane[term.counts]
        known = self._labels.setdefault(term.name, Labels(np.zeros(len(counts))))
        known.add(counts, float(lane[divisor][0]), bool(term.facts.get("weighted")))

    def _add_moments(self, name: str, rows: float, total: Values, squares: Values) -> None:
        known = self._moments.get(name)
        if known is not None and known[1].shape == total.shape:
            rows, total, squares = known[0] + rows, known[1] + total, known[2] + squares
        self._moments[name] = rows, total, squares

    def summary(self) -> dict[str, dict[str, Any]]:
        """By name of the loss term, what is known of its targets.

        counts, classes : how often each label came; a label's weight and share (soft targets, label
            smoothing) counted. The best constant prediction loses -sum(c * ln(c / sum(c))) / divisor,
            and `divisor` is sum(c) unless it says otherwise
        weighted : whether the counts hold weights
        recent : the counts of the last quarter to half of the observations
        rows, sum, squares : of squared error: rows of targets, and by output their sum and that of
            their squares
        targets, pooled : some targets, a list for each output (or one for all of them, pooled)
        beta, delta : of smooth_l1 and huber
        """
        found = {name: labels.summary() for name, labels in self._labels.items()}
        for name, (rows, total, squares) in self._moments.items():
            found[name] = {"rows": rows, "sum": total.tolist(), "squares": squares.tolist()}
        for name, sample in self._samples.items():
            found[name] = found.get(name, {}) | sample.summary()
        for name, parameters in self._parameters.items():
            found[name] = found.get(name, {}) | parameters
        return found


def _sum(a: Values | None, b: Values | None) -> Values:
    """The sum of two lists of counts, the shorter one filled with zeros."""
    parts = [part for part in (a, b) if part is not None]
    total = np.zeros(max((len(part) for part in parts), default=0))
    for part in parts:
        total[: len(part)] += part
    return total


def _counted(counts: Values) -> dict[str, float]:
    """{label: count} of the labels that came, whole numbers as such."""
    seen = np.flatnonzero(counts).tolist()
    listed = counts.tolist()
    return {
        str(label): int(listed[label]) if listed[label].is_integer() else listed[label]
        for label in seen
    }
