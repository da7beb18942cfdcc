"""What each factor of a line is held against: what theory says, or how the run itself began."""

from __future__ import annotations

import numpy as np

from clinometer.diagnosis.scale import log10, median
from clinometer.records.recording import Float64, Recording

OWN_HISTORY = frozenset({"batch_agreement", "optimizer", "weight_size"})
BEGINNING = 4  # the run's own history is its first quarter


def at_the_beginning(values: Float64) -> float:
    """Median over the first quarter of the observations that have a signal; nan where none has.

    A signal that is 0 in the beginning, as the first step of a warm-up is, is no reference for what
    comes later.
    """
    first = values[: -(-len(values) // BEGINNING)]
    return median(first[np.isfinite(first)])


def uniform_loss_end(recording: Recording, elements: Float64, examples: Float64) -> float:
    """`loss_end` of a network that predicts all classes alike [decades]; nan where that is not known.

    Parameters
    ----------
    elements, examples : of the logits in each observation, as decades

    Notes
    -----
    Of one target, |p - onehot(y)| = sqrt(1 - 1/K) with p = 1/K, and 1/2 for a single logit. A mean over
    N targets makes the norm of the whole gradient sqrt((1 - 1/K) / N); the rms over the E logits of B
    examples times sqrt(B), which is `loss_end`, follows. A loss that is the sum over the targets has
    N times as much. Known where one term is the whole loss: it is compared with what was propagated.
    """
    sites = recording.of_kind("loss")
    squared = _squared_error_of_chance(recording)
    if len(sites) != 1 or squared is None:
        return float("nan")
    targets = recording.column("loss", "examples")[:, 0]
    scale = _reduction(recording, targets)
    norm = (np.log10(squared) - log10(targets)) / 2 + scale
    return median(norm + (examples - elements) / 2)


def _squared_error_of_chance(recording: Recording) -> float | None:
    """|p - y|^2 of the uniform prediction, from the only term of the loss."""
    for name, facts in recording.labels.items():
        if name.startswith("binary_cross_entropy"):
            return 0.25
        classes = facts.get("classes")
        if name.startswith("cross_entropy") and isinstance(classes, int) and classes > 1:
            return 1.0 - 1.0 / classes
    return None


def _reduction(recording: Recording, targets: Float64) -> float:
    """Decades that the loss is larger than the term's mean: 0 for a mean, log10(N) for a sum, else nan."""
    value = recording.column("loss", "value")[:, 0]
    where = np.searchsorted(recording.step, recording.observed)
    inside = where < len(recording.step)
    loss = np.full(len(value), np.nan)
    loss[inside] = recording.loss[where[inside]]
    with np.errstate(divide="ignore", invalid="ignore"):
        times = median(loss / value)
    count = median(targets)
    for known, decades in ((1.0, 0.0), (count, float(np.log10(count)) if count > 0 else 0.0)):
        if abs(times - known) <= 0.1 * known:
            return decades
    return float("nan")
