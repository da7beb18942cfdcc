"""Make `schema4.clino`, once: `python tests/golden/make_schema4.py tests/golden/schema4.clino`.

Every kind of site, 20 steps, an observation every 4th, an event, labels, and two evaluation passes.
Numbers tell their place (see `store_truth.row` and `store_truth.scalars`); losses of steps 10 and on are
NaN every 10th.
The file is kept as it is for ever: later versions must read it (`tests/test_store_golden.py`).
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from clinometer.records.evaluation import KEPT, Change, Evaluation
from clinometer.store.writer import Writer
from store_truth import META, row, scalars, sites

EVALUATIONS = tuple(
    Evaluation(
        step,
        "cross_entropy",
        100 + step,
        40.0,
        tuple(step + i / 64 for i in range(KEPT)),
        0.5,
        change,
    )
    for step, change in ((8, None), (16, Change(8, 0.5, 0.25, -0.5, 0.125, 4, 0.75, 0.0625)))
)


def make(path: str) -> None:
    writer = Writer(path, META)
    writer.add_sites(sites())
    for first in range(0, 20, 4):
        writer.add_observation(first, first / 8, row(first, sites()))
        writer.add_steps(first, scalars(first, 4))
    writer.add_event(7, "spike", "loss of step 7")
    writer.set_state({"labels": {"ce": {"counts": {"0": 3, "1": 2}, "classes": 2}}})
    writer.set_state({"dead_units": {"layer.0": [1, 4]}})
    writer.set_state({"evaluations": [one.to_json() for one in EVALUATIONS]})
    writer.set_meta({"ended": "normal", "exit_code": 0})
    writer.close()


if __name__ == "__main__":
    make(sys.argv[1])
