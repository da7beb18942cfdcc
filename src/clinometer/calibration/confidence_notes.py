"""What a reader must know beside the verdict: what the numbers rest on, and what they cannot show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clinometer.calibration.confidence_words import sure
from clinometer.calibration.notes import STATUS, looks_like_probabilities
from clinometer.calibration.words import count

if TYPE_CHECKING:
    from clinometer.calibration.confidence import Confidence


def confidence_notes(result: Confidence) -> tuple[str, ...]:
    """Cautions, most consequential first; each without its full stop."""
    return (
        *_input(result),
        *result.predictions.notes,
        *_fit(result),
        *_claims(result),
        *result.ladder.notes,
    )


def _input(result: Confidence) -> list[str]:
    model, found = result.predictions, []
    if looks_like_probabilities(model):
        found.append(
            "the logits lie in 0 to 1 and sum to 1: they look like probabilities; if they are, "
            "call them `probabilities`"
        )
    if model.saturated:
        found.append(
            f"{count(model.saturated, 'probability').replace('ys', 'ies')} exactly 0 or 1: "
            "those logits are lost, and the scale is only a lower bound"
        )
    if len(np.unique(model.labels)) == 1:
        found.append(
            "only one class occurs among the labels: a model that always names it does as well, "
            "and nothing shows that the classes are told apart"
        )
    return found


def _fit(result: Confidence) -> list[str]:
    found = []
    if result.fit.status == "infinite":  # the ladder says it of the others
        found.append(f"the model {STATUS[result.fit.status]}")
    lever = result.leverage
    if lever is not None and lever.dominates:
        found.append(
            f"one row decides the temperature: without row {lever.row} (counted from 0) it is "
            f"{_inverse(lever.beta_without)}, with it {_inverse(result.fit.beta)}"
        )
    return found


def _inverse(beta: float) -> str:
    return f"{1.0 / beta:.4g}" if 0.0 < beta < np.inf else "not finite"


def _claims(result: Confidence) -> list[str]:
    found = []
    if result.verdict == "earned" and result.surest.word == "refuted":
        found.append(
            f"its surest tenth is not worth its claim: it says {sure(result.surest.claimed)} there and is "
            f"right on {sure(result.surest.counted)}"
        )
    if result.decision.basis == "each group":
        found.append(
            f"{count(len(result.groups), 'group')} say little about groups in general: this verdict is about "
            "these ones"
        )
    if len(result.groups) == 1:
        found.append("there is one group only: nothing is known of others")
    if result.verdict != "unearned" and result.whole.too_high:
        found.append("it claims less than it has earned: its confidence could be higher")
    return found
