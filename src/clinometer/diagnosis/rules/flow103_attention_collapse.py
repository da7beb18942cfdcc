"""Attention collapse: every query looks at one key only, from which it cannot look away.

Sees      Attention whose queries attend, on average, to less than two keys, at the first observation and
          late in the run alike, in a run that does not learn.
Matters   The softmax is flat there: its slope p (1 - p) vanishes, and no gradient tells the queries and
          keys to look elsewhere.
Not this  Attention that became sharp while the network learned (hard attention is a solution).
Limits    keys: exp(entropy) < 2 of at least 4 keys.
Source    Zhai et al. (2023), ICML, PMLR 202 (entropy collapse).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from clinometer.diagnosis.quantities import Bool
from clinometer.diagnosis.rule import Evidence, NotJudged, Rule, Sign
from clinometer.records.recording import Recording

RULE = Rule(
    code="FLOW103",
    name="attention-collapse",
    reads=("recording", "late", "symptom"),
    limits={"attended": 2.0, "keys": 4},
    remedies=("scale-attention", "scale-init", "qk-normalisation", "lower-rate"),
    blame=24,
    explains=("FLOW201", "FLOW502", "FLOW101", "FLOW302"),
)


@RULE.check
def check(
    recording: Recording, late: Bool, symptom: str, limits: Mapping[str, float]
) -> Iterator[Sign]:
    """Yield one sign for each attention that looks at one key."""
    sites = recording.of_kind("attention")
    if not sites:
        raise NotJudged("no attention was observed")
    entropy = recording.column("attention", "entropy")
    keys = recording.column("attention", "keys")
    largest = recording.column("attention", "largest_logit")
    for i, site in enumerate(sites):
        last = entropy[late, i]
        last = last[~np.isnan(last)]
        seen = entropy[~np.isnan(entropy[:, i]), i]
        known = keys[~np.isnan(keys[:, i]), i]
        if not len(last) or not len(known) or float(known[-1]) < limits["keys"]:
            continue
        attended, began = float(np.exp(last.mean())), float(np.exp(seen[0]))
        if attended >= limits["attended"]:
            continue
        logits = largest[late, i]
        yield Sign(
            layer=site.name,
            cause="attention",
            size=float(np.log(known[-1]) - last.mean()),
            evidence=(
                Evidence("keys attended to", attended, limits["attended"],
                         f"of {known[-1]:.0f}", len(last)),
                Evidence("at the start", began, limits["attended"], f"of {known[-1]:.0f}", 1),
                Evidence("largest logit", float(np.nanmax(logits)) if np.isfinite(logits).any()
                         else float("nan"), None, "-", len(last)),
            ),
            explanation=(
                f"The queries of {site.name} attend to {attended:.2g} of {known[-1]:.0f} keys "
                f"({began:.2g} at the start): its softmax is flat, and no gradient tells them to look "
                "elsewhere."
            ),
            severity=symptom,
        )  # fmt: skip
