"""How far stated confidence and observed record lie apart: binned calibration errors.

Secondary figures: an error found through a map is a lower bound of the true one, and right answers at a
huge scale are perfectly calibrated on the rows at hand, so none of these can see unearned confidence.
Confidence exactly 1 lies in the last bin. Sources: Guo et al. (2017), PMLR 70, for the binned error; Nixon
et al. (2019), CVPR workshops, for equal mass; Kull et al. (2019), NeurIPS, for classwise.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import ClinometerError, ShapeError
from clinometer.stats.gaps import Array

Labels = NDArray[np.int64]
Bool = NDArray[np.bool_]
By = Literal["width", "mass"]
BINS = 15  # Guo et al. (2017), and what most papers since report
CHUNK = 65_536  # elements of a block of logits that, with its exponentials, stays in a core's cache


def ece(
    confidence: Array,
    right: NDArray[Any],
    bins: int = BINS,
    by: By = "width",
    weights: Array | None = None,
) -> float:
    """Expected calibration error: mean over the rows of ``|mean confidence - accuracy|`` of their bin [-].

    Parameters
    ----------
    confidence : stated probability, shape (n,), in 0 .. 1
    right : whether the row came true, shape (n,), 0 or 1 (or a frequency)
    bins : how many; by : equal "width", or equal "mass" (weight) of the rows, ties never divided
    weights : relative importance of each row, shape (n,), >= 0; None: all alike

    Returns
    -------
    Exact to rounding, biased upwards by about sqrt(bins / n) where the model is calibrated.

    Notes
    -----
    Bins are closed on the right, as in Guo et al. (2017) and scikit-learn; the first one includes 0. Tools
    that close them on the left (netcal, torchmetrics) differ only for confidence exactly on an edge.

    >>> ece(np.array([0.9, 0.8, 1.0]), np.array([True, False, True]), bins=2)
    0.2333333333
    """
    weight = checked(confidence, right, weights)
    if by == "width":
        place = width_bins(confidence, bins)
    else:
        place = edge_bins(confidence, mass_edges(confidence, bins, weights))
    apart = np.subtract(confidence, right)
    total = float(len(apart))
    if weight is not None:
        apart, total = apart * weight, float(weight.sum())
    return float(np.abs(np.bincount(place, apart, minlength=bins)).sum() / total)


def ece_from_logits(
    logits: NDArray[Any],
    labels: Labels,
    bins: int = BINS,
    by: By = "width",
    weights: Array | None = None,
) -> float:
    """`ece` of the top class of logits (n, K); float32 is taken as it is, sums are float64.

    >>> ece_from_logits(np.array([[0.0, 2.0], [0.0, -2.0]]), np.array([1, 0]))
    0.119202922
    """
    confidence, right = top_confidence(logits, labels)
    return ece(confidence, right, bins, by, weights)


def classwise_ece(
    probabilities: Array,
    labels: Labels,
    bins: int = BINS,
    by: By = "width",
    weights: Array | None = None,
) -> float:
    """Mean over the classes of the `ece` of each class's probability (n, K) against "is it this class" [-].

    >>> classwise_ece(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1]))
    0.15
    """
    each = [
        ece(np.ascontiguousarray(column), labels == k, bins, by, weights)
        for k, column in enumerate(probabilities.T)
    ]
    return float(np.mean(each))


def top_confidence(logits: NDArray[Any], labels: Labels) -> tuple[Array, Bool]:
    """Probability of the most probable class of logits (n, K), and whether it is the label; shapes (n,).

    The first of tied classes is the decision, as in argmax. Computed in blocks with the classes in front,
    where the sums over classes run along whole vectors; relative error of the confidence a few units in the
    last place of the logits' own dtype.

    >>> top_confidence(np.array([[0.0, 0.0]]), np.array([1]))
    (array([0.5]), array([False]))
    """
    n, classes = logits.shape
    if labels.shape != (n,):
        raise ShapeError(f"{n} rows of logits and labels of shape {labels.shape}: give one per row")
    confidence, right = np.empty(n), np.empty(n, dtype=bool)
    rows = max(1, CHUNK // classes)
    dtype = logits.dtype if logits.dtype in {np.float32, np.float64} else np.float64
    for start in range(0, n, rows):
        part = slice(start, min(start + rows, n))
        block = np.array(logits[part].T, dtype, order="C")  # a copy: it is written to
        label = labels[part]
        top = block.max(axis=0)
        own = block[label, np.arange(len(label))]
        block -= top
        np.exp(block, out=block)
        total = block.sum(axis=0)
        np.divide(1.0, total, out=confidence[part])
        here = own == top
        # Only where the classes sum to twice the top one can another tie with it.
        tied = np.flatnonzero(here & (total >= 2.0))
        if len(tied):
            here[tied] = logits[start + tied].argmax(axis=1) == label[tied]
        right[part] = here
    return confidence, right


def width_bins(confidence: Array, bins: int) -> NDArray[np.intp]:
    """Number of the bin of equal width, closed on the right, that holds each confidence; shape (n,)."""
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = (confidence * bins).astype(np.intp)
    np.minimum(place, bins - 1, out=place)
    # The product is rounded: the edges themselves decide, so that no bin depends on it.
    place -= confidence <= edges[place]
    np.maximum(place, 0, out=place)
    place += confidence > edges[place + 1]
    return place


def mass_edges(confidence: Array, bins: int, weights: Array | None = None) -> Array:
    """Edges 0, …, 1 of bins of equal mass: the smallest confidence at which j / bins of it is reached.

    Edges coincide where ties span a whole bin; that bin is empty.

    >>> mass_edges(np.array([0.2, 0.4, 0.6, 0.8]), 2)
    array([0. , 0.4, 1. ])
    """
    order = np.argsort(confidence)
    mass = np.arange(1.0, len(order) + 1) if weights is None else np.cumsum(weights[order])
    shares = np.arange(1, bins) / bins
    # mass / total rounds: a share reached to rounding is reached.
    slack = mass[-1] * len(order) * np.finfo(np.float64).eps
    inner = confidence[order[np.searchsorted(mass, shares * mass[-1] - slack)]]
    return np.concatenate([[0.0], inner, [1.0]])


def edge_bins(confidence: Array, edges: Array) -> NDArray[np.intp]:
    """Number of the bin between edges, closed on the right, that holds each confidence; shape (n,)."""
    return np.searchsorted(edges[1:-1], confidence, side="left")


def checked(confidence: Array, right: NDArray[Any], weights: Array | None) -> Array | None:
    """The weights, after shapes, the range of the confidence and the sum of the weights are checked."""
    n = len(confidence)
    if n == 0 or confidence.ndim != 1 or right.shape != (n,):
        raise ShapeError(
            f"confidence of shape {confidence.shape} and right of shape {right.shape}: give one of each per "
            "row, and one row at least"
        )
    if not (confidence.min() >= 0.0 and confidence.max() <= 1.0):
        raise ClinometerError(
            f"confidence from {confidence.min()} to {confidence.max()}: expected probabilities, 0 to 1. "
            "For logits use ece_from_logits."
        )
    if weights is not None and (
        weights.shape != (n,) or not weights.min() >= 0.0 or not weights.any()
    ):
        raise ShapeError(
            f"weights of shape {weights.shape}: give one per row, none below 0, and not all of them 0"
        )
    return weights
