"""What a diagnosis asks for: the finding that is treated, its remedies, and which only a person can try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.diagnosis.json_rows import finding_row
from clinometer.diagnosis.remedies import REMEDIES, in_words
from clinometer.errors import TrialError
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
    for name in wanted:
        _check(name, known)
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


def _check(name: str, known: Mapping[str, Remedy]) -> None:
    if name in known:
        return
    if name in REMEDIES:
        raise TrialError(
            f"{name}: can only be tried by hand ({in_words(name)}).\n"
            f"  Can be tried on a copy of the run: {', '.join(known)}."
        )
    raise TrialError(f"{name}: no such remedy.\n  Expected one of {', '.join(known)}.")


@np.errstate(all="ignore")
def facts(diagnosis: Diagnosis) -> dict[str, Any]:
    """What remedies are told of the run (see `Patient.facts`)."""
    recording = diagnosis.recording
    terms = recording.of_kind("loss")
    told = diagnosis.to_dict()
    return {
        "steps": recording.steps,
        "no_information": told["loss"]["no_information"],
        "loss": terms[0].name if len(terms) == 1 else None,
        "ledger": {row["layer"]: row["factors"] for row in told["ledger"]},
        "gradient_dtypes": sorted(
            {
                str(site.facts["gradient_dtype"])
                for site in recording.of_kind("call")
                if site.facts.get("gradient_dtype")
            }
        ),
    }


def moment_of(diagnosis: Diagnosis) -> int:
    """Steps after which a running state is treated: half of the run; 0 where it had diverged."""
    bad = diagnosis.course.bad_step
    if diagnosis.verdict in DIVERGED or bad is not None:
        return 0
    return diagnosis.recording.steps // 2


def steps_of(diagnosis: Diagnosis) -> int:
    """How long a trial is watched: as long as the run, `MOST_STEPS` at most."""
    return max(1, min(diagnosis.recording.steps, MOST_STEPS))
