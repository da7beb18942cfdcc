"""Pack one observation into the recording's row, and name the sites that are new in it."""

from __future__ import annotations

import array
import math
from dataclasses import dataclass
from typing import Any

from clinometer.records.columns import COLUMNS, names
from clinometer.records.site import Site
from clinometer.taps.flatness import UnitWindow
from clinometer.taps.layers import CallSums
from clinometer.taps.loss import Term
from clinometer.taps.parameters import packed

Places = dict[tuple[str, str], Site]
NAN = float("nan")


@dataclass(frozen=True)
class Observation:
    """All that one step showed."""

    calls: list[CallSums]
    parameters: dict[str, dict[str, float]]
    terms: list[Term]
    outputs: list[str]
    windows: dict[str, UnitWindow]


def pack(seen: Observation, places: Places) -> tuple[array.array[float], list[Site]]:
    """(packed float32 row of every site known so far, sites that are new).

    `places` is extended by the new sites; a known site that was not seen gets `seen` = 0.
    """
    values: dict[tuple[str, str], list[float]] = {}
    facts: dict[tuple[str, str], dict[str, Any]] = {}
    for call in seen.calls:
        values["call", call.name] = _call_row(call, seen)
        facts["call", call.name] = _call_facts(call, seen.outputs)
    for name, row in seen.parameters.items():
        values["parameter", name] = packed(row)
    for name in dict.fromkeys(term.name for term in seen.terms):
        values["loss", name] = _loss_row([term for term in seen.terms if term.name == name])
    new = []
    for key in values:
        if key not in places:
            places[key] = Site(len(places), *key, facts.get(key, {}))
            new.append(places[key])
    packed_row = array.array("f")
    for key, site in places.items():
        packed_row.extend(values.get(key) or [0.0] + [NAN] * (len(COLUMNS[site.kind]) - 1))
    return packed_row, new


def _call_facts(call: CallSums, outputs: list[str]) -> dict[str, Any]:
    return call.facts | {
        "parents": list(call.parents),
        "operations": list(call.operations),
        "chain": call.chain,
        "output": call.name in outputs,
    }


def _call_row(call: CallSums, seen: Observation) -> list[float]:
    window = seen.windows.get(call.name)
    ids, units, examples = window.dead() if window is not None else ([], 0, 0)
    row = {
        "seen": call.seen,
        "examples": call.examples,
        "elements": call.elements,
        "in_rms": _rms(call.in_sq, call.inputs),
        "out_rms": _rms(call.out_sq, call.elements),
        "grad_out_rms": _rms(call.grad_out_sq, call.elements),
        "grad_in_rms": _gradient_in(call, seen.calls),
        "reach": math.sqrt(call.reach_sq) if call.facts["role"] == "weight" else NAN,
        "saturated": _share(call.flat, call.inputs) if "activation" in call.facts else NAN,
        "units": units or NAN,
        "dead": _share(len(ids), units),
        "window": examples or NAN,
        "nonfinite_in": call.nonfinite_in,
        "nonfinite_out": call.nonfinite_out,
        "nonfinite_grad": call.nonfinite_grad,
    }
    return [float(row[name]) for name in names("call")]


def _gradient_in(call: CallSums, calls: list[CallSums]) -> float:
    """RMS of the gradient leaving: measured at the input, or the parent's where they are one."""
    if call.grad_in_seen:
        return _rms(call.grad_in_sq, call.grad_in_seen)
    if call.linked:
        parent = next((other for other in calls if other.name == call.parents[0]), None)
        if parent is not None:
            return _rms(parent.grad_out_sq, parent.elements)
    return NAN


def _loss_row(terms: list[Term]) -> list[float]:
    examples = sum(term.examples for term in terms)
    judged = [term for term in terms if term.right is not None]
    row = {
        "seen": len(terms),
        "examples": examples,
        "value": _share(sum(term.total for term in terms), examples),
        "right": _share(sum(term.right or 0 for term in judged), _right_of(judged)),
    }
    return [float(row[name]) for name in names("loss")]


def _right_of(terms: list[Term]) -> int:
    """How many examples could be right: rows, not elements, of a squared error on one-hot rows."""
    return sum(term.moments[0] if term.moments else term.examples for term in terms)


def _rms(squares: float, count: int) -> float:
    return math.sqrt(squares / count) if count else NAN


def _share(part: float, whole: float) -> float:
    return part / whole if whole else NAN
