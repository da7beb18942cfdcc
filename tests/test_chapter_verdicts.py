"""The chapter's model B: the same flat sigmoid is right under one loss and stuck under another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

import clinometer
from clinometer.diagnosis.diagnosis import Diagnosis

POINTS = torch.tensor([[1.0, 1.0], [-1.0, -1.0]])
LABELS = torch.tensor([[1.0], [0.0]])


def model_b(*after: nn.Module) -> nn.Sequential:
    """A linear unit with weights (10, 10), and what follows it."""
    unit = nn.Linear(2, 1)
    with torch.no_grad():
        unit.weight.fill_(10.0)
        unit.bias.zero_()
    return nn.Sequential(unit, *after)


def trained(
    folder: Path,
    model: nn.Module,
    labels: torch.Tensor,
    loss_of: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> Diagnosis:
    stepper = torch.optim.SGD(model.parameters(), lr=0.1)
    with clinometer.watch(model, to=folder / "b.clino", every=10):
        for _ in range(200):
            stepper.zero_grad()
            loss_of(model(POINTS), labels).backward()
            stepper.step()
    return clinometer.diagnose(clinometer.read(folder / "b.clino"))


def answer(diagnosis: Diagnosis) -> dict[str, str | None]:
    return {row["parameter"]: row["answer"] for row in diagnosis.to_dict()["ledger"]}


def test_under_cross_entropy_its_gradient_is_small_because_the_points_are_right(tmp_path):
    found = trained(tmp_path, model_b(), LABELS, nn.BCEWithLogitsLoss())
    assert found.verdict == "learned"
    assert answer(found)["0.weight"] == "learned"
    assert not [finding for finding in found.findings if finding.severity != "note"]


def test_with_exchanged_labels_and_squared_error_it_is_small_although_they_are_wrong(tmp_path):
    found = trained(tmp_path, model_b(nn.Sigmoid()), 1 - LABELS, nn.MSELoss())
    assert found.verdict == "stuck"
    assert (found.findings[0].code, found.findings[0].severity) == ("FLOW104", "error")
    assert answer(found)["0.weight"] == "stuck"
    killed = found.answers["0.weight"]
    assert killed.factor == "loss_end"  # the sigmoid lies between the logit and the loss
    assert (
        killed.decades > 7.5
    )  # sigmoid'(20) = 2.06e-9, of a guess's 1/4: 8.08 less 0.3 for the error


def test_with_exchanged_labels_cross_entropy_alone_still_learns(tmp_path):
    found = trained(tmp_path, model_b(), 1 - LABELS, nn.BCEWithLogitsLoss())
    assert found.verdict in {"learning", "learned"}
    assert "stuck" not in answer(found).values()


@pytest.mark.parametrize("loss_of", [nn.MSELoss(), nn.BCELoss()])
def test_a_right_sigmoid_is_learned_whatever_the_loss(loss_of, tmp_path):
    found = trained(tmp_path, model_b(nn.Sigmoid()), LABELS, loss_of)
    assert found.verdict == "learned"
    assert answer(found)["0.weight"] == "learned"
