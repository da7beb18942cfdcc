"""Why a run is undecided: one epoch, a diverged one, too few rows, every row right, or nothing to tell."""

from __future__ import annotations

from clinometer.calibration.epochs import NOT_FINITE
from clinometer.calibration.run_view_numbers import known, nat, rows, signed, temperature, with_ends
from clinometer.calibration.run_view_result import RunView
from clinometer.calibration.verdict import FEWEST


def undecided(view: RunView) -> tuple[str, str]:
    """The reason, and what to do."""
    last = view.epochs[-1]
    if last.status == NOT_FINITE:
        return _diverged(view)
    if last.refinement is None:
        said = f"Undecided: refinement is not judged at the last epoch (temperature {last.status})."
        return said, "Centre the nodes of the sums on the last known temperature."
    if last.status == "zero":
        return _every_row_right(view)
    if len(view.epochs) == 1:
        return "Undecided: one epoch is no course.", "Give the checkpoints of several epochs."
    if view.n is not None and view.n < FEWEST:
        said = f"Undecided: {rows(view.n)} are too few for an interval (at least {FEWEST})."
        return said, "Give more held-out rows."
    return _nothing_to_tell(view)


def go_back(view: RunView) -> str:
    """To the epoch of the lowest refinement."""
    best = view.epochs[known(view.best_refinement)]
    return (
        f"Go back to epoch {best.name}, where refinement was lowest ({nat(best.refinement)}), and fit one "
        f"temperature there{temperature(best)}."
    )


def _diverged(view: RunView) -> tuple[str, str]:
    bad = rows(view.epochs[-1].not_finite)
    said = f"Undecided: the last epoch's logits are NaN or infinite in {bad}; the run diverged."
    return said, "No epoch is finite." if view.best_refinement is None else go_back(view)


def _nothing_to_tell(view: RunView) -> tuple[str, str]:
    since = view.since_loss or view.since_refinement
    if since is None:
        return "Undecided: neither refinement nor scale has changed.", "Train on."
    what = "the points" if view.n is None else rows(view.n)
    said = (
        f"Undecided: since epoch {view.epochs[since.epoch].name} refinement ({with_ends(since.refinement)} "
        f"nat) and scale ({with_ends(since.scale)}) have not changed by more than {what} can tell."
    )
    return said, "Nothing here speaks against stopping; more held-out rows narrow the intervals."


def _every_row_right(view: RunView) -> tuple[str, str]:
    found = view.all_right
    start = view.epochs[-1].name if found is None else view.epochs[found.first].name
    said = (
        f"Undecided: every row is right from epoch {start} on: refinement is 0, and these rows "
        "cannot show separation won or lost"
    )
    if found is not None:
        split = found.split
        said += (
            f"; the loss changed by {signed(0.0 - split.difference)} nat from there: scale "
            f"{signed(0.0 - split.scale.difference)}, direction {signed(0.0 - split.separation.difference)} "
            "(at matched scale)"
        )
    do = "If the model was trained on these rows, judge its checkpoints on held-out ones."
    return f"{said}.", do
