"""A recording as it is read back: plain arrays, no torch, no file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from clinometer.records.columns import names
from clinometer.records.evaluation import Evaluation
from clinometer.records.site import Site

if TYPE_CHECKING:
    import os

    import pandas
    import xarray
    from matplotlib.figure import Figure

Float32 = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
Float64 = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Int64 = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
Bool = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


@dataclass(frozen=True)
class Event:
    """Something that happened in a run.

    Attributes
    ----------
    step : optimizer step, from 0
    kind : a word (`spike`, `non-finite` ...)
    text : what was seen, in words
    """

    step: int
    kind: str
    text: str


@dataclass(frozen=True)
class Recording:
    """One training run, as far as it was recorded.

    Attributes
    ----------
    path : where it was read from
    meta : what is known of the run as a whole (script, versions, budget, overhead ...)
    ended : "normal", "exception", "interrupted", "killed", or "running" while its process lives
    sites : what was observed, in the order of first sight; calls are in order of execution
    step : int64 (steps,): number of each recorded optimizer step, from 0, ascending; older steps of
        a long run are thinned, so numbers may be missing
    scalars : by name of the column (`columns.STEP`), float64 (steps,); nan where it was not seen
    observed : int64 (observations,): steps with a full observation
    rows : for each kind, float32 (observations, sites of the kind, columns of the kind)
    labels : facts about the targets, accumulated over the observed steps, by name of the loss site
    dead_units : by name of the call, the ids of the units that are dead in the last window
    events : what happened, in the order in which it was noticed
    notes : what could not be observed or read, in words
    evaluations : passes over a loss without gradients (validation), in order; some of many
    """

    path: str
    meta: dict[str, Any]
    ended: str
    sites: tuple[Site, ...]
    step: Int64
    scalars: dict[str, Float64]
    observed: Int64
    rows: dict[str, Float32]
    labels: dict[str, dict[str, Any]]
    dead_units: dict[str, list[int]]
    events: tuple[Event, ...] = ()
    notes: tuple[str, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()

    @property
    def time_s(self) -> Float64:
        """float64 (steps,): seconds since the recorder started, at the end of the step [s]."""
        return self.scalars["time_s"]

    @property
    def loss(self) -> Float64:
        """float64 (steps,): sum of the losses propagated back in the step, loss scale taken off.

        nan both for "not seen" (see `loss_seen`) and for a loss of NaN.
        """
        return self.scalars["loss"]

    @property
    def loss_seen(self) -> Bool:
        """bool (steps,): whether a scalar loss was propagated back in the step."""
        return np.asarray(self.scalars["loss_seen"] > 0)

    @property
    def steps(self) -> int:
        """How many optimizer steps the run took as far as it was recorded, thinned ones included."""
        last = [int(numbers[-1]) for numbers in (self.step, self.observed) if len(numbers)]
        return max(last, default=-1) + 1

    def of_kind(self, kind: str) -> tuple[Site, ...]:
        """Sites of one kind, in the order of `rows[kind]`'s second axis."""
        return tuple(site for site in self.sites if site.kind == kind)

    def column(self, kind: str, name: str) -> Float64:
        """float64 (observations, sites of the kind): one column; nan where it was not measured."""
        return self.rows[kind][:, :, names(kind).index(name)].astype(np.float64)

    def to_pandas(self) -> pandas.DataFrame:
        """One row an observation, site and column (long form): step, kind, site, column, value, unit.

        Raises
        ------
        RecordingError : if pandas is not installed.
        """
        from clinometer.records.export import frame

        return frame(self)

    def to_xarray(self) -> xarray.Dataset:
        """Every column on named axes, with its unit; nothing is copied.

        Scalars lie on `step`; a column of sites is named by kind and column (`call_grad_out_rms`) and
        lies on `observed` and on the sites of its kind (`call_site`).

        Raises
        ------
        RecordingError : if xarray is not installed.
        """
        from clinometer.records.export import dataset

        return dataset(self)

    def plot_log(self, **options: Any) -> Figure:
        """The well log of the run, as a matplotlib Figure (see `clinometer.plot_log`)."""
        from clinometer import plot_log  # by the front door: records know nothing of reports

        return plot_log(self, **options)

    def to_las(self, path: str | os.PathLike[str], **options: Any) -> None:
        """Write the curves of its well log as a LAS 2.0 file (see `clinometer.to_las`)."""
        from clinometer import to_las

        to_las(self, path, **options)

    def _repr_html_(self) -> str:
        from clinometer import notebook_html  # by the front door: records know nothing of reports

        return notebook_html(self)
