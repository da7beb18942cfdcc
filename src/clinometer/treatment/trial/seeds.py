"""The seeds of a trial: the script's own, or each shifted by the same large odd number.

Seed index 0 changes nothing that the script seeds itself. What it leaves to the clock or to the operating
system is seeded by us, so that every arm draws the same.
"""

from __future__ import annotations

import functools
import itertools
import random
import sys
from collections.abc import Callable
from typing import Any

from clinometer.attach.arrival import when_imported

SHIFT = 0x9E3779B1  # odd, about 2^32 / golden ratio: multiples of it stay far apart modulo 2^32 (Knuth 6.4)
NUMPY = 2**32  # NumPy's legacy seeds lie below
TORCH = 2**63  # torch takes signed 64-bit seeds


def shifted(seed: int, index: int, modulus: int) -> int:
    """The seed of trial `index` in place of the script's.

    >>> shifted(42, 0, NUMPY), shifted(42, 2, NUMPY)
    (42, 1013904268)
    """
    return (seed + index * SHIFT) % modulus if index else seed


def plant(index: int) -> None:
    """Seed what is not seeded, and shift what the script will seed; before the script begins."""
    _python(index)
    when_imported("numpy", lambda: _numpy(index))
    when_imported("torch", lambda: _torch(index))


def _python(index: int) -> None:
    original = random.seed

    @functools.wraps(original)
    def seed(a: Any = None, version: int = 2) -> None:
        original(_given(a, index, TORCH), version)

    seed()
    random.seed = seed


def _given(seed: Any, index: int, modulus: int) -> Any:
    """A seed as it is to be used; what is no whole number is the script's own business, but for None."""
    if seed is None:
        return shifted(0, index, modulus)
    whole = hasattr(seed, "__index__") and not isinstance(seed, bool)
    return shifted(int(seed), index, modulus) if whole else seed


def _numpy(index: int) -> None:
    legacy: Any = sys.modules["numpy"].random
    calls = itertools.count()  # generators without a seed differ from each other
    make, original = legacy.default_rng, legacy.seed

    @functools.wraps(original)
    def seed(seed: Any = None) -> None:
        original(_given(seed, index, NUMPY))

    @functools.wraps(make)
    def default_rng(seed: Any = None) -> Any:
        if seed is None:
            return make([shifted(0, index, NUMPY), next(calls)])
        return make(_given(seed, index, TORCH))

    seed()
    legacy.seed, legacy.default_rng = seed, default_rng


def _torch(index: int) -> None:
    torch: Any = sys.modules["torch"]
    anew = _shift(torch.manual_seed, index)

    def seed() -> int:
        return int(anew(0).initial_seed())

    seed()  # else it is the operating system's
    torch.seed = torch.random.seed = seed
    if not index:
        return
    torch.manual_seed = torch.random.manual_seed = anew
    for owner in (torch.cuda, torch.cuda.random):
        for name in ("manual_seed", "manual_seed_all"):
            setattr(owner, name, _shift(getattr(owner, name), index))
    torch.Generator = _generators(torch.Generator, index)


def _shift(original: Callable[..., Any], index: int) -> Callable[..., Any]:
    @functools.wraps(original)
    def manual_seed(seed: Any) -> Any:
        return original(_given(seed, index, TORCH))

    return manual_seed


def _generators(original: Any, index: int) -> Any:
    """A class of generators whose seeds are shifted; every generator is an instance of it."""

    class Meta(type(original)):  # type: ignore[misc]  # a class found at run time
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, original)

    class Generator(original, metaclass=Meta):  # type: ignore[misc]
        def manual_seed(self, seed: Any) -> Any:
            super().manual_seed(_given(seed, index, TORCH))
            return self

    return Generator
