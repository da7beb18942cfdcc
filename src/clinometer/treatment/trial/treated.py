"""An arm in its process: treated at the moment, watched for its steps, and written down."""

from __future__ import annotations

import os
import random
import resource
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from clinometer.treatment.trial import result
from clinometer.treatment.trial.plan import Arm, Plan, stem

if TYPE_CHECKING:
    from clinometer.attach.recorder import Recorder
    from clinometer.treatment.patient import Patient
    from clinometer.treatment.remedy import Remedy
    from clinometer.treatment.trial.moments import Watch

SEED = 0x51AC  # of what remedies draw; any number will do, one for each seed index


class Treated:
    """One arm from its moment to its end, which is the end of the process."""

    def __init__(
        self, plan: Plan, arm: Arm, watch: Watch, begun: tuple[float, float], tried: Sequence[str]
    ) -> None:
        self.plan, self.arm, self.watch = plan, arm, watch
        self._tried = tried  # remedies that turned out not to apply
        self.record = result.blank(plan, arm, "script", "")
        self.record["prefix"] = watch.pace.prefix()
        self.record["at"] = watch.pace.count
        self.recorder: Recorder | None = None
        self._first = watch.pace.count
        self._begun = begun
        self._path = os.path.join(os.path.abspath(plan.folder), f"{stem(plan, arm)}.clino")
        self._ending = False

    def treat(self) -> None:
        """Treat the run now and watch it on; ends the process where the remedy cannot be applied."""
        from clinometer.treatment.remedy import NotApplicable

        patient = self._patient()
        try:
            name, done = self._applied(patient)
        except NotApplicable as why:
            self.end("not-applicable", str(why))
        except Exception as error:
            traceback.print_exc()
            self.end("exception", f"the remedy itself failed: {said(error)}")
        self.record |= {"remedy": name, "done": done}
        self._record()
        self.watch.listen_outside()
        if patient.steps_changed:
            patient.around_step(self.watch.count_calls_of(patient.optimizers))
        self.watch.begins = self._begins

    def _patient(self) -> Patient:
        import torch

        from clinometer.treatment.patient import Patient

        watch = self.watch
        return Patient(
            roots=watch.networks.roots(),
            optimizers=watch.optimizers(),
            finding=self.plan.finding,
            facts=self.plan.facts,
            call=watch.call,
            generator=torch._C.Generator().manual_seed(SEED + self.plan.seed),
            quietly=watch.quietly,
        )

    def _applied(self, patient: Patient) -> tuple[str | None, str]:
        """(name of the remedy, what was done)."""
        from clinometer.treatment import controls
        from clinometer.treatment.remedy import NotApplicable, all_remedies

        kind, known = self.arm.kind, all_remedies()
        if kind == "nothing":
            return None, controls.nothing(patient)
        if kind == "sham":
            return None, controls.sham(patient)
        if kind == "remedy":
            name = self.arm.remedy or ""
            if name not in known:
                raise NotApplicable(f"no remedy of the name {name!r} can be tried from outside")
            return name, known[name].apply(patient)
        refused = []
        for name in drawn(known, self.plan, self.arm):
            if name in self._tried:
                continue
            try:
                return name, known[name].apply(patient)
            except NotApplicable as why:
                refused.append(f"{name}: {why}")
        raise NotApplicable("no other remedy applies" + "".join(f"; {one}" for one in refused[:3]))

    def _record(self) -> None:
        """Record from here on, in a file of the arm's own."""
        from clinometer.attach.facts import facts_of_run
        from clinometer.attach.recorder import Recorder
        from clinometer.store.writer import Writer

        if os.path.exists(self._path):
            os.remove(self._path)  # of a trial that was killed
        facts = facts_of_run(self.plan.script, list(self.plan.arguments))
        self.recorder = Recorder(Writer(self._path, facts), every=self.plan.every)
        self.recorder.start()
        for optimizer in self.watch.optimizers():
            self.recorder.owned(optimizer)

    # -- the end -------------------------------------------------------------------------------------

    def _is_over(self) -> bool:
        return self.watch.pace.count - self._first >= self.plan.steps

    def _begins(self) -> None:
        if self._is_over():
            self.end("steps", "")

    def end(self, ended: str, why: str) -> NoReturn:
        """Write down what there is, and end the process."""
        if self._ending:  # the limit came while the end was being written
            os._exit(0)
        self._ending = True
        no_memory_limit()
        how = {"exception": "exception", "interrupted": "interrupted"}.get(ended, "normal")
        if ended == "script" and self._is_over():
            ended = "steps"
        record = self.record | {"ended": ended, "why": why}
        losses = self.watch.pace.losses[self._first :][: self.plan.steps]
        record["losses"] = result.described(losses)
        if self.recorder is not None:
            self.recorder.stop(how)
            seen = result.read_off(self._path, self.plan.finding, len(losses))
            record |= seen | {"why": why or seen.get("why", "")}
        record["wall_s"] = round(time.monotonic() - self._begun[0], 3)
        record["cpu_s"] = round(time.process_time() - self._begun[1], 3)
        result.write(self.plan, self.arm, record)
        leave()


def drawn(known: dict[str, Remedy], plan: Plan, arm: Arm) -> list[str]:
    """Remedies that nobody proposed, in the order in which a random arm tries them; the seed decides.

    What does the same as a proposed one in another form (`Remedy.act`) would be no control.
    """
    acts = {known[name].act for name in plan.proposed if name in known} - {""}
    others = [
        name
        for name, remedy in sorted(known.items())
        if name not in plan.proposed
        and remedy.act not in acts
        and (arm.moment == "start" or remedy.moment == "running")
    ]
    random.Random(f"{SEED} {plan.seed}").shuffle(others)  # a stream of its own
    return others


def said(error: BaseException) -> str:
    """An exception in one line: type, message, and the last line of the script that it came through."""
    text = " ".join(str(error).split())[:200]
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = f", in {os.path.basename(last[0].filename)}:{last[0].lineno}" if last else ""
    return f"{type(error).__name__}: {text}{where}" if text else f"{type(error).__name__}{where}"


def no_memory_limit() -> None:
    """The limit was the script's: what is left to do is ours."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def leave() -> NoReturn:
    """End the process at once: neither the script's exit handlers run nor does a parent's code."""
    for stream in (sys.stdout, sys.stderr):
        quiet(stream.flush)
    os._exit(0)


def quiet(act: Callable[[], Any]) -> None:
    """Do something that may fail in any way while a process ends."""
    try:
        act()
    except Exception:  # a closed or full output of the script's
        return
