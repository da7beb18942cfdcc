"""What stands where in a traced call: which activation follows a layer, and which lie between layers."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from clinometer.treatment.forecast_activations import ACTIVATIONS
from clinometer.treatment.network.trace import INPUT, PRODUCTS, SUMS, Op, Trace

PASSING = frozenset(
    {
        "view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "transpose", "permute",
        "contiguous", "movedim", "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout",
        "feature_alpha_dropout", "avg_pool1d", "avg_pool2d", "avg_pool3d", "max_pool1d", "max_pool2d",
        "max_pool3d", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "boolean_dispatch",
        "fn", "mean", "float", "to", "__getitem__", "expand", "clone", "detach", "interpolate", "upsample",
        "pixel_shuffle", "pad", "__get__",
    }
)  # fmt: skip
NORMS = frozenset(
    {"batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm", "local_response_norm"}
)
NORM_MODULES = (
    nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.LocalResponseNorm, nn.RMSNorm,
)  # fmt: skip
MULTIPLIED = frozenset({"mul", "__mul__", "__rmul__", "mul_", "__imul__"})
RECTIFYING = frozenset(
    {"relu", "relu_", "relu6", "leaky_relu", "leaky_relu_", "gelu", "silu", "elu", "elu_", "selu", "mish",
     "prelu", "rrelu", "softplus", "hardswish", "threshold", "clamp_min", "celu", "hardshrink"}
)  # fmt: skip
BENT = frozenset(ACTIVATIONS) | RECTIFYING | {"softmax", "log_softmax", "glu", "hardtanh_"}


def onward(trace: Trace, op: Op, passing: frozenset[str] = PASSING) -> list[Op]:
    """The operations that an operation's result reaches first, through those that only pass it on.

    What comes to no output is left out: `F.relu(x)` whose result is not assigned does nothing.
    """
    found: list[Op] = []
    ahead, seen = list(op.readers), set()
    while ahead:
        number = ahead.pop(0)
        if number in seen:
            continue
        seen.add(number)
        one = trace.ops[number]
        if not one.live:
            continue
        if one.function in passing or (one.function in SUMS and one.biases):
            ahead += one.readers
        else:
            found.append(one)
    return found


def after(trace: Trace, op: Op) -> Op | None:
    """The first operation that is no pass-on and no normalisation; of several, the first activation."""
    ahead = onward(trace, op, PASSING | NORMS)
    return next((one for one in ahead if one.function in BENT), ahead[0] if ahead else None)


def normalised(trace: Trace, op: Op) -> bool:
    """Whether a normalisation reads the result, through nothing but what passes it on."""
    return any(one.function in NORMS for one in onward(trace, op))


def reaches_weights(trace: Trace) -> set[int]:
    """Numbers of the operations whose result feeds a weight of a later operation."""
    found: set[int] = set()
    for op in reversed(trace.ops):
        if any(one in found or is_map(trace.ops[one]) for one in op.readers):
            found.add(op.number)
    return found


def is_map(op: Op) -> bool:
    """Whether an operation multiplies by weights: a layer, a home-made product, a cell, an attention."""
    fused = op.function == "multi_head_attention_forward" or isinstance(
        op.module, nn.RNNBase | nn.RNNCellBase
    )
    return bool(op.weights) or fused


def maps(trace: Trace) -> list[Op]:
    """Operations with weights of their own, in the order of the call."""
    return [op for op in trace.ops if op.weights]


def is_gate(trace: Trace, op: Op) -> bool:
    """Whether the result only weighs another tensor: a gate, whose bounds are meant."""
    return any(
        trace.ops[one].function in MULTIPLIED and len(trace.ops[one].sources) > 1
        for one in op.readers
    )


def bends_between(trace: Trace) -> Iterator[Op]:
    """Activations between layers: a weight reads on from them, and they are no gates."""
    inside = reaches_weights(trace)
    for op in trace.ops:
        if op.function in BENT and op.number in inside and not is_gate(trace, op):
            yield op


def hidden(trace: Trace) -> Iterator[tuple[Op, Op]]:
    """Each weight between others with what follows it: an activation, or the next weight."""
    inside = reaches_weights(trace)
    for op in maps(trace):
        follower = after(trace, op)
        if op.number not in inside or follower is None or joins(op):
            continue
        if follower.function in BENT or follower.weights:
            yield op, follower


def joins(op: Op) -> bool:
    """Whether an operation multiplies two results of the network, as attention does."""
    return op.function in PRODUCTS and len([s for s in op.sources if s != INPUT]) > 1
