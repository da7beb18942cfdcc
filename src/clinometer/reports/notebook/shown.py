"""Which HTML shows which result."""

from __future__ import annotations

from clinometer.calibration.comparison import Comparison
from clinometer.calibration.confidence import Confidence
from clinometer.calibration.run_view_result import RunView
from clinometer.calibration.streamed_result import Streamed
from clinometer.calibration.two_splits import Splits
from clinometer.diagnosis.diagnosis import Diagnosis, Ledger
from clinometer.diagnosis.line import Line
from clinometer.diagnosis.rule import Finding
from clinometer.errors import ClinometerError
from clinometer.records.recording import Recording
from clinometer.records.treatment import Treatment
from clinometer.reports.notebook import of_models, of_runs, of_treatments


def notebook_html(result: object) -> str:
    """A result as a notebook shows it: HTML to put into a page of your own.

    Parameters
    ----------
    result : a Recording, a Diagnosis, one of its findings, its ledger or a line of that; what `compare`,
        `confidence`, `run_view` or `treat` returned

    Returns
    -------
    str : one `<div>`, at most 60 kB; no script, nothing fetched, every name escaped. Its text takes the
        colour of the page, light or dark.

    Raises
    ------
    ClinometerError : for anything else.
    """
    match result:
        case Recording():
            return of_runs.recording_html(result)
        case Diagnosis():
            return of_runs.diagnosis_html(result)
        case Finding():
            return of_runs.finding_html(result)
        case Ledger():
            return of_runs.ledger_html(result.diagnosis)
        case Line():
            return of_runs.line_html(result)
        case Comparison():
            return of_models.comparison_html(result)
        case Confidence() | Streamed():
            return of_models.confidence_html(result)
        case Splits():
            return of_models.splits_html(result)
        case RunView():
            return of_models.run_view_html(result)
        case Treatment():
            return of_treatments.treatment_html(result)
    raise ClinometerError(
        f"{type(result).__name__}: expected a result of clinometer, such as `diagnose` returns."
    )
