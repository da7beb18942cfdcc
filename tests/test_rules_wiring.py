"""The rules of the wiring (FLOW4xx): each fault as people write it, put right, and look-alikes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

import clinometer
from clinometer.diagnosis.diagnosis import Diagnosis
from networks import batches, blobs, chain, codes, judged
from truth import record

TASK = blobs(400, 16, 4)
SEEDS = pytest.mark.parametrize("seed", range(3))
entropy = functional.cross_entropy


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def told(
    folder: Path,
    model: nn.Module,
    *,
    parameters: Any = None,
    loss: Callable[..., torch.Tensor] = entropy,
    data: tuple[torch.Tensor, torch.Tensor] = TASK,
    steps: int = 80,
    every: int | None = 5,
    size: int = 32,
    rate: float = 0.1,
    before: Callable[[int], None] = lambda step: None,
) -> Diagnosis:
    """Train the parameters by SGD (by default all of the model's) and diagnose."""

    def train() -> None:
        stepper = torch.optim.SGD(parameters or list(model.parameters()), lr=rate)
        stream = batches(data, size)
        for step in range(steps):
            before(step)
            inputs, labels = next(stream)
            stepper.zero_grad()
            loss(model(inputs), labels).backward()
            stepper.step()

    return clinometer.diagnose(record(folder, model, train, every=every))


def clean(found: Diagnosis) -> bool:
    """Whether nothing graver than a note is said."""
    return codes(found, "error", "warning") == []


def leading(found: Diagnosis) -> tuple[str, str, str]:
    """Code, cause and layer of the first finding."""
    return found.findings[0].code, found.findings[0].cause, found.findings[0].layer


def said(found: Diagnosis, code: str) -> list[str]:
    """Severities of a rule's findings."""
    return [finding.severity for finding in found.findings if finding.code == code]


class Parted(nn.Module):
    """An encoder and a head, with something in between."""

    def __init__(self, between: Callable[[torch.Tensor], torch.Tensor] = lambda z: z):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(16, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh())
        self.head = nn.Linear(24, 4)
        self.between = between

    def forward(self, x):
        return self.head(self.between(self.encoder(x)))


class Pixels(nn.Module):
    """The same task as a small image: two convolutions and a head."""

    def __init__(self, between: Callable[[torch.Tensor], torch.Tensor] = lambda z: z):
        super().__init__()
        self.stem, self.body = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Linear(8 * 16, 4)
        self.between = between

    def forward(self, x):
        z = torch.relu(self.body(torch.relu(self.stem(x.view(-1, 1, 4, 4)))))
        return self.head(self.between(z).flatten(1))


# -- not in the optimizer ----------------------------------------------------------------------


@SEEDS
def test_a_head_that_was_replaced_after_the_optimizer_was_made_is_named(seed, tmp_path):
    torch.manual_seed(seed)
    model = Parted()
    owned = list(model.parameters())
    model.head = nn.Linear(24, 4)
    found = told(tmp_path, model, parameters=owned)
    assert leading(found) == ("FLOW401", "not in an optimizer", "head")
    assert found.findings[0].severity in {"error", "warning"}


def test_the_last_layer_of_a_sequential_that_was_replaced_after_the_optimizer_is_named(tmp_path):
    model = chain(2, 16, nn.ReLU, classes=4)
    owned = list(model.parameters())
    model[4] = nn.Linear(16, 4)
    found = told(tmp_path, model, parameters=owned)
    assert leading(found) == ("FLOW401", "not in an optimizer", "4")
    assert found.findings[0].severity in {"error", "warning"}


def test_an_optimizer_that_is_given_the_head_alone_leaves_a_random_stem_and_body(tmp_path):
    model = Pixels()
    found = told(tmp_path, model, parameters=list(model.head.parameters()))
    assert leading(found)[:2] == ("FLOW401", "not in an optimizer")
    assert found.findings[0].layer in {"stem", "body"}
    assert set(found.findings[0].layers) == {"stem", "body"}
    assert "FLOW401" in codes(found, "error", "warning")


def test_a_replaced_head_that_the_optimizer_was_given_is_innocent(tmp_path):
    model = Parted()
    model.head = nn.Linear(24, 4)
    found = told(tmp_path, model)
    assert clean(found)
    assert "FLOW401" not in codes(found)


def test_a_group_that_is_added_to_the_optimizer_in_the_run_is_innocent(tmp_path):
    model = Parted()

    def train():
        stepper = torch.optim.SGD(model.head.parameters(), lr=0.1)
        stream = batches(TASK, 32)
        for step in range(80):
            if step == 20:
                stepper.add_param_group({"params": list(model.encoder.parameters())})
            inputs, labels = next(stream)
            model.zero_grad()
            entropy(model(inputs), labels).backward()
            stepper.step()

    found = clinometer.diagnose(record(tmp_path, model, train, every=5))
    assert "FLOW401" not in codes(found)


def test_layers_that_are_thawed_and_not_given_to_the_optimizer_are_named(tmp_path):
    model = Parted()
    model.encoder.requires_grad_(False)

    def before(step):
        if step == 20:
            model.encoder.requires_grad_(True)

    found = told(tmp_path, model, parameters=list(model.head.parameters()), before=before)
    assert leading(found)[:2] == ("FLOW401", "not in an optimizer")
    assert set(found.findings[0].layers) == {"encoder.0", "encoder.2"}
    assert found.findings[0].severity in {"error", "warning"}


RECREATED = """
import torch
from torch import nn
torch.manual_seed(0)
def make():
    return nn.Sequential(nn.Linear(16, 24), nn.Tanh(), nn.Linear(24, 4))
model = make()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
model = make()  # "start again from fresh weights"
centres = torch.randn(4, 16)
for _ in range(60):
    labels = torch.randint(0, 4, (32,))
    inputs = centres[labels] + 0.5 * torch.randn(32, 16)
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(inputs), labels).backward()
    optimizer.step()
"""


def test_a_model_that_was_made_again_after_its_optimizer_is_named(tmp_path, run_cli):
    (tmp_path / "train.py").write_text(RECREATED)
    run_cli("run", "--every", "1", "-o", "a.clino", "train.py")
    found = clinometer.diagnose(clinometer.read(tmp_path / "a.clino"))
    assert leading(found)[:2] == ("FLOW401", "not in an optimizer")
    assert set(found.findings[0].layers) == {"model.0", "model.2"}
    assert found.verdict == "not-training"


@pytest.mark.parametrize("reentrant", [True, False])
def test_layers_inside_a_checkpoint_are_innocent(reentrant, tmp_path):
    class Saving(Parted):
        def forward(self, x):
            x = x.clone().requires_grad_(reentrant)
            return self.head(checkpoint(self.encoder, x, use_reentrant=reentrant))

    found = told(tmp_path, Saving(), steps=120)
    assert not {"FLOW401", "FLOW402", "FLOW403"} & set(codes(found))
    assert clean(found)


def test_an_optimizer_for_each_parameter_is_innocent(tmp_path):
    model = Parted()

    def train():
        steppers = [torch.optim.SGD([p], lr=0.1) for p in model.parameters()]
        stream = batches(TASK, 32)
        for _ in range(120):
            inputs, labels = next(stream)
            model.zero_grad()
            entropy(model(inputs), labels).backward()
            for stepper in steppers:
                stepper.step()

    found = clinometer.diagnose(record(tmp_path, model, train, every=5))
    assert not {"FLOW401", "FLOW402", "FLOW403", "FLOW406"} & set(codes(found))
    assert clean(found)


def test_a_pretrained_encoder_that_no_optimizer_owns_is_a_note_at_most(tmp_path):
    model = Parted()
    judged(tmp_path, model, TASK, steps=300, lr=0.3)  # pretraining
    model.head = nn.Linear(24, 4)
    found = told(tmp_path, model, parameters=list(model.head.parameters()))
    assert set(said(found, "FLOW401")) <= {"note"}
    assert clean(found)


def test_an_average_of_the_weights_that_the_script_moves_is_innocent(tmp_path):
    student, teacher = Parted(), Parted()
    both = nn.ModuleDict({"student": student, "teacher": teacher})

    def train():
        stepper = torch.optim.SGD(student.parameters(), lr=0.1)
        stream = batches(TASK, 32)
        for _ in range(80):
            inputs, labels = next(stream)
            both.zero_grad()
            wish = functional.mse_loss(student(inputs), teacher(inputs))
            (entropy(student(inputs), labels) + 0.01 * wish).backward()
            stepper.step()
            with torch.no_grad():
                for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
                    slow.lerp_(fast, 0.1)

    found = clinometer.diagnose(record(tmp_path, both, train, every=5))
    assert "FLOW401" not in codes(found)


def _ring(rows: int) -> torch.Tensor:
    angle = 2 * torch.pi * torch.rand(rows)
    return torch.stack([angle.cos(), angle.sin()], dim=1)


@pytest.mark.parametrize("detached", [True, False])
def test_two_optimizers_that_take_turns_are_innocent(detached, tmp_path):
    maker = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    critic = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    model = nn.ModuleDict({"maker": maker, "critic": critic})
    loss, one, nil = nn.BCEWithLogitsLoss(), torch.ones(32, 1), torch.zeros(32, 1)

    def train():
        making = torch.optim.Adam(maker.parameters(), 1e-3)
        judging = torch.optim.Adam(critic.parameters(), 1e-3)
        for _ in range(60):
            false = maker(torch.randn(32, 4))
            judging.zero_grad()
            shown = false.detach() if detached else false
            wrong = loss(critic(_ring(32)), one) + loss(critic(shown), nil)
            wrong.backward(retain_graph=not detached)
            judging.step()
            making.zero_grad()
            loss(critic(maker(torch.randn(32, 4))), one).backward()
            making.step()

    found = clinometer.diagnose(record(tmp_path, model, train, every=1))
    assert not {"FLOW401", "FLOW402", "FLOW403", "FLOW406"} & set(codes(found))


# -- no gradient path --------------------------------------------------------------------------


def _without_gradient(z):
    with torch.no_grad():
        return z * 1.0


CUTS = {
    "detach": lambda z: z.detach(),
    "data": lambda z: z.data,
    "no_grad": _without_gradient,
    "numpy": lambda z: torch.from_numpy(z.detach().numpy()),
    "tensor": lambda z: torch.tensor(z.tolist()),
    "argmax": lambda z: functional.one_hot(z.argmax(1), z.shape[1]).float(),
}


@pytest.mark.parametrize("cut", CUTS)
def test_an_encoder_behind_a_cut_graph_gets_no_gradient(cut, tmp_path):
    found = told(tmp_path, Parted(CUTS[cut]))
    assert leading(found) == ("FLOW402", "graph cut", "encoder.2")
    assert set(found.findings[0].layers) == {"encoder.0", "encoder.2"}
    assert found.findings[0].severity in {"error", "warning"}


@pytest.mark.parametrize("cut", ["detach", "data", "no_grad", "numpy"])
def test_convolutions_behind_a_cut_graph_get_no_gradient(cut, tmp_path):
    found = told(tmp_path, Pixels(CUTS[cut]), every=1, steps=40)
    assert leading(found) == ("FLOW402", "graph cut", "body")
    assert set(found.findings[0].layers) == {"stem", "body"}


class Blind(Parted):
    def forward(self, x):
        with torch.no_grad():
            z = self.encoder(x)
        return self.head(z)


@SEEDS
def test_an_encoder_that_runs_under_no_grad_is_named(seed, tmp_path):
    torch.manual_seed(seed)
    found = told(tmp_path, Blind())
    assert leading(found) == ("FLOW402", "graph cut", "encoder.2")


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
def test_a_reentrant_checkpoint_whose_input_wants_no_gradient_cuts_the_graph(tmp_path):
    class Saving(Parted):
        def forward(self, x):
            return self.head(checkpoint(self.encoder, x, use_reentrant=True))

    found = told(tmp_path, Saving())
    assert leading(found) == ("FLOW402", "graph cut", "encoder.2")
    assert found.findings[0].severity in {"error", "warning"}


def test_a_loss_on_the_predicted_class_has_no_path_at_all(tmp_path):
    """`argmax` in the loss: the output has no gradient, so the script adds requires_grad_ to get on."""

    def loss(out, labels):
        wrong = (out.argmax(1) != labels).float()
        return wrong.requires_grad_().mean()

    found = told(tmp_path, Parted(), loss=loss)
    assert found.findings[0].code == "FLOW402"
    assert found.findings[0].severity == "error"
    assert found.verdict == "not-training"


@pytest.mark.parametrize(
    ("operation", "word"), [(torch.round, "round"), (torch.sign, "sign"), (torch.floor, "floor")]
)
def test_an_operation_without_a_slope_is_named(operation, word, tmp_path):
    found = told(tmp_path, Parted(lambda z: operation(3 * z)))
    assert leading(found)[:2] == ("FLOW402", "operation without a slope")
    assert found.findings[0].explanation.startswith(f"{word}()")
    assert found.findings[0].severity in {"error", "warning"}


def test_a_straight_through_estimator_is_innocent(tmp_path):
    found = told(tmp_path, Parted(lambda z: z + (torch.round(3 * z) / 3 - z).detach()))
    assert clean(found)
    assert "FLOW402" not in codes(found)


def test_an_encoder_whose_gradient_passes_is_innocent(tmp_path):
    found = told(tmp_path, Parted(), steps=200)
    assert clean(found)
    assert "FLOW402" not in codes(found)


def test_an_encoder_that_is_frozen_on_purpose_under_no_grad_is_innocent(tmp_path):
    model = Blind()
    model.encoder.requires_grad_(False)
    found = told(tmp_path, model, parameters=list(model.head.parameters()), steps=200)
    assert clean(found)
    assert "FLOW402" not in codes(found)


def test_a_teacher_that_no_optimizer_owns_is_innocent(tmp_path):
    student, teacher = Parted(), Parted()
    both = nn.ModuleDict({"student": student, "teacher": teacher})

    def train():
        stepper = torch.optim.SGD(student.parameters(), lr=0.1)
        stream = batches(TASK, 32)
        for _ in range(80):
            inputs, labels = next(stream)
            stepper.zero_grad()
            with torch.no_grad():
                wish = teacher(inputs)
            out = student(inputs)
            (entropy(out, labels) + 0.01 * functional.mse_loss(out, wish)).backward()
            stepper.step()

    found = clinometer.diagnose(record(tmp_path, both, train, every=5))
    assert "FLOW402" not in codes(found)


class Experts(nn.Module):
    """Of four experts one takes each batch, the last of them once in the run."""

    def __init__(self):
        super().__init__()
        self.experts = nn.ModuleList(nn.Linear(16, 4) for _ in range(4))
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return self.experts[3 if self.calls == 40 else self.calls % 3](x)


def test_an_expert_that_is_used_once_is_innocent(tmp_path):
    found = told(tmp_path, Experts(), every=1)
    assert "FLOW402" not in codes(found)
    assert "FLOW401" not in codes(found)


def test_a_head_that_is_never_used_is_a_note(tmp_path):
    model = Parted()
    model.spare = nn.Linear(24, 7)
    found = told(tmp_path, model, steps=200)
    assert said(found, "FLOW402") == ["note"]
    assert next(f for f in found.findings if f.code == "FLOW402").layer == "spare"
    assert clean(found)


# -- gradients accumulate ----------------------------------------------------------------------


def _loop(model, stepper, clear, steps, passes=1, size=32, loss=entropy):
    """A training loop; `clear` is called before the first backward pass of each step."""

    def train():
        stream = batches(TASK, size)
        for _ in range(steps):
            clear()
            for _ in range(passes):
                inputs, labels = next(stream)
                (loss(model(inputs), labels) / passes).backward()
            stepper.step()

    return train


OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9),
    "adam": lambda p: torch.optim.Adam(p, lr=1e-2),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("network", [Parted, Pixels])
