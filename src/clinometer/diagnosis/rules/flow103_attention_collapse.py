"""Attention collapse: every query looks at one key only, from which it cannot look away.

Sees      Attention whose queries attend, on average, to less than two keys; a softmax inside the network that
          passes on less than 1 % of what a softmax over that many keys passes on; in a run that does
          not learn.
Matters   The softmax is flat there: its slope p (1 - p) vanishes, and no gradient tells the queries and
          keys to look elsewhere.
Not this  Attention that became sharp while the network learned (hard attention is a solution).
Limits    keys: exp(entropy) < 2 of at least 4 keys. gain: -2 decades, 1 %, below the 1/n of a uniform
          softmax over n keys.
Source    Zhai et al. (2023), ICML, PMLR 202 (entropy collapse).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from clinometer.diagnosis.ledger import decades, settled
from clinometer.diagnosis.quantities import Bool
from clinometer.diagnosis.rule import Evidence, NotJudged, Rule, Sign
from clinometer.records.recording import Recording

RULE = Rule(
    code="FLOW103",
    name="attention-collapse",
    reads=("recording", "late", "symptom", "suspect"),
    limits={"attended": 2.0, "keys": 4, "gain": -2.0},
    remedies=("scale-attention", "scale-init", "qk-normalisation", "lower-rate"),
    blame=24,
    explains=("FLOW201", "FLOW502", "FLOW101", "FLOW302"),
)
SOFTMAX = frozenset({"Softmax", "SoftmaxBackward0", "SafeSoftmaxBackward0"})


@RULE.check
def check(
    recording: Recording,
    late: Bool,
    symptom: str,
    suspect: str,
    limits: Mapping[str, float],
) -> Iterator[Sign]:
    """Yield one sign for each attention that looks at one key; graver where it never did otherwise."""
    grave = (symptom, suspect)
    soft = [*_softmaxes(recording)]
    if not recording.of_kind("attention") and not soft:
        raise NotJudged("no attention was observed")
    named = set()
    for sign in _sharp(recording, late, grave, limits):
        named.add(sign.layer)
        yield sign
    for place, call, size in soft:
        if call in named:
            continue
        gains = decades(
            recording.column("call", "grad_in_rms")[:, place],
            recording.column("call", "grad_out_rms")[:, place],
        )
        gain = settled(gains, late) + float(np.log10(size))
        first = gains[~np.isnan(gains)][:1] + np.log10(size)
        if gain <= limits["gain"]:
            severity = grave[bool(np.any(first <= limits["gain"]))]
            yield _flat(call, gain, size, int(late.sum()), severity, limits["gain"])


def _softmaxes(recording: Recording) -> Iterator[tuple[int, str, int]]:
    """(position, name, keys) of each softmax inside the network."""
    for i, call in enumerate(recording.of_kind("call")):
        named = {call.facts.get("class"), *call.facts.get("operations", [])}
        size = call.facts.get("size")
        if (
            named & SOFTMAX
            and size
            and size >= RULE.limits["keys"]
            and not call.facts.get("output")
        ):
            yield i, call.name, int(size)


def _flat(call: str, gain: float, size: int, n: int, severity: str, limit: float) -> Sign:
    passed = "exactly nothing" if np.isneginf(gain) else f"{10**gain:.1e}"
    return Sign(
        layer=call,
        cause="attention gain",
        size=-gain,
        evidence=(Evidence("gain against a uniform softmax", gain, limit, "decades", n),),
        explanation=(
            f"The softmax {call} over {size} keys is flat: {passed} of what a uniform one would pass on "
            "gets through it. Every query looks at one key, and no gradient tells it to look elsewhere."
        ),
        severity=severity,
    )


def _sharp(
    recording: Recording, late: Bool, grave: tuple[str, str], limits: Mapping[str, float]
) -> Iterator[Sign]:
    entropy, keys, largest = (
        recording.column("attention", name) for name in ("entropy", "keys", "largest_logit")
    )
    for i, site in enumerate(recording.of_kind("attention")):
        last, seen, known = (
            values[~np.isnan(values)] for values in (entropy[late, i], entropy[:, i], keys[:, i])
        )
        if not len(last) or not len(known) or float(known[-1]) < limits["keys"]:
            continue
        attended, began = float(np.exp(last.mean())), float(np.exp(seen[0]))
        if attended >= limits["attended"]:
            continue
        logits = largest[late, i]
        top = float(np.nanmax(logits)) if np.isfinite(logits).any() else float("nan")
        yield Sign(
            layer=site.name,
            cause="attention gain",
            size=float(np.log(known[-1]) - last.mean()),
            evidence=(
                Evidence("keys attended to", attended, limits["attended"],
                         f"of {known[-1]:.0f}", len(last)),
                Evidence("at the start", began, limits["attended"], f"of {known[-1]:.0f}", 1),
                Evidence("largest logit", top, None, "-", len(last)),
            ),
            explanation=(
                f"The queries of {site.name} attend to {attended:.2g} of {known[-1]:.0f} keys "
                f"({began:.2g} at the start): its softmax is flat, and no gradient tells them to look "
                "elsewhere."
            ),
            severity=grave[began < limits["attended"]],
        )  # fmt: skip
