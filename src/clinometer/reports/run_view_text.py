"""A run view in the terminal: the verdict, the epochs, what to do, and what the numbers cannot show."""

from __future__ import annotations

from clinometer.calibration.epochs import Epoch
from clinometer.calibration.run_view_result import RunView
from clinometer.reports.layout import counted, short, wrapped

WIDTH = 80
NAME = 18  # columns of an epoch's name
MOST_EPOCHS = 15  # lines of epochs; the first, the last and the best are always among them
STATUS = {
    "zero": "all right",
    "infinite": "no signal",
    "inverted": "inverted",
    "not finite": "not finite",
    "below": "not judged",
    "above": "not judged",
    "empty": "no rows",
}


def run_view_text(view: RunView) -> str:
    """The whole report, at most 80 columns wide, plain text (no colour, so NO_COLOR is respected)."""
    blocks = [
        [f"Run: {view.phase}", *wrapped(view.sentence, WIDTH), *wrapped(view.advice, WIDTH)],
        [_about(view), "", *_table(view)],
        [row for note in view.notes for row in _note(note)],
    ]
    return "\n".join("\n".join(block) + "\n" for block in blocks if block)


def _about(view: RunView) -> str:
    if view.n is None:
        return f"{counted(len(view.epochs), 'epoch')}; no rows to judge, or none kept"
    rows = counted(round(view.n), "row")
    return f"{counted(len(view.epochs), 'epoch')} on the same {rows}"


def _table(view: RunView) -> list[str]:
    shown = shown_epochs(view)
    rows = [
        f"{'Epoch [nat]':<{NAME}}{'loss':>10}{'refinement':>12}{'scale':>10}{'right':>8}  temperature"
    ]
    rows += [_line(view.epochs[at]) + _mark(view, at) for at in shown]
    left = len(view.epochs) - len(shown)
    if left:
        rows.append(f"  and {counted(left, 'epoch')} between these")
    return rows


def shown_epochs(view: RunView, most: int = MOST_EPOCHS) -> list[int]:
    """Numbers of the epochs to list: spread evenly, the first, the last and the best ones among them."""
    n = len(view.epochs)
    best = {at for at in (view.best_loss, view.best_refinement) if at is not None}
    if n <= most:
        return list(range(n))
    room = most - len(best)
    return sorted(best | {round(k * (n - 1) / (room - 1)) for k in range(room)})


def _line(epoch: Epoch) -> str:
    numbers = "".join(
        f"{'-' if value is None else format(value, '.4g'):>{width}}"
        for value, width in ((epoch.loss, 10), (epoch.refinement, 12), (epoch.scale, 10))
    )
    right = "-" if epoch.accuracy is None else f"{epoch.accuracy:.3f}"
    best = STATUS[epoch.status] if epoch.temperature is None else f"{epoch.temperature:.4g}"
    return f"{short(epoch.name, NAME):<{NAME}}{numbers}{right:>8}  {best}"


def _mark(view: RunView, at: int) -> str:
    lowest = [
        name for name, best in (("L", view.best_loss), ("R", view.best_refinement)) if best == at
    ]
    return f"  lowest {', '.join(lowest)}" if lowest else ""


def _note(note: str) -> list[str]:
    return wrapped(f"{note[0].upper()}{note[1:]}.", WIDTH, "  ", "- ")
