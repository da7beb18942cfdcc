"""Not in the optimizer: a parameter gets gradients, and nothing ever moves it.

Sees      Parameters that require a gradient and receive one, that no optimizer owned at any time, and
          whose stored bits never changed.
Matters   Every backward pass pays for a gradient that is thrown away; the layer stays random.
Not this  Frozen layers (they require no gradient); a layer that an optimizer trained earlier in the
          run; weights that some other code moves (averages, target networks); weights that do not look
          like a fresh initialisation, whose owner may want them as they are (then this is a note).
Limits    none: sets of identities. Untrained: uniform within the bound of a usual
          initialisation, its largest element near the bound.
Source    pytorch/pytorch#14467; facebookresearch/mmf#104.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from clinometer.diagnosis.rule import Evidence, NotJudged, Rule, Sign
from clinometer.diagnosis.wiring import Parameter
from clinometer.records.recording import Recording

RULE = Rule(
    code="FLOW401",
    name="not-in-optimizer",
    reads=("recording", "wiring", "fault"),
    limits={},
    remedies=("own-parameters",),
    blame=5,
    explains=("FLOW302", "FLOW502", "FLOW201", "FLOW503"),
)
EXCHANGED = "#"  # the recorder numbers a tensor whose name another one had before
TWICE = 2  # observations: one alone cannot show that nothing moves


@RULE.check
def check(
    recording: Recording, wiring: list[Parameter], fault: str, limits: Mapping[str, float]
) -> Iterator[Sign]:
    """Yield one sign for each layer with such parameters."""
    if not any(parameter.was_owned for parameter in wiring):
        raise NotJudged("no optimizer that owns a parameter was seen")
    idle = [parameter for parameter in wiring if _forgotten(parameter)]
    wanted = _wanted(idle)
    for parameter in idle:
        meant = parameter.layer not in wanted
        yield Sign(
            layer=parameter.layer or parameter.name,
            cause="not in an optimizer",
            size=float(parameter.size) * (1e-6 if meant else 1.0),
            evidence=(
                Evidence("owned by an optimizer", 0.0, 1.0, "yes or no", parameter.seen),
                Evidence("received a gradient", 1.0, None, "yes or no", parameter.seen),
            ),
            explanation=(
                f"No optimizer owns {parameter.name}: it gets a gradient in every step and never moves. "
                + _scope(idle, wiring)
            ),
            severity="note" if meant else fault,
        )


def _wanted(idle: list[Parameter]) -> set[str]:
    """Layers that were surely meant to train: untrained, or put in after the optimizer was made.

    Of layers that do not tell (no weight of a known kind) none, where others here were trained before.
    """
    fresh = {p.layer for p in idle if p.untrained or EXCHANGED in p.name}
    trained = {p.layer for p in idle if p.untrained is False and EXCHANGED not in p.name}
    if fresh or not trained:
        return {p.layer for p in idle} - trained | fresh
    return set()


def _forgotten(parameter: Parameter) -> bool:
    return (
        parameter.trainable
        and parameter.received
        and not parameter.was_owned
        and parameter.moved is False
        and parameter.zero is not True
        and parameter.seen >= TWICE
    )


def _scope(idle: list[Parameter], wiring: list[Parameter]) -> str:
    share = sum(p.size for p in idle) / max(sum(p.size for p in wiring if p.trainable), 1)
    exchanged = (
        "It was put in after the optimizer had been made, in the place of another. "
        if any(EXCHANGED in p.name for p in idle)
        else ""
    )
    return (
        f"{exchanged}{len(idle)} tensors ({share:.0%} of the trainable elements) are in this state. If "
        "that is meant, set requires_grad to False."
    )
