"""Where a training run stands, from its validation losses: the words that stopping and the run view share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from clinometer.stats.paired import Interval

Phase = Literal[
    "still separating",
    "past refinement: stop here",
    "overconfident, not overfitted",
    "lost separation",
    "undecided",
]
PATIENCE = (
    5  # epochs; a custom (Keras' and Lightning's examples use 3 to 10), not a measured figure
)

SENTENCES: dict[Phase, str] = {
    "still separating": "Refinement still falls: the separator improves.",
    "past refinement: stop here": (
        "Stop here: refinement no longer falls. Take the epoch where it was lowest, and fit one temperature."
    ),
    "overconfident, not overfitted": (
        "Overconfident, not overfitted: the loss rose by scale, and the separator is as good as it was. "
        "One temperature takes the rise away."
    ),
    "lost separation": (
        "Lost separation: the separator itself got worse. Take the epoch where refinement was lowest."
    ),
    "undecided": "Undecided: too little is known to tell separation from scale.",
}


def phase(
    loss: Sequence[float],
    refinement: Sequence[float],
    scale: Sequence[float],
    refinement_interval: Interval | None,
    *,
    patience: int = PATIENCE,
    margin: float = 0.01,
) -> Phase:
    """Where the last of the epochs stands; loss = refinement + scale of each epoch, (epochs,) [nat].

    Parameters
    ----------
    refinement_interval : paired interval of the last refinement less that of the epoch of the lowest loss
        [nat]; None where no rows were kept to pair
    patience : epochs without a lower refinement after which it counts as past
    margin : rises of loss or refinement up to this share of the refinement count as none [-]

    Notes
    -----
    Epochs that are not finite are undecided. The minimum over many epochs is selected: a rise above it is
    partly that, so a rise counts as lost only where the interval lies above 0.

    >>> phase([1.0, 0.8, 0.9], [0.9, 0.7, 0.7], [0.1, 0.1, 0.2], (-0.01, 0.01))
    'overconfident, not overfitted'
    """
    loss_, kept, by_scale = (np.asarray(v, dtype=float) for v in (loss, refinement, scale))
    if len(loss_) < 2 or not all(np.isfinite(v).all() for v in (loss_, kept, by_scale)):
        return "undecided"
    since = int(loss_.argmin())
    allowed = margin * kept[since]
    rise, by_refinement = loss_[-1] - loss_[since], kept[-1] - kept[since]
    surely = refinement_interval is not None and refinement_interval[0] > 0.0
    if surely and by_refinement > allowed:
        return "lost separation"
    if rise > allowed and by_scale[-1] > by_scale[since]:
        same = refinement_interval is not None or by_refinement <= allowed
        return "overconfident, not overfitted" if same else "undecided"
    behind = len(kept) - 1 - int(kept.argmin())
    return "past refinement: stop here" if behind >= patience else "still separating"
