"""One run against its label. Pure: a label, the report's JSON and the order of layers go in.

DEFINITIONS is the scorecard's header; the functions here are those definitions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from benchmarks.zoo.cases import Case

GRAVE = ("error", "warning")
OPEN = ("FLOW201", "FLOW202", "FLOW206")  # codes that leave the factor of the chain rule open
DEFINITIONS = """\
A finding counts where its severity is error or warning; notes do not.
detected          a sick run has a finding whose code is one of its label's
leading right     the first finding counts, and its code is one of the label's
class right       leading right; and where the code leaves the factor of the
                  chain rule open (vanishing, exploding, bad init), too
layer within one  the first finding counts and points to a layer of the label,
                  its neighbour in order of execution (weight layers and
                  activations), its parent or its part; if the label names any
verdict right     the run's verdict is one that the label allows
false alarm       a healthy run has a finding that counts, whatever its code
nothing observed  no step was observed: what is not said of such a run proves
                  nothing, a missing false alarm least of all
not scored        the script failed, took too long, or left no recording
stability         sick cases: share of seeds that lead with the same code and
                  layer (or the same code) as most; and cases with all alike
By case, since seeds of one script are not independent: a case is detected, or
right, in more than half of its seeds; it is a false alarm in any of them.
Intervals: Wilson, 95 %."""


@dataclass(frozen=True)
class Score:
    """One run against its label; None where the label asks nothing.

    Attributes
    ----------
    said : (code, layer, cause) of the first finding, if it counts
    codes : of all findings that count
    observed : whether a single step was observed: a blind recorder raises no false alarm
    """

    case: Case
    seed: int
    verdict: str
    said: tuple[str, str, str] | None
    codes: frozenset[str]
    observed: bool
    detected: bool | None
    leading_right: bool | None
    class_right: bool | None
    layer_right: bool | None
    verdict_right: bool
    false_alarm: bool | None

    @property
    def right(self) -> bool:
        """Nothing that the label asks is wrong."""
        wrong = (self.detected, self.leading_right, self.class_right, self.layer_right)
        return False not in wrong and self.verdict_right and not self.false_alarm


def score(case: Case, seed: int, report: dict[str, Any], order: Sequence[str]) -> Score:
    """Hold what was said of a run against its label.

    Parameters
    ----------
    report : `clinometer report --json`
    order : weight layers and activations in order of execution
    """
    grave = [finding for finding in report["findings"] if finding["severity"] in GRAVE]
    first = next((f for f in report["findings"][:1] if f["severity"] in GRAVE), None)
    codes = frozenset(finding["code"] for finding in grave)
    leading = first is not None and first["code"] in case.codes
    asked = bool(case.cause) and first is not None and first["code"] in OPEN
    blamed = leading and (not asked or first["cause"] in case.cause)
    placed = first is not None and is_near(first["layer"], case.layers, order)
    return Score(
        case=case,
        seed=seed,
        verdict=report["verdict"],
        said=None if first is None else (first["code"], first["layer"], first["cause"]),
        codes=codes,
        observed=report["run"]["observed_steps"] > 0,
        detected=bool(codes & set(case.codes)) if case.sick else None,
        leading_right=leading if case.sick else None,
        class_right=blamed if case.sick else None,
        layer_right=placed if case.sick and case.layers else None,
        verdict_right=report["verdict"] in case.verdict,
        false_alarm=None if case.sick else bool(grave),
    )


def is_near(layer: str, meant: Iterable[str], order: Sequence[str]) -> bool:
    """Whether a layer is one of those that are meant, a neighbour, a parent or a part of one.

    >>> is_near("fc2", ["fc1"], ["fc1", "fc1:relu", "fc2", "fc2:relu", "fc3"])
    True
    >>> is_near("fc3", ["fc1"], ["fc1", "fc1:relu", "fc2", "fc2:relu", "fc3"])
    False
    """
    here = plain(layer)
    ways = _merged(plain(name) for name in order)
    return bool(here) and any(_close(here, plain(one), ways) for one in meant)


def plain(layer: str) -> str:
    """A layer's own name: no number of the call, no function behind it.

    >>> plain("encoder.fc1:relu#2"), plain("fc1#2")
    ('encoder.fc1', 'fc1')
    """
    return layer.partition("#")[0].partition(":")[0]


def _close(here: str, meant: str, ways: Sequence[str]) -> bool:
    if here == meant or here.startswith(f"{meant}.") or meant.startswith(f"{here}."):
        return True
    return any({a, b} == {here, meant} for a, b in pairwise(ways))


def _merged(names: Iterable[str]) -> list[str]:
    """Without repetitions in a row: a layer and its functional activation are one place."""
    kept: list[str] = []
    for name in names:
        if name and kept[-1:] != [name]:
            kept.append(name)
    return kept
