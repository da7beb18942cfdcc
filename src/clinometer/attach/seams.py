"""Where else PyTorch tells what is going on: loss scaling, clipping, compiling, packing, new optimizers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.utils import clip_grad

from clinometer.attach.arrival import when_imported
from clinometer.attach.patches import Undo, branch

if TYPE_CHECKING:
    from clinometer.attach.recorder import Recorder


def install_seams(recorder: Recorder) -> list[Undo]:
    """Put the branches in; returns what takes them out again."""
    guard = recorder.guard  # a script's main thread may do these for a thread that trains
    return [
        when_imported("torch._dynamo", keep_out),
        *_scaler(recorder),
        *_clipping(recorder),
        branch(
            torch, "compile", before=guard(lambda args, kwargs: _compile(recorder, args, kwargs))
        ),
        branch(
            torch.autograd.graph.saved_tensors_hooks,
            "__enter__",
            before=guard(lambda _args, _kwargs: recorder.packs()),
        ),
        branch(
            torch.nn.parallel.DistributedDataParallel,
            "__init__",
            after=guard(lambda _result, _args: recorder.networks.parallel_found()),
        ),
        branch(
            torch.optim.Optimizer,
            "__init__",
            after=guard(lambda _result, args: recorder.owned(args[0])),
        ),
    ]


def keep_out() -> None:
    """Tell the compiler to step over our frames, as it does over PyTorch's own."""
    from torch._dynamo import trace_rules

    trace_rules.add("clinometer")


def _compile(recorder: Recorder, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    recorder.evaluations.end("torch.compile was called")
    target = args[0] if args else kwargs.get("model")
    if target is not None:  # else it is used as a decorator, and comes back with the function
        recorder.compiled(target)


def _scaler(recorder: Recorder) -> list[Undo]:
    """GradScaler: the scale of the loss, and the steps that it leaves out."""
    scaler, seen = torch.amp.grad_scaler.GradScaler, _Scaled()
    guard = recorder.guard.mine

    def scale(_result: Any, args: tuple[Any, ...]) -> None:
        if args[0].is_enabled():
            recorder.pulse.note_scale(args[0]._scale)

    def unscaled(_result: Any, _args: tuple[Any, ...]) -> None:
        recorder.unscaled = True

    def before(_args: tuple[Any, ...], _kwargs: dict[str, Any]) -> None:
        seen.stepped = recorder.clock.steps

    def after(_result: Any, args: tuple[Any, ...]) -> None:
        if args[0].is_enabled() and recorder.clock.steps == seen.stepped:
            recorder.skipped(args[1])

    return [
        branch(scaler, "scale", after=guard(scale)),
        branch(scaler, "unscale_", after=guard(unscaled)),
        branch(scaler, "step", before=guard(before), after=guard(after)),
    ]


class _Scaled:
    """The state of the recorder when a scaled step began."""

    stepped = 0


def _clipping(recorder: Recorder) -> list[Undo]:
    """The total norm that clipping works out anyway, and by how much it shortened the gradient."""
    guard = recorder.guard.mine

    def after(result: Any, _args: tuple[Any, ...]) -> None:
        if not isinstance(result, torch.Tensor) or hasattr(result, "to_local"):
            return
        if result.device.type == "cpu":
            recorder.clipped(float(result))

    def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        recorder.limit = float("nan")
        order = kwargs.get("norm_type", args[2] if len(args) > 2 else 2.0)
        limit = kwargs.get("max_norm", args[1] if len(args) > 1 else None)
        if limit is not None and float(order) == 2.0:
            recorder.limit = float(limit)

    hooks: tuple[Callable[..., None], Callable[..., None]] = (guard(before), guard(after))
    return [branch(owner, "clip_grad_norm_", *hooks) for owner in (clip_grad, torch.nn.utils)]
