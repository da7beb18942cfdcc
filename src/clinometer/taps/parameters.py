"""Parameters across one optimizer step: what was asked for, what was stored, and what was lost.

Norms of gradients are exact, over all elements. What needs a copy (the step, the lost share) is taken
of up to 512 elements of a tensor, bit for bit: see `elements`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from clinometer.taps.elements import few, few_of_sparse, joined
from clinometer.taps.harvest import Harvest, Values
from clinometer.taps.rows import Precision
from clinometer.taps.unlike import few_rows, take_spreads

NameOf = Callable[[torch.Tensor], str]
Judge = Callable[[torch.Tensor], bool]
Counts = np.ndarray[tuple[int, ...], np.dtype[np.intp]]
Norm = tuple[int, int]  # number in the lane "norms", and position in what lies there
STATE = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq", "momentum_buffer", "square_avg", "sum")


def is_plain(parameter: torch.Tensor) -> bool:
    """Whether a parameter's elements can be read here; one spread over ranks (DTensor) would need all."""
    return (
        parameter.requires_grad
        and not parameter.is_complex()
        and parameter.numel() > 0
        and not hasattr(parameter, "to_local")
    )


def _never(_parameter: torch.Tensor) -> bool:
    return False


@dataclass(eq=False)
class Layout:
    """The parameters of one optimizer in the order of the lanes, and where their elements lie.

    Views of memory are kept from step to step and made anew where a tensor has moved.

    Attributes
    ----------
    names, groups, sizes, sampled : of each parameter
    made_of : identity of every parameter of the optimizer, and whether it required a gradient
    matrices : which of the parameters have several units, to be compared with each other
    """

    parameters: list[torch.Tensor]
    groups: list[Mapping[str, Any]]
    names: list[str]
    sizes: Values
    sampled: Counts
    made_of: list[tuple[int, bool]] = field(default_factory=list)
    matrices: list[int] = field(default_factory=list)
    _views: dict[str, tuple[list[int], list[torch.Tensor]]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        pairs: Iterable[tuple[torch.Tensor, Mapping[str, Any]]],
        name_of: NameOf,
        keep: Judge = is_plain,
    ) -> Layout:
        """Lay out what can be read here: not complex, not empty, not spread over ranks."""
        found = [(p, group) for p, group in pairs if keep(p)]
        found.sort(key=lambda pair: few(pair[0]).ndim != 2)  # as `joined` orders them
        parameters = [parameter for parameter, _ in found]
        return cls(
            parameters,
            [group for _, group in found],
            [name_of(parameter) for parameter in parameters],
            np.array([parameter.numel() for parameter in parameters], dtype=np.float64),
            np.array([few(parameter).numel() for parameter in parameters], dtype=np.intp),
        )

    def copy(self, what: str, tensors: Sequence[torch.Tensor | None]) -> list[torch.Tensor]:
        """Copies of the sampled elements of one tensor for each parameter; NaN where there is none."""
        places = [-1 if t is None or t.is_sparse else t.data_ptr() for t in tensors]
        known = self._views.get(what)
        if known is None or known[0] != places:
            views = [self._view(t, like) for t, like in zip(tensors, self.parameters, strict=True)]
            if what != "grad":  # gradients are made anew in every step
                self._keep(what, places, views, tensors)
        else:
            views = known[1]
        return joined(views)

    def rows(self) -> list[torch.Tensor]:
        """A few whole rows of each of the `matrices`: views, where that can be."""
        tensors = [self.parameters[i] for i in self.matrices]
        places = [tensor.data_ptr() for tensor in tensors]
        known = self._views.get("rows")
        if known is not None and known[0] == places:
            return known[1]
        views = [few_rows(tensor) for tensor in tensors]
        self._keep("rows", places, views, tensors)
        return views

    def _keep(
        self,
        what: str,
        places: list[int],
        views: list[torch.Tensor],
        tensors: Sequence[torch.Tensor | None],
    ) -> None:
        """Keep views for the next step; a copy (of a tensor with gaps) would stay as it is now."""
        pairs = zip(views, tensors, strict=True)
        if all(t is None or t.is_sparse or _memory(t) == _memory(view) for view, t in pairs):
            self._views[what] = places, views

    def _view(self, tensor: torch.Tensor | None, like: torch.Tensor) -> torch.Tensor:
        if tensor is not None and tensor.is_sparse:
            return few_of_sparse(tensor, like)
        if tensor is None:
            place = few(like)
            return torch.full(place.shape, float("nan"), device=place.device)
        if tensor.stride() != like.stride():
            tensor = torch.empty_like(like, dtype=tensor.dtype).copy_(tensor.detach())
        return few(tensor)


