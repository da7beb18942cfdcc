"""What the page of one run shows, in bounded memory: the diagnosis, and the log at some of its steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.diagnosis.line import FACTORS, SPOKEN
from clinometer.diagnosis.scale import settled
from clinometer.live.curves import CURVES, Float32, curves, lines_of, places
from clinometer.records.recording import Float64, Int64

MOST_FRAMES = 256  # a slider is about so many pixels long
MOST_NUMBERS = 2**21  # of all frames together: 8 MiB as float32
LEAST_FRAMES = 16  # of however large a network

Cell = float | str | None


@dataclass(frozen=True)
class Sheet:
    """One run, judged.

    Attributes
    ----------
    head : what does not change from step to step, ready for JSON
    steps : int64 (frames,): the observed steps that can be shown
    log : float32 (frames + 1, curves, places); the last is the mean over the end of the run
    bad : bool (frames + 1, places): whether NaN or Inf was seen there
    ledger : float32 (frames + 1, lines, factors + 2): factors, total and residual [decades]; nan is not
        measured (or not told apart), -inf exactly zero
    """

    head: dict[str, Any]
    steps: Int64
    log: Float32
    bad: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    ledger: Float32

    def frame(self, at: int) -> dict[str, Any]:
        """The log and the ledger at one of the steps; the last one is the end of the run.

        Raises
        ------
        IndexError : if there is no such frame.
        """
        if not 0 <= at <= len(self.steps):
            raise IndexError(at)
        return {
            "frame": at,
            "step": int(self.steps[at]) if at < len(self.steps) else None,
            "curves": {name: cells(self.log[at, i]) for i, name in enumerate(CURVES)},
            "bad": np.flatnonzero(self.bad[at]).tolist(),
            "ledger": [cells(row) for row in self.ledger[at]],
        }


def cells(values: Float32) -> list[Cell]:
    """Numbers for JSON, where "zero" is a signal of exactly 0, "inf" an infinite one, null not measured."""
    return [_cell(x) for x in values.tolist()]


def _cell(value: float) -> Cell:
    if math.isfinite(value):
        return round(value, 4)
    if math.isnan(value):
        return None
    return "zero" if value < 0 else "inf"


@np.errstate(all="ignore")
def sheet_of(diagnosis: Diagnosis) -> Sheet:
    """Take what is shown off a diagnosis; the recording itself is not kept."""
    recording = diagnosis.recording
    lines = lines_of(diagnosis)
    wide = len(CURVES) * len(recording.of_kind("call")) + (len(FACTORS) + 2) * len(lines)
    chosen = picked(len(recording.observed), max(LEAST_FRAMES, MOST_NUMBERS // max(wide, 1)))
    log, bad = curves(diagnosis, chosen)
    head = diagnosis.to_dict()
    accounts = {row["parameter"]: row for row in head.pop("ledger")}
    head |= {
        "places": places(diagnosis, lines),
        "curves": list(CURVES),
        "factors": [{"name": name, "spoken": SPOKEN[name]} for name in FACTORS],
        "lines": [_about(accounts[line.parameter], line.kind) for line in lines.values()],
        "frames": recording.observed[chosen].tolist(),
        "observed": len(recording.observed),
        "late": _late_steps(diagnosis),
    }
    ledger = np.full((len(chosen) + 1, len(lines), len(FACTORS) + 2), np.nan, np.float32)
    for at, line in enumerate(lines.values()):
        account = accounts[line.parameter]
        for i, name in enumerate(FACTORS):
            if name in line.factors:
                ledger[:-1, at, i] = line.factors[name][chosen]
                ledger[-1, at, i] = _settled(account, name)
        ledger[:-1, at, -2], ledger[:-1, at, -1] = line.total[chosen], line.residual[chosen]
        ledger[-1, at, -2:] = [settled(line.total, diagnosis.late), _number(account["residual"])]
    return Sheet(head, recording.observed[chosen], log, bad, ledger)


def picked(many: int, most: int = MOST_FRAMES) -> Int64:
    """Which of so many observations are shown: all, or evenly spread with both ends.

    >>> picked(9, 4).tolist()
    [0, 3, 5, 8]
    """
    few = min(many, most, MOST_FRAMES)
    return np.unique(np.round(np.linspace(0, many - 1, few)).astype(np.int64)) if few else _empty()


def _empty() -> Int64:
    return np.zeros(0, np.int64)


def _about(account: dict[str, Any], kind: str) -> dict[str, Any]:
    """What is told of a tensor whatever the step."""
    told = ("layer", "parameter", "reference", "blame", "arriving", "answer")
    return {name: account[name] for name in told} | {"kind": kind}


def _settled(account: dict[str, Any], name: str) -> float:
    return -math.inf if name in account["zero"] else _number(account["factors"][name])


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _late_steps(diagnosis: Diagnosis) -> list[int] | None:
    """First and last step of the window that the mean at the end is taken over."""
    late: Float64 | Int64 = diagnosis.recording.observed[diagnosis.late]
    return [int(late[0]), int(late[-1])] if len(late) else None
