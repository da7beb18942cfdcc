"""The layer-by-layer map: against slow loops, closed values and drawn networks."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import integrate

from clinometer.theory.chain import Activated, Dropped, Flattened, WeightMap, chain_forecast
from clinometer.theory.drawn import largest_singular, unlike_drawn
from clinometer.theory.floats import FLOATS
from clinometer.theory.reach import reaches


def moment(function, q):
    """E[f(sqrt(q) z)^2] by adaptive quadrature."""
    density = lambda z: math.exp(-z * z / 2) / math.sqrt(2 * math.pi)  # noqa: E731
    whole = lambda z: function(math.sqrt(q) * z) ** 2 * density(z)  # noqa: E731
    return sum(
        integrate.quad(whole, *ends, epsabs=1e-13, epsrel=1e-11)[0] for ends in ((-12, 0), (0, 12))
    )


GELU = (
    lambda h: h * 0.5 * math.erfc(-h / math.sqrt(2)),
    lambda h: (
        0.5 * math.erfc(-h / math.sqrt(2)) + h * math.exp(-h * h / 2) / math.sqrt(2 * math.pi)
    ),
)


def test_the_map_of_gelu_layers_is_that_of_quadrature_and_loops():
    q, gains = 1.0, []
    for _ in range(12):
        q = 2.0 * moment(GELU[0], q) if gains else 2.0 * q
        gains.append((0.5 * math.log10(2.0), 0.5 * math.log10(moment(GELU[1], q))))
    links = [
        link for _ in range(12) for link in (WeightMap(2 / 64, 0, 64, 64), Activated("gelu", 64))
    ]
    found = chain_forecast(links, np.ones(1))
    assert found.gains.reshape(-1, 2) == pytest.approx(np.array(gains), abs=1e-9)
    assert found.lengths[-2] == pytest.approx(q, rel=1e-9)


def test_he_on_relu_keeps_the_gradient_and_torchs_default_loses_0389_a_layer():
    def total(variance):
        links = [
            link
            for _ in range(20)
            for link in (WeightMap(variance, 0, 64, 64), Activated("relu", 64))
        ]
        return chain_forecast(links, np.ones(3)).gains.sum()

    assert total(2 / 64) == pytest.approx(0.0, abs=1e-12)
    assert total(1 / (3 * 64)) == pytest.approx(-20 * 0.5 * math.log10(6), abs=1e-12)


@pytest.mark.parametrize(
    ("stride", "padding", "dilation"), [(1, 1, 1), (2, 1, 1), (1, 2, 2), (3, 0, 1)]
)
def test_a_convolutions_field_is_that_of_slow_loops_over_taps(stride, padding, dilation):
    draw = np.random.default_rng(0)
    q = draw.uniform(0.5, 2.0, (2, 9, 9))
    size = (9 + 2 * padding - dilation * 2 - 1) // stride + 1
    ahead, back = np.zeros((2, size, size)), np.zeros((2, 9, 9))
    for n, i, j, a, b in itertools.product(range(2), range(size), range(size), range(3), range(3)):
        y, x = i * stride + a * dilation - padding, j * stride + b * dilation - padding
        if 0 <= y < 9 and 0 <= x < 9:
            ahead[n, i, j] += 0.1 * 5 * q[n, y, x]
            back[n, y, x] += 0.1 * 7
    link = WeightMap(0.1, 0.25, 5, 7, (3, 3), (stride,) * 2, (padding,) * 2, (dilation,) * 2)
    found = chain_forecast([link], q)
    assert found.lengths[0] == pytest.approx(ahead.mean() + 0.25)
    assert found.gains[0] == pytest.approx(0.5 * math.log10(back.mean()))


def test_flattening_and_dropout_are_counted():
    links = [Dropped(0.5), Flattened(), WeightMap(1 / 48, 0.0, 48, 8)]
    found = chain_forecast(links, np.full((2, 4, 4), 3.0))
    assert found.lengths.tolist() == [6.0, 6.0, pytest.approx(6.0)]
    assert found.gains.tolist() == pytest.approx(
        [0.5 * math.log10(2), 0.0, 0.5 * math.log10(8 / 48)]
    )


def test_a_weight_left_open_is_fitted_to_an_output_of_length_one():
    links = [link for _ in range(3) for link in (WeightMap(None, 0, 32, 32), Activated("tanh", 32))]
    assert chain_forecast(links, np.full(4, 7.0)).lengths[::2] == pytest.approx(np.ones(3))


def test_the_spread_is_that_of_drawn_linear_and_relu_chains():
    for name, five in (("identity", 2.0), ("relu", 5.0)):
        links = [
            link for _ in range(9) for link in (WeightMap(2 / 50, 0, 50, 50), Activated(name, 50))
        ]
        closed = 0.5 * math.log10(math.e) * math.sqrt(9 * five / 50)
        assert chain_forecast(links, np.ones(1)).spread == pytest.approx(closed, rel=1e-9)


def test_lengths_that_are_not_held_widen_the_spread():
    """GELU under He has no stable length; the same network with lengths known is surer."""
    links = [
        link
        for _ in range(30)
        for link in (WeightMap(2 / 256, 0, 256, 256), Activated("gelu", 256))
    ]
    free = chain_forecast(links, np.ones(1))
    held = chain_forecast(
        links, np.ones(1), [np.ones(1) if k % 2 == 0 else None for k in range(60)]
    )
    assert free.spread > 2 * held.spread


def test_drawn_weights_look_drawn_and_others_do_not():
    draw = np.random.default_rng(5)
    for shape in ((64, 64), (10, 300), (300, 27), (8, 8)):
        assert unlike_drawn(draw.standard_normal(shape)) == ""
        assert unlike_drawn(draw.uniform(-1, 1, shape)) == ""
    assert unlike_drawn(np.linalg.qr(draw.standard_normal((64, 64)))[0]) == ""
    spiked = draw.standard_normal((64, 64)) + 3 * np.outer(*draw.standard_normal((2, 64))) / 8
    assert "singular" in unlike_drawn(spiked)
    assert "near 0" in unlike_drawn(np.eye(64) - 1 / 64)
    assert "zero throughout" in unlike_drawn(np.zeros((4, 4)))
    assert "NaN" in unlike_drawn(np.full((4, 4), np.nan))


def test_a_thousand_drawn_matrices_hold_at_most_a_few_that_look_learned():
    draw = np.random.default_rng(1)
    odd = sum(bool(unlike_drawn(draw.standard_normal((24, 36)))) for _ in range(1000))
    assert odd <= 3  # 4 standard errors twice, and Tracy-Widom beyond 5: below 1 in 1,000 together


def test_power_iteration_finds_the_largest_singular_value():
    weight = np.random.default_rng(2).standard_normal((600, 700))
    weight[0] *= 3
    exact = np.linalg.svd(weight, compute_uv=False)[0]
    assert largest_singular(weight) == pytest.approx(exact, rel=1e-3)


def test_each_dtypes_reach_is_where_a_loop_first_passes_its_bounds():
    for start, each in ((-1.0, -0.39), (0.0, 0.25), (-3.0, -5.0)):
        for one in reaches([each * k for k in range(4, -1, -1)], start, each):
            depth, here = 1, start
            up = one.kind == "overflow"
            while depth < 2000 and not ((here > one.limit) if up else (here < one.limit)):
                depth, here = depth + 1, here + each
            assert one.depth == (depth if depth < 2000 else None)


def test_the_largest_numbers_are_those_of_numpy():
    for name in ("float16", "float32", "float64"):
        assert FLOATS[name].largest == float(np.finfo(name).max)