def test_a_forgotten_zero_grad_is_named(optimizer, network, tmp_path):
    model = network()
    stepper = OPTIMIZERS[optimizer](model.parameters())
    found = clinometer.diagnose(
        record(tmp_path, model, _loop(model, stepper, lambda: None, 80), every=5)
    )
    assert leading(found) == ("FLOW403", "gradients not cleared", "")
    assert found.findings[0].severity in {"error", "warning"}


def test_clearing_the_gradients_of_another_optimizer_does_not_help(tmp_path):
    model, other = Parted(), nn.Linear(2, 2)
    stepper = torch.optim.SGD(model.parameters(), lr=0.05)
    wrong = torch.optim.SGD(other.parameters(), lr=0.05)
    found = clinometer.diagnose(
        record(tmp_path, model, _loop(model, stepper, wrong.zero_grad, 60), every=1)
    )
    assert leading(found)[:2] == ("FLOW403", "gradients not cleared")


@pytest.mark.parametrize("way", ["none", "zero", "module", "by hand"])
@pytest.mark.parametrize("every", [1, 5])
def test_every_way_to_clear_gradients_is_innocent(way, every, tmp_path):
    model = Parted()
    stepper = torch.optim.SGD(model.parameters(), lr=0.1)

    def by_hand():
        for parameter in model.parameters():
            parameter.grad = None

    clear = {
        "none": stepper.zero_grad,
        "zero": lambda: stepper.zero_grad(set_to_none=False),
        "module": model.zero_grad,
        "by hand": by_hand,
    }[way]
    found = clinometer.diagnose(
        record(tmp_path, model, _loop(model, stepper, clear, 120), every=every)
    )
    assert "FLOW403" not in codes(found)
    assert clean(found)


