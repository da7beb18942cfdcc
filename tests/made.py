"""Recordings made by hand: a chain of linear layers with numbers as one likes, and findings without a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from clinometer.diagnosis.diagnose import diagnose
from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.diagnosis.rule import Evidence, Finding
from clinometer.records.columns import COLUMNS, STEP, names
from clinometer.records.recording import Recording
from clinometer.records.site import Site

META = {"script": "train.py", "clinometer": "0.1.0", "torch": "2.13.0", "ended": "normal"}
SIZE = {"examples": 8.0, "elements": 64.0, "sampled": 64.0}


def chain_sites(layers: int, prefix: str = "net") -> tuple[Site, ...]:
    """Linear layers with ReLU between them, their weights and biases, and a cross-entropy."""
    found: list[tuple[str, str, dict[str, Any]]] = []
    for i in range(layers):
        last = i == layers - 1
        facts = {"class": "Linear", "role": "weight", "fan_in": 8, "fan_out": 8, "output": last}
        below = [f"{prefix}.{2 * i - 1}"] if i else []
        found.append(("call", f"{prefix}.{2 * i}", facts | {"parents": below}))
        if not last:
            relu = {"class": "ReLU", "role": "activation", "activation": "relu"}
            name = f"{prefix}.{2 * i + 1}"
            found.append(("call", name, relu | {"parents": [f"{prefix}.{2 * i}"]}))
            found.append(("activation", name, {}))
        for tensor, shape in (("weight", [8, 8]), ("bias", [8])):
            about = {"shape": shape, "dtype": "float32"}
            found.append(("parameter", f"{prefix}.{2 * i}.{tensor}", about))
    found.append(("loss", "cross_entropy", {}))
    return tuple(Site(i, *one) for i, one in enumerate(found))


def rows_of(sites: tuple[Site, ...], observations: int, gain: float) -> dict[str, np.ndarray]:
    """Rows in which each place passes on `gain` of the gradient that it is handed."""
    calls = [site.name for site in sites if site.kind == "call"]
    rows = {}
    for kind in COLUMNS:
        here = [site for site in sites if site.kind == kind]
        cube = np.full((observations, len(here), len(COLUMNS[kind])), np.nan, np.float32)
        for at, site in enumerate(here):
            place = site.name.rpartition(".")[0] if kind == "parameter" else site.name
            above = len(calls) - 1 - calls.index(place) if place in calls else 0
            for name, value in _row(kind, 0.1 * gain**above, gain).items():
                cube[:, at, names(kind).index(name)] = value
        rows[kind] = cube
    return rows


def _row(kind: str, entering: float, gain: float) -> Mapping[str, float]:
    if kind == "call":
        rms = {"in_rms": 1.0, "out_rms": 1.0, "reach": 8 * entering, "training": 1.0}
        return SIZE | rms | {"seen": 1, "grad_out_rms": entering, "grad_in_rms": entering * gain}
    if kind == "parameter":
        moved = {"grad_rms": entering, "grad_step_rms": entering, "weight_rms": 0.1, "lr": 0.1}
        states = dict.fromkeys(("seen", "trainable", "owned", "received", "called"), 1.0)
        return states | moved | {"intended_rms": 0.1 * entering, "stored_rms": 0.1 * entering}
    if kind == "activation":
        return {"seen": 1, "examples": 8, "saturated": 0.5, "units": 8, "dead": 0, "window": 800}
    if kind != "loss":
        return {"seen": 1}
    return {"seen": 1, "examples": 8, "value": 1.386, "right": 0.25, "wrong_gradient": 0.9}


def recording(
    layers: int = 3,
    *,
    steps: int = 200,
    every: int = 20,
    gain: float = 0.9,
    losses: np.ndarray | None = None,
    **changed: Any,
) -> Recording:
    """A run at ln 4, unless `losses` says otherwise; any field may be replaced."""
    sites = changed.pop("sites", None) or chain_sites(layers)
    observed = np.arange(0, steps, every)
    scalars = {column.name: np.full(steps, np.nan) for column in STEP}
    noise = 0.01 * np.random.default_rng(0).standard_normal(steps)
    scalars["loss"] = 1.386 + noise if losses is None else losses
    scalars["loss_seen"], scalars["passes"] = np.ones(steps), np.ones(steps)
    labels = {"cross_entropy": {"counts": {str(i): 100 for i in range(4)}, "classes": 4}}
    rows = rows_of(sites, len(observed), gain)
    rows["loss"][:, :, names("loss").index("value")] = scalars["loss"][observed][:, None]
    whole = Recording(
        path="run.clino", meta=META, ended="normal", sites=sites, step=np.arange(steps),
        scalars=scalars, observed=observed, rows=rows, labels=labels,
        dead_units={},
    )  # fmt: skip
    return replace(whole, **changed)


def falling(steps: int = 200) -> np.ndarray:
    """A loss that falls from ln 4 to a tenth of it."""
    return np.linspace(1.386, 0.13, steps)


def finding(code: str, severity: str = "error", **fields: Any) -> Finding:
    """A finding as a rule would make it."""
    given: dict[str, Any] = {
        "name": "some-fault", "layer": "net.0", "layers": ("net.0",), "cause": "weight gain",
        "steps": (0, 199), "evidence": (Evidence("gain", -6.0, -2.0, "decades", 10),),
        "explanation": f"{code} is what is wrong. It has a second sentence.",
        "remedies": ("scale-init", "lower-rate"),
    }  # fmt: skip
    return Finding(code=code, severity=severity, **given | fields)


def judged_as(*findings: Finding, verdict: str = "stuck", **fields: Any) -> Diagnosis:
    """A diagnosis of a made run with these findings."""
    whole = diagnose(fields.pop("recording", None) or recording())
    because = "Stuck: the loss does not fall." + "".join(f" {f.explanation}" for f in findings[:1])
    return replace(whole, verdict=verdict, because=because, findings=findings, **fields)
