"""Functions exchanged where a root calls them: by place in the script, so that modules and names stay."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from clinometer.treatment.network.trace import Op, Placing, Site, Trace, named

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient

Change = Callable[..., Any]  # change(original, *args, **kwargs)


@dataclass(eq=False)
class Plan:
    """Which calls are exchanged: every call of a place, or of a mixed place those of these counts."""

    change: Change
    sites: dict[Site, set[int] | None]
    functions: set[str] = field(default_factory=set)


def planned(trace: Trace, chosen: list[Op], change: Change) -> Plan:
    """A plan for the chosen operations; where all of a place were chosen, however often it is reached."""
    sites: dict[Site, set[int] | None] = {}
    for site in {op.site for op in chosen}:
        counts = {op.count for op in chosen if op.site == site}
        there = {op.count for op in trace.ops if op.site == site}
        sites[site] = None if counts == there else counts
    return Plan(change, sites, {site.function for site in sites})


def whole(trace: Trace, chosen: list[Op]) -> list[nn.Module]:
    """Modules whose every call was chosen, in the order of the call."""
    modules = dict.fromkeys(op.module for op in chosen)
    return [
        module for module in modules if all(op in chosen for op in trace.ops if op.module is module)
    ]


def take_out(
    patient: Patient, trace: Trace, chosen: list[Op], serves: Callable[[nn.Module], bool]
) -> None:
    """The chosen calls give back what they are given; modules that only serve so become nn.Identity."""
    for module in whole(trace, chosen):
        if serves(module) and module not in patient.roots:
            patient.swap(module, nn.Identity())
            chosen = [op for op in chosen if op.module is not module]
    if chosen:
        exchange(patient, planned(trace, chosen, _as_given))


def _as_given(_original: Any, tensor: Tensor, *_args: Any, **_options: Any) -> Tensor:
    return tensor


def exchange(patient: Patient, plan: Plan) -> None:
    """From now on, each forward pass of the called root takes the changed functions."""
    assert patient.call is not None
    root = patient.call.module
    here: list[_Exchanging] = []

    def begin(module: nn.Module, _args: Any) -> None:
        mode = _Exchanging(module, plan)
        mode.open()
        here.append(mode)

    def end(*_: Any) -> None:
        if here:
            here.pop().close()

    root.register_forward_pre_hook(begin)
    root.register_forward_hook(end, always_call=True)


class _Exchanging(Placing):
    def __init__(self, root: nn.Module, plan: Plan) -> None:
        super().__init__(root)
        self._plan = plan
        self.follow()

    def open(self) -> None:
        self._within = contextlib.ExitStack()
        self._within.enter_context(self)

    def close(self) -> None:
        self.unfollow()
        self._within.close()

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        name = named(func)
        if name not in self._plan.functions:
            return func(*args, **options)
        site, count = self.place(name)
        if site not in self._plan.sites:
            return func(*args, **options)
        counts = self._plan.sites[site]
        if counts is not None and count not in counts:
            return func(*args, **options)
        return self._plan.change(func, *args, **options)
