"""What a module's output went through last: a softmax, a sigmoid, or neither; and what entered it.

Seen through torch's function modes, so that `F.softmax(x)` in a forward and an `nn.Softmax` are alike, and
no hook is set on the user's modules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

LAST = {
    "softmax": "softmax",
    "sigmoid": "sigmoid",
    "expit": "sigmoid",
    "log_softmax": "log-softmax",
}
SAME_VALUES = frozenset(
    "squeeze unsqueeze view reshape flatten contiguous clone detach to float double cpu".split()
)


class LastActivation(TorchFunctionMode):
    """Remembers, for one batch, which tensors are what a softmax or a sigmoid gave."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[int, tuple[Tensor, str, Tensor]] = {}

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "")
        if isinstance(out, Tensor) and (name in LAST or name in SAME_VALUES):
            given = args[0] if args else (kwargs or {}).get("input")
            self._note(name, func, given, out, args, kwargs or {})
        return out

    def _note(
        self, name: str, func: Any, given: Any, out: Tensor, args: Any, kwargs: dict[str, Any]
    ) -> None:
        if name in LAST:
            self._seen[id(out)] = (out, LAST[name], given)
        elif id(given) in self._seen:  # another shape of the same values
            _, kind, before = self._seen[id(given)]
            self._seen[id(out)] = (out, kind, func(before, *args[1:], **kwargs))

    def of(self, output: Tensor) -> tuple[str, Tensor] | None:
        """Kind of the last activation of `output` and what entered it; None where there was neither."""
        found = self._seen.get(id(output))
        return None if found is None else found[1:]
