"""Compiled networks: what their layers do, seen by running the same batch once more, eagerly.

Hooks must never meet a compiled graph: added later they never fire, and there at compilation they are
compiled in, or cost a compilation a step. So on an observed step the batch that the compiled network
was given goes through it again without compilation, the gradient that reached its output is propagated
back, and all of that is thrown away but what was measured. Buffers, plain attributes and the
random state are put back. It costs about one eager step, and the budget counts it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from clinometer.attach.networks import Networks
from clinometer.taps.handles import numbered_apart
from clinometer.taps.layers import first_tensor

if TYPE_CHECKING:
    from clinometer.attach.look import Look

Guard = Callable[[Callable[..., None]], Callable[..., None]]


@dataclass(eq=False)
class _Call:
    """One call of a compiled network in an observed step."""

    root: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    gradient: torch.Tensor | None = None


@dataclass
class Probe:
    """Keeps what compiled networks were given, and runs them once more.

    Attributes
    ----------
    eager_seen : whether a backward pass was seen that met no compiled code
    """

    guard: Guard
    networks: Networks
    eager_seen: bool = False
    notes: list[str] = field(default_factory=list)
    _calls: list[_Call] = field(default_factory=list)
    _handles: list[Any] = field(default_factory=list)

    def arm(self, roots: list[nn.Module]) -> None:
        """Listen, from outside, to the calls of compiled networks."""
        for root in roots:
            inside = [
                name for name, m in root.named_modules() if m is not root and self._is_part(m)
            ]
            if inside:
                self._say(f"{', '.join(inside[:4])}: compiled, its layers were not observed")
            if not self.networks.is_compiled(root):
                continue
            outer = [c for c in self.networks.callers if getattr(c, "_orig_mod", None) is root]
            hook = self.guard(partial(self._called, root))
            with numbered_apart():
                for module in outer or [root]:
                    handle = module.register_forward_hook(hook, with_kwargs=True)
                    self._handles.append(handle)

    def _is_part(self, module: nn.Module) -> bool:
        return self.networks.is_compiled(module)

    def _called(self, root: nn.Module, module: nn.Module, args: Any, kwargs: Any, out: Any) -> None:
        first = first_tensor(out)
        if not torch.is_grad_enabled() or first is None or first.grad_fn is None:
            return
        if _has_hooks(root):
            self._say(f"{type(root).__name__}: compiled and hooked by the script, so not run again")
            return
        call = _Call(root, args, kwargs)
        self._calls = [known for known in self._calls if known.root is not root]
        self._calls.append(call)
        with numbered_apart():
            self._handles.append(first.register_hook(self.guard(partial(_keep, call))))

    def run(self, look: Look) -> None:
        """Before the optimizer moves the weights: each kept call once more, eagerly."""
        for call in self._calls:
            if call.gradient is None:
                continue
            name = type(call.root).__name__
            self._say(f"{name} is compiled: its layers were observed by running batches once more")
            with _undisturbed(call.root), torch.compiler.set_stance("force_eager"):
                self._again(call, look)
        self._calls = []

    def _again(self, call: _Call, look: Look) -> None:
        root = call.root
        look.layers.arm(self.networks.leaves(root))
        with torch.enable_grad():
            out = first_tensor(root(*call.args, **call.kwargs))
            if out is None or out.grad_fn is None or call.gradient is None:
                return
            if out.shape != call.gradient.shape:
                return
            look.flow.look([out.grad_fn])
            wanted = [p for p in root.parameters() if p.requires_grad]
            torch.autograd.grad(out, wanted, call.gradient, allow_unused=True)

    def release(self) -> None:
        """Take every hook off and let the batches go."""
        for handle in self._handles:
            handle.remove()
        self._handles, self._calls = [], []

    def _say(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def _keep(call: _Call, gradient: torch.Tensor) -> None:
    call.gradient = gradient.detach()


def _has_hooks(root: nn.Module) -> bool:
    """Hooks of the script's own: they would notice a second run."""
    names = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return any(
        getattr(module, name) for module in root.modules() if module is not root for name in names
    )


@contextlib.contextmanager
def _undisturbed(root: nn.Module) -> Iterator[None]:
    """Put back buffers, plain attributes and the random state of every device afterwards."""
    modules = list(root.modules())
    held = [dict(module._buffers) for module in modules]
    buffers = [buffer for kept in held for buffer in kept.values() if buffer is not None]
    values = [buffer.detach().clone() for buffer in buffers]
    attributes = [(module, dict(vars(module))) for module in modules]
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            for (module, before), kept in zip(attributes, held, strict=True):
                vars(module).clear()
                vars(module).update(before)
                module._buffers.clear()
                module._buffers.update(kept)
            with torch.no_grad():
                for buffer, value in zip(buffers, values, strict=True):
                    if not torch.equal(buffer, value):
                        buffer.copy_(value)
