"""Degenerate output: by its shape the output cannot say anything.

Sees      A softmax over a single unit, which is always 1; a cross-entropy over one class, which is always
          0; a softmax over the rows of the batch instead of over the classes. Inside the network, a softmax
          over a single entry that passed exactly no gradient on in any observed step to the weights below.
Matters   The output does not depend on the input, or depends on which other examples are in the batch. What
          a softmax over one entry weighs it weighs with 1, and the weights of its scores never learn.
Not this  A softmax over the only axis of a single example; attention over a single key in some of the steps.
Limits    none: a shape. Inside, two observations at least: one batch may hold a single key by chance.
Source    definition of the softmax: one entry, e^h / e^h = 1, and its slope p (1 - p) = 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from clinometer.diagnosis.output import WORDS, Output, Softmax
from clinometer.diagnosis.paths import Network
from clinometer.diagnosis.rule import Evidence, Rule, Sign
from clinometer.records.recording import Recording

RULE = Rule(
    code="FLOW407",
    name="degenerate-output",
    reads=("outputs", "recording", "fault"),
    limits={"units": 1},
    remedies=(
        "one-unit-per-class", "sigmoid-for-one-unit", "softmax-over-classes", "softmax-over-entries",
    ),
    blame=2,
    explains=(
        "FLOW502", "FLOW201", "FLOW302", "FLOW104", "FLOW101", "FLOW404", "FLOW203", "FLOW102",
        "FLOW501",
    ),
)  # fmt: skip
ENOUGH = 2  # observations: one batch may hold a single key by chance


@RULE.check
def check(
    outputs: list[Output], recording: Recording, fault: str, limits: Mapping[str, float]
) -> Iterator[Sign]:
    """Yield one sign for each output that is degenerate, and for each such softmax inside the network."""
    at_the_end = {output.where("softmax") for output in outputs} | {o.layer for o in outputs}
    for call, steps in _inside(recording):
        if call not in at_the_end:
            yield _single(call, steps, fault)
    for output in outputs:
        for softmax in output.softmaxes:
            what = _fault(softmax)
            if what:
                yield Sign(
                    layer=output.where("softmax") or output.layer,
                    cause="degenerate output",
                    size=float("inf"),
                    evidence=(
                        Evidence("entries of the softmax", float(softmax.size), 2.0, "units", 1),
                        Evidence("its axis", float(softmax.axis), None, f"of {softmax.axes}", 1),
                    ),
                    explanation=f"The output of layer {output.layer} {what}",
                    severity="error",
                )
                break


def _fault(softmax: Softmax) -> str:
    if softmax.size == 1:
        return (
            "goes through a softmax over a single unit, which is always exactly 1 whatever the "
            "input: use a sigmoid for one unit, or one unit for each class."
        )
    if softmax.axis == 0 and softmax.axes >= 2:
        return (
            f"goes through a softmax over axis 0, the {softmax.size} rows of the batch, instead of "
            "over the classes: each example's probability depends on the other rows."
        )
    return ""


def _inside(recording: Recording) -> Iterator[tuple[str, int]]:
    """(name, observations) of each softmax over one entry through which no gradient ever came."""
    network = Network(recording)
    for place, call in enumerate(network.calls):
        named = [call.facts.get("class", ""), *call.facts.get("operations", [])]
        soft = {"softmax", "log_softmax"} & {WORDS.get(name, "") for name in named}
        if not soft or call.facts.get("size") != 1 or call.facts.get("output"):
            continue
        into = recording.column("call", "grad_in_rms")[:, place]
        onto = recording.column("call", "grad_out_rms")[:, place]
        arrived = onto > 0
        steps = int(arrived.sum())
        if steps >= ENOUGH and np.all(into[arrived] == 0) and _has_weights_below(network, place):
            yield call.name, steps


def _has_weights_below(network: Network, place: int) -> bool:
    """Whether what it is given comes of a weight layer."""
    at = {call.name: i for i, call in enumerate(network.calls)}
    ahead, known = [place], {place}
    while ahead:
        parents = network.calls[ahead.pop()].facts.get("parents", [])
        new = {at[name] for name in parents if name in at} - known
        if any(network.role(i) == "weight" for i in new):
            return True
        known |= new
        ahead += new
    return False


def _single(call: str, steps: int, severity: str) -> Sign:
    return Sign(
        layer=call,
        cause="degenerate output",
        size=float("inf"),
        evidence=(
            Evidence("entries of the softmax", 1.0, 2.0, "units", 1),
            Evidence("gradient passed on", 0.0, None, "of what arrived", steps),
        ),
        explanation=(
            f"The softmax {call} runs over an axis of length 1: it is always exactly 1, and no gradient came "
            f"through it in any of {steps} observed steps. The weights that make its scores learn nothing: "
            "let it run over the axis of what is to be weighed."
        ),
        severity=severity,
    )
