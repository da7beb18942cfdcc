"""Case 3: is one classifier's confidence earned? Its claims, its loss and its temperature on these rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from clinometer.calibration.claims import (
    Record,
    Rows,
    errors,
    errors_by_group,
    refuted_classes,
    surest,
)
from clinometer.calibration.confidence import Confidence
from clinometer.calibration.confidence_notes import confidence_notes
from clinometer.calibration.confidence_verdict import decide
from clinometer.calibration.confidence_words import sentence
from clinometer.calibration.earned import claim, error_of
from clinometer.calibration.frequencies import claimed_frequencies
from clinometer.calibration.groups import judged_groups
from clinometer.calibration.ladder import ladder
from clinometer.calibration.predictions import Predictions
from clinometer.stats.binomial import logit_budget
from clinometer.stats.calibration_error import ece
from clinometer.stats.clusters import cluster_temperature
from clinometer.stats.gaps import Array, Gaps
from clinometer.stats.leverage import leverage
from clinometer.stats.temperature import TemperatureFit, fit_temperature
from clinometer.stats.weighting import effective_rows


def judge(predictions: Predictions, *, alpha: float = 0.05, margin: float = 0.01) -> Confidence:
    """Judge the claims of one model against its record on rows that it was not trained on.

    Parameters
    ----------
    alpha : one minus the certainty of intervals and guarantee [-]
    margin : practical equivalence: what a claim may cost, as a share of the loss that stays [-]

    Notes
    -----
    A row of weight 0 is left out. With `groups` each group is judged as well, and the verdict rests on
    whole groups, as rows of one group hang together.

    >>> from clinometer.calibration.predictions import predictions
    >>> judge(predictions([1, 0], [20.0, -20.0])).verdict
    'unproven'
    """
    model = _weighed(predictions)
    gaps = Gaps(model.logits, model.labels)
    decided = model.logits.argmax(axis=1)
    rows = Rows(
        error_of(Gaps(model.logits, decided), 1.0),
        (decided != model.labels).astype(np.float64),
        model.weights,
        None if model.groups is None else np.unique(model.groups, return_inverse=True)[1],
    )
    fit = fit_temperature(gaps, model.weights)
    whole = errors(rows, alpha, margin)
    between = errors_by_group(rows, alpha, margin)
    groups = judged_groups(model, rows, gaps, alpha, margin)
    classes = _classes(model, alpha, margin) if rows.codes is None else ()
    decision = decide(whole, between, groups, classes)
    budget = logit_budget(model.n)
    result = Confidence(
        verdict=decision.word,
        because="",
        predictions=model,
        decision=decision,
        whole=whole,
        between=between,
        surest=errors(surest(rows), alpha, margin),
        classes=classes,
        groups=groups,
        claim=claim(model.logits, model.labels, fit, alpha, model.weights),
        fit=fit,
        temperature_interval=_temperature_interval(fit, gaps, rows, alpha),
        ladder=ladder(model, fit, alpha=alpha),
        leverage=leverage(gaps, fit, model.weights, alpha),
        ece=ece(1.0 - rows.error, 1.0 - rows.wrong, weights=model.weights),
        logit_budget=budget,
        beyond_budget=_beyond(rows.error, budget),
        alpha=alpha,
        margin=margin,
    )
    return replace(result, because=sentence(result), notes=confidence_notes(result))


def _weighed(model: Predictions) -> Predictions:
    """Without the rows of weight 0."""
    if model.weights is None or model.weights.all():
        return model
    return model.take(np.flatnonzero(model.weights))


def _beyond(error: Array, budget: float) -> int:
    """Rows whose decision claims longer odds than this log-odds."""
    with np.errstate(divide="ignore"):
        return int((np.log1p(-error) - np.log(error) > budget).sum())


def _classes(model: Predictions, alpha: float, margin: float) -> tuple[tuple[int, Record], ...]:
    """Classes whose claimed frequency the rows refute."""
    shares = np.bincount(model.labels, model.weights, model.logits.shape[1])
    claimed = claimed_frequencies(model.logits, model.weights)
    n = effective_rows(model.n, model.weights)
    return refuted_classes(claimed, shares / shares.sum(), n, alpha=alpha, margin=margin)


def _temperature_interval(
    fit: TemperatureFit, gaps: Gaps, rows: Rows, alpha: float
) -> tuple[float, float | None] | None:
    """Of T; by whole groups where there are at least two."""
    if rows.codes is None:
        return fit.interval(alpha)
    found = cluster_temperature(gaps, rows.codes, fit, rows.weights, alpha)
    if found is None or found.beta is None:
        return None
    low, high = found.beta
    return 1.0 / high, (1.0 / low if low > 0.0 else None)
