"""The gradient ledger: one additive line, in decades, from the loss to a tensor's relative motion.

For a trainable tensor W that is used in one place of the network, with d the gradient of the loss at a
place's output, a its input rows, B examples, and "rows" = examples x positions:

    log10( rms(stored step) / rms(W) ) =
        loss_end         rms(d at the logits) * sqrt(B)
      + weight           rms gain of every linear or convolution layer on the way
      + activation       rms gain of every activation on it
      + normalisation    the same for normalisations
      + attention        the same for attention: what it hands to the queries, keys or values
      + recurrence       the same for what goes through time, over all of its steps
      + branch           where the signal parts, all that enters / what the way's own branch hands back;
                         where signals meet, what the way's own side is handed
      + other            everything else on the way (pooling, dropout, unseen operations)
      + sharing          sqrt(rows / B): positions that share the weight; and the other places, where
                         there are several that use it
      + input_size       R / |d|, per unit: the gradient-weighted rms of the input
      + batch_agreement  |dC/dW| / R: 0 cancel, 1 unrelated, sqrt(rows) all agree
      + clip             gradient taken by the optimizer / gradient left by backward
      + optimizer        intended step / gradient
      + rounding         stored step / intended step
      + weight_size      1 / rms(W)

with R^2 = sum over rows of |d row|^2 |a row|^2. For a bias a is 1, so R = |d|, and `input_size` is left
out. For every other tensor (gains of normalisations, embeddings, weights inside recurrent layers) R =
|d| stands, too: `batch_agreement` is |dC/dW| / |d| and holds the input as well; `sharing` counts output
elements per element of the tensor and example.

The way goes from the tensor's place to the loss, at each fork by the branch with the largest share
(`ways`). Its gains telescope, so that the line must sum to the update ratio, which is measured apart;
what is left over is the residual.
"""

from __future__ import annotations

import numpy as np

from clinometer.diagnosis.ends import NOT_STEPPED, Tensors, Use
from clinometer.diagnosis.lags import lags
from clinometer.diagnosis.line import FACTORS, GAINS, SPOKEN, Line
from clinometer.diagnosis.paths import plain
from clinometer.diagnosis.reference import uniform_loss_end
from clinometer.diagnosis.scale import decades, over, settled
from clinometer.diagnosis.way import Later, Way
from clinometer.diagnosis.ways import Ways
from clinometer.records.recording import Float64, Recording

__all__ = ["FACTORS", "GAINS", "SPOKEN", "Line", "decades", "lags", "ledger", "settled"]


def ledger(recording: Recording) -> tuple[list[Line], dict[str, str]]:
    """(lines in order of execution, {layer: why there is none}) for every trainable tensor.

    A line's `layer` is the module's name for the weight of a linear map or convolution, the tensor's own
    for any other.
    """
    return _Writer(recording).lines()


class _Writer:
    """Writes the lines of one recording."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.ways = Ways(recording)
        self.network = self.ways.network
        self.tensors = Tensors(recording, self.network, self.ways.call)
        self._nothing = np.zeros(len(recording.observed))
        self._nothing.flags.writeable = False
        self._ends: dict[int, tuple[Float64, float]] = {}

    def lines(self) -> tuple[list[Line], dict[str, str]]:
        missing = dict(self.tensors.unknown)
        found: list[tuple[int, bool, int, Line]] = []
        for number, site in enumerate(self.tensors.sites):
            if self.tensors.frozen[number]:
                continue
            uses = self.tensors.uses[number]
            live = [use for use in uses if self.ways.ahead[use.call] is not None]
            use = self.tensors.leading(live or uses) if uses else None
            name = self._name(use) if use is not None and use.main else site.name
            line = self._line(number, use, name) if live or not uses else self._no_way(use)
            if isinstance(line, Line) and use is not None:
                found.append((use.call, not use.main, number, line))
            elif isinstance(line, str):
                missing[name] = line
        return [line for *_, line in sorted(found, key=lambda one: one[:3])], missing

    def _name(self, use: Use) -> str:
        return plain(self.network.calls[use.call].name)

    def _line(self, number: int, use: Use | None, name: str) -> Line | str:
        if not self.tensors.stepped[number]:
            return (
                NOT_STEPPED
                if use is not None and use.main
                else NOT_STEPPED.replace("its weight", "it")
            )
        if use is None:
            return "no place that uses it was observed"
        reached = self.ways.end[use.call]
        end = use.call if reached is None else self.ways.places.call[reached]
        below = self.tensors.factors(number, use, end)
        if isinstance(below, str):
            return below
        loss_end, uniform = self._end(end)
        gains = self.ways.gains[use.call]
        factors = {"loss_end": loss_end}
        factors |= {gain: gains.get(gain, self._nothing) for gain in GAINS} | below
        way = Way(self.ways, use.call)
        return Line(
            layer=name,
            factors={factor: factors[factor] for factor in FACTORS if factor in factors},
            total=self.tensors.total[number],
            steps=Later(lambda: way.gains),
            roles=Later(lambda: way.factors),
            arriving=over(self.ways.entering[use.call], self.ways.entering[end]),
            kind=str(self.network.calls[use.call].facts.get("class", "layer")),
            parameter=self.tensors.sites[number].name,
            is_weight=use.main,
            way=way,
            uniform_loss_end=uniform,
            spread=self.ways.spread[use.call],
        )

    def _end(self, end: int) -> tuple[Float64, float]:
        """(`loss_end`, the same of the uniform prediction) for one end of a way."""
        if end not in self._ends:
            examples, elements = self.tensors.examples[end], self.tensors.elements[end]
            size = self.ways.entering[end] + examples / 2
            uniform = uniform_loss_end(self.recording, elements, examples)
            is_logits = self.network.is_output(end)
            self._ends[end] = size, uniform if is_logits else float("nan")
        return self._ends[end]

    def _no_way(self, use: Use | None) -> str:
        """Why no way leads from a place to the loss: the last place that the gradient is seen at."""
        here, seen = use.call if use is not None else 0, set[int]()
        while here not in seen and self.ways.places.children[here]:
            seen.add(here)
            here = self.ways.places.children[here][0]
        return f"what uses the output of {self.ways.places.names[here]} was not observed"
