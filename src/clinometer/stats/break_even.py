"""The error rate at which the steeper of two models that decide alike stops being the better one."""

from __future__ import annotations


def break_even_error_rate(
    loss_if_right: tuple[float, float], margin: tuple[float, float]
) -> float | None:
    """True error rate below which the model with the larger margin has the lower expected loss [-].

    Parameters
    ----------
    loss_if_right : mean loss of A and B where every decision is right [nat]
    margin : mean absolute log-odds of A and B, which one error costs on top [nat]

    Returns
    -------
    (loss_A - loss_B) / (margin_B - margin_A), as a wrong two-class decision with margin m costs
    exactly m more than a right one; None where neither model is steeper, or the rate is not in 0 .. 1.

    >>> break_even_error_rate((0.1269280110429725, 2.0611536203143807e-9), (2.0, 20.0))
    0.00705155605454
    """
    steeper = margin[1] - margin[0]
    if steeper == 0.0:
        return None
    rate = (loss_if_right[0] - loss_if_right[1]) / steeper
    return rate if 0.0 <= rate <= 1.0 else None
