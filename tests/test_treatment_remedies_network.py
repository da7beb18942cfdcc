"""Remedies of weights and network: each against the same change written by hand."""

from __future__ import annotations

import copy
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from clinometer.diagnosis.remedies import REMEDIES
from clinometer.treatment.remedy import NotApplicable, all_remedies
from treated import blobs, losses_of, network, patient, streams_untouched, treat

NAMES = (
    "scale-init", "random-init", "orthogonal-init", "fitted-init", "forget-bias", "reset-dead-units",
    "change-activation", "add-nonlinearity", "add-normalisation", "add-residual", "gated-cell",
    "group-normalisation", "remove-normalisation", "scale-attention", "qk-normalisation",
    "softmax-over-entries",
)  # fmt: skip
RUNNING = {"reset-dead-units", "softmax-over-entries"}


class Called(nn.Module):
    """Activations as functions; the last one belongs to the output."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.first = nn.Linear(8, width)
        self.second = nn.Linear(width, width)
        self.third = nn.Linear(width, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.first(x))
        x = functional.relu(self.second(x))
        return torch.sigmoid(self.third(x))


class Homemade(nn.Module):
    def __init__(self, given: int, out: int) -> None:
        super().__init__()
        self.weight_in_out = nn.Parameter(torch.full((given, out), 0.5))
        self.shift = nn.Parameter(torch.ones(out))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight_in_out + self.shift


class Attending(nn.Module):
    def __init__(self, dim: int = 8, divide: bool = False) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(dim, dim) for _ in range(3))
        self.out = nn.Linear(dim, 3)
        self.divide = divide

    def forward(self, x: Tensor) -> Tensor:
        scores = self.q(x) @ self.k(x).transpose(-2, -1)
        if self.divide:
            scores = scores / math.sqrt(x.shape[-1])
        return self.out((scores.softmax(-1) @ self.v(x)).mean(1))


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.Module] = nn.RNN) -> None:
        super().__init__()
        self.cell = kind(8, 6, batch_first=True)
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cell(x)[0][:, -1])


def seeded(make: Any, *args: Any) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make(*args)


def sgd(model: nn.Module, rate: float = 0.05) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=rate)


def sequences(rows: int = 16) -> tuple[Tensor, Tensor]:
    made = torch.Generator().manual_seed(3)
    return torch.randn(rows, 5, 8, generator=made), torch.randint(0, 3, (rows,), generator=made)


def owned_once(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    held = Counter(id(p) for group in optimizer.param_groups for p in group["params"])
    wanted = {id(p) for p in model.parameters() if p.requires_grad}
    assert set(held) == wanted
    assert set(held.values()) == {1}


def trains_on(
    model: nn.Module, optimizer: torch.optim.Optimizer, data: tuple[Tensor, Tensor]
) -> None:
    before = [p.detach().clone() for p in model.parameters()]
    losses = losses_of(model, optimizer, data, steps=6)
    assert np.isfinite(losses).all()
    moved = [not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True)]
    assert (
        all(moved) or sum(moved) >= len(moved) - 3
    )  # a key's bias cannot move, nor one before a norm


def test_every_remedy_is_declared_and_has_words() -> None:
    for name in NAMES:
        remedy = all_remedies()[name]
        assert remedy.moment == ("running" if name in RUNNING else "start")
        assert name in REMEDIES
        compile(remedy.lines.replace("self.", "it."), name, "exec")


CASES = [
    ("scale-init", Called, blobs), ("orthogonal-init", Called, blobs), ("fitted-init", Called, blobs),
    ("change-activation", Called, blobs), ("change-activation", network, blobs),
    ("add-normalisation", Called, blobs), ("add-normalisation", network, blobs),
    ("add-residual", Called, blobs), ("gated-cell", Recurrent, sequences),
    ("orthogonal-init", Recurrent, sequences), ("scale-init", Recurrent, sequences),
    ("scale-attention", Attending, sequences), ("qk-normalisation", Attending, sequences),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "make", "data"), CASES, ids=[f"{a}-{b.__name__}" for a, b, _ in CASES]
)
def test_a_treated_network_trains_on_with_its_names_and_the_streams_of_the_script(
    name: str, make: Any, data: Any
) -> None:
    model = seeded(make)
    optimizer, (x, y) = sgd(model), data()
    names = [key for key, _ in model.named_modules()]
    with streams_untouched():
        said = treat(name, model, optimizer, x[:16])
    assert said
    assert [key for key, _ in model.named_modules() if key in names] == names
    owned_once(model, optimizer)
    trains_on(model, optimizer, (x, y))


@pytest.mark.parametrize("name", ["scale-init", "orthogonal-init", "fitted-init"])
def test_the_draw_is_the_trials_own(name: str) -> None:
    one, same, other = (seeded(Called) for _ in range(3))
    x = blobs()[0][:16]
    for model, seed in ((one, 1), (same, 1), (other, 2)):
        treat(name, model, sgd(model), x, seed=seed)
    assert torch.equal(one.second.weight, same.second.weight)
    assert not torch.equal(one.second.weight, other.second.weight)


def test_he_before_a_relu_and_glorot_elsewhere_with_no_bias() -> None:
    model = seeded(Called, 400)
    said = treat("scale-init", model, sgd(model), blobs()[0][:16])
    assert said == "3 layers drawn anew (1 by He, 2 by Glorot), biases 0"
    assert float(model.second.weight.detach().var()) == pytest.approx(2 / 400, rel=0.05)
    assert float(model.first.weight.detach().var()) == pytest.approx(2 / 408, rel=0.1)
    assert all(bool((layer.bias == 0).all()) for layer in model.children())


def test_a_homemade_layer_has_its_fan_in_where_its_product_contracts() -> None:
    model = nn.Sequential(Homemade(8, 300), nn.ReLU(), Homemade(300, 3))
    treat("scale-init", model, sgd(model), blobs()[0][:16])
    assert float(model[0].weight_in_out.detach().var()) == pytest.approx(2 / 8, rel=0.15)
    assert bool((model[0].shift == 0).all())


def test_frozen_and_tied_weights_keep_what_they_hold() -> None:
    model = seeded(Called)
    model.first.requires_grad_(False)
    before = model.first.weight.clone()
    said = treat("scale-init", model, sgd(model), blobs()[0][:16])
    assert "1 frozen left as it is" in said
    assert torch.equal(model.first.weight, before)
    tied = nn.Sequential(nn.Embedding(5, 8), nn.Linear(8, 5, bias=False))
    tied[1].weight = tied[0].weight
    with pytest.raises(NotApplicable, match="no layer"):
        treat("scale-init", tied, sgd(tied), torch.tensor([1, 2]))


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_weight_norm_takes_the_drawn_weight(old: bool) -> None:
    norm = nn.utils.weight_norm if old else nn.utils.parametrizations.weight_norm
    model = nn.Sequential(norm(nn.Linear(8, 300)), nn.ReLU(), nn.Linear(300, 3))
    treat("scale-init", model, sgd(model), blobs()[0][:16])
    model(blobs()[0][:2])
    assert float(model[0].weight.detach().var()) == pytest.approx(2 / 8, rel=0.15)


def test_only_layers_with_units_alike_are_drawn_anew() -> None:
    model = seeded(Called)
    nn.init.constant_(model.second.weight, 0.02)
    before = model.first.weight.clone()
    assert treat("random-init", model, sgd(model), blobs()[0][:16]).startswith("1 layer")
    assert torch.equal(model.first.weight, before)
    assert len(torch.unique(model.second.weight, dim=0)) == 16
    with pytest.raises(NotApplicable, match="units that start alike"):
        treat("random-init", model, sgd(model), blobs()[0][:16])


def test_orthogonal_recurrent_weights_keep_every_length_gate_by_gate() -> None:
    model = seeded(Recurrent, nn.LSTM)
    treat("orthogonal-init", model, sgd(model), sequences()[0])
    for gate in model.cell.weight_hh_l0.detach().double().split(6):
        assert torch.allclose(gate.T @ gate, torch.eye(6, dtype=torch.float64), atol=1e-6)


def test_each_layer_is_fitted_to_outputs_of_rms_1_in_numpy() -> None:
    model = seeded(Called)
    x = blobs()[0][:64]
    treat("fitted-init", model, sgd(model), x)
    w = [layer.weight.detach().double().numpy() for layer in model.children()]
    z = [x.double().numpy() @ w[0].T]
    z.append(np.tanh(z[0]) @ w[1].T)
    z.append(np.maximum(z[1], 0) @ w[2].T)
    for one in z:  # float32 rounds the scale of each layer once
        assert np.sqrt((one**2).mean()) == pytest.approx(1.0, rel=1e-6)


def test_the_keeping_gate_starts_open() -> None:
    model = seeded(Recurrent, nn.LSTM)
    treat("forget-bias", model, sgd(model), sequences()[0])
    total = (model.cell.bias_ih_l0 + model.cell.bias_hh_l0).detach()
    assert total[6:12].tolist() == [1.0] * 6
    with pytest.raises(NotApplicable, match="biases"):
        treat("forget-bias", plain := Recurrent(), sgd(plain), sequences()[0])


def test_only_dead_units_are_reset_and_their_memory_is_emptied() -> None:
    model = seeded(lambda: nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3)))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses_of(model, optimizer, steps=2)
    with torch.no_grad():
        model[0].bias[:5] = -100.0
    before = copy.deepcopy(model.state_dict())
    x = blobs()[0][:64]
    with streams_untouched():
        said = treat("reset-dead-units", model, optimizer, x)
    assert said == "5 dead units of 1 layer drawn anew"
    assert torch.equal(model[0].weight[5:], before["0.weight"][5:])
    assert torch.equal(model[2].weight, before["2.weight"])
    assert bool((model[0].bias[:5] == 0).all())
    assert bool((optimizer.state[model[0].weight]["exp_avg"][:5] == 0).all())
    assert bool((optimizer.state[model[0].weight]["exp_avg"][5:] != 0).any())
    with pytest.raises(NotApplicable, match="slope"):
        treat("reset-dead-units", model, optimizer, x)


def test_dead_channels_of_a_convolution_are_found_behind_their_normalisation() -> None:
    model = seeded(
        lambda: nn.Sequential(
            nn.Conv2d(1, 4, 3),
            nn.BatchNorm2d(4),
            nn.ReLU(inplace=True),
            nn.Flatten(),
            nn.Linear(16, 3),
        )
    )
    with torch.no_grad():
        model[1].bias[2] = -50.0
    image = torch.randn(8, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    assert treat("reset-dead-units", model, sgd(model), image).startswith("1 dead unit of")
    assert model[1].bias.tolist() == [0.0] * 4


def by_hand(model: Called, x: Tensor) -> Tensor:
    x = functional.relu(model.first(x))
    return torch.sigmoid(model.third(functional.relu(model.second(x))))


def test_a_called_tanh_becomes_relu_and_the_outputs_sigmoid_stays() -> None:
    model = seeded(Called)
    x = blobs()[0][:16]
    assert treat("change-activation", model, sgd(model), x) == "tanh -> relu (1 times)"
    assert torch.equal(model(x), by_hand(model, x))
    assert torch.equal(copy.deepcopy(model)(x), by_hand(model, x))


def test_one_line_that_serves_layers_and_output_is_changed_between_layers_only() -> None:
    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 3)])

        def forward(self, x: Tensor) -> Tensor:
            for layer in self.layers:
                x = torch.sigmoid(layer(x))
            return x

    model, x = seeded(Loop), blobs()[0][:16]
    treat("change-activation", model, sgd(model), x)
    one, two, three = model.layers
    hand = torch.sigmoid(three(functional.relu(two(functional.relu(one(x))))))
    assert torch.equal(model(x), hand)


def test_modules_are_exchanged_and_a_dying_relu_leaks() -> None:
    model, x = network(), blobs()[0][:16]
    treat("change-activation", model, sgd(model), x)
    assert type(model[1]) is nn.ReLU
    treat("change-activation", model, sgd(model), x)
    assert type(model[1]) is nn.LeakyReLU
    with pytest.raises(NotApplicable, match="between layers"):
        treat("change-activation", model, sgd(model), x)


def test_a_gate_keeps_its_sigmoid() -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gate, self.value, self.out = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(torch.sigmoid(self.gate(x)) * self.value(x))

    model = seeded(Gated)
    with pytest.raises(NotApplicable):
        treat("change-activation", model, sgd(model), blobs()[0][:16])


class Unassigned(nn.Module):
    """Activations are called, and what they give is thrown away."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        functional.relu(x)
        return self.last(x)


