"""Batches of a script's DataLoaders joined on their way: the same rows in the same order, more at once."""

from __future__ import annotations

import gc
import weakref
from typing import Any

from torch.utils.data.dataloader import _BaseDataLoaderIter

from clinometer.treatment.remedy import NotApplicable


def joined(batches: int) -> None:
    """Every DataLoader hands out so many of its batches as one; what is left of a pass is dropped.

    A loop that is under way goes on with larger batches. A pass of fewer batches is handed out whole.

    Raises
    ------
    NotApplicable : where no DataLoader that makes batches is being read.
    """
    reading = [one for one in gc.get_objects() if issubclass(type(one), _BaseDataLoaderIter)]
    if not any(one._auto_collation for one in reading):
        raise NotApplicable(
            "no DataLoader was being read, and the batches that a script cuts itself cannot be "
            "joined from outside; set the batch size in the script"
        )
    original: Any = _BaseDataLoaderIter._next_index
    whole: Any = weakref.WeakSet()  # iterators that have handed out a batch of full size

    def next_index(self: Any) -> Any:
        rows = original(self)  # its end is the end of the pass
        if not self._auto_collation or not isinstance(rows, list):
            return rows
        rows = list(rows)
        for _ in range(1, batches):
            try:
                rows += original(self)
            except StopIteration:
                if self in whole:
                    raise
                return rows
        whole.add(self)
        return rows

    _BaseDataLoaderIter._next_index = next_index  # type: ignore[method-assign]
