"""From operations to layers: what each passes on, and the chain that theory can follow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clinometer.records.forecast import Row
from clinometer.theory.chain import (
    Activated,
    ChainForecast,
    Dropped,
    Flattened,
    Link,
    WeightMap,
    chain_forecast,
)
from clinometer.theory.drawn import unlike_drawn
from clinometer.theory.sigmoid import Array
from clinometer.treatment.forecast_activations import ACTIVATIONS, known_activation
from clinometer.treatment.forecast_trace import INPUT, Operation

CONVOLUTIONS = {"conv1d": 1, "conv2d": 2, "conv3d": 3}
SHAPING = frozenset({"flatten", "view", "reshape", "squeeze", "contiguous", "view_as"})
DROPPING = frozenset({"dropout", "dropout1d", "dropout2d", "dropout3d", "feature_dropout"})


def is_layer(one: Operation) -> bool:
    """Whether it reads a weight matrix."""
    return any(parameter.ndim > 1 for parameter in one.parameters)


@dataclass(frozen=True)
class Chain:
    """The plain chain from the input on, as far as it goes.

    links : of the operations from the first on, one each; None for those that change nothing
    why : why it ends before the output; "" where it does not
    """

    links: tuple[Link | None, ...]
    why: str

    @property
    def present(self) -> list[Link]:
        return [link for link in self.links if link is not None]


def chain_of(operations: Sequence[Operation]) -> Chain:
    """What theory can follow: linear maps and convolutions with drawn weights, and known activations."""
    readers = [0] * len(operations)
    for one in operations:
        for source in one.sources:
            if source != INPUT:
                readers[source] += 1
    links: list[Link | None] = []
    for number, one in enumerate(operations):
        alone = one.sources == ((number - 1) if number else INPUT,)
        if not alone or (number and readers[number - 1] != 1):
            return Chain(tuple(links), f"paths part or meet at {place(one)}")
        link = link_of(one, width=one.shape[1] if len(one.shape) > 1 else 1)
        if isinstance(link, str):
            return Chain(tuple(links), link)
        links.append(link)
    return Chain(tuple(links), "")


def place(one: Operation) -> str:
    """An operation for a sentence."""
    return f"{one.name or one.kind} ({one.function})"


def link_of(one: Operation, width: int) -> Link | str | None:
    """The link, None where nothing changes, or why theory does not speak of it."""
    if one.function in ACTIVATIONS:
        known = known_activation(one)
        if known is None:
            return f"theory knows no {one.function} with these options, at {place(one)}"
        units = one.shape[-1] if len(one.shape) == 2 else width
        return Activated(known, units)
    if one.function in SHAPING:
        return _shaped(one)
    if one.function in DROPPING:
        return _dropped(one)
    if one.function != "linear" and one.function not in CONVOLUTIONS:
        return f"theory does not speak of {one.function}, at {place(one)}"
    return _weight_map(one)


def _shaped(one: Operation) -> Link | str | None:
    if one.shape == one.source_shape:
        return None
    if len(one.shape) == 2 and one.shape[0] == one.source_shape[0]:
        return Flattened()
    return f"theory does not follow the change of shape at {place(one)}"


def _dropped(one: Operation) -> Link | None:
    options = one.options
    training = options.get("training", options.get("train", options.get("2", True)))
    share = float(options.get("p", options.get("1", 0.5)))
    return Dropped(1.0 - share) if training and 0 < share < 1 else None


def _weight_map(one: Operation) -> Link | str:
    weight = next((p for p in one.parameters if p.ndim > 1), None)
    if weight is None:
        return f"the weight of {place(one)} is computed, not drawn"
    values = weight.detach().double().cpu().numpy()
    why = unlike_drawn(values.reshape(len(values), -1))
    if why:
        return f"the weight of {place(one)} does not look drawn: {why}"
    biases = [p.detach().double() for p in one.parameters if p.ndim == 1]
    bias = float(biases[0].square().mean()) if biases else 0.0
    variance = float(np.mean(values**2))
    if one.function == "linear":
        if len(one.shape) != 2:
            return f"theory is not told of linear maps over positions, at {place(one)}"
        return WeightMap(variance, bias, values.shape[1], values.shape[0])
    return _convolution(one, values, variance, bias)


def _convolution(one: Operation, weight: Array, variance: float, bias: float) -> Link | str:
    many = CONVOLUTIONS[one.function]
    if len(one.source_shape) != many + 2:
        return f"the input of {place(one)} has no batch dimension"

    def option(name: str, position: str, default: int) -> tuple[int, ...] | str:
        value = one.options.get(name, one.options.get(position, default))
        if isinstance(value, str):
            return value
        sizes = tuple(value) if isinstance(value, list | tuple) else (int(value),)
        return sizes * many if len(sizes) == 1 else sizes

    kernel = tuple(weight.shape[2:])
    stride, padding = option("stride", "3", 1), option("padding", "4", 0)
    dilation = option("dilation", "5", 1)
    groups = int(one.options.get("groups", one.options.get("6", 1)))
    if padding == "valid":
        padding = (0,) * many
    elif padding == "same":
        reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        if any(size % 2 for size in reach):
            return f"theory does not follow the lopsided padding of {place(one)}"
        padding = tuple(size // 2 for size in reach)
    assert not isinstance(stride, str)
    assert not isinstance(padding, str)
    assert not isinstance(dilation, str)
    return WeightMap(
        variance,
        bias,
        weight.shape[1],
        weight.shape[0] // groups,
        kernel,
        stride,
        padding,
        dilation,
        groups,
    )


def expected(operations: Sequence[Operation], chain: Chain, *, seen: bool) -> ChainForecast | None:
    """Theory along the chain; from the lengths that this network has in each layer, where `seen`.

    The entries are those of `chain.present`.
    """
    if not chain.present or operations[0].lengths is None:
        return None
    lengths: list[Array | None] = []
    if seen:
        at = [k for k, link in enumerate(chain.links) if link is not None]
        lengths = [
            operations[k + 1].lengths
            if k + 1 < len(operations) and isinstance(chain.links[k], WeightMap)
            else None
            for k in at
        ]
    return chain_forecast(chain.present, operations[0].lengths, lengths)


def rows_of(
    operations: Sequence[Operation], chain: Chain, theory: ChainForecast | None, end: float
) -> tuple[Row, ...]:
    """Layers with weights in order; `end` is log10 of the RMS of the gradient at the output."""
    layers = [k for k, one in enumerate(operations) if is_layer(one)]
    gains = _by_operation(chain, theory)
    rows = []
    for here, after in zip(layers, [*layers[1:], None][: len(layers)], strict=True):
        one = operations[here]
        arriving = over(one.arriving.decades, end)
        beyond = operations[after] if after is not None else None
        behind = over(beyond.arriving.decades, end) if beyond is not None else 0.0
        handed = _handed(operations, after)
        between = range(here + 1, after if after is not None else len(operations))
        activation = math.fsum(
            _own_gain(operations, k) for k in between if operations[k].function in ACTIVATIONS
        )
        told = sum(gains.get(k, 0.0) for k in between if operations[k].function in ACTIVATIONS)
        covered = all(k in gains for k in (here, *between)) and (after is None or after in gains)
        gain = over(arriving, behind)
        rows.append(
            Row(
                layer=one.name,
                kind=one.kind,
                size=one.output.decades,
                arriving=arriving,
                weight=over(_handed(operations, here), one.arriving.decades),
                activation=activation,
                other=over(over(arriving, over(handed, end)) if beyond else arriving, activation),
                gain=gain,
                expected_weight=gains.get(here, math.nan),
                expected_activation=told if covered else math.nan,
                expected_gain=_between(gains, here, after, len(operations))
                if covered
                else math.nan,
            )
        )
    return tuple(rows)


def _by_operation(chain: Chain, theory: ChainForecast | None) -> dict[int, float]:
    """Expected gain of each operation of the chain [decades]."""
    if theory is None:
        return {}
    told = iter(theory.gains.tolist())
    return {k: 0.0 if link is None else next(told) for k, link in enumerate(chain.links)}


def _between(gains: dict[int, float], here: int, after: int | None, many: int) -> float:
    return math.fsum(gains[k] for k in range(here + 1, many if after is None else after + 1))


def _handed(operations: Sequence[Operation], number: int | None) -> float:
    """log10 RMS of the gradient that an operation hands back to its input."""
    if number is None:
        return math.nan
    one = operations[number]
    own = one.handed.decades
    source = one.sources[0]
    if math.isnan(own) and source != INPUT:  # changed in place: nobody else can have read it
        return operations[source].arriving.decades
    return own


def _own_gain(operations: Sequence[Operation], number: int) -> float:
    return over(_handed(operations, number), operations[number].arriving.decades)


def over(part: float, whole: float) -> float:
    """Decades of a ratio; nan where the whole is 0 or either is not known."""
    if math.isnan(part) or not math.isfinite(whole):
        return math.nan
    return part - whole
