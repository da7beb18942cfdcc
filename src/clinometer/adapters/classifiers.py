"""One call for every classifier: `clinometer.confidence` and `clinometer.compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clinometer.adapters.given import Rows
from clinometer.adapters.taking import needs_features, taken
from clinometer.calibration.comparison import Comparison

if TYPE_CHECKING:
    from clinometer.calibration.confidence import Confidence
    from clinometer.calibration.two_splits import Splits


def confidence(
    model: Any = None,
    X: Any = None,
    y: Any = None,
    *,
    labels: Any = None,
    probabilities: Any = None,
    groups: Any = None,
    weights: Any = None,
    classes: Any = None,
    alpha: float = 0.05,
    margin: float = 0.01,
    cv: int | None = None,
    seed: int = 0,
    progress: bool | None = None,
) -> Confidence | Splits:
    """Judge whether a classifier's confidence is earned, on rows that it was not fitted on.

    Parameters
    ----------
    model : what is judged, as one of
        logits (n, K), or (n,) for one logit (log-odds of class 1), then `confidence(logits, labels)`;
        a fitted estimator with `predict_proba`, then `confidence(estimator, X, y)`;
        a torch module, then `confidence(module, loader)` or `confidence(module, X, y)`;
        a predictions file, a frame with its columns, or `Predictions`, which carry their labels
    X : features for an estimator, a loader or inputs for a module; for logits the labels
    y, labels : true labels (n,): numbers of the columns, or names of the classes
    probabilities : probabilities (n, K), or (n,) of class 1, in place of `model`; or True where `model`
        itself is such an array
    groups : what rows share (a well, a patient), (n,), or the name of a column of the file or of X
    weights : relative importances of the rows (n,), or the name of a column; they do not enter a refit
    classes : names of the columns, where labels are names and the columns have none
    alpha : one minus the certainty of intervals and guarantee [-]
    margin : practical equivalence, as a share of the loss that stays [-]
    cv : number of folds: the estimator is cloned and refitted by random rows and by whole groups, and
        both sets of out-of-fold predictions are judged; `seed` chooses the random rows
    progress : show a bar for a loader; None shows it on a terminal

    Returns
    -------
    Confidence, with `verdict`, `because` and `to_dict()`; with `cv` Splits, which holds two of them.

    Raises
    ------
    PredictionsError, ShapeError : with what was found, what was expected and what to do.

    >>> confidence([2.0, -2.0], [1, 0]).verdict
    'unproven'
    """
    rows = Rows(X, y, labels, groups, weights, classes, progress)
    if cv is not None:
        from clinometer.adapters.splits import refitted

        return refitted(model, rows, folds=cv, seed=seed, alpha=alpha, margin=margin)
    from clinometer.calibration.judgement import judge

    return judge(taken(model, rows, probabilities), alpha=alpha, margin=margin)


def compare(
    a: Any,
    b: Any,
    X: Any = None,
    y: Any = None,
    *,
    labels: Any = None,
    probabilities: bool = False,
    groups: Any = None,
    weights: Any = None,
    classes: Any = None,
    alpha: float = 0.05,
    margin: float = 0.01,
    tolerance: float | None = None,
    progress: bool | None = None,
) -> Comparison:
    """Split the difference of two losses into separation and scale, and judge it.

    Parameters
    ----------
    a, b : two models on the same rows, each in any of the ways that `confidence` takes
    X : features or a loader for both; where both are arrays, the labels
    y, labels : true labels (n,); files and `Predictions` carry their own
    probabilities : whether arrays and frames given as a and b are probabilities
    groups, weights, classes : as for `confidence`
    alpha : one minus the certainty of intervals and guarantee [-]
    margin : share of the better model's refinement within which separations count as equal [-]
    tolerance : residual below which B = c A [-]; default 1e-12, 1e-6 for float32 numbers

    Raises
    ------
    PredictionsError, ShapeError : with what was found, what was expected and what to do.

    >>> compare([2.0, -2.0], [20.0, -20.0], labels=[1, 0]).verdict
    'same separator'
    """
    from clinometer.calibration.compare import compare as compared

    if X is not None and y is None and labels is None and not any(map(needs_features, (a, b))):
        X, labels = None, X
    rows = Rows(X, y, labels, groups, weights, classes, progress)
    given = True if probabilities else None
    pair = (taken(a, rows, given, source="A"), taken(b, rows, given, source="B"))
    return compared(*pair, alpha=alpha, margin=margin, tolerance=tolerance)
