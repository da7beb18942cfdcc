"""Forks: which branch of a place leads to which of the places that take its output."""

from __future__ import annotations

import numpy as np

from clinometer.diagnosis.places import Places
from clinometer.diagnosis.scale import columns, median
from clinometer.records.recording import Float64, Recording

LOSS = -1  # stands for the loss among the places that take an output


class Forks:
    """The branches of a recording.

    Attributes
    ----------
    handed : (branches, observations): what each hands back [decades]
    """

    def __init__(self, recording: Recording, places: Places) -> None:
        self.places = places
        branch = columns(recording, "branch", "grad_rms", "share")
        self.handed, self._shares = branch["grad_rms"], branch["share"]
        self._rows: dict[str, dict[str, int]] = {}
        for i, site in enumerate(recording.of_kind("branch")):
            source, target = str(site.facts.get("from")), str(site.facts.get("to"))
            self._rows.setdefault(source, {})[target] = i

    def share(self, here: int, child: int) -> float:
        """Median share of the branch that leads to a child [decades]; nan where it is not known."""
        row = self.row(here, child)
        return median(self._shares[row]) if row is not None else float("nan")

    def named(self, source: str, target: str) -> Float64 | None:
        """What the branch of these names hands back [decades]."""
        row = self._rows.get(source, {}).get(target)
        return None if row is None else np.asarray(self.handed[row])

    def row(self, here: int, child: int) -> int | None:
        """Row of the branch that a place gets its gradient back by from a child; None without one.

        A branch is named after the place it leads to, which may lie above a gap; where that is a child,
        too, the row is the sum of both ways, and what comes through the gap is not known.
        """
        lone = here in self.places.lone
        targets = {} if lone else self._rows.get(self.places.names[here], {})
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
