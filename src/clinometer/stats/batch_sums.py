"""The running sums of one batch of rows, from its logits.

Rows go through in chunks that stay in the cache, classes first, so that each operation is one long
vector. exp is called once an octave of beta: exp(2 x) is the square of exp(x), to 16 roundings at most.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.stats.calibration_error import width_bins
from clinometer.stats.gaps import Array
from clinometer.stats.sums_layout import BINS, Layout, betas

CACHED = 2**14  # float64 numbers of one chunk array: 128 KiB, so that four stay in a 1 MiB cache
LARGEST = (
    1e100  # beyond it squares of squares overflow float64; no model's own arithmetic gets there
)


def batch_sums(
    logits: NDArray[Any],
    labels: NDArray[np.integer[Any]],
    weights: Array | None = None,
    *,
    nodes: int = 5,
    centre: float = 1.0,
    budget: float = np.inf,
    by_class: bool = False,
) -> Array:
    """Sums of `sums_layout` over rows: logits (n, K) of any float type, K >= 2, labels (n,), weights (n,).

    Everything is computed in float64. Rows of weight 0 do not exist; rows that are not finite, or whose
    label is no class, are counted and enter no other sum.
    """
    layout = Layout(nodes, logits.shape[1] if by_class else 0)
    total = np.zeros(layout.size)
    step = max(CACHED // logits.shape[1], 1)
    for start in range(0, len(labels), step):
        rows = slice(start, start + step)
        z = np.array(logits[rows].T, dtype=np.float64, order="C")
        w = None if weights is None else weights[rows]
        kept = _usable(z, labels[rows], w, total, layout)
        if not kept.all():
            z, y = np.ascontiguousarray(z[:, kept]), labels[rows][kept]
            w = None if w is None else w[kept]
        else:
            y = labels[rows]
        if len(y):
            _add_chunk(total, layout, z, y, w, betas(nodes, centre), budget)
    return total


def _usable(
    z: Array, y: NDArray[Any], w: Array | None, total: Array, layout: Layout
) -> NDArray[np.bool_]:
    """Which columns of z (K, n) can be judged; the others are counted in total."""
    there = np.ones(len(y), dtype=bool) if w is None else w > 0.0
    outside = there & ((y < 0) | (y >= len(z)))
    with np.errstate(invalid="ignore"):
        finite = (np.abs(z) <= LARGEST).all(axis=0)
    total[layout.single("outside")] += outside.sum()
    total[layout.single("not_finite")] += (there & ~outside & ~finite).sum()
    return np.asarray(there & ~outside & finite)


def _add_chunk(
    total: Array,
    layout: Layout,
    z: Array,
    y: NDArray[Any],
    w: Array | None,
    beta: Array,
    budget: float,
) -> None:
    """Add the sums of finite rows: z (K, n) is overwritten."""
    rows = np.arange(len(y))
    top = z.argmax(axis=0)
    peak, own = z[top, rows], z[y, rows]
    gap = peak - own  # >= 0; the label's own gap is 0
    start = z.mean(axis=0) - own  # E d under equal probabilities: the slope at beta = 0
    tied = (z == peak).sum(axis=0)
    below = z.min(axis=0) < own
    z -= peak  # now away from the top, <= 0
    right = (top == y).astype(np.float64)

    def put(name: str, values: Any, weight: Array | None = w) -> None:
        total[layout.single(name)] += values.sum() if weight is None else weight @ values

    square = None if w is None else w * w
    put("rows", np.ones_like(gap), None)
    put("weight", np.ones_like(gap))
    put("weight_square", np.ones_like(gap), square)
    put("wrong", 1.0 - right)
    put("above", gap > 0.0, None)
    put("below", below, None)
    put("ties", np.where(gap > 0.0, 0.0, np.log(tied)))
    put("start", start)
    put("start_square", start * start, square)
    put("start_cross", start, square)
    put("uniform", np.full_like(gap, np.log(len(z))))

    e = np.exp(z)
    e[top, rows] = 0.0
    rest = e.sum(axis=0)
    loss, error = gap + np.log1p(rest), rest / (1.0 + rest)
    put("beyond", rest < np.exp(-budget), None)  # log-odds of the decision are -ln(rest)
    if layout.classes:
        _add_classes(total, layout, e, rest, top, y, w)
    put("loss", loss)
    put("loss_cross", loss, square)
    put("loss_square", loss * loss, square)
    put("error", error)
    _add_bins(total, layout, error, right, w)
    _add_nodes(total, layout, z, top, rows, gap, w, square, beta)


def _add_classes(
    total: Array,
    layout: Layout,
    e: Array,
    rest: Array,
    top: NDArray[Any],
    y: NDArray[Any],
    w: Array | None,
) -> None:
    share = 1.0 / (1.0 + rest) if w is None else w / (1.0 + rest)
    claimed = e @ share + np.bincount(top, share, layout.classes)
    total[layout.by_class("claimed")] += claimed
    total[layout.by_class("counted")] += np.bincount(y, w, layout.classes)


def _add_bins(total: Array, layout: Layout, error: Array, right: Array, w: Array | None) -> None:
    confidence = 1.0 - error
    place = width_bins(confidence, BINS)
    weight = np.ones_like(error) if w is None else w
    for name, values in (("weight", weight), ("confidence", weight * confidence)):
        total[layout.bins(name)] += np.bincount(place, values, BINS)
    total[layout.bins("right")] += np.bincount(place, weight * right, BINS)


def _add_nodes(
    total: Array,
    layout: Layout,
    away: Array,
    top: NDArray[Any],
    rows: NDArray[Any],
    gap: Array,
    w: Array | None,
    square: Array | None,
    beta: Array,
) -> None:
    octave = (len(beta) - 1) // 4  # nodes in each octave
    powers = [np.exp(beta[j] * away) for j in range(octave)]
    for e in powers:
        e[top, rows] = 0.0
    away_square = away * away
    for j, b in enumerate(beta):
        e = powers[j % octave]
        if j >= octave:
            np.multiply(e, e, out=e)  # one octave up
        rest = e.sum(axis=0)
        scale = 1.0 / (1.0 + rest)
        first = np.einsum("kn,kn->n", e, away) * scale
        second = np.einsum("kn,kn->n", e, away_square) * scale
        slope = gap + first
        curvature = np.maximum(second - first * first, 0.0)
        loss = b * gap + np.log1p(rest)
        for name, values in (("loss", loss), ("slope", slope), ("curvature", curvature)):
            total[layout.block(name)][j] += values.sum() if w is None else w @ values
        total[layout.block("slope_square")][j] += (
            slope @ slope if square is None else square @ (slope * slope)
        )
