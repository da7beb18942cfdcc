"""The row on which a temperature hangs: the one that pulls beta hardest, and the fit without it.

Under softmax a wrong row's pull on beta grows with its gap without bound, so one corrupt row can carry
the answer. Its first-order influence on beta is w g / (sum w H), g its slope at the fit (Hampel 1974,
JASA 69); the fit without it is made, not approximated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clinometer.stats.blocks import Gaps, gaps_of
from clinometer.stats.gaps import Array
from clinometer.stats.temperature import TemperatureFit, fit_temperature


@dataclass(frozen=True, slots=True)
class Leverage:
    """The row of largest influence on beta.

    row : its number, from 0
    share : its part of all rows' pull on beta, ``|w g| / sum |w g|`` [-]
    beta, beta_without : inverse temperature of all rows, and without this one [-]; the second is inf
    where the others are all right, 0 where they have no signal
    half_width : of the interval of beta without it [-]; None where that fit has none
    """

    row: int
    share: float
    beta: float
    beta_without: float
    half_width: float | None

    @property
    def dominates(self) -> bool:
        """Whether the row moves beta by more than half the interval that the others leave for it.

        A row like the others moves it by about 1 / sqrt(n) of that. Where the others have no finite
        temperature, any change is this row's alone.
        """
        if self.half_width is None:
            return self.beta != self.beta_without
        return abs(self.beta - self.beta_without) > self.half_width


def leverage(
    gaps: Array | Gaps, fit: TemperatureFit, weights: Array | None = None, alpha: float = 0.05
) -> Leverage | None:
    """Find it among gaps (n, K) with the weights of `fit`; None where no row pulls.

    Rows that are all right pull at no finite beta; where there is no signal the pull is that at beta = 0.

    >>> rows = np.array([[-1.0, 0.0], [-2.0, 0.0], [-1.5, 0.0], [0.5, 0.0]])
    >>> found = leverage(rows, fit_temperature(rows))
    >>> found.row, found.beta_without, found.dominates
    (3, inf, True)
    """
    if fit.slopes is None:
        return None
    pull = np.abs(fit.slopes)
    if weights is not None:
        pull = np.where(weights > 0.0, weights / weights.max() * pull, 0.0)
    row = int(pull.argmax())
    kept = np.ones(len(pull), bool) if weights is None else weights > 0.0
    kept[row] = False
    if not kept.any() or pull[row] == 0.0:
        return None
    rest = fit_temperature(gaps_of(gaps).take(kept), None if weights is None else weights[kept])
    ends = rest.beta_interval(alpha)
    half = None if ends is None else 0.5 * (ends[1] - ends[0])
    share = 1.0 / float((pull / pull[row]).sum())
    return Leverage(row, share, fit.beta, rest.beta, half)
