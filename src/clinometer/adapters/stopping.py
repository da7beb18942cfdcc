"""Stop training where the separator stops improving, not where its scale makes the loss rise.

Refine first, then fit one temperature. Source: Berta, Holzmueller, Jordan and Bach (2025), arXiv 2501.19195.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.calibration.stopping_words import Phase, phase
from clinometer.errors import ShapeError
from clinometer.stats.paired import Interval, paired_interval

Rows = NDArray[np.float64]
PATIENCE = 5  # epochs; a custom (the examples of Keras and Lightning use 3 to 10), not measured
RESOLUTION = 3e-6  # nat; error of a refinement from running sums: a smaller fall is none


SENTENCES: dict[Phase, str] = {
    "still separating": "The refinement still falls: the separator improves.",
    "past refinement: stop here": (
        "Stop here: the refinement no longer falls. Take the epoch where it was lowest, and fit one "
        "temperature."
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


class Judged(Protocol):
    """What an epoch has to say: the result of `ValidationMetric.compute`, or anything like it."""

    @property
    def loss(self) -> float: ...
    @property
    def refinement(self) -> float | None: ...
    @property
    def scale(self) -> float | None: ...


class RefinementStopping:
    """Early stopping on the refinement: the loss that is left at the best temperature.

    Parameters
    ----------
    patience : epochs without a lower refinement after which to stop
    errors : with rows (see `step`), stop as soon as the refinement lies above its lowest by so many
        paired standard errors; then a rise is told from chance, and no epoch is waited for

    Notes
    -----
    The lowest of many epochs is selected, so its refinement flatters: report the final loss on fresh rows.
    On small validation sets stopping by refinement and by loss (a temperature fitted after either) came
    out alike in the reference's seven settings, 4 better and 3 worse: it saves no accuracy by itself.

    Examples
    --------
    >>> from types import SimpleNamespace as Epoch
    >>> stopping = RefinementStopping(patience=2)
    >>> refinements, scales = (0.9, 0.7, 0.7, 0.7), (0.1, 0.1, 0.2, 0.3)
    >>> [stopping.step(Epoch(loss=r + s, refinement=r, scale=s)) for r, s in zip(refinements, scales)]
    [False, False, False, True]
    >>> stopping.best_epoch, stopping.phase
    (1, 'overconfident, not overfitted')
    """

    def __init__(self, patience: int = PATIENCE, *, errors: float = 2.0) -> None:
        if patience < 1 or not errors > 0.0:
            raise ShapeError(f"patience {patience}, errors {errors}: expected 1 or more, above 0")
        self.patience, self.errors = patience, errors
        self.epoch = -1
        self.best_epoch: int | None = None
        self.unjudged: list[int] = []
        self._epochs: list[tuple[float, float, float]] = []  # judged: loss, refinement, scale
        self._lowest: dict[str, tuple[float, Rows | None]] = {}  # by loss and by refinement
        self._interval: Interval | None = None
        self._waited = 0

    def step(self, result: Judged, rows: ArrayLike | None = None) -> bool:
        """Take the next epoch; whether to stop now.

        Parameters
        ----------
        result : of `ValidationMetric.compute`; an epoch without a refinement (its temperature lay beyond the
            nodes, or logits were not finite) is noted in `unjudged` and decides nothing
        rows : loss of each validation row at this epoch's best temperature, (n,), in the same order each
            epoch (`fit_temperature(...).rows`); without them patience is counted in epochs alone
        """
        self.epoch += 1
        kept = result.refinement
        if kept is None or result.scale is None or not math.isfinite(kept):
            self.unjudged.append(self.epoch)
            return False
        own = None if rows is None else np.asarray(rows, dtype=np.float64)
        self._epochs.append((float(result.loss), float(kept), float(result.scale)))
        rise = self._rise(own)
        self._remember("loss", float(result.loss), own, 0.0)
        self._interval = self._against("loss", own)
        if self._remember("refinement", float(kept), own, RESOLUTION):
            self.best_epoch, self._waited = self.epoch, 0
            return False
        self._waited += 1
        return rise > self.errors or self._waited >= self.patience

    @property
    def phase(self) -> Phase:
        """One of five words: what happened since the epoch of the lowest loss."""
        if len(self._epochs) < 2:
            return "undecided"
        losses, kept, scales = zip(*self._epochs, strict=True)
        last, since, interval = len(losses) - 1, losses.index(min(losses)), self._interval
        if since == last:  # the loss has not risen: held against the lowest refinement
            since, interval = kept.index(min(kept)), None
        if since == last:
            return "still separating"
        loss, refinement, scale = (part[last] - part[since] for part in (losses, kept, scales))
        return phase(loss, refinement, scale, interval)

    @property
    def sentence(self) -> str:
        """The same for people, with the epoch to take and what patience was counted in."""
        said = SENTENCES[self.phase]
        if self.best_epoch is not None:
            lowest = self._lowest["refinement"][0]
            said += (
                f" Lowest refinement: {lowest:.4g} nat in epoch {self.best_epoch} (counted from 0)."
            )
        if self._interval is None and self._epochs:
            said += " No rows were given to pair, so patience is counted in epochs."
        if self.unjudged:
            said += f" Not judged: {len(self.unjudged)} of {self.epoch + 1} epochs."
        return said

    def _remember(self, what: str, value: float, rows: Rows | None, by: float) -> bool:
        """Keep this epoch if it is the lowest so far by more than this."""
        if what in self._lowest and value >= self._lowest[what][0] - by:
            return False
        self._lowest[what] = (value, rows)
        return True

    def _difference(self, what: str, rows: Rows | None) -> Rows | None:
        """Row losses less those of the lowest epoch; None where either has none."""
        then = self._lowest[what][1] if what in self._lowest else None
        if rows is None or then is None:
            return None
        if rows.shape != then.shape:
            raise ShapeError(
                f"{rows.shape} rows after {then.shape}: give the same validation rows in the same order"
            )
        return rows - then

    def _against(self, what: str, rows: Rows | None) -> Interval | None:
        difference = self._difference(what, rows)
        return None if difference is None else paired_interval(difference)

    def _rise(self, rows: Rows | None) -> float:
        """Refinement above its lowest, in paired standard errors; -inf where rows are missing."""
        difference = self._difference("refinement", rows)
        if difference is None or len(difference) < 2:
            return -math.inf
        error = float(difference.std(ddof=1)) / math.sqrt(len(difference))
        mean = float(difference.mean())
        return mean / error if error > 0.0 else math.copysign(math.inf, mean) if mean else 0.0

    def __repr__(self) -> str:
        return f"RefinementStopping(epoch={self.epoch}, best_epoch={self.best_epoch}, {self.phase})"
