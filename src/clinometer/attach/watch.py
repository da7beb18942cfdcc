"""`clinometer.watch`: record the training of one model inside a `with` block."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from clinometer.attach.facts import facts_of_run
from clinometer.attach.recorder import Recorder
from clinometer.store.writer import Writer

if TYPE_CHECKING:
    import os

    import torch
    from torch import nn


@contextmanager
def watch(
    model: nn.Module,
    *,
    optimizer: torch.optim.Optimizer | None = None,
    to: str | os.PathLike[str] | None = None,
    budget: float = 0.01,
    every: int | None = None,
) -> Iterator[str]:
    """Record what a model's gradient does while the block runs.

    Parameters
    ----------
    model : the network; its layers keep their qualified names
    optimizer : not needed: optimizers are seen when they step. Given, its parameters are checked
        to belong to the model.
    to : file to write; by default `watch-DATE-TIME.clino` in the working folder
    budget : share of the step time that recording may cost (0.01 = 1 %)
    every : observe every N-th optimizer step instead of by budget

    Yields
    ------
    str : the recording's path; `clinometer.read(path)` opens it, also while it is written.

    Raises
    ------
    RecordingError : if the file exists already or cannot be written.
    ValueError : if the optimizer owns none of the model's parameters.

    Notes
    -----
    Weights, losses and random numbers are bit for bit those of an unwatched run.
    """
    _check_owner(model, optimizer)
    path = str(to) if to is not None else time.strftime("watch-%Y%m%d-%H%M%S.clino")
    writer = Writer(path, facts_of_run(sys.argv[0], sys.argv[1:]))
    recorder = Recorder(writer, budget=budget, every=every)
    recorder.start(model)
    if optimizer is not None:
        recorder.owned(optimizer)
    ended = "normal"
    try:
        yield path
    except KeyboardInterrupt:
        ended = "interrupted"
        raise
    except BaseException:
        ended = "exception"
        raise
    finally:
        recorder.stop(ended)


def _check_owner(model: nn.Module, optimizer: torch.optim.Optimizer | None) -> None:
    if optimizer is None:
        return
    owned = {id(p) for group in optimizer.param_groups for p in group["params"]}
    if not owned & {id(p) for p in model.parameters()}:
        raise ValueError(
            "the optimizer owns none of the model's parameters; expected "
            "optimizer = Optimizer(model.parameters(), ...), made after the model"
        )
