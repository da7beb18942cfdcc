"""What a reader must know beside the numbers: how exact they are, and what they cannot show."""

from __future__ import annotations

import numpy as np

from clinometer.calibration.earned import Claim
from clinometer.calibration.linear import Proportion
from clinometer.calibration.predictions import Predictions
from clinometer.calibration.split import Split
from clinometer.stats.temperature import TemperatureFit

STATUS = {
    "zero": "is right on every row: its best temperature is 0, so none is reported",
    "infinite": "carries no signal: its best temperature is infinite, so none is reported",
    "inverted": "is inverted (its logits point away from the labels): no temperature mends that",
}

MATCHED = (
    "both models are right on every row, so the loss is split at matched scale, not by temperature; "
    "the parts describe these rows only"
)


def notes(
    a: Predictions,
    b: Predictions,
    line: Proportion,
    split: Split,
    fits: tuple[TemperatureFit, TemperatureFit],
    claims: tuple[Claim, Claim],
) -> tuple[str, ...]:
    """Cautions, most consequential first."""
    found = []
    for name, model, fit in (("A", a, fits[0]), ("B", b, fits[1])):
        if looks_like_probabilities(model):
            found.append(
                f"{name}'s logits lie in 0 to 1 and sum to 1: they look like probabilities; "
                "if they are, call them `probabilities`"
            )
        if model.saturated:
            found.append(
                f"{model.saturated} of {name}'s probabilities are exactly 0 or 1: their logits are lost, "
                "and its scale is only a lower bound"
            )
        if fit.status != "finite":
            found.append(f"{name} {STATUS[fit.status]}")
    if line.labels_exchanged:
        found.append("B = c A with c < 0: one line, with the labels exchanged")
    if len(np.unique(a.labels)) == 1:
        found.append(
            "only one class occurs among the labels: nothing shows that the models separate"
        )
    if max(claim.guarantee for claim in claims) < 0.5:
        found.append("the guarantee is below one half: these rows prove nothing about new ones")
    return (*found, *_how_exact(a.n, line, split))


def _how_exact(n: int, line: Proportion, split: Split) -> list[str]:
    if split.method == "matched scale":
        return [MATCHED]
    if n < 100 and not line.same_separator:
        return [f"{n} rows: the intervals are approximate (below 100 rows; scale: below 200)"]
    if n < 200:
        return [f"{n} rows: the interval of the scale part is approximate (below 200 rows)"]
    return []


def looks_like_probabilities(model: Predictions) -> bool:
    """Whether logits given as such are all in 0 .. 1 and every row sums to 1."""
    z = model.logits
    inside = bool(((z >= 0.0) & (z <= 1.0)).all())
    return not model.one_logit and inside and bool(np.allclose(z.sum(axis=1), 1.0, atol=1e-4))
