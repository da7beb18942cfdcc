"""Remedies of loss, data and confidence: each against the same change written by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.overrides import _pop_mode

from clinometer.treatment.remedy import NotApplicable
from treated import blobs, patient, torch_as_it_was, treat

Loss = Callable[[Tensor], Tensor]


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    with torch_as_it_was():
        yield


def train(
    model: nn.Module, loss: Loss, x: Tensor, remedy: str = "", steps: int = 5, **options: Any
) -> list[float]:
    """Losses of plain SGD steps on one batch, treated before the first."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    if remedy:
        options.setdefault("finding", {"remedies": [remedy]})
        treat(remedy, model, optimizer, x, **options)
    found = []
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(model(x))
        value.backward()
        optimizer.step()
        found.append(value.item())
    return found


def made(*behind: nn.Module, outputs: int = 3) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, outputs), *behind)


X, LABELS = blobs(64)
ONE_HOT = F.one_hot(LABELS, 3).float()
YES = (LABELS == 0).float()


MATCHES: dict[str, tuple[tuple[nn.Module, ...], int, Loss, Loss]] = {
    "softmax, cross-entropy": (
        (nn.Softmax(dim=1),), 3,
        lambda out: nn.CrossEntropyLoss()(out, LABELS), lambda out: F.cross_entropy(out, LABELS),
    ),
    "softmax of one row, cross-entropy with weights": (
        (nn.Softmax(dim=-1),), 3,
        lambda out: F.cross_entropy(out, LABELS, weight=torch.tensor([1.0, 2.0, 3.0])),
        lambda out: F.cross_entropy(out, LABELS, weight=torch.tensor([1.0, 2.0, 3.0])),
    ),
    "sigmoid, cross-entropy": (
        (nn.Sigmoid(),), 3,
        lambda out: F.cross_entropy(out, LABELS), lambda out: F.cross_entropy(out, LABELS),
    ),
    "ReLU, cross-entropy": (
        (nn.ReLU(),), 3,
        lambda out: F.cross_entropy(out, LABELS), lambda out: F.cross_entropy(out, LABELS),
    ),
    "softmax, NLL": (
        (nn.Softmax(dim=1),), 3,
        lambda out: nn.NLLLoss()(out, LABELS), lambda out: F.cross_entropy(out, LABELS),
    ),
    "logits, NLL": (
        (), 3, lambda out: F.nll_loss(out, LABELS), lambda out: F.cross_entropy(out, LABELS),
    ),
    "sigmoid, squared error": (
        (nn.Sigmoid(),), 3,
        lambda out: nn.MSELoss()(out, ONE_HOT),
        lambda out: F.binary_cross_entropy_with_logits(out, ONE_HOT),
    ),
    "softmax, squared error": (
        (nn.Softmax(dim=1),), 3,
        lambda out: F.mse_loss(out, ONE_HOT), lambda out: F.cross_entropy(out, ONE_HOT),
    ),
    "sigmoid, squeezed, BCE with logits": (
        (nn.Sigmoid(),), 1,
        lambda out: nn.BCEWithLogitsLoss()(out.squeeze(-1), YES),
        lambda out: F.binary_cross_entropy_with_logits(out.squeeze(-1), YES),
    ),
    "sigmoid, one column, BCE": (
        (nn.Sigmoid(),), 1,
        lambda out: nn.BCELoss()(out[:, 0], YES),
        lambda out: F.binary_cross_entropy_with_logits(out[:, 0], YES),
    ),
    "softmax, BCE against one class of several": (
        (nn.Softmax(dim=1),), 3,
        lambda out: F.binary_cross_entropy(out.clamp(1e-6, 1 - 1e-6), ONE_HOT),
        lambda out: F.cross_entropy(out, ONE_HOT),
    ),
    "softmax, BCE with logits": (
        (nn.Softmax(dim=1),), 3,
        lambda out: F.binary_cross_entropy_with_logits(out, ONE_HOT),
        lambda out: F.binary_cross_entropy_with_logits(out, ONE_HOT),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MATCHES)
def test_the_matching_loss_is_the_one_that_a_user_would_write_on_logits(case: str) -> None:
    behind, outputs, script, by_hand = MATCHES[case]
    treated = train(made(*behind, outputs=outputs), script, X, "logits-with-matching-loss")
    _pop_mode()
    assert treated == train(made(outputs=outputs), by_hand, X)


def test_the_output_that_the_script_sees_stays_a_probability() -> None:
    model = made(nn.Softmax(dim=1))
    train(model, lambda out: F.cross_entropy(out, LABELS), X, "logits-with-matching-loss")
    assert torch.allclose(model(X).sum(1), torch.ones(len(X)))


def test_logits_that_match_their_loss_are_left_alone_and_that_is_said() -> None:
    with pytest.raises(NotApplicable, match="no softmax, sigmoid"):
        treat("logits-with-matching-loss", made(), None, X)
    with pytest.raises(NotApplicable, match="no softmax, sigmoid"):
        train(made(), lambda out: F.cross_entropy(out, LABELS), X, "logits-with-matching-loss")


def test_log_probabilities_stay_with_nll_loss() -> None:
    with pytest.raises(NotApplicable, match="was seen"):
        train(
            made(nn.LogSoftmax(dim=1)), lambda out: F.nll_loss(out, LABELS), X,
            "logits-with-matching-loss",
        )  # fmt: skip


def test_a_softmax_over_one_unit_becomes_its_sigmoid() -> None:
    treated = made(nn.Softmax(dim=1), outputs=1)
    losses = train(
        treated, lambda out: nn.BCELoss()(out.squeeze(1), YES), X, "sigmoid-for-one-unit"
    )
    seen = treated(X)
    _pop_mode()
    plain = made(outputs=1)
    assert losses == train(
        plain, lambda out: F.binary_cross_entropy_with_logits(out.squeeze(1), YES), X
    )
    assert torch.equal(seen, torch.sigmoid(plain(X)))


def test_a_softmax_over_several_units_is_no_case_for_a_sigmoid() -> None:
    with pytest.raises(NotApplicable, match="single unit"):
        treat("sigmoid-for-one-unit", made(nn.Softmax(dim=1)), None, X)


def test_two_units_learn_what_one_under_a_softmax_cannot() -> None:
    model = made(nn.Softmax(dim=1), outputs=1)
    losses = train(
        model, lambda out: F.binary_cross_entropy(out.squeeze(1), YES), X, "one-unit-per-class",
        steps=60,
    )  # fmt: skip
    assert losses[0] == pytest.approx(np.log(2), abs=0.3)
    assert losses[-1] < 0.5 * losses[0]
    assert model(X).shape == (64, 1)


def test_several_units_are_left_as_they_are() -> None:
    with pytest.raises(NotApplicable, match="no single unit"):
        treat("one-unit-per-class", made(), torch.optim.SGD(made().parameters()), X)


def test_a_softmax_over_rows_is_taken_over_classes() -> None:
    def loss(out: Tensor) -> Tensor:
        return F.nll_loss(out.log(), LABELS)

    treated = train(made(nn.Softmax(dim=0)), loss, X, "softmax-over-classes")
    _pop_mode()
    assert treated == train(made(nn.Softmax(dim=1)), loss, X)
    with pytest.raises(NotApplicable, match="rows of the batch"):
        treat("softmax-over-classes", made(nn.Softmax(dim=1)), None, X)


def test_labels_are_smoothed_in_training_alone() -> None:
    def loss(out: Tensor) -> Tensor:
        return F.cross_entropy(out, LABELS)

    model = made()
    treated = train(model, loss, X, "smooth-labels")
    with torch.no_grad():
        evaluated = loss(model(X)).item()
    _pop_mode()
    assert treated == train(made(), lambda o: F.cross_entropy(o, LABELS, label_smoothing=0.1), X)
    assert evaluated == loss(model(X)).item()


def test_a_squared_error_has_no_labels_to_smooth() -> None:
    with pytest.raises(NotApplicable, match="no labels"):
        treat("smooth-labels", made(), None, X, facts={"loss": "squared_error"})


RAW = X * torch.tensor([1.0, 10.0, 100.0, 1e3, 1e-3, 1.0, 1.0, 0.0]) + torch.arange(8) * 100.0


def standardised(x: Tensor) -> Tensor:
    """NumPy, in float64: the oracle of `scale_of`; the last feature is constant."""
    wide = x.double().numpy()
    spread = wide.std(0)
    pooled = np.sqrt((wide.std(0) ** 2).mean())
    spread[spread == 0] = pooled
    mean, spread = (
        torch.tensor(one, dtype=torch.float64).float() for one in (wide.mean(0), spread)
    )
    return (x - mean) / spread


def test_inputs_are_standardised_as_numpy_does_in_training_and_evaluation() -> None:
    def loss(out: Tensor) -> Tensor:
        return F.cross_entropy(out, LABELS)

    model, plain = made(), made()
    treated = train(model, loss, RAW, "standardise-input")
    assert treated == pytest.approx(train(plain, loss, standardised(RAW)), rel=1e-5)
    model.eval()
    assert torch.allclose(model(RAW[:5]), plain(standardised(RAW)[:5]), rtol=1e-3, atol=1e-4)


def test_pictures_are_standardised_by_channel() -> None:
    x = torch.rand(4, 2, 5, 5, generator=torch.Generator().manual_seed(0)) * 255
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten())
    treat("standardise-input", model, None, x)
    seen: list[Tensor] = []
    model[0].register_forward_pre_hook(lambda _m, args: seen.append(args[0]))
    model(x)
    assert torch.allclose(seen[0].mean((0, 2, 3)), torch.zeros(2), atol=1e-5)
    assert torch.allclose(seen[0].std((0, 2, 3), correction=0), torch.ones(2), atol=1e-5)


