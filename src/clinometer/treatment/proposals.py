"""What a diagnosis asks for: the finding that is treated, its remedies, and which only a person can try."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from clinometer.calibration.cures import label_smoothing
from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.diagnosis.json_rows import finding_row
from clinometer.diagnosis.margins import BLOCKS
from clinometer.diagnosis.remedies import REMEDIES, in_words
from clinometer.diagnosis.validation import claim, hardest, least, level
from clinometer.errors import TrialError
from clinometer.records.evaluation import Evaluation
from clinometer.treatment.outcome import Watched
from clinometer.treatment.remedy import Remedy

GRAVE = frozenset({"error", "warning"})
MOST_REMEDIES = 6  # by default: with the controls of two moments about a dozen arms a seed
MOST_STEPS = (
    300  # by default: enough for eight blocks of a late window, and minutes for most scripts
)
DIVERGED = frozenset({"diverged"})
# By half of a run that these faults have ruined (weights blown up, units dead or flat) a gentler step finds
# nothing left to save: measured on cnn_adam_half, where a tenth of the rate takes the running state from
# 2.331 to 2.31 only.
RUINOUS = frozenset({"FLOW101", "FLOW102", "FLOW202", "FLOW303", "FLOW501"})


@dataclass(frozen=True)
class Proposals:
    """What is tried on a run.

    Attributes
    ----------
    finding : the leading one, as in `report --json`; None where the run has no error and no warning
    remedies : to be tried, leading finding's first, each once
    by_hand : (name, words) of what is proposed and cannot be tried on a copy
    more : proposed, and left out because of their number
    proposed : every remedy that any finding names; none of them is a random one
    """

    finding: Mapping[str, Any] | None
    remedies: tuple[Remedy, ...]
    by_hand: tuple[tuple[str, str], ...]
    more: tuple[str, ...]
    proposed: tuple[str, ...]


def proposals(
    diagnosis: Diagnosis,
    known: Mapping[str, Remedy],
    *,
    wanted: Sequence[str] = (),
    most: int = MOST_REMEDIES,
) -> Proposals:
    """Choose what is tried.

    Parameters
    ----------
    diagnosis : of the run
    known : remedies that can be tried, by name
    wanted : names asked for, in place of what the findings name
    most : how many to try

    Raises
    ------
    TrialError : for a wanted name that is no remedy, or one that only a person can try.
    """
    check(wanted, known)
    grave = [finding for finding in diagnosis.findings if finding.severity in GRAVE]
    named = [name for finding in grave for name in finding.remedies]
    everything = [name for finding in diagnosis.findings for name in finding.remedies]
    tried = list(dict.fromkeys(wanted or [name for name in named if name in known]))
    hand = [name for name in dict.fromkeys(named) if name not in known]
    leading = (
        grave[0] if grave else diagnosis.findings[0] if wanted and diagnosis.findings else None
    )
    return Proposals(
        finding=finding_row(leading) if leading is not None else None,
        remedies=tuple(_timely(known[name], diagnosis) for name in tried[:most]),
        by_hand=tuple((name, in_words(name)) for name in hand),
        more=tuple(tried[most:]),
        proposed=tuple(dict.fromkeys([*everything, *wanted])),
    )


def _timely(remedy: Remedy, diagnosis: Diagnosis) -> Remedy:
    """From a new start where it is named against a fault that ruins the running state."""
    by = {one.code for one in diagnosis.findings if remedy.name in one.remedies}
    return replace(remedy, moment="start") if by & RUINOUS else remedy


def check(wanted: Sequence[str], known: Mapping[str, Remedy]) -> None:
    """Refuse names that cannot be tried, before anything is run for them.

    Raises
    ------
    TrialError : for a name that is no remedy, or one that only a person can try.
    """
    for name in wanted:
        if name in known:
            continue
        if name in REMEDIES:
            raise TrialError(
                f"{name}: can only be tried by hand ({in_words(name)}).\n"
                f"  Can be tried on a copy of the run: {', '.join(known)}."
            )
        raise TrialError(f"{name}: no such remedy.\n  Expected one of {', '.join(known)}.")


@np.errstate(all="ignore")
def facts(diagnosis: Diagnosis, end: int | None = None) -> dict[str, Any]:
    """What remedies are told of the run (see `Patient.facts`); `end` is the step at which a trial is over.

    What a scale has earned is read from the evaluation pass that is nearest to that end, else the latest: it
    is another one early in a run than late.
    """
    recording = diagnosis.recording
    terms, passes = recording.of_kind("loss"), hardest(recording)
    told, last = diagnosis.to_dict(), recording.steps if end is None else end
    return {
        "steps": recording.steps,
        "no_information": told["loss"]["no_information"],
        "loss": terms[0].name if len(terms) == 1 else None,
        "best_pass": _best_pass(diagnosis),
        **(_earned(min(passes, key=lambda one: abs(one.step - last))) if passes else {}),
        "ledger": {row["layer"]: row["factors"] for row in told["ledger"]},
        "gradient_dtypes": sorted(
            {
                str(site.facts["gradient_dtype"])
                for site in recording.of_kind("call")
                if site.facts.get("gradient_dtype")
            }
        ),
    }


def moment_of(diagnosis: Diagnosis, finding: Mapping[str, Any] | None = None) -> int:
    """Steps after which a running state is treated: half of the run; 0 where it had diverged.

    An event is treated just before it comes. What evaluation passes say is treated at the best of them, if
    that lies in the first half: later only less could be saved.
    """
    bad, half = diagnosis.course.bad_step, diagnosis.recording.steps // 2
    if diagnosis.verdict in DIVERGED or bad is not None:
        return 0
    if finding is None:
        return half
    if (event := event_of(finding)) is not None:
        return max(event - BLOCKS, 0)
    if is_of_confidence(finding["code"]):
        best = least(hardest(diagnosis.recording))
        return min(best.step, half) if best is not None else half
    return half


def event_of(finding: Mapping[str, Any]) -> int | None:
    """The step of a finding that is an event; None of one that holds over the run."""
    first, last = finding["steps"]
    return int(first) if first == last > 0 else None


def is_of_confidence(code: str) -> bool:
    """Whether a finding is about what the outputs claim, not about how the weights learn."""
    return code.startswith("CONF")


def watched_of(diagnosis: Diagnosis, names: Sequence[str]) -> dict[str, Watched]:
    """What of its trials each remedy is judged by: as the first finding that names it asks, grave ones first.

    A claim is judged on rows that were evaluated, an event by what it costs over the whole trial, anything
    else by how the training ends. Controls stand under "sham" and "random", as the first of the remedies.
    """
    grave = [finding for finding in diagnosis.findings if finding.severity in GRAVE]
    found: dict[str, Watched] = {}
    for name in names:
        by = next((one for one in (*grave, *diagnosis.findings) if name in one.remedies), None)
        if by is not None and is_of_confidence(by.code):
            found[name] = "validation"
        elif by is not None and event_of(finding_row(by)) is not None:
            found[name] = "course"
    lead = found.get(names[0], "end") if names else "end"
    return {"sham": lead, "random": lead} | found


def steps_of(diagnosis: Diagnosis) -> int:
    """How long a trial is watched: as long as the run, `MOST_STEPS` at most."""
    return max(1, min(diagnosis.recording.steps, MOST_STEPS))


def _best_pass(diagnosis: Diagnosis) -> int | None:
    """Steps before the best evaluation pass, where a finding says that it was best to stop there."""
    named = any("stop-earlier" in one.remedies for one in diagnosis.findings)
    best = least(hardest(diagnosis.recording)) if named else None
    return best.step if best is not None else None


def _earned(one: Evaluation) -> dict[str, float]:
    """Temperature and label smoothing that would give a pass the scale that it has earned, where one does."""
    made, wrong, classes = claim(one), 1.0 - one.fit.accuracy, round(math.exp(level(one)))
    found = {}
    if made is not None and math.isfinite(made.value):
        found["temperature"] = made.value
    smoothing = label_smoothing(wrong, classes) if classes > 1 else math.nan
    if 0 < smoothing < 1:
        found["label_smoothing"] = smoothing
    return found
