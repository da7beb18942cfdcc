"""The one word for a run: pure logic on changes that are already known."""

from __future__ import annotations

from clinometer.calibration.run_view_result import RunView
from clinometer.calibration.stopping_words import Phase, phase
from clinometer.calibration.verdict import FEWEST


def decided(view: RunView) -> Phase:
    """The word for the change since the lowest loss; a later minimum of refinement may add `stop here`."""
    last = view.epochs[-1]
    few = view.n is not None and view.n < FEWEST
    if last.refinement is None or last.status == "zero" or few or len(view.epochs) == 1:
        return "undecided"
    word: Phase = "undecided"
    if view.since_loss is not None:
        since = view.since_loss
        word = phase(
            since.loss.difference,
            since.refinement.difference,
            since.scale.difference,
            since.refinement.interval,
            loss_interval=since.loss.interval,
        )
    rose = view.since_refinement and view.since_refinement.refinement.interval
    if word != "lost separation" and rose and rose[0] > 0.0:
        return "past refinement: stop here"
    if word == "undecided" and view.best_refinement == len(view.epochs) - 1:
        return "still separating"
    return word