class Logged(Unassigned):
    """What nobody reads may be several calls long."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        functional.dropout(functional.relu(x)).mean()
        return self.last(x)


class OnView(Unassigned):
    """An activation in place on a view is none that nobody reads."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        x.view(-1).relu_()
        return self.last(x)


def test_an_activation_in_place_on_a_view_bends() -> None:
    with pytest.raises(NotApplicable, match="without an activation"):
        treat("add-nonlinearity", model := seeded(OnView), sgd(model), blobs()[0][:16])


@pytest.mark.parametrize("kind", [Unassigned, Logged])
def test_an_activation_whose_result_nobody_reads_bends_nothing(kind: type[nn.Module]) -> None:
    model, x = seeded(kind), blobs()[0][:16]
    twin = copy.deepcopy(model)
    assert treat("add-nonlinearity", model, sgd(model), x) == "ReLU put between layers at 1 place"
    assert torch.equal(model(x), twin.last(functional.relu(twin.first(x))))


@pytest.mark.parametrize("values", [1, 4])
def test_what_a_normalisation_has_left_of_nothing_is_not_scaled_to_one(values: int) -> None:
    model = seeded(
        lambda: nn.Sequential(
            nn.Linear(8, 16), nn.GroupNorm(16 // values, 16), nn.ReLU(), nn.Linear(16, 3)
        )
    )
    if values > 1:
        assert "2 layers" in treat("fitted-init", model, sgd(model), blobs()[0][:16])
        return
    with torch.no_grad():
        model[1].bias.fill_(1e-6)
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(NotApplicable, match="rounding"):
        treat("fitted-init", model, sgd(model), blobs()[0][:16])
    assert all(torch.equal(one, before[name]) for name, one in model.state_dict().items())


def test_a_wide_layer_in_bfloat16_is_fitted_as_in_float32() -> None:
    """An orthogonal map from 2 to 512 gives a sixteenth of its input by design."""
    model = seeded(
        lambda: nn.Sequential(nn.Linear(8, 2), nn.Linear(2, 512), nn.ReLU(), nn.Linear(512, 3))
    ).bfloat16()
    assert "3 layers" in treat("fitted-init", model, sgd(model), blobs()[0][:16].bfloat16())


def test_a_relu_stands_between_layers_that_had_none() -> None:
    model = seeded(lambda: nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)))
    x, twin = blobs()[0][:16], copy.deepcopy(model)
    assert treat("add-nonlinearity", model, sgd(model), x) == "ReLU put between layers at 1 place"
    assert torch.equal(model(x), twin[2](functional.relu(twin[1](twin[0](x)))))
    assert [name for name, _ in model.named_children()] == ["0", "1", "1_relu", "2"]
    with pytest.raises(NotApplicable):
        treat("add-nonlinearity", model, sgd(model), x)


