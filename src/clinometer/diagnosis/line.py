"""One line of the ledger: the factors of one tensor's relative motion."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from clinometer.diagnosis.reference import OWN_HISTORY, at_the_beginning
from clinometer.diagnosis.scale import settled
from clinometer.diagnosis.way import Way
from clinometer.records.recording import Bool, Float64

GAINS = (
    "weight", "activation", "normalisation", "attention", "recurrence", "branch", "other",
)  # fmt: skip
FACTORS = (
    "loss_end", *GAINS, "sharing", "input_size", "batch_agreement",
    "clip", "optimizer", "rounding", "weight_size",
)  # fmt: skip
SPOKEN = {
    "loss_end": "loss end",
    "weight": "weight gain",
    "activation": "activation gain",
    "normalisation": "normalisation gain",
    "attention": "attention gain",
    "recurrence": "recurrence",
    "branch": "branch share",
    "other": "other operations",
    "input_size": "input size",
    "batch_agreement": "batch agreement",
    "clip": "clip",
    "optimizer": "optimizer gain",
    "rounding": "rounding survival",
    "weight_size": "weight size",
    "sharing": "weight sharing",
}


@dataclass(frozen=True)
class Line:
    """The ledger of one tensor.

    Attributes
    ----------
    layer : the module's name for its main weight, the tensor's own name otherwise
    factors : float64 (observations,) of each factor [decades]; -inf where the signal is exactly 0,
        nan where it was not measured. A factor that cannot be told at all is left out, and its
        neighbour holds both: `clip` and `input_size` in `batch_agreement`, `rounding` in `optimizer`.
    total : float64 (observations,): the update ratio, measured apart [decades]
    steps : every gain on the way, nearest first: {name: float64 (observations,)} [decades]
    roles : which factor each of those gains belongs to
    arriving : rms of the gradient at the place's output over the one at the logits, measured
        directly, float64 (observations,) [decades]
    kind : class of the module that the tensor belongs to
    parameter : the tensor's qualified name
    is_weight : whether it is the weight of a linear map or convolution
    way : the way from its place to the loss
    uniform_loss_end : `loss_end` of the uniform prediction [decades], nan where that is not known
    spread : `other` as far as the change of sizes by pooling and picking explains it [decades]
    """

    layer: str
    factors: Mapping[str, Float64]
    total: Float64
    steps: Mapping[str, Float64]
    roles: Mapping[str, str]
    arriving: Float64
    kind: str
    parameter: str = ""
    is_weight: bool = True
    way: Way | None = None
    uniform_loss_end: float = math.nan
    spread: float = 0.0

    @property
    def spoken(self) -> str:
        """The layer's name for a sentence: `layer 0 (Linear)`, `parameter 0.bias (Linear)`."""
        return f"{'layer' if self.is_weight else 'parameter'} {self.layer} ({self.kind})"

    @property
    def path(self) -> tuple[str, ...]:
        """Names of the places between the tensor's own and the loss, nearest first."""
        return self.way.places if self.way is not None else ()

    @property
    def residual(self) -> Float64:
        """Total less the sum of the factors that were measured apart [decades]."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.total - np.sum(list(self.factors.values()), axis=0))

    @cached_property
    def reference(self) -> dict[str, float]:
        """What each factor is held against [decades].

        The gains of the chain rule against 0, lossless; so a sigmoid, whose slope is 1/4 at its best, falls
        short by 0.6 even there. Clip, rounding, sharing and input size against 0, too; other operations
        against what the change of sizes does by itself (a mean over 16 positions: -1.2). `loss_end`
        against the uniform prediction's where the loss is a cross-entropy, otherwise, like the
        optimizer, batch agreement and weight size, against the median of the run's first quarter.
        """
        found = dict.fromkeys(self.factors, 0.0)
        if "other" in found:
            found["other"] = self.spread
        for factor, values in self.factors.items():
            is_own = factor in OWN_HISTORY or (factor == "sharing" and not self.is_weight)
            if is_own or (factor == "loss_end" and math.isnan(self.uniform_loss_end)):
                found[factor] = at_the_beginning(values)
            elif factor == "loss_end":
                found[factor] = self.uniform_loss_end
        return found

    def shortfall(self, late: Bool) -> dict[str, float]:
        """Reference less the settled value of each factor [decades]: positive is lost.

        inf where the signal is exactly 0, whatever the reference; nan where one of both is not known.
        """
        found = {}
        for factor, values in self.factors.items():
            value = settled(values, late)
            found[factor] = math.inf if value == -math.inf else self.reference[factor] - value
        return found

    def blame(self, late: Bool) -> tuple[str, float]:
        """The factor with the largest shortfall, and how large it is [decades].

        ("", nan) where nothing was measured.
        """
        known = {name: lost for name, lost in self.shortfall(late).items() if not math.isnan(lost)}
        worst = max(known, key=lambda name: known[name], default="")
        return worst, known.get(worst, math.nan)

    def _repr_html_(self) -> str:
        from clinometer import notebook_html  # by the front door: results know nothing of reports

        return notebook_html(self)
