"""The answer of `run_view`: the epochs of a run, the best ones, and what happened since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clinometer.calibration.epochs import Epoch
from clinometer.calibration.split import Split
from clinometer.calibration.stopping_words import Phase
from clinometer.stats.paired import Interval

SCHEMA = 1


@dataclass(frozen=True)
class Part:
    """Value at the last epoch less value at an earlier one [nat]; interval over the same rows, or None."""

    difference: float
    interval: Interval | None

    def to_dict(self) -> dict[str, Any]:
        """Strict JSON."""
        return {"difference": self.difference, "interval": list(self.interval or (None, None))}


@dataclass(frozen=True)
class Since:
    """The change from epoch number `epoch` (from 0) to the last: loss = refinement + scale [nat]."""

    epoch: int
    loss: Part
    refinement: Part
    scale: Part

    def to_dict(self, epochs: tuple[Epoch, ...]) -> dict[str, Any]:
        """Strict JSON."""
        return {
            "epoch": epochs[self.epoch].name,
            "loss": self.loss.to_dict(),
            "refinement": self.refinement.to_dict(),
            "scale": self.scale.to_dict(),
        }


@dataclass(frozen=True)
class AllRight:
    """The loss from the first epoch with every row right to the last such one, split at matched scale."""

    first: int
    last: int
    split: Split


@dataclass(frozen=True)
class RunView:
    """A run on held-out rows, epoch by epoch; `to_dict()` is what `--json` prints.

    Attributes
    ----------
    phase : still separating | past refinement: stop here | overconfident, not overfitted |
        lost separation | undecided
    sentence : what happened, in words; advice : what to do
    best_loss, best_refinement : numbers of the epochs (from 0) with the lowest loss and refinement
    since_loss, since_refinement : the change from these epochs to the last; None where it is the last
    overconfident : whether the last temperature is above 1, interval and all; None: not known
    all_right : the matched-scale split, where every row is right from some epoch on
    n : rows, effective ones where they are weighted; None where they were not kept
    alpha : of the intervals since the lowest loss; None without intervals
    margin : changes below this share of the loss that stays count as none [-]
    """

    phase: Phase
    sentence: str
    advice: str
    epochs: tuple[Epoch, ...]
    best_loss: int | None
    best_refinement: int | None
    since_loss: Since | None
    since_refinement: Since | None
    overconfident: bool | None
    all_right: AllRight | None
    n: float | None
    alpha: float | None
    margin: float
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Strict JSON, schema 1: None for what was not judged, never NaN or infinity."""
        return {
            "schema": SCHEMA,
            "verdict": self.phase,
            "because": self.sentence,
            "advice": self.advice,
            "n": self.n,
            "alpha": self.alpha,
            "margin": self.margin,
            "best": {
                "loss": self._name(self.best_loss),
                "refinement": self._name(self.best_refinement),
            },
            "since_best_loss": self.since_loss and self.since_loss.to_dict(self.epochs),
            "since_best_refinement": self.since_refinement
            and self.since_refinement.to_dict(self.epochs),
            "overconfident": self.overconfident,
            "all_right": self.all_right and self._all_right(self.all_right),
            "epochs": [epoch.to_dict() for epoch in self.epochs],
            "notes": list(self.notes),
        }

    def _name(self, number: int | None) -> str | None:
        return None if number is None else self.epochs[number].name

    def _all_right(self, found: AllRight) -> dict[str, Any]:
        return {
            "first": self._name(found.first),
            "last": self._name(found.last),
            "loss": found.split.difference,
            "scale": found.split.scale.difference,
            "direction": found.split.separation.difference,
        }

    def _repr_html_(self) -> str:
        from clinometer import notebook_html  # by the front door: results know nothing of reports

        return notebook_html(self)
