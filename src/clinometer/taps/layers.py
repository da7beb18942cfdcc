"""The forward half of an observed step: hooks on leaf modules, which reduce at once and keep no tensor.

Each call leaves the norms of its rows in a lane and a mark on its node of the autograd graph
(`Node.metadata`, which lives and dies with the graph of one step; nothing is set on modules or
tensors). What backward is to measure is decided when the loss is known, from the graph (`graph`).
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)

from clinometer.taps.flatness import MOST_EXAMPLES, Region, by_unit, flat_counts, regions_of
from clinometer.taps.handles import numbered_apart
from clinometer.taps.harvest import Harvest
from clinometer.taps.inputs import MOST_CALLS, Raw, by_channel, is_raw, look_at
from clinometer.taps.patches import patch_norms
from clinometer.taps.roles import CONVOLUTION, facts_of
from clinometer.taps.rows import (
    LEAST_EXAMPLES,
    MOST_ELEMENTS,
    Precision,
    Taken,
    channel_norms,
    real,
    row_norms,
    sampled,
    stride_for,
)
from clinometer.taps.settings import settings
from clinometer.taps.through_time import Passage, outputs_of, passage
from clinometer.taps.wiring import Wiring

Maker = tuple[Any, int]  # a node of the graph, and which of its outputs
Made = tuple[weakref.ref[torch.Tensor], int]
CHANNELS = (*CONVOLUTION, nn.modules.batchnorm._BatchNorm, nn.modules.pooling._MaxPoolNd)


@dataclass(eq=False)
class Spot:
    """A leaf module that is hooked, and what does not change from call to call.

    `told` says whether `facts` holds what only a call can tell, `copied` whether a copy of the output
    is kept until the loss is known.
    """

    name: str
    facts: dict[str, Any]
    regions: Region = ()
    channels: bool = False
    in_place: bool = False
    told: bool = False
    copied: bool = False


@dataclass(eq=False, slots=True)
class Pending:
    """One forward call: what was measured, as numbers of lanes, and where it hangs in the graph.

    Attributes
    ----------
    entries : (node, output) that made each tensor this call was given
    stride : every how-manieth example was read
    channels : whether the unit axis is 1 (pictures) rather than the last
    out_rows, in_rows : norms in the lane "rows"; None where not measured
    patches : norms of what lies under a convolution's output positions
    flat : number in the lane "units" of how many values of each unit were flat
    passage : what a recurrent layer was given
    packed : whether saved tensors are in somebody's hooks, and must not be read
    alone : whether it was given one picture, without an axis of examples
    raw : what was measured of its input, where that is data
    made, copy : the tensor it returned and that tensor's version, as long as the script holds it; a
        copy where an earlier step asked in vain
    training : whether the module was in training mode
    """

    spot: Spot
    entries: list[tuple[Any, int]]
    stride: int
    channels: bool
    packed: bool
    output: int = 0
    examples: int = 0
    elements: int = 0
    inputs: int = 0
    out_rows: Taken | None = None
    in_rows: Taken | None = None
    patches: Taken | None = None
    flat: int | None = None
    flat_of: int = 0
    flat_examples: int = 0
    passage: Passage | None = None
    alone: bool = False
    raw: Raw | None = None
    made: Made | None = None
    copy: torch.Tensor | None = None
    training: bool = True


@dataclass(eq=False)
class LayerTap:
    """Hooks on the leaf modules of the known networks, for the length of one step.

    Attributes
    ----------
    own : wraps every hook; swallows, counts and reports whatever one of ours raises, and keeps out
        threads other than the one that is recorded
    harvest : where reduced tensors are left
    precision : which norms must be taken in float64
    spots : modules seen before
    stride : every how-manieth example to read at least, so that all layers read the same
    token : the key of this step's marks; another recorder has its own
    in_backward : how deep in backward passes we are; forward calls there are recomputations
    called : names that were called in this step
    through_time : whether recurrent layers are followed back through time in this step
    wiring : is told of every module that runs
    """

    own: Callable[[Callable[..., None]], Callable[..., None]]
    precision: Precision
    harvest: Harvest
    spots: weakref.WeakKeyDictionary[nn.Module, Spot]
    stride: int = 1
    token: object = field(default_factory=object)
    in_backward: int = 0
    called: set[str] = field(default_factory=set)
    through_time: bool = True
    wiring: Wiring = field(default_factory=Wiring)
    _largest_stride: int = 1
    _global: bool = False
    _undo: ExitStack = field(default_factory=ExitStack)
    _held: _Held | None = None
    _raw: dict[str, list[tuple[Made, Raw]]] = field(default_factory=dict)

    def arm(self, layers: Iterable[tuple[str, nn.Module]], compiling: bool = False) -> None:
        """Listen to leaf modules, given as (name, module); others may follow.

        One hook on all modules leaves no trace in any: a model that is copied or saved meanwhile is
        what it would be without us. But such a hook would be compiled into whatever torch.compile meets:
        where there is `compiling` in this process, each module gets its own hooks instead.
        """
        spots = [(module, self._spot(name, module)) for name, module in layers]
        with ExitStack() as undo, numbered_apart():
            if compiling:
                for module, spot in spots:
                    self._listen(module, spot, undo)
            elif not self._global:
                after, before = self.own(self._any_after), self.own(self._any_before)
                undo.callback(register_module_forward_hook(after).remove)
                undo.callback(register_module_forward_pre_hook(before).remove)
            self._undo.push(undo.pop_all())  # reached only when every hook is on
        self._global = self._global or not compiling

    def _listen(self, module: nn.Module, spot: Spot, undo: ExitStack) -> None:
        after = self.own(partial(self._own_after, spot))
        undo.callback(module.register_forward_hook(after).remove)
        if spot.in_place:  # afterwards its input is gone
            before = self.own(partial(self._before, spot))
            undo.callback(module.register_forward_pre_hook(before).remove)

    @property
    def hears_all(self) -> bool:
        """Whether every module that runs is heard of."""
        return self._global

    def _own_after(self, spot: Spot, module: nn.Module, args: tuple[Any, ...], out: Any) -> None:
        self.wiring.note(module)
        self._after(spot, module, args, out)

    def _any_after(self, module: nn.Module, args: tuple[Any, ...], out: Any) -> None:
        self.wiring.note(module)
        spot = self.spots.get(module)
        if spot is not None:
            self._after(spot, module, args, out)

    def _any_before(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        spot = self.spots.get(module)
        if spot is not None and spot.in_place:
            self._before(spot, module, args)

    def _spot(self, name: str, module: nn.Module) -> Spot:
        known = self.spots.get(module)
        if known is not None and known.name == name:
            return known
        facts = facts_of(module)
        regions = regions_of(module, facts["activation"]) if "activation" in facts else ()
        spot = Spot(name, facts, regions, isinstance(module, CHANNELS), _in_place(module))
        self.spots[module] = spot
        return spot

    def disarm(self) -> int:
        """Take every hook off; the marks become void. Returns the stride that the next step shall use."""
        self._undo.close()
        self._undo = ExitStack()
        self.token = object()
        self._raw = {}
        return self._largest_stride

    def marked(self, node: Any) -> Pending | None:
        """The call that made this node's output in this step, if one did."""
        found = node.metadata.get(self.token)
        return found if isinstance(found, Pending) else None

    def made(self, node: Any) -> torch.Tensor | None:
        """What this node's call returned, where the script still holds it and has not changed it.

        Of one that is asked for and gone, the next observed steps keep a copy.
        """
        pending = self.marked(node)
        if pending is None or pending.made is None:
            return None
        tensor = _still(pending.made)
        if tensor is None and pending.copy is None:
            pending.spot.copied = True
        return pending.copy if tensor is None else tensor

    # -- hooks ----------------------------------------------------------------------------------

    def _before(self, spot: Spot, module: nn.Module, args: tuple[Any, ...]) -> None:
        """An in-place activation: look at its input while it is there."""
        inputs = first_tensor(args)
        if inputs is None or self._skips(spot):
            return
        made_by = _maker(inputs)
        parent = self.marked(made_by[0]) if made_by is not None else None
        below = _base(inputs)
        if below is not None and parent is not None and self.marked(below) is parent:
            made_by = below, 0
        channels = spot.channels or (parent.channels if parent is not None else False)
        flat, of = self._flat(spot, inputs, channels)
        self._held = _Held(spot, made_by, flat, of)

    def _skips(self, spot: Spot) -> bool:
        """Evaluation, functional transforms, and recomputation of what was seen already."""
        if not torch.is_grad_enabled() or torch._C._are_functorch_transforms_active():
            return True
        return bool(self.in_backward) and spot.name in self.called

    def _after(self, spot: Spot, module: nn.Module, args: tuple[Any, ...], out: Any) -> None:
        if self._skips(spot):
            return
        if isinstance(module, nn.RNNBase):
            for which, tensor in enumerate(outputs_of(out)):
                passed = passage(module, args, which) if self.through_time else None
                self._mark(spot, module, args, tensor, passed)
            return
        first = first_tensor(out)
        if first is not None:
            self._mark(spot, module, args, first, None)

    def _mark(
        self,
        spot: Spot,
        module: nn.Module,
        args: tuple[Any, ...],
        out: torch.Tensor,
        passed: Passage | None,
    ) -> None:
        if out.grad_fn is None:
            return
        node = out.grad_fn
        held, self._held = self._held, None
        tensors = args if len(args) == 1 else [v for v in args if isinstance(v, torch.Tensor)]
        inputs = tensors[0] if tensors and isinstance(tensors[0], torch.Tensor) else None
        if held is not None and held.spot is spot:
            made_by, inputs = held.made_by, None
        else:
            made_by, held = _maker(inputs), None
        if self.marked(node) is not None or (made_by is not None and made_by[0] is node):
            return  # the module handed its input through: there is nothing to tell apart
        if not spot.told:
            spot.told = True
            spot.facts |= settings(module, inputs, out)
        parent = self.marked(made_by[0]) if made_by is not None else None
        pending = self._pending(spot, out, parent, made_by, inputs, tensors)
        if isinstance(module, CONVOLUTION) and out.ndim < module.weight.ndim:
            pending.alone, pending.examples, pending.stride = True, 1, 1
        pending.passage, pending.training = passed, module.training
        metadata: Any = node.metadata  # torch types it as a method
        metadata[self.token] = pending
        below = _base(out) if spot.facts["role"] == "weight" else None
        if below is not None:  # what works on the view in place leaves only this one in the graph
            metadata = below.metadata
            metadata[self.token] = pending
        self.called.add(spot.name)
        if held is not None:
            pending.flat, pending.flat_of = held.flat, held.flat_of
        elif inputs is not None and spot.regions:
            pending.flat, pending.flat_of = self._flat(spot, inputs, pending.channels)
        pending.flat_examples = min(pending.examples, MOST_EXAMPLES)
        self._rows(pending, out, inputs, parent, module)
        pending.made = _made(out)
        if spot.copied and out.numel() <= MOST_ELEMENTS:
            pending.copy = out.detach().clone()
        if inputs is not None and made_by is None:
            pending.raw = self._data(pending, module, inputs)

    def _pending(
        self,
        spot: Spot,
        out: torch.Tensor,
        parent: Pending | None,
        made_by: Maker | None,
        inputs: torch.Tensor | None,
        tensors: Sequence[torch.Tensor],
    ) -> Pending:
        examples = out.shape[0] if out.ndim else 1
        elements = out.numel()
        largest = max(elements, inputs.numel()) if inputs is not None else elements
        stride = stride_for(largest, examples)
        self._largest_stride = max(self._largest_stride, stride)
        channels = spot.channels or (
            parent.channels if parent is not None and spot.facts["role"] != "weight" else False
        )
        entries = [made_by] if made_by is not None else []
        if len(tensors) > 1:
            entries += [maker for maker in map(_maker, tensors[1:]) if maker is not None]
        if self.stride > stride:
            stride = max(stride, min(self.stride, examples // LEAST_EXAMPLES))
        packed = torch._C._autograd._top_saved_tensors_default_hooks(True) is not None
        return Pending(spot, entries, stride, channels, packed, out.output_nr, examples, elements)

    def _flat(self, spot: Spot, inputs: torch.Tensor, channels: bool) -> tuple[int | None, int]:
        """(number of the counts in the lane "units", values counted per unit)."""
        if not spot.regions or not inputs.is_floating_point():
            return None, 0
        with torch.no_grad():
            part = by_unit(inputs, channels)
            counts = flat_counts(part, spot.regions)
        return self.harvest.lane("units").take(counts), part.numel() // max(part.shape[1], 1)

    def _rows(
        self,
        pending: Pending,
        out: torch.Tensor,
        inputs: torch.Tensor | None,
        parent: Pending | None,
        module: nn.Module,
    ) -> None:
        name = pending.spot.name
        if pending.alone:
            out, inputs = out.detach()[None], inputs.detach()[None] if inputs is not None else None
        with torch.no_grad():
            pending.out_rows = self.take(
                name, "out", sampled(out, pending.stride), pending.channels
            )
            if inputs is None:  # worked on in place: its input was the parent's output
                if parent is not None:
                    pending.in_rows, pending.inputs = parent.out_rows, parent.elements
                return
            if not inputs.is_floating_point():
                return
            pending.inputs = inputs.numel()
            part = sampled(inputs, pending.stride)
            known = (
                parent is not None
                and parent.channels == pending.channels
                and parent.stride == pending.stride
                and parent.elements == inputs.numel()
            )
            if known and parent is not None:
                pending.in_rows = parent.out_rows
            else:
                pending.in_rows = self.take(name, "in", part, pending.channels)
            if isinstance(module, CONVOLUTION):
                wide = pending.in_rows.wide if pending.in_rows is not None else True
                norms = patch_norms(module, part, wide)
                if norms is not None:
                    number = self.harvest.lane("rows").take(norms)
                    pending.patches = Taken(
                        number, wide, len(norms), norms.numel(), name, "patches"
                    )

    def _data(self, pending: Pending, module: nn.Module, inputs: torch.Tensor) -> Raw | None:
        """What raw data looks like; a recurrent layer has several outputs of one input."""
        channels = by_channel(module)
        recomputed = bool(self.in_backward) and inputs.requires_grad
        if channels is None or recomputed or not is_raw(inputs):
            return None
        known = self._raw.setdefault(pending.spot.name, [])
        found = next((raw for made, raw in known if _still(made) is inputs), None)
        if found is None and len(known) < MOST_CALLS:
            with torch.no_grad():
                given = inputs[None] if pending.alone else inputs
                found = look_at(given, channels, self.harvest.lane("input"))
            known.append((_made(inputs), found))
        return found

    def take(
        self,
        name: str,
        which: str,
        part: torch.Tensor,
        channels: bool,
        by_place: bool = False,
        groups: int = 1,
    ) -> Taken:
        """Leave the norms of a tensor's sampled part in the lane "rows".

        Of its rows; for pictures of each example, or by group of channels at each place.
        """
        wide = self.precision.wide(name, which)
        if part.is_complex():
            part = real(part)
        if not channels:
            norms = row_norms(part, wide)
        elif by_place:
            norms = channel_norms(part, groups, wide)
        else:  # nobody needs them place by place
            norms = row_norms(part.flatten(1), wide)
        wide = wide or part.dtype == torch.float64
        number = self.harvest.lane("rows").take(norms)
        return Taken(number, wide, part.shape[0], part.numel(), name, which)


@dataclass(frozen=True, slots=True)
class _Held:
    """What was seen of an in-place activation's input before it was overwritten."""

    spot: Spot
    made_by: Maker | None
    flat: int | None
    flat_of: int


def _made(tensor: torch.Tensor) -> Made:
    return weakref.ref(tensor), tensor._version


def _still(made: Made) -> torch.Tensor | None:
    """The tensor, while somebody holds it and nobody has changed it."""
    tensor = made[0]()
    return tensor if tensor is not None and tensor._version == made[1] else None


def _maker(tensor: torch.Tensor | None) -> Maker | None:
    node = tensor.grad_fn if tensor is not None else None
    return (node, tensor.output_nr) if node is not None and tensor is not None else None


def _base(tensor: torch.Tensor) -> Any:
    """The node that made what a tensor is another view of, whole; None where it is its own."""
    base = tensor._base
    if base is None or base.grad_fn is tensor.grad_fn or base.numel() != tensor.numel():
        return None
    return base.grad_fn


def _in_place(module: nn.Module) -> bool:
    return bool(getattr(module, "inplace", False))


def first_tensor(values: Any) -> torch.Tensor | None:
    """The first tensor of what a module was given or returned.

    Looked for in tuples, lists and dicts only: going through anything else could use it up (a generator).
    """
    if isinstance(values, torch.Tensor):
        return values
    if isinstance(values, dict):
        values = values.values()
    elif not isinstance(values, (tuple, list)):
        return None
    return next((value for value in values if isinstance(value, torch.Tensor)), None)
