"""Bad initialisation: weights that start on a scale that no usual scheme gives.

Sees      Weights that, at the first observation, are less than a quarter of the smallest or more than four
          times the largest usual initialisation (PyTorch's default, LeCun, Glorot, He), where they dim or
          swell the gradient by two decades on its way, or make a fresh network sure of itself.
Matters   Each layer multiplies the signal by its gain; the product over the depth vanishes or explodes.
Not this  Layers that start at exactly 0 by design; units that saturate (saturated-activation names those);
          normalised networks, where the scale of a weight does not reach the gradient; a run that has
          learned the half (then a note).
Limits    scale: a factor 4 beyond every usual scheme: far outside, not a matter of taste. gain: 2 decades,
          1 %. logits: 10; a fresh network whose logits are 10 says 0.99995 without having seen anything.
Source    Glorot & Bengio (2010), AISTATS, PMLR 9:249-256; He et al. (2015), ICCV.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from clinometer.diagnosis.ledger import GAINS, Line
from clinometer.diagnosis.rule import Evidence, NotJudged, Rule, Sign
from clinometer.diagnosis.updates import Update
from clinometer.records.recording import Recording
from clinometer.theory.initial import usual_scales

RULE = Rule(
    code="FLOW206",
    name="bad-init",
    reads=("recording", "lines", "updates", "saturated_at_start", "suspect"),
    limits={"scale": 4.0, "gain": 2.0, "logits": 10.0},
    remedies=("scale-init", "fitted-init", "add-normalisation"),
    blame=13,
    explains=(
        "FLOW201", "FLOW202", "FLOW102", "FLOW303", "FLOW501", "FLOW502", "FLOW503", "FLOW302",
        "FLOW101",
    ),
)  # fmt: skip
EARLY = 2  # steps: a later first observation does not show the initialisation


@RULE.check
def check(
    recording: Recording,
    lines: list[Line],
    updates: list[Update],
    saturated_at_start: list[str],
    suspect: str,
    limits: Mapping[str, float],
) -> Iterator[Sign]:
    """Yield one sign for each layer that starts so, where it matters."""
    if not len(recording.observed) or recording.observed[0] > EARLY:
        raise NotJudged("the start of the run was not observed")
    if saturated_at_start:
        return
    effect = _effect(recording, lines, limits)
    if effect is None:
        return
    quantity, value, limit = effect
    by_tensor = {line.parameter: line for line in lines}
    for update in updates:
        line = by_tensor.get(update.name)
        if line is None or not update.is_matrix or not update.first > 0:
            continue
        low, high = _usual(update.shape)
        if low / limits["scale"] <= update.first <= high * limits["scale"]:
            continue
        against = low if update.first < low else high
        yield Sign(
            layer=update.layer,
            cause="weight gain",
            size=abs(float(np.log10(update.first / against))),
            evidence=(
                Evidence("weights at the start, RMS", update.first, against, "-", 1),
                Evidence(quantity, value, limit, "decades" if "gain" in quantity else "-", 1),
            ),
            explanation=(
                f"The weights of {line.spoken} start at {update.first:.2g} (RMS); usual schemes give "
                f"{low:.2g} to {high:.2g}. {_said(quantity, value)}"
            ),
            severity=suspect,
        )


def _effect(
    recording: Recording, lines: list[Line], limits: Mapping[str, float]
) -> tuple[str, float, float] | None:
    """(what, value, limit) of the harm at the first observation, if there is any."""
    arriving = np.array([line.arriving[0] for line in lines])
    known = ~np.isnan(arriving)
    if known.any():
        worst = int(np.argmax(np.where(known, np.abs(arriving), -1)))
        gains = {
            gain: float(lines[worst].factors[gain][0])
            for gain in GAINS
            if gain in lines[worst].factors
        }
        cause = max(gains, key=lambda gain: np.nan_to_num(abs(gains[gain]), nan=-1))
        if abs(arriving[worst]) >= limits["gain"] and cause == "weight":
            return "gain down to it", float(arriving[worst]), -limits["gain"]
    calls = recording.of_kind("call")
    outs = recording.column("call", "out_rms")[0] if calls else np.zeros(0)
    loud = [
        outs[i]
        for i, call in enumerate(calls)
        if call.facts.get("output") and call.facts.get("role") == "weight"
    ]
    if loud and max(loud) >= limits["logits"]:
        return "logits of the fresh network, RMS", float(max(loud)), limits["logits"]
    return None


def _said(quantity: str, value: float) -> str:
    if "gain" in quantity:
        return f"At the start the gradient changes by {value:+.1f} decades between the logits and there."
    return f"The fresh network's logits are {value:.3g}: it is sure before it has learned anything."


def _usual(shape: tuple[int, ...]) -> tuple[float, float]:
    """Smallest and largest usual RMS; a home-made layer may keep its weight as (in, out)."""
    scales = [*usual_scales(shape).values()]
    if len(shape) == 2:
        scales += usual_scales(shape[::-1]).values()
    return min(scales), max(scales)
