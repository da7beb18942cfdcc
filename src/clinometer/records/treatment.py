"""What a treatment says: each remedy beside doing nothing, a sham and a random remedy."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clinometer.stats.trials import MeanDifference

SCHEMA = 1
PROVEN, HARMFUL, NO_BETTER, UNDECIDED = "proven", "harmful", "no better than random", "undecided"
NONE_PROVEN, NOTHING_TO_TREAT = "none proven", "nothing to treat"
CONTROLS = ("nothing", "sham", "random")  # what a remedy is held against


@dataclass(frozen=True)
class Measured:
    """One quantity of an arm beside doing nothing, over seeds; in the unit of the quantity.

    Attributes
    ----------
    difference : of the pairs, None where one is not finite; for losses nothing less arm (above 0: the arm
        is better), for a ledger factor arm less nothing (above 0: more of the gradient passes)
    nothing, arm : means over the same seeds
    """

    difference: MeanDifference | None
    nothing: float
    arm: float
    unit: str

    def to_dict(self) -> dict[str, Any]:
        """Its row of the JSON."""
        found = self.difference
        return {
            "difference": _number(found.mean) if found is not None else None,
            "interval": _ends(found) if found is not None else None,
            "unit": self.unit,
            "nothing": _number(self.nothing),
            "arm": _number(self.arm),
        }


@dataclass(frozen=True)
class ArmResult:
    """One arm, judged over seeds.

    Attributes
    ----------
    name, kind, moment : of the arm; kind is "remedy", or "sham" or "random" of a control
    verdict : "proven", "harmful", "no better than random" or "undecided"
    done : what was done to the run, with its values, in the first seed
    against : differences of the outcome (see `stats.trials.outcome`), control less arm, by control
    watched : what the outcome is of: "end" (late training loss, or the share of wrong rows where losses are
        of another kind), "course" (training loss over the whole trial) or "validation" (late validation loss)
    loss, validation, factor : the same pairs in units of their own; None where not seen or not comparable
    arriving : of the gradient at the output of the blamed layer, over that at the logits [decades]
    steps_given_up : of the script, before the treatment takes hold: 0 in a running state
    steps_to_match : median steps after which the arm was where doing nothing ended; None where a seed never
        was, or the losses are not comparable
    seeds : pairs with doing nothing
    seeds_needed : pairs that would decide, by the spread seen; None where that cannot be told
    failed : seeds in which it failed and doing nothing did not
    states : verdicts of the arm's own recordings, one a seed
    why : what kept it from being proven, or what else has to be said
    """

    name: str
    kind: str
    moment: str
    verdict: str
    done: str
    against: Mapping[str, MeanDifference]
    loss: Measured | None
    validation: Measured | None
    factor: Measured | None
    steps_given_up: int
    steps_to_match: int | None
    seeds: int
    seeds_needed: int | None
    failed: int
    states: tuple[str, ...]
    why: str
    watched: str = "end"
    arriving: Measured | None = None

    @property
    def gain(self) -> float:
        """Mean difference of the outcome against doing nothing; nan where there is no pair."""
        found = self.against.get("nothing")
        return found.mean if found is not None else math.nan

    def to_dict(self) -> dict[str, Any]:
        """Its row of the JSON."""
        return {
            "name": self.name,
            "kind": self.kind,
            "moment": self.moment,
            "verdict": self.verdict,
            "done": self.done,
            "watched": self.watched,
            "outcome": {
                name: {"difference": _number(one.mean), "interval": _ends(one), "n": one.n}
                for name, one in self.against.items()
            },
            "loss": _row(self.loss),
            "validation": _row(self.validation),
            "factor": _row(self.factor),
            "arriving": _row(self.arriving),
            "steps_given_up": self.steps_given_up,
            "steps_to_match": self.steps_to_match,
            "seeds": self.seeds,
            "seeds_needed": self.seeds_needed,
            "failed": self.failed,
            "states": list(self.states),
            "why": self.why,
        }


@dataclass(frozen=True)
class Treatment:
    """What `clinometer.treat` found.

    Attributes
    ----------
    script : as it was given
    finding : the treated finding, as in `report --json`; None where there was nothing to treat
    verdict : "proven", "none proven", "undecided" or "nothing to treat"
    because : the sentence
    remedy : the proven remedy to take first; None where none is proven
    arms : remedies, the recommended first, then controls
    steps, at : steps watched in each trial, and the step at which a running state is treated
    seeds : how many were asked for
    by_hand : (name, words) of remedies that only a person can try
    not_applicable : (name, why)
    notes : what else has to be known of these trials
    change : {"kind": "diff" or "lines", "text", "where"} of the recommended remedy; None without one
    trials : path of the append-only results
    before, after : paths of the recordings of doing nothing and of the recommended remedy (else of the best
        that was tried), in the first seed
    interrupted : whether it was stopped before all trials were done
    """

    script: str
    finding: Mapping[str, Any] | None
    verdict: str
    because: str
    remedy: str | None = None
    arms: tuple[ArmResult, ...] = ()
    steps: int = 0
    at: int = 0
    seeds: int = 0
    by_hand: tuple[tuple[str, str], ...] = ()
    not_applicable: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    change: Mapping[str, Any] | None = None
    trials: str | None = None
    before: str | None = None
    after: str | None = None
    interrupted: bool = False

    @property
    def remedies(self) -> tuple[ArmResult, ...]:
        """The arms that are no controls, the recommended first."""
        return tuple(arm for arm in self.arms if arm.kind == "remedy")

    @property
    def proven(self) -> tuple[ArmResult, ...]:
        """The remedies that were proven, the recommended first."""
        return tuple(arm for arm in self.remedies if arm.verdict == PROVEN)

    def to_dict(self) -> dict[str, Any]:
        """`treat --json`, schema 1: strict JSON. null stands for "not judged", never for 0."""
        from clinometer import __version__

        return {
            "schema": SCHEMA,
            "clinometer": __version__,
            "script": self.script,
            "finding": dict(self.finding) if self.finding is not None else None,
            "verdict": self.verdict,
            "because": self.because,
            "remedy": self.remedy,
            "steps": self.steps,
            "seeds": self.seeds,
            "at": self.at,
            "arms": [arm.to_dict() for arm in self.arms],
            "by_hand": [{"name": name, "words": words} for name, words in self.by_hand],
            "not_applicable": [{"name": name, "why": why} for name, why in self.not_applicable],
            "notes": list(self.notes),
            "change": dict(self.change) if self.change is not None else None,
            "trials": self.trials,
            "recordings": {"before": self.before, "after": self.after},
            "interrupted": self.interrupted,
        }

    def __str__(self) -> str:
        # By name: records know nothing of reports.
        told = importlib.import_module("clinometer.reports.treatment_text").treatment_text(self)
        return str(told)

    def _repr_html_(self) -> str:
        from clinometer import notebook_html  # by the front door: records know nothing of reports

        return notebook_html(self)


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _ends(found: MeanDifference) -> list[float | None] | None:
    return [_number(found.low), _number(found.high)] if found.interval is not None else None


def _row(measured: Measured | None) -> dict[str, Any] | None:
    return measured.to_dict() if measured is not None else None
