"""A recording in the tables of pandas and xarray, which are installed only where they are wanted."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from clinometer.errors import RecordingError
from clinometer.records.columns import COLUMNS, STEP

if TYPE_CHECKING:
    import pandas
    import xarray

    from clinometer.records.recording import Recording


def frame(recording: Recording) -> pandas.DataFrame:
    """Long form of every site that was seen (see `Recording.to_pandas`)."""
    pandas = _module("pandas")
    empty = pandas.DataFrame(columns=["step", "kind", "site", "column", "value", "unit"])
    parts = [_long(recording, kind) for kind in COLUMNS]
    frames = [pandas.DataFrame(part) for part in parts if len(part["value"])]
    return pandas.concat(frames, ignore_index=True) if frames else empty


def _long(recording: Recording, kind: str) -> dict[str, Any]:
    """One kind's columns of the long form; the column varies fastest, the observation slowest."""
    columns, cube = COLUMNS[kind], recording.rows[kind]
    at, site = np.nonzero(cube[:, :, 0] > 0)
    sites = np.array([place.name for place in recording.of_kind(kind)], dtype=object)
    width = len(columns)
    return {
        "step": np.repeat(recording.observed[at], width),
        "kind": kind,
        "site": np.repeat(sites[site], width),
        "column": np.tile(np.array([c.name for c in columns], dtype=object), len(at)),
        "value": cube[at, site].astype(np.float64).reshape(-1),
        "unit": np.tile(np.array([c.unit for c in columns], dtype=object), len(at)),
    }


def dataset(recording: Recording) -> xarray.Dataset:
    """Columns on named axes (see `Recording.to_xarray`)."""
    module = _module("xarray")
    variables: dict[str, Any] = {
        column.name: ("step", recording.scalars[column.name], _facts(column)) for column in STEP
    }
    coordinates: dict[str, Any] = {"step": recording.step, "observed": recording.observed}
    for kind, columns in COLUMNS.items():
        coordinates[f"{kind}_site"] = [site.name for site in recording.of_kind(kind)]
        for i, column in enumerate(columns):
            cells = recording.rows[kind][:, :, i]
            variables[f"{kind}_{column.name}"] = (
                ("observed", f"{kind}_site"),
                cells,
                _facts(column),
            )
    facts = {"path": recording.path, "ended": recording.ended}
    built: xarray.Dataset = module.Dataset(variables, coordinates, facts)
    return built


def _facts(column: Any) -> dict[str, str]:
    return {"units": column.unit, "long_name": column.meaning}


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise RecordingError(
            f"{name} is not installed, so the recording cannot be put into its tables.\n"
            f"  Expected it beside Clinometer; install it with `pip install clinometer[{name}]`."
        ) from error
