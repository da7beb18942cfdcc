"""The columns of a recording: one packed float32 row a site and observation.

A column that was not measured holds NaN *and* is told apart from a measured NaN by the
non-finite counts beside it; a site that was not seen at all has `seen` = 0.
Adding a column or a kind of site raises `SCHEMA`; an old recording brings its own list, and what
that lacks reads as "not measured".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import nan
from typing import Literal

SCHEMA = 4

# How the rows of several data-parallel ranks become one. "mean" and "rms" are weighted by the
# examples that each rank saw; "gradient" is an rms of a gradient of the rank's own mean loss, of which
# the ranks' average has 1/world; "reach" the root of a sum of such squares; "same" takes rank 0's.
Merge = Literal["same", "sum", "mean", "rms", "gradient", "reach", "least"]


@dataclass(frozen=True)
class Column:
    """One number recorded for a site: its name, unit, what it means, and how ranks are merged."""

    name: str
    unit: str
    meaning: str
    merge: Merge = "same"


CALL = (
    Column("seen", "calls", "how often the layer ran and received a gradient in this step"),
    Column("examples", "examples", "leading size of the output, summed over the calls", "sum"),
    Column("elements", "elements", "size of the output, summed over the calls", "sum"),
    Column("sampled", "elements", "how many of these the root mean squares were taken of", "sum"),
    Column("in_rms", "-", "RMS of the input", "rms"),
    Column("out_rms", "-", "RMS of the output", "rms"),
    Column(
        "grad_out_rms",
        "loss/-",
        "RMS of the gradient entering the layer backwards, dC/d(output)",
        "gradient",
    ),
    Column(
        "grad_in_rms",
        "loss/-",
        "RMS of the gradient leaving the layer backwards, dC/d(input)",
        "gradient",
    ),
    Column("grad_p10", "loss/-", "10th percentile over examples of the RMS of dC/d(output)"),
    Column("grad_p50", "loss/-", "median over examples of the RMS of dC/d(output)"),
    Column("grad_p90", "loss/-", "90th percentile over examples of the RMS of dC/d(output)"),
    Column(
        "reach",
        "loss",
        "R: root of the sum over rows of |dC/d(output row)|^2 |input row|^2",
        "reach",
    ),
    Column("nonfinite_in", "elements", "NaN and Inf in the input", "sum"),
    Column("nonfinite_out", "elements", "NaN and Inf in the output", "sum"),
    Column("nonfinite_grad", "elements", "NaN and Inf in dC/d(output)", "sum"),
    Column("training", "0 or 1", "whether the module was in training mode"),
    Column(
        "underflow",
        "share",
        "non-zero elements of a float16 dC/d(output) that are subnormal: zeros are not far",
        "mean",
    ),
)

INPUT = (
    Column("seen", "calls", "how often the network was given this input in the step"),
    Column("examples", "examples", "examples (rows, pixels) that were looked at", "sum"),
    Column("features", "features", "features (channels) of the input"),
    Column("constant", "share", "features that have one value on all these examples", "mean"),
    Column("offset", "-", "RMS over the features of a feature's mean", "rms"),
    Column("spread", "-", "RMS over the features of a feature's standard deviation", "rms"),
    Column("largest", "-", "standard deviation of the feature that varies most", "mean"),
    Column("middle", "-", "median over the features of the standard deviation", "mean"),
)

ACTIVATION = (
    Column("seen", "calls", "calls measured in this step"),
    Column("examples", "examples", "examples of the step that were looked at", "sum"),
    Column(
        "saturated", "share", "unit x example whose slope is below 1 % of the peak slope", "mean"
    ),
    Column("units", "units", "units of the activation (features or channels)"),
    Column("dead", "share", "units whose slope was zero on every example of the window", "least"),
    Column("window", "examples", "examples in the window that `dead` speaks of", "sum"),
)

PARAMETER = (
    Column("seen", "steps", "optimizer steps measured"),
    Column("trainable", "0 or 1", "whether the parameter requires a gradient"),
    Column("owned", "0 or 1", "whether an optimizer owns it, stepped or not"),
    Column("received", "0 or 1", "whether it had a gradient"),
    Column("sampled", "elements", "elements that the weight and step columns were taken of"),
    Column("weight_rms", "-", "RMS of the weight before the step"),
    Column("grad_rms", "loss/-", "RMS of the gradient as backward left it, loss scale taken off"),
    Column("grad_step_rms", "loss/-", "RMS of the gradient that the optimizer took"),
    Column(
        "intended_rms", "-", "RMS of the step that the optimizer's formula asks for, in float64"
    ),
    Column("decay_rms", "-", "RMS of the decoupled weight decay, apart from the step"),
    Column("stored_rms", "-", "RMS of what the weight really moved by, decay taken off"),
    Column("movable", "share", "sampled elements with a non-zero gradient or momentum"),
    Column("lost", "share", "movable elements whose stored bits did not change"),
    Column("zero_grad", "share", "sampled elements whose gradient is exactly zero"),
    Column("floored", "share", "sampled elements whose Adam denominator is mostly epsilon"),
    Column("nonfinite_grad", "elements", "NaN and Inf in the gradient"),
    Column("nonfinite_weight", "elements", "NaN and Inf among the sampled weights after the step"),
    Column("lr", "-", "learning rate of the parameter's group"),
    Column("called", "0 or 1", "whether its layer ran, with gradients wanted, since the last step"),
    Column(
        "ran", "0 or 1", "whether its layer ran at all since the last step, gradients wanted or not"
    ),
    Column(
        "left_over",
        "0 or 1",
        "whether every backward pass of the step found a gradient of an earlier step in place",
    ),
    Column(
        "row_spread",
        "-",
        "RMS deviation of the units' weights from their mean unit / RMS of the weights",
    ),
    Column(
        "scale_slope", "loss", "<dC/dw, w>: change of the loss with the log of the weight's size"
    ),
    Column("scale_step", "-", "<w, step at the observation before>: the part along the weight"),
    Column(
        "carried",
        "loss",
        "<dC/dw, step at the observation before>: the loss that such a step changes, told by other rows",
    ),
)

LOSS = (
    Column("seen", "terms", "loss terms that could be read from the graph"),
    Column("examples", "examples", "targets seen in this step", "sum"),
    Column("value", "nat or unit^2", "the term's own mean value, free of loss scaling", "mean"),
    Column("right", "share", "examples whose largest logit is the label's", "mean"),
    Column(
        "wrong_gradient",
        "share",
        "share of |dC/d(logits)|^2 that comes from examples that are wrong",
        "mean",
    ),
    Column("claimed_error", "share", "mean of 1 - the largest probability, over some rows", "mean"),
)

BRANCH = (
    Column("seen", "calls", "how often the branch handed a gradient back in this step"),
    Column("grad_rms", "loss/-", "RMS of the gradient that this branch hands back", "gradient"),
    Column("share", "-", "its norm over the norm of the sum of all branches", "mean"),
    Column("cosine", "-", "cosine of the angle to the sum of all branches", "mean"),
)

ATTENTION = (
    Column("seen", "calls", "calls measured in this step"),
    Column("queries", "queries", "queries (over heads and examples) that were looked at", "sum"),
    Column("keys", "keys", "keys that a query chooses among"),
    Column("entropy", "nat", "mean entropy of the attention weights of a query", "mean"),
    Column("entropy_least", "nat", "mean entropy of the head with the least", "least"),
    Column("largest_logit", "-", "largest attention logit"),
)

LAGS = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512)  # steps back in time

RECURRENCE = (
    Column("seen", "calls", "passes through time measured in this step"),
    Column("length", "steps", "time steps of the sequence"),
    *(
        Column(
            f"lag_{lag}",
            "loss/-",
            f"RMS of the gradient {lag} steps before the last one that has any",
            "gradient",
        )
        for lag in LAGS
    ),
)

COLUMNS = {
    "call": CALL,
    "input": INPUT,
    "activation": ACTIVATION,
    "parameter": PARAMETER,
    "loss": LOSS,
    "branch": BRANCH,
    "attention": ATTENTION,
    "recurrence": RECURRENCE,
}

# What is kept of every optimizer step, as float64; NaN where it was not seen.
STEP = (
    Column("time_s", "s", "seconds since the recorder started, at the end of the step"),
    Column("loss", "loss", "sum of the losses propagated back, loss scale taken off", "mean"),
    Column("loss_seen", "0 or 1", "whether a scalar loss was propagated back in the step"),
    Column("passes", "passes", "backward passes in the step"),
    Column("grad_norm", "loss/-", "norm of all gradients before clipping, where it was cheap"),
    Column("clip", "-", "factor by which clipping shortened the gradient; 1 is none"),
    Column("scale", "-", "loss scale (AMP)"),
    Column("skipped", "0 or 1", "whether a loss scaler skipped the step"),
    Column("lr", "-", "learning rate of the first parameter group"),
)


@cache
def names(kind: str) -> tuple[str, ...]:
    """Column names of one kind of site, in the order in which they are packed."""
    return tuple(column.name for column in COLUMNS[kind])


def packed(kind: str, values: Mapping[str, float]) -> list[float]:
    """A row of one kind in its order; what is missing was not measured."""
    return [values.get(name, nan) for name in names(kind)]
