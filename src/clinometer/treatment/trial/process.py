"""The process of a trial: runs the script, and at each moment forks its arms, or becomes the one arm."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from types import CodeType, FrameType, ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from clinometer.attach.arrival import when_imported
from clinometer.attach.launch import load_module, load_script
from clinometer.errors import TrialError
from clinometer.treatment.trial import folder, forking, result, seeds, writes
from clinometer.treatment.trial.plan import Arm, Plan, nofork_path, result_path, stem
from clinometer.treatment.trial.treated import Treated, leave, quiet, said

if TYPE_CHECKING:
    from clinometer.treatment.trial.moments import Watch

MEMORY = ("can't allocate memory", "not enough memory", "bad_alloc", "out of memory")
IN_WORDS = {"start": "its first forward pass with an optimizer", "running": "step {at}"}


def run(plan: Plan) -> None:
    """Make a trial: every arm has its result file at the end, or there is a `nofork` file.

    The script runs in a child of this process, so that whatever ends it is told.
    """
    plan = replace(plan, folder=os.path.abspath(plan.folder), workdir=os.path.abspath(plan.workdir))
    os.makedirs(plan.folder, exist_ok=True)
    for path in (nofork_path(plan), *(result_path(plan, arm) for arm in plan.arms)):
        if os.path.exists(path):  # of an earlier try
            os.remove(path)
    tried: list[str] = []
    while True:
        _made(plan, tried)
        vain = "" if plan.fork else result.tried_in_vain(plan, plan.arms[0])
        if not vain:
            return
        tried.append(vain)


def _made(plan: Plan, tried: list[str]) -> None:
    heard, told = os.pipe()
    os.set_blocking(heard, False)
    pid = os.fork()
    if not pid:
        os.close(heard)
        _Trunk(plan, told, tried).run()
    os.close(told)
    ended = forking.waited(pid, plan.time_limit_s, heard)
    os.close(heard)
    if os.path.exists(nofork_path(plan)):
        return
    for arm in plan.arms:
        _tell_of(plan, arm, ended)


def _tell_of(plan: Plan, arm: Arm, ended: forking.Ended) -> None:
    """Write the record of an arm whose process has left none."""
    if not os.path.exists(result_path(plan, arm)):
        how, why = _in_words(plan, ended)
        record = result.blank(plan, arm, how, why) | {"cpu_s": round(ended.cpu_s, 3)}
        result.write(plan, arm, record)


def _in_words(plan: Plan, ended: forking.Ended) -> tuple[str, str]:
    if ended.late:
        return "time", f"not over after {plan.time_limit_s:g} s"
    if ended.killed_by == signal.SIGKILL:
        return "memory", "killed by the system, as it does where memory runs out"
    if ended.killed_by:
        return "died", f"ended by {signal.Signals(ended.killed_by).name}"
    return "died", f"the process left with code {os.waitstatus_to_exitcode(ended.status)}"


class _Trunk:
    """The one run of the script; after a fork, or a treatment in place, it is the arm's own (`arm`)."""

    def __init__(self, plan: Plan, told: int, tried: list[str]) -> None:
        self.plan, self._told, self._tried = plan, told, tried
        self._pid = os.getpid()
        self._begun = (time.monotonic(), time.process_time())
        self._arm: Treated | None = None
        self._watch: Watch | None = None
        self._left = list(plan.arms)

    # -- the script ----------------------------------------------------------------------------------

    def run(self) -> NoReturn:
        """Run the script to its end, or to that of the last arm; never returns."""
        plan = self.plan
        name = f"script-{plan.seed}" if plan.fork else stem(plan, plan.arms[0])
        self._output(f"{name}.txt")
        signal.signal(forking.TIME, self._late)
        try:
            os.chdir(plan.workdir)
            code, module = self._loaded()
            self._prepare()
            sys.modules["__main__"] = module
            exec(code, module.__dict__)
        except BaseException as error:
            self._end(*_judged(error))
        self._end("script", "")

    def _loaded(self) -> tuple[CodeType, ModuleType]:
        plan = self.plan
        code, module = (load_module if plan.module else load_script)(plan.script)
        name = str(module.__file__) if plan.module else plan.script
        sys.argv = [name, *plan.arguments]
        return code, module

    def _prepare(self) -> None:
        plan = self.plan
        if plan.memory_limit_bytes:
            _soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
            resource.setrlimit(resource.RLIMIT_DATA, (plan.memory_limit_bytes, hard))
        when_imported("tqdm", _no_monitor)
        seeds.plant(plan.seed)
        when_imported("torch", self._listen)
        if not plan.allow_writes:
            own = [plan.folder] + ([plan.workdir] if folder.is_ours(plan.workdir) else [])
            writes.guard(writes.allowed(own), self._refuse)

    def _listen(self) -> None:
        from clinometer.treatment.trial.moments import Watch

        moments = [arm.moment for arm in self.plan.arms]
        self._watch = Watch(list(moments), self.plan.at, self._reached)
        self._watch.install()

    def _output(self, name: str) -> None:
        """What the script prints goes to a file."""
        for stream in (sys.stdout, sys.stderr):
            quiet(stream.flush)
        path = os.path.join(self.plan.folder, name)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        os.dup2(file, 1)
        os.dup2(file, 2)
        os.close(file)

    # -- moments -------------------------------------------------------------------------------------

    def _reached(self, moment: str) -> None:
        try:
            arms = [arm for arm in self._left if arm.moment == moment]
            if self.plan.fork:
                self._fork(arms, moment)
            elif arms:
                os.write(self._told, forking.ANEW)
                self._become(arms[0], self._begun)
        except Exception as error:  # the script must not meet it, and nobody else would
            traceback.print_exc()
            self._end("died", f"the trial itself failed: {said(error)}")

    def _become(self, arm: Arm, begun: tuple[float, float]) -> None:
        assert self._watch is not None
        self._watch.pid = self._pid = os.getpid()
        self._watch.no_more_moments()
        self._arm = Treated(self.plan, arm, self._watch, begun, self._tried)
        self._arm.treat()

    def _fork(self, arms: list[Arm], moment: str) -> None:
        """One child for each arm, one after the other; returns in the children, and in the run itself."""
        why = forking.unsafe()
        if why:
            told = {"seed": self.plan.seed, "why": why}
            result.write_whole(nofork_path(self.plan), json.dumps(told))
            leave()
        os.write(self._told, forking.STOP)
        _preload()
        kept = self._kept(moment)
        while arms:
            if self._is_child(arms[0]):
                return
            if kept:
                folder.restore(kept, self.plan.workdir)
            vain = result.tried_in_vain(self.plan, arms[0])
            self._tried = [*self._tried, vain] if vain else []
            if not vain:
                self._left.remove(arms.pop(0))
        if kept:
            shutil.rmtree(kept, ignore_errors=True)
        if not self._left:
            leave()
        os.write(self._told, forking.ANEW)

    def _is_child(self, arm: Arm) -> bool:
        """Fork for an arm and, in the run itself, wait for its end."""
        offsets, drawn = forking.offsets(), random.getstate()
        for stream in (sys.stdout, sys.stderr):
            quiet(stream.flush)
        pid = os.fork()
        if not pid:
            random.setstate(drawn)  # Python seeds its stream anew in every child
            self._output(f"{stem(self.plan, arm)}.txt")
            self._become(arm, (time.monotonic(), time.process_time()))
            return True
        _tell_of(self.plan, arm, forking.waited(pid, self.plan.time_limit_s))
        forking.put_back(offsets)
        return False

    def _kept(self, moment: str) -> str:
        """A copy of the working folder as it is now, for arms to find; "" where the folder is not ours."""
        if not folder.is_ours(self.plan.workdir):
            return ""
        target = os.path.join(self.plan.folder, f"kept-{moment}-{self.plan.seed}")
        shutil.rmtree(target, ignore_errors=True)
        try:
            return folder.copied(self.plan.workdir, target)
        except TrialError as error:
            self._end("refused", str(error))

    # -- the end -------------------------------------------------------------------------------------

    def _late(self, _number: int, _frame: FrameType | None) -> None:
        self._end("time", f"not over after {self.plan.time_limit_s:g} s")

    def _refuse(self, path: str) -> None:
        """The script is about to write where it must not."""
        why = writes.refused(path)
        if os.getpid() != self._pid:  # a worker of the script's: the script will hear of it
            raise PermissionError(why)
        self._end("refused", why)

    def _end(self, ended: str, why: str) -> NoReturn:
        """The arm's end; or, before their moment, that of all arms that are left."""
        if os.getpid() != self._pid:
            os._exit(1)  # a child that the script forked, and that left the script's code
        if self._arm is not None:
            self._arm.end(ended, why)
        for arm in self._left:
            result.write(self.plan, arm, self._never_reached(arm, ended, why))
        leave()

    def _never_reached(self, arm: Arm, ended: str, why: str) -> dict[str, Any]:
        steps = self._watch.pace.count if self._watch is not None else 0
        moment = IN_WORDS[arm.moment].format(at=self.plan.at)
        told = f"the script took {steps} steps and never came to {moment}"
        record = result.blank(self.plan, arm, ended, f"{why}; {told}" if why else told)
        record["wall_s"] = round(time.monotonic() - self._begun[0], 3)
        return record


