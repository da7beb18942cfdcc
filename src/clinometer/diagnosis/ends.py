"""From the gradient at a place to the relative motion of one tensor there, in decades.

A tensor may be used in several places (tied embeddings, a layer called twice). Of each use, R is known:
for the weight of a linear map or convolution R^2 = sum over rows of |d row|^2 |a row|^2, with d the
gradient at the output and a the input; for every other tensor R is |d| itself. The line follows the
use with the largest R; what the others add to it is part of `sharing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from clinometer.diagnosis.paths import Network, plain
from clinometer.diagnosis.scale import columns, log10, median, over
from clinometer.records.recording import Float64, Recording
from clinometer.records.site import Site

Numbers = dict[str, Float64]


@dataclass(frozen=True)
class Use:
    """One call that uses a tensor, and whether the tensor is the weight of its linear map."""

    call: int
    main: bool


class Tensors:
    """The parameters of a recording: where each is used, and its columns as decades.

    Attributes
    ----------
    sites : of the parameters
    uses : for each of them the calls that use it, in order of execution
    unknown : {layer: why} for weight layers whose tensor is not among them
    gradient, clip, optimizer, rounding, weight_size, total : (parameters, observations) [decades]
    elements, examples, norm, reach : (calls, observations) [decades]; norm is |d|
    stepped, frozen : whether an optimizer stepped each parameter; whether it never wanted a gradient
    """

    def __init__(self, recording: Recording, network: Network, call: Numbers) -> None:
        self.network, self.recording = network, recording
        self.sites = recording.of_kind("parameter")
        self._number: dict[str, int] = {}
        for i, site in enumerate(self.sites):
            self._number[site.name] = i
        for i, site in enumerate(self.sites):
            for name in _aliases(site):
                self._number.setdefault(name, i)
        self.uses: list[list[Use]] = [[] for _ in self.sites]
        self.unknown: dict[str, str] = {}
        self._find_uses()
        self._take_columns(call)

    # -- who uses what ----------------------------------------------------------------------------

    def _find_uses(self) -> None:
        others: dict[str, list[int]] = {}
        for name, number in self._number.items():
            others.setdefault(_owner(name), []).append(number)
        for call, site in enumerate(self.network.calls):
            weight = self._weight_of(site) if self.network.role(call) == "weight" else None
            main = self._number.get(weight) if weight is not None else None
            if main is not None:
                self.uses[main].append(Use(call, main=True))
            elif weight is not None and site.name == plain(site.name):
                self.unknown[site.name] = NOT_STEPPED
            for other in dict.fromkeys(self._beside(site, weight, others)):
                if other != main:
                    self.uses[other].append(Use(call, main=False))

    @staticmethod
    def _weight_of(site: Site) -> str:
        return str(site.facts.get("parameter", f"{plain(site.name)}.weight"))

    def _beside(self, site: Site, weight: str | None, others: dict[str, list[int]]) -> list[int]:
        """Numbers of the other tensors of a call: of its module, or the bias of a functional map."""
        found = list(others.get(plain(site.name), []))
        if site.facts.get("functional"):
            bias = f"{weight}".removesuffix("weight") + "bias"
            found = [self._number[bias]] if weight is not None and bias in self._number else []
        return found

    # -- the columns ------------------------------------------------------------------------------

    def _take_columns(self, call: Numbers) -> None:
        """Decades, (parameters, observations); what was not seen apart is taken with its neighbour."""
        gradient, taken, intended, stored, weight, trainable = columns(
            self.recording, "parameter",
            "grad_rms", "grad_step_rms", "intended_rms", "stored_rms", "weight_rms", "trainable",
        ).values()  # fmt: skip
        self.unclipped_known = np.asarray(~np.isnan(gradient).all(axis=1))
        self.intended_known = np.asarray(~np.isnan(intended).all(axis=1))
        gradient = np.where(self.unclipped_known[:, None], gradient, taken)
        intended = np.where(self.intended_known[:, None], intended, stored)
        self.gradient = gradient
        self.clip, self.optimizer = over(taken, gradient), over(intended, taken)
        self.rounding, self.total = over(stored, intended), over(stored, weight)
        self.weight_size = over(np.zeros_like(weight), weight)
        self.stepped = np.asarray(~(np.isnan(stored).all(axis=1) & np.isnan(taken).all(axis=1)))
        self.frozen = np.asarray(np.isneginf(trainable).any(axis=1) & ~(trainable == 0).any(axis=1))
        self.elements, self.examples, self.reach = call["elements"], call["examples"], call["reach"]
        self.norm = call["grad_out_rms"] + self.elements / 2

    def size(self, number: int) -> float | None:
        """How many elements a tensor has; None where the recording does not say."""
        shape = self.sites[number].facts.get("shape")
        if isinstance(shape, list) and all(isinstance(length, int) for length in shape):
            return float(prod(shape)) or None
        calls = [use.call for use in self.uses[number]]
        return self._count(calls[0], "fan_out") if calls else None  # a bias, in schema 1

    def _count(self, call: int, fact: str) -> float | None:
        found = self.network.calls[call].facts.get(fact)
        return float(found) if isinstance(found, (int, float)) and found > 0 else None

    def reach_of(self, use: Use) -> Float64:
        """R of one use [decades]."""
        return np.asarray(self.reach[use.call] if self._told(use) else self.norm[use.call])

    def _told(self, use: Use) -> bool:
        """Whether the rows of the input were read: in most of the observations that have a gradient."""
        have = ~np.isnan(self.norm[use.call])
        told = ~np.isnan(self.reach[use.call])
        return use.main and bool(told.any()) and 2 * int(told.sum()) >= int(have.sum())

    def leading(self, uses: list[Use]) -> Use:
        """The use with the largest R, by the median over the observations."""
        if len(uses) == 1:
            return uses[0]
        reaches = [median(self.reach_of(use)) for use in uses]
        return uses[int(np.argmax(np.nan_to_num(reaches, nan=-np.inf)))]

    def factors(self, number: int, use: Use, end: int) -> Numbers | str:
        """Factors below the gradient at the place of one use; in a word, why there are none."""
        fan_in, fan_out = self._count(use.call, "fan_in"), self._count(use.call, "fan_out")
        known = use.main and fan_in is not None
        units = fan_out if known else self.size(number)
        if units is None:
            return "its size was not recorded"
        per_unit = (fan_in or 1.0) if known else 1.0
        reach = self.reach_of(use)
        whole, more = self._of_all(self.uses[number], reach)
        rows = self.elements[use.call] - np.log10(units)
        found = {"sharing": (rows - self.examples[end]) / 2 + more}
        size_part = 0.0
        if self._told(use):
            found["input_size"] = over(reach, self.norm[use.call] + np.log10(per_unit) / 2)
            size_part = np.log10(per_unit) / 2
        gradient = self.gradient[number] + np.log10(units) / 2 + size_part
        found["batch_agreement"] = over(gradient, whole)
        if self.unclipped_known[number]:
            found["clip"] = self.clip[number]
        found["optimizer"] = self.optimizer[number]
        if self.intended_known[number]:
            found["rounding"] = self.rounding[number]
        return found | {"weight_size": self.weight_size[number]}

    def _of_all(self, uses: list[Use], reach: Float64) -> tuple[Float64, Float64]:
        """(R of all uses together, what the others add to one's), in decades."""
        if len(uses) == 1:
            return reach, np.zeros_like(reach)
        squares = np.stack([10.0 ** (2 * self.reach_of(use)) for use in uses])
        whole = log10(np.nansum(squares, axis=0)) / 2
        return np.where(np.isnan(reach), np.nan, whole), over(whole, reach)


NOT_STEPPED = "its weight took part in no optimizer step that was observed"


def _aliases(site: Site) -> list[str]:
    also = site.facts.get("also")
    return [str(name) for name in also] if isinstance(also, list) else []


def _owner(name: str) -> str:
    """The module that a tensor belongs to; one that is worked out from others counts as itself."""
    return (
        name.partition(".parametrizations.")[0]
        if ".parametrizations." in name
        else name.rpartition(".")[0]
    )