@dataclass(eq=False)
class Sheet:
    """One step of one optimizer, as numbers of lanes "K.before" and so on.

    Attributes
    ----------
    kind : the optimizer's class; `object` where there is none
    groups : the settings of each parameter as they were at the step; schedules change them after it
    received : whether each parameter had a gradient
    taken, unclipped : norm of each gradient at the step, and as backward left it
    spreads : where the `row_spread` of each of the layout's matrices lies
    """

    number: int
    kind: type
    layout: Layout
    scaled: bool
    groups: list[Mapping[str, Any]]
    lanes: set[str] = field(default_factory=set)
    steps: list[float] = field(default_factory=list)
    received: list[bool] = field(default_factory=list)
    taken: list[Norm | None] = field(default_factory=list)
    unclipped: list[Norm | None] = field(default_factory=list)
    spreads: list[Norm] = field(default_factory=list)
    finished: bool = False

    def lane(self, what: str) -> str:
        """Name of a lane of this sheet."""
        return f"{self.number}.{what}"


@dataclass
class ParameterTap:
    """Measures the optimizer steps of one observed training step.

    Attributes
    ----------
    layouts : of the optimizers seen so far, kept from step to step
    is_table : whether a parameter's rows are looked up one by one: not the units of a layer
    unscaled : whether a loss scaler may have unscaled gradients, which their versions do not tell
    """

    name_of: NameOf
    precision: Precision
    layouts: weakref.WeakKeyDictionary[Any, Layout]
    is_table: Judge = _never
    unscaled: bool = False
    sheets: list[Sheet] = field(default_factory=list)
    unclipped: dict[int, tuple[Norm, Any, int]] = field(default_factory=dict)

    def after_backward(
        self, parameters: Sequence[tuple[torch.Tensor, str]], harvest: Harvest
    ) -> None:
        """Norms of the gradients as backward left them, before anybody clips or unscales them."""
        live = [
            (gradient, name, p)
            for p, name in parameters
            if (gradient := p.grad) is not None and not hasattr(gradient, "to_local")
        ]
        norms = self._norms([(gradient, name) for gradient, name, _ in live], harvest)
        for (gradient, _, parameter), norm in zip(live, norms, strict=True):
            self.unclipped[id(parameter)] = (norm, gradient, gradient._version)

    def before_step(self, optimizer: torch.optim.Optimizer, harvest: Harvest) -> None:
        """At the optimizer's pre-hook: weights as it finds them; gradients too, unless it unscales them."""
        scaled = getattr(optimizer, "grad_scale", None) is not None
        layout = self._layout(optimizer)
        sheet = Sheet(len(self.sheets), type(optimizer), layout, scaled, _settings(layout.groups))
        self.sheets.append(sheet)
        parameters = sheet.layout.parameters
        self._before(sheet, harvest)
        if not scaled and any(parameter.grad is not None for parameter in parameters):
            self._gradients(sheet, harvest)

    def after_step(self, optimizer: torch.optim.Optimizer, harvest: Harvest) -> None:
        """At the optimizer's post-hook: what was stored, and the state that the step was made from."""
        layout = self.layouts.get(optimizer)
        sheet = next((s for s in reversed(self.sheets) if s.layout is layout), None)
        if sheet is None or sheet.finished:
            return
        sheet.finished = True
        if "grad" not in sheet.lanes:
            self._gradients(sheet, harvest)
        parameters = sheet.layout.parameters
        self._take(sheet, "after", parameters, harvest, "weights")
        states = [optimizer.state.get(parameter) or {} for parameter in parameters]
        present = {name for state in states for name in state}
        for name in STATE:
            if name not in present:
                continue
            kept = [_like(state.get(name), p) for state, p in zip(states, parameters, strict=True)]
            if any(tensor is not None for tensor in kept):
                self._take(sheet, name, kept, harvest)
        self._counts(sheet, states, harvest)

    def begin_manual(self, parameters: list[torch.Tensor], harvest: Harvest) -> Sheet:
        """A step without an optimizer begins: weights and gradients as backward left them."""
        layout = self._laid_out((parameter, {}) for parameter in parameters)
        sheet = Sheet(len(self.sheets), object, layout, False, layout.groups)
        self.sheets.append(sheet)
        self._before(sheet, harvest)
        self._gradients(sheet, harvest)
        return sheet

    def finish_manual(self, sheet: Sheet, harvest: Harvest) -> None:
        """It is over: weights as they are now."""
        sheet.finished = True
        self._take(sheet, "after", sheet.layout.parameters, harvest, "weights")

    def forget(self, sheet: Sheet, harvest: Harvest) -> None:
        """Another backward pass has come before the step: it begins there."""
        self.sheets = [known for known in self.sheets if known is not sheet]
        for what in sheet.lanes:
            harvest.lanes.pop(sheet.lane(what), None)

    def disarm(self) -> list[Sheet]:
        """Hand over the sheets of this step."""
        sheets, self.sheets = self.sheets, []
        return [sheet for sheet in sheets if sheet.finished and sheet.layout.parameters]

    # -- taking -----------------------------------------------------------------------------------

    def _layout(self, optimizer: torch.optim.Optimizer) -> Layout:
        """The optimizer's layout, made anew where its parameters are no longer the same."""
        pairs = [(p, group) for group in optimizer.param_groups for p in group["params"]]
        made_of = [(id(p), p.requires_grad) for p, _ in pairs]
        known = self.layouts.get(optimizer)
        if known is None or known.made_of != made_of:
            known = self.layouts[optimizer] = self._laid_out(pairs)
            known.made_of = made_of
        return known

    def _laid_out(self, pairs: Iterable[tuple[torch.Tensor, Mapping[str, Any]]]) -> Layout:
        layout = Layout.of(pairs, self.name_of)
        layout.matrices = [
            i
            for i, parameter in enumerate(layout.parameters)
            if parameter.ndim > 1 and parameter.shape[0] > 1 and not self.is_table(parameter)
        ]
        return layout

    def _before(self, sheet: Sheet, harvest: Harvest) -> None:
        """The weights that a step begins from."""
        self._take(sheet, "before", sheet.layout.parameters, harvest, "weights")
        with torch.no_grad():
            sheet.spreads = take_spreads(sheet.layout.rows(), harvest.lane("spread"))

    def _gradients(self, sheet: Sheet, harvest: Harvest) -> None:
        """Gradients as the optimizer takes them: norms anew only where they changed since backward."""
        layout = sheet.layout
        gradients = [parameter.grad for parameter in layout.parameters]
        known = [self.unclipped.get(id(parameter)) for parameter in layout.parameters]
        sheet.received = [gradient is not None for gradient in gradients]
        sheet.unclipped = [before[0] if before is not None else None for before in known]
        sheet.taken = [None] * len(gradients)
        anew: list[int] = []
        for i, (gradient, before) in enumerate(zip(gradients, known, strict=True)):
            if gradient is None:
                continue
            same = before is not None and before[1] is gradient and not self.unscaled
            if same and before is not None and before[2] == gradient._version:
                sheet.taken[i] = before[0]
            else:
                anew.append(i)
        if anew:
            norms = self._norms([(gradients[i], layout.names[i]) for i in anew], harvest)
            for i, norm in zip(anew, norms, strict=True):
                sheet.taken[i] = norm
        self._take(sheet, "grad", gradients, harvest)

    def _take(
        self,
        sheet: Sheet,
        what: str,
        tensors: Sequence[torch.Tensor | None],
        harvest: Harvest,
        kept_as: str = "",
    ) -> None:
        """Copy the sampled elements of all tensors into one lane."""
        lane = harvest.lane(sheet.lane(what))
        with torch.no_grad():
            for part in sheet.layout.copy(kept_as or what, tensors):
                lane.take(part)
        sheet.lanes.add(what)

    def _norms(self, gradients: Sequence[tuple[Any, str]], harvest: Harvest) -> list[Norm]:
        """Take the norm of each gradient, in as few calls as there are devices and precisions."""
        lane = harvest.lane("norms")
        found: list[Norm] = [(0, 0)] * len(gradients)
        groups: dict[tuple[Any, ...], list[tuple[int, torch.Tensor]]] = {}
        with torch.no_grad():
            for i, (gradient, name) in enumerate(gradients):
                values = gradient.detach()
                if values.is_sparse:  # repeated indices are summed first
                    values = values.coalesce().values()
                if values.is_complex() or not values.numel():
                    found[i] = lane.take(torch.linalg.vector_norm(values).double()), 0
                    continue
                wide = self.precision.wide(name, "norm") or values.dtype == torch.float64
                groups.setdefault((values.device, wide), []).append((i, values))
            for (_, wide), pieces in groups.items():
                dtype = torch.float64 if wide else torch.float32
                norms = torch._foreach_norm([values for _, values in pieces], 2, dtype)
                number = lane.take(torch.stack(norms))
                for k, (i, _) in enumerate(pieces):
                    found[i] = number, k
        return found

    def _counts(self, sheet: Sheet, states: list[Any], harvest: Harvest) -> None:
        """How often each parameter was stepped, where the optimizer counts."""
        counts = [state.get("step") for state in states]
        there = [c for c in counts if isinstance(c, torch.Tensor) and c.device.type != "cpu"]
        if there:
            harvest.lane(sheet.lane("step")).take(torch.stack([t.reshape(()) for t in there]))
            return
        sheet.steps = [float(count) if count is not None else float("nan") for count in counts]