def _judged(error: BaseException) -> tuple[str, str]:
    """(how a script ended, why) of what it raised."""
    if isinstance(error, SystemExit):
        return "script", f"it left with {error.code!r}" if error.code else ""
    ours = error.__traceback__
    traceback.print_exception(error.with_traceback(ours.tb_next if ours is not None else None))
    if type(error).__name__ == "NotApplicable":  # of a remedy that sees only now what it is for
        return "not-applicable", str(error)
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", "stopped by hand"
    text = str(error).lower()
    out = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    if out or (isinstance(error, RuntimeError) and any(word in text for word in MEMORY)):
        return "memory", f"memory ran out: {said(error)}"
    if isinstance(error, EOFError):
        return (
            "exception",
            f"the script waits for input, and a trial has no terminal: {said(error)}",
        )
    return "exception", said(error)


def _no_monitor() -> None:
    """The thread that redraws a progress bar would keep the process from being forked."""
    sys.modules["tqdm"].tqdm.monitor_interval = 0


def _preload() -> None:
    """What every arm needs at its end is imported once, before they part."""
    from clinometer.diagnosis.diagnose import all_rules
    from clinometer.treatment.remedy import all_remedies

    loaders: tuple[Callable[[], Any], ...] = (all_rules, all_remedies)
    for load in loaders:
        load()
