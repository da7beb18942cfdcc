"""The lithology column: which kind of layer lies at which depth, told by hatch as well as by colour."""

from __future__ import annotations

from dataclasses import dataclass

from clinometer.records.site import Site


@dataclass(frozen=True)
class Rock:
    """How one kind of layer is drawn: its name in the legend, colour and hatch."""

    name: str
    colour: str
    hatch: str


# Light colours whose hatches stay apart in black and white; in the order of the legend.
ROCKS = {
    rock.name: rock
    for rock in (
        Rock("linear", "#F2D98B", "..."),
        Rock("convolution", "#9CC9DE", "++"),
        Rock("embedding", "#F4C9A8", "oo"),
        Rock("recurrent", "#C9B3DC", "OO"),
        Rock("attention", "#E99C86", "xxx"),
        Rock("normalisation", "#C8C8C8", "///"),
        Rock("activation", "#93BF85", "---"),
        Rock("fork or join", "#FFFFFF", "|||"),
        Rock("other", "#FFFFFF", ""),
    )
}
_OF_ROLE = {
    "activation": "activation",
    "attention": "attention",
    "embedding": "embedding",
    "fork": "fork or join",
    "join": "fork or join",
    "normalisation": "normalisation",
    "recurrent": "recurrent",
}


def kind_of(call: Site) -> str:
    """Name of the rock of one call, by its role; a weight layer is a convolution or linear.

    >>> kind_of(Site(0, "call", "stem", {"role": "weight", "class": "Conv2d"}))
    'convolution'
    >>> kind_of(Site(0, "call", "pool", {"role": "other", "class": "AvgPool2d"}))
    'other'
    """
    role, made_of = str(call.facts.get("role")), str(call.facts.get("class")).lower()
    if role == "weight":
        return "convolution" if "conv" in made_of else "linear"
    return _OF_ROLE.get(role, "other")
