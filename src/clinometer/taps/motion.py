"""From what landed to the rows of parameters: one pass of arithmetic over all tensors of an optimizer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from clinometer.records.columns import names
from clinometer.taps.harvest import Harvest, Values
from clinometer.taps.parameters import Counts, Norm, Sheet
from clinometer.taps.rows import TRUSTED, Precision
from clinometer.taps.steps import Setting, intended, shrink
from clinometer.taps.trail import Trail, follow
from clinometer.theory.floats import round_to_bfloat16

NAN = float("nan")
Row = list[float]
Bool = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
MOST_CORRECTED = 0.5  # sampling errs by less where it samples what the gradient is made of
SETTINGS = ("lr", "weight_decay", "momentum", "eps", "lr_decay")
FLAGS = ("maximize", "nesterov", "amsgrad", "centered", "decoupled_weight_decay")


@dataclass
class Motion:
    """Reads sheets: the rows of their parameters by name.

    Attributes
    ----------
    trail : what each parameter did at the observation before; replaced by what it does now
    """

    harvest: Harvest
    precision: Precision
    scale: float = 1.0
    trail: Trail = field(default_factory=dict)

    def rows(self, sheet: Sheet) -> dict[str, Row]:
        """{parameter: row} of one optimizer's step."""
        layout = sheet.layout
        taken = self._norms(sheet, sheet.taken)
        left = self._norms(sheet, sheet.unclipped) / self.scale
        roots = np.sqrt(layout.sizes)
        columns = self._sampled(sheet) | {
            "trainable": np.ones(len(roots)),
            "owned": np.full(len(roots), float(sheet.kind is not object)),
            "received": np.array(sheet.received, dtype=np.float64),
            "sampled": layout.sampled.astype(np.float64),
            "grad_rms": left / roots,
            "grad_step_rms": taken / roots,
            "lr": np.array([_number(group.get("lr")) for group in sheet.groups]),
            "nonfinite_grad": self._bad(sheet, taken),
            "row_spread": self._spreads(sheet),
            "seen": np.ones(len(roots)),
        }
        if sheet.kind is torch.optim.SGD:
            _without_sampling_error(columns, sheet)
        columns |= self._followed(sheet, left, taken)
        unknown = np.full(len(roots), np.nan)
        table = np.stack([columns.get(n, unknown) for n in names("parameter")], axis=1).tolist()
        return dict(zip(layout.names, table, strict=True))

    def _followed(self, sheet: Sheet, left: Values, taken: Values) -> dict[str, Values]:
        """How the step before this one lies to this gradient and this weight; nan at the first."""
        lanes = {w: self.harvest.lane(sheet.lane(w)).values for w in ("before", "after", "grad")}
        if lanes["grad"].shape != lanes["before"].shape:
            return {}  # an optimizer that unscales by itself, and had no gradient
        with np.errstate(all="ignore"):
            unclip = np.where((taken > 0) & np.isfinite(left), left / taken, 1.0)
            return follow(self.trail, sheet.layout, lanes, unclip)

    def _spreads(self, sheet: Sheet) -> Values:
        """How unlike the units of each tensor are; nan where it has none to be compared."""
        lane = self.harvest.lane("spread")
        found = np.full(len(sheet.layout.names), np.nan)
        for i, (number, position) in zip(sheet.layout.matrices, sheet.spreads, strict=True):
            found[i] = lane.values[lane.starts[number] + position]
        return found

    def _norms(self, sheet: Sheet, norms: list[Norm | None]) -> Values:
        """Norms of gradients; nan where there was none, or float32 cannot have held it."""
        lane = self.harvest.lane("norms")
        found = np.full(len(norms), np.nan)
        for i, norm in enumerate(norms):
            if norm is None:
                continue
            value = float(lane.values[lane.starts[norm[0]] + norm[1]])
            name = sheet.layout.names[i]
            if not value < TRUSTED or self.precision.wide(name, "norm"):
                found[i] = value
            self.precision.learn(name, "norm", value or math.inf, value)
        return found

    def _bad(self, sheet: Sheet, taken: Values) -> Values:
        """Elements that are NaN or Inf: counted only where the norm says that there are any."""
        found = np.where(sheet.received, 0.0, np.nan)
        for i in np.flatnonzero(~np.isfinite(taken) & np.array(sheet.received)).tolist():
            gradient = sheet.layout.parameters[i].grad
            if gradient is None or gradient.device.type != "cpu":
                found[i] = 1.0  # at least
                continue
            values = gradient.coalesce().values() if gradient.is_sparse else gradient
            found[i] = float((~torch.isfinite(values.detach())).sum())
        return found

    # -- the sampled elements ---------------------------------------------------------------------

    def _sampled(self, sheet: Sheet) -> dict[str, Values]:
        lanes = {what: self.harvest.lane(sheet.lane(what)).values for what in sheet.lanes}
        sizes = sheet.layout.sampled
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        setting = self._setting(sheet, sizes)
        before, after = lanes["before"], lanes["after"]
        factor = shrink(sheet.kind, setting) if "lr" in setting.values else np.ones(())
        with np.errstate(all="ignore"):
            asked = intended(sheet.kind, setting, lanes)
            received = np.repeat(np.asarray(sheet.received, dtype=bool), sizes)
            factor = np.where(received, factor, 1.0)  # an optimizer leaves the others alone
            stored = after - before * factor
            kept = _decayed(before, factor, sheet, sizes)
            movable = _movable(lanes, received)
            lost = movable & (after == kept)
            gradient = lanes.get("grad", np.full(before.shape, np.nan))
            table = np.stack(
                [
                    np.square(before), np.square(asked.step), np.square(before * (1 - factor)),
                    np.square(stored), np.square(gradient), movable, lost, gradient == 0,
                    asked.floored, ~np.isfinite(after),
                ]
            )  # fmt: skip
            sums = np.add.reduceat(table, starts, axis=1)
            roots, shares = np.sqrt(sums[:5] / sizes), sums[5:] / sizes
            lost_share = np.where(sums[5] > 0, sums[6] / sums[5], np.nan)
        without = ~np.array(sheet.received, dtype=bool)
        return {
            "weight_rms": roots[0],
            "intended_rms": np.where(without, np.nan, roots[1]),
            "decay_rms": roots[2],
            "stored_rms": roots[3],
            "grad_sample_rms": roots[4],
            "movable": shares[0],
            "lost": lost_share,
            "zero_grad": np.where(without, np.nan, shares[2]),
            "floored": shares[3],
            "nonfinite_weight": sums[9],
        }

    def _setting(self, sheet: Sheet, sizes: Counts) -> Setting:
        """Settings by element; single numbers where all parameters share one group."""
        groups = sheet.groups
        alike = all(group is groups[0] for group in groups)
        asked = groups[:1] if alike else groups

        def spread(numbers: list[float]) -> Values:
            found = np.asarray(numbers, dtype=np.float64)
            return found.reshape(()) if alike else np.repeat(found, sizes)

        values = {
            name: spread([_number(group[name]) for group in asked])
            for name in SETTINGS
            if all(name in group for group in asked)
        }
        if all("betas" in group for group in asked):
            for i, name in enumerate(("beta1", "beta2")):
                values[name] = spread([_number(group["betas"][i]) for group in asked])
        flags = {name: bool(groups[0].get(name)) for name in FLAGS}
        steps = sheet.steps or self._steps(sheet)
        counts = np.asarray(steps, dtype=np.float64)
        same = len(set(steps)) == 1
        return Setting(values, flags, counts[:1].reshape(()) if same else np.repeat(counts, sizes))

    def _steps(self, sheet: Sheet) -> list[float]:
        found = self.harvest.lane(sheet.lane("step")).values.tolist()
        return found if len(found) == len(sheet.layout.names) else [NAN] * len(sheet.layout.names)


