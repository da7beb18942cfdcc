"""A fit that did nothing, or stopped before it was done: told from what the estimator keeps.

scikit-learn warns once, while it fits, and the warning is often swallowed; n_iter_ and coef_ stay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

MANY = 100  # parts of one ensemble that are looked at; more of them say the same


def notes_on_fit(model: Any) -> tuple[str, ...]:
    """Sentences about a fitted estimator and the estimators inside it."""
    found = Counter(note for part in parts(model) for note in _notes(part))
    return tuple(note if count == 1 else f"{note} ({count} times)" for note, count in found.items())


def parts(model: Any) -> Iterator[Any]:
    """The estimator and the fitted estimators inside: steps, best of a search, members, folds."""
    yield model
    if hasattr(model, "n_trees_per_iteration_") or hasattr(model, "tree_"):
        return
    inner = [step for _, step in getattr(model, "steps", ())]
    inner += [getattr(model, name) for name in ("best_estimator_",) if hasattr(model, name)]
    inner += [fold.estimator for fold in getattr(model, "calibrated_classifiers_", ())]
    members = getattr(model, "estimators_", ())
    inner += [m for m in np.ravel(np.asarray(members, dtype=object))[:MANY] if hasattr(m, "fit")]
    for part in inner:
        yield from parts(part)


def _notes(model: Any) -> Iterator[str]:
    name = type(model).__name__
    if name == "DummyClassifier":
        yield f"DummyClassifier (strategy {model.strategy!r}) looks at no feature"
    weights = _weights(model)
    if weights and any(w.size and not w.any() for w in weights):
        zero = sum(w.size for w in weights if not w.any())
        yield f"{name}: all {zero:,} weights of a layer are exactly 0: the fit uses no feature"
    yield from _iterations(name, model)
    curve = getattr(model, "loss_curve_", None)
    if curve is not None and len(curve) > 1 and not curve[-1] < curve[0]:
        yield (
            f"{name}: the training loss went from {curve[0]:.4g} to {curve[-1]:.4g} in {len(curve)} "
            "epochs: the fit learned nothing"
        )


def _weights(model: Any) -> list[Any]:
    if hasattr(model, "coefs_"):
        return [np.asarray(w) for w in model.coefs_]
    coef = getattr(model, "coef_", None)  # a property that raises for SVC with a kernel
    return [] if coef is None or hasattr(coef, "toarray") else [np.asarray(coef)]


def _iterations(name: str, model: Any) -> Iterator[str]:
    """Zero iterations, or as many as allowed: boosting rounds are meant and not counted."""
    done, limit = getattr(model, "n_iter_", None), getattr(model, "max_iter", None)
    if done is None or hasattr(model, "n_trees_per_iteration_"):
        return
    most = int(np.max(done))
    if most == 0:
        yield f"{name}: the fit took 0 iterations: it is where it started"
    elif limit is not None and limit > 0 and most >= limit:
        yield (
            f"{name}: the fit stopped at its limit of {limit:,} iterations (max_iter) and had perhaps not "
            "converged; scikit-learn's ConvergenceWarning says so once, while fitting"
        )
