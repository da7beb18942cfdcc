"""Which scripts are treated, and which of them can be cured from outside."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.zoo.cases import PARTS as ZOO_PARTS
from benchmarks.zoo.cases import read_part

ROOT = Path(__file__).parents[2]
EXAMPLES = "examples"
PARTS = (*ZOO_PARTS, EXAMPLES)


@dataclass(frozen=True)
class Sick:
    """A script to be treated.

    codes : of the findings that may lead, by its label; empty for an example, which has none
    """

    part: str
    name: str
    script: Path
    what: str
    codes: tuple[str, ...]

    @property
    def arguments(self) -> tuple[str, ...]:
        """As the zoo runs its first seed; trials shift the seed from there."""
        return () if self.part == EXAMPLES else ("--seed", "0")

    def digest(self) -> str:
        return hashlib.sha256(self.script.read_bytes()).hexdigest()


def read(part: str) -> list[Sick]:
    """The sick scripts of a part of the zoo, by name; or the example scripts, all of them."""
    if part == EXAMPLES:
        return [
            Sick(part, path.stem, path, "", ())
            for path in sorted((ROOT / "examples").resolve().glob("*.py"))
        ]
    return [
        Sick(part, case.name, case.script.resolve(), case.what, case.codes)
        for case in read_part(part)
        if case.sick
    ]


def cures(codes: Iterable[str]) -> tuple[str, ...]:
    """Remedies that rules of these codes name and that can be tried from outside; empty: not curable.

    By the label and not by what was diagnosed: a case that is diagnosed wrongly stays curable.
    """
    from clinometer.diagnosis.diagnose import all_rules
    from clinometer.treatment.remedy import all_remedies

    wanted, known = set(codes), all_remedies()
    named = [name for rule in all_rules() if rule.code in wanted for name in rule.remedies]
    return tuple(name for name in dict.fromkeys(named) if name in known)