def test_batch_norm_stands_before_each_hidden_activation() -> None:
    model, x = seeded(Called), blobs()[0][:16]
    optimizer = sgd(model)
    assert (
        treat("add-normalisation", model, optimizer, x) == "BatchNorm1d put behind 2 hidden layers"
    )
    one, two = nn.BatchNorm1d(16), nn.BatchNorm1d(16)
    hand = torch.tanh(one(model.first.forward(x)))
    hand = torch.sigmoid(model.third(functional.relu(two(model.second.forward(hand)))))
    assert torch.equal(model(x), hand)
    assert {"first_norm", "second_norm"} <= set(dict(model.named_children()))
    model.eval()
    assert not model.first_norm.training
    with pytest.raises(NotApplicable):
        treat("add-normalisation", model.train(), optimizer, x)


def test_few_examples_get_layer_norm_and_images_of_few_examples_one_group() -> None:
    model = seeded(Called)
    assert "LayerNorm" in treat("add-normalisation", model, sgd(model), blobs()[0][:4])
    image = seeded(
        lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))
    )
    assert "GroupNorm" in treat("add-normalisation", image, sgd(image), torch.ones(2, 1, 4, 4))


def test_a_skip_connection_adds_its_input_to_a_branch_over_root_depth() -> None:
    class Deep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(8, 8) for _ in range(4)])
            self.out = nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            for layer in self.layers:
                x = torch.sigmoid(layer(x))
            return self.out(x)

    model, x = seeded(Deep), blobs()[0][:16]
    assert treat("add-residual", model, sgd(model), x) == "4 skip connections, branches times 0.5"
    hand = x
    for layer in model.layers:
        hand = hand + 0.5 * torch.sigmoid(layer.forward(hand))
    assert torch.equal(model(x), model.out(hand))