def test_standard_inputs_and_whole_numbers_are_no_case_for_standardising() -> None:
    noise = torch.randn(64, 8, generator=torch.Generator().manual_seed(1))
    with pytest.raises(NotApplicable, match="already"):
        treat("standardise-input", made(), None, noise)
    words = nn.Sequential(nn.Embedding(5, 8), made())
    with pytest.raises(NotApplicable, match="no floating data"):
        treat("standardise-input", words, None, torch.zeros(4, 3, dtype=torch.long))


def test_a_target_is_learned_on_its_own_scale_and_told_on_the_scripts() -> None:
    y = (X[:, :1] * 3 + 500.0).detach()
    scaled = torch.from_numpy((y.double().numpy() - y.double().numpy().mean()) / y.double().numpy().std()).float()  # fmt: skip  # noqa: E501
    model, plain = made(outputs=1), made(outputs=1)
    treated = train(
        model, lambda out: F.mse_loss(out, y), X, "standardise-target",
        facts={"loss": "squared_error"},
    )  # fmt: skip
    seen = model(X)
    _pop_mode()
    assert treated == pytest.approx(train(plain, lambda o: F.mse_loss(o, scaled), X), rel=1e-3)
    assert torch.allclose(seen, plain(X) * y.std(correction=0) + y.mean(), rtol=1e-4)


