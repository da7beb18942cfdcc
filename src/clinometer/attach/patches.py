"""Branches in PyTorch's own functions, put in while recording and taken out again.

Each calls the original with what it was given and hands back what that returned. Our frame is taken out
of the traceback of an exception that passes through: the user's traceback is the one that they would
have had without us. After removal a branch that somebody imported by name only passes through.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch

Undo = Callable[[], None]
Report = Callable[..., Any]


def branch(
    owner: Any, name: str, before: Report | None = None, after: Report | None = None
) -> Undo:
    """Replace `owner.name`: `before(args, kwargs)` runs first, `after(result, args)` last.

    Neither may raise (hand over guarded functions). `after` runs when the original returned.
    """
    original = (
        owner.__dict__[name] if name in getattr(owner, "__dict__", {}) else getattr(owner, name)
    )
    live = [True]

    @functools.wraps(original)
    def branched(*args: Any, **kwargs: Any) -> Any:
        if not live[0] or torch.compiler.is_compiling():
            return original(*args, **kwargs)
        if before is not None:
            before(args, kwargs)
        try:
            result = original(*args, **kwargs)
        except BaseException as error:
            if error.__traceback__ is not None:
                error.__traceback__ = error.__traceback__.tb_next
            raise
        if after is not None:
            after(result, args)
        return result

    return _installed(owner, name, branched, live)


def _installed(owner: Any, name: str, ours: Any, live: list[bool]) -> Undo:
    """Put a function of ours in its place; the undo also clears away ones that were undone before it."""
    ours.__clinometer_live__ = live
    setattr(owner, name, ours)

    def remove() -> None:
        live[0] = False
        found = getattr(owner, name)
        while getattr(found, "__clinometer_live__", [True]) == [False]:
            found = found.__wrapped__
        if found is not getattr(owner, name):
            setattr(owner, name, found)

    return remove


class BackwardTap:
    """Calls `before(tensors)` and `after()` around the outermost backward pass, `inner(tensors)` within.

    `torch.autograd.backward` is the one name that `Tensor.backward` goes through. A checkpointed segment
    runs a backward inside the backward. `quick(tensors)` says whether the others are not needed,
    and `admits()` whether this thread's passes are listened to at all.
    """

    def __init__(
        self, before: Report, after: Report, inner: Report, quick: Report, admits: Report
    ) -> None:
        self._before, self._after, self._inner = before, after, inner
        self._quick, self._admits = quick, admits
        self.depth = 0

    def install(self) -> Undo:
        """Put the branch in; returns what takes it out again."""
        original = torch.autograd.backward
        tap, live = self, [True]

        @functools.wraps(original)
        def backward(tensors: Any, *args: Any, **kwargs: Any) -> None:
            if not live[0] or not tap._admits():
                original(tensors, *args, **kwargs)
                return
            if tap.depth:
                tap._nested(original, tensors, args, kwargs)
                return
            quick = tap._quick(tensors)
            if not quick:
                tap._before(tensors)
            tap.depth = 1
            try:
                original(tensors, *args, **kwargs)
            except BaseException as error:
                if error.__traceback__ is not None:
                    error.__traceback__ = error.__traceback__.tb_next
                raise
            finally:
                tap.depth = 0
                if not quick:
                    tap._after()

        return _installed(torch.autograd, "backward", backward, live)

    def _nested(self, original: Any, tensors: Any, args: Any, kwargs: Any) -> None:
        self._inner(tensors)
        self.depth += 1
        try:
            original(tensors, *args, **kwargs)
        finally:
            self.depth -= 1
