"""The difference of two runs, in words and as JSON."""

from __future__ import annotations

import importlib
from dataclasses import asdict, dataclass
from typing import Any

from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.diagnosis.json_rows import number
from clinometer.diagnosis.line import SPOKEN
from clinometer.stats.change import EARLIER, LASTING

SCHEMA = 1


@dataclass(frozen=True)
class Where:
    """One factor of one layer that changed.

    from_step : the observed step from which it lies elsewhere
    from_start : whether it does so from the first common observation
    decades : second run less first, beyond what they differed by before
    spread : of the earlier observations [decades]
    """

    layer: str
    kind: str
    from_step: int
    from_start: bool
    decades: float
    spread: float


@dataclass(frozen=True)
class Change:
    """One factor that changed, in some layers; `decades` is the median over them."""

    factor: str
    worst: Where
    where: tuple[Where, ...]
    of: int
    from_step: int
    from_start: bool
    decades: float

    @property
    def sentence(self) -> str:
        """The change in words."""
        name = SPOKEN.get(self.factor, self.factor)
        lower = "lower" if self.worst.decades < 0 else "higher"
        begins = "from the first common observation" if self.from_start else "from observed step"
        step = f" (step {self.from_step:,})" if self.from_start else f" {self.from_step:,} on"
        return (
            f"{name[0].upper()}{name[1:]}: in the second run {abs(self.worst.decades):.1f} decades {lower} "
            f"at layer {self.worst.layer} ({self.worst.kind}), in {len(self.where)} of {self.of} layers, "
            f"{begins}{step}."
        )


@dataclass(frozen=True)
class Difference:
    """What `clinometer.diff` found.

    Attributes
    ----------
    first, second : the diagnoses of the two runs
    changes : factors that changed, the earliest first, then the largest
    steps : observed steps at which they were compared
    layers : how many are in both
    only_first, only_second : layers in one run only
    factors : those that were compared
    zero : (layer, factor, run, step) of factors that are exactly zero from a step on in that run only
    parted : first step whose losses are not bit for bit the same; None where all are
    """

    first: Diagnosis
    second: Diagnosis
    changes: tuple[Change, ...]
    steps: tuple[int, ...]
    layers: int
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    factors: tuple[str, ...]
    zero: tuple[tuple[str, str, int, int], ...]
    parted: int | None

    @property
    def because(self) -> str:
        """The sentence."""
        if why := self.not_compared:
            return f"Not compared: {why}."
        if self.zero:
            layer, factor, run, step = min(self.zero, key=lambda one: one[3])
            which = ("first", "second")[run - 1]
            return (
                f"{SPOKEN.get(factor, factor)[0].upper()}{SPOKEN.get(factor, factor)[1:]}: exactly zero in "
                f"the {which} run at layer {layer} from observed step {step:,} on."
            )
        if self.changes:
            return self.changes[0].sentence
        return "No factor changed by a factor of 3 or more and lastingly."

    @property
    def not_compared(self) -> str:
        """Why nothing could be compared; "" where it could."""
        if not self.layers:
            return "the runs have no layer of the same name with a ledger"
        if len(self.steps) < LASTING:
            return (
                f"{len(self.steps)} observed steps lie in both runs, and {LASTING} are needed (for a change "
                f"that begins later, {EARLIER + LASTING}): record with --every"
            )
        return ""

    def to_dict(self) -> dict[str, Any]:
        """`diff --json`, schema 1: strict JSON. Decades: the second run less the first."""
        from clinometer import __version__

        return {
            "schema": SCHEMA,
            "clinometer": __version__,
            "because": self.because,
            "runs": [self._run(self.first), self._run(self.second)],
            "losses_part_at": self.parted,
            "compared": {
                "layers": self.layers,
                "factors": list(self.factors),
                "observations": len(self.steps),
                "steps": [self.steps[0], self.steps[-1]] if self.steps else None,
            },
            "changes": [
                {
                    "factor": change.factor,
                    "from_step": change.from_step,
                    "from_start": change.from_start,
                    "decades": change.decades,
                    "layers": [asdict(one) for one in change.where],
                }
                for change in self.changes
            ],
            "zero": [
                {"layer": layer, "factor": factor, "run": run, "from_step": step}
                for layer, factor, run, step in self.zero
            ],
            "only_first": list(self.only_first),
            "only_second": list(self.only_second),
            "not_compared": self.not_compared or None,
        }

    @staticmethod
    def _run(diagnosis: Diagnosis) -> dict[str, Any]:
        recording = diagnosis.recording
        return {
            "path": recording.path,
            "script": recording.meta.get("script"),
            "steps": recording.steps,
            "observed_steps": len(recording.observed),
            "verdict": diagnosis.verdict,
            "because": diagnosis.because,
            "loss": {
                "first": number(diagnosis.course.first),
                "last": number(diagnosis.course.last),
            },
        }

    def __str__(self) -> str:
        # By name: a diagnosis knows nothing of reports.
        reports = importlib.import_module("clinometer.reports.difference_text")
        return str(reports.difference_text(self)).rstrip()

    def _repr_html_(self) -> str:
        import html

        return f"<pre>{html.escape(str(self))}</pre>"
