"""What k right of n guarantee, and how many right answers a claim would cost.

Sources: Clopper and Pearson (1934), Biometrika 26; Wilson (1927), JASA 22:209-212; Hanley and
Lippman-Hand (1983), JAMA 249.
"""

from __future__ import annotations

import math
from decimal import Context, Decimal

from clinometer.errors import ClinometerError


def guarantee(right: float, n: float, alpha: float = 0.05) -> float:
    """One-sided Clopper-Pearson lower limit of the success rate, certain to 1 - alpha [-].

    Conservative: holds with at least that certainty, for independent examples that the model was
    not chosen on. For right == n it is alpha ** (1 / n). Both may be effective counts of weighted rows.

    >>> guarantee(2, 2)
    0.2236067977
    """
    if not 0 <= right <= n or n < 1:
        raise ClinometerError(f"{right} right of {n}: expected 0 <= right <= n and n >= 1")
    if right == 0:
        return 0.0
    if right == n:
        return math.exp(math.log(alpha) / n)
    from scipy.special import betaincinv

    return float(betaincinv(right, n - right + 1, alpha))


def clopper_pearson(hits: float, n: float, alpha: float = 0.05) -> tuple[float, float]:
    """Two-sided Clopper-Pearson interval of a rate, at 1 - alpha at least [-].

    hits of n; both may be fractions, as effective counts of weighted rows are. Exact for whole ones,
    and conservative where the rows' own rates differ (Hoeffding 1956). Small rates keep their digits.

    >>> clopper_pearson(0, 2), clopper_pearson(5, 10)
    ((0.0, 0.84188612), (0.18708603, 0.81291397))
    """
    if not 0.0 <= hits <= n or n <= 0.0:
        raise ClinometerError(f"{hits} of {n}: expected 0 <= hits <= n and n > 0")
    from scipy.special import betaincinv

    low = 0.0 if hits == 0.0 else float(betaincinv(hits, n - hits + 1.0, alpha / 2.0))
    high = 1.0 if hits == n else float(betaincinv(hits + 1.0, n - hits, 1.0 - alpha / 2.0))
    return low, high


def wilson(right: int, n: int, alpha: float = 0.05) -> tuple[float, float]:
    """Two-sided Wilson score interval of a success rate, at 1 - alpha [-].

    The rates that a score test does not reject. Approximate: it covers the truth about as often as it
    says, for any n (`guarantee` covers it at least so often). Exactly 0 below none right, and exactly
    1 above all right. For independent examples.

    >>> wilson(0, 10)
    (0.0, 0.27753279)
    """
    if not 0 <= right <= n or n < 1:
        raise ClinometerError(f"{right} right of {n}: expected 0 <= right <= n and n >= 1")
    from scipy.special import ndtri

    z = float(ndtri(1.0 - alpha / 2))
    middle = (right + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(right * (n - right) / n + z * z / 4)
    low = 0.0 if right == 0 else middle - half
    return low, 1.0 if right == n else middle + half


def points_needed(claimed_error: float, alpha: float = 0.05) -> int | None:
    """Fresh and faultless examples that would support an error rate below claimed_error at 1 - alpha.

    The smallest whole n with (1 - claimed_error) ** n <= alpha, exact for any size; None for a
    claimed error of 0, which no number of examples supports.

    >>> points_needed(2.0611536181902036e-9), points_needed(0.0)
    (1453425036, None)
    """
    if not 0.0 <= claimed_error <= 1.0:
        raise ClinometerError(f"a claimed error of {claimed_error}: expected 0 to 1")
    if claimed_error == 0.0:
        return None
    if claimed_error == 1.0:
        return 1
    n = math.log(alpha) / math.log1p(-claimed_error)
    if n < 2.0**40 and abs(n - round(n)) > 1e-10 * max(n, 1.0):
        return math.ceil(n)  # far enough from a whole number for float64 to be sure
    return _points_needed_exactly(claimed_error, alpha)


def _points_needed_exactly(claimed_error: float, alpha: float) -> int:
    digits = 60 - 2 * min(0, math.floor(math.log10(claimed_error)))
    exact = Context(prec=digits)
    survives = exact.subtract(Decimal(1), Decimal(claimed_error))
    n = exact.divide(exact.ln(Decimal(alpha)), exact.ln(survives))
    return math.ceil(n)


def logit_budget(n: int) -> float:
    """Largest log-odds that n faultless observations support: ln(2 n + 1) [-].

    >>> logit_budget(2)
    1.6094379124341
    """
    return math.log(2 * n + 1)