@pytest.mark.parametrize("none", [True, False])
@pytest.mark.parametrize("passes", [2, 4])
def test_accumulation_over_micro_batches_is_innocent(none, passes, tmp_path):
    model = Pixels()
    stepper = torch.optim.SGD(model.parameters(), lr=0.1)
    train = _loop(
        model, stepper, lambda: stepper.zero_grad(set_to_none=none), 80, passes=passes, size=16
    )
    found = clinometer.diagnose(record(tmp_path, model, train, every=5))
    assert "FLOW403" not in codes(found)
    assert clean(found)


# -- output and loss ---------------------------------------------------------------------------


class Soft(nn.Module):
    """A softmax in the forward pass, as a function."""

    def __init__(self):
        super().__init__()
        self.body, self.out = nn.Linear(16, 24), nn.Linear(24, 4)

    def forward(self, x):
        return functional.softmax(self.out(torch.tanh(self.body(x))), dim=1)


def _with_module():
    return nn.Sequential(nn.Linear(16, 24), nn.ReLU(), nn.Linear(24, 4), nn.Softmax(dim=1))


def _plain():
    return nn.Sequential(nn.Linear(16, 24), nn.ReLU(), nn.Linear(24, 4))


def _soft_loss(out, labels):
    return entropy(torch.softmax(out, dim=1), labels)


