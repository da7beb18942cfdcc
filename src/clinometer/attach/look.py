"""One observed step, from its first forward call to the row in the recording."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from clinometer.attach.guarding import Guard
from clinometer.attach.networks import Networks
from clinometer.attach.optimizers import Optimizers
from clinometer.attach.standing import Rest, Standing
from clinometer.attach.targets import Targets
from clinometer.records.columns import names
from clinometer.records.evaluation import Evaluation
from clinometer.taps.calls import Calls, Row
from clinometer.taps.flatness import UnitWindow
from clinometer.taps.flow import FlowTap, Sighting
from clinometer.taps.graph import Graph
from clinometer.taps.harvest import Harvest
from clinometer.taps.layers import LayerTap, Spot
from clinometer.taps.loss import read_terms
from clinometer.taps.motion import Motion
from clinometer.taps.parameters import Layout, ParameterTap, Sheet
from clinometer.taps.places import Plan
from clinometer.taps.rows import Precision
from clinometer.taps.term import Term
from clinometer.taps.trail import Trail

NAN = float("nan")
THROUGH_TIME = (
    8  # recurrent layers are run again at every so-manieth observation: it is most of a step
)
RECOLLECT = 8  # observations after which a network is looked through for new layers
Meet = Callable[[list[torch.Tensor]], None]


@dataclass
class Memory:
    """What is kept from one observed step to the next; `taps` are those that may still be on."""

    optimizers: Optimizers = field(default_factory=Optimizers)
    rest: Rest = field(default_factory=Rest)
    precision: Precision = field(default_factory=Precision)
    windows: dict[str, UnitWindow] = field(default_factory=dict)
    targets: Targets = field(default_factory=Targets)
    spots: weakref.WeakKeyDictionary[nn.Module, Spot] = field(
        default_factory=weakref.WeakKeyDictionary
    )
    plans: list[Plan] = field(default_factory=list)
    described: set[str] = field(default_factory=set)
    layouts: weakref.WeakKeyDictionary[Any, Layout] = field(
        default_factory=weakref.WeakKeyDictionary
    )
    armed: weakref.WeakKeyDictionary[nn.Module, int] = field(
        default_factory=weakref.WeakKeyDictionary
    )
    evaluations: list[Evaluation] = field(default_factory=list)
    trail: Trail = field(default_factory=dict)
    stride: int = 1
    looks: int = 0
    taps: weakref.WeakSet[LayerTap] = field(default_factory=weakref.WeakSet)


@dataclass(frozen=True)
class Seen:
    """All that one step showed: rows and facts by (kind, name), calls in order of execution."""

    rows: dict[tuple[str, str], Row]
    facts: dict[tuple[str, str], dict[str, Any]]
    grad_norm: float
    bad_gradient: bool


def _nobody(leaves: list[torch.Tensor]) -> None:
    """Nobody asks for the leaves of a graph."""


class Look:
    """The taps of one observed step; `meet` is told the leaves of each graph before they are named."""

    def __init__(
        self, guard: Guard, networks: Networks, memory: Memory, meet: Meet = _nobody
    ) -> None:
        self.networks, self.memory, self.meet = networks, memory, meet
        self._guard = guard
        self.harvest = Harvest()
        self.layers = LayerTap(
            guard.mine, memory.precision, self.harvest, memory.spots, memory.stride
        )
        memory.taps.add(self.layers)
        self.layers.through_time = memory.looks % THROUGH_TIME == 0
        memory.looks += 1
        self.flow = FlowTap(guard, self.layers, networks.name_of, memory.plans)
        self.parameters = ParameterTap(
            networks.name_of, memory.precision, memory.layouts, networks.is_table
        )
        self.terms: list[tuple[Term, Sighting | None]] = []
        self.skipped = self.idle = False
        self._sightings: list[Sighting] | None = None
        self._sheets: list[Sheet] = []
        self._standing: Standing | None = None

    def arm(self, roots: Iterable[nn.Module]) -> None:
        """Hook the leaf modules of these networks, where they run eagerly; nothing once unhooked."""
        if self._sightings is not None:
            return
        compiling = self.networks.compiling
        for root in roots:
            if self.networks.is_compiled(root):
                continue
            due = self.memory.armed.get(root, 0) % RECOLLECT == 0
            self.memory.armed[root] = self.memory.armed.get(root, 0) + 1
            self.layers.arm(self.networks.leaves(root) if due or compiling else (), compiling)

    def loss(self, tensors: Iterable[Any]) -> None:
        """A backward pass begins from these tensors."""
        if self._sightings is not None:
            return
        self.layers.in_backward = 1
        roots = [t.grad_fn for t in tensors if isinstance(t, torch.Tensor)]
        self.flow.retire()
        graph, above, output = self.flow.look(roots, self.meet)
        self._begin_pass(graph)
        if output is None or output.pending is None or not output.pending.packed:
            nodes = [graph.nodes[number] for number in above]
            terms = read_terms(nodes, self.harvest, self.layers.made)
            self.terms += [(term, output) for term in terms]

    def inner(self, tensors: Iterable[Any]) -> None:
        """A checkpointed segment was computed again, and is about to be propagated through."""
        roots = [t.grad_fn for t in tensors if isinstance(t, torch.Tensor)]
        self._begin_pass(self.flow.look(roots)[0])

    def _begin_pass(self, graph: Graph) -> None:
        leaves = {id(leaf): leaf for found in graph.leaves for leaf in found}
        hears_all = self.layers.hears_all
        self.layers.wiring.begin_pass(leaves.values(), graph.whole, hears_all, self.harvest)

    def backward_over(self, parameters: list[tuple[torch.Tensor, str]] | None) -> None:
        """It is over: gradients lie as backward left them, where no further pass is to come."""
        self.layers.in_backward = 0
        if parameters is not None:
            self.parameters.after_backward(parameters, self.harvest)

    def before_step(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimizer is about to step."""
        self.parameters.before_step(optimizer, self.harvest)

    def after_step(self, optimizer: torch.optim.Optimizer) -> None:
        """It has."""
        self.parameters.after_step(optimizer, self.harvest)

    def unhook(self) -> None:
        """Take every hook off; what was measured stays."""
        if self._sightings is None:
            self._sightings = []
            self.memory.stride = self.layers.disarm()
            self._sightings = self.flow.disarm()

    def close(self, scale: torch.Tensor | None = None) -> None:
        """The step is over: nothing more is measured, and the numbers start for the host.

        `scale` is what a loss scaler multiplied the loss by, where there is one.
        """
        self.unhook()
        if scale is not None:
            self.harvest.lane("scale").take(scale)
        self._sheets = [] if self.skipped else self.parameters.disarm()
        self._standing = Standing(
            self.networks,
            self.layers.wiring,
            self.harvest,
            self.memory.optimizers.owned(),
            self.memory.rest,
            self.idle,
            self._guard.crowded,
        )
        self._standing.take(self._sheets, self.memory.described)
        self.harvest.start()

    def read(self) -> Seen:
        """Work out the rows, once `harvest.landed()`; NaN and Inf are findings, not the script's warnings."""
        with np.errstate(all="ignore"):
            return self._read()

    def _read(self) -> Seen:
        calls = Calls(self.harvest, self.memory.precision, self.memory.windows)
        calls.read(self._sightings or [])
        rows = dict(calls.rows)
        scale = self.harvest.lane("scale").values
        factor = float(scale[0]) if len(scale) else 1.0
        motion = Motion(self.harvest, self.memory.precision, factor, self.memory.trail)
        for sheet in self._sheets:
            rows |= {("parameter", name): row for name, row in motion.rows(sheet).items()}
        facts = calls.facts | self._parameter_facts(rows)
        rows |= self._loss_rows(calls)
        facts |= {("loss", term.name): term.facts for term, _ in self.terms}
        self.memory.targets.add([term for term, _ in self.terms], self.harvest)
        for window in self.memory.windows.values():
            window.turn()
        norm, bad = _total(self._sheets, rows)
        return Seen(rows, facts, norm, bad)

    def _parameter_facts(
        self, rows: dict[tuple[str, str], Row]
    ) -> dict[tuple[str, str], dict[str, Any]]:
        """Complete the rows of parameters; facts of those seen for the first time."""
        if self._standing is None:
            return {}
        facts = self._standing.complete(rows, self.memory.described)
        self.memory.described |= facts.keys()
        return {("parameter", name): found for name, found in facts.items()}

    def _loss_rows(self, calls: Calls) -> dict[tuple[str, str], Row]:
        names = dict.fromkeys(term.name for term, _ in self.terms)
        return {
            ("loss", name): self._loss_row(
                [pair for pair in self.terms if pair[0].name == name], calls
            )
            for name in names
        }

    def _loss_row(self, pairs: list[tuple[Term, Sighting | None]], calls: Calls) -> Row:
        lane = self.harvest.lane("loss")
        examples = sum(float(lane[term.examples][0]) for term, _ in pairs)
        total = sum(float(lane[term.total][0]) for term, _ in pairs)
        divisors = [t.examples if t.divisor is None else t.divisor for t, _ in pairs]
        divisor = sum(float(lane[number][0]) for number in divisors)
        known = [term for term, _ in pairs if term.right is not None and term.judged is not None]
        judged = sum(float(lane[term.judged or 0][0]) for term in known)
        right = sum(float(lane[term.right or 0].sum()) for term in known)
        wrong = [calls.wrong_share(term, output, lane) for term, output in pairs]
        claims = np.sum(
            [lane[t.claimed] for t, _ in pairs if t.claimed is not None] or [np.zeros(2)], 0
        )
        return [
            float(len(pairs)),
            examples,
            total / divisor if divisor else NAN,
            right / judged if judged else NAN,
            float(np.mean(wrong)) if wrong else NAN,
            float(claims[0] / claims[1]) if claims[1] else NAN,
        ]


def _total(sheets: list[Sheet], rows: dict[tuple[str, str], Row]) -> tuple[float, bool]:
    """(norm of all gradients before clipping, loss scale taken off; whether one is not finite)."""
    squares, bad, seen = 0.0, False, False
    rms, nonfinite = (
        names("parameter").index("grad_rms"),
        names("parameter").index("nonfinite_grad"),
    )
    for sheet in sheets:
        for name, size in zip(sheet.layout.names, sheet.layout.sizes.tolist(), strict=True):
            row = rows["parameter", name]
            bad = bad or row[nonfinite] > 0
            if row[rms] == row[rms]:
                squares, seen = squares + row[rms] ** 2 * size, True
    return (math.sqrt(squares) if seen else NAN), bad
