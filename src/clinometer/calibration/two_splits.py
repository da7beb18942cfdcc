"""One classifier refitted by random rows and by whole groups: where its confidence holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clinometer.calibration.confidence import Confidence

SCHEMA = 1
POINTS = 100.0  # of a confidence: points are hundredths


@dataclass(frozen=True)
class Splits:
    """What `confidence(…, cv=)` found.

    Attributes
    ----------
    random : judged by random rows: rows of one group are both fitted on and judged
    whole_groups : judged by whole groups: no row of a judged group was fitted on
    headline : one sentence
    folds, seed : how many folds; what chose the random rows
    training_rows : rows that each refit had, the same in both splits
    left_out : rows of classes that lie in one fold only: no refit has met them where they are judged
    notes : what the refits said
    """

    random: Confidence
    whole_groups: Confidence
    headline: str
    folds: int
    seed: int
    training_rows: tuple[int, ...]
    left_out: int
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Strict JSON, schema 1."""
        return {
            "schema": SCHEMA,
            "headline": self.headline,
            "overstated": {
                "random": overstated(self.random),
                "whole_groups": overstated(self.whole_groups),
            },
            "folds": self.folds,
            "seed": self.seed,
            "training_rows": list(self.training_rows),
            "left_out": self.left_out,
            "random": self.random.to_dict(),
            "whole_groups": self.whole_groups.to_dict(),
            "notes": list(self.notes),
        }

    def _repr_html_(self) -> str:
        from clinometer import notebook_html  # by the front door: results know nothing of reports

        return notebook_html(self)


def overstated(found: Confidence) -> float:
    """Mean claimed confidence less the share that is right [-]."""
    return found.mean_confidence - found.accuracy


def headline(random: Confidence, whole: Confidence, things: str) -> str:
    """What changes between the two splits; `things` names the groups, in the plural."""
    first, second = overstated(random), overstated(whole)
    again = "" if (first > 0.0) == (second > 0.0) else f"it {_direction(second)} itself "
    return (
        f"By random rows it {_direction(first)} itself by {_points(first)}, by whole {things} "
        f"{again}by {_points(second, unit=bool(again))}: {_so(random.verdict, whole.verdict, things)}."
    )


def _direction(share: float) -> str:
    return "overstates" if share > 0.0 else "understates"


def _points(share: float, *, unit: bool = True) -> str:
    points = abs(share) * POINTS
    number = f"{points:.0f}" if points >= 1.0 else f"{points:.1f}"
    return f"{number} {'point' if number == '1' else 'points'}" if unit else number


def _so(random: str, whole: str, things: str) -> str:
    if (random, whole) == ("earned", "unearned"):
        return f"the confidence holds only inside {things} it has seen"
    if whole == "earned":
        return f"the confidence holds in {things} it has not seen"
    if (random, whole) == ("unearned", "unearned"):
        return f"the confidence holds neither inside {things} it has seen nor in new ones"
    return f"the confidence is {random} inside {things} it has seen, and {whole} in new ones"
