"""The gradient ledger: one additive line, in decades, from the loss to a weight's relative motion.

For the weight W of one linear or convolution layer l below the logits, with d the gradient of the
loss at a layer's output, a its input rows, B examples, and "rows" = examples x positions:

    log10( rms(stored step) / rms(W) ) =
        loss_end         rms(d at the logits) * sqrt(B)
      + weight           rms gain of every linear or convolution layer above
      + activation       rms gain of every activation above
      + normalisation    the same for normalisations
      + other            everything else on the way (pooling, dropout, unseen operations)
      + sharing          sqrt(rows / B): positions that share the weight
      + input_size       R / |d|, per unit: the gradient-weighted rms of the input
      + batch_agreement  |dC/dW| / R: 0 cancel, 1 unrelated, sqrt(rows) all agree
      + clip             gradient taken by the optimizer / gradient left by backward
      + optimizer        intended step / gradient
      + rounding         stored step / intended step
      + weight_size      1 / rms(W)

with R^2 = sum over rows of |d row|^2 |a row|^2. Along a chain the gains telescope, so the line must
sum to the update ratio, which is measured apart; what is left over is the residual.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clinometer.diagnosis.paths import Network, Path
from clinometer.records.recording import Float64, Recording

GAINS = ("weight", "activation", "normalisation", "other")
FACTORS = (
    "loss_end", *GAINS, "sharing", "input_size", "batch_agreement",
    "clip", "optimizer", "rounding", "weight_size",
)  # fmt: skip
SPOKEN = {
    "loss_end": "loss end",
    "weight": "weight gain",
    "activation": "activation gain",
    "normalisation": "normalisation gain",
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
    """The ledger of one weight tensor.

    Attributes
    ----------
    layer : the layer's name
    factors : float64 (observations,) of each factor [decades]; -inf where the signal is exactly 0,
        nan where it was not measured. A factor that cannot be told at all is left out, and its
        neighbour holds both: `clip` in `batch_agreement`, `rounding` in `optimizer`.
    total : float64 (observations,): the update ratio, measured apart [decades]
    steps : gain of every call on the way, nearest first: {name: float64 (observations,)} [decades]
    roles : which factor each of those gains belongs to
    arriving : rms of the gradient at the layer's output over the one at the logits, measured
        directly, float64 (observations,) [decades]
    kind : the layer's class
    """

    layer: str
    factors: dict[str, Float64]
    total: Float64
    steps: dict[str, Float64]
    roles: dict[str, str]
    arriving: Float64
    kind: str

    @property
    def spoken(self) -> str:
        """The layer's name for a sentence: `layer 0 (Linear)`."""
        return f"layer {self.layer} ({self.kind})"

    @property
    def residual(self) -> Float64:
        """Total less the sum of the factors that were measured apart [decades]."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.total - np.sum(list(self.factors.values()), axis=0))


def ledger(recording: Recording) -> tuple[list[Line], dict[str, str]]:
    """(lines by depth, {layer: why there is none}) for every linear and convolution layer."""
    network = Network(recording)
    reader = _Reader(recording, network)
    lines, missing = [], {}
    for call in network.weight_layers():
        name = network.site(call).name
        path = network.path(call)
        weight = network.site(call).facts.get("parameter", f"{name.partition('#')[0]}.weight")
        parameter = reader.parameters.get(weight)
        if isinstance(path, str):
            missing[name] = path
        elif parameter is None:
            missing[name] = "its weight took part in no optimizer step that was observed"
        else:
            lines.append(reader.line(path, parameter))
    return lines, missing


class _Reader:
    """Takes the recording's columns as decades."""

    def __init__(self, recording: Recording, network: Network) -> None:
        self.recording, self.network = recording, network
        self.parameters = {site.name: i for i, site in enumerate(recording.of_kind("parameter"))}

    def call(self, column: str, call: int) -> Float64:
        return self.recording.column("call", column)[:, call]

    def parameter(self, column: str, parameter: int) -> Float64:
        return self.recording.column("parameter", column)[:, parameter]

    def line(self, path: Path, parameter: int) -> Line:
        steps, roles = self._gains(path)
        sums: dict[str, Float64] = {gain: np.zeros(len(self.recording.observed)) for gain in GAINS}
        for name, values in steps.items():
            sums[roles[name]] = _added(sums[roles[name]], values)
        factors = {"loss_end": self._loss_end(path), **sums}
        factors |= self._weight_end(path, parameter)
        total = decades(
            self.parameter("stored_rms", parameter), self.parameter("weight_rms", parameter)
        )
        site = self.network.site(path.start)
        known = {key: factors[key] for key in FACTORS if key in factors}
        kind = str(site.facts.get("class", "layer"))
        return Line(site.name, known, total, steps, roles, self._arriving(path), kind)

    def _arriving(self, path: Path) -> Float64:
        return decades(
            self.call("grad_out_rms", path.start), self.call("grad_out_rms", path.logits)
        )

    def _gains(self, path: Path) -> tuple[dict[str, Float64], dict[str, str]]:
        """Gain of each call above, and of what lies between two calls, with its role."""
        steps: dict[str, Float64] = {}
        roles: dict[str, str] = {}
        below = path.start
        for call in path.above:
            entering, leaving = self.call("grad_out_rms", call), self.call("grad_in_rms", call)
            gap = decades(self.call("grad_out_rms", below), leaving)
            role = self.network.role(call)
            name = self.network.site(call).name
            steps[name], roles[name] = (
                decades(leaving, entering),
                role if role in GAINS else "other",
            )
            if np.any(gap != 0):
                between = self.network.gap_name(call)
                steps[between], roles[between] = gap, self.network.gap_role(call)
            below = call
        return steps, roles

    def _loss_end(self, path: Path) -> Float64:
        size = self.call("grad_out_rms", path.logits) * np.sqrt(self.call("examples", path.logits))
        return decades(size, np.ones_like(size))

    def _weight_end(self, path: Path, parameter: int) -> dict[str, Float64]:
        facts = self.network.site(path.start).facts
        fan_in, fan_out = float(facts["fan_in"]), float(facts["fan_out"])
        elements = self.call("elements", path.start)
        entering = self.call("grad_out_rms", path.start) * np.sqrt(elements)
        reach = self.call("reach", path.start)
        gradient = self.parameter("grad_rms", parameter)
        taken = self.parameter("grad_step_rms", parameter)
        intended = self.parameter("intended_rms", parameter)
        stored = self.parameter("stored_rms", parameter)
        weight = self.parameter("weight_rms", parameter)
        factors = {
            "sharing": decades(
                np.sqrt(elements / fan_out), np.sqrt(self.call("examples", path.logits))
            ),
            "input_size": decades(reach, entering * np.sqrt(fan_in)),
            "weight_size": decades(np.ones_like(weight), weight),
        }
        if np.isnan(gradient).all():  # clipped or not: the gradient was seen at the step only
            gradient = taken
        else:
            factors["clip"] = decades(taken, gradient)
        if np.isnan(intended).all():  # an optimizer whose formula we do not know
            intended = stored
        else:
            factors["rounding"] = decades(stored, intended)
        factors["batch_agreement"] = decades(gradient * np.sqrt(fan_in * fan_out), reach)
        factors["optimizer"] = decades(intended, taken)
        return factors


def decades(part: Float64, whole: Float64) -> Float64:
    """log10(part / whole): -inf where the part is 0; nan where the whole is 0, or either is nan."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, np.log10(part) - np.log10(whole), np.nan)


def _added(one: Float64, other: Float64) -> Float64:
    """Sum of decades: a signal that is exactly 0 at one place is 0 whatever follows, measured or not."""
    with np.errstate(invalid="ignore"):
        return np.where(np.isneginf(one) | np.isneginf(other), -np.inf, one + other)


def settled(values: Float64, late: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> float:
    """Mean of decades over the late observations; -inf where the signal was 0 in most of them.

    Means of logarithms keep the ledger additive. Observations in which the value was not measured
    are left out; nan where that is all of them.
    """
    chosen = values[late]
    chosen = chosen[~np.isnan(chosen)]
    if not len(chosen):
        return float("nan")
    if np.mean(np.isneginf(chosen)) >= 0.5:
        return float("-inf")
    return float(np.mean(chosen[~np.isneginf(chosen)]))
