"""Draw the pictures of docs/confidence.md: `python docs/confidence_pictures.py` from the root of a clone.

Field data where ../shared/data is there (benchmarks/real_data.py), scikit-learn's digits for the run view.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent))

from benchmarks import real_data, run_view  # noqa: E402

import clinometer  # noqa: E402

DPI, EPOCHS = 110, 200


def main() -> None:
    """Write confidence-*.png beside this script."""
    digits = run_view.data("digits", noise=0.0, seed=0)
    course = run_view.mlp(digits, EPOCHS, seed=0)
    names = [str(epoch) for epoch in run_view.looked_at(EPOCHS)]
    view = clinometer.run_view((logits[1] for logits in course), digits.y[1], names=names)
    draw("run", clinometer.plot(view))
    print(view.sentence)
    if not real_data.DATA.exists():
        print(f"{real_data.DATA} is not there: the pictures of wells stay as they are")
        return
    wells = real_data.wells()
    whole = judged(wells, wells.whole_groups())
    for kind in ("reliability", "loss"):
        draw(kind, clinometer.plot(whole, kind))
    draw("groups", clinometer.plot(judged(wells, wells.random()), "groups"))
    print(whole.because)


def judged(wells: Any, split: Any) -> Any:
    """The MLP trained on one part of the rows, judged on the other."""
    model = real_data.fitted(real_data.mlp(), wells, split)
    return clinometer.confidence(real_data.judged(model, wells, split))


def draw(name: str, figure: Any) -> None:
    """Save one figure, without a date, so that a redrawn one is the same file."""
    figure.savefig(DOCS / f"confidence-{name}.png", dpi=DPI, metadata={"Software": None})


if __name__ == "__main__":
    main()
