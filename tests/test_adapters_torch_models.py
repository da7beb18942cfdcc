"""Torch modules and tensors: what they say, and that they are left as they were."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from clinometer.adapters.given import Rows
from clinometer.adapters.taking import taken
from clinometer.errors import PredictionsError, ShapeError

LEGACY = np.random.mtrand._rand  # NumPy's global stream, which augmentations draw from


@pytest.fixture
def made():
    torch.manual_seed(4)
    X = torch.randn(250, 4)
    y = (X[:, 0] + 0.5 * torch.randn(250) > 0).long()
    return X, y


def steep(k=2):
    layer = nn.Linear(4, k)
    layer.weight.data *= 20.0
    return layer


def test_a_module_judges_a_loader_as_it_judges_its_tensors(made):
    X, y = made
    module = nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(0.5), steep(3))
    by_loader = taken(module, Rows(DataLoader(TensorDataset(X, y), batch_size=64)))
    by_tensor = taken(module, Rows(X, y))
    by_array = taken(module, Rows(X.numpy().astype(np.float64), y.numpy()))
    with torch.no_grad():
        expected = module.eval()(X).double().numpy()
    for found in (by_loader, by_tensor, by_array):
        np.testing.assert_allclose(found.logits, expected, rtol=1e-5, atol=1e-5)
        assert found.labels.tolist() == y.tolist()
        assert found.single


def test_every_part_has_its_own_mode_again_even_after_an_error(made):
    X, y = made
    module = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(4), steep())
    module.train()
    module[1].eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    taken(module, Rows(X, y))
    assert [part.training for part in module.modules()] == [True, True, False, True]
    with pytest.raises(RuntimeError):
        taken(module, Rows(X[:, :3], y))
    assert [part.training for part in module.modules()] == [True, True, False, True]
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert all(parameter.grad is None for parameter in module.parameters())
    assert not any(part._forward_hooks for part in module.modules())


class Noisy(torch.utils.data.Dataset):
    """Draws from every global stream, as augmentations do."""

    def __init__(self, X, y):
        self.X, self.y = X, y

    def __len__(self):
        return len(self.X)

    def __getitem__(self, row):
        noise = random.random() + LEGACY.rand() + float(torch.rand(()))
        return self.X[row] + 1e-3 * noise, self.y[row]


@pytest.mark.parametrize("own", [False, True], ids=["global stream", "own generator"])
def test_no_random_number_is_missing_afterwards(made, own):
    generator = torch.Generator().manual_seed(1) if own else None
    loader = DataLoader(Noisy(*made), batch_size=50, shuffle=True, generator=generator)
    module = steep()

    def next_numbers():
        order = [batch[1].tolist() for batch in loader]
        return order, random.random(), LEGACY.rand(), float(torch.rand(()))

    def seed():
        random.seed(2)
        LEGACY.seed(2)
        torch.manual_seed(2)
        if generator is not None:
            generator.manual_seed(1)

    seed()
    plain = next_numbers()
    seed()
    taken(module, Rows(loader))
    assert next_numbers() == plain


def test_a_shuffled_loader_gives_two_modules_the_same_rows(made):
    import clinometer

    layer = steep()
    doubled = nn.Linear(4, 2)
    doubled.load_state_dict({name: 2.0 * value for name, value in layer.state_dict().items()})
    loader = DataLoader(TensorDataset(*made), batch_size=64, shuffle=True)
    assert clinometer.compare(layer, doubled, loader).verdict == "same separator"


class ByFunction(nn.Module):
    def __init__(self, function, k=2):
        super().__init__()
        self.layer, self.function = steep(k), function

    def forward(self, x):
        return self.function(self.layer(x))


@pytest.mark.parametrize(
    ("module", "word"),
    [
        (nn.Sequential(steep(), nn.Softmax(dim=-1)), "softmax"),
        (ByFunction(lambda z: nn.functional.softmax(z, dim=1)), "softmax"),
        (ByFunction(lambda z: z.softmax(-1).float()), "softmax"),
        (nn.Sequential(steep(1), nn.Sigmoid()), "sigmoid"),
        (ByFunction(lambda z: torch.sigmoid(z).squeeze(-1), k=1), "sigmoid"),
    ],
)
def test_a_module_that_ends_in_softmax_or_sigmoid_is_judged_by_what_entered_it(made, module, word):
    X, y = made
    found = taken(module, Rows(100.0 * X, y))
    layer = next(part for part in module.modules() if isinstance(part, nn.Linear))
    with torch.no_grad():
        z = layer(100.0 * X).double().numpy()
    assert (found.logits[:, -z.shape[1] :] == z).all()
    assert found.saturated == 0  # as probabilities most of these rows would read exactly 0 or 1
    assert f"ends in a {word}: the logits that entered it are judged" in found.notes[0]


def test_a_softmax_that_nothing_saw_is_read_from_the_numbers(made):
    X, y = made
    found = taken(ByFunction(lambda z: z.exp() / z.exp().sum(1, keepdim=True)), Rows(X / 20.0, y))
    assert "they are read as probabilities" in found.notes[0]


def test_log_softmax_is_said_and_changes_nothing(made):
    X, y = made
    layer = steep()
    found, bare = (
        taken(nn.Sequential(layer, nn.LogSoftmax(-1)), Rows(X, y)),
        taken(layer, Rows(X, y)),
    )
    np.testing.assert_allclose(found.positive, bare.positive, atol=1e-5)
    assert "log-softmax" in found.notes[0]


class Wrapped(nn.Module):
    """Gives its input back in the form that `form` makes of it."""

    def __init__(self, form):
        super().__init__()
        self.form = form

    def forward(self, x, **_rest):
        return self.form(x)


class Output:
    def __init__(self, logits):
        self.logits = logits


@pytest.mark.parametrize(
    "form",
    [lambda z: (z, None), lambda z: {"logits": z, "loss": 1}, Output, lambda z: [z]],
    ids=["tuple", "dictionary", "object", "list"],
)
def test_logits_are_found_in_what_a_module_returns(form):
    z, y = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])
    expected = z.double().numpy()
    batches = ([(z, y)], [{"x": z, "labels": y}], [{"x": z, "label": y, "mask": y}])
    for loader in batches:
        assert (taken(Wrapped(form), Rows(loader)).logits == expected).all()


def test_dense_and_sequence_outputs_are_rows_grouped_by_their_example():
    z, y = torch.randn(4, 3, 5, 5), torch.randint(0, 3, (4, 5, 5))
    y[0, 0, 0] = -100
    dense = taken(Wrapped(lambda x: x), Rows([(z[:2], y[:2]), (z[2:], y[2:])]))
    sequence = taken(Wrapped(lambda x: x.movedim(1, -1)), Rows([(z, y)]))
    assert dense.n == sequence.n == 99
    assert (dense.logits == sequence.logits).all()
    np.testing.assert_array_equal(np.unique(dense.groups, return_counts=True)[1], [24, 25, 25, 25])
    loss = nn.functional.cross_entropy(z.double(), y).item()
    p = dense.logits - np.log(np.exp(dense.logits).sum(axis=1, keepdims=True))
    assert -p[np.arange(99), dense.labels].mean() == pytest.approx(loss, rel=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_tensors_of_any_precision_that_require_a_gradient_are_read(dtype):
    z = torch.tensor([[0.5, 2.0], [1.5, -1.0]], dtype=getattr(torch, dtype), requires_grad=True)
    found = taken(z, Rows(torch.tensor([1, 0])))
    assert found.logits.tolist() == [[0.5, 2.0], [1.5, -1.0]]
    assert found.single is (dtype != "float64")


@pytest.mark.parametrize(
    ("loader", "message"),
    [
        ([], "no batch"),
        ([torch.ones(3, 2)], "expected \\(inputs, labels\\)"),
        ([{"x": torch.ones(3, 2)}], "expected labels under one of"),
        ([(torch.ones(3, 2), torch.ones(3, 2))], "one column at a time"),
        (None, r"confidence\(module, loader\)"),
    ],
)
def test_batches_of_an_unknown_form_are_refused(loader, message):
    with pytest.raises((PredictionsError, ShapeError), match=message):
        taken(Wrapped(lambda x: x), Rows(loader))


def test_rows_that_do_not_match_are_refused(made):
    X, y = made
    with pytest.raises(ShapeError, match="X has 250 rows and y 249"):
        taken(steep(), Rows(X, y[:-1]))


def test_text_labels_need_the_names_of_the_columns(made):
    X, y = made
    names = np.array(["shale", "sand"])[y.numpy()]
    found = taken(steep(), Rows(X, names, classes=["shale", "sand"]))
    assert found.labels.tolist() == y.tolist()
    with pytest.raises(PredictionsError, match="classes="):
        taken(steep(), Rows(X, names))


def test_a_compiled_module_is_run_as_it_is(made):
    X, y = made
    module = nn.Sequential(steep(), nn.Softmax(-1))
    compiled = torch.compile(module, backend="eager")
    found = taken(compiled, Rows(X / 20.0, y))
    assert "read as probabilities" in found.notes[0]
