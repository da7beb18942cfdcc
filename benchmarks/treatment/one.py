"""One case in a process of its own: its recording, its trials, and a repetition of what was recommended."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.treatment.cases import EXAMPLES, Sick, cures

OUT = "result.json"
HELD_OUT = "held-out"


@dataclass(frozen=True)
class Settings:
    """Of every case.

    steps, seeds : of each trial
    repeats : further seeds on which a recommended remedy is tried again
    zoo : folder of the zoo's recordings, which are used as long as the script is the same
    """

    steps: int = 150
    seeds: int = 5
    repeats: int = 3
    time_limit_s: float = 120.0
    zoo: str = ""


def treated(case: Sick, settings: Settings, folder: Path) -> dict[str, Any]:
    """The line of a case, from the same calls that `clinometer treat` makes."""
    from clinometer.treatment.treat import Patience, treat

    begun = time.monotonic()
    found = treat(
        case.script, arguments=case.arguments, recording=_recording(case, settings.zoo),
        steps=settings.steps, seeds=settings.seeds, workers=1, out=folder, progress=False,
        patience=Patience(settings.time_limit_s),
    )  # fmt: skip
    told = found.to_dict()
    recommended = [
        (arm.name, arm.moment)
        for arm in found.arms
        if arm.kind == "remedy" and arm.verdict == "proven"
    ]
    codes = case.codes
    if (
        case.part == EXAMPLES and told["finding"]
    ):  # without a label, what was found is what can be cured
        codes = (told["finding"]["code"],)
    return {
        "treatment": told,
        "cures": list(cures(codes)),
        "leading_right": bool(told["finding"]) and told["finding"]["code"] in codes,
        "held_out": _repeated(case, settings, folder, found, recommended) if recommended else [],
        "wall_s": round(time.monotonic() - begun, 1),
    }


def _recording(case: Sick, zoo: str) -> Path | None:
    """The zoo's own recording of the first seed; None where there is none of this script."""
    from benchmarks.zoo.cases import PARTS, read_part
    from benchmarks.zoo.runs import Run, is_fresh

    if not zoo or case.part not in PARTS:
        return None
    run = next(Run(one, 0) for one in read_part(case.part) if one.name == case.name)
    path = run.recording(Path(zoo))
    return path if path.exists() and is_fresh(run, Path(zoo)) else None


def _repeated(
    case: Sick, settings: Settings, folder: Path, found: Any, recommended: list[tuple[str, str]]
) -> list[dict[str, Any]]:
    """Every recommended remedy against doing nothing, on seeds that no verdict has seen."""
    from clinometer.diagnosis.diagnose import diagnose
    from clinometer.store.reader import read
    from clinometer.treatment.judgement import judge
    from clinometer.treatment.proposals import facts, proposals, watched_of
    from clinometer.treatment.remedy import all_remedies
    from clinometer.treatment.schedule import TrialDesign, run_trials
    from clinometer.treatment.treat import OBSERVED, Arm

    known = all_remedies()
    recording = _recording(case, settings.zoo) or folder / "before.clino"
    diagnosis = diagnose(read(recording))
    moments = dict.fromkeys(moment for _, moment in recommended)
    arms = tuple(Arm("nothing", "nothing", None, moment) for moment in moments)
    arms += tuple(Arm(name, "remedy", name, moment) for name, moment in recommended)
    design = TrialDesign(
        script=str(case.script), arguments=case.arguments, seeds=settings.repeats,
        first_seed=settings.seeds, arms=arms, at=found.at, steps=settings.steps,
        every=max(1, settings.steps // OBSERVED), finding=found.finding or {},
        facts=facts(diagnosis, found.at + settings.steps),
        proposed=proposals(diagnosis, known).proposed, time_limit_s=settings.time_limit_s,
    )  # fmt: skip
    records = run_trials(design, workers=1, out=folder / HELD_OUT, progress=False)
    new_loss = frozenset(name for name, one in known.items() if one.new_loss)
    judged, _missing = judge(
        records,
        new_loss=new_loss,
        at=found.at,
        watched=watched_of(diagnosis, [name for name, _ in recommended]),
    )
    return [arm.to_dict() for arm in judged if arm.kind == "remedy"]


def main() -> None:
    """Arguments: the case and the settings as JSON, and the folder."""
    given = json.loads(sys.argv[1])
    folder = Path(given["folder"])
    case = Sick(
        **{
            **given["case"],
            "script": Path(given["case"]["script"]),
            "codes": tuple(given["case"]["codes"]),
        }
    )
    line = treated(case, Settings(**given["settings"]), folder)
    beside = folder / f"{OUT}.part"
    folder.mkdir(parents=True, exist_ok=True)
    beside.write_text(json.dumps(line), encoding="utf-8")
    beside.replace(folder / OUT)


def asked(case: Sick, settings: Settings, folder: Path) -> str:
    """What `main` is given."""
    told = asdict(replace(case, script=case.script)) | {"script": str(case.script)}
    return json.dumps({"case": told, "settings": asdict(settings), "folder": str(folder)})
