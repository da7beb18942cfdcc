"""Clinometer: the slope a neural network learns by, measured.

The public names are loaded when first used, so that `import clinometer` costs nothing
and reading a recording never imports torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from clinometer.adapters.classifiers import compare, confidence
    from clinometer.adapters.stopping import RefinementStopping
    from clinometer.adapters.validation import ValidationMetric
    from clinometer.attach.watch import watch
    from clinometer.calibration.held_out import held_out_temperature
    from clinometer.calibration.run_view import run_view
    from clinometer.diagnosis.diagnose import diagnose
    from clinometer.diagnosis.difference import diff
    from clinometer.diagnosis.rule import Rule
    from clinometer.reports.confidence_figures import plot
    from clinometer.reports.las import to_las
    from clinometer.reports.notebook.shown import notebook_html
    from clinometer.reports.well_log.plot import plot_log
    from clinometer.store.reader import read
    from clinometer.treatment.forecast import forecast
    from clinometer.treatment.treat import treat

_HOME = {
    "RefinementStopping": "clinometer.adapters.stopping",
    "Rule": "clinometer.diagnosis.rule",
    "ValidationMetric": "clinometer.adapters.validation",
    "compare": "clinometer.adapters.classifiers",
    "confidence": "clinometer.adapters.classifiers",
    "diagnose": "clinometer.diagnosis.diagnose",
    "diff": "clinometer.diagnosis.difference",
    "forecast": "clinometer.treatment.forecast",
    "held_out_temperature": "clinometer.calibration.held_out",
    "notebook_html": "clinometer.reports.notebook.shown",
    "plot": "clinometer.reports.confidence_figures",
    "plot_log": "clinometer.reports.well_log.plot",
    "read": "clinometer.store.reader",
    "run_view": "clinometer.calibration.run_view",
    "to_las": "clinometer.reports.las",
    "treat": "clinometer.treatment.treat",
    "watch": "clinometer.attach.watch",
}

__all__ = [
    "RefinementStopping",
    "Rule",
    "ValidationMetric",
    "compare",
    "confidence",
    "diagnose",
    "diff",
    "forecast",
    "held_out_temperature",
    "notebook_html",
    "plot",
    "plot_log",
    "read",
    "run_view",
    "to_las",
    "treat",
    "watch",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


def load_ipython_extension(ipython: Any) -> None:
    """What `%load_ext clinometer` calls: the magics `%%clinometer` and `%clinometer`."""
    from clinometer.adapters.ipython import load

    load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """What `%unload_ext clinometer` calls: ends a recording that is running, and takes the magics off."""
    from clinometer.adapters.ipython import unload

    unload(ipython)
