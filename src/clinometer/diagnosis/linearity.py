"""Between which weight layers nothing bends: the graph read for what is not linear."""

from __future__ import annotations

from dataclasses import dataclass

from clinometer.diagnosis.paths import Network
from clinometer.records.recording import Recording

# Modules and autograd nodes that are linear (or affine) in the signal that passes through them.
LINEAR_CLASSES = frozenset(
    "Dropout Dropout1d Dropout2d Dropout3d AlphaDropout Flatten Unflatten Identity AvgPool1d AvgPool2d "
    "AvgPool3d AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d Upsample PixelShuffle "
    "ZeroPad1d ZeroPad2d BatchNorm1d BatchNorm2d BatchNorm3d".split()
)
LINEAR_NODES = frozenset(
    "AddBackward0 AddBackward1 SubBackward0 NegBackward0 DivBackward0 MeanBackward0 MeanBackward1 "
    "SumBackward0 SumBackward1 ViewBackward0 UnsafeViewBackward0 ReshapeAliasBackward0 TBackward0 "
    "TransposeBackward0 PermuteBackward0 SqueezeBackward0 SqueezeBackward1 UnsqueezeBackward0 "
    "CloneBackward0 ExpandBackward0 SelectBackward0 SliceBackward0 CatBackward0 StackBackward0 "
    "ConstantPadNdBackward0 ToCopyBackward0 NativeDropoutBackward0 AvgPool2DBackward0".split()
)


@dataclass(frozen=True)
class Pair:
    """Two weight layers with nothing but linear operations between them.

    `narrow`: the signal between them has fewer units than both its sides, as a factorised map has.
    `grouped`: one of them is a grouped (depthwise) convolution.
    """

    below: str
    above: str
    narrow: bool
    grouped: bool


def linear_pairs(recording: Recording) -> tuple[list[Pair], int, bool]:
    """(pairs, number of weight layers, whether anything at all in the network bends)."""
    network = Network(recording)
    weights = [i for i in network.weight_layers() if not _recurrent(network, i)]
    pairs = [pair for i in weights if (pair := _pair(network, i)) is not None]
    bends = any(
        not _linear(network, i) and network.role(i) != "weight"
        for i in range(len(network.calls))
        if not network.calls[i].facts.get("output")
    )
    return pairs, len(weights), bends


def _recurrent(network: Network, call: int) -> bool:
    return bool(network.calls[call].facts.get("recurrent"))


def _pair(network: Network, above: int) -> Pair | None:
    here = network.parent(above)
    seen = {above}
    while here is not None and here not in seen and network.role(here) != "weight":
        if not _linear(network, here) or len(network.children[here]) > 1:
            return None
        seen.add(here)
        here = network.parent(here)
    if here is None or here in seen or len(network.children[here]) > 1:
        return None
    below_facts, above_facts = network.calls[here].facts, network.calls[above].facts
    if "fan_out" not in below_facts or "fan_in" not in above_facts:
        return None
    between = float(below_facts["fan_out"])
    ends = float(below_facts["fan_in"]), float(above_facts["fan_out"])
    return Pair(
        network.calls[here].name,
        network.calls[above].name,
        between < min(ends),
        bool(below_facts.get("groups") or above_facts.get("groups")),
    )


def _linear(network: Network, call: int) -> bool:
    facts = network.calls[call].facts
    if network.role(call) in {"join", "fork"}:
        return set(facts.get("operations", [])) <= LINEAR_NODES
    if facts.get("class") in LINEAR_CLASSES:
        return True
    operations = facts.get("operations", [])
    return bool(operations) and set(operations) <= LINEAR_NODES
