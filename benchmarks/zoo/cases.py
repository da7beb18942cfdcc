"""The labels: what is known of each script before it is judged."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ZOO = Path(__file__).parent
PARTS = ("tuned", "opened", "unseen", "reserve", "fresh")
VERDICTS = ("learning", "learned", "stuck", "diverged", "not-training", "undecided")
# The last number of each family of codes; a label may name a rule that is not written yet.
FAMILIES = {
    "FLOW1": 4, "FLOW2": 8, "FLOW3": 5, "FLOW4": 8, "FLOW5": 3,
    "CONF1": 2, "CONF2": 4, "CONF3": 1, "RUN1": 3,
}  # fmt: skip
LISTS = ("codes", "cause", "layers", "verdict", "looks_like")
KEYS = ("sick", "what", *LISTS)


class LabelError(Exception):
    """A label that cannot be used: which, what was found, what was expected."""


@dataclass(frozen=True)
class Case:
    """One script and its label (the words are those of README.md).

    Attributes
    ----------
    codes : what may lead the findings, the best first; empty where healthy
    cause, layers : what may be blamed and where; empty where it does not matter
    verdict : what may be said of the run
    looks_like : what a careless rule would say of a healthy one
    """

    part: str
    name: str
    script: Path
    sick: bool
    what: str
    codes: tuple[str, ...] = ()
    cause: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    verdict: tuple[str, ...] = ()
    looks_like: tuple[str, ...] = ()


def known_codes() -> frozenset[str]:
    """Every code that a label may name: the families' numbers, and the rules that exist."""
    from clinometer.diagnosis.diagnose import all_rules

    listed = {f"{family}{n:02d}" for family, last in FAMILIES.items() for n in range(1, last + 1)}
    return frozenset(listed | {rule.code for rule in all_rules()})


def read_part(part: str, zoo: Path = ZOO) -> list[Case]:
    """The cases of one part, by name; none where the part has neither labels nor scripts yet.

    Raises
    ------
    LabelError : for a label that is wrong, without script, or missing for a script.
    """
    labels = zoo / f"{part}.toml"
    scripts = {path.stem for path in (zoo / part).glob("*.py") if path.stem != "__init__"}
    tables = _tables(labels) if labels.exists() else {}
    for name in sorted(scripts - set(tables)):
        raise LabelError(f"{part}/{name}.py: has no label; expected a table [{name}] in {labels}")
    codes = known_codes() if tables else frozenset()
    return [_case(part, name, tables[name], zoo, codes) for name in sorted(tables)]


def _tables(labels: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(labels.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise LabelError(f"{labels}: is not TOML: {error}") from error


def _case(part: str, name: str, table: Any, zoo: Path, codes: frozenset[str]) -> Case:
    script = zoo / part / f"{name}.py"
    wrong = next(_wrong(table, codes, script), None)
    if wrong is not None:
        raise LabelError(f"{part}.toml [{name}]: {wrong}")
    lists = {key: tuple(table.get(key, ())) for key in LISTS}
    return Case(part, name, script, table["sick"], table["what"], **lists)


def _wrong(table: Any, codes: frozenset[str], script: Path) -> Iterator[str]:
    """What is wrong with a label, the first thing first."""
    if not isinstance(table, Mapping):
        yield "is a single value; expected a table"
        return
    if not script.exists():
        yield f"there is no script {script}"
    yield from (
        f"unknown key {key!r}; expected {', '.join(KEYS)}" for key in table if key not in KEYS
    )
    if not isinstance(table.get("sick"), bool):
        yield "expected `sick = true` or `sick = false`"
    if not isinstance(table.get("what"), str):
        yield "expected `what`, one sentence"
    yield from _wrong_lists(table, codes)


def _wrong_lists(table: Mapping[str, Any], codes: frozenset[str]) -> Iterator[str]:
    for key in LISTS:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            yield f"{key} is {value!r}; expected a list of words"
            return
    named = [*table.get("codes", ()), *table.get("looks_like", ())]
    yield from (f"unknown code {code!r}" for code in named if code not in codes)
    if table.get("sick") and not table.get("codes"):
        yield "is sick, but `codes` names no finding"
    if not table.get("sick") and table.get("codes"):
        yield "is healthy, but `codes` names a finding; is it meant as `looks_like`?"
    if not table.get("verdict"):
        yield "expected `verdict`, a list of what may be said of the run"
    unknown = (word for word in table.get("verdict", ()) if word not in VERDICTS)
    yield from (f"unknown verdict {word!r}; expected {', '.join(VERDICTS)}" for word in unknown)