def test_a_skip_connection_is_there_whoever_calls_a_sequential() -> None:
    """No line of the script lies within the network: training and evaluation call it from different ones."""
    model, x = (
        seeded(lambda: nn.Sequential(nn.Linear(8, 8), nn.Sigmoid(), nn.Linear(8, 3))),
        blobs()[0][:16],
    )
    hand = model[2](x + torch.sigmoid(model[0](x)))
    assert treat("add-residual", model, sgd(model), x) == "1 skip connection, branches times 1"
    trained = model(x)
    with torch.no_grad():
        evaluated = model(x)
    assert torch.equal(trained, hand)
    assert torch.equal(evaluated, hand)


def test_no_skip_connection_where_no_shape_is_kept() -> None:
    with pytest.raises(NotApplicable, match="shape"):
        treat("add-residual", model := network(), sgd(model), blobs()[0][:16])


def test_group_norm_takes_over_gain_and_shift() -> None:
    model = seeded(
        lambda: nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3))
    )
    optimizer, gain = sgd(model), model[1].weight
    treat("group-normalisation", model, optimizer, blobs()[0][:16])
    assert isinstance(model[1], nn.GroupNorm)
    assert model[1].num_groups == 2
    assert model[1].weight is gain
    owned_once(model, optimizer)
    trains_on(model, optimizer, blobs())
    with pytest.raises(NotApplicable):
        treat("group-normalisation", model, optimizer, blobs()[0][:16])


