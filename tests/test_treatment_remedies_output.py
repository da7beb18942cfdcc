"""The activation behind the last layer: taken away where it keeps a regression from its targets."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from clinometer.treatment.remedies.linear_output import RANGES
from clinometer.treatment.remedy import NotApplicable
from treated import blobs, torch_as_it_was, treat

X, _ = blobs(64)
BELOW = -1.5 - X[:, :1].square()  # every target is less than what a ReLU, sigmoid or tanh can say
FACTS = {"loss": "squared_error"}


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    with torch_as_it_was():
        yield


class Called(nn.Module):
    """The activation as a function; the same one between the layers stays."""

    def __init__(self, act: Callable[[Tensor], Tensor] = functional.relu) -> None:
        super().__init__()
        self.first, self.last, self.act = nn.Linear(8, 16), nn.Linear(16, 1), act

    def forward(self, x: Tensor) -> Tensor:
        hidden = functional.relu(self.first(x))
        return self.act(self.last(hidden)).reshape(-1, 1)


class Shared(nn.Module):
    """One module behind both layers."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last, self.act = nn.Linear(8, 16), nn.Linear(16, 1), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.last(self.act(self.first(x))))


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make()


def stacked(act: nn.Module) -> nn.Module:
    return seeded(lambda: nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1), act))


def train(model: nn.Module, target: Tensor, *, treated: bool, steps: int = 5) -> list[float]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    if treated:
        treat("linear-output", model, optimizer, X, facts=FACTS)
    found = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = functional.mse_loss(model(X), target)
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


@pytest.mark.parametrize(
    "act", [nn.ReLU(), nn.ReLU(inplace=True), nn.Sigmoid(), nn.Tanh(), nn.Softplus(beta=2.0)]
)
def test_training_goes_on_as_if_no_activation_had_been_written(act: nn.Module) -> None:
    model = stacked(act)
    by_hand = copy.deepcopy(model)
    by_hand[3] = nn.Identity()
    assert train(model, BELOW, treated=True) == train(by_hand, BELOW, treated=False)


@pytest.mark.parametrize("make", [Called, Shared])
def test_a_call_behind_the_last_layer_goes_and_the_same_one_between_layers_stays(
    make: Callable[[], nn.Module],
) -> None:
    model = seeded(make)
    train(model, BELOW, treated=True)
    by_hand = model.last(functional.relu(model.first(X)))
    assert torch.equal(model(X), by_hand)


def test_a_dead_output_unit_learns_again() -> None:
    model = stacked(nn.ReLU())
    with torch.no_grad():
        model[2].bias.fill_(-10.0)
    plain = train(copy.deepcopy(model), BELOW, treated=False, steps=20)
    treated = train(model, BELOW, treated=True, steps=20)
    assert plain[-1] == plain[0]
    assert treated[-1] < treated[0] / 4


def test_targets_that_the_activation_reaches_leave_it_where_it_is() -> None:
    for act, target in ((nn.ReLU(), X[:, :1].abs()), (nn.Tanh(), torch.tanh(X[:, :1]))):
        with pytest.raises(NotApplicable, match="cannot reach"):
            train(stacked(act), target, treated=True)


def test_the_ends_of_a_range_count_as_reached() -> None:
    with pytest.raises(NotApplicable, match="cannot reach"):
        train(stacked(nn.Sigmoid()), (X[:, :1] > 0).float(), treated=True)


def test_without_an_activation_of_known_range_or_a_regression_nothing_is_tried() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1)
    for act in (nn.Identity(), nn.GELU(), nn.Softmax(dim=1)):
        with pytest.raises(NotApplicable, match="behind the last layer"):
            treat("linear-output", stacked(act), optimizer, X, facts=FACTS)
    with pytest.raises(NotApplicable, match="no regression"):
        treat("linear-output", stacked(nn.ReLU()), optimizer, X)


@pytest.mark.parametrize("name", RANGES)
def test_ranges_are_those_of_the_functions(name: str) -> None:
    wide = torch.tensor([-1e30, -50.0, 0.0, 50.0, 1e30], dtype=torch.float64)
    act = {"log_sigmoid": functional.logsigmoid}.get(name) or getattr(functional, name)
    low, high = act(wide).min().item(), act(wide).max().item()
    wanted = [1e30 if one == float("inf") else -1e30 if one == -float("inf") else one
              for one in RANGES[name]]  # fmt: skip
    assert [low, high] == pytest.approx(wanted)
