"""Case 5: the checkpoints of a run on the same held-out rows. Overfitted, or only overconfident?

L is the held-out loss, R what the best temperature leaves of it (refinement), S = L - R what it removes
(scale). A loss that rises while R stays is mended by one number; one that rises with R is not.
Source: Berta, Holzmueller, Jordan and Bach (2025), arXiv 2501.19195: stop on R, then fit T once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from clinometer.calibration.checkpoints import Given, taken
from clinometer.calibration.epoch_changes import (
    all_right,
    change,
    change_of_points,
    lowest,
    surely_above_one,
)
from clinometer.calibration.epochs import Epoch, epoch_of_sums
from clinometer.calibration.kept_epochs import Kept
from clinometer.calibration.run_view_result import RunView
from clinometer.calibration.run_view_words import worded
from clinometer.errors import PredictionsError, ShapeError
from clinometer.stats.weighting import effective_rows


def run_view(
    checkpoints: Iterable[Any],
    labels: Any = None,
    *,
    weights: Any = None,
    groups: Any = None,
    names: Sequence[str] | None = None,
    classes: tuple[str, ...] | None = None,
    alpha: float = 0.05,
    margin: float = 0.01,
) -> RunView:
    """Loss, refinement, scale and temperature of each checkpoint, and what the run has come to.

    Parameters
    ----------
    checkpoints : on the same held-out rows, in the order of training: logits (n, K), or (n,) for one logit;
        or predictions files; or `Predictions`. Any iterable: one is in memory at a time, beside the best ones
    labels : integers 0 .. K-1 (or names that occur in `classes`), shape (n,); files carry their own
    weights, groups : importance of each row (n,), and the name of what it shares with others (n,); for files
        also the name of a column
    names : of the checkpoints; numbers from 1 where none are given
    alpha : one minus the certainty of the intervals [-]
    margin : practical equivalence: changes below this share of the loss that stays count as none [-]

    Notes
    -----
    The change from the epoch of the lowest loss to the last is judged by its paired interval, by whole groups
    where groups are given. The lowest refinement is chosen among all epochs by the very numbers that judge
    it, so the interval since then is as wide as alpha / (epochs - 1) asks (Bonferroni).

    Raises
    ------
    PredictionsError, ShapeError : with what was found, what was expected and what to do.

    >>> seen = run_view([[1.0, -1.0, 0.5], [4.0, -4.0, 2.0]], labels=[1, 0, 0])
    >>> seen.epochs[0].refinement == seen.epochs[1].refinement, seen.phase
    (True, 'undecided')
    """
    given, kept = Given(labels, classes, weights, groups), Kept()
    for at, checkpoint in enumerate(checkpoints):
        name = _name(names, at)
        kept.add(name, taken(checkpoint, given, name))
    _some(kept.epochs)
    return _judged(kept, alpha, margin)


def run_view_of_files(
    paths: Sequence[str | Path],
    *,
    group: str | None = None,
    weight: str | None = None,
    alpha: float = 0.05,
    margin: float = 0.01,
) -> RunView:
    """The run view of predictions files, one an epoch, in order; group and weight name columns of them."""
    short, long = ([getattr(Path(p), part) for p in paths] for part in ("stem", "name"))
    names = next((n for n in (short, long) if len(set(n)) == len(n)), [str(p) for p in paths])
    return run_view(
        map(Path, paths), weights=weight, groups=group, names=names, alpha=alpha, margin=margin
    )


def run_view_of_sums(
    results: Iterable[Any], names: Sequence[str] | None = None, *, margin: float = 0.01
) -> RunView:
    """The run view of what a validation metric computed each epoch (`RunningFit`): points, no intervals."""
    found = list(results)
    epochs = tuple(epoch_of_sums(_name(names, at), one) for at, one in enumerate(found))
    _some(epochs)
    ends = found[-1].interval
    loss, refinement = lowest(epochs, "loss"), lowest(epochs, "refinement")
    view = RunView(
        phase="undecided",
        sentence="",
        advice="",
        epochs=epochs,
        best_loss=loss,
        best_refinement=refinement,
        since_loss=change_of_points(epochs, loss),
        since_refinement=change_of_points(epochs, refinement),
        overconfident=None if ends is None else ends[0] > 1.0,
        all_right=None,
        n=None,
        alpha=None,
        margin=margin,
    )
    return worded(view)


def _judged(kept: Kept, alpha: float, margin: float) -> RunView:
    rows, last = kept.rows, len(kept.epochs) - 1
    loss, refinement = kept.best_loss, kept.best_refinement
    view = RunView(
        phase="undecided",
        sentence="",
        advice="",
        epochs=tuple(kept.epochs),
        best_loss=None if loss is None else loss[0],
        best_refinement=None if refinement is None else refinement[0],
        since_loss=change(loss, last, kept.last, rows, alpha),
        since_refinement=change(refinement, last, kept.last, rows, alpha / max(last, 1)),
        overconfident=surely_above_one(kept.last, rows, alpha),
        all_right=all_right(kept.first_right, last, kept.last, rows),
        n=None if rows is None else effective_rows(rows.n, rows.weights),
        alpha=alpha,
        margin=margin,
    )
    return worded(view)


def _name(names: Sequence[str] | None, at: int) -> str:
    if names is None:
        return str(at + 1)
    if at >= len(names):
        raise ShapeError(f"{len(names)} names for more checkpoints than that: give one name each")
    return str(names[at])


def _some(epochs: Sequence[Epoch]) -> None:
    if not epochs:
        raise PredictionsError("there is no epoch to judge: give at least one checkpoint")
