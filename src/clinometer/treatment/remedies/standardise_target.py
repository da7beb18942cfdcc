"""A regression that learns (y - mean) / std; the script still sees predictions in its own units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from clinometer.treatment.functions import ERRORS, is_proposed, required, standing_in
from clinometer.treatment.remedy import NotApplicable, Remedy
from clinometer.treatment.scaling import Scale, scale_of

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient

NAME = "standardise-target"
LOSSES = (None, "squared_error", "absolute_error", "smooth_l1", "huber")
WHY = "no squared or absolute error against a target that is not standardised was seen"


def apply(patient: Patient) -> str:
    """Mean and spread of the first target, then fixed; the loss is worked out on the new scale."""
    loss = patient.facts.get("loss")
    if loss not in LOSSES:
        raise NotApplicable(f"the loss ({loss}) is of no regression")
    if loss is None and not is_proposed(patient, NAME):
        raise NotApplicable(WHY)
    output = patient.run()
    if not isinstance(output, Tensor) or patient.call is None:
        raise NotApplicable("the network's output is no single tensor")
    target = Target(outputs=output.shape[-1] if output.ndim > 1 else 1)
    patient.call.module.register_forward_hook(target.after)
    standing_in(dict.fromkeys(ERRORS, target.error))
    required(patient, lambda: target.scale is not None, WHY)
    return "the target's mean and standard deviation taken off"


class Target:
    """The scale of the target, as soon as a loss has been given one.

    Attributes
    ----------
    scale : None until then; of each output where they differ, else of all together
    """

    def __init__(self, outputs: int) -> None:
        self.outputs = outputs
        self.scale: Scale | None = None

    def after(self, _root: nn.Module, _args: Any, output: Any) -> Any:
        """What the network says, in units of the script."""
        return self.scale.back(output) if self.scale is not None else output

    def error(self, func: Any, given: Tensor, target: Tensor, *args: Any, **kwargs: Any) -> Any:
        """A loss of the regression on the standard scale."""
        if target.requires_grad:  # a tensor that the network made
            return func(given, target, *args, **kwargs)
        if self.scale is not None:
            return func(self.scale.apart(given), self.scale.apart(target), *args, **kwargs)
        if not given.requires_grad:
            return func(given, target, *args, **kwargs)
        by_column = target.ndim == 2 and target.shape[1] == self.outputs > 1
        found = scale_of(target, 1 if by_column else None)
        if found is None or found.is_standard():
            return func(given, target, *args, **kwargs)
        self.scale = found if by_column else _plain(found)
        return func(
            given, self.scale.apart(target), *args, **kwargs
        )  # said before the scale was known


def _plain(scale: Scale) -> Scale:
    """One mean and spread for all, of no axis."""
    return Scale(scale.mean.reshape(()), scale.spread.reshape(()), scale.rows)


REMEDY = Remedy(
    name=NAME,
    moment="start",
    changes="data",
    act="reach the targets",
    apply=apply,
    lines="# after the training rows are chosen, before the first batch\n"
    "mean, std = y_train.mean(0), y_train.std(0)\n"
    "y_train = (y_train - mean) / std\n"
    "# where predictions are used\n"
    "predictions = model(x_test) * std + mean\n",
    new_loss=True,
)