TWICE = {  # how it is written: network, loss, where
    "module": (_with_module, entropy, "3"),
    "function": (Soft, entropy, "out"),
    "loop": (_plain, _soft_loss, "2"),
    "loss module": (_with_module, nn.CrossEntropyLoss(), "3"),
    "smoothed": (_with_module, nn.CrossEntropyLoss(label_smoothing=0.1), "3"),
}


@pytest.mark.parametrize("way", TWICE)
@pytest.mark.parametrize("every", [1, 10])
def test_a_softmax_before_cross_entropy_is_named(way, every, tmp_path):
    make, loss, place = TWICE[way]
    found = told(tmp_path, make(), loss=loss, every=every)
    assert leading(found)[:2] == ("FLOW404", "output and loss do not match")
    assert found.findings[0].layer.partition(":")[0] == place
    assert "a softmax is applied before a loss that applies one itself" in (
        found.findings[0].explanation
    )
    assert found.findings[0].severity in {"error", "warning"}


def _nll(transform):
    return lambda out, labels: functional.nll_loss(transform(out), labels)


def _binary(transform, loss):
    return lambda out, labels: loss(transform(out[:, :1]), (labels % 2).float()[:, None])


MISMATCHES = {
    "softmax and NLLLoss": _nll(lambda out: out.softmax(1)),
    "logits and NLLLoss": _nll(lambda out: out),
    "sigmoid and cross-entropy": lambda out, labels: entropy(out.sigmoid(), labels),
    "sigmoid twice": _binary(torch.sigmoid, functional.binary_cross_entropy_with_logits),
    "ReLU before the logits of a sigmoid": _binary(
        torch.relu, functional.binary_cross_entropy_with_logits
    ),
}


