"""From what landed to the rows of parameters: one pass of arithmetic over all tensors of an optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from clinometer.taps.harvest import Harvest, Values
from clinometer.taps.parameters import Entry, Norm, Sheet
from clinometer.taps.rows import TRUSTED, Precision
from clinometer.taps.steps import Setting, intended, shrink
from clinometer.theory.floats import round_to_bfloat16

NAN = float("nan")
Bool = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
SETTINGS = ("lr", "weight_decay", "momentum", "eps", "lr_decay")
FLAGS = ("maximize", "nesterov", "amsgrad", "centered", "decoupled_weight_decay")


@dataclass
class Motion:
    """Reads sheets: the rows of their parameters by name."""

    harvest: Harvest
    precision: Precision
    scale: float = 1.0

    def rows(self, sheet: Sheet) -> dict[str, dict[str, float]]:
        """{parameter: row} of one optimizer's step."""
        if not sheet.entries:
            return {}
        columns = self._sampled(sheet)
        return {
            entry.name: self._row(entry, sheet, {name: v[i] for name, v in columns.items()})
            for i, entry in enumerate(sheet.entries)
        }

    def _row(self, entry: Entry, sheet: Sheet, sampled: Mapping[str, float]) -> dict[str, float]:
        left, taken = self._norm(entry, entry.unclipped), self._norm(entry, entry.taken)
        scale = self.scale
        row = {
            "seen": 1.0,
            "trainable": 1.0,
            "owned": float(sheet.kind is not object),
            "received": float(entry.received),
            "sampled": float(entry.sampled),
            "grad_rms": left / scale / np.sqrt(entry.size),
            "grad_step_rms": taken / np.sqrt(entry.size),
            "lr": _number(entry.group.get("lr")),
            "nonfinite_grad": self._bad(entry, taken),
        }
        found = row | dict(sampled)
        if sheet.kind is torch.optim.SGD and sampled["grad_sample_rms"] > 0:
            # Its step follows the gradient, whose norm is known exactly: a ratio has no sampling error.
            scale = found["grad_step_rms"] / sampled["grad_sample_rms"]
            found["intended_rms"] *= scale
            found["stored_rms"] *= scale
        return found

    def _norm(self, entry: Entry, norm: Norm | None) -> float:
        """A gradient's norm; nan where there was none, or float32 cannot have held it."""
        if norm is None:
            return NAN
        value = float(self.harvest.lane("norms")[norm[0]][norm[1]])
        narrow = not self.precision.wide(entry.name, "norm")
        self.precision.learn(entry.name, "norm", value if value else np.inf, value)
        return NAN if narrow and value < TRUSTED else value

    def _bad(self, entry: Entry, norm: float) -> float:
        """Elements that are NaN or Inf: counted only where the norm says that there are any."""
        if np.isfinite(norm) or entry.taken is None:
            return 0.0 if entry.taken is not None else NAN
        gradient = entry.parameter.grad
        if gradient is None or gradient.device.type != "cpu":
            return 1.0 if not np.isnan(norm) or gradient is not None else NAN  # at least
        values = gradient.coalesce().values() if gradient.is_sparse else gradient
        return float((~torch.isfinite(values.detach())).sum())

    # -- the sampled elements ---------------------------------------------------------------------

    def _sampled(self, sheet: Sheet) -> dict[str, Values]:
        lanes = {
            what: self.harvest.lane(sheet.lane(what)).values
            for what in ("before", "grad", "after", *sheet.state_names)
            if what in sheet.lanes
        }
        sizes = np.array([entry.sampled for entry in sheet.entries])
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        setting = self._setting(sheet, sizes)
        before, after = lanes["before"], lanes["after"]
        factor = shrink(sheet.kind, setting) if "lr" in setting.values else np.ones_like(before)
        with np.errstate(all="ignore"):
            asked = intended(sheet.kind, setting, lanes)
            stored = after - before * factor
            kept = _decayed(before, factor, sheet, sizes)
            movable = _movable(lanes, np.repeat([e.received for e in sheet.entries], sizes))
            lost = movable & (after == kept)
            decayed = np.square(before * (1 - factor))
        moving = _sums(movable, starts)
        gradient = lanes.get("grad", np.full(before.shape, np.nan))
        without = np.array([not entry.received for entry in sheet.entries])
        return {
            "weight_rms": _roots(np.square(before), starts, sizes),
            "grad_sample_rms": _roots(np.square(gradient), starts, sizes),
            "intended_rms": _roots(np.square(asked.step), starts, sizes),
            "decay_rms": _roots(decayed, starts, sizes),
            "stored_rms": _roots(np.square(stored), starts, sizes),
            "movable": moving / sizes,
            "lost": np.divide(_sums(lost, starts), moving, out=np.full(len(sizes), np.nan),
                              where=moving > 0),
            "zero_grad": np.where(without, np.nan, _sums(gradient == 0, starts) / sizes),
            "floored": _sums(asked.floored, starts) / sizes,
            "nonfinite_weight": _sums(~np.isfinite(after), starts),
        }  # fmt: skip

    def _setting(self, sheet: Sheet, sizes: Values) -> Setting:
        groups = [entry.group for entry in sheet.entries]
        values = {
            name: np.repeat([_number(group[name]) for group in groups], sizes)
            for name in SETTINGS
            if all(name in group for group in groups)
        }
        if all("betas" in group for group in groups):
            for i, name in enumerate(("beta1", "beta2")):
                values[name] = np.repeat([_number(group["betas"][i]) for group in groups], sizes)
        flags = {name: bool(groups[0].get(name)) for name in FLAGS}
        steps = sheet.steps or self._steps(sheet)
        return Setting(values, flags, np.repeat(steps, sizes))

    def _steps(self, sheet: Sheet) -> list[float]:
        found = self.harvest.lane(sheet.lane("step")).values.tolist()
        return found if len(found) == len(sheet.entries) else [NAN] * len(sheet.entries)


def _movable(lanes: Mapping[str, Values], received: Bool) -> Bool:
    """Elements that have a reason to move: a gradient (a NaN is one, too) or a momentum."""
    found = received & (lanes["grad"] != 0) if "grad" in lanes else np.zeros(received.shape, bool)
    for name in ("exp_avg", "momentum_buffer"):
        if name in lanes:
            found = found | ((lanes[name] != 0) & ~np.isnan(lanes[name]))
    return np.asarray(found)


def _decayed(values: Values, factor: Values, sheet: Sheet, sizes: Values) -> Values:
    """values * factor as the parameters' own dtypes compute and store it."""
    if (factor == 1).all():
        return values
    result, start = values.copy(), 0
    for entry, size in zip(sheet.entries, sizes.tolist(), strict=True):
        part = slice(start, start + size)
        result[part] = _product(values[part], factor[part], entry.parameter.dtype)
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


def _sums(values: Values, starts: Values) -> Values:
    return np.add.reduceat(np.asarray(values, dtype=np.float64), starts)


def _roots(squares: Values, starts: Values, sizes: Values) -> Values:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.sqrt(_sums(squares, starts) / sizes))


def _number(value: object) -> float:
    """A setting as a number; a tensor on an accelerator is not waited for."""
    if isinstance(value, torch.Tensor) and value.device.type != "cpu":
        return NAN
    return float(value) if isinstance(value, (int, float, torch.Tensor)) else NAN
