"""`clinometer run` within the bounds of a trial: the first recording may do no more than any of them.

    python -m clinometer.treatment.record_first_guarded BYTES FOLDER [FOLDER ...] -- ARGUMENTS OF clinometer

BYTES of private memory, 0 for no limit; FOLDERs that the script may write to. What it wrote elsewhere would
be the user's own: the checkpoint of last week, under the same name.
"""

from __future__ import annotations

import resource
import runpy
import sys

from clinometer.treatment.trial import writes


def refuse(path: str) -> None:
    """The script hears of it where it writes: what was recorded so far is kept."""
    raise PermissionError(writes.refused(path))


def main() -> None:
    """Set the bounds, then run."""
    at = sys.argv.index("--")
    (limit, *folders), sys.argv[1:] = sys.argv[1:at], sys.argv[at + 1 :]
    if int(limit):
        _soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (int(limit), hard))
    writes.guard(writes.allowed(folders), refuse)
    runpy.run_module("clinometer", run_name="__main__")


if __name__ == "__main__":
    main()
