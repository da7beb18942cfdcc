"""Edits of normalisations: those of one or two values, taken out where they are made."""

from __future__ import annotations

import ast
import re
from math import prod

from clinometer.treatment.edits.source import Source, argument
from clinometer.treatment.edits.step import Edits

SHAPED = frozenset({"torch.nn.LayerNorm", "torch.nn.RMSNorm"})
FEWEST = 3  # values of which more is left than a constant or a sign; as FLOW405 has it


def remove_normalisation(source: Source, done: str) -> Edits:
    """nn.Identity() for each nn.LayerNorm(1), where these are all that the trial took out.

    The values of the others, as of nn.GroupNorm(8, 8), depend on what they are given.
    """
    told = re.match(r"(\d+) normalisations? ", done)
    found = [call for call in source.calls(SHAPED.__contains__) if 0 < _values(call) < FEWEST]
    if told is None or len(found) != int(told[1]):
        return None
    names = [call.func for call in found if isinstance(call.func, ast.Attribute)]
    if len(names) != len(found):
        return None  # the class itself was imported: where torch.nn is, is not known
    return [
        source.put(call, f"{source.of(name.value)}.Identity()")
        for call, name in zip(found, names, strict=True)
    ]


def _values(call: ast.Call) -> int:
    """How many values a mean is taken of; 0 where that is not written out."""
    given = argument(call, "normalized_shape", 0)
    if given is None:
        return 0
    try:
        shape = ast.literal_eval(given)
    except ValueError:
        return 0
    sizes = shape if isinstance(shape, tuple | list) else [shape]
    return prod(sizes) if all(type(size) is int for size in sizes) else 0
