"""The validation metric: the same sums on the device, in any shape, across ranks, and the user untouched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from clinometer.adapters.device_sums import device_sums
from clinometer.adapters.validation import ValidationMetric
from clinometer.errors import ShapeError
from clinometer.stats.batch_sums import batch_sums
from clinometer.stats.gaps import logit_gaps
from clinometer.stats.sums_layout import SINGLES, Layout, betas
from clinometer.stats.temperature import fit_temperature
from clinometer.stats.temperature_sums import TemperatureSums

DRIVERS = Path(__file__).parent / "drivers"
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def batch(seed: int = 0, n: int = 400, classes: int = 5, temperature: float = 1.0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, classes)) * 2.5
    y = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
    return torch.as_tensor(z * temperature), torch.as_tensor(y)


def result_of(*batches, **options):
    metric = ValidationMetric(**options)
    for one in batches:
        metric.update(*one)
    return metric.compute()


def test_the_sums_on_the_device_are_those_of_numpy():
    z, y = batch()
    z[3], z[5, 1], z[6] = 0.0, torch.nan, torch.inf
    y[7] = 9
    w = torch.rand(400, dtype=torch.float64)
    w[8] = 0.0
    for nodes, centre in ((5, 1.0), (9, 0.3)):
        found = device_sums(z, y, w, tuple(betas(nodes, centre).tolist())).numpy()
        expected = batch_sums(z.numpy(), y.numpy(), w.numpy(), nodes=nodes, centre=centre)
        expected[SINGLES.index("beyond")] = 0.0
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_nothing_asks_the_device_for_a_number():
    # A fake tensor holds no number: where a program would wait for one it raises.
    with FakeTensorMode():
        z, y = torch.zeros(6, 3), torch.zeros(6, dtype=torch.int64)
        metric = ValidationMetric()
        for labels in (y, y[:0], y - 100):
            metric.update(z[: len(labels)], labels, torch.ones(len(labels)))
        metric.update(torch.zeros(2, 3, 4), torch.zeros(2, 4, dtype=torch.int64))
        assert [high.shape for high, _ in metric._sums.values()] == [(Layout(5).size,)]
        with pytest.raises(DataDependentOutputException):
            z.sum().item()


def test_an_epoch_in_batches_is_the_exact_fit():
    z, y = batch(1, 4000, temperature=2.0)
    exact = fit_temperature(logit_gaps(z.numpy(), y.numpy()))
    found = result_of(*zip(z.split(64), y.split(64), strict=True))
    assert found.rows == 4000
    assert found.temperature == pytest.approx(1 / exact.beta, rel=3e-5)
    assert found.refinement == pytest.approx(exact.loss, abs=3e-6)
    assert found.loss == pytest.approx(float(torch.nn.functional.cross_entropy(z, y)), rel=1e-13)
    assert found.loss == pytest.approx(found.refinement + found.scale, rel=1e-15)


def test_the_next_epoch_looks_around_the_last_temperature():
    z, y = batch(2, 4000, temperature=25.0)
    metric = ValidationMetric()
    statuses = []
    for _ in range(4):
        metric.reset()
        metric.update(z, y)
        statuses.append(metric.compute().status)
    assert statuses == ["above", "finite", "finite", "finite"]
    exact = fit_temperature(logit_gaps(z.numpy(), y.numpy()))
    assert metric.compute().temperature == pytest.approx(1 / exact.beta, rel=3e-5)
    still = ValidationMetric(follow=False)
    for _ in range(3):
        still.reset()
        still.update(z, y)
        assert still.compute().status == "above"


def test_one_logit_in_any_shape_is_the_same_binary_problem():
    h = torch.randn(50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = (h > 0.3).long()
    two = result_of((torch.stack([torch.zeros_like(h), h], dim=1), y))
    for logits, labels in (
        (h, y),
        (h[:, None], y),
        (h[:, None], y[:, None]),
        (h, y.double()),
        (h, y.bool()),
        (h.reshape(5, 10), y.reshape(5, 10).float()),
    ):
        assert result_of((logits, labels)) == two


def test_pixels_and_ignored_labels_are_those_of_cross_entropy():
    generator = torch.Generator().manual_seed(1)
    z = torch.randn(2, 3, 4, 5, generator=generator, dtype=torch.float64)
    y = torch.randint(0, 3, (2, 4, 5), generator=generator)
    y[0, 0, :] = -100
    found = result_of((z, y))
    assert found.rows == 35
    assert found.loss == pytest.approx(float(torch.nn.functional.cross_entropy(z, y)), rel=1e-13)
    assert result_of((z, torch.where(y == -100, 255, y)), ignore_index=255) == found


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_half_precision_logits_are_taken_as_they_are(dtype):
    z, y = batch(3, 300)
    z = z.to(dtype)
    assert result_of((z, y)) == result_of((z.double(), y))


def test_weights_count_as_repeated_rows():
    z, y = batch(4, 100)
    k = torch.arange(100) % 4
    weighted, repeated = ValidationMetric(), ValidationMetric()
    weighted.update(z, y, k)
    repeated.update(z.repeat_interleave(k, 0), y.repeat_interleave(k))
    assert weighted.compute().refinement == pytest.approx(repeated.compute().refinement, rel=1e-12)


def test_rows_that_are_not_finite_are_a_finding():
    z, y = batch(5, 10)
    z[2, 0] = torch.nan
    found = result_of((z, y))
    assert (found.status, found.not_finite, found.rows) == ("not finite", 1, 9)
    w = torch.ones(10)
    w[4], w[5] = -1.0, torch.nan
    metric = ValidationMetric()
    metric.update(z, y, w)
    assert metric.compute().not_finite == 3


def test_merged_halves_are_the_whole():
    z, y = batch(6, 900)
    one, other = ValidationMetric(), ValidationMetric()
    one.update(z[:300], y[:300])
    other.update(z[300:], y[300:])
    one.merge(other)
    whole = ValidationMetric()
    whole.update(z, y)
    assert one.sums().vector == pytest.approx(whole.sums().vector, rel=1e-12)
    assert one.compute().temperature == pytest.approx(whole.compute().temperature, rel=1e-12)
    assert other.compute().rows == 600
    one.reset()
    assert one.compute().status == "empty"


def test_the_metric_and_the_numpy_sums_join():
    z, y = batch(7, 200)
    metric = ValidationMetric()
    metric.update(z[:50], y[:50])
    sums = TemperatureSums()
    sums.update(z[50:].numpy(), y[50:].numpy())
    whole = TemperatureSums()
    whole.update(z.numpy(), y.numpy())
    assert (sums + metric.sums()).vector == pytest.approx(whole.vector, rel=1e-12, abs=1e-12)


def test_the_user_s_tensors_random_numbers_and_graph_are_untouched():
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 3)
    x, y = torch.randn(8, 4), torch.randint(0, 3, (8,))
    logits = model(x)
    before, state = logits.detach().clone(), torch.get_rng_state()
    metric = ValidationMetric()
    metric.update(logits, y)
    metric.compute()
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(logits, before)
    assert torch.is_grad_enabled()
    torch.nn.functional.cross_entropy(logits, y).backward()  # the graph is still there
    assert model.weight.grad is not None
    with torch.inference_mode():
        metric.update(model(x), y)
    assert metric.compute().rows == 16


def test_what_does_not_fit_is_refused_with_what_was_found():
    z, y = batch(8, 6)
    with pytest.raises(ShapeError, match=r"logits \(6, 5\) and labels \(5,\)"):
        ValidationMetric().update(z, y[:5])
    with pytest.raises(ShapeError, match="not probabilities"):
        ValidationMetric().update(z, y.float())
    with pytest.raises(ShapeError, match="floating-point"):
        ValidationMetric().update(z.long(), y)
    metric = ValidationMetric()
    metric.update(z, y)
    with pytest.raises(ShapeError, match="3 classes after 5"):
        metric.update(z[:, :3], y)
    metric.update(z, torch.full((6,), 7))
    with pytest.raises(ShapeError, match="6 labels lie outside the classes 0 to 4"):
        metric.compute()
    soft = ValidationMetric()
    soft.update(z[:, 0], torch.full((6,), 0.3))
    with pytest.raises(ShapeError, match="outside the classes 0 to 1"):
        soft.compute()
    with pytest.raises(ShapeError, match="weights for 6 labels"):
        ValidationMetric().update(z, y, torch.ones(3))


@pytest.fixture(scope="module")
def ranks(tmp_path_factory) -> list[dict]:
    folder = tmp_path_factory.mktemp("ranks")
    done = subprocess.run(
        [sys.executable, *TORCHRUN, str(DRIVERS / "two_validators.py"), str(folder)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


def test_two_ranks_see_what_one_process_sees(ranks):
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(1001, 5, generator=generator) * 3
    y = torch.randint(0, 5, (1001,), generator=generator)
    y = torch.where(torch.rand(1001, generator=generator) < 0.6, z.argmax(dim=1), y)
    one = result_of((z, y))
    for rank in ranks:
        assert rank["rows"] == [1001, 1001]  # asked twice, nothing is counted twice
        assert rank["temperature"] == pytest.approx([one.temperature] * 2, rel=1e-12)
        assert rank["loss"] == pytest.approx(one.loss, rel=1e-12)
        assert rank["lonely"] == pytest.approx([1001, one.temperature], rel=1e-12)
    assert [rank["own"] for rank in ranks] == [400, 601]
    assert ranks[0]["temperature"] == ranks[1]["temperature"]  # so both look at the same place next
