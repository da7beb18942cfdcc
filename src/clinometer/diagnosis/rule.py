"""What a rule is: mostly data, and one function that looks at the columns it names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from clinometer.errors import RuleError

SEVERITIES = ("error", "warning", "note")
Check = Callable[..., Iterable["Sign"]]


@dataclass(frozen=True)
class Evidence:
    """One number that speaks for a finding, beside the limit it was held against."""

    quantity: str
    value: float
    limit: float | None
    unit: str
    n: int


@dataclass(frozen=True)
class Sign:
    """What a rule saw in one place.

    Attributes
    ----------
    layer : where; "" for the run as a whole
    cause : the factor or fault that is blamed
    size : how bad, in decades of signal lost (or another measure that orders signs of one rule)
    explanation : one or two sentences for the user
    severity : "error", "warning" or "note"; None: as a symptom (see `diagnosis.severity`)
    step : of an event; None for what was seen over the run
    """

    layer: str
    cause: str
    size: float
    evidence: tuple[Evidence, ...]
    explanation: str
    severity: str | None = None
    step: int | None = None


@dataclass(frozen=True)
class Finding:
    """One rule's verdict, over all the layers in which it saw the same cause.

    `steps`: first and last that were observed; of an event, twice its own. `consequence_of`: code of the
    finding that explains this one, or None.
    """

    code: str
    name: str
    severity: str
    layer: str
    layers: tuple[str, ...]
    cause: str
    steps: tuple[int, int]
    evidence: tuple[Evidence, ...]
    explanation: str
    remedies: tuple[str, ...]
    size: float = 0.0
    consequence_of: str | None = None

    def _repr_html_(self) -> str:
        from clinometer import notebook_html  # by the front door: results know nothing of reports

        return notebook_html(self)


class NotJudged(Exception):
    """Raised by a rule (or by what it reads) to say why it cannot judge this run."""


@dataclass(frozen=True)
class Rule:
    """A rule: the columns it reads, the limits it holds them against, the remedies it names.

    Attributes
    ----------
    code, name : `FLOW101`, `saturated-activation`; stable
    reads : names of the quantities that `check` takes as arguments (see `diagnosis.quantities`)
    limits : numbers by name, given to `check` as `limits`
    remedies : names of what might help, cheapest first
    blame : order among rules when several speak and none explains another: smaller leads
    explains : codes of what follows from this fault: those findings are listed under it

    Raises
    ------
    RuleError : when `check` takes arguments that `reads` does not name.
    """

    code: str
    name: str
    reads: tuple[str, ...]
    limits: Mapping[str, float]
    remedies: tuple[str, ...] = ()
    blame: int = 50
    explains: tuple[str, ...] = ()
    _check: list[Check] = field(default_factory=list)

    def check(self, function: Check) -> Check:
        """Decorator: the function that looks; it yields signs."""
        expected = {*self.reads, "limits"}
        taken = set(inspect.signature(function).parameters)
        if taken != expected:
            raise RuleError(
                f"{self.code}: check takes {sorted(taken)}; expected {sorted(expected)}, "
                "the names in `reads` and `limits`."
            )
        self._check.append(function)
        return function

    def look(self, quantities: Mapping[str, Any]) -> list[Sign]:
        """Run the check.

        Raises
        ------
        RuleError : if the rule has no check.
        NotJudged : if something that it reads is not there.
        """
        if not self._check:
            raise RuleError(f"{self.code}: has no check; decorate one with @RULE.check.")
        arguments = {name: quantities[name] for name in self.reads}
        return list(self._check[0](**arguments, limits=self.limits))
