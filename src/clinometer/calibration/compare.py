"""Two classifiers on the same rows: is the lower loss better separation, or a larger scale?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from clinometer.calibration.comparison import Comparison
from clinometer.calibration.earned import break_even, claim
from clinometer.calibration.files import read_predictions
from clinometer.calibration.linear import proportion
from clinometer.calibration.notes import notes
from clinometer.calibration.predictions import Predictions, predictions
from clinometer.calibration.same_rows import same_rows
from clinometer.calibration.split import split_loss
from clinometer.calibration.verdict import judge
from clinometer.calibration.words import because
from clinometer.errors import PredictionsError, ShapeError
from clinometer.stats.binomial import logit_budget
from clinometer.stats.gaps import Gaps
from clinometer.stats.temperature import fit_temperature
from clinometer.stats.weighting import effective_rows


def compare(
    a: Any,
    b: Any,
    labels: Any = None,
    *,
    alpha: float = 0.05,
    margin: float = 0.01,
    tolerance: float | None = None,
) -> Comparison:
    """Split the difference of two losses into separation and scale, and judge it.

    Parameters
    ----------
    a, b : logits of shape (n, K), or (n,) for one logit; or a predictions file; or `Predictions`
    labels : integers 0 .. K-1, shape (n,); needed for logits, as files carry their own
    alpha : one minus the certainty of intervals and guarantee [-]
    margin : share of the better model's refinement within which separations count as equal [-]
    tolerance : residual below which B = c A [-]; default 1e-12, 1e-6 for float32 numbers

    Weights and groups of the rows are the predictions' own: means are weighted, a row of weight 0 is
    left out, and with groups the intervals are of whole groups.

    Raises
    ------
    PredictionsError, ShapeError : with what was found, what was expected and what to do.

    >>> compare([2.0, -2.0], [20.0, -20.0], labels=[1, 0]).verdict
    'same separator'
    """
    a, b = _taken(a, labels, "A"), _taken(b, labels, "B")
    a, b, weights, groups = same_rows(a, _aligned(a, b))
    gaps = Gaps(a.logits, a.labels), Gaps(b.logits, b.labels)
    fits = fit_temperature(gaps[0], weights), fit_temperature(gaps[1], weights)
    claims = (
        claim(a.logits, a.labels, fits[0], alpha, weights),
        claim(b.logits, b.labels, fits[1], alpha, weights),
    )
    line = proportion(a, b, tolerance)
    split = split_loss(*gaps, *fits, alpha, weights=weights, groups=groups)
    refinement = min(fit.loss for fit in fits)
    verdict = judge(line, split, effective_rows(a.n, weights), refinement, margin)
    return Comparison(
        verdict=verdict.word,
        because=because(verdict, line, split, *claims),
        a=a,
        b=b,
        line=line,
        split=split,
        fits=fits,
        claims=claims,
        judgement=verdict,
        break_even_error_rate=break_even(a.logits, b.logits, weights),
        logit_budget=logit_budget(a.n),
        notes=notes(a, b, line, split, fits, claims),
    )


def _taken(model: Any, labels: Any, source: str) -> Predictions:
    """Predictions from whatever was given; labels given beside a file must be the file's own."""
    if isinstance(model, str | Path):
        model = read_predictions(model)
    if not isinstance(model, Predictions):
        if labels is None:
            raise PredictionsError(f"{source}: logits without labels: give labels=, shape (n,)")
        return predictions(labels, model, source=source)
    if labels is not None:
        _same_labels(
            model, predictions(labels, model.logits, classes=model.classes, source="labels=")
        )
    return model


def _aligned(a: Predictions, b: Predictions) -> Predictions:
    """B with A's order of classes, after checking that both judge the same rows."""
    if a.n != b.n:
        raise ShapeError(
            f"{a.source} has {a.n} rows and {b.source} has {b.n}: give the same rows in order"
        )
    if a.logits.shape[1] != b.logits.shape[1]:
        raise ShapeError(
            f"{a.source} has {a.logits.shape[1]} classes and {b.source} has {b.logits.shape[1]}: "
            "both models must choose among the same classes"
        )
    if a.classes and b.classes and a.classes != b.classes:
        b = _reordered(a, b)
    _same_labels(a, b)
    if a.linear and b.linear and not np.array_equal(a.linear.x, b.linear.x):
        raise PredictionsError(
            f"{a.source} and {b.source} have different data `x`: judge the same rows"
        )
    return b


def _same_labels(a: Predictions, b: Predictions) -> None:
    differ = a.labels != b.labels
    if differ.any():
        row = int(differ.argmax())
        raise PredictionsError(
            f"the labels of {a.source} and {b.source} differ in {int(differ.sum())} of {a.n} rows, first in "
            f"row {row} (counted from 0): {a.labels[row]} and {b.labels[row]}. Give the same rows in order."
        )


def _reordered(a: Predictions, b: Predictions) -> Predictions:
    assert a.classes is not None
    assert b.classes is not None
    if sorted(a.classes) != sorted(b.classes):
        raise PredictionsError(
            f"{a.source} has classes {', '.join(a.classes)} and {b.source} {', '.join(b.classes)}: "
            "name the same classes in both"
        )
    from dataclasses import replace

    order = [b.classes.index(name) for name in a.classes]
    place = np.argsort(order)
    linear = b.linear
    if linear is not None and len(linear.weight) > 1:
        linear = replace(linear, weight=linear.weight[order], bias=linear.bias[order])
    elif linear is not None:  # one logit, two classes exchanged
        linear = replace(linear, weight=-linear.weight, bias=-linear.bias)
    return replace(
        b, classes=a.classes, logits=b.logits[:, order], labels=place[b.labels], linear=linear
    )
