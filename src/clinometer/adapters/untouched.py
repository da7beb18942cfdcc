"""Running a user's model without leaving a trace: modes, random streams and gradients as they were."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


@contextmanager
def evaluated(module: Any) -> Iterator[None]:
    """Evaluation mode and no gradients; afterwards each sub-module has its own mode again."""
    import torch

    modes = [(part, part.training) for part in module.modules()]
    try:
        module.eval()
        with torch.no_grad():
            yield
    finally:
        for part, training in modes:  # not train(mode), which would set a whole branch
            part.training = training


@contextmanager
def random_streams_kept(*owners: Any) -> Iterator[None]:
    """Python's, NumPy's and torch's global streams, and the generators of `owners` (a loader, its sampler).

    What is drawn inside is drawn again afterwards: the user's next numbers are the same.
    """
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002  the user's own stream
    torch = sys.modules.get("torch")
    devices = _devices(torch)
    state = torch.get_rng_state() if torch else None
    on_device = [torch.cuda.get_rng_state(k) for k in devices] if torch else []
    own = [(generator, generator.get_state()) for generator in _generators(owners)]
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002
        if torch:
            torch.set_rng_state(state)
            for k, kept in zip(devices, on_device, strict=True):
                torch.cuda.set_rng_state(kept, k)
        for generator, kept in own:
            generator.set_state(kept)


def _devices(torch: Any) -> list[int]:
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return []
    return list(range(torch.cuda.device_count()))


def _generators(owners: tuple[Any, ...]) -> list[Any]:
    """The torch generators that a loader and its samplers hold, each once."""
    held: list[Any] = []
    for owner in owners:
        batches = getattr(owner, "batch_sampler", None)
        for part in (owner, getattr(owner, "sampler", None), getattr(batches, "sampler", None)):
            generator = getattr(part, "generator", None)
            if generator is not None and all(generator is not other for other in held):
                held.append(generator)
    return held
