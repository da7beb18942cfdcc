"""The record of one arm: a line of the results file, from what was counted and from its recording."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from clinometer.treatment.trial.plan import Arm, Plan, key, result_path

if TYPE_CHECKING:
    from clinometer.diagnosis.diagnosis import Diagnosis
    from clinometer.records.recording import Recording


def blank(plan: Plan, arm: Arm, ended: str, why: str) -> dict[str, Any]:
    """The record of an arm of which nothing is known but how it ended."""
    return {
        "key": key(plan, arm), "arm": arm.name, "kind": arm.kind, "remedy": arm.remedy,
        "seed": plan.seed, "moment": arm.moment, "at": plan.at if arm.moment == "running" else 0,
        "steps": plan.steps, "ended": ended, "why": why, "done": "",
        "how": "fork" if plan.fork else "replay", "losses": [], "right": None, "loss": None,
        "no_information": None, "validation": [], "prefix": None, "recording": None, "verdict": None,
        "codes": [], "factor": None, "wall_s": None, "cpu_s": None,
    }  # fmt: skip


def write(plan: Plan, arm: Arm, record: Mapping[str, Any]) -> None:
    """Put the record in its place, whole."""
    path = result_path(plan, arm)
    write_whole(path, json.dumps(record, allow_nan=False))


def tried_in_vain(plan: Plan, arm: Arm) -> str:
    """The remedy that a random arm drew, and that found only later that it does not apply; "" for none.

    Another one is to be drawn then, as an arm that changes nothing is no control: the record is removed.
    """
    if arm.kind != "random" or not os.path.exists(result_path(plan, arm)):
        return ""
    with open(result_path(plan, arm), encoding="utf-8") as file:
        record = json.load(file)
    if not is_vain(record):
        return ""
    os.remove(result_path(plan, arm))
    return str(record["remedy"])


def is_vain(record: Mapping[str, Any]) -> bool:
    """Whether it is of a random remedy that does not apply, so that the trial is about to draw another."""
    refused = record["kind"] == "random" and record["ended"] == "not-applicable"
    return refused and bool(record["remedy"])


def write_whole(path: str, text: str) -> None:
    """A file that is there with all its text, or not at all."""
    beside = f"{path}.{os.getpid()}"
    with open(beside, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(beside, path)


def plain(value: float | None) -> float | str | None:
    """A number that strict JSON holds; those that are not finite by their names.

    >>> plain(0.5), plain(float("-inf")), plain(float("nan")), plain(None)
    (0.5, '-inf', 'nan', None)
    """
    return value if value is None or math.isfinite(value) else str(value)


def read_off(path: str, finding: Mapping[str, Any], losses: int) -> dict[str, Any]:
    """What a record says of the arm's own recording; {"why": ...} where that cannot be read."""
    from clinometer.diagnosis.diagnose import diagnose
    from clinometer.store.reader import read

    try:
        diagnosis = diagnose(read(path))
    except Exception as error:
        return {"why": f"the recording cannot be read ({type(error).__name__}: {error})"}
    recording = diagnosis.recording
    names = [site.name for site in recording.of_kind("loss")]
    return {
        "right": right(recording, losses),
        "loss": names[0] if names else None,
        "no_information": level(diagnosis, losses),
        **validation(recording),
        "recording": path,
        "verdict": diagnosis.verdict,
        "codes": [f.code for f in diagnosis.findings if f.severity in {"error", "warning"}],
        "factor": factor(diagnosis, finding),
    }


def level(diagnosis: Diagnosis, steps: int) -> float | None:
    """The no-information level in the units of a record's losses, which are of what is propagated back.

    None where that is not known, or a treatment has changed which steps are real: then the recording's
    losses, summed over several of the script's steps, are not those of the record.
    """
    from clinometer.diagnosis.series import level_of_whole

    known = diagnosis.course.no_information
    if known is None or diagnosis.recording.steps != steps:
        return None
    found = level_of_whole(diagnosis.recording, known)
    return found if math.isfinite(found) else None


def right(recording: Recording, steps: int) -> list[float | None] | None:
    """Share of rows that were right in each step, None where it was not observed; None where it never was.

    A treatment that changes which steps are real leaves no step to tell it for.
    """
    if recording.steps != steps or not recording.of_kind("loss"):
        return None
    shares, rows = (recording.column("loss", name) for name in ("right", "examples"))
    told: list[float | None] = [None] * steps
    for step, share, weight in zip(recording.observed, shares, rows, strict=True):
        known = [(s, w) for s, w in zip(share, weight, strict=True) if math.isfinite(s) and w > 0]
        if known:
            told[int(step)] = float(sum(s * w for s, w in known) / sum(w for _, w in known))
    return told if any(one is not None for one in told) else None


def validation(recording: Recording) -> dict[str, Any]:
    """[step, mean loss] of each evaluation pass, and the loss of one who claims nothing, ln K [nat].

    Of the place in the script whose rows are told apart worst; steps count from the treatment.
    """
    from clinometer.diagnosis.validation import hardest, level
    from clinometer.records.evaluation import mean_loss

    passes = hardest(recording)
    return {
        "validation": [[one.step, plain(mean_loss(one.vector))] for one in passes],
        "validation_level": level(passes[-1]) if passes else None,
    }


def factor(diagnosis: Diagnosis, finding: Mapping[str, Any]) -> dict[str, Any] | None:
    """The factor that the treated finding blames, as this run's own ledger has it [decades].

    "arriving" is of the gradient at the layer's output, over that at the logits: where a layer is put in or
    taken out the one factor may fall although more of the gradient comes through.
    "-inf" where the signal is exactly 0; None where it was not judged, or where what is blamed is no factor.
    """
    from clinometer.diagnosis.line import SPOKEN
    from clinometer.diagnosis.scale import settled

    layer, cause = str(finding.get("layer") or ""), str(finding.get("cause") or "")
    if not layer and not cause:
        return None
    short = next((name for name, spoken in SPOKEN.items() if spoken == cause), None)
    value = arrived = math.nan
    for line in diagnosis.lines:
        if short is not None and line.layer == layer and short in line.factors:
            value = settled(line.factors[short], diagnosis.late)
            arrived = settled(line.arriving, diagnosis.late)
            break
    judged = [None if math.isnan(one) else plain(one) for one in (value, arrived)]
    return {"layer": layer, "name": cause, "value": judged[0], "arriving": judged[1]}


def described(losses: Sequence[float | None]) -> list[float | str | None]:
    """Losses as JSON has them."""
    return [plain(one) for one in losses]
