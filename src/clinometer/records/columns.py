"""The columns of a recording: one packed float32 row a site and observation.

A column that was not measured holds NaN *and* is told apart from a measured NaN by the
non-finite counts beside it; a site that was not seen at all has `seen` = 0.
Adding a column or a kind of site raises `SCHEMA`; old recordings keep their own list.
"""

from __future__ import annotations

from dataclasses import dataclass

SCHEMA = 1


@dataclass(frozen=True)
class Column:
    """One number recorded for a site: its name, unit, and what it means."""

    name: str
    unit: str
    meaning: str


CALL = (
    Column("seen", "calls", "how often the layer ran and received a gradient in this step"),
    Column("examples", "examples", "leading size of the output, summed over the calls"),
    Column("elements", "elements", "size of the output, summed over the calls"),
    Column("in_rms", "-", "RMS of the input"),
    Column("out_rms", "-", "RMS of the output"),
    Column(
        "grad_out_rms", "loss/-", "RMS of the gradient entering the layer backwards, dC/d(output)"
    ),
    Column("grad_in_rms", "loss/-", "RMS of the gradient leaving the layer backwards, dC/d(input)"),
    Column("reach", "loss", "R: root of the sum over rows of |dC/d(output row)|^2 |input row|^2"),
    Column("saturated", "share", "unit x example whose slope is below 1 % of the peak slope"),
    Column("units", "units", "units of the activation (features or channels)"),
    Column("dead", "share", "units whose slope was zero on every example of the window"),
    Column("window", "examples", "examples in the window that `dead` speaks of"),
    Column("nonfinite_in", "elements", "NaN and Inf in the input"),
    Column("nonfinite_out", "elements", "NaN and Inf in the output"),
    Column("nonfinite_grad", "elements", "NaN and Inf in dC/d(output)"),
)

PARAMETER = (
    Column("seen", "steps", "optimizer steps measured"),
    Column("weight_rms", "-", "RMS of the weight before the step"),
    Column("grad_rms", "loss/-", "RMS of the gradient as backward left it, before clipping"),
    Column("grad_step_rms", "loss/-", "RMS of the gradient that the optimizer took"),
    Column(
        "intended_rms", "-", "RMS of the step that the optimizer's formula asks for, in float64"
    ),
    Column("decay_rms", "-", "RMS of the decoupled weight decay, apart from the step"),
    Column("stored_rms", "-", "RMS of what the weight really moved by, decay taken off"),
    Column("movable", "elements", "elements with a non-zero gradient or momentum"),
    Column("lost", "share", "movable elements whose stored bits did not change"),
    Column("zero_grad", "share", "elements whose gradient is exactly zero"),
    Column("nonfinite_grad", "elements", "NaN and Inf in the gradient"),
    Column("nonfinite_weight", "elements", "NaN and Inf in the weight after the step"),
    Column("lr", "-", "learning rate of the parameter's group"),
)

LOSS = (
    Column("seen", "terms", "loss terms that could be read from the graph"),
    Column("examples", "examples", "targets seen in this step"),
    Column("value", "nat or unit^2", "the term's own mean value, free of loss scaling"),
    Column("right", "share", "examples whose largest logit is the label's"),
)

COLUMNS = {"call": CALL, "parameter": PARAMETER, "loss": LOSS}


def names(kind: str) -> tuple[str, ...]:
    """Column names of one kind of site, in the order in which they are packed."""
    return tuple(column.name for column in COLUMNS[kind])
