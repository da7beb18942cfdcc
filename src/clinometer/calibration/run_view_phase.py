"""The one word for a run: pure logic on changes that are already known."""

from __future__ import annotations

from clinometer.calibration.run_view_result import RunView
from clinometer.calibration.stopping_words import Phase, phase
from clinometer.calibration.verdict import FEWEST
from clinometer.stats.paired import Interval


def decided(view: RunView) -> Phase:
    """The word for the change since the lowest loss; a later minimum of refinement may add `stop here`."""
    last = view.epochs[-1]
    few = view.n is not None and view.n < FEWEST
    if last.refinement is None or last.status == "zero" or few or len(view.epochs) == 1:
        return "undecided"
    delta = view.margin * last.refinement
    word: Phase = "undecided"
    if view.since_loss is not None:
        since = view.since_loss
        word = phase(
            since.loss.difference,
            since.refinement.difference,
            since.scale.difference,
            _practical(since.refinement.interval, delta),
            overconfident=view.overconfident is not False and since.scale.difference > delta,
        )
    rose = view.since_refinement and _practical(view.since_refinement.refinement.interval, delta)
    if word != "lost separation" and rose and rose[0] > 0.0:
        return "past refinement: stop here"
    if word == "undecided" and view.best_refinement == len(view.epochs) - 1:
        return "still separating"
    return word


def _practical(interval: Interval | None, delta: float) -> Interval | None:
    """The interval of a change; one that lies within the margin counts as no change."""
    if interval is None or max(-interval[0], interval[1]) > delta:
        return interval
    return (-delta, delta)
