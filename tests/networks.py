"""Small networks and training loops that several tests use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

import clinometer
from clinometer.diagnosis.diagnosis import Diagnosis

Batch = tuple[torch.Tensor, torch.Tensor]


def chain(
    depth: int, width: int, activation: Callable[[], nn.Module], classes: int = 10, inputs: int = 0
) -> nn.Sequential:
    """`depth` hidden layers of equal width, each with an activation, and a linear head."""
    layers: list[nn.Module] = []
    for i in range(depth):
        layers += [nn.Linear(inputs if i == 0 and inputs else width, width), activation()]
    return nn.Sequential(*layers, nn.Linear(width, classes))


def initialise(model: nn.Module, fill: Callable[[torch.Tensor], Any]) -> nn.Module:
    """Fill every weight matrix; biases become 0."""
    for parameter in model.parameters():
        if parameter.ndim > 1:
            fill(parameter)
        else:
            nn.init.zeros_(parameter)
    return model


def blobs(rows: int, features: int, classes: int, seed: int = 0, spread: float = 0.5) -> Batch:
    """Gaussian blobs around random centres: a task that a linear model solves."""
    draw = torch.Generator().manual_seed(seed)
    centres = torch.randn(classes, features, generator=draw)
    labels = torch.arange(rows) % classes
    return centres[labels] + spread * torch.randn(rows, features, generator=draw), labels


def batches(data: Batch, size: int, seed: int = 0) -> Iterator[Batch]:
    """Random batches without end."""
    draw = torch.Generator().manual_seed(seed)
    while True:
        for rows in torch.randperm(len(data[1]), generator=draw).split(size):
            yield data[0][rows], data[1][rows]


def judged(
    folder: Path,
    model: nn.Module,
    data: Batch,
    *,
    steps: int = 200,
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.SGD,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = nn.functional.cross_entropy,
    every: int | None = 10,
    size: int = 64,
    **options: Any,
) -> Diagnosis:
    """Train while watched, and diagnose."""
    stepper = optimizer(model.parameters(), **({"lr": 0.1} | options))
    stream = batches(data, size)
    path = folder / f"run{len(list(folder.glob('*.clino')))}.clino"
    with clinometer.watch(model, to=path, every=every):
        for _ in range(steps):
            inputs, labels = next(stream)
            stepper.zero_grad()
            loss(model(inputs), labels).backward()
            stepper.step()
    return clinometer.diagnose(clinometer.read(path))


def codes(diagnosis: Diagnosis, *severities: str) -> list[str]:
    """Codes of the findings of these severities (all, where none is given)."""
    return [
        finding.code
        for finding in diagnosis.findings
        if not severities or finding.severity in severities
    ]


def stepped(
    folder: Path,
    model: nn.Module,
    data: Batch,
    optimizer: torch.optim.Optimizer,
    *,
    steps: int = 120,
    every: int | None = 5,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = nn.functional.cross_entropy,
    autocast: torch.dtype | None = None,
    scaler: torch.amp.GradScaler | None = None,
    rate: Callable[[int], float] = lambda step: 1.0,
) -> Diagnosis:
    """As `judged`, with an optimizer that exists, mixed precision, and a factor on the rate by step."""
    scaler = scaler or torch.amp.GradScaler("cpu", enabled=False)
    rates = [group["lr"] for group in optimizer.param_groups]
    first = next(model.parameters())
    stream = batches((data[0].to(first.dtype), data[1]), 64)
    path = folder / f"run{len(list(folder.glob('*.clino')))}.clino"
    with clinometer.watch(model, to=path, every=every):
        for step in range(steps):
            for group, given in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = given * rate(step)
            inputs, labels = next(stream)
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype=autocast, enabled=autocast is not None):
                found = loss(model(inputs), labels)
            scaler.scale(found).backward()
            scaler.step(optimizer)
            scaler.update()
    return clinometer.diagnose(clinometer.read(path))


def leading(diagnosis: Diagnosis) -> tuple[str, str, str]:
    """(code, cause, severity) of the finding that is named first."""
    first = diagnosis.findings[0]
    return first.code, first.cause, first.severity
