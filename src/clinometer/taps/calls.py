"""From what landed to the rows of calls: sums over the step's passes, then roots and shares.

Gradient accumulation and a network that is called twice read as one larger batch, which is what their
gradient is. A layer that is called many times in one pass is a recurrence: one place, with a profile
of its gradient back through time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clinometer.records.columns import LAGS
from clinometer.taps.flatness import DEADLY, UnitWindow
from clinometer.taps.flow import Branch, Sighting
from clinometer.taps.harvest import Harvest, Lane, Values
from clinometer.taps.loss import Term
from clinometer.taps.rows import TRUSTED, Precision, Taken, spread
from clinometer.taps.titles import plain

MOST_CALLS = 4  # calls of one layer in a pass that are places of their own; more are a recurrence
NAN = float("nan")
Row = dict[str, float]


@dataclass
class Landed:
    """Row norms, squared and summed for each entry of the lane."""

    squares: list[Values]
    sums: list[float]
    bad: list[int]
    low: list[float]
    high: list[float]

    @classmethod
    def of(cls, harvest: Harvest) -> Landed:
        lane = harvest.lane("rows")
        values, starts = lane.values, np.asarray(lane.starts, dtype=np.intp)
        if len(values) == 0:
            return cls([], [], [], [], [])
        begin = starts[:-1]
        with np.errstate(over="ignore", invalid="ignore"):
            squares = np.square(values)
            sums = np.add.reduceat(squares, begin)
            bad = np.add.reduceat((~np.isfinite(values)).astype(np.float64), begin)
            high = np.maximum.reduceat(values, begin)
            low = np.minimum.reduceat(np.where(values > 0, values, np.inf), begin)
        pieces = [squares[a:b] for a, b in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)]
        return cls(pieces, sums.tolist(), bad.astype(int).tolist(), low.tolist(), high.tolist())


@dataclass
class Calls:
    """All calls of one step, by name."""

    harvest: Harvest
    precision: Precision
    windows: dict[str, UnitWindow]
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    facts: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    _landed: Landed | None = None

    def read(self, sightings: list[Sighting]) -> None:
        """Fill `rows` and `facts` from what was seen, in order of execution."""
        self._landed = Landed.of(self.harvest)
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
        facts = first.facts | {
            "parents": _parents(group, most),
            "recurrent": True if pooled else None,
        }
        self.rows["call", name] = row
        self.facts["call", name] = {key: value for key, value in facts.items() if value is not None}
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
        entering = [taken for sighting in group for taken in sighting.entering]
        forward = [s.pending for s in group if s.pending is not None]
        grad, per_example = self._rms(entering), self._spread(entering)
        outs = [s.out_rows for s in group if s.out_rows is not None]
        ins = [s.in_rows for s in group if s.in_rows is not None]
        row = {
            "seen": float(len(entering)),
            "examples": float(sum(p.examples for p in forward) or self._examples(entering)),
            "elements": float(sum(p.elements for p in forward) or sum(t.elements for t in entering)),
            "sampled": float(sum(taken.elements for taken in entering)),
            "in_rms": self._rms(ins),
            "out_rms": self._rms(outs),
            "grad_out_rms": grad,
            "grad_in_rms": self._leaving(group),
            "grad_p10": per_example[0],
            "grad_p50": per_example[1],
            "grad_p90": per_example[2],
            "reach": self._reach(group),
            "nonfinite_in": self._bad(ins),
            "nonfinite_out": self._bad(outs),
            "nonfinite_grad": self._bad(entering),
        }
        return row

    def _sum(self, taken: Taken) -> float:
        """Sum of squares; nan where float32 cannot have held it."""
        assert self._landed is not None
        total = self._landed.sums[taken.number]
        if not taken.wide and not math.sqrt(total) >= TRUSTED and not self._landed.bad[taken.number]:
            return NAN
        return total

    def _rms(self, taken: Iterable[Taken]) -> float:
        found = list(taken)
        elements = sum(one.elements for one in found)
        if not elements:
            return NAN
        return math.sqrt(sum(self._sum(one) for one in found) / elements)

    def _bad(self, taken: list[Taken]) -> float:
        assert self._landed is not None
        return float(sum(self._landed.bad[one.number] for one in taken)) if taken else NAN

    def _examples(self, taken: list[Taken]) -> int:
        return sum(one.examples for one in taken)

    def _spread(self, taken: list[Taken]) -> tuple[float, float, float]:
        """Percentiles over the examples of the step of their root mean square."""
        assert self._landed is not None
        found = []
        for one in taken:
            squares = self._landed.squares[one.number]
            if one.examples and squares.size % one.examples == 0:
                found.append(squares.reshape(one.examples, -1).sum(axis=1) * (one.examples / one.elements))
        return spread(np.concatenate(found)) if found else (NAN, NAN, NAN)

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
        return sum(float(lane[number][0]) ** 2 for number in branch.norms)

    def _reach(self, group: list[Sighting]) -> float:
        """R, scaled up from the sampled examples to all."""
        assert self._landed is not None
        total, known = 0.0, False
        for sighting in group:
            rows = sighting.pending.patches if sighting.pending else None
            rows = rows or sighting.in_rows
            if sighting.facts["role"] != "weight" or rows is None:
                continue
            inputs = self._landed.squares[rows.number]
            for taken in sighting.entering:
                gradient = self._landed.squares[taken.number]
                if gradient.size != inputs.size:
                    return NAN
                share = (sighting.pending.elements / taken.elements) if sighting.pending else 1.0
                with np.errstate(over="ignore", invalid="ignore"):
                    total += float(inputs @ gradient) * share
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
        return {
            "seen": float(len(group)),
            "examples": float(examples),
            "saturated": flat / looked if looked else NAN,
            "units": float(units) if units else NAN,
            "dead": len(ids) / units if units else NAN,
            "window": float(seen) if units else NAN,
        }

    def _attention(self, group: list[Sighting]) -> Row:
        lane = self.harvest.lane("attention")
        seen = [sighting.attention for sighting in group if sighting.attention is not None]
        heads = np.array([lane[one.entropies] for one in seen])
        largest = [float(lane[one.largest][0]) for one in seen if one.largest is not None]
        return {
            "seen": float(len(seen)),
            "queries": float(sum(one.queries for one in seen)),
            "keys": float(seen[0].keys),
            "entropy": float(heads.mean()),
            "entropy_least": float(heads.mean(axis=0).min()),
            "largest_logit": float(np.max(largest)) if largest else NAN,
        }

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
        self.rows[key] = {
            "seen": float(sum(len(way.norms) for way in ways)),
            "grad_rms": math.sqrt(squares / elements),
            "share": norm / total if total else NAN,
            "cosine": dots / (norm * total) if norm * total else NAN,
        }
        self.facts[key] = {"from": name, "to": ways[0].target}

    def wrong_share(self, term: Term, output: Sighting | None, lane: Lane) -> float:
        """Share of the squared gradient at the output that comes from examples that are wrong.

        nan where right and wrong are not known, or do not belong to the output's rows one by one.
        """
        landed = self._landed
        if landed is None or output is None or term.right is None or len(output.entering) != 1:
            return NAN
        taken, right = output.entering[0], lane[term.right]
        squares = landed.squares[taken.number]
        stride = output.pending.stride if output.pending is not None else 1
        chosen = right[::stride] if squares.size == taken.examples else right
        total = squares.sum()
        if chosen.size != squares.size or not total > 0:
            return NAN
        return float(squares[chosen < 0.5].sum() / total)

    def _learn(self, sightings: list[Sighting]) -> None:
        """Where float32 will do the next time."""
        landed = self._landed
        assert landed is not None
        for sighting in sightings:
            for taken in (*sighting.entering, sighting.in_rows, sighting.out_rows):
                if taken is not None:
                    low, high = landed.low[taken.number], landed.high[taken.number]
                    self.precision.learn(taken.name, taken.which, min(low, high), high)


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
    last = max((t for t, value in enumerate(by_time) if value != 0 and not math.isnan(value)), default=-1)
    row = {"seen": 1.0, "length": float(len(by_time))}
    for lag in LAGS:
        row[f"lag_{lag}"] = by_time[last - lag] if 0 <= last - lag else NAN
    return row
