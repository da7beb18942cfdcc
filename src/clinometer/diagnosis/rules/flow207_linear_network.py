"""Linear network: between the weight layers nothing bends, so that they are one linear layer.

Sees      Two or more linear or convolution layers in a row with only linear operations between them.
Matters   However deep, the product of linear maps is a linear map: the network can only draw a plane.
Not this  A map that is factorised on purpose: the signal between is narrower than both sides (LoRA, a
          linear autoencoder); depthwise convolutions followed by pointwise ones; one such pair in a
          network that bends elsewhere (a note, unless the run is stuck).
Limits    none: the order of operations is a fact.
Source    Minsky & Papert (1969), Perceptrons; Saxe et al. (2014), ICLR, on deep linear networks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from clinometer.diagnosis.linearity import Pair
from clinometer.diagnosis.rule import Evidence, Rule, Sign

RULE = Rule(
    code="FLOW207",
    name="linear-network",
    reads=("linear", "fault", "state"),
    limits={},
    remedies=("add-nonlinearity",),
    blame=21,
    explains=("FLOW502",),
)


@RULE.check
def check(
    linear: tuple[list[Pair], int, bool], fault: str, state: str, limits: Mapping[str, float]
) -> Iterator[Sign]:
    """Yield one sign for each pair of layers that are one."""
    pairs, weights, bends = linear
    pairs = [pair for pair in pairs if not pair.narrow and not pair.grouped]
    whole = bool(pairs) and not bends
    for pair in pairs:
        yield Sign(
            layer=pair.below,
            cause="no nonlinearity",
            size=float(whole),
            evidence=(
                Evidence("pairs of layers without a nonlinearity between them", float(len(pairs)),
                         0.0, f"of {weights} weight layers", len(pairs)),
            ),
            explanation=(
                f"Nothing bends between the layers {pair.below} and {pair.above}: together they are one "
                "linear map."
                + (" Nor does anything else in the network: it can only draw a plane." if whole else "")
            ),
            severity=fault if whole else "note",
        )  # fmt: skip
