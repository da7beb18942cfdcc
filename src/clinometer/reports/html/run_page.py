"""The report of a run as one self-contained HTML file."""

from __future__ import annotations

import os
from pathlib import PurePath

import numpy as np

from clinometer.diagnosis.diagnose import diagnose
from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.records.recording import Recording
from clinometer.reports.diagnosis_text import sentence
from clinometer.reports.html.findings import cards
from clinometer.reports.html.ledger import table
from clinometer.reports.html.log import log
from clinometer.reports.html.log_data import log_data
from clinometer.reports.html.loss import curve
from clinometer.reports.html.page import render, write_page
from clinometer.reports.html.rest import disconnected, happened, measured, not_judged
from clinometer.reports.layout import counted
from clinometer.reports.rest_text import seen_text

TONES = {
    "learning": "good", "learned": "good",
    "stuck": "bad", "diverged": "bad", "not-training": "bad",
    "undecided": "unsure",
}  # fmt: skip


@np.errstate(all="ignore")
def run_page(run: Recording | Diagnosis) -> str:
    """HTML of a run's report: verdict, sentence, cause and evidence first, then all that is behind them.

    Parameters
    ----------
    run : a recording, or its diagnosis where there is one already

    Returns
    -------
    str : at most 1 MiB of UTF-8, without what grows with the network (a few hundred bytes a tensor).

    Raises
    ------
    ClinometerError : where Jinja2 is not installed. Without matplotlib the page has no log and says so.

    Notes
    -----
    Nothing is fetched. Names, paths and texts of the recording are escaped; the policy of the page lets no
    script run but its own.
    """
    diagnosis = diagnose(run) if isinstance(run, Recording) else run
    shown, well = log(diagnosis)
    found = cards(diagnosis)
    script = str(diagnosis.recording.meta.get("script") or diagnosis.recording.path)
    return render(
        "report_run.html",
        log_data(diagnosis, shown, well),
        name=PurePath(script).name or script,
        script=script,
        verdict=diagnosis.verdict,
        tone=TONES.get(diagnosis.verdict, "unsure"),
        because=sentence(diagnosis),
        seen=seen_text(diagnosis),
        nothing_found=_nothing_found(diagnosis),
        lead=found[0] if found and found[0].finding.severity != "note" else None,
        cards=found,
        loss=curve(diagnosis),
        log=shown,
        table=table(diagnosis),
        not_judged=not_judged(diagnosis),
        disconnected=disconnected(diagnosis),
        happened=happened(diagnosis),
        measured=measured(diagnosis),
    )


def write_run_page(run: Recording | Diagnosis, path: str | os.PathLike[str]) -> None:
    """Write a run's report as one HTML file (see `run_page`).

    Raises
    ------
    ClinometerError : where Jinja2 is not installed, or the file cannot be written.
    """
    write_page(run_page(run), path)


def _nothing_found(diagnosis: Diagnosis) -> str:
    looked = diagnosis.rules - len(diagnosis.not_judged)
    return f"{counted(looked, 'rule')} looked, and none of them found a fault."