@pytest.mark.parametrize("mismatch", MISMATCHES)
@pytest.mark.parametrize("network", [_plain, Pixels])
def test_outputs_that_do_not_match_their_loss_are_named(mismatch, network, tmp_path):
    found = told(tmp_path, network(), loss=MISMATCHES[mismatch])
    assert leading(found)[:2] == ("FLOW404", "output and loss do not match")
    assert found.findings[0].severity in {"error", "warning"}


MATCHES = {
    "logits and cross-entropy": entropy,
    "log-softmax and cross-entropy": lambda out, labels: entropy(out.log_softmax(1), labels),
    "log-softmax and NLLLoss": _nll(lambda out: out.log_softmax(1)),
    "log of softmax and NLLLoss": _nll(lambda out: torch.log(out.softmax(1))),
    "log of clamped softmax and NLLLoss": _nll(lambda out: out.softmax(1).clamp(min=1e-9).log()),
    "sigmoid and BCELoss": _binary(torch.sigmoid, functional.binary_cross_entropy),
    "logit and BCEWithLogitsLoss": _binary(
        lambda out: out, functional.binary_cross_entropy_with_logits
    ),
}


@pytest.mark.parametrize("match", MATCHES)
@pytest.mark.parametrize("network", [_plain, Pixels])
def test_outputs_that_match_their_loss_are_innocent(match, network, tmp_path):
    found = told(tmp_path, network(), loss=MATCHES[match], steps=150, rate=0.3)
    assert "FLOW404" not in codes(found)
    assert clean(found)


def test_a_squared_error_behind_a_sigmoid_that_learns_is_a_note_at_most(tmp_path):
    found = told(
        tmp_path, _plain(), loss=_binary(torch.sigmoid, functional.mse_loss), steps=300, rate=1.0
    )
    assert set(said(found, "FLOW404")) <= {"note"}
    assert clean(found)


def test_an_auto_encoder_with_a_sigmoid_and_a_squared_error_is_innocent(tmp_path):
    pixels = torch.sigmoid(blobs(400, 16, 4)[0] * 2)
    model = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 16), nn.Sigmoid())
    found = told(
        tmp_path, model, data=(pixels, pixels), loss=functional.mse_loss, steps=400, rate=3.0
    )
    assert clean(found)


def test_a_softmax_over_attention_inside_the_network_is_no_output(tmp_path):
    class Looks(nn.Module):
        def __init__(self):
            super().__init__()
            self.q, self.k, self.v = (nn.Linear(4, 8) for _ in range(3))
            self.out = nn.Linear(8, 4)

        def forward(self, x):
            x = x.view(-1, 4, 4)
            q, k, v = self.q(x), self.k(x), self.v(x)
            look = torch.softmax(q @ k.transpose(1, 2) / 8**0.5, dim=-1)
            return self.out((look @ v).mean(1))

    found = told(tmp_path, Looks(), steps=300, rate=0.5)
    assert not {"FLOW404", "FLOW407"} & set(codes(found))
    assert clean(found)


# -- normalisation -----------------------------------------------------------------------------


