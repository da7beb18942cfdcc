"""A living training run in a trial process, at the moment of its treatment.

The process is ours and ends with the trial, so everything in it may be changed: hooks stay, attributes are
set, functions of torch are replaced. Only the script's random streams are left alone, so that every arm sees
the same batches: what a remedy draws, it draws from `generator`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import MethodType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from clinometer.treatment.forecast_copy import streams_kept

StepOf = Callable[..., Any]


class Call(NamedTuple):
    """One call of a root module by the script."""

    module: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Layer(NamedTuple):
    """A module without children, where it hangs, and under which qualified name."""

    name: str
    module: nn.Module
    parent: nn.Module
    key: str


@dataclass(eq=False)
class Patient:
    """What a remedy may look at and change.

    Attributes
    ----------
    roots : networks whose parameters the optimizers have, and optimizers, both in the order of their making
    finding : the finding that is treated, as in `report --json`
    facts : of the recording: "steps", "no_information" (nat or squared units, or None), "loss" (name of
        the loss term, as "cross_entropy"), "ledger" (layer -> factors in decades), "best_pass" (step of the
        best evaluation pass, or None), "temperature" and "label_smoothing" that the pass nearest to the end
        of the trial has earned, where it was seen
    call : the latest call of a root with gradients on: at a start, the one that is about to run
    generator : what a remedy draws from, seeded by the trial's seed
    quietly : runs something whose calls of networks are not the script's
    steps_changed : whether a call of an optimizer's step does something else now
    """

    roots: list[nn.Module]
    optimizers: list[Optimizer]
    finding: Mapping[str, Any]
    facts: Mapping[str, Any]
    call: Call | None
    generator: torch.Generator
    quietly: Callable[[Callable[[], Any]], Any] = field(default=lambda act: act())
    steps_changed: bool = False
    loss_changes: list[Callable[[Tensor], Tensor]] = field(default_factory=list)

    # -- looking -------------------------------------------------------------------------------------

    def layers(self) -> list[Layer]:
        """Modules without children in the order of the call; without a call, of registration."""
        listed = [layer for root in self.roots for layer in leaves(root)]
        if self.call is None:
            return listed
        order: dict[int, int] = {}

        def met(
            module: nn.Module, _args: Any
        ) -> None:  # whatever else it returned would be the input
            order.setdefault(id(module), len(order))

        hooks = [layer.module.register_forward_pre_hook(met) for layer in listed]
        try:
            self.run()
        finally:
            for hook in hooks:
                hook.remove()
        ran = [layer for layer in listed if id(layer.module) in order]
        return sorted(ran, key=lambda layer: order[id(layer.module)])

    def run(self) -> Any:
        """The output of the call, without gradients; streams, buffers and gradients stay as they are.

        Raises
        ------
        NotApplicable : where no call was seen or it fails.
        """
        from clinometer.treatment.remedy import NotApplicable

        if self.call is None:
            raise NotApplicable("no forward pass of the network was seen")
        root, args, kwargs = self.call
        with _buffers_kept(root):
            try:
                with streams_kept(), torch.no_grad():
                    return self.quietly(lambda: root(*args, **kwargs))
            except NotApplicable:
                raise
            except Exception as error:
                raise NotApplicable(
                    f"the network could not be run once more ({type(error).__name__})"
                ) from error

    def owner(self, parameter: Tensor) -> tuple[Optimizer, dict[str, Any]] | None:
        """The optimizer and the group that have a parameter; None where none has it."""
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                if any(parameter is one for one in group["params"]):
                    return optimizer, group
        return None

    # -- changing the step ---------------------------------------------------------------------------

    def before_step(self, act: Callable[[Optimizer], None]) -> None:
        """Before every step of every optimizer, when gradients are there and unscaled."""

        def step(optimizer: Optimizer, original: StepOf, *args: Any, **kwargs: Any) -> Any:
            act(optimizer)
            return original(*args, **kwargs)

        self.around_step(step)

    def after_step(self, act: Callable[[Optimizer], None]) -> None:
        """After every step of every optimizer."""

        def step(optimizer: Optimizer, original: StepOf, *args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            act(optimizer)
            return result

        self.around_step(step)

    def around_step(self, act: Callable[..., Any]) -> None:
        """In place of `optimizer.step(...)`: `act(optimizer, original, *args, **kwargs)`.

        A call of `original` is the step as it was; an act may call it not at all or later. To a scheduler,
        made before or after, each call is a step of the optimizer.
        """
        self.steps_changed = True
        for optimizer in self.optimizers:
            optimizer.step = _stepping(optimizer, optimizer.step, act)  # type: ignore[method-assign]

    def around_zero_grad(self, act: Callable[..., Any]) -> None:
        """In place of `optimizer.zero_grad(...)` and `module.zero_grad(...)`: `act(owner, original, ...)`."""
        owners: list[Any] = [*self.optimizers, *self.roots]
        for one in owners:
            one.zero_grad = partial(act, one, one.zero_grad)

    def on_loss(self, change: Callable[[Tensor], Tensor]) -> None:
        """Every loss on its way into `backward` is replaced by what `change` makes of it."""
        if not self.loss_changes:
            self.replace(torch.autograd, "backward", self._changing)
        self.loss_changes.append(change)

    def _changing(self, original: Callable[..., Any], tensors: Any, *args: Any, **kw: Any) -> Any:
        several = isinstance(tensors, tuple | list)
        found = list(tensors) if several else [tensors]
        for change in self.loss_changes:
            found = [change(one) for one in found]
        return original(found if several else found[0], *args, **kw)

    # -- changing the network ------------------------------------------------------------------------

    def swap(self, old: nn.Module, new: nn.Module) -> None:
        """Put a module in another's place, with its mode, device and type; its parameters are adopted."""
        like = next(old.parameters(), None)
        if like is None:
            like = next((p for root in self.roots for p in root.parameters()), None)
        if like is not None:
            new.to(device=like.device, dtype=like.dtype if like.is_floating_point() else None)
        new.train(old.training)
        for root in self.roots:
            for parent in list(root.modules()):
                for key, child in list(parent._modules.items()):
                    if child is old:
                        parent._modules[key] = new
        gone = {id(p) for p in old.parameters()} - {id(p) for p in new.parameters()}
        self.adopt(new.parameters(), like)
        self.disown(gone)

    def adopt(self, parameters: Iterable[Tensor], like: Tensor | None = None) -> list[Tensor]:
        """Give parameters that no optimizer has to the one that has `like` (else the first); those taken."""
        from clinometer.treatment.remedy import NotApplicable

        if not self.optimizers:
            raise NotApplicable("no optimizer was seen")
        fresh = [p for p in parameters if p.requires_grad and self.owner(p) is None]
        if not fresh:
            return []
        known = self.owner(like) if like is not None else None
        group = known[1] if known else self.optimizers[0].param_groups[0]
        _extend(group, fresh)
        return fresh

    def disown(self, gone: set[int]) -> None:
        """Take parameters, by identity, out of the optimizers."""
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["params"] = [p for p in group["params"] if id(p) not in gone]

    # -- changing functions --------------------------------------------------------------------------

    def replace(self, owner: Any, name: str, act: Callable[..., Any]) -> None:
        """In place of `owner.name(...)`: `act(original, *args, **kwargs)`."""
        setattr(owner, name, partial(act, getattr(owner, name)))

    @contextmanager
    def streams_kept(self) -> Iterator[None]:
        """Draws inside (of a new module) come from `generator`; the script's streams are put back."""
        seed = int(torch.randint(2**62, (), generator=self.generator))
        with streams_kept():
            torch.manual_seed(seed)
            yield


