"""From the lines of the cases to the figures that were promised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.zoo.totals import Proportion

Line = Mapping[str, Any]
PROVEN, HARMFUL = "proven", "harmful"
# The label of data without information: shuffled inputs, labels of other rows.
NOTHING = {"FLOW502"}


@dataclass(frozen=True)
class Score:
    """Figures of one part.

    Attributes
    ----------
    cured : curable cases in which a remedy was proven
    named : the same, of the curable cases whose fault was the leading finding
    learnable : the same, of the curable cases whose data hold something to learn, by their label
    others : cases that are not curable by their label and in which a remedy was proven
    shams, randoms : control arms that the rule for remedies would have called proven, by case and moment
    harmful : remedies that were recommended and were worse on seeds held out
    confirmed : recommended remedies that were better on the seeds held out, by their mean
    broken : cases that gave no result
    """

    cured: Proportion
    named: Proportion
    learnable: Proportion
    others: Proportion
    shams: Proportion
    randoms: Proportion
    harmful: Proportion
    confirmed: Proportion
    broken: int


def score(lines: Iterable[Line]) -> Score:
    """Every case counts: one that gave no result is not cured."""
    listed = list(lines)
    curable = [line for line in listed if line["cures"]]
    repeated = [arm for line in listed for arm in line.get("held_out", ())]
    return Score(
        cured=_share([bool(proven(line)) for line in curable]),
        named=_share([bool(proven(line)) for line in curable if line.get("leading_right")]),
        learnable=_share([bool(proven(line)) for line in curable if set(line["codes"]) - NOTHING]),
        others=_share([bool(proven(line)) for line in listed if not line["cures"]]),
        shams=_share([arm["verdict"] == PROVEN for arm in _arms(listed, "sham")]),
        randoms=_share([arm["verdict"] == PROVEN for arm in _arms(listed, "random")]),
        harmful=_share([is_worse(arm) for arm in repeated]),
        confirmed=_share([(_gain(arm) or 0.0) > 0 for arm in repeated]),
        broken=sum("error" in line for line in listed),
    )


def proven(line: Line) -> list[str]:
    """Names of the remedies that were proven in a case."""
    return [arm["name"] for arm in _arms([line], "remedy") if arm["verdict"] == PROVEN]


def is_worse(arm: Line) -> bool:
    """Whether a repetition says harm: the verdict itself, a mean outcome below doing nothing's, or a
    validation loss whose interval lies above it."""
    gain = _gain(arm)
    checked = arm.get("validation") or {}
    high = (checked.get("interval") or (None, None))[1]
    return (
        arm["verdict"] == HARMFUL
        or (gain is not None and gain < 0)
        or (high is not None and high < 0)
    )


def _gain(arm: Line) -> float | None:
    """Mean difference of the outcome, above 0 for better; None where it could not be told."""
    found = (arm.get("outcome") or {}).get("nothing") or {}
    return found.get("difference")


def _arms(lines: Sequence[Line], kind: str) -> list[Line]:
    return [
        arm
        for line in lines
        for arm in (line.get("treatment") or {}).get("arms", ())
        if arm["kind"] == kind
    ]


def _share(found: Sequence[bool]) -> Proportion:
    return Proportion(sum(found), len(found))
