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
    loss_interval: Interval | None = None,
) -> Phase:
    """What changed since the epoch that the present one is held against.

    Parameters
    ----------
    loss, refinement, scale : value now less value then, on the same held-out rows [nat];
        loss = refinement + scale
    refinement_interval, loss_interval : paired intervals of these changes [nat]; None where the rows were
        not kept, and then the signs of the changes decide

    Notes
    -----
    The held-out loss must rise (by more than its interval, where there is one) before anything is called
    overconfident or lost: the lowest of many epochs is always a little below the last.

        refinement fell                          still separating
        refinement rose, and the loss with it    lost separation
        refinement rose, the loss did not        past refinement: stop here
        neither for sure, loss and scale rose    overconfident, not overfitted

    Without an interval a rise of refinement may be noise, so it is never called lost: it says to stop. A
    loss that rises while refinement does not is scale, whatever the noise.

    >>> phase(0.08, -0.004, 0.084, (-0.01, 0.002))
    'overconfident, not overfitted'
    >>> phase(0.12, 0.08, 0.04, (0.05, 0.11))
    'lost separation'
    """
    rises = loss > 0.0 if loss_interval is None else loss_interval[0] > 0.0
    if refinement_interval is None:
        return _by_sign(rises, refinement, scale)
    low, high = refinement_interval
    if high < 0.0:
        return "still separating"
    if low > 0.0:
        return "lost separation" if rises else "past refinement: stop here"
    return "overconfident, not overfitted" if rises and scale > 0.0 else "undecided"


def _by_sign(rises: bool, refinement: float, scale: float) -> Phase:
    if refinement > 0.0:
        return "past refinement: stop here"
    if rises and scale > 0.0:
        return "overconfident, not overfitted"
    return "still separating" if refinement < 0.0 else "undecided"
