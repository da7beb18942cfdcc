"""When to look: a token bucket that keeps the observer's share of the run's time, and of the disk.

Every step earns `share` times its own time; an observation is paid with its measured price. On top
of that a fixed allowance of seconds, the same for a run of any length, and a loan that half of what is
earned pays back, pay for observations at logarithmically growing gaps, so that a short run is seen at
all and a long one from its first step. Both are seconds in which our thread ran: on a busy machine the
time that it waited is not the price of looking.

An observation's price is what our own clock saw, or what the step took longer than its neighbours,
whichever is more: our clock misses the hook machinery, and the difference is noise where the price
is below the machine's.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from dataclasses import dataclass, field

ALLOWANCE_S = 0.1  # what a run may cost beyond its share; 1 % of ten seconds
LOAN_S = 0.2  # borrowed at the beginning; a run of 40 s at 1 % has paid it back
KEPT = (
    0.9  # of the share is spent: the rest is for the allowance, and for prices that turn out higher
)
GROWTH = 4  # on the allowance no gap is shorter than a 4th of the steps so far: few, but some late
RECENT = 9  # prices remembered; their median is what the next observation is expected to cost
HIDDEN = 1.25  # hook machinery that our own clock does not see: 1.23 to 1.28 measured over own time
BURST = 8  # steps observed one after the other when something happened; paid back afterwards
DIFFERENCES = 64  # of observed steps and their neighbours, kept for the overhead's interval
NORM_SHARE = 0.1  # of the budget may go to the norm of all gradients in unobserved steps ...
MOST_GAP = 64  # ... where that buys it at least every so many steps
# The disk: what a run of any length may use at once, and what every step adds to it.
FREE_BYTES = 2**17
BYTES_A_STEP = 2**9


@dataclass
class Budget:
    """Decides before each step whether it is observed.

    Attributes
    ----------
    share : of the bare step time that observing may cost (0.01 = 1 %)
    every : a fixed gap in steps instead; 0 or None means by budget
    looks : whether steps are observed at all
    spent_s, total_s : seconds spent on recording and seconds of the run so far
    row_bytes : size of one observation
    norm_s : what a step in which the norm of all gradients was taken cost the last time
    """

    share: float
    every: int | None = None
    looks: bool = True
    spent_s: float = 0.0
    total_s: float = 0.0
    start_s: float = 0.0
    row_bytes: int = 0
    norm_s: float = 1e-4
    observations: int = 0
    _earned_s: float = 0.0
    _allowance_s: float = ALLOWANCE_S + LOAN_S
    _owed_s: float = 0.0
    _free_bytes: float = FREE_BYTES
    _last: int = -2
    _burst: int = 0
    _own: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))
    _run: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))
    _longer: deque[float] = field(default_factory=lambda: deque(maxlen=DIFFERENCES))
    _previous_s: float = math.nan
    _typical_s: float = 0.0
    _waiting: tuple[float, float] | None = None

    def wants(self, step: int) -> bool:
        """Whether this step shall be observed; never two in a row, unless by `every` or in a burst.

        The gap is odd or even by turns, so that no period of the training (a discriminator every
        second step) is seen at one phase only.
        """
        if not self.looks:
            return False
        if self.every:
            return step % self.every == 0
        if self._burst:
            self._burst -= 1
            return True
        if step - self._last < 2 + self.observations % 2 or self._free_bytes < self.row_bytes:
            return False
        price = self.price()
        if self._own and self._earned_s >= price:
            return True
        return self._allowance_s >= self.run_price() and step - self._last >= step / GROWTH

    def affords_norm(self, step: int) -> bool:
        """Whether the norm of all gradients may be taken in an unobserved step, on its own small share."""
        if not self.looks or not self._typical_s:
            return False
        gap = math.ceil(self.norm_s / (NORM_SHARE * self.share * self._typical_s))
        return gap <= MOST_GAP and step % max(gap, 1) == 0

    def burst(self) -> None:
        """Something happened: look at the next steps, whatever it costs."""
        if self.looks and not self.every:
            self._burst = BURST

    def price(self) -> float:
        """Expected cost of one observation [s]; 0 before the first one."""
        if not self._own:
            return 0.0
        own = HIDDEN * statistics.median(self._own)
        recent = list(self._longer)[-RECENT:]
        return max(own, statistics.median(recent)) if len(recent) == RECENT else own

    def run_price(self) -> float:
        """The same in seconds in which our thread runs [s]; the cold first one does not count."""
        if self.observations < 2:
            return 0.0
        return HIDDEN * statistics.median(self._run)

    def account(
        self, step: int, step_s: float, own_s: float, observed: bool, ran: float = 1.0
    ) -> None:
        """Book one step: its wall time, the part of it that was ours, and for how much of it we ran."""
        self.total_s += step_s
        self._free_bytes += BYTES_A_STEP
        if not observed:
            self._typical_s += (step_s - self._typical_s) * (0.1 if self._typical_s else 1.0)
            self.spent_s += own_s
            self._earn(step_s - own_s)
            self._earned_s -= own_s
            if self._waiting is not None:
                self._longer.append(self._waiting[1] - (self._waiting[0] + step_s) / 2)
                self._waiting = None
            self._previous_s = step_s
            return
        self._waiting = None if math.isnan(self._previous_s) else (self._previous_s, step_s)
        self._previous_s = math.nan
        if self.observations == 1:  # the cold one says nothing of the next
            self._own.clear()
            self._run.clear()
        self._own.append(own_s)
        self._run.append(own_s * ran)
        cost = max(HIDDEN * own_s, min(self.price(), step_s))
        self.spent_s += HIDDEN * own_s
        self.observations += 1
        self._free_bytes -= self.row_bytes
        self._last = step
        self._earn(max(step_s - cost, 0.0))
        self._pay(cost, cost * ran)

    def _earn(self, bare_s: float) -> None:
        """What a step brings in; half of it pays the loan back, as long as there is one."""
        earned = KEPT * self.share * bare_s
        back = min(earned / 2, self._owed_s)
        self._owed_s -= back
        self._earned_s += earned - back

    def _pay(self, cost: float, run_s: float) -> None:
        if self._earned_s >= cost or self._allowance_s < run_s:
            self._earned_s -= cost  # into debt after a burst
        else:
            self._owed_s += min(run_s, max(LOAN_S - self._allowance_s + run_s, 0.0))
            self._allowance_s -= run_s

    def overhead(self) -> float:
        """Measured cost: our seconds over the run's other seconds; nan before the first step."""
        bare = self.total_s - self.spent_s
        return self.spent_s / bare if bare > 0 else math.nan

    def interval(self) -> tuple[float, float]:
        """95 % interval of the cost: from our own clock alone to what the observed steps took longer,
        or to our clock with the hidden part, where that is more.

        nan where too few steps stood alone between two that were not observed.
        """
        bare = self.total_s - self.spent_s
        n = len(self._longer)
        if bare <= 0 or n < RECENT or not self._own:
            return math.nan, math.nan
        ordered = sorted(self._longer)
        reach = math.ceil(0.98 * math.sqrt(n))  # order statistics about the median, 95 %
        low, high = ordered[max(n // 2 - reach, 0)], ordered[min(n // 2 + reach, n - 1)]
        own = statistics.median(self._own)
        rest = self.spent_s - HIDDEN * own * self.observations
        prices = max(own, low), max(HIDDEN * own, high)
        ends = (max(rest, 0.0) + self.observations * price for price in prices)
        first, last = (end / (self.total_s - end) for end in ends)
        return first, last
