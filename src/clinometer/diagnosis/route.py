"""The order in which places are given their way: from the loss downwards, loops included."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from clinometer.diagnosis.forks import LOSS
from clinometer.diagnosis.places import Places

Choose = Callable[[int, list[int]], int]


def route(places: Places, choose: Choose) -> tuple[list[int | None], list[int]]:
    """The next place on the way of each: (ahead, order).

    Parameters
    ----------
    choose : given a place and those above it that have a way, the one to go by

    Returns
    -------
    ahead : for each place the next one on its way; `LOSS` at its end, None where there is no way
    order : places that have a way, each after all that lie above it; a loop, which has no such order, is
        begun where it is left, so that every way ends
    """
    ahead: list[int | None] = [None] * len(places.names)
    waiting = [len(above) for above in places.children]
    ready = [i for i, count in enumerate(waiting) if not count]
    exits = [_urgency(places, i) for i, last in enumerate(places.output) if last]
    heapq.heapify(exits)
    done, order = [False] * len(ahead), []
    while ready or exits:
        here = ready.pop() if ready else heapq.heappop(exits)[-1]
        if done[here]:
            continue
        done[here] = True
        live = [c for c in places.children[here] if done[c] and ahead[c] is not None]
        live += [LOSS] if places.output[here] else []
        if live:
            ahead[here] = live[0] if len(live) == 1 else choose(here, live)
            order.append(here)
        for parent in places.parents[here]:
            waiting[parent] -= 1
            if not waiting[parent]:
                ready.append(parent)
            if live:
                heapq.heappush(exits, _urgency(places, parent))
    return ahead, order


def _urgency(places: Places, place: int) -> tuple[bool, int, int]:
    """Which place is to be left first where nothing else is ready: the last one of a loop."""
    return place not in places.loops, -places.call[place], place
