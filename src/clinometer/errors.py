"""Every exception and warning that Clinometer raises.

Each message says what was found, what was expected, and what to do.
"""

from __future__ import annotations


class ClinometerError(Exception):
    """Root of the tree: catch this one to catch all of ours."""


class ShapeError(ClinometerError, ValueError):
    """Arrays whose shapes do not fit each other; nothing is ever broadcast."""


class PredictionsError(ClinometerError, ValueError):
    """A predictions file or array that cannot be judged."""


class RecordingError(ClinometerError):
    """A recording that cannot be read."""


class ScriptError(ClinometerError):
    """A training script that cannot be started."""


class ForecastError(ClinometerError):
    """A model or a batch of which nothing can be forecast."""


class RequirementError(ClinometerError, AssertionError):
    """A forecast that does not keep within what was required of it."""


class TrialError(ClinometerError):
    """A trial of a remedy that cannot be made."""


class ServeError(ClinometerError):
    """A live page that cannot be served."""


class RuleError(ClinometerError):
    """A rule that is declared wrongly."""


class ClinometerWarning(UserWarning):
    """Something could not be recorded; the user's run goes on."""
