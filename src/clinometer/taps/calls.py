"""From what landed to the rows of calls: sums over the step's passes, then roots and shares.

Gradient accumulation and a network that is called twice read as one larger batch, which is what their
gradient is. A layer that is called many times in one pass is a recurrence: one place, with a profile
of its gradient back through time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clinometer.records.columns import LAGS
from clinometer.taps.flatness import DEADLY, UnitWindow
from clinometer.taps.flow import Branch, Sighting
from clinometer.taps.harvest import Harvest, Lane, Values
from clinometer.taps.inputs import row_of
from clinometer.taps.places import plain
from clinometer.taps.rows import TRUSTED, Precision, Taken, spread
from clinometer.taps.term import Term

MOST_CALLS = 4  # calls of one layer in a pass that are places of their own; more are a recurrence
NAN = float("nan")
Row = list[float]
SOFTMAX = frozenset({"Softmax", "Softmax2d", "LogSoftmax"})


@dataclass
class Landed:
    """Row norms, squared: what each entry of the lane holds, and what it sums to."""

    squares: Values
    starts: list[int]
    sums: list[float]
    bad: list[float]
    low: list[float]
    high: list[float]

    @classmethod
    def of(cls, harvest: Harvest) -> Landed:
        lane = harvest.lane("rows")
        values, starts = lane.values, lane.starts
        begin = np.asarray(starts[:-1], dtype=np.intp)
        empty = np.diff(starts) == 0  # `reduceat` gives the next entry's first value there
        values = np.append(values, 0.0)
        with np.errstate(over="ignore", invalid="ignore"):
            squares = np.square(values)
            sums = np.add.reduceat(squares, begin)
            high = np.maximum.reduceat(values, begin)
            low = np.minimum.reduceat(np.where(values > 0, values, np.inf), begin)
            bad = np.zeros(len(sums))
            if not np.isfinite(sums).all():
                bad = np.add.reduceat((~np.isfinite(values)).astype(np.float64), begin)
        for found, nothing in ((sums, 0.0), (high, 0.0), (low, np.inf), (bad, 0.0)):
            found[empty] = nothing
        return cls(squares, starts, sums.tolist(), bad.tolist(), low.tolist(), high.tolist())

    def __getitem__(self, number: int) -> Values:
        """Squares of the norms taken under this number."""
        return self.squares[self.starts[number] : self.starts[number + 1]]


@dataclass
class Calls:
    """All calls of one step, by name."""

    harvest: Harvest
    precision: Precision
    windows: dict[str, UnitWindow]
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    facts: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    _spreads: dict[int, tuple[float, float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.landed = Landed.of(self.harvest)

    def read(self, sightings: list[Sighting]) -> None:
        """Fill `rows` and `facts` from what was seen, in order of execution."""
        self._find_spreads(sightings)
        most: dict[str, int] = {}
        for sighting in sightings:
            base = plain(sighting.name)
            most[base] = max(most.get(base, 0), sighting.turn)
        groups: dict[str, list[Sighting]] = {}
        for sighting in sightings:
            base = plain(sighting.name)
            pooled = most[base] >= MOST_CALLS
            groups.setdefault(base if pooled else sighting.name, []).append(sighting)
        for name, group in groups.items():
            self._call(name, group, most)
        self._learn(sightings)

    def _call(self, name: str, group: list[Sighting], most: Mapping[str, int]) -> None:
        first = group[0]
        row = self._row(group)
        pooled = most[plain(name)] >= MOST_CALLS
        facts = first.facts | {"parents": _parents(group, most)}
        if first.dtype not in {"", "float32"}:
            facts["gradient_dtype"] = first.dtype
        if pooled:
            facts["recurrent"] = True
        self.rows["call", name] = row
        self.facts["call", name] = facts
        raw = [sighting.raw for sighting in group if sighting.raw is not None]
        if raw:
            self.rows["input", name] = row_of(raw, self.harvest.lane("input"))
            self.facts["input", name] = {"class": first.facts["class"]}
        if any(sighting.flat is not None for sighting in group):
            self.rows["activation", name] = self._activation(name, group)
        if any(sighting.attention is not None for sighting in group):
            self.rows["attention", name] = self._attention(group)
        if pooled:
            self.rows["recurrence", name] = self._lags(group)
        elif any(sighting.moments for sighting in group):
            self.rows["recurrence", name] = self._moments(group)
        for i in range(max(len(sighting.branches) for sighting in group)):
            self._branch(name, [s.branches[i] for s in group if len(s.branches) > i])

    # -- the row of a call ------------------------------------------------------------------------

    def _row(self, group: list[Sighting]) -> Row:
        """A row in the order of `columns.CALL`."""
        entering = [taken for sighting in group for taken in sighting.entering]
        forward = [s.pending for s in group if s.pending is not None]
        ins = [s.in_rows for s in group if s.in_rows is not None]
        outs = [s.out_rows for s in group if s.out_rows is not None]
        examples = sum(p.examples for p in forward) or sum(s.examples for s in group)
        elements = sum(p.elements for p in forward) or sum(s.elements for s in group)
        low, middle, high = self._spread(entering)
        return [
            float(len(entering)), float(examples), float(elements),
            float(sum(taken.elements for taken in entering)),
            self._rms(ins), self._rms(outs), self._rms(entering), self._leaving(group),
            low, middle, high, self._reach(group),
            self._bad(ins), self._bad(outs), self._bad(entering),
            float(any(p.training for p in forward)) if forward else NAN, self._underflow(group),
        ]  # fmt: skip

    def _underflow(self, group: list[Sighting]) -> float:
        """Share of the non-zero elements of float16 gradients that are subnormal."""
        lane = self.harvest.lane("tiny")
        counts = [lane[number] for sighting in group for number in sighting.tiny]
        tiny, there = np.sum(counts, axis=0).tolist() if counts else (0.0, 0.0)
        return tiny / there if there else NAN

    def _sum(self, taken: Taken) -> float:
        """Sum of squares; nan where float32 cannot have held it."""
        return NAN if self._vanished(taken) else self.landed.sums[taken.number]

    def _vanished(self, taken: Taken) -> bool:
        """Whether float32 cannot have held these norms: a zero there may be an underflow."""
        if taken.wide or not taken.elements:
            return False
        return self.landed.sums[taken.number] < TRUSTED * TRUSTED

    def _rms(self, taken: list[Taken]) -> float:
        squares, elements = 0.0, 0
        for one in taken:
            squares, elements = squares + self._sum(one), elements + one.elements
        return math.sqrt(squares / elements) if elements else NAN

    def _bad(self, taken: list[Taken]) -> float:
        return float(sum(self.landed.bad[one.number] for one in taken)) if taken else NAN

    def _spread(self, taken: list[Taken]) -> tuple[float, float, float]:
        """Percentiles over the examples of the step of their root mean square."""
        if len(taken) == 1 and taken[0].number in self._spreads:
            return self._spreads[taken[0].number]
        found = [self._by_example(one) for one in taken]
        known = [values for values in found if values is not None]
        return spread(np.concatenate(known)) if known else (NAN, NAN, NAN)

    def _by_example(self, taken: Taken) -> Values | None:
        squares = self.landed[taken.number]
        if not taken.examples or squares.size % taken.examples or self._vanished(taken):
            return None
        sums = squares.reshape(taken.examples, -1).sum(axis=1)
        return np.asarray(sums * (taken.examples / taken.elements))

    def _find_spreads(self, sightings: list[Sighting]) -> None:
        """The percentiles of all places that read as many examples, in one go."""
        alike: dict[int, list[Taken]] = {}
        for sighting in sightings:
            if len(sighting.entering) == 1:
                taken = sighting.entering[0]
                alike.setdefault(taken.examples, []).append(taken)
        for examples, group in alike.items():
            known = [(taken, self._by_example(taken)) for taken in group]
            rows = [values for _, values in known if values is not None]
            if not rows or not examples:
                continue
            roots = np.sqrt(np.sort(np.stack(rows), axis=1))
            at = [round(share * (examples - 1)) for share in (0.1, 0.5, 0.9)]
            numbers = [taken.number for taken, values in known if values is not None]
            for number, (low, middle, high) in zip(numbers, roots[:, at].tolist(), strict=True):
                self._spreads[number] = (low, middle, high)

    def _leaving(self, group: list[Sighting]) -> float:
        """RMS of the gradient leaving: what enters the place below, or the branch of it that leads here."""
        squares, elements = 0.0, 0
        for sighting in group:
            if sighting.below is None:
                return NAN
            if sighting.back is None:
                for taken in sighting.below.entering:
                    squares, elements = squares + self._sum(taken), elements + taken.elements
            else:
                squares += self._branch_squares(sighting.back)
                elements += sighting.back.elements
        return math.sqrt(squares / elements) if elements else NAN

    def _branch_squares(self, branch: Branch) -> float:
        lane = self.harvest.lane("branches")
        total = sum(float(lane[number][0]) ** 2 for number in branch.norms)
        return NAN if total < TRUSTED * TRUSTED and not branch.wide else total

    def _reach(self, group: list[Sighting]) -> float:
        """R, scaled up from the sampled examples to all."""
        if group[0].facts["role"] != "weight":
            return NAN
        total, known = 0.0, False
        for sighting in group:
            rows = sighting.pending.patches if sighting.pending else None
            rows = rows or sighting.in_rows
            if rows is None:
                continue
            inputs = self.landed[rows.number]
            for taken in sighting.entering:
                gradient = self.landed[taken.number]
                if gradient.size != inputs.size or self._vanished(taken) or self._vanished(rows):
                    return NAN
                with np.errstate(over="ignore", invalid="ignore"):  # Inf and NaN are findings
                    total += float(inputs @ gradient) * sighting.one_of
                known = True
        return math.sqrt(total) if known else NAN

    # -- the other kinds --------------------------------------------------------------------------

    def _activation(self, name: str, group: list[Sighting]) -> Row:
        lane = self.harvest.lane("units")
        kind = str(group[0].facts.get("activation"))
        window = self.windows.setdefault(name, UnitWindow(kind in DEADLY))
        flat, looked, examples = 0.0, 0, 0
        for sighting in group:
            if sighting.flat is None:
                continue
            counts = lane[sighting.flat]
            flat, looked = flat + float(counts.sum()), looked + counts.size * sighting.flat_of
            examples += sighting.flat_examples
            window.add(counts < sighting.flat_of, sighting.flat_examples)
        ids, units, seen = window.dead()
        return [
            float(len(group)),
            float(examples),
            flat / looked if looked else NAN,
            float(units) if units else NAN,
            len(ids) / units if units else NAN,
            float(seen) if units else NAN,
        ]

    def _attention(self, group: list[Sighting]) -> Row:
        lane = self.harvest.lane("attention")
        seen = [sighting.attention for sighting in group if sighting.attention is not None]
        heads = np.array([lane[one.entropies] for one in seen])
        by_head = np.average(heads, axis=0, weights=[one.queries for one in seen])
        largest = [float(lane[one.largest][0]) for one in seen if one.largest is not None]
        return [
            float(len(seen)),
            float(sum(one.queries for one in seen)),
            float(seen[0].keys),
            float(by_head.mean()),
            float(by_head.min()),
            float(np.max(largest)) if largest else NAN,
        ]

    def _lags(self, group: list[Sighting]) -> Row:
        """Gradient at each call, back from the last one that has any."""
        by_turn: dict[int, list[Taken]] = {}
        for sighting in group:
            by_turn.setdefault(sighting.turn, []).extend(sighting.entering)
        return _profile([self._rms(by_turn[turn]) for turn in sorted(by_turn)])

    def _moments(self, group: list[Sighting]) -> Row:
        """The same at the input of a layer that goes through time by itself."""
        seen = next(sighting.moments for sighting in group if sighting.moments)
        return _profile(self.harvest.lane("time")[seen[0]].tolist())

    def _branch(self, name: str, ways: list[Branch]) -> None:
        lane = self.harvest.lane("branches")
        squares = dots = whole = 0.0
        for way in ways:
            squares += self._branch_squares(way)
            dots += sum(float(lane[number][0]) for number in way.dots)
            whole += sum(float(lane[number + 1][0]) ** 2 for number in way.dots)
        elements = sum(way.elements for way in ways)
        if not elements:
            return
        key = ("branch", f"{name} -> {ways[0].target}")
        norm, total = math.sqrt(squares), math.sqrt(whole)
        self.rows[key] = [
            float(sum(len(way.norms) for way in ways)),
            math.sqrt(squares / elements),
            norm / total if total else NAN,
            dots / (norm * total) if norm * total else NAN,
        ]
        self.facts[key] = {"from": name, "to": ways[0].target}

    def wrong_share(self, term: Term, output: Sighting | None, lane: Lane) -> float:
        """Share of the squared gradient at the logits that comes from examples that are wrong.

        nan where right and wrong are not known, or do not belong to the output's rows one by one.
        """
        landed = self.landed
        if output is None or term.right is None or term.judged is None:
            return NAN
        output = _logits(output)
        if len(output.entering) != 1 or not lane[term.judged][0] > 0:
            return NAN
        taken, right = output.entering[0], lane[term.right]
        squares = landed[taken.number]
        chosen = right[:: output.stride] if squares.size == taken.examples else right
        total = squares.sum()
        if chosen.size != squares.size or not total > 0:
            return NAN
        return float(squares[chosen < 0.5].sum() / total)

    def _learn(self, sightings: list[Sighting]) -> None:
        """Where float32 will do the next time."""
        landed = self.landed
        for sighting in sightings:
            for taken in (*sighting.entering, sighting.in_rows, sighting.out_rows):
                if taken is not None:
                    low, high = landed.low[taken.number], landed.high[taken.number]
                    self.precision.learn(taken.name, taken.which, min(low, high), high)


def _logits(output: Sighting) -> Sighting:
    """The network's output before its sigmoid or softmax, where that is a call of its own."""
    while output.facts["role"] == "activation" or output.facts["class"] in SOFTMAX:
        if output.below is None or output.below.branches:
            break
        output = output.below
    return output


def _parents(group: list[Sighting], most: Mapping[str, int]) -> list[str]:
    """Names of the places below, as their rows are named; a recurrence is not its own parent."""
    names = {
        plain(parent) if most.get(plain(parent), 0) >= MOST_CALLS else parent: None
        for sighting in group
        for parent in sighting.parents
    }
    return list(names)


def _profile(by_time: list[float]) -> Row:
    """Columns of a recurrence from the gradient at each time step, in order of time."""
    last = max(
        (t for t, value in enumerate(by_time) if value != 0 and not math.isnan(value)), default=-1
    )
    profile = [by_time[last - lag] if last - lag >= 0 else NAN for lag in LAGS]
    return [1.0, float(len(by_time)), *profile]
