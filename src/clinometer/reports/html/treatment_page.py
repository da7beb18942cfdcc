"""A treatment as one self-contained HTML file: verdict, arms, the change, both well logs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np

from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.records.treatment import ArmResult, Treatment
from clinometer.reports.html.log import Log, log_beside
from clinometer.reports.html.page import render, write_page
from clinometer.reports.treatment_text import (
    arm_told,
    compare_line,
    difference_words,
    loss_column,
    rest_of,
    trials_words,
    words_of,
)

TONES = {"proven": "good", "nothing to treat": "good", "none proven": "bad", "undecided": "unsure"}
NO_WELLS = "no trial of a remedy left a recording."


@dataclass(frozen=True)
class Row:
    """One arm in the table, in words."""

    name: str
    words: str
    verdict: str
    loss: str
    difference: str
    moment: str
    seeds: int
    told: str


@np.errstate(all="ignore")
def treatment_page(treatment: Treatment, wells: tuple[Diagnosis, Diagnosis] | None = None) -> str:
    """HTML of a treatment.

    Parameters
    ----------
    treatment : what `clinometer.treat` returned
    wells : of doing nothing and of the treated run, for the logs; None: the page says that there are none

    Raises
    ------
    ClinometerError : where Jinja2 is not installed. Without matplotlib the page has no logs and says so.

    Notes
    -----
    Nothing is fetched. Names, paths, the script's lines and its errors are escaped.
    """
    first = treatment.remedies[0].name if treatment.remedies else ""
    change, command = treatment.change, compare_line(treatment)
    return render(
        "report_treatment.html",
        name=PurePath(treatment.script).name or treatment.script,
        script=treatment.script,
        verdict=treatment.verdict,
        tone=TONES.get(treatment.verdict, "unsure"),
        because=treatment.because,
        finding=dict(treatment.finding) if treatment.finding is not None else None,
        trials=trials_words(treatment) if treatment.arms else "",
        rows=[_row(arm) for arm in treatment.arms],
        change=dict(change) if change is not None else None,
        change_kind="As a diff of the script"
        if change is not None and change["kind"] == "diff"
        else "As lines to add",
        treated=first,
        log=log_beside(*wells) if wells is not None else Log("", NO_WELLS, (0, 0), (0.0,) * 4),
        rest=[*rest_of(treatment), *((("Next", command),) if command else ())],
    )


def write_treatment_page(
    treatment: Treatment,
    path: str | os.PathLike[str],
    wells: tuple[Diagnosis, Diagnosis] | None = None,
) -> None:
    """Write a treatment as one HTML file (see `treatment_page`).

    Raises
    ------
    ClinometerError : where Jinja2 is not installed, or the file cannot be written.
    """
    write_page(treatment_page(treatment, wells), path)


def _row(arm: ArmResult) -> Row:
    return Row(
        name=arm.name,
        words=words_of(arm),
        verdict=arm.verdict,
        loss=loss_column(arm),
        difference=difference_words(arm),
        moment="the running state" if arm.moment == "running" else "a new start",
        seeds=arm.seeds,
        told=arm_told(arm),
    )
