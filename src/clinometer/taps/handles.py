"""Hooks of ours are numbered apart: the script's own get the numbers that they would have without us.

PyTorch numbers hooks by one counter (`RemovableHandle.next_id`), and a module that is pickled carries
the numbers of its hooks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch.utils.hooks import RemovableHandle

_ours = 1 << 60  # far from anything the script will reach


@contextmanager
def numbered_apart() -> Iterator[None]:
    """Within this block hooks are numbered from a range of our own."""
    global _ours  # noqa: PLW0603 - one counter for the process, as PyTorch's is
    theirs = RemovableHandle.next_id
    RemovableHandle.next_id = _ours
    try:
        yield
    finally:
        _ours = RemovableHandle.next_id
        RemovableHandle.next_id = theirs