@contextmanager
def _buffers_kept(root: nn.Module) -> Iterator[None]:
    """Running statistics and other buffers are put back, the tensors and what they hold."""
    kept = [
        (module, key, buffer, buffer.clone())
        for module in root.modules()
        for key, buffer in module._buffers.items()
        if buffer is not None
    ]
    try:
        yield
    finally:
        with torch.no_grad():
            for module, key, buffer, before in kept:
                module._buffers[key] = buffer
                buffer.copy_(before)


def _stepping(optimizer: Optimizer, original: StepOf, act: Callable[..., Any]) -> StepOf:
    """A step as a bound method that has been counted: what schedulers of torch look for."""

    def step(self: Any, *args: Any, **kwargs: Any) -> Any:
        self._opt_called = True
        return act(self, original, *args, **kwargs)

    step._wrapped_by_lr_sched = True  # type: ignore[attr-defined]
    return MethodType(step, optimizer)


def _extend(group: dict[str, Any], fresh: list[Tensor]) -> None:
    """Parameters join a group that is there: schedulers have one rate for each, and take no further one."""
    group["params"] = [*group["params"], *fresh]
    if "param_names" in group:
        names = [f"adopted.{id(one)}" for one in fresh]
        group["param_names"] = [*group["param_names"], *names]


def leaves(root: nn.Module) -> list[Layer]:
    """Modules without children, each once, in order of registration."""
    found: list[Layer] = []
    seen: set[int] = set()
    for name, module in root.named_modules():
        for key, child in module._modules.items():
            if child is None or child._modules or id(child) in seen:
                continue
            seen.add(id(child))
            found.append(Layer(f"{name}.{key}" if name else key, child, module, key))
    if not root._modules:
        found.append(Layer("", root, root, ""))
    return found