def total_norm(parameters: Iterable[torch.Tensor]) -> float | None:
    """Norm of all gradients together; None where some are sparse, spread, or on an accelerator."""
    gradients = [gradient.detach() for p in parameters if (gradient := p.grad) is not None]
    if not gradients or any(g.is_sparse or g.device.type != "cpu" for g in gradients):
        return None
    if any(hasattr(gradient, "to_local") for gradient in gradients):
        return None
    norms = torch._foreach_norm(gradients, 2, torch.float32)
    return float(torch.linalg.vector_norm(torch.stack(norms), dtype=torch.float64))


def _settings(groups: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Copies of groups, one for each that there is; a tensor on an accelerator is not waited for."""
    copies: dict[int, Mapping[str, Any]] = {}
    for group in groups:
        if id(group) not in copies:
            copies[id(group)] = {
                name: float(value)
                if isinstance(value, torch.Tensor) and value.device.type == "cpu"
                else value
                for name, value in group.items()
                if name != "params"
            }
    return [copies[id(group)] for group in groups]


def _memory(tensor: torch.Tensor) -> int:
    """Where the memory begins that a tensor is a part of."""
    return tensor.untyped_storage().data_ptr()


def _like(value: Any, parameter: torch.Tensor) -> torch.Tensor | None:
    if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
        return value
    return None
