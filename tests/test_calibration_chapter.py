"""The chapter's table: every number to 1e-12 in float64, and float32 as torch computes it."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import torch

from clinometer.calibration.chapter import WEIGHTS, X, Y, models, save_models, table
from clinometer.calibration.compare import compare
from clinometer.calibration.files import read_predictions

CE, SE = "cross-entropy", "squared error"
F = torch.nn.functional

RIGHT, EXCHANGED = table(), table(exchanged=True)

# quantity, (model A, model B); 17 digits, computed at 50
NUMBERS = [
    ("ŷ at (1, 1)", lambda c: c[CE].prediction[0], 0.88079707797788244, 0.99999999793884638),
    ("ŷ at (−1, −1)", lambda c: c[CE].prediction[1], 0.11920292202211756, 2.0611536181902036e-9),
    ("error", lambda c: c[CE].error[0], 0.11920292202211756, 2.0611536181902036e-9),
    ("dŷ/dh", lambda c: c[CE].slope[0], 0.10499358540350652, 2.0611536139418493e-9),
    ("CE", lambda c: c[CE].loss, 0.1269280110429725, 2.0611536203143807e-9),
    ("SE", lambda c: c[SE].loss, 0.014209336618611039, 4.2483542377785675e-18),
    ("CE dC/dŷ", lambda c: c[CE].by_prediction[0], -1.1353352832366127, -1.0000000020611536),
    ("CE dC/dw", lambda c: c[CE].by_weight[0], -0.11920292202211756, -2.0611536181902036e-9),
    ("CE Δw .1", lambda c: c[CE].steps[0.1][0], 0.011920292202211756, 2.0611536181902036e-10),
    ("CE Δw 1", lambda c: c[CE].steps[1.0][1], 0.11920292202211756, 2.0611536181902036e-9),
    ("SE dC/dŷ", lambda c: c[SE].by_prediction[0], -0.23840584404423511, -4.1223072363804072e-9),
    ("SE dC/dw", lambda c: c[SE].by_weight[1], -0.025031084347353455, -8.4967084580441136e-18),
    ("SE Δw .1", lambda c: c[SE].steps[0.1][0], 0.0025031084347353455, 8.4967084580441136e-19),
    ("SE Δw 1", lambda c: c[SE].steps[1.0][0], 0.025031084347353455, 8.4967084580441136e-18),
]
NUMBERS_EXCHANGED = [
    ("CE", lambda c: c[CE].loss, 2.1269280110429725, 20.000000002061154),
    ("CE dC/dw", lambda c: c[CE].by_weight[0], 0.88079707797788244, 0.99999999793884638),
    ("SE", lambda c: c[SE].loss, 0.77580349257437593, 0.99999999587769277),
    ("SE dC/dw", lambda c: c[SE].by_weight[0], 0.18495608645965958, 4.1223072193869902e-9),
]


def column(chapter, model):
    return {name: chain for (m, name), chain in chapter.float64.items() if m == model}


@pytest.mark.parametrize(("name", "of", "a", "b"), NUMBERS, ids=[n[0] for n in NUMBERS])
def test_a_number_of_the_table(name, of, a, b):
    assert float(of(column(RIGHT, "A"))) == pytest.approx(a, rel=1e-12, abs=0)
    assert float(of(column(RIGHT, "B"))) == pytest.approx(b, rel=1e-12, abs=0)


@pytest.mark.parametrize(("name", "of", "a", "b"), NUMBERS_EXCHANGED)
def test_a_number_of_the_table_with_the_labels_exchanged(name, of, a, b):
    assert float(of(column(EXCHANGED, "A"))) == pytest.approx(a, rel=1e-12, abs=0)
    assert float(of(column(EXCHANGED, "B"))) == pytest.approx(b, rel=1e-12, abs=0)


@pytest.mark.parametrize("scale", [1, 10])
def test_the_table_agrees_with_the_chain_rule_at_fifty_digits(scale):
    chains = column(RIGHT, {1: "A", 10: "B"}[scale])
    with mpmath.workdps(50):
        p = 1 / (1 + mpmath.exp(-mpmath.mpf(2 * scale)))
        slope = p * (1 - p)
        by_w = {CE: (p - 1) / slope * slope, SE: 2 * (p - 1) * slope}
    for (
        loss,
        exact,
    ) in by_w.items():  # both points give the same, so the mean over two is one of them
        assert float(chains[loss].by_weight[0]) == pytest.approx(float(exact), rel=1e-13, abs=0)


def test_the_true_bias_gradient_is_zero():
    assert [c.by_bias for c in RIGHT.float64.values()] == [0.0] * 4


def test_in_float64_only_squared_error_is_frozen_and_only_in_model_b():
    frozen = {key for key, c in RIGHT.float64.items() if all(v.all() for v in c.lost.values())}
    assert frozen == {("B", SE)}


TORCH_PATHS = {
    "sigmoid + squared error": lambda h, y: (torch.sigmoid(h) - y) ** 2,
    "sigmoid + cross-entropy": lambda h, y: F.binary_cross_entropy(
        torch.sigmoid(h), y, reduction="none"
    ),
    "cross-entropy with logits": lambda h, y: F.binary_cross_entropy_with_logits(
        h, y, reduction="none"
    ),
    "softmax over (0, h)": lambda h, y: F.cross_entropy(
        torch.stack([torch.zeros_like(h), h], 1), y.long(), reduction="none"
    ),
}


@pytest.mark.parametrize("exchanged", [False, True])
@pytest.mark.parametrize("model", ["A", "B"])
@pytest.mark.parametrize("path", TORCH_PATHS)
def test_float32_is_torchs_zero_for_zero(path, model, exchanged):
    ours = (EXCHANGED if exchanged else RIGHT).float32[model, path]
    w = torch.tensor(WEIGHTS[model], dtype=torch.float32, requires_grad=True)
    h = torch.tensor(X, dtype=torch.float32) @ w
    h.retain_grad()
    y = torch.tensor(1 - Y if exchanged else Y, dtype=torch.float32)
    losses = TORCH_PATHS[path](h, y)
    losses.mean().backward()
    for found, expected in (
        (ours.losses, losses.detach()),
        (ours.by_logit, h.grad),
        (ours.by_weight, w.grad),
    ):
        theirs = expected.numpy()
        assert found.dtype == np.float32
        assert (found == 0).tolist() == (theirs == 0).tolist()
        np.testing.assert_allclose(found, theirs, rtol=2e-6)
    for rate, lost in ours.lost.items():
        assert lost.tolist() == (w.detach() - rate * w.grad == w.detach()).tolist()


def test_which_entries_float32_makes_exactly_zero_for_model_b():
    zero = {path: RIGHT.float32["B", path] for path in TORCH_PATHS}
    assert {p: (c.losses == 0).tolist() for p, c in zero.items()} == {
        "sigmoid + squared error": [True, False],
        "sigmoid + cross-entropy": [True, False],
        "cross-entropy with logits": [False, True],
        "softmax over (0, h)": [True, True],
    }
    for c in zero.values():
        assert (c.by_logit == 0).tolist() == [True, False]  # the point (1, 1) no longer speaks
        assert all(lost.all() for lost in c.lost.values())  # no update changes a bit
        assert c.by_bias > 0  # invented: the truth is 0
    half = zero["cross-entropy with logits"].by_weight[0] / RIGHT.float64["B", CE].by_weight[0]
    assert half == pytest.approx(0.5, rel=1e-6)


def test_wrong_on_every_point_squared_error_learns_nothing_in_float32():
    c = EXCHANGED.float32["B", "sigmoid + squared error"]
    assert c.losses.tolist() == [1.0, 1.0]
    assert all(lost.all() for lost in c.lost.values())
    bce = EXCHANGED.float32["B", "sigmoid + cross-entropy"]
    assert bce.losses.tolist() == [100.0, 20.0]
    assert bce.by_weight.tolist() == pytest.approx([0.5, 0.5])


def test_the_saved_models_are_the_models(tmp_path):
    pair = [read_predictions(path) for path in save_models(tmp_path / "new")]
    for read, made in zip(pair, models().values(), strict=True):
        assert (read.logits == made.logits).all()
        assert (read.linear.weight == made.linear.weight).all()
    assert compare(*pair).verdict == "same separator"
