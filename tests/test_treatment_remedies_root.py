"""Roots and logarithms at 0: a finite slope there, and nothing else changed by a bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from clinometer.treatment.remedy import NotApplicable
from treated import blobs, torch_as_it_was, treat

X, _ = blobs(32)
PROPOSED = {"remedies": ["guard-root"]}
ROOTS: dict[str, Callable[[Tensor], Tensor]] = {
    "torch.sqrt": torch.sqrt,
    "method": lambda x: x.sqrt(),
    "power": lambda x: x**0.5,
    "pow": lambda x: torch.pow(x, 0.5),
}


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    with torch_as_it_was():
        yield


def layer() -> nn.Linear:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Linear(8, 4)


def pulled(
    model: nn.Linear, root: Callable[[Tensor], Tensor], pairs: Tensor, *, steps: int = 3
) -> list[float]:
    """Losses of a training that pulls pairs together."""
    optimizer = model.optimizer  # type: ignore[attr-defined]
    found = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = root((model(X) - model(X[pairs])).square().sum(1)).mean()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


def treated(finding: dict[str, list[str]] | None = None, *, apply: bool = True) -> nn.Linear:
    model = layer()
    model.optimizer = torch.optim.SGD(model.parameters(), lr=0.05)  # type: ignore[assignment]
    if apply:
        treat("guard-root", model, model.optimizer, X, finding=finding or PROPOSED)
    return model


SOME_SAME = torch.arange(32).roll(1)
SOME_SAME[:4] = torch.arange(4)
NONE_SAME = torch.arange(32).roll(1)


@pytest.mark.parametrize("root", ROOTS)
def test_a_pair_of_the_same_rows_no_longer_ruins_the_weights(root: str) -> None:
    plain = pulled(treated(apply=False), ROOTS[root], SOME_SAME)
    assert np.isnan(plain[1])
    assert np.all(np.isfinite(pulled(treated(), ROOTS[root], SOME_SAME)))


def test_the_first_gradient_is_that_of_the_pairs_that_differ() -> None:
    """Oracle: NumPy, pair by pair; the norm's subgradient at 0 is 0."""
    model = treated()
    weight = model.weight.detach().double().numpy()
    x = X.double().numpy()
    wanted = np.zeros_like(weight)
    for i, j in enumerate(SOME_SAME.tolist()):
        apart = x[i] - x[j]
        told = weight @ apart
        if np.linalg.norm(told) > 0:
            wanted += np.outer(told / np.linalg.norm(told), apart) / len(x)
    torch.sqrt((model(X) - model(X[SOME_SAME])).square().sum(1)).mean().backward()
    assert model.weight.grad is not None
    np.testing.assert_allclose(model.weight.grad.numpy(), wanted, rtol=1e-4, atol=1e-6)


def test_where_no_argument_is_0_nothing_changes_by_a_bit() -> None:
    by_hand = pulled(treated(apply=False), torch.sqrt, NONE_SAME)
    assert pulled(treated(), torch.sqrt, NONE_SAME) == by_hand


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_logarithm_and_an_inverse_root_of_0_are_finite_with_a_slope_of_0(
    dtype: torch.dtype,
) -> None:
    treated()
    for act in (torch.log, torch.rsqrt, torch.Tensor.log2, lambda x: x**-0.5):
        x = torch.tensor([0.0, 2.0], dtype=dtype, requires_grad=True)
        made = act(x)
        made.sum().backward()
        assert x.grad is not None
        assert bool(torch.isfinite(made).all())
        assert bool(torch.isfinite(x.grad).all())
        assert (x.grad == 0).tolist() == [True, False]


def test_nan_stays_and_other_powers_are_left_alone() -> None:
    treated()
    x = torch.tensor([0.0, float("nan")])
    assert bool(torch.isnan(torch.sqrt(x)[1]))
    for exponent in (0, 1, 2, 3.5):
        assert (x**exponent)[0] == float(exponent == 0)


def test_a_run_without_a_root_of_0_says_so() -> None:
    with pytest.raises(NotApplicable, match="root or logarithm of 0"):
        pulled(treated({"remedies": ["lower-rate"]}), torch.sqrt, NONE_SAME)
    pulled(treated({"remedies": ["lower-rate"]}), torch.sqrt, SOME_SAME)
    with pytest.raises(NotApplicable, match="root or logarithm of 0"):
        pulled(treated(), lambda x: x, SOME_SAME)
    with pytest.raises(NotApplicable, match="no optimizer"):
        treat("guard-root", layer(), None, X)
