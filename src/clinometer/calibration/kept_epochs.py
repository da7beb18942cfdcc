"""What is kept while the checkpoints of a run go by: the numbers of all, the rows of four."""

from __future__ import annotations

from dataclasses import dataclass, field

from clinometer.calibration.checkpoints import Rows, check_same_rows, rows_of
from clinometer.calibration.epochs import Epoch, Seen, judged_epoch
from clinometer.calibration.predictions import Predictions

Numbered = tuple[int, Seen]


@dataclass
class Kept:
    """What is kept of the epochs that went by: the numbers of all, and the rows of four of them."""

    epochs: list[Epoch] = field(default_factory=list)
    best_loss: Numbered | None = None
    best_refinement: Numbered | None = None
    first_right: Numbered | None = None
    last: Seen | None = None
    rows: Rows | None = None

    def add(self, name: str, model: Predictions | Epoch) -> None:
        """Take the next epoch; one that ties with the best does not replace it."""
        if isinstance(model, Epoch):
            self.epochs.append(model)
            self.last = None
            return
        if self.rows is None:
            self.rows = rows_of(model)
        check_same_rows(model, self.rows)
        self.last = seen = judged_epoch(name, model)
        here = len(self.epochs), seen
        self.epochs.append(seen.epoch)
        self.best_loss = _lower("loss", self.best_loss, here)
        self.best_refinement = _lower("refinement", self.best_refinement, here)
        right = seen.fit.status == "zero"
        self.first_right = (self.first_right or here) if right else None


def _lower(part: str, best: Numbered | None, here: Numbered) -> Numbered:
    if best is None:
        return here
    lower = getattr(here[1].epoch, part) < getattr(best[1].epoch, part)
    return here if lower else best
