"""Edits of the network's output: the activation behind the last layer, taken away."""

from __future__ import annotations

import re

from clinometer.treatment.edits.loss import calls_at_the_end, modules_at_the_end
from clinometer.treatment.edits.source import Source, only
from clinometer.treatment.edits.step import Edits

MODULES = {
    "torch.nn.ReLU": "relu", "torch.nn.ReLU6": "relu6", "torch.nn.Softplus": "softplus",
    "torch.nn.Sigmoid": "sigmoid", "torch.nn.Tanh": "tanh", "torch.nn.Softsign": "softsign",
}  # fmt: skip
PLACES = ("torch", "torch.nn.functional")
CALLS = {f"{place}.{name}": name for name in MODULES.values() for place in PLACES}


def linear_output(source: Source, done: str) -> Edits:
    """The only activation that ends a network of the script, where it is the one of the trial."""
    told = re.match(r"(\w+) behind the last layer", done)
    found = [*calls_at_the_end(source, CALLS, MODULES), *modules_at_the_end(source, MODULES)]
    end = only(found)
    return end[1] if end is not None and told is not None and end[0] == told[1] else None
