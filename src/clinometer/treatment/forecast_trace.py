"""One forward and one backward pass, with the gain of every operation in between.

A mode sees each function that the forward pass calls, whether a module calls it or the user's own code.
An operation is given an alias of its input, so that the gradient which it alone hands back can be told from
that of others who read the same tensor.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

GETTERS = frozenset({"__get__", "_set_grad_enabled", "requires_grad_", "register_hook"})
INPUT = -1  # number of the model's own input among the operations


class Size:
    """Mean square of a tensor, worked out in float64 [-]; nan where it was not seen."""

    def __init__(self) -> None:
        self.square, self.elements = math.nan, 0

    def of(self, tensor: Tensor) -> None:
        wide = tensor.detach().double()
        self.square, self.elements = float(wide.square().mean()), tensor.numel()

    @property
    def decades(self) -> float:
        """log10 of the RMS; -inf for 0, nan for what is not known or not finite."""
        if not math.isfinite(self.square):
            return math.nan
        return 0.5 * math.log10(self.square) if self.square > 0 else -math.inf


@dataclass
class Operation:
    """One function of the forward pass.

    Attributes
    ----------
    name : the module that called it
    function : its name in torch
    sources : numbers of the operations whose results it reads; `INPUT` for the model's input
    arguments, options : as it was called, tensors left out (None); parameters are kept
    shape : of its result
    tensors : what it reads that is neither a parameter nor a buffer: (number, shape)
    output : size of its result; arriving: of the gradient there; handed: of what it hands back
    lengths : mean square of its first input over channels, float64 (examples, *image)
    largest : of the absolute values of its result
    """

    name: str
    kind: str
    function: str
    sources: tuple[int, ...]
    parameters: tuple[nn.Parameter, ...]
    options: dict[str, Any]
    shape: tuple[int, ...]
    source_shape: tuple[int, ...]
    output: Size = field(default_factory=Size)
    arriving: Size = field(default_factory=Size)
    handed: Size = field(default_factory=Size)
    lengths: Any = None
    largest: float = math.nan


class Tracer(TorchFunctionMode):
    """Sees every operation that reads what comes from the model's input."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.operations: list[Operation] = []
        self.model = model
        self._made: dict[int, int] = {}
        self._kept: list[Tensor] = []  # keeps ids from being given to another tensor
        self._stack: list[tuple[str, str]] = [("", type(model).__name__)]
        for name, part in model.named_modules():
            part.register_forward_pre_hook(self._entering(name, type(part).__name__), prepend=True)
            part.register_forward_hook(self._leaving, always_call=True)

    def begin(self, tensors: Sequence[Tensor]) -> None:
        """These are the model's input."""
        for tensor in tensors:
            self._made[id(tensor)] = INPUT
            self._kept.append(tensor)

    def source(self, tensor: Tensor) -> int | None:
        """Number of the operation that made a tensor."""
        return self._made.get(id(tensor))

    def _entering(self, name: str, kind: str) -> Callable[..., None]:
        def enter(*_: Any) -> None:
            self._stack.append((name, kind))

        return enter

    def _leaving(self, *_: Any) -> None:
        self._stack.pop()

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        name = getattr(func, "__name__", str(func))
        given = [t for t in tensors_in((args, options)) if id(t) in self._made]
        if name in GETTERS or not given:
            return func(*args, **options)
        sources = tuple(dict.fromkeys(self._made[id(t)] for t in given))
        owned = tuple(t for t in tensors_in((args, options)) if isinstance(t, nn.Parameter))
        in_place = bool(options.get("inplace")) or (name.endswith("_") and not name.endswith("__"))
        handed = Size()
        source_shape, lengths = tuple(given[0].shape), _lengths(given[0])
        passed = (args, options)
        if not in_place and given[0].requires_grad and given[0].is_floating_point():
            alias = given[0].view_as(given[0])
            alias.register_hook(handed.of)
            passed = replaced(passed, given[0], alias)
        result = func(*passed[0], **passed[1])
        made = [t for t in tensors_in(result) if t.is_floating_point()]
        if not made:
            return result
        number = len(self.operations)
        module, kind = self._stack[-1]
        one = Operation(
            name=module, kind=kind, function=name, sources=sources, parameters=owned,
            options=_settings(args, options), shape=tuple(made[0].shape), source_shape=source_shape,
            handed=handed, lengths=lengths,
        )  # fmt: skip
        one.output.of(made[0])
        one.largest = float(made[0].detach().abs().max()) if made[0].numel() else math.nan
        if made[0].requires_grad:
            made[0].register_hook(one.arriving.of)
        self.operations.append(one)
        for tensor in tensors_in(result):
            self._made[id(tensor)] = number
            self._kept.append(tensor)
        return result


def _settings(args: Sequence[Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments that are no tensors, by position or name."""
    by_place = {str(k): value for k, value in enumerate(args)}
    return {
        name: value
        for name, value in (by_place | dict(options)).items()
        if not isinstance(value, Tensor)
    }


def _lengths(tensor: Tensor) -> Any:
    """Mean square over channels (dimension 1), float64 (examples, *image)."""
    if not tensor.is_floating_point() or tensor.ndim < 2:
        return None
    return tensor.detach().double().square().mean(dim=1).cpu().numpy()


def tensors_in(what: Any) -> Iterator[Tensor]:
    """Every tensor in tuples, lists, mappings and dataclass-like outputs."""
    if isinstance(what, Tensor):
        yield what
    elif isinstance(what, Mapping):
        for value in what.values():
            yield from tensors_in(value)
    elif isinstance(what, list | tuple):
        for value in what:
            yield from tensors_in(value)


def replaced(what: Any, old: Tensor, new: Tensor) -> Any:
    """The same structure with one tensor replaced wherever it stands."""
    if what is old:
        return new
    if isinstance(what, dict):
        return {key: replaced(value, old, new) for key, value in what.items()}
    if type(what) in {list, tuple}:
        return type(what)(replaced(value, old, new) for value in what)
    return what