def _normed():
    return nn.Sequential(nn.Linear(16, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Linear(24, 4))


class NormedPixels(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.head = nn.Linear(8 * 16, 4)

    def forward(self, x):
        return self.head(torch.relu(self.norm(self.conv(x.view(-1, 1, 4, 4)))).flatten(1))


@SEEDS
def test_batch_normalisation_over_pairs_is_named(seed, tmp_path):
    torch.manual_seed(seed)
    found = told(tmp_path, _normed(), size=2, rate=0.02)
    assert leading(found) == ("FLOW405", "normalisation gain", "1")
    assert "2 values" in found.findings[0].explanation
    assert found.findings[0].severity in {"error", "warning"}


class OneFeature(nn.Module):
    """A layer normalisation over an axis of one feature: always its bias."""

    def __init__(self):
        super().__init__()
        self.body, self.norm, self.head = nn.Linear(1, 8), nn.LayerNorm(1), nn.Linear(8 * 16, 4)

    def forward(self, x):
        z = torch.tanh(self.body(self.norm(x[..., None])))
        return self.head(z.flatten(1))


def test_layer_normalisation_of_a_single_feature_is_named(tmp_path):
    found = told(tmp_path, OneFeature())
    assert leading(found) == ("FLOW405", "normalisation gain", "norm")
    assert "a constant" in found.findings[0].explanation
    assert found.findings[0].severity == "error"


def test_group_normalisation_with_as_many_groups_as_features_is_named(tmp_path):
    model = nn.Sequential(nn.Linear(16, 24), nn.GroupNorm(24, 24), nn.ReLU(), nn.Linear(24, 4))
    found = told(tmp_path, model)
    assert leading(found) == ("FLOW405", "normalisation gain", "1")
    assert found.findings[0].severity == "error"


def test_normalisation_over_the_pixels_of_two_images_is_innocent(tmp_path):
    found = told(tmp_path, NormedPixels(), size=2, steps=300, rate=0.02)
    assert "FLOW405" not in codes(found)


@pytest.mark.parametrize("network", [_normed, NormedPixels])
def test_batch_normalisation_over_a_batch_is_innocent(network, tmp_path):
    found = told(tmp_path, network(), steps=200)
    assert "FLOW405" not in codes(found)
    assert clean(found)


def _evaluated(model, at, then_train):
    """Validate at these steps, as people do between epochs."""

    def before(step):
        if step in at:
            model.eval()
            with torch.no_grad():
                model(TASK[0])
            if then_train:
                model.train()

    return before


def _dropped():
    return nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 4))


@pytest.mark.parametrize(
    ("network", "place"), [(_normed, "1"), (NormedPixels, "norm"), (_dropped, "2")]
)
@pytest.mark.parametrize("every", [1, 5])
def test_a_network_that_trains_on_in_evaluation_mode_is_named(network, place, every, tmp_path):
    model = network()
    found = told(tmp_path, model, every=every, steps=100, before=_evaluated(model, {20}, False))
    assert leading(found) == ("FLOW405", "left in evaluation mode", place)
    assert found.findings[0].severity in {"error", "warning"}


EARLY = [0, 3, 5, 8, 11, 15, 20, 27, 36, 48, 64, 86]  # as a budget spaces them


@pytest.mark.parametrize("network", [_normed, NormedPixels, _dropped])
@pytest.mark.parametrize("begun", [40, 60])
def test_how_long_a_network_evaluates_is_told_in_steps_and_not_in_observations(
    network, begun, tmp_path
):
    model = network()
    whole = told(
        tmp_path, model, every=1, steps=100, before=_evaluated(model, {begun}, False)
    ).recording
    thinned = replace(
        whole, observed=whole.observed[EARLY], rows={k: r[EARLY] for k, r in whole.rows.items()}
    )
    found = clinometer.diagnose(thinned)
    if begun == 40:  # 9 of 12 observations before it, and most of the run after it
        assert leading(found)[:2] == ("FLOW405", "left in evaluation mode")
        assert found.findings[0].evidence[0].value == pytest.approx(0.52)
    else:
        assert "FLOW405" not in codes(found)


@pytest.mark.parametrize("network", [_normed, NormedPixels, _dropped])
def test_an_evaluation_between_epochs_that_ends_in_training_mode_is_innocent(network, tmp_path):
    model = network()
    found = told(tmp_path, model, steps=200, before=_evaluated(model, range(0, 200, 20), True))
    assert "FLOW405" not in codes(found)
    assert clean(found)


def test_batch_normalisation_that_is_frozen_from_the_beginning_is_a_note_at_most(tmp_path):
    model = _normed()
    judged(tmp_path, model, TASK, steps=100)
    model[1].eval()
    found = told(tmp_path, model, steps=100)
    assert set(said(found, "FLOW405")) <= {"note"}
    assert clean(found)


