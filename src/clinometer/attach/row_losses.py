"""The losses of an evaluation pass, row by row: a change is told best on the same rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clinometer.records.evaluation import Change
from clinometer.taps.harvest import Values

Labels = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


@dataclass(frozen=True, eq=False)
class Losses:
    """Of one pass: the loss of each row [nat], and at the pass' best temperature; None where it has none."""

    step: int
    loss: float
    labels: Labels
    rows: Values
    refined: Values | None

    @classmethod
    def of(cls, step: int, logits: Values, labels: Labels, loss: float, beta: float) -> Losses:
        """Logits (n, K), labels (n,), the mean loss and the best inverse temperature."""
        refined = _losses(beta * logits, labels) if np.isfinite(beta) else None
        return cls(step, loss, labels, _losses(logits, labels), refined)

    @property
    def refinement(self) -> float:
        """Mean loss at the best temperature [nat]; inf where it has none."""
        return float("inf") if self.refined is None else float(self.refined.mean())

    def has_rows_of(self, other: Losses) -> bool:
        """Whether both are of the same rows in the same order, as far as labels tell."""
        return len(self.labels) > 1 and np.array_equal(self.labels, other.labels)


@dataclass
class References:
    """The passes from one place that later ones are held against: of the least loss and refinement."""

    least: Losses | None = None
    best: Losses | None = None

    def change_to(self, now: Losses) -> Change | None:
        """How a pass stands to them; None where the rows were others, or a temperature is missing."""
        least, best = self.least, self.best
        if least is None or best is None or not least.has_rows_of(now) or not best.has_rows_of(now):
            return None
        if least.refined is None or best.refined is None or now.refined is None:
            return None
        since_least = (*_mean(now.rows - least.rows), *_mean(now.refined - least.refined))
        return Change(least.step, *since_least, best.step, *_mean(now.refined - best.refined))

    def take(self, now: Losses) -> None:
        """A pass is over; one without a best temperature cannot be referred to."""
        if now.refined is None:
            return
        if self.least is None or now.loss < self.least.loss or not self.least.has_rows_of(now):
            self.least = now
        if (
            self.best is None
            or now.refinement < self.best.refinement
            or not self.best.has_rows_of(now)
        ):
            self.best = now


def _losses(logits: Values, labels: Labels) -> Values:
    with np.errstate(all="ignore"):
        away = logits - logits.max(axis=1, keepdims=True)
        total = np.log(np.exp(away).sum(axis=1))
        return np.asarray(total - away[np.arange(len(labels)), labels])


def _mean(differences: Values) -> tuple[float, float]:
    """(mean, its standard error)"""
    spread = differences.std(ddof=1) / np.sqrt(len(differences))
    return float(differences.mean()), float(spread)
