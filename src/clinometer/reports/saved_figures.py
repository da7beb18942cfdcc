"""Figures as files: png and svg, whatever they show."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from clinometer.errors import ClinometerError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def saved(
    drawn: Mapping[str, Figure], left_out: Mapping[str, str], folder: str | Path
) -> tuple[list[str], list[str]]:
    """Write each figure as png and svg; return the paths, and one line for each figure left out.

    Raises
    ------
    ClinometerError : where the folder cannot be written to.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{name}.{kind}" for name in drawn for kind in ("png", "svg")]
        for path in paths:
            drawn[path.stem].savefig(path, dpi=150)
    except OSError as error:
        raise ClinometerError(
            f"the figures cannot be written to {folder}: {error.strerror}"
        ) from None
    return [str(path) for path in paths], [f"{name}: {why}" for name, why in left_out.items()]
