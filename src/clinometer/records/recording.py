"""A recording as it is read back: plain arrays, no torch, no file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from clinometer.records.columns import COLUMNS, names
from clinometer.records.site import Site

if TYPE_CHECKING:
    import pandas

Float32 = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
Float64 = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Int64 = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


@dataclass(frozen=True)
class Recording:
    """One training run, as far as it was recorded.

    Attributes
    ----------
    path : where it was read from
    meta : what is known of the run as a whole (script, versions, budget, overhead ...)
    ended : "normal", "exception", "interrupted", "killed", or "running" while its process lives
    sites : what was observed, in the order of first sight; calls are in order of execution
    step : int64 (steps,): number of each recorded optimizer step, from 0
    time_s : float64 (steps,): seconds since the recorder started, at the end of the step [s]
    loss : float64 (steps,): sum of the losses that were propagated back in the step, as the
        script scaled them; nan both for "not seen" (see `loss_seen`) and for a loss of NaN
    loss_seen : bool (steps,): whether a scalar loss was propagated back in the step
    observed : int64 (observations,): steps with a full observation
    rows : for each kind, float32 (observations, sites of the kind, columns of the kind)
    labels : facts about the targets, accumulated over the observed steps, by name of the loss site
    dead_units : by name of the call, the ids of the units that are dead in the last window
    notes : what could not be observed or read, in words
    """

    path: str
    meta: dict[str, Any]
    ended: str
    sites: tuple[Site, ...]
    step: Int64
    time_s: Float64
    loss: Float64
    loss_seen: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    observed: Int64
    rows: dict[str, Float32]
    labels: dict[str, dict[str, Any]]
    dead_units: dict[str, list[int]]
    notes: tuple[str, ...] = ()

    def of_kind(self, kind: str) -> tuple[Site, ...]:
        """Sites of one kind, in the order of `rows[kind]`'s second axis."""
        return tuple(site for site in self.sites if site.kind == kind)

    def column(self, kind: str, name: str) -> Float64:
        """float64 (observations, sites of the kind): one column; nan where it was not measured."""
        return self.rows[kind][:, :, names(kind).index(name)].astype(np.float64)

    def to_pandas(self) -> pandas.DataFrame:
        """One row an observation, site and column (long form): step, kind, site, column, value, unit."""
        import pandas

        frames = [
            {"step": int(step), "kind": kind, "site": site.name, "column": column.name,
             "value": float(self.rows[kind][i, j, k]), "unit": column.unit}
            for kind in COLUMNS
            for i, step in enumerate(self.observed)
            for j, site in enumerate(self.of_kind(kind))
            for k, column in enumerate(COLUMNS[kind])
            if self.rows[kind][i, j, 0] > 0
        ]  # fmt: skip
        return pandas.DataFrame(frames, columns=["step", "kind", "site", "column", "value", "unit"])
