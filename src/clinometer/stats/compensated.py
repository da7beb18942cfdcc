"""Sums that do not depend on the order of their terms to more than rounding once.

Each sum is a pair (high, low): high + low carries what high alone has rounded away, so that eight shards
merged give what one pass gives. Source: Neumaier (1974), ZAMM 54:39-51; TwoSum of Knuth, TAOCP 2, 4.2.2.
"""

from __future__ import annotations

from clinometer.stats.gaps import Array


def added(high: Array, low: Array, term: Array) -> tuple[Array, Array]:
    """(high, low) plus term, all of shape (m,); the error of each addition is exact and kept in low.

    >>> import numpy as np
    >>> high, low = np.array([1e16]), np.array([0.0])
    >>> for _ in range(10):
    ...     high, low = added(high, low, np.array([1.0]))
    >>> float((high + low)[0]) - 1e16
    10.0
    """
    total = high + term
    part = total - high
    return total, low + ((high - (total - part)) + (term - part))


def joined(one: tuple[Array, Array], other: tuple[Array, Array]) -> tuple[Array, Array]:
    """Two pairs as one."""
    high, low = added(one[0], one[1], other[0])
    return high, low + other[1]