def test_a_standard_target_is_left_alone_and_that_is_said() -> None:
    y = torch.randn(64, 1, generator=torch.Generator().manual_seed(2))
    with pytest.raises(NotApplicable, match="not standardised"):
        train(
            made(outputs=1), lambda out: F.mse_loss(out, y), X, "standardise-target",
            facts={"loss": "squared_error"},
        )  # fmt: skip


def test_a_temperature_changes_evaluation_alone() -> None:
    def loss(out: Tensor) -> Tensor:
        return F.cross_entropy(out, LABELS)

    model = made()
    found = {"evidence": [{"quantity": "temperature", "value": 2.0}]}
    treated = train(model, loss, X, "fit-temperature", finding=found)
    with torch.no_grad():
        evaluated = loss(model(X)).item()
    _pop_mode()
    assert treated == train(made(), loss, X)
    assert evaluated == F.cross_entropy(model(X) / 2, LABELS).item()


def test_labels_are_smoothed_by_what_earns_the_scale_where_that_is_known() -> None:
    def loss(out: Tensor) -> Tensor:
        return F.cross_entropy(out, LABELS)

    treated = train(made(), loss, X, "smooth-labels", facts={"label_smoothing": 0.3})
    assert treated == train(made(), lambda o: F.cross_entropy(o, LABELS, label_smoothing=0.3), X)


def test_weights_are_held_while_the_script_trains_on() -> None:
    model = made()
    before = {name: p.clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    treat("stop-earlier", model, optimizer, X, facts={"best_pass": 20})
    for _ in range(3):
        optimizer.zero_grad()
        F.cross_entropy(model(X), LABELS).backward()
        optimizer.step()
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


@pytest.mark.parametrize("best", [None, 0])
def test_there_is_nothing_to_keep_without_a_pass_after_the_first_step(best: int | None) -> None:
    with pytest.raises(NotApplicable, match="no evaluation pass"):
        treat("stop-earlier", made(), None, X, facts={"best_pass": best})


def test_without_an_evaluation_pass_there_is_no_temperature() -> None:
    with pytest.raises(NotApplicable, match="no evaluation pass"):
        treat("fit-temperature", made(), None, X)


def test_a_remedy_draws_nothing_from_the_scripts_stream() -> None:
    model = made(nn.Softmax(dim=1), outputs=1)
    before = torch.get_rng_state()
    one = patient(model, torch.optim.SGD(model.parameters(), lr=0.1), X)
    from clinometer.treatment.remedy import all_remedies

    all_remedies()["one-unit-per-class"].apply(one)
    assert torch.equal(before, torch.get_rng_state())
