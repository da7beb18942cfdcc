"""What was found of models and their confidence, as HTML for a notebook."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clinometer.calibration.comparison import Comparison
from clinometer.calibration.confidence import Confidence
from clinometer.calibration.epochs import Epoch
from clinometer.calibration.run_view_result import RunView
from clinometer.calibration.streamed_result import Streamed
from clinometer.calibration.two_splits import Splits, overstated
from clinometer.reports.layout import counted
from clinometer.reports.notebook.drawings import sparkline
from clinometer.reports.notebook.parts import card, figure, folded, head, listed, percent, table
from clinometer.reports.run_view_text import shown_epochs

MOST_GROUPS = 12  # the most overstated come first
Ends = Sequence[float | None] | None


def comparison_html(found: Comparison) -> str:
    """Two models: the parts of the difference, and what each claims beside what it has earned."""
    split, (a, b), told = found.split, found.claims, found.to_dict()
    parts = [("A less B", figure(split.difference), "")]
    for name in ("separation", "scale"):
        ends = told[name]["interval"]
        parts.append((name, figure(told[name]["difference"]), _interval(ends)))
    earned = [
        ("loss [nat]", figure(split.loss_a, ".5g"), figure(split.loss_b, ".5g")),
        ("right", f"{a.right:,}", f"{b.right:,}"),
        ("claimed error", figure(a.error), figure(b.error)),
        ("earned confidence", figure(a.confidence, ".5g"), figure(b.confidence, ".5g")),
        ("guarantee (95 %)", figure(a.guarantee), figure(b.guarantee)),
    ]
    return card(
        head(found.verdict, found.because, counted(found.n, "row")),
        table(("loss [nat]", "difference", "interval"), parts),
        table(("", "A", "B"), earned),
        _notes(found.notes),
    )


def _interval(ends: Ends) -> str:
    """Both ends; "" where there is none, and "no limit" for an open one."""
    if ends is None or tuple(ends) == (None, None):
        return ""
    low, high = ("no limit" if end is None else figure(end) for end in ends)
    return f"{low} to {high}"


def confidence_html(found: Confidence | Streamed) -> str:
    """One model: what it claims, what is right, where the loss comes from, and its groups."""
    fit = found.fit
    best = f"none ({fit.status})" if fit.temperature is None else figure(fit.temperature)
    rows = [
        ("accuracy", percent(found.accuracy), _interval_of_errors(found)),
        ("mean confidence", percent(found.mean_confidence), ""),
        ("temperature (1 is right)", best, _interval(found.temperature_interval)),
        ("loss [nat]", figure(_loss(found)), ""),
    ]
    if isinstance(found, Confidence):
        parts = found.ladder
        named = ("scale", "shift", "shape", "refinement")
        rows += [(f"… {name}", figure(getattr(parts, name)), "") for name in named]
        rows.append(("calibration error (ECE, 15 bins)", figure(found.ece), ""))
    return card(
        head(found.verdict, found.because, counted(found.n, "row")),
        table(("", "value", "interval"), rows),
        _groups(found),
        _notes(found.notes),
    )


def _loss(found: Confidence | Streamed) -> float | None:
    return found.ladder.total if isinstance(found, Confidence) else found.fit.loss


def _interval_of_errors(found: Confidence | Streamed) -> str:
    low, high = found.whole.interval
    return f"{percent(1 - high)} to {percent(1 - low)}"


def _groups(found: Confidence | Streamed) -> str:
    rows = [
        (one.name, f"{one.n:,}", percent(1 - one.record.counted), percent(1 - one.record.claimed),
         percent(one.overstated))
        for one in found.groups[:MOST_GROUPS]
    ]  # fmt: skip
    more = f", {MOST_GROUPS} of {len(found.groups)}" if len(found.groups) > MOST_GROUPS else ""
    heads = ("group", "rows", "accuracy", "mean confidence", "overstated by")
    return table(heads, rows, f"Groups, the most overstated first{more}" if rows else "")


def splits_html(found: Splits) -> str:
    """One classifier by random rows and by whole groups, side by side."""
    rows = [
        (name, one.verdict, percent(one.accuracy), percent(one.mean_confidence),
         percent(overstated(one)))
        for name, one in (("random rows", found.random), ("whole groups", found.whole_groups))
    ]  # fmt: skip
    heads = ("judged by", "verdict", "accuracy", "mean confidence", "overstated by")
    return card(
        head(found.whole_groups.verdict, found.headline),
        table(heads, rows),
        _groups(found.whole_groups),
        _notes(found.notes),
    )


def run_view_html(view: RunView) -> str:
    """A run epoch by epoch: the course of its loss, and its parts where it was best and at last."""
    losses = np.array([np.nan if one.loss is None else one.loss for one in view.epochs])
    shown = [view.epochs[at] for at in shown_epochs(view)]
    best = {at for at in (view.best_loss, view.best_refinement) if at is not None}
    rows = [_epoch(one, any(view.epochs[at] is one for at in best)) for one in shown]
    heads = ("epoch", "loss [nat]", "refinement", "scale", "temperature", "right", "")
    rest = "" if view.n is None else f" on the same {counted(round(view.n), 'row')}"
    told = f"loss of {counted(len(view.epochs), 'epoch')}{rest}"
    return card(
        head(view.phase, f"{view.sentence} {view.advice}", told),
        sparkline(losses, told),
        table(heads, rows),
        _notes(view.notes),
    )


def _epoch(one: Epoch, is_best: bool) -> tuple[str, ...]:
    best = one.status if one.temperature is None else figure(one.temperature)
    parts = (figure(part) for part in (one.loss, one.refinement, one.scale))
    return one.name, *parts, best, percent(one.accuracy), "lowest" if is_best else ""


def _notes(notes: tuple[str, ...]) -> str:
    return folded(f"Notes ({len(notes)})", listed("", list(notes), 12)) if notes else ""
