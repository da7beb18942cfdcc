"""Keeps what is known of every recording in a folder, as far as somebody looks; every bound is here.

One thread looks at the files (`Keeper.look`), another judges (`Keeper.judge_next`). Both stop where no page
is open. What the pages read is replaced, never changed in place, so that they need no lock.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from clinometer.errors import ClinometerError
from clinometer.live.folder import MOST_RUNS, Folder
from clinometer.live.judging import judge
from clinometer.live.run import Run
from clinometer.live.sheet import Sheet
from clinometer.live.tail import look

LOOKING_S = (
    0.2  # of one pass are spent on files that changed; what is left has its turn in the next
)
MOST_SHEETS = 8  # 8 MiB of curves each, at most
JUDGE_S = 1.0  # a run is not judged more often
DUTY = 0.05  # share of one core that goes to judging runs again that are still written, all together ...
DUTY_SHOWN = 0.25  # ... with one that a page shows
DUTY_NEW = 0.5  # ... while runs wait that have no verdict yet

Told = Callable[[], None]


class Keeper:
    """The recordings of a folder.

    Attributes
    ----------
    runs : by key, the newest first
    version : of the newest change
    gone : keys that were there before, with the version at which they went; the last `MOST_RUNS`
    """

    def __init__(self, folder: Folder, told: Told = lambda: None) -> None:
        self.folder, self.told = folder, told
        self.runs: dict[str, Run] = {}
        self.gone: dict[str, int] = {}
        self.shown: dict[str, int] = {}  # how many pages show a run
        self.version = 0
        self.complete = False  # whether every run was looked at once
        self._versions = itertools.count(1)
        self._sheets: OrderedDict[str, Sheet] = OrderedDict()
        self._lock = threading.Lock()

    def sheet(self, key: str) -> Sheet | None:
        """The sheet of a run; where it had to give way to others, it is made again."""
        with self._lock:
            if key in self._sheets:
                self._sheets.move_to_end(key)
                return self._sheets[key]
        if (run := self.runs.get(key)) is not None:
            run.has_sheet = False
        return None

    def has_sheet(self, key: str) -> bool:
        """Whether the sheet of a run can be asked for."""
        return key in self._sheets

    def look(self) -> None:
        """One pass: what came, changed and went."""
        before = self.version
        marks = self.folder.look()
        runs = {key: self.runs.get(key) or Run(mark) for key, mark in marks.items()}
        for key in self.runs.keys() - runs.keys():
            self._forget(key)
        self.runs = runs
        until, waiting = time.monotonic() + LOOKING_S, 0
        for key, mark in marks.items():
            run = runs[key]
            run.mark = mark
            if run.looked != mark.signature or run.is_stale():
                if time.monotonic() < until:
                    self._look_at(run)
                else:
                    waiting += 1
        if self.complete != (not waiting):
            with self._lock:
                self.complete, self.version = not waiting, next(self._versions)
        if self.version != before:
            self.told()

    def _look_at(self, run: Run) -> None:
        signature, before = run.mark.signature, run.ended
        try:
            fresh = look(run.mark.path, run.fresh.reached)
            if run.is_other(fresh):  # a new recording of the same name
                run.restart()
                fresh = look(run.mark.path, run.fresh.reached)
            run.take(fresh)
        except ClinometerError as error:
            run.problem = _said(error, run)
        except Exception as error:  # whatever a file holds, the other runs are still shown
            run.problem = f"cannot be read ({type(error).__name__}: {error})"
        if run.ended != before:
            run.judged = None
        run.looked = signature
        self._changed(run)

    def _forget(self, key: str) -> None:
        with self._lock:
            self._sheets.pop(key, None)
            self.version = self.gone[key] = next(self._versions)
        while len(self.gone) > MOST_RUNS:
            del self.gone[next(iter(self.gone))]

    def _changed(self, run: Run) -> None:
        run.row = run.written()
        with self._lock:  # both threads count on
            self.version = run.version = next(self._versions)

    def judge_next(self) -> float:
        """Judge the run that is most in need of it; how long to rest after it [s]."""
        run = self._due()
        if run is None:
            return JUDGE_S / 4
        is_new, key = not run.sheets, run.mark.key
        signature, ended = run.looked, run.ended
        begun = time.monotonic()
        try:
            run.said, sheet = judge(run.mark.path, with_sheet=key in self.shown)
            run.has_sheet = sheet is not None
            self._keep(key, sheet)
        except ClinometerError as error:
            run.problem = _said(error, run)
        except Exception as error:  # as above; rules may be somebody else's
            run.problem = f"cannot be judged ({type(error).__name__}: {error})"
        run.judged_at = time.monotonic()
        run.judged = signature if run.ended == ended else None  # it may have ended in the meantime
        run.cost_s, run.sheets = run.judged_at - begun, run.sheets + 1
        self._changed(run)
        self.told()
        duty = DUTY_SHOWN if key in self.shown else DUTY_NEW if is_new else DUTY
        return run.cost_s * (1 / duty - 1)

    def _keep(self, key: str, sheet: Sheet | None) -> None:
        with self._lock:
            if sheet is None:
                self._sheets.pop(key, None)
                return
            self._sheets[key] = sheet
            self._sheets.move_to_end(key)
            while len(self._sheets) > MOST_SHEETS:
                self._sheets.popitem(last=False)

    def _due(self) -> Run | None:
        """What a page shows comes first, then what has no verdict, then what was judged longest ago."""
        now = time.monotonic()
        due = [run for run in list(self.runs.values()) if self._is_due(run, now)]
        return min(due, key=self._rank, default=None)

    def _is_due(self, run: Run, now: float) -> bool:
        if run.looked is None:
            return False
        if run.mark.key in self.shown and not run.has_sheet and not run.problem:
            return True
        if run.judged == run.looked:
            return False
        return run.ended != "running" or now - run.judged_at >= max(
            JUDGE_S, run.cost_s / DUTY_SHOWN
        )

    def _rank(self, run: Run) -> tuple[bool, bool, float]:
        return run.mark.key not in self.shown, bool(run.sheets), run.judged_at


def _said(error: Exception, run: Run) -> str:
    """The first line of an error, without the path that the page does not show."""
    return str(error).partition("\n")[0].replace(run.mark.path, run.mark.name)