# -- no optimizer step -------------------------------------------------------------------------


@pytest.mark.parametrize("network", [_plain, Pixels])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_optimizer_that_never_steps_is_named(network, optimizer, tmp_path):
    model = network()

    def train():
        stepper = OPTIMIZERS[optimizer](model.parameters())
        stream = batches(TASK, 32)
        for _ in range(60):
            inputs, labels = next(stream)
            stepper.zero_grad()
            entropy(model(inputs), labels).backward()

    found = clinometer.diagnose(record(tmp_path, model, train, every=5))
    assert leading(found) == ("FLOW406", "optimizer never stepped", "")
    assert found.findings[0].severity == "error"
    assert found.verdict == "not-training"
    assert {f.code for f in found.findings if f.severity != "note" and not f.consequence_of} == {
        "FLOW406"
    }


def test_weights_that_the_script_moves_by_hand_are_innocent(tmp_path):
    model = _plain()

    def train():
        torch.optim.SGD(model.parameters(), lr=0.1)  # made, and not used
        stream = batches(TASK, 32)
        for _ in range(100):
            inputs, labels = next(stream)
            model.zero_grad()
            entropy(model(inputs), labels).backward()
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.sub_(0.1 * parameter.grad)

    found = clinometer.diagnose(record(tmp_path, model, train, every=5))
    assert "FLOW406" not in codes(found)
    assert clean(found)


@pytest.mark.parametrize("trained", [True, False])
def test_gradients_that_are_wanted_for_themselves_are_no_fault_of_the_wiring(trained, tmp_path):
    model = _plain()
    if trained:
        judged(tmp_path, model, TASK, steps=300, lr=0.3)

    def saliency():
        for _ in range(60):
            inputs = TASK[0][:32].clone().requires_grad_()
            entropy(model(inputs), TASK[1][:32]).backward()

    found = clinometer.diagnose(record(tmp_path, model, saliency, every=1))
    assert not {"FLOW302", "FLOW401", "FLOW402", "FLOW403", "FLOW406"} & set(codes(found))
    assert not trained or clean(found)


# -- degenerate output -------------------------------------------------------------------------


