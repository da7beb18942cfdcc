"""From a graph of hundreds of nodes to the places a person would name.

Places are: the calls of modules, linear maps and activations that are plain function calls,
attention, joins of several signals, forks of one, and gaps (whatever else lies between two places).
Each has one tensor as its output, so that the gradient there is one number; a gap is a region with one
way in and one way out, whatever it does inside (`x * sigmoid(x)`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from clinometer.taps.graph import Graph
from clinometer.taps.layers import Pending
from clinometer.taps.roles import FUSED_ATTENTION, NODE_ACTIVATION, SOFTMAX, VIEWS, WEIGHT_NODES

Marked = Callable[[Any], "Pending | None"]


def plain(name: str) -> str:
    """A place's name without the number of its call."""
    return name.partition("#")[0]


@dataclass(eq=False)
class Place:
    """One named spot of the signal's way.

    Attributes
    ----------
    at : number of its node; its output is number `output` of that node
    kind : "module", "weight", "activation", "attention", "join", "fork" or "gap"
    operations : autograd nodes that a gap consists of, input first
    sources : the places whose outputs it takes
    branches : edges (consumer, position, destination) where its output goes to several places; the
        destination is "loss" or "several" where it is no place
    leads_to : for what lies between a fork and a place, that place, where it is the only way there
    last : whether its output goes to the loss
    weight : the leaf of a functional linear map; `inputs_first` tells (in, out) from (out, in)
    facts : what the recording keeps of it
    turn, order : which call of its name, and which place of the graph, in order of execution
    """

    at: int
    kind: str
    output: int = 0
    pending: Pending | None = None
    operations: tuple[str, ...] = ()
    sources: list[Place] = field(default_factory=list)
    branches: list[tuple[int, int, Place | str]] = field(default_factory=list)
    leads_to: Place | None = None
    last: bool = False
    weight: Any = None
    inputs_first: bool = False
    name: str = ""
    turn: int = 0
    order: int = 0
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def activation(self) -> str | None:
        """Name of the activation that a functional place is."""
        for operation in self.operations:
            if operation in NODE_ACTIVATION:
                return NODE_ACTIVATION[operation][0]
        return None


@dataclass(eq=False)
class Plan:
    """The places of a graph, to be used again for one of the same shape; holds no node and no tensor."""

    kinds: list[str]
    parents: list[list[tuple[int, int]]]
    places: list[Place]
    above: list[int]

    def fits(self, graph: Graph, marked: Marked, name_of: Callable[[Any], str]) -> bool:
        """Whether a graph has this shape, and its calls and weights are the same; refreshes the calls."""
        if self.kinds != graph.kinds or self.parents != graph.parents:
            return False
        for place in self.places:
            if place.kind == "weight" and place.facts["parameter"] not in map(
                name_of, graph.leaves[place.at]
            ):
                return False
            if place.kind != "module":
                continue
            pending = marked(graph.nodes[place.at])
            if pending is None or pending.spot.name != plain(place.name):
                return False
            place.pending = pending
        return True

    def release(self) -> None:
        """Let go of the calls of this step."""
        for place in self.places:
            place.pending = None