class Scalar(nn.Module):
    """A normalisation of one value as a function, and one of all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(8, 1), nn.Linear(1, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.layer_norm(x, (8,))
        return self.last(functional.layer_norm(self.first(x), (1,)))


@pytest.mark.parametrize(
    ("norm", "shape"),
    [
        (lambda: nn.LayerNorm(1), (1,)),
        (lambda: nn.LayerNorm(2), (2,)),
        (lambda: nn.RMSNorm(1), (1,)),
        (lambda: nn.GroupNorm(4, 4), (4,)),
        (lambda: nn.GroupNorm(2, 4), (4,)),
        (lambda: nn.InstanceNorm1d(4), (4, 2)),
    ],
)
def test_a_normalisation_that_leaves_nothing_is_taken_out(
    norm: Any, shape: tuple[int, ...]
) -> None:
    size = math.prod(shape)
    model = seeded(
        lambda: nn.Sequential(
            nn.Linear(8, size), nn.Unflatten(1, shape), norm(), nn.Flatten(), nn.Linear(size, 3)
        )
    )
    twin = copy.deepcopy(model)
    twin[2] = nn.Identity()
    optimizer, x = sgd(model), blobs()[0][:16]
    done = treat("remove-normalisation", model, optimizer, x)
    assert done == "1 normalisation of one or two values taken out"
    assert torch.equal(model(x), twin(x))
    owned_once(model, optimizer)
    trains_on(model, optimizer, blobs())


def test_a_normalisation_called_as_a_function_is_taken_out_and_the_others_stay() -> None:
    model, x = seeded(Scalar), blobs()[0][:16]
    treat("remove-normalisation", model, sgd(model), x)
    by_hand = model.last(model.first(functional.layer_norm(x, (8,))))
    assert torch.equal(model(x), by_hand)


@pytest.mark.parametrize(
    "norm", [lambda: nn.LayerNorm(3), lambda: nn.GroupNorm(4, 12), lambda: nn.BatchNorm1d(12)]
)
def test_a_normalisation_of_three_values_or_of_the_batch_stays(norm: Any) -> None:
    size = 3 if isinstance(norm(), nn.LayerNorm) else 12
    model = seeded(lambda: nn.Sequential(nn.Linear(8, size), norm(), nn.Linear(size, 3)))
    with pytest.raises(NotApplicable, match="one or two values"):
        treat("remove-normalisation", model, sgd(model), blobs()[0][:16])


def test_logits_are_divided_by_the_root_of_d_and_only_once() -> None:
    model, x = seeded(Attending), sequences()[0]
    twin = copy.deepcopy(model)
    twin.divide = True
    treat("scale-attention", model, sgd(model), x)
    assert torch.equal(model(x), twin(x))
    with pytest.raises(NotApplicable, match="already"):
        treat("scale-attention", twin, sgd(twin), x)
    with pytest.raises(NotApplicable, match="no softmax"):
        treat("scale-attention", other := network(), sgd(other), blobs()[0][:4])


def test_logits_multiplied_by_d_are_divided_by_that_too() -> None:
    class Multiplied(Attending):
        def forward(self, x: Tensor) -> Tensor:
            scores = self.q(x) @ self.k(x).transpose(-2, -1) * 8
            return self.out((scores.softmax(-1) @ self.v(x)).mean(1))

    model, twin, x = seeded(Multiplied), seeded(Attending, 8, True), sequences()[0]
    treat("scale-attention", model, sgd(model), x)
    assert torch.allclose(model(x), twin(x), rtol=0, atol=1e-6)


def test_queries_and_keys_are_normalised_before_their_product() -> None:
    model, x = seeded(Attending), sequences()[0]
    twin = copy.deepcopy(model)
    treat("qk-normalisation", model, sgd(model), x)
    q, k = (functional.layer_norm(one(x), (8,)) for one in (twin.q, twin.k))
    hand = twin.out(((q @ k.transpose(-2, -1)).softmax(-1) @ twin.v(x)).mean(1))
    assert torch.allclose(model(x), hand, rtol=0, atol=1e-6)


def test_the_gated_cell_has_the_same_interface() -> None:
    model = seeded(Recurrent)
    treat("gated-cell", model, sgd(model), sequences()[0])
    assert type(model.cell) is nn.GRU
    assert model.cell.batch_first
    steps, n = sequences()[0].shape[1], model.cell.hidden_size
    keeping = model.cell.bias_ih_l0[n : 2 * n]
    assert torch.all((keeping >= 0) & (keeping <= math.log(steps - 1)))
    assert torch.all(model.cell.bias_hh_l0[n : 2 * n] == 0)
    assert len(keeping.unique()) == n
    with pytest.raises(NotApplicable):
        treat("gated-cell", model, sgd(model), sequences()[0])


class Pooling(nn.Module):
    """Entries weighed by a softmax over one axis of (batch, entries, 1)."""

    def __init__(self, axis: int = -1, *, head: bool = True) -> None:
        super().__init__()
        self.score, self.head = nn.Linear(5, 1), nn.Linear(5, 3) if head else nn.Identity()
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        return self.head((functional.softmax(self.score(x), dim=self.axis) * x).sum(1))


@pytest.mark.parametrize("head", [True, False])
@pytest.mark.parametrize("axis", [-1, 2])
def test_a_softmax_over_one_entry_inside_is_taken_over_the_entries(axis: int, head: bool) -> None:
    model, x = seeded(lambda: Pooling(axis, head=head)), torch.randn(4, 12, 5)
    root = nn.Sequential(model, nn.Identity())
    one_unit = "sigmoid-for-one-unit"
    with pytest.raises(NotApplicable, match="inside the network"):
        treat(one_unit, root, sgd(root), x, finding={"remedies": [one_unit]})
    twin = copy.deepcopy(model)
    twin.axis = 1
    done = treat("softmax-over-entries", root, sgd(root), x)
    assert done == "softmax over axis 2, of length 1 -> over axis 1, of length 12"
    assert torch.equal(root(x), twin(x))


def test_entries_are_found_where_the_batch_comes_second() -> None:
    model, x = seeded(Pooling), torch.randn(12, 4, 5)

    class Turned(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pool = model

        def forward(self, x: Tensor) -> Tensor:
            scores = self.pool.score(x)
            return self.pool.head((torch.softmax(scores, -1) * x).sum(0))

    root = Turned()
    assert treat("softmax-over-entries", root, sgd(root), x).endswith("over axis 0, of length 12")


def test_a_softmax_over_the_entries_or_at_the_output_stays() -> None:
    for root in (Pooling(1), nn.Sequential(nn.Flatten(), nn.Linear(60, 1), nn.Softmax(dim=1))):
        with pytest.raises(NotApplicable, match="length 1"):
            treat("softmax-over-entries", root, sgd(root), torch.randn(4, 12, 5))


class Stepping(nn.Module):
    """A cell in a loop of its own, or a layer that is given packed sequences."""

    def __init__(self, *, packed: bool) -> None:
        super().__init__()
        self.packed = packed
        self.cell = nn.RNN(5, 40, batch_first=True) if packed else nn.RNNCell(5, 40)

    def forward(self, x: Tensor) -> Tensor:
        if self.packed:
            lengths = torch.arange(x.shape[1], x.shape[1] - len(x), -1).clamp_min(1)
            given = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
            return self.cell(given)[1][0]
        state = torch.zeros(len(x), 40)
        for at in range(x.shape[1]):
            state = self.cell(x[:, at], state)
        return state


@pytest.mark.parametrize("packed", [False, True])
def test_gates_open_for_as_long_as_the_sequences_are(packed: bool) -> None:
    model = nn.Sequential(Stepping(packed=packed), nn.Linear(40, 3))
    done = treat("gated-cell", model, sgd(model), torch.randn(4, 50, 5))
    assert done == "nn.GRU in place of nn.RNN (1 layer), gates open for up to 50 steps"


@pytest.mark.parametrize("name", NAMES)
def test_without_a_network_that_fits_it_says_why_and_changes_nothing(name: str) -> None:
    lonely = nn.Embedding(4, 3)
    before = lonely.weight.clone()
    with pytest.raises(NotApplicable) as said:
        treat(name, lonely, sgd(lonely), torch.tensor([1, 2]))
    assert str(said.value)
    assert torch.equal(lonely.weight, before)


@pytest.mark.parametrize("name", ["scale-init", "change-activation", "fitted-init"])
def test_shapes_left_to_the_first_batch_are_not_applicable(name: str) -> None:
    model = nn.Sequential(nn.LazyLinear(4), nn.Tanh(), nn.LazyLinear(3))
    made = patient(model, None, torch.ones(2, 8))
    with pytest.raises(NotApplicable, match="first batch"):
        all_remedies()[name].apply(made)
