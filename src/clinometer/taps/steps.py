"""What an optimizer's formula asks for, in float64, before its result is rounded and stored.

Known exactly for SGD, Adam, AdamW, RMSprop and Adagrad of torch.optim (algorithms as in PyTorch's
documentation). For any other optimizer the intended step is "not judged": the recording holds NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from clinometer.taps.harvest import Values

Lanes = Mapping[str, Values]


@dataclass(frozen=True)
class Setting:
    """An optimizer's settings for each sampled element, float64 (elements,); `count` is steps taken."""

    values: Mapping[str, Values]
    flags: Mapping[str, bool]
    count: Values

    def __getitem__(self, name: str) -> Values:
        return self.values[name]


@dataclass(frozen=True)
class Intention:
    """The step asked for, element by element.

    Attributes
    ----------
    step : without decoupled decay; nan where it is not known
    floored : whether epsilon is the larger part of the denominator; nan where there is none
    """

    step: Values
    floored: Values


def intended(kind: type, setting: Setting, lanes: Lanes) -> Intention:
    """The step that an optimizer of this class asks for, from its state after the step.

    Parameters
    ----------
    lanes : "before" and "grad" and the state tensors by their names, float64 (elements,)
    """
    formula = FORMULAS.get(kind)
    nothing = np.full(lanes["before"].shape, np.nan)
    if formula is None:
        return Intention(nothing, nothing)
    try:
        with np.errstate(all="ignore"):
            return formula(setting, lanes, nothing)
    except KeyError:  # a state that this variant does not keep
        return Intention(nothing, nothing)


def shrink(kind: type, setting: Setting) -> Values:
    """Factor by which decoupled weight decay multiplies each weight first."""
    decoupled = kind is torch.optim.AdamW or setting.flags.get("decoupled_weight_decay", False)
    if not decoupled:
        return np.ones_like(setting["lr"], dtype=np.float64)
    return np.asarray(1 - setting["lr"] * setting["weight_decay"])


def _direction(setting: Setting, lanes: Lanes) -> Values:
    gradient = lanes["grad"]
    if setting.flags.get("maximize"):
        gradient = -gradient
    return np.asarray(gradient + setting["weight_decay"] * lanes["before"])


def _sgd(setting: Setting, lanes: Lanes, nothing: Values) -> Intention:
    direction = _direction(setting, lanes)
    if "momentum_buffer" in lanes:
        buffer = lanes["momentum_buffer"]
        ahead = direction + setting["momentum"] * buffer
        kept = ahead if setting.flags.get("nesterov") else buffer
        direction = np.where(setting["momentum"] != 0, kept, direction)
    return Intention(setting["lr"] * direction, nothing)


def _adam(setting: Setting, lanes: Lanes, _nothing: Values) -> Intention:
    second = lanes["max_exp_avg_sq"] if setting.flags.get("amsgrad") else lanes["exp_avg_sq"]
    mean = lanes["exp_avg"] / (1 - setting["beta1"] ** setting.count)
    root = np.sqrt(second / (1 - setting["beta2"] ** setting.count))
    floored = np.where(np.isnan(root), np.nan, root < setting["eps"])
    return Intention(setting["lr"] * mean / (root + setting["eps"]), floored)


def _rmsprop(setting: Setting, lanes: Lanes, nothing: Values) -> Intention:
    if setting.flags.get("centered"):
        return Intention(nothing, nothing)
    root = np.sqrt(lanes["square_avg"])
    step = _direction(setting, lanes) / (root + setting["eps"])
    if "momentum_buffer" in lanes:
        step = np.where(setting["momentum"] > 0, lanes["momentum_buffer"], step)
    return Intention(setting["lr"] * step, np.asarray(root < setting["eps"], np.float64))


def _adagrad(setting: Setting, lanes: Lanes, _nothing: Values) -> Intention:
    rate = setting["lr"] / (1 + (setting.count - 1) * setting["lr_decay"])
    root = np.sqrt(lanes["sum"])
    step = rate * _direction(setting, lanes) / (root + setting["eps"])
    return Intention(step, np.asarray(root < setting["eps"], np.float64))


FORMULAS: dict[type, Callable[[Setting, Lanes, Values], Intention]] = {
    torch.optim.SGD: _sgd,
    torch.optim.Adam: _adam,
    torch.optim.AdamW: _adam,
    torch.optim.RMSprop: _rmsprop,
    torch.optim.Adagrad: _adagrad,
}
