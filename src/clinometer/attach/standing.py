"""Where every parameter stands when an observed step ends, whether an optimizer has stepped it or not.

Those that none has stepped are read, too: the same few elements each time, so that a weight that rests
gives the same number to the bit, and one that something else moves does not.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy

from clinometer.attach.networks import Networks
from clinometer.records.columns import names
from clinometer.taps.calls import Row
from clinometer.taps.harvest import Harvest, Values
from clinometer.taps.parameters import Layout, Sheet
from clinometer.taps.wiring import Wiring
from clinometer.theory.fresh import is_fresh_normal, is_fresh_uniform, uniform_bounds

NAN = float("nan")
LANE = "standing"
READABLE = frozenset({torch.float32, torch.float64, torch.float16, torch.bfloat16})
AT = {name: place for place, name in enumerate(names("parameter"))}
SEEN, TRAINABLE, OWNED, RECEIVED = (AT[n] for n in ("seen", "trainable", "owned", "received"))
CALLED, RAN, LEFT_OVER = AT["called"], AT["ran"], AT["left_over"]
SIZES = [AT[name] for name in ("sampled", "weight_rms", "nonfinite_weight")]
Facts = dict[str, Any]


class Stand(NamedTuple):
    """One parameter at the end of a step; `called` and `ran` as the recording has them."""

    parameter: torch.Tensor
    name: str
    trainable: bool
    received: bool
    called: float
    ran: float


@dataclass
class Rest:
    """The layouts of those that no optimizer has stepped, by device.

    Kept from step to step, but not beyond the networks: a model that the script drops is freed.
    """

    made_of: list[tuple[int, bool]] = field(default_factory=list)
    layouts: list[Layout] = field(default_factory=list)
    _links: list[weakref.ref[nn.Module]] = field(default_factory=list)

    def lay_out(self, parameters: list[torch.Tensor], networks: Networks) -> None:
        """Make them anew where the parameters are no longer the same."""
        made_of = [(id(parameter), parameter.requires_grad) for parameter in parameters]
        if made_of == self.made_of:
            return
        by_device: dict[torch.device, list[tuple[torch.Tensor, Facts]]] = {}
        for parameter in filter(_is_readable, parameters):
            by_device.setdefault(parameter.device, []).append((parameter, {}))
        self.made_of = made_of
        laid_out = partial(Layout.of, name_of=networks.name_of, keep=_is_readable)
        self.layouts = [laid_out(pairs) for pairs in by_device.values()]
        self._links = [weakref.ref(root, self._forget) for root in networks.roots()]

    def _forget(self, _link: object) -> None:
        self.made_of, self.layouts = [], []


@dataclass
class Standing:
    """All parameters of one observed step.

    Attributes
    ----------
    owned : identities of the parameters that an optimizer owns
    idle : whether no optimizer ever stepped: gradients may still be gathered for its first step
    crowded : whether another thread trains: what this step has not touched may be its, and is not read
    """

    networks: Networks
    wiring: Wiring
    harvest: Harvest
    owned: set[int]
    rest: Rest
    idle: bool = False
    crowded: bool = False
    stands: list[Stand] = field(default_factory=list)
    _sheets: list[Sheet] = field(default_factory=list)
    _resting: list[Layout] = field(default_factory=list)
    _origins: dict[str, str] = field(default_factory=dict)
    _also: dict[str, list[str]] = field(default_factory=dict)

    def take(self, sheets: list[Sheet], described: set[str]) -> None:
        """The step is over: note how parameters stand, and read those that none of these sheets has."""
        self._sheets = sheets
        stepped = {id(parameter): (parameter, name) for parameter, name in self._stepped()}
        users, seen = self.networks.users(), set()
        known = [*self.networks.named_parameters(), *stepped.values()]
        for parameter, name in [*known, *self._unregistered()]:
            key = id(parameter)
            if key in seen or is_lazy(parameter):
                continue
            seen.add(key)
            if self.crowded and key not in stepped and not self.wiring.reaches(parameter):
                continue
            called = self.wiring.called(parameter, users.get(key, []))
            received = parameter.grad is not None
            ran = self.wiring.ran_at_all(parameter, users.get(key, []))
            self.stands.append(
                Stand(parameter, name, parameter.requires_grad, received, called, ran)
            )
            if name not in described:
                self._origins[name] = self.networks.origin(parameter)
                if key in users:
                    self._also[name] = self.networks.aliases(name)
        self._read([stand.parameter for stand in self.stands if id(stand.parameter) not in stepped])

    def _unregistered(self) -> Iterable[tuple[torch.Tensor, str]]:
        """Parameters that a backward pass reaches and no known module has: layers in a plain list."""
        if self.networks.given:
            return  # what is not of the network that is watched may be another one's
        for leaf in self.wiring.leaves():
            if isinstance(leaf, nn.Parameter):
                yield leaf, self.networks.name_of(leaf)

    def _stepped(self) -> Iterable[tuple[torch.Tensor, str]]:
        for sheet in self._sheets:
            yield from zip(sheet.layout.parameters, sheet.layout.names, strict=True)

    def _read(self, parameters: list[torch.Tensor]) -> None:
        self.rest.lay_out(parameters, self.networks)
        self._resting = list(self.rest.layouts)
        with torch.no_grad():
            for number, layout in enumerate(self._resting):
                lane = self.harvest.lane(f"{LANE}.{number}")
                for part in layout.copy("weights", layout.parameters):
                    lane.take(part)

    # -- what it comes to ---------------------------------------------------------------------------

    def complete(self, rows: dict[tuple[str, str], Row], described: set[str]) -> dict[str, Facts]:
        """Fill in every parameter's row; returns the facts of those seen for the first time."""
        sizes = self._sizes()
        for stand in self.stands:
            key = ("parameter", stand.name)
            row = rows.get(key)
            if row is None:
                row = rows[key] = [NAN] * len(AT)
                row[SEEN], row[TRAINABLE], row[OWNED] = 1.0, float(stand.trainable), 0.0
                row[RECEIVED] = float(stand.received)
                for place, value in zip(SIZES, sizes.get(stand.name, ()), strict=False):
                    row[place] = value
            if id(stand.parameter) in self.owned:
                row[OWNED] = 1.0
            row[CALLED], row[RAN] = stand.called, stand.ran
            left = self.wiring.left_over(stand.parameter, self.harvest)
            row[LEFT_OVER] = NAN if self.idle and left == 1 else left
        new = [stand for stand in self.stands if stand.name not in described]
        samples = self._samples() if new else {}
        return {stand.name: self._facts(stand, samples.get(stand.name)) for stand in new}

    def _sizes(self) -> dict[str, list[float]]:
        """`SIZES` of each weight at rest; the RMS is summed as `motion` sums the others."""
        found: dict[str, list[float]] = {}
        for number, layout in enumerate(self._resting):
            values, sampled = self.harvest.lane(f"{LANE}.{number}").values, layout.sampled
            starts = np.concatenate([[0], np.cumsum(sampled)[:-1]])
            with np.errstate(all="ignore"):
                roots = np.sqrt(np.add.reduceat(np.square(values), starts) / sampled)
            bad = np.add.reduceat((~np.isfinite(values)).astype(np.float64), starts)
            table = np.stack([sampled, roots, bad], axis=1).tolist()
            found |= zip(layout.names, table, strict=True)
        return found

    def _samples(self) -> dict[str, Values]:
        """The sampled elements of each parameter: before its step, where it had one."""
        found: dict[str, Values] = {}
        resting = [(layout, f"{LANE}.{number}") for number, layout in enumerate(self._resting)]
        for layout, lane in [*((s.layout, s.lane("before")) for s in self._sheets), *resting]:
            values, ends = self.harvest.lane(lane).values, np.cumsum(layout.sampled)[:-1]
            found |= zip(layout.names, np.split(values, ends), strict=True)
        return found

    def _facts(self, stand: Stand, sample: Values | None) -> Facts:
        parameter = stand.parameter
        kind = str(parameter.dtype).removeprefix("torch.")
        facts: Facts = {"shape": list(parameter.shape), "dtype": kind}
        if stand.name in self._also:  # a module keeps it
            facts["also"] = self._also[stand.name]
        fresh, origin = None, self._origins.get(stand.name)
        if sample is not None and origin == "table":
            fresh = is_fresh_normal(sample)
        elif sample is not None and origin != "both" and origin:
            eps = torch.finfo(parameter.dtype).eps
            hidden = origin.partition("recurrent ")[2]
            bounds = (int(hidden) ** -0.5,) if hidden else uniform_bounds(parameter.shape)
            found = [is_fresh_uniform(sample, bound, eps) for bound in bounds]
            fresh = None if None in found else any(found)
        return facts if fresh is None else facts | {"fresh": fresh}


def _is_readable(parameter: torch.Tensor) -> bool:
    """Whether elements lie here as numbers, trainable or not."""
    there = parameter.device.type != "meta"
    whole = there and not hasattr(parameter, "to_local") and parameter.layout == torch.strided
    return whole and parameter.dtype in READABLE and parameter.numel() > 0
