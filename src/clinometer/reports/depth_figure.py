"""The gradient along the depth of one or more networks, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.diagnosis.ledger import settled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLES = (("#0072B2", "o", "-"), ("#D55E00", "s", "--"), ("#009E73", "^", ":"))  # Okabe & Ito


def gradient_by_depth(diagnoses: Sequence[tuple[str, Diagnosis]]) -> Figure:
    """Share of the logits' gradient that arrives at each weight layer [decades], depth downwards.

    Parameters
    ----------
    diagnoses : (label, diagnosis) pairs, at most three
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    axes = figure.add_subplot()
    for (label, diagnosis), (colour, marker, line) in zip(diagnoses, STYLES, strict=False):
        arriving = [settled(ledger.arriving, diagnosis.late) for ledger in diagnosis.lines]
        axes.plot(
            arriving,
            np.arange(len(arriving)),
            color=colour,
            marker=marker,
            linestyle=line,
            label=label,
        )
    deepest = max((len(diagnosis.lines) for _, diagnosis in diagnoses), default=1)
    axes.axvline(0, color="0.4", linewidth=0.8)
    axes.axvline(-2, color="0.4", linewidth=0.8, linestyle=":")
    axes.text(-2, -0.45, " 1 % ", fontsize=8, color="0.25", ha="right", va="bottom")
    axes.set_ylim(deepest - 0.5, -0.9)
    axes.set_yticks(range(deepest))
    axes.set_yticklabels([line.layer for line in _longest(diagnoses).lines])
    axes.set_xlabel("gradient arriving, as a share of the one at the logits [decades]")
    axes.set_ylabel("weight layer, input at the top")
    axes.legend(loc="lower left", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _longest(diagnoses: Sequence[tuple[str, Diagnosis]]) -> Diagnosis:
    return max((diagnosis for _, diagnosis in diagnoses), key=lambda found: len(found.lines))
