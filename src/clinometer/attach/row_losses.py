"""The losses of an evaluation pass, row by row: a change is told best on the same rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clinometer.records.evaluation import Change, best_beta, mean_loss
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
    def of(cls, step: int, logits: Values, labels: Labels, sums: Values) -> Losses:
        """Logits (n, K), labels (n,), and the sums of these rows."""
        beta = best_beta(sums)
        refined = None if beta is None else _losses(beta * logits, labels)
        return cls(step, mean_loss(sums), labels, _losses(logits, labels), refined)

    def change_to(self, later: Losses) -> Change | None:
        """How another pass stands to this one; None where it had other rows, or another order of them."""
        if len(self.labels) < 2 or not np.array_equal(self.labels, later.labels):
            return None
        if self.refined is None or later.refined is None:
            return None
        pairs = later.rows - self.rows, later.refined - self.refined
        (loss, loss_error), (refinement, error) = (_mean(pair) for pair in pairs)
        return Change(self.step, loss, loss_error, refinement, error)


def _losses(logits: Values, labels: Labels) -> Values:
    with np.errstate(all="ignore"):
        away = logits - logits.max(axis=1, keepdims=True)
        total = np.log(np.exp(away).sum(axis=1))
        return np.asarray(total - away[np.arange(len(labels)), labels])


def _mean(differences: Values) -> tuple[float, float]:
    """(mean, its standard error)"""
    spread = differences.std(ddof=1) / np.sqrt(len(differences))
    return float(differences.mean()), float(spread)
