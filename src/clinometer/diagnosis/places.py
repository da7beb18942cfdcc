"""The places that a gradient passes, made ready to be walked: what each counts as, and where loops are.

Two things are put right here. A module without weights that is called between many others (one `ReLU`
for the whole network) is recorded as one row; it is taken apart again, one place for each layer before
it. And what lies on a loop, a cell or a block that is applied to its own result, counts as
recurrence, whatever it is by itself: its gain is one over all its turns.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from clinometer.diagnosis.paths import Network

FACTOR_OF_ROLE = {
    "weight": "weight",
    "activation": "activation",
    "normalisation": "normalisation",
    "attention": "attention",
    "recurrent": "recurrence",
    "join": "branch",
}
PASSED_THROUGH = frozenset({"activation", "other", "normalisation", "fork"})


@dataclass
class Places:
    """Places by number: those of the calls first, then those of calls that were taken apart.

    Attributes
    ----------
    names : of each place; two may be alike
    call : position of the call that it is
    factor : the factor of the ledger that its gain counts as
    children, parents : numbers of the places that take its output, and of those it takes
    output : whether the loss takes its output
    lone : for a place that was taken apart, the one place that takes its output
    loops : numbers of the places on a loop
    """

    names: list[str]
    call: list[int]
    factor: list[str]
    children: list[list[int]]
    parents: list[list[int]]
    output: list[bool]
    lone: dict[int, int] = field(default_factory=dict)
    loops: set[int] = field(default_factory=set)


def places_of(network: Network) -> Places:
    """Read the places of a network."""
    numbers = range(len(network.calls))
    places = Places(
        names=[call.name for call in network.calls],
        call=list(numbers),
        factor=[FACTOR_OF_ROLE.get(network.role(i), "other") for i in numbers],
        children=[list(found) for found in network.children],
        parents=[list(found) for found in network.parents],
        output=[network.is_output(i) for i in numbers],
    )
    for i in numbers:
        if network.is_pooled(i) and network.role(i) in PASSED_THROUGH:
            _take_apart(places, network, i)
    places.loops = _loops(places.children)
    for i in places.loops:
        places.factor[i] = "recurrence"
    return places


def _take_apart(places: Places, network: Network, shared: int) -> None:
    """One place for each layer before a shared one, each leading to the next layer that was run."""
    before, after = sorted(places.parents[shared]), sorted(places.children[shared])
    if len(before) < 2 or any(network.is_pooled(parent) for parent in before):
        return
    for parent in before:
        ahead = next((child for child in after if child > parent), None)
        if ahead is None:
            continue
        number = len(places.names)
        places.names.append(f"{places.names[parent]}:{places.names[shared]}")
        places.call.append(shared)
        places.factor.append(places.factor[shared])
        places.output.append(False)
        places.lone[number] = ahead
        _replace(places.children[parent], shared, number)
        _replace(places.parents[ahead], shared, number)
        places.parents.append([parent])
        places.children.append([ahead])
        places.children[shared].remove(ahead)
        places.parents[shared].remove(parent)
        after.remove(ahead)


def _replace(numbers: list[int], old: int, new: int) -> None:
    numbers[numbers.index(old)] = new


def _loops(children: list[list[int]]) -> set[int]:
    """Places that can be reached from themselves: Tarjan (1972), without recursion."""
    low, number = [-1] * len(children), [-1] * len(children)
    waiting: list[int] = []
    is_open = [False] * len(children)
    found: set[int] = set()
    count = 0
    for root in range(len(children)):
        ahead = [(root, 0)] if number[root] < 0 else []
        while ahead:
            here, turn = ahead.pop()
            if turn == 0:
                number[here] = low[here] = count
                count += 1
                waiting.append(here)
                is_open[here] = True
            else:
                low[here] = min(low[here], low[children[here][turn - 1]])
            for following, child in enumerate(children[here][turn:], turn + 1):
                if number[child] < 0:
                    ahead += [(here, following), (child, 0)]
                    break
                if is_open[child]:
                    low[here] = min(low[here], number[child])
            else:
                if low[here] == number[here]:
                    group = _closed(waiting, here, is_open)
                    found.update(group if len(group) > 1 else ())
    return found


def _closed(waiting: list[int], root: int, is_open: list[bool]) -> list[int]:
    """Take a finished group off the stack."""
    group: list[int] = []
    while not group or group[-1] != root:
        group.append(waiting.pop())
        is_open[group[-1]] = False
    return group
