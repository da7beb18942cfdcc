"""One branch in `torch.autograd.backward`, which `Tensor.backward` calls too: sees the loss.

Our frame is taken out of the traceback of an exception that passes through, so that the user's
traceback is the one that they would have had without us.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch


class BackwardTap:
    """Calls `before(tensors)` and `after()` around the outermost backward pass."""

    def __init__(self, before: Callable[[Any], None], after: Callable[[], None]) -> None:
        self._before, self._after = before, after
        self._depth = 0

    def install(self) -> Callable[[], None]:
        """Put the branch in; returns what takes it out again."""
        original = torch.autograd.backward

        @functools.wraps(original)
        def backward(tensors: Any, *args: Any, **kwargs: Any) -> None:
            self._enter(tensors)
            try:
                original(tensors, *args, **kwargs)
            except BaseException as error:
                if error.__traceback__ is not None:
                    error.__traceback__ = error.__traceback__.tb_next
                raise
            finally:
                self._leave()

        torch.autograd.backward = backward  # the only name that Tensor.backward goes through
        backward_tap = self

        def remove() -> None:
            if torch.autograd.backward is backward:
                torch.autograd.backward = original
            backward_tap._before, backward_tap._after = _nothing, _nothing

        return remove

    def _enter(self, tensors: Any) -> None:
        self._depth += 1
        if self._depth == 1:  # a checkpointed segment runs a backward inside the backward
            self._before(tensors)

    def _leave(self) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._after()


def _nothing(*_: Any) -> None:
    """What an uninstalled tap calls, where somebody kept our function."""
