"""Who is trained: for each parameter, what it was meant for and what happened to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clinometer.records.recording import Float64, Recording


@dataclass(frozen=True)
class Parameter:
    """One tensor over a whole run. A word is None where it was not recorded.

    Attributes
    ----------
    name, layer : qualified names of the tensor and of the module that owns it
    trainable : whether it required a gradient when last seen
    was_trainable : whether it did, and was moved by an optimizer, at any time
    owned : whether an optimizer that stepped owned it when last seen
    was_owned : whether one ever did
    received : whether it ever had a gradient while trainable
    zero : whether every gradient that it had was exactly 0; None where it had none
    called : whether its layer ever ran with gradients wanted
    ran : whether it ever ran at all
    moved : whether its stored bits ever changed, by whatever means
    untrained : whether it looks as an initialisation leaves it; None where that cannot be told
    seen : observations in which it was seen
    """

    name: str
    layer: str
    shape: tuple[int, ...]
    dtype: str
    trainable: bool
    was_trainable: bool
    owned: bool
    was_owned: bool
    received: bool
    zero: bool | None
    called: bool | None
    ran: bool | None
    moved: bool | None
    untrained: bool | None
    seen: int

    @property
    def size(self) -> int:
        """Elements of the tensor."""
        return int(np.prod(self.shape, dtype=np.int64))


def wiring(recording: Recording) -> list[Parameter]:
    """Every parameter that was seen, in the order of the recording."""
    sites = recording.of_kind("parameter")
    if not sites:
        return []
    names = ("seen", "trainable", "owned", "received", "called", "ran", "weight_rms", "stored_rms",
             "grad_step_rms", "grad_rms")  # fmt: skip
    table = {name: recording.column("parameter", name) for name in names}
    found = []
    for i, site in enumerate(sites):
        row = {name: column[:, i] for name, column in table.items()}
        if np.any(row["seen"] > 0) or np.any(row["trainable"] >= 0):
            found.append(_parameter(site.name, site.facts, row))
    return found


def _parameter(name: str, facts: dict[str, object], row: dict[str, Float64]) -> Parameter:
    seen = ~np.isnan(row["trainable"])
    trainable, owned = row["trainable"] == 1, row["owned"] == 1
    received = trainable & (row["received"] == 1)
    last = int(np.flatnonzero(seen)[-1]) if seen.any() else -1
    weights = row["weight_rms"]
    shape = tuple(int(n) for n in facts.get("shape", ()))  # type: ignore[attr-defined]
    moved = _moved(row["stored_rms"], weights)
    return Parameter(
        name=name,
        layer=name.rpartition(".")[0],
        shape=shape,
        dtype=str(facts.get("dtype", "")),
        trainable=bool(seen.any() and trainable[last]),
        was_trainable=bool(np.any(trainable & (row["stored_rms"] > 0))),
        owned=bool(seen.any() and owned[last]),
        was_owned=bool(owned.any()),
        received=bool(received.any()),
        zero=_zero(row),
        called=_ever(row["called"]),
        ran=_ever(row["ran"]),
        moved=moved,
        untrained=None if facts.get("fresh") is None else bool(facts["fresh"]),
        seen=int(seen.sum()),
    )


def _ever(column: Float64) -> bool | None:
    return bool(np.any(column == 1)) if np.any(~np.isnan(column)) else None


def _zero(row: dict[str, Float64]) -> bool | None:
    sizes = np.where(np.isnan(row["grad_rms"]), row["grad_step_rms"], row["grad_rms"])
    known = sizes[~np.isnan(sizes)]
    return bool(np.all(known == 0)) if len(known) else None


def _moved(stored: Float64, weights: Float64) -> bool | None:
    """By its own step, or between two observations: weights that rest have the same RMS to the bit."""
    if np.any(stored > 0):
        return True
    known = weights[~np.isnan(weights)]
    if len(known) >= 2:
        return bool(np.any(known != known[0]))
    return False if np.any(stored == 0) else None
