"""Functions of torch seen as the script calls them, by whatever name it imported them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from clinometer.treatment.remedy import NotApplicable

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from clinometer.treatment.patient import Patient

Handler = Callable[..., Any]
SOFTMAX = (functional.softmax, torch.softmax, torch.Tensor.softmax)
LOG_SOFTMAX = (functional.log_softmax, torch.log_softmax, torch.Tensor.log_softmax)
SIGMOID = (torch.sigmoid, torch.Tensor.sigmoid, torch.special.expit)
CUTS = (functional.relu, torch.relu, torch.Tensor.relu, torch.tanh, torch.Tensor.tanh)
LOGS = (*LOG_SOFTMAX, functional.logsigmoid, torch.log, torch.Tensor.log)
# What changes neither a value nor, of these, which one stands where along the last axis.
KEPT = (torch.Tensor.float, torch.Tensor.double, torch.Tensor.contiguous, torch.Tensor.clone,
        torch.clamp, torch.Tensor.clamp)  # fmt: skip
MOVED = (torch.Tensor.squeeze, torch.squeeze, torch.Tensor.unsqueeze, torch.unsqueeze,
         torch.Tensor.view, torch.Tensor.reshape, torch.reshape, torch.Tensor.flatten, torch.flatten,
         torch.Tensor.ravel, torch.ravel, torch.Tensor.__getitem__)  # fmt: skip
ERRORS = (functional.mse_loss, functional.l1_loss, functional.smooth_l1_loss, functional.huber_loss)


class Functions(TorchFunctionMode):
    """While entered, `handlers[function](function, *args, **kwargs)` stands in for a call of it.

    Calls that a function of torch makes itself are not seen.
    """

    def __init__(self, handlers: Mapping[Any, Handler]) -> None:
        super().__init__()
        self.handlers = dict(handlers)

    def __torch_function__(
        self, func: Any, _types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """One call."""
        handler = self.handlers.get(func)
        if handler is None:
            return func(*args, **(kwargs or {}))
        return handler(func, *args, **(kwargs or {}))


def standing_in(handlers: Mapping[Any, Handler]) -> None:
    """Handlers for the rest of the process."""
    Functions(handlers).__enter__()  # type: ignore[no-untyped-call]


def seen_in_call(patient: Patient, handlers: Mapping[Any, Handler]) -> Any:
    """The output of the patient's call with handlers in place, run once more without gradients."""
    with Functions(handlers):
        return patient.run()


def required(patient: Patient, happened: Callable[[], bool], why: str) -> None:
    """At the first step after the treatment, NotApplicable is raised where nothing has happened by then.

    What a loss is given is only seen when it is given; so this reason comes out of the script itself.
    """
    judged: list[bool] = []

    def act(_optimizer: Optimizer) -> None:
        if not judged:
            judged.append(True)
            if not happened():
                raise NotApplicable(why)

    patient.before_step(act)


def is_proposed(patient: Patient, remedy: str) -> bool:
    """Whether the treated finding names this remedy."""
    return remedy in patient.finding.get("remedies", ())
