"""How often each rule was right when it was measured: on scripts with a known fault, or none.

`make zoo` measures, and writes `rates.json` beside this file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from clinometer.stats.binomial import wilson

TUNED = ("tuned", "opened")  # the limits of the rules were worked out on these scripts
HELD_OUT = ("unseen", "reserve")  # nobody who wrote a rule looked at these


@dataclass(frozen=True)
class Rate:
    """A rule's measured rates, over runs: several seeds of each script.

    Attributes
    ----------
    detected : runs in which the rule spoke (error or warning), of those that have its fault
    sick : runs that have its fault
    alarms : healthy runs in which it spoke
    healthy : healthy runs
    """

    detected: int
    sick: int
    alarms: int
    healthy: int

    @property
    def recall_interval(self) -> tuple[float, float] | None:
        """Wilson interval of detected / sick, 95 % [-]; None where no script has the fault."""
        return wilson(self.detected, self.sick) if self.sick else None

    @property
    def alarm_interval(self) -> tuple[float, float] | None:
        """Wilson interval of alarms / healthy, 95 % [-]; None where no healthy script was run."""
        return wilson(self.alarms, self.healthy) if self.healthy else None

    def to_dict(self) -> dict[str, list[int]]:
        """For a finding's JSON: each as [k, n].

        >>> Rate(23, 25, 0, 280).to_dict()
        {'recall': [23, 25], 'false_alarms': [0, 280]}
        """
        return {
            "recall": [self.detected, self.sick],
            "false_alarms": [self.alarms, self.healthy],
        }


def rate(code: str, parts: Sequence[str] = HELD_OUT) -> Rate | None:
    """A rule's measured rates, summed over parts of the zoo; None where none of them has it.

    Parameters
    ----------
    code : `FLOW201`
    parts : by default those that nobody who wrote a rule looked at; a rule is better on `TUNED`
        than it will be on a user's run
    """
    rules = [_measured().get(part, {}).get("rules", {}) for part in parts]
    found = [Rate(**rule[code]) for rule in rules if code in rule]
    if not found:
        return None
    return Rate(
        detected=sum(one.detected for one in found),
        sick=sum(one.sick for one in found),
        alarms=sum(one.alarms for one in found),
        healthy=sum(one.healthy for one in found),
    )


@cache
def _measured() -> dict[str, Any]:
    """By part; nothing where `make zoo` was never run."""
    file = files("clinometer.diagnosis") / "rates.json"
    if not file.is_file():
        return {}
    parts: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["parts"]
    return parts
