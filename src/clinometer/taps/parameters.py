"""Parameters across one optimizer step: what was asked for, what was stored, and what was lost.

Norms of gradients are exact, over all elements. What needs a copy (the step, the lost share) is taken
of up to 1,024 elements of a tensor, bit for bit: see `elements`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch

from clinometer.taps.elements import few, joined
from clinometer.taps.harvest import Harvest
from clinometer.taps.rows import Precision

NameOf = Callable[[torch.Tensor], str]
Norm = tuple[int, int]  # number in the lane "norms", and position in what lies there


@dataclass(eq=False)
class Entry:
    """One parameter of one optimizer in this step; numbers are positions in lanes.

    Attributes
    ----------
    received : whether it had a gradient
    taken, unclipped : norm of the gradient at the step, and as backward left it
    """

    name: str
    parameter: torch.Tensor
    group: dict[str, Any]
    size: int
    sampled: int
    received: bool = False
    taken: Norm | None = None
    unclipped: Norm | None = None


@dataclass(eq=False)
class Sheet:
    """One step of one optimizer: its parameters, in the order of the lanes "K.before" and so on."""

    number: int
    kind: type
    entries: list[Entry]
    scaled: bool
    lanes: set[str] = field(default_factory=set)
    steps: list[float] = field(default_factory=list)
    state_names: tuple[str, ...] = ()
    finished: bool = False
    skipped: bool = False

    def lane(self, what: str) -> str:
        """Name of a lane of this sheet."""
        return f"{self.number}.{what}"


@dataclass
class ParameterTap:
    """Measures the optimizer steps of one observed training step."""

    name_of: NameOf
    precision: Precision
    sheets: list[Sheet] = field(default_factory=list)
    unclipped: dict[int, tuple[Norm, Any, int]] = field(default_factory=dict)

    def after_backward(self, parameters: Iterable[torch.Tensor], harvest: Harvest) -> None:
        """Norms of the gradients as backward left them, before anybody clips or unscales them."""
        live = [p for p in parameters if p.grad is not None]
        numbers = self._norms(live, harvest)
        for parameter, number in zip(live, numbers, strict=True):
            gradient = parameter.grad
            assert gradient is not None
            self.unclipped[id(parameter)] = (number, gradient, gradient._version)

    def before_step(self, optimizer: torch.optim.Optimizer, harvest: Harvest) -> None:
        """At the optimizer's pre-hook: weights as it finds them; gradients too, unless it unscales them."""
        entries = [
            Entry(self.name_of(p), p, group, p.numel(), few(p).numel())
            for group in optimizer.param_groups
            for p in group["params"]
            if p.requires_grad and not p.is_complex() and _local(p) is p and p.numel()
        ]
        entries.sort(key=lambda entry: few(entry.parameter).ndim != 2)  # as `joined` orders them
        scaled = getattr(optimizer, "grad_scale", None) is not None
        sheet = Sheet(len(self.sheets), type(optimizer), entries, scaled)
        self.sheets.append(sheet)
        self._take(sheet, "before", [entry.parameter for entry in entries], harvest)
        if not scaled and any(entry.parameter.grad is not None for entry in entries):
            self._gradients(sheet, harvest)

    def after_step(self, optimizer: torch.optim.Optimizer, harvest: Harvest) -> None:
        """At the optimizer's post-hook: what was stored, and the state that the step was made from."""
        sheet = next(
            (s for s in reversed(self.sheets) if s.kind is type(optimizer) and not s.finished), None
        )
        if sheet is None:
            return
        sheet.finished = True
        if "grad" not in sheet.lanes:
            self._gradients(sheet, harvest)
        parameters = [entry.parameter for entry in sheet.entries]
        self._take(sheet, "after", parameters, harvest)
        states = [optimizer.state.get(parameter, {}) for parameter in parameters]
        sheet.state_names = _state_names(sheet, states)
        for name in sheet.state_names:
            kept = [state.get(name) for state in states]
            values = [
                value if isinstance(value, torch.Tensor) and value.shape == p.shape else None
                for value, p in zip(kept, parameters, strict=True)
            ]
            self._take(sheet, name, values, harvest, parameters)
        self._counts(sheet, states, harvest)

    def take_manual(self, parameters: list[torch.Tensor], harvest: Harvest) -> Sheet:
        """A step without an optimizer begins: weights and gradients as backward left them."""
        entries = [
            Entry(self.name_of(p), p, {}, p.numel(), few(p).numel())
            for p in parameters
            if p.requires_grad and not p.is_complex() and _local(p) is p and p.numel()
        ]
        entries.sort(key=lambda entry: few(entry.parameter).ndim != 2)
        sheet = Sheet(len(self.sheets), object, entries, False)
        self.sheets.append(sheet)
        self._take(sheet, "before", [entry.parameter for entry in entries], harvest)
        self._gradients(sheet, harvest)
        return sheet

    def finish_manual(self, sheet: Sheet, harvest: Harvest) -> None:
        """It is over: weights as they are now."""
        sheet.finished = True
        self._take(sheet, "after", [entry.parameter for entry in sheet.entries], harvest)

    def disarm(self) -> list[Sheet]:
        """Hand over the sheets of this step."""
        sheets, self.sheets = self.sheets, []
        return [sheet for sheet in sheets if sheet.finished]

    def forget_gradients(self) -> None:
        """The step's gradients are done with."""
        self.unclipped = {}

    # -- taking -----------------------------------------------------------------------------------

    def _gradients(self, sheet: Sheet, harvest: Harvest) -> None:
        """Gradients as the optimizer takes them: norms anew only where they changed since backward."""
        anew: list[Entry] = []
        for entry in sheet.entries:
            gradient = entry.parameter.grad
            entry.received = gradient is not None
            if gradient is None:
                continue
            known = self.unclipped.get(id(entry.parameter))
            entry.unclipped = known[0] if known is not None else None
            if known is not None and known[1] is gradient and known[2] == gradient._version:
                entry.taken = known[0]
            else:
                anew.append(entry)
        numbers = self._norms([entry.parameter for entry in anew], harvest)
        for entry, number in zip(anew, numbers, strict=True):
            entry.taken = number
        gradients = [entry.parameter.grad for entry in sheet.entries]
        values = [None if g is None or g.is_sparse else g for g in gradients]
        self._take(sheet, "grad", values, harvest, [entry.parameter for entry in sheet.entries])

    def _take(
        self,
        sheet: Sheet,
        what: str,
        tensors: list[Any],
        harvest: Harvest,
        like: list[torch.Tensor] | None = None,
    ) -> None:
        """Copy the sampled elements of all tensors into one lane; what is missing counts as NaN."""
        with torch.no_grad():
            views = [
                self._view(tensor, like[i] if like else tensor) for i, tensor in enumerate(tensors)
            ]
            lane = harvest.lane(sheet.lane(what))
            for part in joined(views):
                lane.take(part)
        sheet.lanes.add(what)

    def _view(self, tensor: Any, like: torch.Tensor) -> torch.Tensor:
        if tensor is None:
            place = few(like)
            return torch.full(place.shape, float("nan"), device=place.device)
        if tensor.stride() != like.stride():
            tensor = torch.empty_like(like, dtype=tensor.dtype).copy_(tensor)
        return few(tensor)

    def _norms(self, parameters: list[torch.Tensor], harvest: Harvest) -> list[Norm]:
        """Take the norm of each gradient, in as few calls as there are devices and precisions."""
        lane = harvest.lane("norms")
        found: dict[int, Norm] = {}
        groups: dict[tuple[Any, ...], list[tuple[int, torch.Tensor]]] = {}
        for i, parameter in enumerate(parameters):
            gradient = _values(parameter.grad)
            wide = self.precision.wide(self.name_of(parameter), "norm")
            dtype = torch.float64 if wide or gradient.dtype == torch.float64 else torch.float32
            if gradient.numel() == 0 or gradient.is_complex():
                found[i] = lane.take(torch.linalg.vector_norm(gradient).double()), 0
            else:
                groups.setdefault((gradient.device, dtype), []).append((i, gradient))
        with torch.no_grad():
            for (_, dtype), pieces in groups.items():
                norms = torch._foreach_norm([gradient for _, gradient in pieces], 2, dtype)
                number = lane.take(torch.stack(list(norms)))
                found |= {i: (number, k) for k, (i, _) in enumerate(pieces)}
        return [found[i] for i in range(len(parameters))]

    def _counts(self, sheet: Sheet, states: list[Any], harvest: Harvest) -> None:
        """How often each parameter was stepped, where the optimizer counts."""
        counts = [state.get("step") for state in states]
        tensors = [c for c in counts if isinstance(c, torch.Tensor) and c.device.type != "cpu"]
        if tensors:
            harvest.lane(sheet.lane("step")).take(torch.stack([t.reshape(()) for t in tensors]))
            return
        sheet.steps = [float(count) if count is not None else float("nan") for count in counts]


def _state_names(sheet: Sheet, states: list[Any]) -> tuple[str, ...]:
    """The state tensors that the formulas in `steps` read."""
    wanted = (
        "exp_avg", "exp_avg_sq", "max_exp_avg_sq", "momentum_buffer", "square_avg", "sum",
    )  # fmt: skip
    have = {name for state in states for name, value in state.items() if value is not None}
    return tuple(name for name in wanted if name in have)


def _values(gradient: Any) -> torch.Tensor:
    """The numbers of a gradient: a sparse one is summed over repeated indices first."""
    found: torch.Tensor = gradient.detach()
    return found.coalesce().values() if found.is_sparse else found


def _local(parameter: torch.Tensor) -> torch.Tensor | None:
    """The parameter itself; None for one that is spread over ranks (DTensor), where reading it would
    need every rank at once."""
    return None if hasattr(parameter, "to_local") else parameter
