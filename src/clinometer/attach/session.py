"""Recordings that are begun and ended by hand, one at a time: what a notebook needs."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass

from clinometer.attach.launch import Launch, default_path


@dataclass
class Session:
    """What is recorded in one place, if anything is.

    Attributes
    ----------
    launch : the recording that is running
    latest : path of the recording that was begun last
    """

    launch: Launch | None = None
    latest: str | None = None

    def begin(self, name: str, output: str | None, budget: float, every: int | None) -> Launch:
        """Record whatever trains in this process from now on; attaches when torch is there."""
        path = free_path(output or default_path(name))
        self.launch = Launch(os.path.abspath(path), name, [], budget=budget, every=every)
        self.latest = path
        self.launch.attach_on_import()
        return self.launch

    def end(self, ended: str = "normal") -> Launch | None:
        """Take everything off; None where nothing was running."""
        launch, self.launch = self.launch, None
        if launch is not None:
            launch.finish(ended)
        return launch


def free_path(path: str) -> str:
    """A name that is not taken: run.clino, run-2.clino ... A cell runs again, a recording stays."""
    stem, ending = os.path.splitext(path)
    numbered = (f"{stem}-{number}{ending}" for number in itertools.count(2))
    return next(name for name in itertools.chain([path], numbered) if not os.path.lexists(name))