def _without_sampling_error(columns: dict[str, Values], sheet: Sheet) -> None:
    """SGD's step follows the gradient, whose norm is known exactly: a ratio has no sampling error.

    With momentum or decay it follows only so far: a table of words moves where it has no gradient.
    """
    sample = columns.pop("grad_sample_rms")
    groups = sheet.groups
    plain = [not group.get("momentum") and not group.get("weight_decay") for group in groups]
    with np.errstate(all="ignore"):
        scale = np.where(sample > 0, columns["grad_step_rms"] / sample, 1.0)
    scale = np.where(np.array(plain) | (np.abs(scale - 1) < MOST_CORRECTED), scale, 1.0)
    columns["intended_rms"] = columns["intended_rms"] * scale
    columns["stored_rms"] = columns["stored_rms"] * scale


def _movable(lanes: Mapping[str, Values], received: Bool) -> Bool:
    """Elements that have a reason to move: a gradient (a NaN is one, too) or a momentum."""
    found = lanes["grad"] != 0 if "grad" in lanes else np.zeros(received.shape, bool)
    for name in ("exp_avg", "momentum_buffer"):
        if name in lanes:
            found = found | ((lanes[name] != 0) & ~np.isnan(lanes[name]))
    return np.asarray(found & received)


def _decayed(values: Values, factor: Values, sheet: Sheet, sizes: Counts) -> Values:
    """values * factor as the parameters' own dtypes compute and store it."""
    if np.all(factor == 1):
        return values
    factor = np.broadcast_to(factor, values.shape)
    result, start = values.copy(), 0
    for parameter, size in zip(sheet.layout.parameters, sizes.tolist(), strict=True):
        part = slice(start, start + size)
        result[part] = _product(values[part], factor[part], parameter.dtype)
        start += size
    return result


def _product(values: Values, factor: Values, dtype: torch.dtype) -> Values:
    """PyTorch multiplies half-precision numbers in float32 and rounds once more."""
    if dtype == torch.float64:
        return values * factor
    product = values.astype(np.float32) * factor.astype(np.float32)
    if dtype == torch.bfloat16:
        product = round_to_bfloat16(product)
    elif dtype == torch.float16:
        product = product.astype(np.float16).astype(np.float32)
    return product.astype(np.float64)


def _number(value: object) -> float:
    """A setting as a number; a tensor on an accelerator is not waited for."""
    if isinstance(value, torch.Tensor) and value.device.type != "cpu":
        return NAN
    return float(value) if isinstance(value, (int, float, torch.Tensor)) else NAN
