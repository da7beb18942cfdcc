"""What a forecast says: gains measured before training, beside theory where it speaks."""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from clinometer.errors import RequirementError
from clinometer.theory.reach import Reach, reaches

Ends = tuple[float, float]
SCHEMA = 1


@dataclass(frozen=True)
class Row:
    """One layer with weights, in order of execution; all in decades, nan where not measured or predicted.

    size : log10 of the RMS of its output
    arriving : RMS of the gradient at its output over the one at the network's
    weight : RMS of the gradient that its weights hand back over the one that arrives
    activation : gains of the activations between it and the next layer
    other : whatever else lies between the two (normalisation, pooling, meeting paths)
    gain : of everything from the next layer's output (or the network's) to its own
    expected_... : what mean-field theory expects of the same
    """

    layer: str
    kind: str
    size: float
    arriving: float
    weight: float
    activation: float
    other: float
    gain: float
    expected_weight: float = math.nan
    expected_activation: float = math.nan
    expected_gain: float = math.nan


def typical(rows: Sequence[Row]) -> float:
    """Median gain from one layer to the one before it [decades]: heads and stems are not like the rest."""
    gains = [row.gain for row in rows[:-1]]
    return median(gains) if gains and not any(map(math.isnan, gains)) else math.nan


@dataclass(frozen=True)
class Initialised:
    """The same network with other first weights: total gain to the first layer's output [decades].

    expected, spread : by theory, and its standard deviation over draws; nan where it does not speak
    why : why it was not measured
    """

    name: str
    measured: float
    expected: float
    spread: float
    per_layer: float
    why: str = ""


@dataclass(frozen=True)
class WidthSlope:
    """How the size of a layer's output goes with width: slope of log RMS against log width [-].

    what : "output" before training, or "change" after some steps
    interval : 95 %, Student's t over networks of several widths and draws
    """

    layer: str
    what: str
    slope: float
    interval: Ends
    n: int


@dataclass(frozen=True)
class Forecast:
    """Gains at initialisation, measured on one batch, beside theory.

    Attributes
    ----------
    model : its class
    rows : layers with weights, input first
    why_silent : why theory does not speak (of the rest of the network); "" where it speaks throughout
    expected, spread : sum of the gains that theory speaks of and its standard deviation [decades]
    measured : the same sum, measured; nan where theory does not speak
    at_seen_lengths : theory once more, from the lengths that this network has in each layer [decades]
    reach : by dtype, where the gradient leaves what the dtype can carry
    start : log10 of the RMS of the gradient at the network's output
    largest : largest absolute value that any operation gave on the way forwards
    loss : what the gradient began as, in words
    dtype : of the measurement
    inits : other first weights
    widths, widths_tried : the width check; empty where it was not asked for
    notes : what a reader has to know (dtype of the measurement, modes ...)
    """

    model: str
    rows: tuple[Row, ...]
    why_silent: str
    expected: float
    spread: float
    measured: float
    at_seen_lengths: float
    start: float
    largest: float
    loss: str
    dtype: str
    inits: tuple[Initialised, ...] = ()
    widths: tuple[WidthSlope, ...] = ()
    widths_tried: tuple[int, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def total(self) -> float:
        """Gain from the network's output to that of its first layer [decades]."""
        return self.rows[0].arriving

    @property
    def per_layer(self) -> float:
        """Median gain from one layer to the one before it [decades]; nan for a single layer."""
        return typical(self.rows)

    @property
    def reach(self) -> tuple[Reach, ...]:
        """Where the gradient leaves what each dtype can carry."""
        return reaches([row.arriving for row in self.rows], self.start, self.per_layer)

    def require(
        self,
        *,
        gain: Ends | None = None,
        total: Ends | None = None,
        size: Ends | None = None,
        carried_by: str | None = None,
        theory: float | None = None,
        width: float | None = None,
    ) -> Forecast:
        """Raise unless the network is as it should be before any training: one line of a test.

        Parameters
        ----------
        gain : lowest and highest gain from any layer to the one before it [decades a layer]
        total : the same from the output of the network to that of its first layer [decades]
        size : lowest and highest log10 RMS of any layer's output [decades]
        carried_by : dtype whose normal numbers must hold the gradient at every layer
        theory : most that the measured total may lie from the expected one [decades]
        width : most that any slope of the width check may lie from 0, by its whole interval [-]

        Returns
        -------
        Forecast : itself

        Raises
        ------
        RequirementError : an AssertionError that names layer, found, expected and what to do. What was
            not measured does not pass.
        """
        from clinometer.records import requirements

        found = [
            *requirements.outside(self, gain, total, size),
            *requirements.uncarried(self, carried_by),
            *requirements.off_theory(self, theory),
            *requirements.width_bound(self, width),
        ]
        if found:
            raise RequirementError(
                f"{self.model}: {len(found)} of what was required of its first weights does not "
                "hold.\n  " + "\n  ".join(found)
            )
        return self

    def to_dict(self) -> dict[str, Any]:
        """`forecast --json`, schema 1: strict JSON; null stands for not measured or not predicted."""
        from clinometer import __version__

        listed = {
            "schema": SCHEMA,
            "clinometer": __version__,
            "model": self.model,
            "unit": "decades",
            "total": self.total,
            "per_layer": self.per_layer,
            "start": self.start,
            "largest_output": self.largest,
            "loss": self.loss,
            "dtype": self.dtype,
            "theory": {
                "speaks": math.isfinite(self.expected),
                "silent_because": self.why_silent or None,
                "expected": self.expected,
                "spread": self.spread,
                "measured": self.measured,
                "at_seen_lengths": self.at_seen_lengths,
            },
            "layers": [asdict(row) for row in self.rows],
            "carried": [asdict(one) for one in self.reach],
            "inits": [asdict(one) for one in self.inits],
            "widths": {
                "tried": list(self.widths_tried),
                "slopes": [asdict(one) for one in self.widths],
            },
            "notes": list(self.notes),
        }
        strict: dict[str, Any] = _strict(listed)
        return strict

    def __str__(self) -> str:
        # By name: records know nothing of reports, which are not loaded before they are asked for.
        reports = importlib.import_module("clinometer.reports.forecast_text")
        return str(reports.forecast_text(self)).rstrip()

    def _repr_html_(self) -> str:
        import html

        return f"<pre>{html.escape(str(self))}</pre>"


def _strict(what: Any) -> Any:
    """Numbers that are not finite become null; -inf, an exact zero, becomes "zero"."""
    if isinstance(what, dict):
        return {key: _strict(value) for key, value in what.items()}
    if isinstance(what, list | tuple):
        return [_strict(value) for value in what]
    if isinstance(what, float) and not math.isfinite(what):
        return "zero" if what == -math.inf else None
    return what
