"""The accelerator's way, on a machine without one: numbers of an observed step arrive some steps later."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from clinometer.attach.logbook import MOST_FLYING
from clinometer.taps.harvest import Harvest
from truth import record

INPUTS, LABELS = torch.randn(8, 5), torch.arange(8) % 3


class Belated:
    """Numbers that arrive so many steps after they were sent; `waits` counts who waited for them."""

    def __init__(self, monkeypatch, delays):
        self.now, self.waits, self._delays, self._due = 0, 0, delays, {}
        landed, wait, sent = Harvest.landed, Harvest.wait, Harvest._sent

        def send(harvest, joined):
            number = len(self._due)
            delay = self._delays[number % len(self._delays)]
            self._due.setdefault(harvest, self.now + delay)
            return sent(harvest, joined)

        def look(harvest):
            return self._due.get(harvest, 0) <= self.now and landed(harvest)

        def hold(harvest):
            self.waits += harvest in self._due
            self._due.pop(harvest, None)
            wait(harvest)

        monkeypatch.setattr(Harvest, "_sent", send)
        monkeypatch.setattr(Harvest, "landed", look)
        monkeypatch.setattr(Harvest, "wait", hold)


def training(steps, tick=lambda: None):
    """(model, function that trains it) with everything that changes from step to step."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(5, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3)
    )
    stepper = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.ExponentialLR(stepper, 0.5)

    def train():
        torch.manual_seed(1)
        for _ in range(steps):
            stepper.zero_grad()
            functional.cross_entropy(model(INPUTS), LABELS).backward()
            stepper.step()
            schedule.step()
            tick()

    return model, train


def recorded(tmp_path, monkeypatch, delays, steps=6):
    """(recording, the simulated accelerator, waits before the end)."""
    with monkeypatch.context() as patch:
        belated = Belated(patch, delays)
        waited = []

        def tick():
            belated.now += 1
            waited.append(belated.waits)

        model, train = training(steps, tick)
        return record(tmp_path, model, train), belated, max(waited)


@pytest.mark.parametrize("delays", [[1], [2], [3], [3, 0, 1, 2], [math.inf]])
def test_what_arrives_late_is_what_would_have_arrived_at_once(delays, tmp_path, monkeypatch):
    at_once, _, _ = recorded(tmp_path, monkeypatch, [0])
    late, _, waited = recorded(tmp_path, monkeypatch, delays)
    assert waited == 0  # nobody waits while the training goes on
    assert late.observed.tolist() == at_once.observed.tolist() == list(range(6))
    assert [site.name for site in late.sites] == [site.name for site in at_once.sites]
    for kind, rows in at_once.rows.items():
        # Precision is learnt from what has landed: float64 for longer, not other numbers.
        np.testing.assert_allclose(late.rows[kind], rows, rtol=2e-5, err_msg=kind)
    assert late.loss.tolist() == at_once.loss.tolist()
    assert late.labels == at_once.labels
    assert late.notes == at_once.notes == ()


def test_a_few_wait_and_the_rest_are_counted_as_missed(tmp_path, monkeypatch):
    late, belated, waited = recorded(tmp_path, monkeypatch, [math.inf], steps=20)
    assert waited == 0
    assert late.observed.tolist() == list(range(MOST_FLYING))
    assert belated.waits == MOST_FLYING
    (note,) = late.notes
    assert note.startswith(f"{20 - MOST_FLYING} observations were dropped")
    assert late.steps == 20
    assert len(late.loss) == 20


def test_an_accelerator_that_is_behind_by_a_little_misses_nothing(tmp_path, monkeypatch):
    late, _, _ = recorded(tmp_path, monkeypatch, [MOST_FLYING - 1], steps=20)
    assert late.observed.tolist() == list(range(20))
    assert late.notes == ()


def test_the_loss_scale_may_lie_on_the_accelerator_too(tmp_path, monkeypatch):
    from clinometer.attach.pulse import Pulse

    def note_there(pulse, scale):
        pulse._scale_there = torch.as_tensor(scale).detach()

    def trained():
        torch.manual_seed(2)
        model = nn.Linear(5, 3)
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**9)
        stepper = torch.optim.SGD(model.parameters(), lr=0.1)

        def train():
            for _ in range(3):
                stepper.zero_grad()
                scaler.scale(functional.cross_entropy(model(INPUTS), LABELS)).backward()
                scaler.step(stepper)
                scaler.update()

        return record(tmp_path, model, train)

    here = trained()
    with monkeypatch.context() as patch:
        patch.setattr(Pulse, "note_scale", note_there)
        there = trained()
    for name in ("grad_rms", "grad_step_rms", "stored_rms"):
        np.testing.assert_array_equal(
            there.column("parameter", name), here.column("parameter", name)
        )
