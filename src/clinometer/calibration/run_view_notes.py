"""What a reader of a run view must know beside it."""

from __future__ import annotations

from clinometer.calibration.epochs import Epoch
from clinometer.calibration.run_view_numbers import rows
from clinometer.calibration.run_view_result import RunView

APPROXIMATE = 100  # rows below which the paired intervals cover less than they say (measured)
MOST_NAMED = 5  # epochs named in one sentence; the table has the rest


def view_notes(view: RunView) -> tuple[str, ...]:
    """Cautions, most consequential first; each without its full stop."""
    found = []
    broken = [epoch for epoch in view.epochs if epoch.not_finite]
    if broken:
        found.append(
            f"logits of NaN or infinity at {_listed(broken)}: not judged, and never the best"
        )
    outside = [epoch for epoch in view.epochs if epoch.status in {"below", "above"}]
    if outside:
        found.append(
            f"at {_listed(outside)} the best temperature lies outside the nodes of the sums: not judged"
        )
    if view.best_refinement is not None and len(view.epochs) > 1:
        found.append(
            f"the lowest of {len(view.epochs)} epochs was chosen on these rows, and so looks better than it "
            "is: judge the chosen epoch on fresh rows"
        )
    found += _intervals(view)
    return tuple(found)


def _intervals(view: RunView) -> list[str]:
    if view.alpha is None:
        return ["no rows were kept, so there are no intervals: a small change may be noise"]
    since = view.since_loss or view.since_refinement
    if since is not None and since.refinement.interval is None:
        return ["no interval is possible: fewer than two rows or groups carry weight"]
    if view.n is not None and view.n < APPROXIMATE:
        return [f"{rows(view.n)}: the intervals are approximate (below {APPROXIMATE} rows)"]
    return []


def _listed(epochs: list[Epoch]) -> str:
    names = ", ".join(epoch.name for epoch in epochs[:MOST_NAMED])
    more = f" and {len(epochs) - MOST_NAMED} more" if len(epochs) > MOST_NAMED else ""
    return f"epoch{'s' if len(epochs) > 1 else ''} {names}{more}"
