"""No optimizer step: gradients are made, and no optimizer ever uses them.

Sees      Backward passes in a run in which an optimizer exists and none was stepped, while no weight moves.
Matters   The loss may wander with the batches; nothing is learned.
Not this  Weights that the script moves by hand; gradients that are wanted for themselves (no optimizer
          exists).
Limits    none: a count.
Source    `torch.optim.Optimizer.step`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from clinometer.diagnosis.rule import Evidence, NotJudged, Rule, Sign
from clinometer.diagnosis.wiring import Parameter
from clinometer.records.recording import Recording

RULE = Rule(
    code="FLOW406",
    name="no-optimizer-step",
    reads=("recording", "wiring"),
    limits={"passes": 2},
    remedies=("step-optimizer",),
    blame=1,
    explains=(
        "FLOW301", "FLOW302", "FLOW502", "FLOW401", "FLOW201", "FLOW403", "FLOW101", "FLOW102", "FLOW203",
        "FLOW205", "FLOW206",
    ),
)  # fmt: skip


@RULE.check
def check(
    recording: Recording, wiring: list[Parameter], limits: Mapping[str, float]
) -> Iterator[Sign]:
    """Yield one sign for the run."""
    existing = recording.meta.get("optimizers")
    if existing is None:
        raise NotJudged("which optimizers exist was not recorded")
    if not existing or recording.meta.get("stepped") or recording.steps < limits["passes"]:
        return
    if any(parameter.moved for parameter in wiring):
        return
    yield Sign(
        layer="",
        cause="optimizer never stepped",
        size=float("inf"),
        evidence=(
            Evidence("optimizer steps", 0.0, 1.0, "steps", recording.steps),
            Evidence("backward passes", float(recording.steps), None, "passes", recording.steps),
        ),
        explanation=(
            f"backward() was called {recording.steps} times, and step() of the "
            f"{'optimizer' if existing == 1 else f'{existing} optimizers'} never: no weight moved."
        ),
        severity="error",
    )
