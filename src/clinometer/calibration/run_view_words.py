"""What a run has come to: a sentence, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from clinometer.calibration.run_view_notes import view_notes
from clinometer.calibration.run_view_numbers import known, nat, temperature, with_interval
from clinometer.calibration.run_view_phase import decided
from clinometer.calibration.run_view_result import RunView
from clinometer.calibration.run_view_undecided import go_back, undecided
from clinometer.calibration.stopping_words import Phase


def worded(view: RunView) -> RunView:
    """The view with its phase, sentence, advice and notes."""
    view = replace(view, phase=decided(view))
    sentence, advice = SAYS[view.phase](view)
    return replace(view, sentence=sentence, advice=advice, notes=view_notes(view))


def _overconfident(view: RunView) -> tuple[str, str]:
    since, last = known(view.since_loss), view.epochs[-1]
    then, ends = view.epochs[since.epoch], since.refinement.interval
    improved = ends is not None and ends[1] < 0.0
    follows = "the separator still improved" if improved else "no separation is seen to be lost"
    said = (
        f"Overconfident, not overfitted: since epoch {then.name} the loss rose by "
        f"{nat(since.loss.difference)}, of it scale {nat(since.scale.difference)}; refinement changed by "
        f"{with_interval(since.refinement, view)}: {follows}."
    )
    do = (
        f"Keep the last epoch and fit one temperature{temperature(last)}: that leaves "
        f"{nat(last.refinement)} instead of {nat(last.loss)}; epoch {then.name} would leave "
        f"{nat(then.refinement)} after its own."
    )
    return said, do


def _lost(view: RunView) -> tuple[str, str]:
    since = known(view.since_loss)
    said = (
        f"Lost separation: since epoch {view.epochs[since.epoch].name} the loss rose by "
        f"{nat(since.loss.difference)}, of it refinement {with_interval(since.refinement, view)} and "
        f"scale {nat(since.scale.difference)}; a temperature mends the second part only."
    )
    return said, go_back(view)


def _past(view: RunView) -> tuple[str, str]:
    since = view.since_refinement or known(view.since_loss)
    then, loss = view.epochs[since.epoch], since.loss.difference
    moved = "rose" if loss > 0.0 else "fell"
    said = (
        f"Past refinement, stop here: refinement was {nat(then.refinement)} at epoch {then.name} and has "
        f"risen by {with_interval(since.refinement, view, every=True)} since; the loss {moved} by "
        f"{nat(abs(loss))}."
    )
    return said, go_back(view)


def _separating(view: RunView) -> tuple[str, str]:
    last, since = view.epochs[-1], view.since_loss
    if since is None or view.best_refinement == len(view.epochs) - 1:
        said = f"Still separating: refinement is lowest at the last epoch ({nat(last.refinement)})"
    else:
        name = view.epochs[since.epoch].name
        changed = with_interval(since.refinement, view)
        said = f"Still separating: since epoch {name} refinement changed by {changed}"
    if since is not None and since.loss.difference > 0.0 and since.scale.difference > 0.0:
        said += f", though scale grew by {nat(since.scale.difference)}"
    return f"{said}.", f"Train on; at the end fit one temperature{temperature(last)}."


SAYS: dict[Phase, Callable[[RunView], tuple[str, str]]] = {
    "still separating": _separating,
    "past refinement: stop here": _past,
    "overconfident, not overfitted": _overconfident,
    "lost separation": _lost,
    "undecided": undecided,
}
