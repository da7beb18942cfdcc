"""The way of one place, as a line tells it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TypeVar

from clinometer.diagnosis.ways import Step, Ways
from clinometer.records.recording import Float64

Content = TypeVar("Content")


class Way:
    """The way of one place, worked out when first looked at."""

    def __init__(self, ways: Ways, start: int) -> None:
        self._ways, self._start = ways, start

    def _numbers(self) -> Iterator[int]:
        here, end = self._start, self._ways.end[self._start]
        while end is not None and here != end:
            here = self._ways.ahead[here] or 0
            yield here

    @cached_property
    def places(self) -> tuple[str, ...]:
        """Names of the places on the way, nearest first."""
        return tuple(self._ways.places.names[place] for place in self._numbers())

    @cached_property
    def _found(self) -> dict[str, Step]:
        found: dict[str, Step] = {}
        below = self._start
        for place in self._numbers():
            for step in self._ways.steps(below):
                found[step.name if step.name not in found else f"{step.name} ({len(found)})"] = step
            below = place
        return found

    @cached_property
    def gains(self) -> dict[str, Float64]:
        """float64 (observations,) of each step of the way, by name, nearest first [decades]."""
        return {name: step.gain for name, step in self._found.items()}

    @cached_property
    def factors(self) -> dict[str, str]:
        """Which factor each step belongs to."""
        return {name: step.factor for name, step in self._found.items()}


class Later(Mapping[str, Content]):
    """A mapping that is made when first looked at."""

    def __init__(self, make: Callable[[], Mapping[str, Content]]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> Mapping[str, Content]:
        return self._make()

    def __getitem__(self, name: str) -> Content:
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)
