"""Trainings in this process, and their treatment: what tests of remedies share."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.overrides import _get_current_function_mode_stack, _pop_mode
from torch.utils.data.dataloader import _BaseDataLoaderIter

from clinometer.treatment.patient import Call, Patient
from clinometer.treatment.remedy import all_remedies

FINDING: dict[str, Any] = {"code": "FLOW502", "layer": "", "layers": [], "remedies": []}
FACTS: dict[str, Any] = {
    "steps": 200,
    "no_information": None,
    "loss": "cross_entropy",
    "ledger": {},
}


def patient(
    model: nn.Module | Sequence[nn.Module],
    optimizer: Optimizer | Sequence[Optimizer] | None,
    inputs: Any = None,
    labels: Tensor | None = None,
    *,
    finding: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Patient:
    """A run of this process as a remedy meets it; `inputs` are of the call that is about to run.

    `labels` are not the patient's: they are taken so that a test can hand over its batch as it is.
    """
    del labels
    roots = [model] if isinstance(model, nn.Module) else list(model)
    made = [] if optimizer is None else [optimizer]
    optimizers = made if isinstance(optimizer, Optimizer | None) else list(optimizer)
    args = inputs if isinstance(inputs, tuple) else (inputs,)
    call = None if inputs is None else Call(roots[0], args, {})
    return Patient(
        roots=roots,
        optimizers=optimizers,
        finding=FINDING | dict(finding or {}),
        facts=FACTS | dict(facts or {}),
        call=call,
        generator=torch.Generator().manual_seed(seed),
    )


def treat(name: str, *args: Any, **options: Any) -> str:
    """Apply a remedy by its name to `patient(*args, **options)`; what was done."""
    return all_remedies()[name].apply(patient(*args, **options))


@contextlib.contextmanager
def torch_as_it_was() -> Iterator[None]:
    """What a remedy replaces in torch is put back: here the process goes on with other tests."""
    owners = [
        torch,
        torch.nn.functional,
        torch.Tensor,
        torch.autograd,
        torch.autocast,
        torch.amp.GradScaler,
        nn.Module,
        _BaseDataLoaderIter,
    ]
    kept = [(owner, dict(vars(owner))) for owner in owners]
    depth = len(_get_current_function_mode_stack())
    try:
        yield
    finally:
        while len(_get_current_function_mode_stack()) > depth:
            _pop_mode()
        for owner, before in kept:
            for name, value in list(vars(owner).items()):
                if name not in before:
                    delattr(owner, name)
                elif before[name] is not value:
                    setattr(owner, name, before[name])


@contextlib.contextmanager
def streams_untouched() -> Iterator[None]:
    """Fails where a draw was made from torch's global stream inside."""
    before = torch.get_rng_state()
    yield
    assert torch.equal(before, torch.get_rng_state())


def blobs(rows: int = 256, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Three overlapping classes in eight dimensions: (rows, 8) and labels."""
    made = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 3, (rows,), generator=made)
    centres = torch.randn(3, 8, generator=made)
    return centres[labels] + torch.randn(rows, 8, generator=made), labels


def network(seed: int = 0, width: int = 16, dtype: torch.dtype = torch.float32) -> nn.Sequential:
    """Two layers for `blobs`; the same weights for the same seed, torch's stream left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(8, width), nn.Tanh(), nn.Linear(width, 3)).to(dtype)


def losses_of(
    model: nn.Module,
    optimizer: Optimizer,
    data: tuple[Tensor, Tensor] | None = None,
    *,
    steps: int = 12,
    batch: int = 16,
    each: Callable[[int], None] | None = None,
    zero: bool = True,
) -> list[float]:
    """A plain training, as a script would write it; `each` runs after each step (a scheduler, say)."""
    x, y = data or blobs()
    losses = []
    for step in range(steps):
        rows = torch.arange(step * batch, (step + 1) * batch) % len(x)
        if zero:
            optimizer.zero_grad()
        output = model(x[rows].to(next(model.parameters()).dtype))
        loss = nn.functional.cross_entropy(output.float(), y[rows])
        loss.backward()
        optimizer.step()
        if each is not None:
            each(step)
        losses.append(loss.item())
    return losses
