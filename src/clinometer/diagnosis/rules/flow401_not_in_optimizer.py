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
TWICE = 2  # observations: one alone cannot show that nothing moves


@RULE.check
def check(
    recording: Recording, wiring: list[Parameter], fault: str, limits: Mapping[str, float]
) -> Iterator[Sign]:
    """Yield one sign for each layer with such parameters."""
    if not any(parameter.was_owned for parameter in wiring):
        raise NotJudged("no optimizer that owns a parameter was seen")
    untrained = {p.layer for p in wiring if p.untrained}
    for parameter in wiring:
        if not _forgotten(parameter):
            continue
        fresh = parameter.layer in untrained
        yield Sign(
            layer=parameter.layer or parameter.name,
            cause="not in an optimizer",
            size=float(parameter.size) * (1.0 if fresh else 1e-6),
            evidence=(
                Evidence("owned by an optimizer", 0.0, 1.0, "yes or no", parameter.seen),
                Evidence("received a gradient", 1.0, None, "yes or no", parameter.seen),
            ),
            explanation=(
                f"No optimizer owns {parameter.name}: it gets a gradient in every step and never "
                "moves. " + _scope(wiring)
            ),
            severity=fault if fresh else "note",
        )


def _forgotten(parameter: Parameter) -> bool:
    return (
        parameter.trainable
        and parameter.received
        and not parameter.was_owned
        and parameter.moved is False
        and parameter.zero is not True
        and parameter.seen >= TWICE
    )


def _scope(wiring: list[Parameter]) -> str:
    idle = [p for p in wiring if _forgotten(p)]
    share = sum(p.size for p in idle) / max(sum(p.size for p in wiring if p.trainable), 1)
    return (
        f"{len(idle)} tensors ({share:.0%} of the trainable elements) are in this state. If that is "
        "meant, set requires_grad to False."
    )
