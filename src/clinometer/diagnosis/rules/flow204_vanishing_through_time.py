"""Vanishing through time: the gradient does not reach the early steps of a sequence.

Sees      Recurrent layers in which, back in time, less than 1 % of the gradient arrives that the last step
          gets, in a run that does not learn.
Matters   What happened early in the sequence cannot be learned, however long the training.
Not this  Recurrent networks whose task needs the recent past only, and which learn it (then a note);
          embedding the last step's own input.
Limits    gain: -2 decades, 1 %, at the largest lag that was measured.
Source    Hochreiter (1991); Bengio et al. (1994), IEEE Trans. Neural Netw. 5(2); Pascanu et al. (2013), ICML.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from clinometer.diagnosis.rule import Evidence, NotJudged, Rule, Sign
from clinometer.records.columns import LAGS
from clinometer.records.recording import Recording

RULE = Rule(
    code="FLOW204",
    name="vanishing-through-time",
    reads=("recording", "symptom"),
    limits={"gain": -2.0},
    remedies=("gated-cell", "orthogonal-init", "shorter-sequences", "forget-bias", "attention"),
    blame=23,
    explains=("FLOW201", "FLOW502"),
)


@RULE.check
def check(recording: Recording, symptom: str, limits: Mapping[str, float]) -> Iterator[Sign]:
    """Yield one sign for each recurrent layer whose past is out of reach."""
    sites = recording.of_kind("recurrence")
    if not sites:
        raise NotJudged("no recurrent layer was seen step by step in time")
    table = np.stack([recording.column("recurrence", f"lag_{lag}") for lag in LAGS], axis=-1)
    cells = {
        call.name
        for call in recording.of_kind("call")
        if call.facts.get("role") in {"recurrent", "weight"}
    }
    for i, site in enumerate(sites):
        if site.name not in cells:
            continue  # an activation that many layers share is no recurrence
        reach = _reach(table[:, i])
        if reach is None:
            continue
        lag, gain, n = reach
        if not gain <= limits["gain"]:
            continue
        faint = "nothing" if np.isneginf(gain) else f"{10**gain:.1e}"
        yield Sign(
            layer=site.name,
            cause="recurrence",
            size=-gain,
            evidence=(
                Evidence(f"gradient {lag} steps back", gain, limits["gain"], "decades", n),
                Evidence("the same by step", gain / lag, None, "decades", n),
            ),
            explanation=(
                f"The gradient dies on its way back in time: {faint} of it is left {lag} steps before "
                f"the last one of {site.name}. What happened before that cannot be learned."
            ),
            severity=symptom,
        )


def _reach(
    profile: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> tuple[int, float, int] | None:
    """(lag, decades against lag 0, observations): the farthest lag, over the last half."""
    seen = profile[~np.isnan(profile[:, 0]) & (profile[:, 0] > 0)]
    if not len(seen):
        return None
    seen = seen[len(seen) // 2 :]
    known = np.flatnonzero(~np.isnan(seen).all(axis=0))
    if known[-1] == 0:
        return None
    far = seen[:, known[-1]]
    good = ~np.isnan(far)
    with np.errstate(divide="ignore"):
        gains = np.log10(far[good]) - np.log10(seen[good, 0])
    return LAGS[known[-1]], float(np.median(gains)), int(good.sum())
