"""The backward half of an observed step: hooks on the nodes of the graph, set when the loss is known.

A hook before a node sees the whole gradient at its output, also where several branches meet there; a
hook behind a node sees what that one branch hands back. In-place operations, views and recomputation
change nothing about either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch

from clinometer.taps.attention import Attention, look_at
from clinometer.taps.graph import Graph, walk
from clinometer.taps.handles import numbered_apart
from clinometer.taps.inputs import Raw
from clinometer.taps.kept import flat_of_result, raw_input, rows_of_input
from clinometer.taps.layers import LayerTap, Pending
from clinometer.taps.places import Contraction, Place, Plan
from clinometer.taps.roles import weight_facts
from clinometer.taps.rows import Taken, real, sampled, stride_for
from clinometer.taps.tail import end_facts
from clinometer.taps.titles import entitle

NameOf = Callable[[torch.Tensor], str]
SMALLEST_NORMAL = 2.0**-14  # of float16: below it bits are lost one by one, below 2^-25 all
MOST_PLANS = 8  # shapes of graphs that are remembered; a GAN has three


@dataclass(eq=False)
class Branch:
    """One way on which gradient comes back to a fork: all that leads to one place.

    Attributes
    ----------
    wide : whether its norms were taken in float64
    parts : gradients that wait to be summed, one for each edge that leads there
    norms, dots : numbers in the lane "branches", one for each pass
    """

    target: str
    wide: bool = True
    parts: list[torch.Tensor] = field(default_factory=list)
    norms: list[int] = field(default_factory=list)
    dots: list[int] = field(default_factory=list)
    elements: int = 0


@dataclass(eq=False, slots=True)
class Sighting:
    """One place in one backward pass: what was measured of it.

    Attributes
    ----------
    name, facts : as the recording will know it; turn counts its calls in this pass, from 0
    pending : its forward half, where a module made it
    entering : norms of the gradient at its output, one for each time the graph was used
    moments : for a recurrent layer, numbers in the lane "time": the gradient at each step of its input
    raw : what was measured of its input, where that is data
    below, back : where the gradient leaving it is measured: the sighting below it, or a branch of that
    stride : every how-manieth example is read; 0 before that is known
    examples, elements : of the gradients that entered, those included that are not read
    dtype : of the gradient that entered first (`float32`)
    tiny : numbers in the lane "tiny", of a float16 gradient: subnormal and non-zero elements
    """

    name: str
    facts: dict[str, Any]
    turn: int
    pending: Pending | None
    channels: bool
    parents: tuple[str, ...] = ()
    entering: list[Taken] = field(default_factory=list)
    below: Sighting | None = None
    back: Branch | None = None
    branches: list[Branch] = field(default_factory=list)
    in_rows: Taken | None = None
    out_rows: Taken | None = None
    flat: int | None = None
    flat_of: int = 0
    flat_examples: int = 0
    attention: Attention | None = None
    moments: list[int] = field(default_factory=list)
    raw: Raw | None = None
    stride: int = 0
    examples: int = 0
    elements: int = 0
    dtype: str = ""
    tiny: list[int] = field(default_factory=list)

    @property
    def one_of(self) -> float:
        """How many elements each one stands for that was read."""
        return self.elements / max(sum(taken.elements for taken in self.entering), 1)


@dataclass
class FlowTap:
    """Sets hooks on the graph of each loss of an observed step, and keeps what they see."""

    guard: Callable[[Callable[..., None]], Callable[..., None]]
    layers: LayerTap
    name_of: NameOf
    plans: list[Plan]
    sightings: list[Sighting] = field(default_factory=list)
    compiled: bool = False
    unreadable: bool = False
    too_large: bool = False
    _handles: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._enter, self._back = self.guard(self._entering), self.guard(self._handed_back)

    def look(
        self, roots: Iterable[Any], meet: Callable[[list[torch.Tensor]], None] | None = None
    ) -> tuple[Graph, list[int], Sighting | None]:
        """Hook the graph below a loss; returns (graph, its nodes above the network, the output)."""
        graph = walk(roots)
        if meet is not None:
            meet([leaf for leaves in graph.leaves for leaf in leaves])
        if not graph.whole:
            self.too_large = True
            return graph, [], None
        plan = self._plan(graph)
        known: dict[int, Sighting] = {}
        last = None
        for place in plan.places:
            known[id(place)] = sighting = self._sight(graph, place, known)
            last = sighting if place.last else last
        with numbered_apart():
            for place in plan.places:
                self._connect(graph, place, known)
        plan.release()
        self.sightings += known.values()
        return graph, plan.above, last

    def _plan(self, graph: Graph) -> Plan:
        """The places of a graph; of one that has the shape of an earlier one, those found then."""
        self.compiled |= "CompiledFunctionBackward" in graph.kinds
        for plan in self.plans:
            if plan.fits(graph, self.layers.marked, self.name_of):
                return plan
        found = Contraction(graph, self.layers.marked)
        entitle(found.places, self.name_of)
        for place in found.places:
            place.facts = _facts(place, self.name_of) | end_facts(graph, place)
            place.weight = None
        plan = Plan(graph.kinds, graph.parents, found.places, found.above)
        self.plans[:] = [plan, *self.plans][:MOST_PLANS]
        return plan

    def retire(self) -> None:
        """A backward pass is over: a later one through the same graph is not to be counted twice."""
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def disarm(self) -> list[Sighting]:
        """Take every hook off, and hand over what was seen to receive a gradient."""
        self.retire()
        seen, self.sightings = self.sightings, []
        for sighting in seen:
            for branch in sighting.branches:
                branch.parts = []
        return [sighting for sighting in seen if sighting.entering]

    def _sight(self, graph: Graph, place: Place, known: dict[int, Sighting]) -> Sighting:
        pending = place.pending
        above = known.get(id(place.sources[0])) if place.sources else None
        channels = (
            pending.channels
            if pending is not None
            else "ConvolutionBackward0" in place.operations
            or (above.channels if above is not None and place.kind != "weight" else False)
        )
        sighting = Sighting(place.name, place.facts, place.turn, pending, channels)
        sighting.parents = tuple(source.name for source in place.sources)
        if pending is not None:
            self._forward_of(sighting, pending)
        elif not self.unreadable:
            self._read_kept(graph, place, sighting)
        return sighting

    def _forward_of(self, sighting: Sighting, pending: Pending) -> None:
        sighting.in_rows, sighting.out_rows = pending.in_rows, pending.out_rows
        sighting.raw = pending.raw
        sighting.flat, sighting.flat_of = pending.flat, pending.flat_of
        sighting.flat_examples, sighting.stride = pending.flat_examples, pending.stride

    def _read_kept(self, graph: Graph, place: Place, sighting: Sighting) -> None:
        """What autograd keeps of a functional call: its input or result."""
        node = graph.nodes[place.at]
        with torch.no_grad():
            if place.kind == "weight":
                read = rows_of_input(node, place, sighting.channels, self.layers)
                if read is not None:
                    sighting.in_rows, sighting.stride = read
                if not place.sources:
                    sighting.raw = raw_input(graph, place, sighting.channels, self.layers)
            elif place.kind == "activation":
                seen = flat_of_result(node, place, sighting.channels, self.layers)
                if seen is not None:
                    sighting.flat, sighting.flat_of, sighting.flat_examples = seen
            elif place.kind == "attention":
                sighting.attention = look_at(node, self.layers.harvest)

    def _connect(self, graph: Graph, place: Place, known: dict[int, Sighting]) -> None:
        here = known[id(place)]
        ways: dict[str, Branch] = {}
        for consumer, position, destination in place.branches:
            target = destination if isinstance(destination, str) else known[id(destination)].name
            branch = ways.setdefault(target, Branch(target))
            hook = partial(self._back, here, branch, position)
            self._handles.append(graph.nodes[consumer].register_hook(hook))
        here.branches += ways.values()
        hook = partial(self._enter, here, place.output)
        self._handles.append(graph.nodes[place.at].register_prehook(hook))
        if len(place.sources) == 1:
            here.below = known[id(place.sources[0])]
            ahead = place.leads_to or place
            here.back = self._branch_to(known[id(ahead)].name, here.below)

    def _branch_to(self, target: str, below: Sighting) -> Branch | None:
        """The branch of a fork that leads to a place; None where nothing forks."""
        if not below.branches:
            return None
        return next((branch for branch in below.branches if branch.target == target), _UNTOLD)

    def _entering(self, here: Sighting, output: int, gradients: tuple[Any, ...]) -> None:
        gradient = gradients[output] if output < len(gradients) else None
        if gradient is None or gradient.is_sparse:
            return
        part = self._part(here, gradient)
        here.examples += _examples(here, gradient)
        here.elements += gradient.numel()
        here.entering.append(
            self.layers.take(
                here.name,
                "gradient",
                part,
                here.channels,
                here.facts["role"] == "weight",
                here.facts.get("groups", 1),
            )
        )
        here.dtype = here.dtype or str(gradient.dtype).removeprefix("torch.")
        if gradient.dtype == torch.float16:
            there = part.detach() != 0
            tiny = there & (part.detach().abs() < SMALLEST_NORMAL)
            counts = torch.stack([tiny.sum(), there.sum()])
            here.tiny.append(self.layers.harvest.lane("tiny").take(counts))
        for branch in here.branches:
            self._compare(branch, part, here.entering[-1].wide)
        passed = here.pending.passage if here.pending is not None else None
        if passed is not None and not here.moments:
            by_time = passed.gradient_by_time(gradient)
            if by_time is not None:
                here.moments.append(self.layers.harvest.lane("time").take(by_time))

    def _handed_back(
        self, here: Sighting, branch: Branch, position: int, leaving: Any, entering: Any
    ) -> None:
        gradient = leaving[position] if position < len(leaving) else None
        if gradient is None or gradient.is_sparse:
            return
        branch.parts.append(self._part(here, gradient))

    def _part(self, here: Sighting, gradient: torch.Tensor) -> torch.Tensor:
        """The examples of a gradient that are read."""
        if here.pending is not None and here.pending.alone:
            return gradient.detach()[None]
        if here.pending is not None and gradient.numel() == here.pending.elements:
            examples = here.pending.examples
            if gradient.ndim and gradient.shape[0] != examples > 0:  # rows of a view's base
                gradient = gradient.reshape(examples, -1, gradient.shape[-1])
        here.stride = here.stride or stride_for(gradient.numel(), _examples(here, gradient))
        return sampled(gradient, here.stride)

    def _compare(self, branch: Branch, whole: torch.Tensor, wide: bool) -> None:
        """Norm of what a branch handed back, and its product with the sum of all branches."""
        lane = self.layers.harvest.lane("branches")
        wide = wide or whole.dtype not in {torch.float32, torch.complex64}
        parts = [part for part in branch.parts if part.shape == whole.shape]
        branch.parts = []
        if not parts:
            return
        flats = [real(part).reshape(-1) for part in (*parts, whole)]
        *ways, total = [flat.double() for flat in flats] if wide else flats
        flat = ways[0] if len(ways) == 1 else torch.stack(ways).sum(dim=0)
        branch.norms.append(lane.take(torch.linalg.vector_norm(flat)))
        branch.dots.append(lane.take(torch.dot(flat, total)))
        lane.take(torch.linalg.vector_norm(total))
        branch.elements += flat.numel()
        branch.wide = branch.wide and wide


_UNTOLD = Branch("")  # no branch of its own: what leaves here is not known


def _examples(here: Sighting, gradient: torch.Tensor) -> int:
    if here.pending is not None and here.pending.alone:
        return 1
    return gradient.shape[0] if gradient.ndim else 1


def _facts(place: Place, name_of: NameOf) -> dict[str, Any]:
    """Facts of a place as the recording keeps them."""
    facts = _own_facts(place, name_of)
    if place.operations:
        facts["operations"] = list(place.operations)
    if place.last:
        facts["output"] = True
    return facts


def _own_facts(place: Place, name_of: NameOf) -> dict[str, Any]:
    if place.pending is not None:
        return dict(place.pending.spot.facts)
    if place.kind == "weight":
        turned = place.weight.T if place.inputs_first and place.weight.ndim == 2 else place.weight
        facts = weight_facts(turned)
        return facts | {"class": "linear", "parameter": name_of(place.weight), "functional": True}
    if place.kind == "activation":
        kind = {"activation": place.activation} if len(place.operations) == 1 else {}
        what = place.name.rpartition(":")[2]
        return {"class": what, "role": "activation", "functional": True} | kind
    role = place.kind if place.kind != "gap" else "other"
    return {"class": place.kind, "role": role, "functional": True}
