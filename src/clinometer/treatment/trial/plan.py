"""What a trial process is told: one script, one seed, the arms; and where each arm's result goes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from clinometer import __version__
from clinometer.errors import TrialError

Kind = Literal["nothing", "sham", "random", "remedy"]
# Below `treatment`: what decides which trials are made, where they run, and what they mean.
AROUND = (
    "backends", "edits/", "forecast.py", "guard", "judge", "outcome", "progress", "proposals",
    "record_first", "results", "schedule", "script", "shipping", "task", "treat",
)  # fmt: skip


@dataclass(frozen=True)
class Arm:
    """One treatment: `remedy` names it where `kind` is "remedy"; a random one is drawn in the process.

    `moment` is "start" (before the first forward pass of the training) or "running" (after step `Plan.at`).
    """

    name: str
    kind: Kind
    remedy: str | None
    moment: Literal["running", "start"]


@dataclass(frozen=True)
class Plan:
    """One run of the script (`trunk`), with one child for each arm; or, without `fork`, with one arm.

    Attributes
    ----------
    script, arguments, module : as on the command line; `module` where it is `-m script`
    seed : index: 0 is the script's own
    at : steps before the moment "running"
    steps : how long each arm is watched [steps of the script]
    every : how often an arm's recording observes [steps]
    folder : where results, recordings and the script's output go
    workdir : the working folder of the script; where it is a copy (`trial.folder.copied`), every arm finds it
        as the moment left it
    finding, facts : what remedies are told (see `Patient`)
    proposed : remedies that a random arm does not draw
    time_limit_s : for the way to a moment, and for each arm from there [s]; 0 is none
    memory_limit_bytes : of private memory, for each process; 0 is none
    fork : whether arms are children of the one run
    allow_writes : whether the script may write outside of `workdir`
    """

    script: str
    arguments: tuple[str, ...] = ()
    module: bool = False
    seed: int = 0
    arms: tuple[Arm, ...] = ()
    at: int = 0
    steps: int = 100
    every: int = 5
    folder: str = "."
    workdir: str = "."
    finding: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    proposed: tuple[str, ...] = ()
    time_limit_s: float = 0.0
    memory_limit_bytes: int = 0
    fork: bool = True
    allow_writes: bool = False

    def to_json(self) -> str:
        """As one JSON object."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """What `to_json` made.

        Raises
        ------
        TrialError : where it is no such object.
        """
        try:
            said = json.loads(text)
            arms = tuple(Arm(**arm) for arm in said.pop("arms"))
            for name in ("arguments", "proposed"):
                said[name] = tuple(said.get(name, ()))
            plan = cls(arms=arms, **said)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise TrialError(
                f"this is no plan of a trial ({type(error).__name__}: {error}).\n"
                "  Expected what `Plan.to_json` writes."
            ) from error
        if not plan.fork and len(plan.arms) != 1:
            raise TrialError(
                f"a trial that does not fork has {len(plan.arms)} arms.\n  Expected one."
            )
        return plan


def result_path(plan: Plan, arm: Arm) -> str:
    """Where the record of an arm is written, whole, as soon as the arm has ended."""
    return os.path.join(plan.folder, f"{stem(plan, arm)}.json")


def stem(plan: Plan, arm: Arm) -> str:
    """Name of an arm's files: `lower-rate-running-0`."""
    return f"{arm.name}-{arm.moment}-{plan.seed}"


def nofork_path(plan: Plan) -> str:
    """Written in place of results where the run could not be forked: {"seed": 0, "why": "..."}."""
    return os.path.join(plan.folder, f"nofork-{plan.seed}.json")


def key(plan: Plan, arm: Arm) -> str:
    """Name of a trial that never changes its meaning: 16 hexadecimal digits."""
    told = [
        hashlib.sha256(source(plan)).hexdigest(), plan.script, list(plan.arguments), asdict(arm),
        plan.seed, plan.steps, plan.at, __version__, code(),
    ]  # fmt: skip
    if arm.kind == "random":
        told.append(sorted(plan.proposed))
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


@cache
def code() -> str:
    """Digest of the code that makes a trial: the trial process, the remedies, what they are made of.

    What only chooses trials, hands them out or judges them is left out: it leaves their results as they are.
    """
    return digest(Path(__file__).parents[1], AROUND)


def digest(top: Path, without: tuple[str, ...] = ()) -> str:
    """Of the Python files below a folder, and their names; `without` are beginnings of names left out."""
    found = hashlib.sha256()
    for path in sorted(top.rglob("*.py")):
        name = path.relative_to(top).as_posix()
        if not name.startswith(without):
            found.update(name.encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def source(plan: Plan) -> bytes:
    """The script's bytes, as far as they are found without importing anything; b"" where they are not."""
    places = [plan.script]
    if plan.module:
        inner = plan.script.replace(".", os.sep)
        places = [f"{inner}.py", os.path.join(inner, "__main__.py")]
    for place in places:
        try:
            with open(os.path.join(plan.workdir, place), "rb") as file:
                return file.read()
        except OSError:
            continue
    return b""
