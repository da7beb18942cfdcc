"""`clinometer.treat`: the remedies that a diagnosis names, tried on the unchanged script."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clinometer.diagnosis.diagnose import diagnose
from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.errors import TrialError
from clinometer.records.treatment import (
    NONE_PROVEN,
    NOTHING_TO_TREAT,
    PROVEN,
    UNDECIDED,
    ArmResult,
    Treatment,
)
from clinometer.store.reader import read
from clinometer.treatment.judgement import judge, ordered
from clinometer.treatment.judgement_notes import notes_of
from clinometer.treatment.outcome import Record
from clinometer.treatment.progress import say
from clinometer.treatment.proposals import (
    MOST_REMEDIES,
    Proposals,
    check,
    facts,
    moment_of,
    proposals,
    steps_of,
    watched_of,
)
from clinometer.treatment.record_first import recorded
from clinometer.treatment.record_first_words import doubts_of
from clinometer.treatment.remedy import all_remedies
from clinometer.treatment.treat_words import headline, not_finished, uncounted
from clinometer.treatment.trial.plan import Arm

if TYPE_CHECKING:
    from clinometer.treatment.schedule import TrialDesign

SEEDS = 5  # with fewer a t interval is twice as wide as the spread, and more
OBSERVED = 40  # observations of an arm's recording: enough for a late window of ten


@dataclass(frozen=True)
class Patience:
    """What trials may take: seconds for each way and each arm, bytes of memory for each process."""

    time_limit_s: float = 600.0
    memory_limit_bytes: int = 0


def treat(
    script: str | os.PathLike[str],
    *,
    arguments: Sequence[str] = (),
    module: bool = False,
    recording: str | os.PathLike[str] | None = None,
    steps: int | None = None,
    at: int | None = None,
    seeds: int = SEEDS,
    remedies: Sequence[str] = (),
    most: int = MOST_REMEDIES,
    backend: str = "local",
    workers: int | None = None,
    out: str | os.PathLike[str] | None = None,
    patience: Patience | None = None,
    allow_writes: bool = False,
    in_place: bool = False,
    progress: Callable[[int, int], None] | bool | None = None,
) -> Treatment:
    """Try what might help on copies of a training, and say what is proven.

    Parameters
    ----------
    script : run unchanged, in processes of its own; or the name of a module with `module=True`
    arguments : of the script
    recording : of the unchanged script, where there is one; else it is run and recorded first
    steps : watched in each trial; default: as many as the recording has, 300 at most
    at : step after which a running state is treated; default: half of the recorded steps, 0 where the run
        diverged, just before a loss spike, at the best evaluation pass for what confidence is blamed for
    seeds : pairs of runs
    remedies : names to try in place of what the findings name; also of a healthy run
    most : how many of the named remedies are tried
    backend : "local" processes, "ray" or "dask"
    workers : trials at a time; default: the cores of this machine
    out : folder of the results; default: SCRIPT-treatment. What is there already is not run again
    patience : time and memory that trials may take
    allow_writes : let trials write outside of their own working folder
    in_place : run in the current folder itself instead of a copy for each trial
    progress : told (done, of how many) after each trial; default: a bar on stderr; False for silence

    Returns
    -------
    Treatment : prints itself; `.to_dict()` is the JSON.

    Raises
    ------
    TrialError : where the script cannot be tried.
    """
    from clinometer.treatment import backends
    from clinometer.treatment.schedule import TrialDesign, run_trials

    patience = patience or Patience()
    if seeds < 1:
        raise TrialError(f"seeds={seeds}: expected 1 or more")
    check(remedies, all_remedies())
    backends.check(backend)
    name = os.fspath(script)
    folder = os.path.abspath(out if out is not None else default_folder(name, module=module))
    path = (
        os.fspath(recording)
        if recording is not None
        else recorded(
            name,
            arguments,
            module=module,
            folder=folder,
            limit_s=patience.time_limit_s,
            in_place=in_place,
            allow_writes=allow_writes,
            memory_limit_bytes=patience.memory_limit_bytes,
            tell=partial(say, asked=progress),
        )
    )
    diagnosis = diagnose(read(path))
    doubts = doubts_of(diagnosis.recording, name, arguments)
    for doubt in doubts:
        say(doubt, progress)
    chosen = proposals(diagnosis, all_remedies(), wanted=remedies, most=most)
    if chosen.finding is None and not chosen.remedies:
        return replace(nothing_to_treat(name, diagnosis), notes=doubts)
    when = moment_of(diagnosis, chosen.finding) if at is None else at
    length = steps_of(diagnosis) if steps is None else steps
    design = TrialDesign(
        script=name,
        arguments=tuple(arguments),
        module=module,
        seeds=seeds,
        arms=arms_of(chosen, when),
        at=when,
        steps=length,
        every=max(1, length // OBSERVED),
        finding=chosen.finding or {},
        facts=facts(diagnosis, when + length),
        proposed=chosen.proposed,
        time_limit_s=patience.time_limit_s,
        memory_limit_bytes=patience.memory_limit_bytes,
        allow_writes=allow_writes,
        in_place=in_place,
    )
    records: list[dict[str, Any]] = []
    if chosen.remedies:
        os.makedirs(folder, exist_ok=True)
        records = run_trials(
            design, backend=backend, workers=workers, out=folder, progress=progress
        )
    found = result_of(diagnosis, records, chosen, design, folder)
    return replace(found, notes=(*doubts, *found.notes))


def default_folder(script: str, *, module: bool = False) -> str:
    """Where the results of a script go if nothing is said: beside where one works.

    >>> default_folder("runs/train.py")
    'train-treatment'
    """
    name = script if module else Path(script).stem
    return f"{name or 'script'}-treatment"


def arms_of(chosen: Proposals, at: int) -> tuple[Arm, ...]:
    """Remedies, and the controls of each moment that they need; at step 0 every moment is the start."""
    treated = [
        Arm(one.name, "remedy", one.name, one.moment if at > 0 else "start")
        for one in chosen.remedies
    ]
    controls = [
        Arm(kind, kind, None, moment)
        for moment in dict.fromkeys(arm.moment for arm in treated)
        for kind in ("nothing", "sham", "random")
    ]
    return (*controls, *treated)


def nothing_to_treat(script: str, diagnosis: Diagnosis) -> Treatment:
    """Of a run without an error and without a warning."""
    return Treatment(
        script=script,
        finding=None,
        verdict=NOTHING_TO_TREAT,
        because=f"Nothing to treat: no error and no warning was found. {diagnosis.because}",
        before=diagnosis.recording.path,
    )


def result_of(
    diagnosis: Diagnosis,
    records: Iterable[Record],
    chosen: Proposals,
    design: TrialDesign,
    folder: str | None = None,
) -> Treatment:
    """The records of the trials, judged and put in words."""
    listed = list(records)
    known = all_remedies()
    new_loss = frozenset(name for name, one in known.items() if one.new_loss)
    names = [one.name for one in chosen.remedies]
    watched = watched_of(diagnosis, names)
    judged, missing = judge(listed, new_loss=new_loss, at=design.at, watched=watched)
    arms = ordered(judged, names)
    planned = len(design.arms) * design.seeds
    interrupted = len([one for one in listed if one.get("ended") != "interrupted"]) < planned
    because, remedy = headline(arms, design.steps, design.seeds, len(chosen.by_hand))
    notes = [*notes_of(listed)]
    if interrupted and chosen.remedies:
        notes.append(not_finished(listed, planned))
    if chosen.more:
        notes.append(f"Proposed and not tried, to save time (--most): {', '.join(chosen.more)}.")
    before, after = recordings(listed, arms, diagnosis)
    return Treatment(
        script=design.script,
        finding=chosen.finding,
        verdict=verdict_of_all(arms),
        because=because,
        remedy=remedy,
        arms=arms,
        steps=design.steps,
        at=design.at,
        seeds=design.seeds,
        by_hand=chosen.by_hand,
        not_applicable=tuple((name, why) for name, why in missing if name in names),
        notes=(
            *notes,
            *uncounted(missing, names),
        ),
        change=change(design, remedy, arms, chosen.finding or {}) if remedy is not None else None,
        trials=os.path.join(folder, "trials.jsonl") if folder is not None else None,
        before=before,
        after=after,
        interrupted=interrupted,
    )


def verdict_of_all(arms: Sequence[ArmResult]) -> str:
    """The word for the whole: of the remedies, not of the controls."""
    words = {arm.verdict for arm in arms if arm.kind == "remedy"}
    if PROVEN in words:
        return PROVEN
    return UNDECIDED if UNDECIDED in words else NONE_PROVEN


def recordings(
    records: Sequence[Record], arms: Sequence[ArmResult], diagnosis: Diagnosis
) -> tuple[str | None, str | None]:
    """(of doing nothing, of the first remedy), in the first seed that has both."""
    treated = next((arm for arm in arms if arm.kind == "remedy"), None)
    if treated is None:
        return diagnosis.recording.path, None
    found: dict[tuple[str, int], str] = {}
    for record in records:
        path = record.get("recording")
        if record["moment"] == treated.moment and path and os.path.exists(path):
            found[str(record["arm"]), int(record["seed"])] = str(path)
    for seed in sorted({seed for _, seed in found}):
        before, after = found.get(("nothing", seed)), found.get((treated.name, seed))
        if before is not None and after is not None:
            return before, after
    return diagnosis.recording.path, None


def change(
    design: TrialDesign, remedy: str, arms: Sequence[ArmResult], finding: Any
) -> dict[str, Any]:
    """The change as the user would write it: a diff of the script, or lines to add."""
    from clinometer.treatment.script import change_of

    done = next(arm.done for arm in arms if arm.name == remedy)
    path = script_path(design)
    try:
        source = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        source = ""
    found = change_of(remedy, source, path, done, dict(finding))
    return {"kind": found.kind, "text": found.text, "where": found.where}


def script_path(design: TrialDesign) -> str:
    """The file of the script; of a module, where it is found below the current folder."""
    if not design.module:
        return design.script
    inner = design.script.replace(".", os.sep)
    places = (f"{inner}.py", os.path.join(inner, "__main__.py"))
    return next((place for place in places if os.path.isfile(place)), places[0])
