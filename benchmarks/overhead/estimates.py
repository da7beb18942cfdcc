"""From paired blocks to a ratio and its interval."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from benchmarks.overhead.worker import Block
from benchmarks.startup import median_interval

RESAMPLES = 2000


@dataclass(frozen=True)
class Pair:
    """A block of the bare run and one of the contender's, next to each other in time."""

    bare: Block
    watched: Block
    processes: int = 0  # number of the heat: which processes they were


@dataclass(frozen=True)
class Estimate:
    """A ratio to the bare run, with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


Clock = Callable[[Block], float]


def thread(block: Block) -> float:
    return block.thread_s


def process(block: Block) -> float:
    return block.process_s


def wall(block: Block) -> float:
    return block.wall_s


def median_ratio(pairs: Sequence[Pair], clock: Clock) -> Estimate:
    """Median of the pairs' ratios per step; interval by order statistics (all, below six pairs)."""
    ratios = sorted(
        clock(p.watched) / p.watched.steps / (clock(p.bare) / p.bare.steps) for p in pairs
    )
    return Estimate(statistics.median(ratios), *median_interval(ratios))


def mean_ratio(pairs: Sequence[Pair], clock: Clock) -> Estimate:
    """All the contender's time per step over all the bare time per step; interval by bootstrap.

    For what works in a few steps only: the median of short blocks would not see it.
    """
    table = np.array(
        [(clock(p.watched), p.watched.steps, clock(p.bare), p.bare.steps) for p in pairs]
    )
    drawn = np.random.default_rng(0).integers(len(pairs), size=(RESAMPLES, len(pairs)))
    resampled = _ratio(table[drawn].sum(axis=1))
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Estimate(float(_ratio(table.sum(axis=0))), float(low), float(high))


def _ratio(sums: np.ndarray) -> np.ndarray:
    watched_s, watched_steps, bare_s, bare_steps = np.moveaxis(sums, -1, 0)
    return watched_s / watched_steps / (bare_s / bare_steps)
