"""When to look: a token bucket that keeps the observer's share of the run's time.

Every step earns `budget` times its own time; an observation is paid with its measured price. On top
of that a fixed allowance of seconds, the same for a run of any length, pays for observations at
logarithmically growing gaps, so that a short run is seen at all and a long one from its first step.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

ALLOWANCE_S = 0.1  # what a run may cost beyond its share; 1 % of ten seconds
GROWTH = 4  # on the allowance no gap is shorter than a 4th of the steps so far: few, but some late
RECENT = 9  # prices remembered; their median is what the next observation is expected to cost
HIDDEN = 1.25  # hook machinery that our own clock does not see: 1.23 to 1.28 measured over own time


@dataclass
class Budget:
    """Decides before each step whether it is observed.

    Attributes
    ----------
    share : of the bare step time that observing may cost (0.01 = 1 %)
    every : a fixed gap in steps instead; 0 or None means by budget
    spent_s, total_s : seconds spent on observing and seconds of the run so far
    """

    share: float
    every: int | None = None
    spent_s: float = 0.0
    total_s: float = 0.0
    _earned_s: float = 0.0
    _allowance_s: float = ALLOWANCE_S
    _last: int = -2
    _prices: list[float] = field(default_factory=list)

    def wants(self, step: int) -> bool:
        """Whether this step shall be observed; never two steps in a row, unless by `every`."""
        if self.every:
            return step % self.every == 0
        if step - self._last < 2:
            return False
        price = self.price()
        if self._earned_s >= price and self._prices:
            return True
        return self._allowance_s >= price and step - self._last >= step / GROWTH

    def price(self) -> float:
        """Expected cost of one observation [s]; 0 before the first one."""
        return statistics.median(self._prices) if self._prices else 0.0

    def account(self, step: int, step_s: float, own_s: float, observed: bool) -> None:
        """Book one step: its wall time, and the part of it that was ours."""
        cost = own_s * (HIDDEN if observed else 1.0)
        self.total_s += step_s
        self.spent_s += cost
        self._earned_s += self.share * max(step_s - cost, 0.0)
        if not observed:
            self._earned_s -= cost
            return
        self._last = step
        self._prices = [*self._prices, cost][-RECENT:]
        if self._earned_s >= cost:
            self._earned_s -= cost
        else:
            self._allowance_s -= cost

    def overhead(self) -> float:
        """Measured cost: our seconds over the run's other seconds; nan before the first step."""
        bare = self.total_s - self.spent_s
        return self.spent_s / bare if bare > 0 else float("nan")
