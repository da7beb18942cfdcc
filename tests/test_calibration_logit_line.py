"""Two models' logits on the same rows: the blockwise figures against whole arrays."""

from __future__ import annotations

import numpy as np
import pytest

from clinometer.calibration import logit_line as module
from clinometer.calibration.linear import kahan_angle
from clinometer.calibration.logit_line import logit_line


@pytest.mark.parametrize("size", [1e-200, 1.0, 1e100])
@pytest.mark.parametrize("cells", [7, 64, 1 << 15])
def test_blocks_give_what_whole_arrays_give(monkeypatch, size, cells):
    monkeypatch.setattr(module, "CELLS", cells)
    rng = np.random.default_rng(0)
    a = rng.normal(size=(50, 4))
    b = 2.5 * a + 0.1 * rng.normal(size=a.shape)
    found = logit_line(size * a, b)
    x, y = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    scale = (x * y).sum() / (x * x).sum()
    assert found.scale == pytest.approx(scale / size, rel=1e-12)
    assert found.residual == pytest.approx(np.linalg.norm(y - scale * x) / np.linalg.norm(y))
    assert found.angle_rad == pytest.approx(kahan_angle(x, y), rel=1e-9)
    u, v = x - x.mean(axis=0), y - y.mean(axis=0)
    assert found.cosine == pytest.approx((u * v).sum() / np.linalg.norm(u) / np.linalg.norm(v))
    assert found.decisions_differ == np.mean(a.argmax(axis=1) != b.argmax(axis=1))


def test_a_zero_model_has_no_angle():
    found = logit_line(np.zeros((3, 2)), np.eye(3, 2))
    assert (found.angle_rad, found.scale, found.residual, found.cosine) == (None,) * 4
