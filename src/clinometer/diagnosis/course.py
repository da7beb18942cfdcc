"""The course of the loss: where it began, where it is, and what a constant guess would reach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clinometer.diagnosis.levels import no_information
from clinometer.diagnosis.margins import BLOCKS, LATE, MARGIN, SURE
from clinometer.diagnosis.series import loss_series
from clinometer.records.recording import Float64, Recording


@dataclass(frozen=True)
class Course:
    """What the losses of a run say by themselves.

    Attributes
    ----------
    first, last : mean loss of the first `BLOCKS` steps (the first step in a run too short for
        that) and of the late window; None where no loss was seen
    error : standard error of `last`; nan where the window is too short to tell
    scatter : the same of a mean of `BLOCKS` single losses, as `first` is
    no_information : loss of the best constant prediction; None where the targets were not seen
    named : `no_information` in words
    falling : whether the second half of the run fell, beyond its noise
    right : share of the examples that were right, late in the run; None where it was not seen
    bad_step : first step whose loss is NaN or infinite, or None
    steps : optimizer steps with a loss
    guess : share of the most frequent label; None where labels were not counted
    judged : examples that `right` speaks of
    """

    first: float | None
    last: float | None
    error: float
    scatter: float
    no_information: float | None
    named: str
    falling: bool
    right: float | None
    bad_step: int | None
    steps: int
    guess: float | None = None
    judged: float = 0.0

    @property
    def reference(self) -> float | None:
        """The loss to beat: the no-information level, or the first loss where that is unknown."""
        return self.no_information if self.no_information is not None else self.first

    @property
    def learned(self) -> float:
        """Share of what there is to learn that has been learned; nan where it cannot be told."""
        if self.last is None or not self.reference:
            return float("nan")
        return (self.reference - self.last) / abs(self.reference)

    @property
    def doubt(self) -> float:
        """Standard error of `learned`; nan where it cannot be told."""
        return self.error / abs(self.reference) if self.reference else float("nan")


def course(recording: Recording) -> Course:
    """Read the course of the loss off a recording."""
    level, named = no_information(recording)
    steps, losses, is_term = loss_series(recording, level or 0.0)
    if level is not None and not is_term:
        level, named = None, "what is propagated back is not the loss term that was seen"
    finite = np.isfinite(losses)
    bad = steps[~finite]
    good = losses[finite]
    first, last, error = _windows(good)
    right, judged = _right(recording)
    return Course(
        first=first,
        last=last,
        error=error,
        scatter=float(good[-max(len(good) // LATE, 1) :].std() / np.sqrt(BLOCKS))
        if len(good)
        else 0.0,
        no_information=level,
        named=named,
        falling=_falls(good, level if level is not None else first),
        right=right,
        bad_step=int(bad[0]) if len(bad) else None,
        steps=len(losses),
        guess=_guess(recording),
        judged=judged,
    )


def _windows(losses: Float64) -> tuple[float | None, float | None, float]:
    if not len(losses):
        return None, None, float("nan")
    early = losses[: BLOCKS if len(losses) >= LATE * BLOCKS else 1]
    late = losses[-max(len(losses) // LATE, 1) :]
    return float(early.mean()), float(late.mean()), standard_error(late)


def standard_error(values: Float64) -> float:
    """Standard error of the mean of a correlated series, from the means of `BLOCKS` blocks.

    nan where there are fewer values than blocks. Batch means: Law & Carson (1979), Oper. Res. 27(5).
    """
    if len(values) < BLOCKS:
        return float("nan")
    means = np.array([block.mean() for block in np.array_split(values, BLOCKS)])
    return float(means.std(ddof=1) / np.sqrt(BLOCKS))


def _falls(losses: Float64, reference: float | None) -> bool:
    """Whether the last quarter lies below the quarter before it, beyond noise and in earnest.

    In earnest: at this pace another run as long would gain `MARGIN` of what there is to learn.
    """
    quarter = len(losses) // LATE
    if quarter < BLOCKS or not reference:
        return False
    before, after = losses[-2 * quarter : -quarter], losses[-quarter:]
    noise = np.hypot(standard_error(before), standard_error(after))
    drop = before.mean() - after.mean()
    return bool(drop > SURE * noise and drop * LATE >= MARGIN * abs(reference))


def _right(recording: Recording) -> tuple[float | None, float]:
    """(share of the examples that were right late in the run, how many they were)."""
    if not recording.of_kind("loss") or not len(recording.observed):
        return None, 0.0
    right = recording.column("loss", "right")[:, 0]
    late = ~np.isnan(right) & (recording.observed >= (recording.steps - 1) * (1 - 1 / LATE))
    if not late.any():
        return None, 0.0
    judged = float(np.nansum(recording.column("loss", "examples")[late, 0]))
    return float(right[late].mean()), judged


def _guess(recording: Recording) -> float | None:
    """Share of the most frequent label."""
    terms = recording.of_kind("loss")
    counts = recording.labels.get(terms[0].name, {}).get("counts") if terms else None
    if not counts:
        return None
    numbers = [float(number) for number in counts.values()]
    return max(numbers) / sum(numbers) if sum(numbers) > 0 else None
