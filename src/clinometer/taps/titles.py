"""Names of the places in one graph: a module's own, a functional call's after its owner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clinometer.taps.places import Place, plain


def entitle(places: list[Place], name_of: Callable[[Any], str]) -> None:
    """Name places in order of execution; the second call of one is `name#2`.

    A functional call is called after the block that owns it and what it does (`encoder.3:relu`);
    at the top level, where the block has no name, after the layer before it (`fc1:relu`).
    """
    turns: dict[str, int] = {}
    for order, place in enumerate(places):
        place.order = order
        name = _name(place, name_of)
        place.turn = turns[name] = turns.get(name, -1) + 1
        place.name = name if place.turn == 0 else f"{name}#{place.turn + 1}"


def _name(place: Place, name_of: Callable[[Any], str]) -> str:
    if place.pending is not None:
        return place.pending.spot.name
    if place.kind == "weight":
        whole = name_of(place.weight)
        for ending in (".weight", "_weight", ".data"):
            whole = whole.removesuffix(ending)
        return whole
    return f"{_owner(place)}:{_does(place)}"


def _owner(place: Place) -> str:
    if not place.sources:
        return ""
    source = plain(max(place.sources, key=lambda source: source.order).name)
    if ":" in source:
        return source.partition(":")[0]
    block = source.rpartition(".")[0]
    return block or source


def _does(place: Place) -> str:
    kinds = [operation.removesuffix("0").removesuffix("Backward") for operation in place.operations]
    words = [_word(kind) for kind in kinds]
    if place.kind == "attention":
        return "attention"
    if place.kind in {"join", "fork"}:
        return words[0] if words else place.kind
    return "+".join(dict.fromkeys(words)) or place.kind


def _word(kind: str) -> str:
    """`LeakyRelu` -> `leaky_relu`."""
    spaced = "".join(f"_{c.lower()}" if c.isupper() else c for c in kind)
    return spaced.lstrip("_") or "operation"
