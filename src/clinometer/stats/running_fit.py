"""What running sums say: loss, its two parts and the best temperature, without any row kept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from clinometer.stats.gaps import Array
from clinometer.stats.hermite import hermite_minimum
from clinometer.stats.paired import Interval
from clinometer.stats.sums_layout import Layout

RunningStatus = Literal[
    "finite", "infinite", "zero", "inverted", "below", "above", "empty", "not finite"
]


@dataclass(frozen=True, slots=True)
class RunningFit:
    """loss = refinement + scale [nat], and the best temperature.

    Attributes
    ----------
    status : finite | infinite | zero | inverted, as for an exact fit; below | above: the best temperature
        lies outside the nodes, so no number is given; empty: no row; not finite: some rows are not
    temperature, beta : T and 1 / T; None unless finite
    interval : of T at 95 % (sandwich; upper end None: unbounded); None unless finite
    range : lowest and highest temperature between the nodes
    elsewhere : inverse temperature to look around next, where the best one lies outside; else None
    refinement, scale : None where the temperature lies outside the nodes, or rows are not finite
    optimism : what refinement is too low by, because T was fitted to these rows: J / (2 n H) [nat]
    loss_error : standard error of the loss [nat]
    accuracy, confidence : weighted share of right decisions and mean of their probabilities
    error, wrong : 1 - confidence and 1 - accuracy, not rounded away where those round to 1
    ece : expected calibration error over 15 bins of equal width [-]
    rows, effective : rows of weight above 0; rows of equal weight that vary as much (Kish 1965)
    not_finite : rows with a logit that is NaN, infinite or beyond 1e100; beyond : rows whose decision
        claims longer log-odds than the budget that was given
    """

    status: RunningStatus
    rows: int
    effective: float
    loss: float
    refinement: float | None
    scale: float | None
    temperature: float | None
    beta: float | None
    interval: tuple[float, float | None] | None
    range: Interval
    elsewhere: float | None
    optimism: float | None
    loss_error: float
    accuracy: float
    confidence: float
    error: float
    wrong: float
    ece: float
    not_finite: int
    beyond: int


def running_fit(sums: Array, beta: Array, alpha: float = 0.05, classes: int = 0) -> RunningFit:
    """Read a vector of sums at inverse temperatures beta (m,).

    T is within 7e-5 and the refinement within 1.4e-5 nat of the exact fit at 5 nodes, for T of 0.3 to 3.7
    (times 1 / centre); 1e-5 and 3e-7 at 9 nodes. Measured: 20,000 rows of 2 and 10 classes; at 100 classes
    2e-4 and 3e-5.
    """
    layout = Layout(len(beta), classes)
    one, n = partial(_one, sums, layout), _effective(sums, layout)
    if not one("weight"):
        return _without_rows(sums, layout, beta)
    status, refinement, best = _status(sums, layout, beta)
    broken = status == "not finite"
    weight = one("weight")
    loss = math.nan if broken else one("loss") / weight
    if refinement is not None:
        refinement = min(refinement, loss)  # interpolated: T = 1 is never worse than the best T
    interval, optimism = _interval(sums, layout, beta, best, n, alpha) if best else (None, None)
    return RunningFit(
        status=status,
        rows=int(one("rows")),
        effective=n,
        loss=loss,
        refinement=refinement,
        scale=None if refinement is None else loss - refinement,
        temperature=1.0 / best[0] if best else None,
        beta=best[0] if best else None,
        interval=interval,
        range=(1.0 / float(beta[-1]), 1.0 / float(beta[0])),
        elsewhere=_elsewhere(sums, layout, beta, status),
        optimism=optimism,
        loss_error=math.nan if broken else _error(sums, layout, "loss"),
        accuracy=(weight - one("wrong")) / weight,
        confidence=1.0 - one("error") / weight,
        error=one("error") / weight,
        wrong=one("wrong") / weight,
        ece=_ece(sums, layout),
        not_finite=int(one("not_finite")),
        beyond=int(one("beyond")),
    )


def _without_rows(sums: Array, layout: Layout, beta: Array) -> RunningFit:
    """Nothing to judge: no row, or none that is finite."""
    bad, nan = int(_one(sums, layout, "not_finite")), math.nan
    return RunningFit(
        status="not finite" if bad else "empty",
        rows=0,
        effective=0.0,
        loss=nan,
        refinement=None,
        scale=None,
        temperature=None,
        beta=None,
        interval=None,
        range=(1.0 / float(beta[-1]), 1.0 / float(beta[0])),
        elsewhere=None,
        optimism=None,
        loss_error=nan,
        accuracy=nan,
        confidence=nan,
        error=nan,
        wrong=nan,
        ece=nan,
        not_finite=bad,
        beyond=0,
    )


def _status(
    sums: Array, layout: Layout, beta: Array
) -> tuple[RunningStatus, float | None, tuple[float, float] | None]:
    """Status, loss at the best temperature, and (beta, mean curvature there) where it is finite."""
    one = partial(_one, sums, layout)
    weight = one("weight")
    if one("not_finite"):
        return "not finite", None, None
    if not one("above") and one("below"):
        return "zero", one("ties") / weight, None
    if one("start") >= 0.0:
        return _no_signal(sums, layout), one("uniform") / weight, None
    blocks = (sums[layout.block(name)] / weight for name in ("loss", "slope", "curvature"))
    loss, slope, curvature = blocks
    first = beta * slope  # d L / d ln beta
    best = hermite_minimum(np.log(beta), loss, first, first + beta**2 * curvature)
    if best is None:
        return ("above" if slope[0] > 0.0 else "below"), None, None
    at = math.exp(best.x)
    return "finite", best.value, (at, best.second / at**2)


def _elsewhere(sums: Array, layout: Layout, beta: Array, status: RunningStatus) -> float | None:
    """Below the nodes: half of where the slope's line from beta = 0 to the first node is 0 (regula falsi;
    the slope rises steeply first, so the minimum lies below). Beyond: where the new nodes begin at the last.
    """
    first, last = float(beta[0]), float(beta[-1])
    if status == "below":
        return last * math.sqrt(last / first)
    if status != "above":
        return None
    start, slope = _one(sums, layout, "start"), float(sums[layout.block("slope")][0])
    return first * (start / (start - slope)) / 2.0


def _no_signal(sums: Array, layout: Layout) -> RunningStatus:
    """Inverted where the slope at beta = 0 is above 0 by two standard errors, or every row is wrong."""
    one = partial(_one, sums, layout)
    if not one("below") and one("above"):
        return "inverted"
    mean = one("start") / one("weight")
    return "inverted" if mean > 2.0 * _error(sums, layout, "start") else "infinite"


def _one(sums: Array, layout: Layout, name: str) -> float:
    return float(sums[layout.single(name)])


def _effective(sums: Array, layout: Layout) -> float:
    square = _one(sums, layout, "weight_square")
    return _one(sums, layout, "weight") ** 2 / square if square else 0.0


def _error(sums: Array, layout: Layout, name: str) -> float:
    """Standard error of the weighted mean of one quantity; inf for a single row."""
    one, n = partial(_one, sums, layout), _effective(sums, layout)
    if n <= 1.0:
        return math.inf
    mean = one(name) / one("weight")
    about = one(f"{name}_square") - 2.0 * mean * one(f"{name}_cross")
    about += mean * mean * one("weight_square")
    return math.sqrt(max(about, 0.0) * n / (n - 1.0)) / one("weight")


def _interval(
    sums: Array, layout: Layout, beta: Array, best: tuple[float, float], n: float, alpha: float
) -> tuple[tuple[float, float | None] | None, float | None]:
    """Interval of T, and the optimism of the refinement; best is (beta, mean curvature there)."""
    at, curvature = best
    weight = _one(sums, layout, "weight")
    total = curvature * weight
    squares = _between(beta, sums[layout.block("slope_square")], at)
    if total <= 0.0 or n <= 1.0:
        return None, None
    from scipy.special import stdtrit

    half = float(stdtrit(n - 1.0, 1.0 - alpha / 2.0)) * math.sqrt(squares) / total
    upper = 1.0 / (at - half) if at > half else None
    return (1.0 / (at + half), upper), squares / (2.0 * weight * total)


def _between(beta: Array, values: Array, at: float) -> float:
    """A positive quantity between its nodes: a polynomial in logarithms through all that are above 0.

    Within 7 % at 5 nodes, 2 % at 9, near nothing at the centre (measured): half of that in an interval.
    """
    from scipy.interpolate import barycentric_interpolate

    known = values > 0.0
    if not known.all():
        return float(np.interp(at, beta, values))
    return math.exp(float(barycentric_interpolate(np.log(beta), np.log(values), math.log(at))))


def _ece(sums: Array, layout: Layout) -> float:
    gaps = sums[layout.bins("confidence")] - sums[layout.bins("right")]
    return float(np.abs(gaps).sum()) / _one(sums, layout, "weight")
