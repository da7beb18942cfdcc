"""The way of the gradient from the loss down to every place, and what is gained at each step of it.

At a fork the way is the branch that carries the largest share of the gradient, by the median over the
observations in which the shares are known. Ways are found from the loss downwards, each place adding
one step to the way of the place above it, so that a network costs as much as it has places.

What a place hands to the one below, over what enters it, is its gain; what enters a place, over what
its chosen branch hands to it, is a step of the factor "branch". So the steps telescope:

    rms entering the target = rms entering the end of the way x all gains and branches on it
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from clinometer.diagnosis.paths import Network
from clinometer.diagnosis.places import Places, places_of
from clinometer.diagnosis.scale import added, columns, median, over
from clinometer.records.recording import Float64, Recording

Content = TypeVar("Content")
LOSS = -1
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
        branch = columns(recording, "branch", "grad_rms", "share")
        self._handed, self._shares = branch["grad_rms"], branch["share"]
        self._branches: dict[str, dict[str, int]] = {}
        for i, site in enumerate(recording.of_kind("branch")):
            source, target = str(site.facts.get("from")), str(site.facts.get("to"))
            self._branches.setdefault(source, {})[target] = i
        count = len(self.places.names)
        self.ahead: list[int | None] = [None] * count
        self.end: list[int | None] = [None] * count
        self.gains: list[Mapping[str, Float64]] = [{} for _ in range(count)]
        self.spread = [0.0] * count
        self._known: dict[int, list[Step]] = {}
        for here in self._from_the_loss():
            self._extend(here)

    # -- which way --------------------------------------------------------------------------------

    def _from_the_loss(self) -> Iterator[int]:
        """Every place that has a way, after all that lie above it; of a loop, first where it is left."""
        children, parents = self.places.children, self.places.parents
        waiting = [len(above) for above in children]
        ready = [i for i, count in enumerate(waiting) if not count]
        exits = [self._urgency(i) for i, last in enumerate(self.places.output) if last]
        heapq.heapify(exits)
        done = [False] * len(children)
        while ready or exits:
            here = ready.pop() if ready else heapq.heappop(exits)[-1]
            if done[here]:
                continue
            done[here] = True
            self.ahead[here] = self._choice(here, done)
            if self.ahead[here] is not None:
                yield here
            for parent in parents[here]:
                waiting[parent] -= 1
                if not waiting[parent]:
                    ready.append(parent)
                if self.ahead[here] is not None:
                    heapq.heappush(exits, self._urgency(parent))

    def _urgency(self, place: int) -> tuple[bool, int, int]:
        """Which place is to be left first where nothing else is ready: the last one of a loop."""
        return place not in self.places.loops, -self.places.call[place], place

    def _choice(self, here: int, done: list[bool]) -> int | None:
        """The place that hands back the largest share; one whose way is not known is none of them."""
        live = [c for c in self.places.children[here] if done[c] and self.ahead[c] is not None]
        last = self.places.output[here]
        if not live:
            return LOSS if last else None
        if last:
            live.append(LOSS)
        if len(live) == 1:
            return live[0]
        shares = [self._share(here, child) for child in live]
        if not np.isnan(shares).any():
            return live[int(np.argmax(shares))]
        if last:
            return LOSS  # nothing tells them apart, and this is the shorter way
        sizes = [self._size(child) for child in live]
        return live[int(np.argmax(np.nan_to_num(sizes, nan=-np.inf)))]

    def _share(self, here: int, child: int) -> float:
        row = self.branch(here, child)
        return median(self._shares[row]) if row is not None else float("nan")

    def _size(self, child: int) -> float:
        """Median norm of the gradient that enters a place [decades]."""
        return median(self._entering(child) + self.call["elements"][self.places.call[child]] / 2)

    def branch(self, here: int, child: int) -> int | None:
        """Row of the branch that a place gets its gradient back by from a child; None without one.

        A branch is named after the place it leads to, which may lie above a gap; where that is a child,
        too, the row is the sum of both ways, and what comes through the gap is not known.
        """
        lone = here in self.places.lone
        targets = {} if lone else self._branches.get(self.places.names[here], {})
        if not targets or child == LOSS:
            return targets.get("loss")
        direct = self.places.children[here]
        above = child
        for _ in range(len(direct) + len(self.places.names)):
            if self.places.names[above] in targets:
                alone = above == child or above not in direct
                return targets[self.places.names[above]] if alone else None
            if len(self.places.children[above]) != 1:
                break
            (above,) = self.places.children[above]
        return targets.get("several")

    # -- what is gained on it ---------------------------------------------------------------------

    def _entering(self, place: int) -> Float64:
        """Decades of the gradient that enters a place."""
        lone = self.places.lone.get(place)
        if lone is None:
            return np.asarray(self.entering[self.places.call[place]])
        row = self._branches.get(self.places.names[self.places.call[place]], {}).get(
            self.places.names[lone]
        )
        return np.asarray(self._leaving[lone] if row is None else self._handed[row])

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
        row = self.branch(here, ahead)
        handed = self._handed[row] if row is not None else self._leaving_of(ahead)
        handed = np.where(np.isnan(handed), entering, handed)
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
        if here in self.places.loops or self.places.factor[here] == "recurrence":
            return f"{below} (through time)", "recurrence"
        if row is None and self.network.has_gaps(self.places.call[ahead]):
            call = self.places.call[ahead]
            return self.network.gap_name(call, below), self.network.gap_role(call)
        forks = row is not None or len(self.places.children[here]) > 1
        return f"{below} -> {above}", "branch" if forks else "other"


class Way:
    """The way of one place, worked out when first looked at."""

    def __init__(self, ways: Ways, start: int) -> None:
        self._ways, self._start = ways, start

    def _numbers(self) -> Iterator[int]:
        here, end = self._start, self._ways.end[self._start]
        while end is not None and here != end:
            here = self._ways.ahead[here] or 0
            yield here

    @cached_property
    def places(self) -> tuple[str, ...]:
        """Names of the places on the way, nearest first."""
        return tuple(self._ways.places.names[place] for place in self._numbers())

    @cached_property
    def _found(self) -> dict[str, Step]:
        found: dict[str, Step] = {}
        below = self._start
        for place in self._numbers():
            for step in self._ways.steps(below):
                found[step.name if step.name not in found else f"{step.name} ({len(found)})"] = step
            below = place
        return found

    @cached_property
    def gains(self) -> dict[str, Float64]:
        """float64 (observations,) of each step of the way, by name, nearest first [decades]."""
        return {name: step.gain for name, step in self._found.items()}

    @cached_property
    def factors(self) -> dict[str, str]:
        """Which factor each step belongs to."""
        return {name: step.factor for name, step in self._found.items()}


class Later(Mapping[str, Content]):
    """A mapping that is made when first looked at."""

    def __init__(self, make: Callable[[], Mapping[str, Content]]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> Mapping[str, Content]:
        return self._make()

    def __getitem__(self, name: str) -> Content:
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)
