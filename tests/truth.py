"""The second, slow way to what the recorder measures: every tensor kept, reduced in float64 by autograd."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import clinometer
from clinometer.records.columns import names
from clinometer.records.recording import Recording

Loss = Callable[[nn.Module], torch.Tensor]


def record(
    folder: Path,
    model: nn.Module,
    train: Callable[[], Any],
    *,
    every: int | None = 1,
    **options: Any,
) -> Recording:
    """Watch a training; a fault of the recorder fails the test."""
    path = folder / f"run{len(list(folder.glob('*.clino')))}.clino"
    with clinometer.watch(model, to=path, every=every, **options):
        train()
    recording = clinometer.read(path)
    assert not [note for note in recording.notes if note.startswith("step ")], recording.notes
    return recording


def steps(
    model: nn.Module,
    losses: Iterable[Loss],
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.SGD,
    **options: Any,
) -> Callable[[], None]:
    """A training of one step for each loss; without options, steps that move nothing."""

    def train() -> None:
        stepper = optimizer(model.parameters(), **({"lr": 0.0} | options))
        for loss in losses:
            stepper.zero_grad()
            loss(model).backward()
            stepper.step()

    return train


def row(recording: Recording, kind: str, name: str, at: int = 0) -> dict[str, float]:
    """Every column of one site in one observation, by name."""
    places = [site.name for site in recording.of_kind(kind)]
    assert name in places, f"{name} is not among {places}"
    return dict(
        zip(names(kind), recording.rows[kind][at, places.index(name)].tolist(), strict=True)
    )


def places(recording: Recording, kind: str = "call") -> dict[str, dict[str, Any]]:
    """Facts of the sites of a kind, by name."""
    return {site.name: site.facts for site in recording.of_kind(kind)}


def rms(tensor: torch.Tensor | None) -> float:
    """Root mean square in float64; nan where there is no tensor."""
    if tensor is None:
        return float("nan")
    return float(tensor.detach().double().square().mean().sqrt())


@dataclass
class Call:
    """One call of a leaf module: what it was given and made, and the gradients there."""

    module: nn.Module
    given: torch.Tensor
    made: torch.Tensor

    def row(self, rows: slice = slice(None)) -> dict[str, float]:
        """Columns of a call, of these examples."""
        gradient = self.made.grad[rows].detach().double()
        by_example = gradient.reshape(len(gradient), -1).square().mean(dim=1).sqrt()
        low, middle, high = (ranked(by_example, share) for share in (0.1, 0.5, 0.9))
        floating = self.given.is_floating_point()
        back = self.given.grad
        return {
            "examples": len(self.made),
            "elements": self.made.numel(),
            "sampled": self.made[rows].numel(),
            "in_rms": rms(self.given[rows]) if floating else float("nan"),
            "out_rms": rms(self.made[rows]),
            "grad_out_rms": rms(gradient),
            "grad_in_rms": rms(back[rows]) if back is not None else float("nan"),
            "grad_p10": low,
            "grad_p50": middle,
            "grad_p90": high,
        }

    def reach(self, rows: slice = slice(None)) -> float:
        """R by its definition, of these examples."""
        given, gradient = self.given[rows].double(), self.made.grad[rows].double()
        if isinstance(self.module, nn.Linear):
            per_row = given.square().sum(dim=-1) * gradient.square().sum(dim=-1)
        else:
            per_row = patches(self.module, given) * by_group(self.module, gradient)
        return float(per_row.detach().sum().sqrt())


def patches(convolution: nn.Module, given: torch.Tensor) -> torch.Tensor:
    """(examples, groups, positions): squared norm of each patch, every patch laid out."""
    if given.ndim == 3:
        given = given.unsqueeze(2)
    ones = [1] * (4 - convolution.weight.ndim)

    def two(name: str) -> tuple[int, ...]:
        return (*ones, *getattr(convolution, name))

    padding = (*[0] * len(ones), *convolution.padding)
    given = functional.pad(given, [p for one in reversed(padding) for p in (one, one)])
    found = functional.unfold(
        given, two("kernel_size"), dilation=two("dilation"), stride=two("stride")
    )
    return found.unflatten(1, (convolution.groups, -1)).square().sum(dim=2)


def by_group(convolution: nn.Module, gradient: torch.Tensor) -> torch.Tensor:
    """(examples, groups, positions): squared norm of the gradient over each group's channels."""
    return gradient.unflatten(1, (convolution.groups, -1)).square().sum(dim=2).flatten(2)


def ranked(values: torch.Tensor, share: float) -> float:
    """The nearest rank: an element of the sample, not a mean of two."""
    return float(values.sort().values[round(share * (len(values) - 1))])


@contextmanager
def kept(model: nn.Module):
    """Within this block: {name: calls} of every leaf module, each tensor apart and keeping its gradient.

    Recurrent layers, which return several tensors, are left out.
    """
    calls: dict[str, list[Call]] = {}

    def listen(name: str, module: nn.Module) -> Iterable[Any]:
        given: list[torch.Tensor] = []

        def before(_module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
            first = args[0].clone()  # what an in-place layer overwrites is this copy
            given.append(args[0])
            if first.requires_grad:
                given[-1] = args[0].view_as(args[0])
                given[-1].retain_grad()
                first = given[-1].clone()
            return first, *args[1:]

        def after(_module: nn.Module, _args: tuple[Any, ...], out: torch.Tensor) -> torch.Tensor:
            out.retain_grad()
            calls.setdefault(name, []).append(Call(module, given.pop(), out))
            return out.view_as(out)

        return module.register_forward_pre_hook(before), module.register_forward_hook(after)

    with ExitStack() as undo:
        for name, module in model.named_modules():
            if not list(module.children()) and not isinstance(module, nn.RNNBase):
                for handle in listen(name, module):
                    undo.callback(handle.remove)
        yield calls


def traced(model: nn.Module, loss: Loss) -> dict[str, Call]:
    """The only call of each leaf module in one pass; gradients of parameters are put back."""
    before = [p.grad for p in model.parameters()]
    model.zero_grad(set_to_none=True)
    with kept(model) as calls:
        loss(model).backward()
    for p, gradient in zip(model.parameters(), before, strict=True):
        p.grad = gradient
    return {name: seen[0] for name, seen in calls.items()}


def apart(expected: dict[str, float], found: dict[str, float], rel: float = 1e-5) -> dict[str, Any]:
    """{column: (found, expected)} where they differ; nan equals nan only."""
    return {
        name: (found[name], value)
        for name, value in expected.items()
        if not np.isclose(found[name], value, rtol=rel, atol=0.0, equal_nan=True)
    }


class Keeper(dict):
    """Keeps tensors by name, and their gradients, where a network's `forward` offers them."""

    def __call__(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor itself."""
        tensor.retain_grad()
        self[name] = tensor
        return tensor

    def way(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        """One way on which a tensor is used: a view, whose gradient is that way's alone."""
        return self(name, tensor.view_as(tensor))


class Nothing(Keeper):
    """Keeps nothing, and leaves the graph as it is."""

    def __call__(self, _name: str, tensor: torch.Tensor) -> torch.Tensor:
        return tensor

    def way(self, _name: str, tensor: torch.Tensor) -> torch.Tensor:
        return tensor
