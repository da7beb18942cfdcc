"""How much of the progress is scale: the layers only grow, and what they separate stays as it was.

A layer's weight and bias are taken together: the logits of a last layer grow by the same factor only where
both do. Along a layer's own direction (w, b) a step changes the loss by <dC/d(w,b), (w,b)> times the
relative growth <(w,b), step> / |(w,b)|^2. By Euler's identity the first factor is, for a last linear layer,
the slope of the loss in the log of the logits' scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from clinometer.diagnosis.margins import BLOCKS, SURE
from clinometer.records.recording import Bool, Float64, Recording

SCALED = ("Linear", "Conv")  # classes of layers whose output is scaled by their own size


@dataclass(frozen=True)
class Share:
    """Over some observations: which part of the change of the loss is scale.

    Attributes
    ----------
    scale : share of the change that the layers' growth brings [-]; outside [0, 1] where the parts differ in
        sign
    error : standard error of it, from observation to observation
    fall : mean change of the loss by one step, to first order; below 0 is progress [loss]
    falls : observations in which it was below 0
    n : observations
    """

    scale: float
    error: float
    fall: float
    falls: int
    n: int

    @property
    def progresses(self) -> bool:
        """Whether the loss is falling beyond doubt: by the signs alone, since the falls may fade fast."""
        return bool(self.fall < 0 and self.falls - self.n / 2 > SURE * np.sqrt(self.n) / 2)

    @property
    def least(self) -> float:
        """What the share is at least, beyond doubt."""
        return self.scale - SURE * self.error


@dataclass(frozen=True)
class Progress:
    """By observation: what a step like that of the observation before changes; nan where it was not seen.

    Attributes
    ----------
    whole : float64 (observations,): change of the loss, all parameters [loss]
    radial : by layer, float64 (observations,): the part of it that is the layer's growth [loss]
    """

    whole: Float64
    radial: Mapping[str, Float64]

    def share(self, where: Bool) -> Share | None:
        """The share of scale over some observations; None where fewer than `BLOCKS` of them are known."""
        scale = np.sum(list(self.radial.values()), axis=0)
        known = where & np.isfinite(scale) & np.isfinite(self.whole)
        part, whole = scale[known], self.whole[known]
        n = len(part)
        if n < BLOCKS or not whole.sum():
            return None
        share = float(part.sum() / whole.sum())
        left = np.sqrt(n / (n - 1) * np.sum((part - share * whole) ** 2))
        return Share(
            scale=share,
            error=float(left / abs(whole.sum())),
            fall=float(whole.mean()),
            falls=int((whole < 0).sum()),
            n=n,
        )


def progress(recording: Recording) -> Progress | None:
    """Read it off a recording; None where no layer's scale was measured (an older recording)."""
    sites = recording.of_kind("parameter")
    if not sites or not len(recording.observed):
        return None
    slope, step, carried, weight = (
        recording.column("parameter", name)
        for name in ("scale_slope", "scale_step", "carried", "weight_rms")
    )
    sizes = np.array([np.prod(site.facts.get("shape", [np.nan])) for site in sites], np.float64)
    square = weight**2 * sizes
    layers = _layers(recording)
    radial = {}
    for layer, places in layers.items():
        sums = (column[:, places].sum(axis=1) for column in (slope, step, square))
        along, grown, size = sums
        with np.errstate(divide="ignore", invalid="ignore"):
            radial[layer] = along * grown / size
    moved = np.asarray(~np.isnan(carried).all(axis=1))
    whole = np.where(moved, np.nansum(carried, axis=1), np.nan)
    return Progress(whole, radial) if radial and moved.any() else None


def _layers(recording: Recording) -> dict[str, list[int]]:
    """Positions of weight and bias of each linear and convolution layer whose weight is trained."""
    scaled = {
        site.name.partition("#")[0]
        for site in recording.of_kind("call")
        if str(site.facts.get("class", "")).startswith(SCALED)
    }
    trained = np.asarray(~np.isnan(recording.column("parameter", "carried")).all(axis=0))
    found: dict[str, list[int]] = {}
    for i, site in enumerate(recording.of_kind("parameter")):
        layer = site.name.rpartition(".")[0]
        if layer in scaled and trained[i]:
            found.setdefault(layer, []).append(i)
    return found
