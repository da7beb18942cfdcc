"""Normalisation misused: statistics of too few values, or a mode that was left behind.

Sees      Normalisations whose mean and variance are taken over one value (the output is constant) or two
          (the output is -1 or +1 whatever the input); batch normalisation and dropout that were in training
          mode at first and in evaluation mode for the rest of the run, while gradients flow.
Matters   Of one value nothing is left after its mean is taken off; of two only which one is larger.
          A network in evaluation mode trains against statistics that no longer follow it.
Not this  Batch normalisation frozen from the beginning (a note at most); small batches of images, whose
          pixels are values too; evaluation passes without gradients.
Limits    values: 2. mode: more than half of the run after the change.
Source    Ioffe & Szegedy (2015), ICML; Wu & He (2018), ECCV, on small batches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from clinometer.diagnosis.rule import Evidence, NotJudged, Rule, Sign
from clinometer.records.recording import Float64, Recording

RULE = Rule(
    code="FLOW405",
    name="normalisation-misused",
    reads=("recording", "fault"),
    limits={"values": 2, "evaluating": 0.5},
    remedies=("remove-normalisation", "larger-batch", "group-normalisation", "training-mode"),
    blame=8,
    explains=(
        "FLOW502", "FLOW201", "FLOW202", "FLOW302", "FLOW501", "FLOW303", "FLOW503", "FLOW102",
        "FLOW203",
    ),
)  # fmt: skip
MODED = ("BatchNorm", "Dropout", "AlphaDropout", "SyncBatchNorm", "FeatureAlphaDropout")


@RULE.check
def check(recording: Recording, fault: str, limits: Mapping[str, float]) -> Iterator[Sign]:
    """Yield a sign for each starved normalisation, and for each layer left in evaluation mode."""
    calls = recording.of_kind("call")
    moded = [i for i, call in enumerate(calls) if str(call.facts.get("class")).startswith(MODED)]
    pooling = [call for call in calls if call.facts.get("pooled") is not None]
    if not moded and not pooling:
        raise NotJudged("no normalisation and no dropout was observed")
    for call in pooling:
        if 0 < call.facts["pooled"] <= limits["values"]:
            yield _starved(call.name, str(call.facts["class"]), int(call.facts["pooled"]), fault)
    training = recording.column("call", "training")
    for i in moded:
        modes = _modes(training, i)
        late = _left_behind(modes, recording)
        if late > limits["evaluating"]:
            yield _evaluating(calls[i].name, late, modes, fault)


def _starved(layer: str, kind: str, values: int, fault: str) -> Sign:
    left = "a constant" if values == 1 else "only -1 and +1"
    return Sign(
        layer=layer,
        cause="normalisation gain",
        size=float("inf") if values == 1 else 1.0,
        evidence=(Evidence("values a statistic is taken of", float(values), 2.0, "values", 1),),
        explanation=(
            f"{kind} {layer} takes its mean and variance of {values} value{'s' * (values > 1)}: "
            f"{left} can come out of it, and hardly any gradient passes."
        ),
        severity=fault,
    )


def _modes(training: Float64, call: int) -> Float64:
    """Mode of a call in each observation; dropout that evaluates leaves no trace: the others tell."""
    evaluating = np.any(training == 0, axis=1) & ~np.any(training == 1, axis=1)
    own = training[:, call]
    return np.asarray(np.where(np.isnan(own) & evaluating, 0.0, own))


def _left_behind(modes: Float64, recording: Recording) -> float:
    """Share of the run's steps that evaluate after the last one in training mode, where one came before."""
    known = np.flatnonzero(~np.isnan(modes))
    if len(known) < 3 or not modes[known[0]]:
        return 0.0
    after = known[known > np.flatnonzero(modes == 1)[-1]]
    return 1.0 - float(recording.observed[after[0]]) / recording.steps if len(after) > 1 else 0.0


def _evaluating(
    layer: str,
    share: float,
    training: Float64,
    fault: str,
) -> Sign:
    return Sign(
        layer=layer,
        cause="left in evaluation mode",
        size=share,
        evidence=(
            Evidence("steps in evaluation mode", share, 0.5, "of the run",
                     int(np.isfinite(training).sum())),
        ),
        explanation=(
            f"Layer {layer} began in training mode and trains in evaluation mode for the last "
            f"{share:.0%} of the run: model.train() is missing after the evaluation."
        ),
        severity=fault,
    )  # fmt: skip