class SoftOne(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.out = nn.Linear(16, 24), nn.Linear(24, 1)

    def forward(self, x):
        return functional.softmax(self.out(torch.relu(self.body(x))), dim=1)


def _soft_one():
    return nn.Sequential(nn.Linear(16, 24), nn.ReLU(), nn.Linear(24, 1), nn.Softmax(dim=1))


BINARY = TASK[0], (TASK[1] % 2).float()[:, None]


@pytest.mark.parametrize(("network", "place"), [(_soft_one, "3"), (SoftOne, "out")])
@pytest.mark.parametrize("loss", [functional.binary_cross_entropy, functional.mse_loss])
def test_a_softmax_over_one_unit_is_named(network, place, loss, tmp_path):
    found = told(tmp_path, network(), data=BINARY, loss=loss)
    assert leading(found)[:2] == ("FLOW407", "degenerate output")
    assert found.findings[0].layer.partition(":")[0] == place
    assert found.findings[0].severity == "error"


def test_cross_entropy_over_one_class_is_named(tmp_path):
    model = nn.Sequential(nn.Linear(16, 24), nn.Tanh(), nn.Linear(24, 1))
    found = told(tmp_path, model, data=(TASK[0], torch.zeros(400, dtype=torch.long)))
    assert leading(found)[:2] == ("FLOW407", "degenerate output")
    assert "single unit" in found.findings[0].explanation


@SEEDS
@pytest.mark.parametrize("loss", ["nll", "bce"])
def test_a_softmax_over_the_rows_of_the_batch_is_named(seed, loss, tmp_path):
    torch.manual_seed(seed)
    losses = {
        "nll": lambda out, labels: functional.nll_loss(torch.log(out), labels),
        "bce": lambda out, labels: functional.binary_cross_entropy(
            out, functional.one_hot(labels, 4).float()
        ),
    }
    model = nn.Sequential(nn.Linear(16, 24), nn.ReLU(), nn.Linear(24, 4), nn.Softmax(dim=0))
    found = told(tmp_path, model, loss=losses[loss])
    assert leading(found)[:2] == ("FLOW407", "degenerate output")
    assert "axis 0" in found.findings[0].explanation


def test_a_sigmoid_over_one_unit_is_innocent(tmp_path):
    model = nn.Sequential(nn.Linear(16, 24), nn.ReLU(), nn.Linear(24, 1), nn.Sigmoid())
    found = told(
        tmp_path, model, data=BINARY, loss=functional.binary_cross_entropy, steps=200, rate=0.5
    )
    assert "FLOW407" not in codes(found)
    assert clean(found)


class Pooled(nn.Module):
    """Attention pooling of 4 rows of 4 numbers; the softmax runs over `axis` of (batch, rows, 1)."""

    def __init__(self, axis: int, lengths: tuple[int, ...] = (4,)):
        super().__init__()
        self.axis, self.lengths, self.calls = axis, lengths, 0
        self.embed, self.score, self.head = nn.Linear(4, 24), nn.Linear(24, 1), nn.Linear(24, 4)

    def forward(self, x):
        rows = torch.relu(self.embed(x.view(-1, 4, 4)))[
            :, : self.lengths[self.calls % len(self.lengths)]
        ]
        self.calls += 1
        weights = functional.softmax(torch.tanh(self.score(rows)), dim=self.axis)
        return self.head((weights * rows).sum(1))


@SEEDS
def test_attention_weights_that_are_a_softmax_over_one_entry_are_named(seed, tmp_path):
    torch.manual_seed(seed)
    found = told(tmp_path, Pooled(axis=2), steps=200)
    assert leading(found)[:2] == ("FLOW407", "degenerate output")
    assert "axis of length 1" in found.findings[0].explanation
    assert found.findings[0].severity in {"error", "warning"}


@SEEDS
@pytest.mark.parametrize("lengths", [(4,), (1, 4), (4, 1), (1, 1, 1, 4)])
def test_attention_over_a_single_key_in_some_of_the_steps_is_innocent(lengths, seed, tmp_path):
    torch.manual_seed(seed)
    found = told(tmp_path, Pooled(axis=1, lengths=lengths), steps=60, every=1)
    assert "FLOW407" not in codes(found)


def test_a_single_batch_of_one_key_says_nothing_of_the_run(tmp_path):
    found = told(tmp_path, Pooled(axis=1, lengths=(1,)), steps=1, every=1)
    assert "FLOW407" not in codes(found)


@pytest.mark.parametrize("dim", [1, -1])
def test_a_softmax_over_the_classes_is_innocent(dim, tmp_path):
    model = nn.Sequential(nn.Linear(16, 24), nn.ReLU(), nn.Linear(24, 4), nn.Softmax(dim=dim))
    found = told(
        tmp_path, model, loss=lambda out, labels: functional.nll_loss(torch.log(out), labels),
        steps=200,
    )  # fmt: skip
    assert "FLOW407" not in codes(found)
    assert clean(found)


# -- frozen by accident ------------------------------------------------------------------------


@SEEDS
def test_random_layers_that_are_frozen_and_in_the_optimizer_are_named(seed, tmp_path):
    torch.manual_seed(seed)
    model = Parted()
    model.encoder.requires_grad_(False)
    found = told(tmp_path, model)
    assert leading(found)[:2] == ("FLOW408", "frozen")
    assert set(found.findings[0].layers) == {"encoder.0", "encoder.2"}
    assert found.findings[0].severity in {"error", "warning"}


def test_a_random_convolution_that_is_frozen_and_in_the_optimizer_is_named(tmp_path):
    model = Pixels()
    for parameter in model.stem.parameters():
        parameter.requires_grad = False
    found = told(tmp_path, model)
    assert leading(found) == ("FLOW408", "frozen", "stem")
    harmless = found.verdict == "learned"  # random features were enough
    assert found.findings[0].severity in ({"note"} if harmless else {"error", "warning"})


@pytest.mark.parametrize("given", ["all", "trainable"])
def test_pretrained_layers_that_are_frozen_are_a_note_at_most(given, tmp_path):
    model = Parted()
    judged(tmp_path, model, TASK, steps=300, lr=0.3)  # pretraining
    model.encoder.requires_grad_(False)
    model.head = nn.Linear(24, 4)
    chosen = [p for p in model.parameters() if p.requires_grad or given == "all"]
    found = told(tmp_path, model, parameters=chosen, steps=150)
    assert set(said(found, "FLOW408")) <= {"note"}
    assert clean(found)


def test_layers_that_were_trained_in_the_same_run_and_are_then_frozen_are_innocent(tmp_path):
    model = Parted()

    def before(step):
        if step == 40:
            model.encoder.requires_grad_(False)

    found = told(tmp_path, model, steps=150, before=before)
    assert "FLOW408" not in codes(found)
    assert clean(found)


def test_random_features_that_no_optimizer_was_given_are_innocent(tmp_path):
    model = Parted()
    model.encoder.requires_grad_(False)
    found = told(tmp_path, model, parameters=list(model.head.parameters()), steps=200)
    assert "FLOW408" not in codes(found)
    assert clean(found)


def test_layers_that_are_thawed_later_are_innocent(tmp_path):
    model = Parted()
    model.encoder.requires_grad_(False)

    def before(step):
        if step == 40:
            model.encoder.requires_grad_(True)

    found = told(tmp_path, model, steps=150, before=before)
    assert "FLOW408" not in codes(found)
    assert clean(found)
