"""One call of a root, operation by operation: which reads which, and where each was called.

The call runs without gradients and leaves streams and buffers as they were (`Patient.run`); hooks are taken
off again. A fused function of torch (attention, a recurrent cell) is one operation.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from clinometer.treatment.forecast_trace import GETTERS, tensors_in
from clinometer.treatment.remedy import NotApplicable

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient

INPUT = -1  # number of what the call was given
TURNED = frozenset({"t", "T", "mT", "transpose", "permute", "swapaxes"})  # a weight, turned round
_TENSOR: Any = torch.Tensor  # its stubs do not say that attributes are getters
TURNERS = (_TENSOR.T.__get__, _TENSOR.mT.__get__)
OURS = (str(Path(torch.__file__).parent), str(Path(__file__).parent))


class Site(NamedTuple):
    """A place in the program: the innermost module by name, the function, file and line of the call."""

    module: str
    function: str
    file: str
    line: int


class Weight(NamedTuple):
    """A matrix or kernel that an operation multiplies by: stored as (out, in, ...) or, turned, (in, out)."""

    parameter: nn.Parameter
    turned: bool


@dataclass(eq=False)
class Op:
    """One function of the forward pass.

    Attributes
    ----------
    module : the innermost module that called it; parents: the modules around it, outermost first
    function : its name in torch
    sources : numbers of the operations that it reads; `INPUT` for the call's input
    site : where it was called; count: how often this place was reached before
    given, result : its first tensor and what it made, without gradients
    weights, biases : parameters that it multiplies by, and that it adds
    live : whether its result comes to an output of the call, or was written in place
    """

    number: int
    module: nn.Module
    parents: tuple[nn.Module, ...]
    function: str
    sources: tuple[int, ...]
    site: Site
    count: int
    call: tuple[Any, tuple[Any, ...], dict[str, Any]]
    given: Tensor | None
    result: Tensor
    weights: tuple[Weight, ...]
    biases: tuple[nn.Parameter, ...]
    readers: list[int] = field(default_factory=list)
    live: bool = True


@dataclass
class Trace:
    """Operations in the order of the call, and the modules that ran, each as often as it ran."""

    ops: list[Op] = field(default_factory=list)
    ran: list[nn.Module] = field(default_factory=list)
    output: tuple[int, ...] = ()

    def times(self, module: nn.Module) -> int:
        """How often a module was called."""
        return sum(one is module for one in self.ran)


def trace(patient: Patient) -> Trace:
    """The patient's call, operation by operation.

    Raises
    ------
    NotApplicable : where no call was seen, it fails, or shapes are left to it.
    """
    lazy = nn.parameter.UninitializedParameter
    if any(isinstance(p, lazy) for root in patient.roots for p in root.parameters()):
        raise NotApplicable(
            "layers take their shapes from the first batch, which they have not seen"
        )
    if patient.call is None:
        raise NotApplicable("no forward pass of the network was seen")
    seeing = _Seeing(patient.call.module)
    try:
        seeing.follow()
        seeing.begin(tensors_in((patient.call.args, patient.call.kwargs)))
        with seeing:
            output = patient.run()
    finally:
        seeing.unfollow()
    made = seeing.made
    seeing.trace.output = tuple(made[id(t)] for t in _found(output) if id(t) in made)
    _mark_live(seeing.trace)
    return seeing.trace


def _mark_live(found: Trace) -> None:
    """Where no output is known, all stay live; a view that is written in place changes what it is of."""
    if not found.output:
        return
    live = {number for number in found.output if number != INPUT}
    for op in reversed(found.ops):
        op.live = op.number in live or op.function.endswith("_") or bool(op.call[2].get("inplace"))
        if op.live:
            live.update(source for source in op.sources if source != INPUT)


class Placing(TorchFunctionMode):
    """Sees the functions of a root's call, and knows where each is called.

    stack : the modules that are running, the root first
    """

    def __init__(self, root: nn.Module) -> None:
        super().__init__()
        self.stack = [root]
        self._names = {id(part): name for name, part in root.named_modules()}
        self._counts: dict[Site, int] = {}
        self._hooks: list[Any] = []

    def follow(self) -> None:
        """From now on, know which module runs."""
        root = self.stack[0]
        for part in root.modules():
            if part is not root:
                self._hooks.append(part.register_forward_pre_hook(self.enter, prepend=True))
                self._hooks.append(part.register_forward_hook(self.leave, always_call=True))

    def unfollow(self) -> None:
        """Take the hooks off again."""
        for hook in self._hooks:
            hook.remove()

    def enter(self, module: nn.Module, *_: Any) -> None:
        """A module begins to run."""
        self.stack.append(module)

    def leave(self, *_: Any) -> None:
        """It has run."""
        self.stack.pop()

    def place(self, name: str) -> tuple[Site, int]:
        """Where a function is being called, and how often it was called there before."""
        site = Site(self._names.get(id(self.stack[-1]), ""), name, *user_line(self.stack[0]))
        count = self._counts.get(site, 0)
        self._counts[site] = count + 1
        return site, count


class _Seeing(Placing):
    def __init__(self, root: nn.Module) -> None:
        super().__init__(root)
        self.trace = Trace(ran=[root])
        self.made: dict[int, int] = {}
        self._turned: dict[int, nn.Parameter] = {}
        self._kept: list[Any] = []  # keeps ids from being given to another tensor

    def begin(self, tensors: Any) -> None:
        for tensor in tensors:
            self.made[id(tensor)] = INPUT
            self._kept.append(tensor)

    def enter(self, module: nn.Module, *_: Any) -> None:
        super().enter(module)
        self.trace.ran.append(module)

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        name = named(func)
        given = [t for t in tensors_in((args, options)) if not isinstance(t, nn.Parameter)]
        result = func(*args, **options)
        if name in GETTERS and name != "__get__":
            return result
        self._turn(name, func, args, result)
        made = [t for t in tensors_in(result) if t.is_floating_point()]
        if not made or id(made[0]) in self._turned:
            return result
        if name == "__get__" and not any(id(t) in self.made for t in given):
            return result
        self._add(name, (func, args, options), given, made)
        return result

    def _turn(self, name: str, func: Any, args: Any, result: Any) -> None:
        turning = name in TURNED or (name == "__get__" and func in TURNERS)
        if turning and args and isinstance(args[0], nn.Parameter):
            self._turned[id(result)] = args[0]
            self._kept.append(result)

    def _add(self, name: str, call: Any, given: list[Tensor], made: list[Tensor]) -> None:
        module, number = self.stack[-1], len(self.trace.ops)
        site, count = self.place(name)
        sources = tuple(dict.fromkeys(self.made[id(t)] for t in given if id(t) in self.made))
        weights, biases = self._owned(name, module, call)
        self.trace.ops.append(
            Op(
                number, module, tuple(self.stack), name, sources, site, count, call,
                next((t for t in given if id(t) in self.made), None), made[0], weights, biases,
            )
        )  # fmt: skip
        for source in sources:
            if source != INPUT:
                self.trace.ops[source].readers.append(number)
        for tensor in made:
            self.made[id(tensor)] = number
        self._kept.append((call, made))

    def _owned(self, name: str, module: nn.Module, call: Any) -> Any:
        """Weights that an operation multiplies by and biases that it adds."""
        tensors = list(tensors_in(call[1:]))
        if name in MAPS:
            own = getattr(module, "weight", None)
            weights = [
                Weight(t, False) for t in tensors if isinstance(t, nn.Parameter) and t.ndim > 1
            ]
            if not weights and isinstance(module, WEIGHTED) and isinstance(own, Tensor):
                weights = [Weight(own, False)]  # type: ignore[arg-type]  # parametrized: worked out
        elif name in PRODUCTS:
            weights = [
                Weight(t, True) for t in tensors if isinstance(t, nn.Parameter) and t.ndim > 1
            ]
            weights += [
                Weight(self._turned[id(t)], False) for t in tensors if id(t) in self._turned
            ]
        else:
            weights = []
        adds = name in MAPS | PRODUCTS | SUMS
        biases = [t for t in tensors if adds and isinstance(t, nn.Parameter) and t.ndim == 1]
        return tuple(weights), tuple(biases)


WEIGHTED = (nn.Linear, nn.modules.conv._ConvNd)
MAPS = frozenset(
    {
        "linear",
        "conv1d",
        "conv2d",
        "conv3d",
        "conv_transpose1d",
        "conv_transpose2d",
        "conv_transpose3d",
    }
)
PRODUCTS = frozenset(
    {"matmul", "__matmul__", "__rmatmul__", "mm", "bmm", "addmm", "baddbmm", "einsum"}
)
SUMS = frozenset({"add", "__add__", "__radd__", "add_", "__iadd__"})


def named(func: Callable[..., Any]) -> str:
    """A function's name in torch."""
    return str(getattr(func, "__name__", func))


def user_line(root: nn.Module) -> tuple[str, int]:
    """File and line of the nearest frame within the root's call that is neither torch's nor ours.

    ("", 0) where there is none: who calls the root, training or evaluation, is no matter.
    """
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(OURS):
        called = frame.f_code.co_name == "_call_impl" and frame.f_locals.get("self") is root
        if called:
            return "", 0
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def _found(output: Any) -> list[Tensor]:
    """Tensors of an output, also of a dataclass or an object with attributes."""
    found = list(tensors_in(output))
    if not found and hasattr(output, "__dict__"):
        found = list(tensors_in(vars(output)))
    return found
