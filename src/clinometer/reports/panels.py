"""What the pictures share: a panel to draw on, colours that differ in grey, text that stays in its frame."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from clinometer.errors import ClinometerError

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLACK, GREY, PALE = "#000000", "#777777", "#D9D9D9"
ORANGE, BLUE, VERMILION, GREEN = "#E69F00", "#0072B2", "#D55E00", "#009E73"  # Okabe and Ito
SMALL = 8.5  # points: notes and numbers at marks
COLUMNS_AN_INCH = 14.5  # of text of 9.5 points, roughly
BELOW_INCH = 0.48  # from the axis to what stands under its numbers and label


def need_matplotlib() -> None:
    """Raise a clear error where matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise ClinometerError(
            "figures need matplotlib, which is not installed: pip install 'clinometer[plot]'"
        ) from None


def panel(ax: Axes | None, width: float, height: float) -> Axes:
    """The panel that was given, or one on a new figure of this size [inch]."""
    if ax is not None:
        return ax
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained").subplots()


def below(ax: Axes, share: float) -> Axes | None:
    """A second panel under `ax` that takes a share of its place and shares its x axis.

    None where `ax` has no place in a grid to divide.
    """
    place = ax.get_subplotspec()
    if place is None:
        return None
    grid = place.subgridspec(2, 1, height_ratios=(1.0 - share, share), hspace=0.06)
    ax.set_subplotspec(grid[0])
    ax.tick_params(labelbottom=False)
    return figure_of(ax).add_subplot(grid[1], sharex=ax)


def figure_of(ax: Axes) -> Figure:
    """The figure that a panel lies on."""
    from matplotlib.figure import Figure

    found = ax.get_figure(root=True)
    assert isinstance(found, Figure)
    return found


def title(ax: Axes, text: str) -> None:
    """A sentence as title, from the left, in lines as wide as the figure."""
    columns = int(COLUMNS_AN_INCH * (figure_of(ax).get_figwidth() - 0.8))
    lines = textwrap.wrap(text, max(columns, 30), break_on_hyphens=False)
    ax.set_title("\n".join(lines), loc="left", fontsize=9.5)


def legend_below(ax: Axes, handles: list[Artist], columns: int) -> None:
    """A legend under the axis label: within the frame it would hide what is drawn there."""
    from matplotlib.transforms import ScaledTranslation

    figure = figure_of(ax)
    under = ax.transAxes + ScaledTranslation(0.0, -BELOW_INCH, figure.dpi_scale_trans)
    ax.legend(
        handles=handles, loc="upper center", ncols=columns, frameon=False, fontsize=SMALL,
        bbox_to_anchor=(0.5, 0.0), bbox_transform=under,
    )  # fmt: skip


def blank(ax: Axes, why: str) -> None:
    """Words in place of a picture that there is nothing to draw for."""
    ax.set(xticks=[], yticks=[])
    lines = "\n".join(textwrap.wrap(why, 48))
    ax.text(0.5, 0.5, lines, ha="center", va="center", transform=ax.transAxes)
