"""The way of the gradient from the loss down to every place, and what is gained at each step of it.

At a fork the way is the branch that carries the largest share of the gradient, by the median over the
observations in which the shares are known. Ways are found from the loss downwards, each place adding
one step to the way of the place above it, so that a network costs as much as it has places.

What a place hands to the one below, over what enters it, is its gain; what enters a place, over what
its chosen branch hands to it, is a step of the factor "branch". So the steps telescope:

    rms entering the target = rms entering the end of the way x all gains and branches on it
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from clinometer.diagnosis.forks import LOSS, Forks
from clinometer.diagnosis.paths import Network
from clinometer.diagnosis.places import Places, places_of
from clinometer.diagnosis.route import route
from clinometer.diagnosis.scale import added, columns, median, over
from clinometer.records.recording import Float64, Recording

ENDS = frozenset({"weight", "recurrent"})  # what the logits, or the states, are made by


@dataclass(frozen=True)
class Step:
    """One gain on the way: its name, the factor that it counts to, float64 (observations,) [decades]."""

    name: str
    factor: str
    gain: Float64


class Ways:
    """The ways of one recording.

    Attributes
    ----------
    ahead : for each place the next one on its way; `LOSS` at its end, None where there is no way
    end : for each place the weight layer nearest the loss on its way; None where there is none
    gains : for each place its way's gains up to `end`, added up by factor
    spread : for each place what "other" would be on its way by the change of sizes alone [decades]
    call : columns of the calls as decades, (calls, observations)
    """

    def __init__(self, recording: Recording) -> None:
        self.network = Network(recording)
        self.places: Places = places_of(self.network)
        self.call = columns(
            recording, "call", "grad_out_rms", "grad_in_rms", "elements", "examples", "reach"
        )
        self.entering, self._leaving = self.call["grad_out_rms"], self.call["grad_in_rms"]
        self.forks = Forks(recording, self.places)
        count = len(self.places.names)
        self.ahead, order = route(self.places, self._choice)
        self.end: list[int | None] = [None] * count
        self.gains: list[Mapping[str, Float64]] = [{} for _ in range(count)]
        self.spread = [0.0] * count
        self._known: dict[int, list[Step]] = {}
        for here in order:
            self._extend(here)

    def _choice(self, here: int, live: list[int]) -> int:
        """Of several places above, the one that hands back the largest share."""
        shares = [self.forks.share(here, child) for child in live]
        if not np.isnan(shares).any():
            return live[int(np.argmax(shares))]
        if LOSS in live:
            return LOSS  # nothing tells them apart, and this is the shorter way
        sizes = [self._size(child) for child in live]
        return live[int(np.argmax(np.nan_to_num(sizes, nan=-np.inf)))]

    def _size(self, child: int) -> float:
        """Median norm of the gradient that enters a place [decades]."""
        return median(self._entering(child) + self.call["elements"][self.places.call[child]] / 2)

    def _entering(self, place: int) -> Float64:
        """Decades of the gradient that enters a place."""
        lone = self.places.lone.get(place)
        if lone is None:
            return np.asarray(self.entering[self.places.call[place]])
        handed = self.forks.named(
            self.places.names[self.places.call[place]], self.places.names[lone]
        )
        return np.asarray(self._leaving[lone]) if handed is None else handed

    def _extend(self, here: int) -> None:
        ahead = self.ahead[here]
        is_end = self.network.role(self.places.call[here]) in ENDS
        if ahead is None or ahead == LOSS or self.end[ahead] is None:
            self.end[here] = here if is_end else None
            return
        self.end[here] = self.end[ahead]
        sums = dict(self.gains[ahead])
        for step in self.steps(here):
            known = sums.get(step.factor)
            sums[step.factor] = step.gain if known is None else added(known, step.gain)
        self.gains[here] = sums
        self.spread[here] = self.spread[ahead] + self._spread(here, ahead)

    def _spread(self, here: int, ahead: int) -> float:
        """What picking, or averaging, a part of the elements does by itself to an RMS [decades].

        With n elements for each that is left, the gradient of one of them is all there is, a norm spread
        over n elements (-1/2 log10 n); an average hands 1/n of it to each (-log10 n).
        """
        if self.places.factor[ahead] != "other":
            return 0.0
        sizes = self.call["elements"]
        ratio = median(sizes[self.places.call[ahead]] - sizes[self.places.call[here]])
        share = 1.0 if self.network.averages(self.places.call[ahead]) else 0.5
        return share * ratio if ratio < 0 and np.isfinite(ratio) else 0.0

    def steps(self, here: int) -> list[Step]:
        """What lies between a place and the next on its way: that one's gain, and a branch or gap."""
        if here not in self._known:
            ahead = self.ahead[here]
            self._known[here] = [] if ahead is None or ahead == LOSS else self._between(here, ahead)
        return self._known[here]

    def _between(self, here: int, ahead: int) -> list[Step]:
        entering, above = self._entering(here), self._entering(ahead)
        row = self.forks.row(here, ahead)
        handed = self.forks.handed[row] if row is not None else self._leaving_of(ahead)
        untold = np.isnan(handed) | (np.isneginf(handed) & np.isfinite(entering))
        handed = np.where(
            untold, entering, handed
        )  # what parts here then counts to the place above
        name, factor = self.places.names[ahead], self.places.factor[ahead]
        found = [Step(name, factor, over(handed, above))]
        apart = over(entering, handed)
        if np.any(apart != 0):
            found.append(Step(*self._apart(here, ahead, row), apart))
        return found

    def _leaving_of(self, place: int) -> Float64:
        """What a place hands down; unknown of a call that was taken apart, where it is what arrives."""
        leaving = self._leaving[self.places.call[place]]
        return np.full_like(leaving, np.nan) if place in self.places.lone else leaving

    def _apart(self, here: int, ahead: int, row: int | None) -> tuple[str, str]:
        """Name and factor of what keeps the gradient that enters here from being the one handed down."""
        below, above = self.places.names[here], self.places.names[ahead]
        turns = row is None or self.network.is_pooled(self.places.call[here])
        if here in self.places.loops or (self.places.factor[here] == "recurrence" and turns):
            return f"{below} (through time)", "recurrence"
        if row is None and self.network.has_gaps(self.places.call[ahead]):
            call = self.places.call[ahead]
            return self.network.gap_name(call, below), self.network.gap_role(call)
        forks = row is not None or len(self.places.children[here]) > 1
        return f"{below} -> {above}", "branch" if forks else "other"
