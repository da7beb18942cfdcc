"""One word for what a run has done since an earlier epoch: pure logic on changes that are already known."""

from __future__ import annotations

from typing import Literal

from clinometer.stats.paired import Interval

Phase = Literal[
    "still separating",
    "past refinement: stop here",
    "overconfident, not overfitted",
    "lost separation",
    "undecided",
]


def phase(
    loss: float,
    refinement: float,
    scale: float,
    refinement_interval: Interval | None = None,
    *,
    overconfident: bool | None = None,
) -> Phase:
    """What changed since the epoch that the present one is held against.

    Parameters
    ----------
    loss, refinement, scale : value now less value then, on the same held-out rows [nat];
        loss = refinement + scale
    refinement_interval : paired interval of that change [nat]; None where the rows were not kept, and then
        the signs of the changes decide
    overconfident : whether the best temperature is now above 1, interval and all; None: not known

    Notes
    -----
    The lowest of many epochs is always a little below the last, so a loss that rises proves nothing: it is
    called lost where refinement surely rose, and overconfident where the temperature is surely above 1.

        refinement rose, and the loss with it          lost separation
        refinement rose, the loss did not              past refinement: stop here
        refinement did not rise, loss and scale did    overconfident, not overfitted
        refinement fell, the loss did not rise         still separating

    Without an interval a rise of refinement may be noise, so it is never called lost: it says to stop. A
    loss that rises while refinement does not is scale, whatever the noise.

    >>> phase(0.08, -0.004, 0.084, (-0.01, 0.002))
    'overconfident, not overfitted'
    >>> phase(0.12, 0.08, 0.04, (0.05, 0.11))
    'lost separation'
    """
    grew = scale > 0.0 and overconfident is not False
    if refinement_interval is None:
        return _by_sign(loss > 0.0 and grew, refinement)
    low, high = refinement_interval
    if low > 0.0:
        return "lost separation" if loss > 0.0 else "past refinement: stop here"
    if loss > 0.0 and grew:
        return "overconfident, not overfitted"
    return "still separating" if high < 0.0 else "undecided"


def _by_sign(overconfident: bool, refinement: float) -> Phase:
    if refinement > 0.0:
        return "past refinement: stop here"
    if overconfident:
        return "overconfident, not overfitted"
    return "still separating" if refinement < 0.0 else "undecided"
