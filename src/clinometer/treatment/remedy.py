"""What a remedy is: mostly data, and one function that treats a living run."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient

Moment = Literal["running", "start"]
Aspect = Literal["weights", "network", "data", "loss", "step", "numbers", "wiring"]
Act = Literal[
    "", "draw weights", "shorten steps", "lengthen steps", "keep more digits", "reach the targets"
]


class NotApplicable(Exception):
    """A remedy that cannot be tried on this run; the message is the reason, for the user."""


@dataclass(frozen=True)
class Remedy:
    """One declared remedy.

    Attributes
    ----------
    name : as rules refer to it (`diagnosis.remedies` has it in words)
    moment : "running" where the running state can be treated; "start" where only a new start shows it
    changes : the aspect of a training that it changes
    act : what several remedies do in different forms or amounts; "" where no other does the same. Where one
        of them is proposed, no other is drawn as a random remedy: a control must not hold what works
    apply : treats the run and says what was done, with its values, in a few words:
        "learning rate 0.02 -> 0.002"

        Raises NotApplicable, with the reason, before anything is changed.
    lines : the change as a user would write it: Python lines, with a comment that says where they go
    new_loss : whether the loss afterwards is another quantity, so that losses are not compared as they are
    """

    name: str
    moment: Moment
    changes: Aspect
    apply: Callable[[Patient], str]
    lines: str
    new_loss: bool = False
    act: Act = ""


@cache
def all_remedies() -> dict[str, Remedy]:
    """Every remedy that can be tried, by name: each file of `treatment/remedies` declares one `REMEDY`."""
    from clinometer.treatment import remedies

    found = [
        importlib.import_module(f"{remedies.__name__}.{info.name}").REMEDY
        for info in pkgutil.iter_modules(remedies.__path__)
        if not info.name.startswith("_")
    ]
    return {remedy.name: remedy for remedy in sorted(found, key=lambda one: one.name)}
