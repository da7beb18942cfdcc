"""Symmetric initialisation: the units of a layer are copies of one another, and stay so.

Sees      Hidden layers whose units have equal weights, or weights of exactly 0, through the whole run.
Matters   Equal units get equal gradients, so they never become different: a layer of any width works as one
          unit. Between two layers of zeros no gradient passes at all.
Not this  One factor that starts at 0 and moves at once (LoRA's B, the last layer of a residual branch, a
          zero-initialised head).
Limits    row_spread: the rounding of the weights' own format, 2^-(p-2): four spacings.
Source    Goodfellow et al. (2016), Deep Learning, section 8.4 (breaking symmetry).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from clinometer.diagnosis.paths import Network
from clinometer.diagnosis.rule import Evidence, NotJudged, Rule, Sign
from clinometer.records.recording import Recording
from clinometer.theory.floats import FLOATS

RULE = Rule(
    code="FLOW203",
    name="symmetric-init",
    reads=("recording", "fault"),
    limits={"spacings": 4.0},
    remedies=("random-init",),
    blame=12,
    explains=("FLOW302", "FLOW502", "FLOW201", "FLOW102", "FLOW101", "FLOW206", "FLOW103"),
)


@RULE.check
def check(recording: Recording, fault: str, limits: Mapping[str, float]) -> Iterator[Sign]:
    """Yield one sign for each hidden layer whose units are alike throughout."""
    sites = recording.of_kind("parameter")
    if not sites or len(recording.observed) < 2:
        raise NotJudged("fewer than two observations of the weights")
    spread = recording.column("parameter", "row_spread")
    size = recording.column("parameter", "weight_rms")
    if np.isnan(spread).all() and not np.any(size == 0):
        raise NotJudged("how alike the units are was not recorded")
    hidden = _hidden(recording)
    trainable = recording.column("parameter", "trainable")
    for i, site in enumerate(sites):
        if site.name not in hidden or np.nanmax(trainable[:, i], initial=0) != 1:
            continue
        rounding = limits["spacings"] * 2.0 ** -_bits(str(site.facts.get("dtype", "")))
        known = spread[~np.isnan(spread[:, i]), i]
        zero = size[~np.isnan(size[:, i]), i]
        if len(known) >= 2 and np.all(known <= rounding):
            yield _sign(
                hidden[site.name], site.facts["shape"][0], float(known.max()), rounding, fault
            )
        elif len(zero) >= 2 and np.all(zero == 0):
            yield _sign(hidden[site.name], site.facts["shape"][0], 0.0, rounding, fault)


def _hidden(recording: Recording) -> dict[str, str]:
    """{weight: layer} of the layers with several units whose output goes into further layers."""
    network = Network(recording)
    ends = {i for i, call in enumerate(network.calls) if call.facts.get("output")}
    found = {}
    for i in network.weight_layers():
        call = network.calls[i]
        last = i in ends or not any(network.role(above) == "weight" for above in _above(network, i))
        if float(call.facts.get("fan_out", 1)) > 1 and not last:
            base = call.name.partition("#")[0]
            found[str(call.facts.get("parameter", f"{base}.weight"))] = base
    return found


def _above(network: Network, start: int) -> set[int]:
    """Every call that the output of this one reaches."""
    reached: set[int] = set()
    waiting = [start]
    while waiting:
        for child in network.children[waiting.pop()]:
            if child not in reached and child != start:
                reached.add(child)
                waiting.append(child)
    return reached


def _bits(dtype: str) -> int:
    known = FLOATS.get(dtype)
    return known.significand_bits if known is not None else FLOATS["float32"].significand_bits


def _sign(layer: str, units: int, value: float, limit: float, fault: str) -> Sign:
    return Sign(
        layer=layer,
        cause="symmetry",
        size=float(units),
        evidence=(Evidence("difference between the units", value, limit, "of their RMS", units),),
        explanation=(
            f"The {units} units of layer {layer} have the same weights in every observation: they get "
            "the same gradient, and never become different. The layer works as a single unit."
        ),
        severity=fault,
    )
