"""What one model's predictions look like: mistakes on the way in, and what rows like these cannot show."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from clinometer.calibration.predictions import Predictions
from clinometer.stats.gaps import Array

TO_ONE = 1e-4  # rows of printed or float16 probabilities sum to 1 within this
FIRST = 1000  # rows that are looked at first; all are where these leave a question open
ENOUGH = 10  # rows: weak logits of fewer lie in 0 to 1 by accident
TOUCHES = 0.98  # of the bound: the inner softmax is then 0.96 to 0.98 sure of a row (K = 2 to 1000)
EXACT_LOG = 1e-5  # float32 log-probabilities: logsumexp is 0 within this


def mistaken(model: Predictions) -> tuple[str, ...]:
    """What numbers of unknown origin look like, if they are not the logits they were given as."""
    found = []
    if in_unit_interval(model) and model.n >= ENOUGH and not in_simplex(model.logits):
        found.append(
            "every logit lies in 0 to 1, as probabilities do: if they are, give them as probabilities"
        )
    twice = softmax_twice(model)
    return (*found, *([] if twice is None else [twice]))


def fitted_on(model: Predictions) -> tuple[str, ...]:
    """That every row is right, as rows are that a model was fitted on. Whether it was cannot be known."""
    if model.n < 2 or not (right(_first(model)).all() and right(model).all()):
        return ()
    told = (
        f"all {model.n:,} rows are right: if the model was fitted on them, they say nothing of new"
    )
    return (f"{told} rows; judge rows that it has not seen",)


def _first(model: Predictions) -> Predictions:
    """The first rows: they mostly settle what need not be asked of a million."""
    return replace(model, labels=model.labels[:FIRST], logits=model.logits[:FIRST])


def in_simplex(z: Array) -> bool:
    """Whether all entries of (n, K) lie in 0 .. 1 and every row sums to 1."""
    return bool(z.min() >= 0.0 and z.max() <= 1.0) and bool(
        np.abs(z.sum(axis=1) - 1.0).max() <= TO_ONE
    )


def in_unit_interval(model: Predictions) -> bool:
    """Whether all logits as they were given lie in 0 .. 1, and are not all alike."""
    z = model.logits[:, 1:] if model.one_logit else model.logits
    return bool(z.min() >= 0.0 and z.max() <= 1.0 and z.min() < z.max())


def right(model: Predictions) -> NDArray[np.bool_]:
    """Whether no class has more than the label's logit, shape (n,)."""
    label = model.logits[np.arange(model.n), model.labels]
    return np.asarray(model.logits.max(axis=1) <= label)


def top_confidence(model: Predictions) -> Array:
    """Probability (n,) of each row's most probable class."""
    away = model.logits - model.logits.max(axis=1, keepdims=True)
    return np.asarray(1.0 / np.exp(away).sum(axis=1))


def softmax_twice(model: Predictions) -> str | None:
    """A softmax of a softmax says at most e / (e + K - 1), as its inputs lie in 0 .. 1.

    A weak model stays below that, too. It is named where the surest row touches the bound, as it does
    where the inner softmax is sure, and where the model is right more often than any row claims.
    """
    k = model.logits.shape[1]
    bound = math.e / (math.e + k - 1)
    if model.n < ENOUGH or top_confidence(_first(model)).max() > bound * (1.0 + EXACT_LOG):
        return None
    surest = float(top_confidence(model).max())
    accuracy = float(np.average(right(model), weights=model.weights))
    touches = TOUCHES * bound <= surest <= bound * (1.0 + EXACT_LOG)
    if not touches or accuracy <= surest:
        return None
    return (
        f"no row claims more than {surest:.3g}, though {accuracy:.0%} are right; a softmax of a softmax "
        f"over {k} classes can claim {bound:.3g} at most: it looks as if softmax was applied twice"
    )


def are_log_probabilities(z: Array) -> bool:
    """Whether every row's logsumexp is 0: the numbers are logarithms of probabilities."""
    if z.ndim != 2 or z.shape[1] < 2 or z.max() > 0.0:
        return False
    return bool(np.abs(np.log(np.exp(z).sum(axis=1))).max() <= EXACT_LOG)