@dataclass
class Contraction:
    """Works out the places of one graph; `places` is in order of execution."""

    graph: Graph
    marked: Marked
    places: list[Place] = field(default_factory=list)
    above: list[int] = field(default_factory=list)
    _strong: dict[int, Place] = field(default_factory=dict)
    _inside: dict[int, Place] = field(default_factory=dict)
    _above: set[int] = field(default_factory=set)
    _src: dict[int, frozenset[int]] = field(default_factory=dict)
    _dst: dict[int, frozenset[int]] = field(default_factory=dict)
    _gaps: dict[int, list[Place]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._find_base()
        self._find_sources(joins=True)
        if self._find_forks():
            self._find_sources(joins=False)
        self._output_activations()
        for place in list(self._strong.values()):
            place.sources = self._sources_of(place)
        for start in self.graph.starts:
            if start in self._strong:
                self._strong[start].last = True
        for number in self.above:  # what the loss is made of
            self._mark_last(number)
        self._find_branches()
        gaps = [gap for chain in self._gaps.values() for gap in chain]
        everything = [*self._strong.values(), *gaps]
        self.places = sorted(everything, key=lambda place: self._sequence(place.at))

    def _sequence(self, number: int) -> int:
        return int(self.graph.nodes[number]._sequence_nr())

    # -- strong places, from the loss down --------------------------------------------------------

    def _find_base(self) -> None:
        graph = self.graph
        entries: dict[int, set[int]] = {}
        for here in graph.order:
            consumers = graph.consumers[here]
            inside = None
            for consumer, _, _ in consumers:
                place = self._inside.get(consumer) or self._opaque(consumer)
                if place is not None and here not in entries[place.at]:
                    inside = place
                    break
            pending = self.marked(graph.nodes[here])
            if pending is not None and not (inside is not None and inside.pending is pending):
                place = Place(here, "module", pending.output, pending)
                self._strong[here] = place
                entries[here] = {
                    graph.number[node] for node, _ in pending.entries if node in graph.number
                }
            elif inside is not None:
                self._inside[here] = inside
            else:
                self._functional(here)
            free = here not in self._strong and here not in self._inside
            if free and all(consumer in self._above for consumer, _, _ in consumers):
                self._above.add(here)
                self.above.append(here)

    def _opaque(self, number: int) -> Place | None:
        place = self._strong.get(number)
        return place if place is not None and place.pending is not None else None

    def _functional(self, here: int) -> None:
        """A linear map or attention that is a plain function call."""
        kind = self.graph.kinds[here]
        if kind in WEIGHT_NODES:
            matrices = [leaf for leaf in self.graph.leaves[here] if leaf.ndim > 1]
            if matrices:
                weight = matrices[-1]
                place = Place(here, "weight", operations=(kind,), weight=weight)
                place.inputs_first = "mm" in kind.lower() and id(weight) not in self.graph.turned
                self._strong[here] = place
        elif kind in FUSED_ATTENTION or (kind in SOFTMAX and not self._makes_loss(here)):
            self._strong[here] = Place(here, "attention", operations=(kind,))

    def _makes_loss(self, here: int) -> bool:
        """Whether nothing lies between a node and the loss but what the loss is made of."""
        return all(consumer in self._above for consumer, _, _ in self.graph.consumers[here])

    def _output_activations(self) -> None:
        """A sigmoid between the network and its loss is the network's output."""
        for here in reversed(self.above):
            kind = self.graph.kinds[here]
            if kind in NODE_ACTIVATION and len(self._src.get(here, ())) == 1:
                self._strong[here] = Place(here, "activation", operations=(kind,))
                self._src[here] = frozenset({here})

    # -- sources, from the input up ---------------------------------------------------------------

    def _find_sources(self, joins: bool) -> None:
        graph, src = self.graph, self._src
        nothing: frozenset[int] = frozenset()
        for here in reversed(graph.order):
            found = nothing
            several = False
            for parent, _ in graph.parents[here]:
                there = src[parent]
                if not found:
                    found = there
                elif there and there is not found and there != found:
                    found, several = found | there, True
            if several and joins and here not in self._strong and self._may_join(here):
                self._strong[here] = Place(here, "join", operations=(graph.kinds[here],))
            src[here] = frozenset({here}) if here in self._strong else found

    def _may_join(self, here: int) -> bool:
        return here not in self._inside and here not in self._above

    def _find_forks(self) -> bool:
        """Promote what goes to several places; returns whether any was."""
        graph, dst = self.graph, self._dst
        promoted = False
        loss = frozenset({-1})
        for here in graph.order:
            if here in self._above:
                dst[here] = loss
                continue
            if here in self._inside:
                dst[here] = frozenset({self._inside[here].at})
                continue
            found: frozenset[int] = frozenset()
            for consumer, _, _ in graph.consumers[here]:
                there = frozenset({consumer}) if consumer in self._strong else dst[consumer]
                found = there if not found else found if there is found else found | there
            dst[here] = found
            outputs = {output for _, _, output in graph.consumers[here]}
            if len(found) > 1 and here not in self._strong and len(outputs) == 1:
                kind = graph.kinds[here]
                what = "activation" if kind in NODE_ACTIVATION else "fork"
                self._strong[here] = Place(here, what, outputs.pop(), operations=(kind,))
                promoted = True
        return promoted

    # -- gaps -------------------------------------------------------------------------------------

    def _sources_of(self, place: Place) -> list[Place]:
        if place.pending is not None:
            known = self.graph.number
            inlets = [(known[node], nr) for node, nr in place.pending.entries if node in known]
        else:
            inlets = self.graph.parents[place.at]
        found: list[Place] = []
        for number, output in inlets:
            found += [source for source in self._resolve(number, output) if source not in found]
        return found

    def _resolve(self, number: int, output: int) -> list[Place]:
        """The places that a tensor comes from, with a gap where it was worked on in between."""
        if number in self._strong:
            return [self._strong[number]]
        sources = [self._strong[s] for s in sorted(self._src.get(number, ()))]
        if len(sources) != 1:
            return sources
        if number not in self._gaps:
            self._gaps[number] = self._gap(number, output, sources[0])
        return [self._gaps[number][-1]] if self._gaps[number] else sources

    def _gap(self, number: int, output: int, source: Place) -> list[Place]:
        """The gap between a tensor and its only source, as one place, or one for each activation."""
        region, simple = self._region(number, source.at)
        kinds = [self.graph.kinds[node] for node in region]
        if all(kind in VIEWS for kind in kinds):
            return []
        if not simple or sum(kind in NODE_ACTIVATION for kind in kinds) == 0:
            what = "activation" if any(kind in NODE_ACTIVATION for kind in kinds) else "gap"
            operations = tuple(kind for kind in reversed(kinds) if kind not in VIEWS)
            return [Place(number, what, output, operations=operations, sources=[source])]
        return self._split(region, kinds, output, source)

    def _split(
        self, region: list[int], kinds: list[str], output: int, source: Place
    ) -> list[Place]:
        """A plain chain: a place for each activation, and gaps for what lies around them."""
        chain: list[Place] = []
        behind: list[str] = []

        def close(at: int, number_of: int) -> None:
            if any(kind not in VIEWS for kind in behind):
                before = chain[-1] if chain else source
                operations = tuple(kind for kind in behind if kind not in VIEWS)
                chain.append(Place(at, "gap", number_of, operations=operations, sources=[before]))
            behind.clear()

        for i in range(len(region) - 1, -1, -1):
            if kinds[i] in NODE_ACTIVATION:
                if behind:
                    close(region[i + 1], 0)
                before = chain[-1] if chain else source
                chain.append(
                    Place(region[i], "activation", 0, operations=(kinds[i],), sources=[before])
                )
            else:
                behind.append(kinds[i])
        close(region[0], output)
        return chain

    def _region(self, start: int, end: int) -> tuple[list[int], bool]:
        """(nodes from the tensor down to its source, whether they are a single file)."""
        region, ahead, simple = [], [start], True
        seen = {start}
        while ahead:
            here = ahead.pop()
            region.append(here)
            parents = {parent for parent, _ in self.graph.parents[here]}
            simple = simple and len(self.graph.parents[here]) <= 1
            for parent in parents:
                if parent != end and parent not in seen:
                    seen.add(parent)
                    ahead.append(parent)
        return region, simple

    # -- where signals part -----------------------------------------------------------------------

    def _mark_last(self, number: int) -> None:
        for parent, output in self.graph.parents[number]:
            if parent in self._above and parent not in self._strong:
                continue
            for place in self._resolve(parent, output):
                place.last = True

    def _find_branches(self) -> None:
        for place in self._strong.values():
            edges = [
                (consumer, position, self._destination(consumer))
                for consumer, position, output in self.graph.consumers[place.at]
                if output == place.output
            ]
            if len({id(destination) for _, _, destination in edges}) > 1:
                place.branches = edges
        self._find_ways()

    def _find_ways(self) -> None:
        """Of each gap at a fork, the place that only it leads to from there."""
        used: set[int] = set()
        for place in self._strong.values():
            lowest: dict[int, list[Place | None]] = {}
            for source in place.sources:
                gap = None
                while source.at not in self._strong:
                    gap, source = source, source.sources[0]  # noqa: PLW2901 - going down
                lowest.setdefault(source.at, []).append(gap)
            for gaps in lowest.values():
                if len(gaps) == 1 and gaps[0] is not None:
                    gaps[0].leads_to = place if id(gaps[0]) not in used else None
                    used.add(id(gaps[0]))

    def _destination(self, consumer: int) -> Place | str:
        """The strong place that an edge leads to; in a word, where it leads to none or parts again."""
        if consumer in self._strong:
            return self._strong[consumer]
        if consumer in self._inside:
            return self._inside[consumer]
        there = self._dst.get(consumer, frozenset())
        if len(there) != 1:
            return "several"
        return self._strong.get(next(iter(there)), "loss")
