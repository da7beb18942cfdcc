"""Each rule on three kinds of run: sick, healthy, and the innocent look-alike."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

import clinometer
from clinometer.diagnosis.diagnose import all_rules
from clinometer.diagnosis.rule import Rule
from networks import blobs, chain, codes, initialise, judged

TASK = blobs(400, 16, 10)


def he(model: nn.Module) -> nn.Module:
    return initialise(model, lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"))


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


# -- vanishing gradient ------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam])
def test_a_deep_sigmoid_network_loses_its_gradient_to_the_activations(seed, optimizer, tmp_path):
    torch.manual_seed(seed)
    rate = 0.1 if optimizer is torch.optim.SGD else 1e-3
    found = judged(tmp_path, chain(10, 16, nn.Sigmoid), TASK, optimizer=optimizer, lr=rate)
    assert found.verdict == "stuck"
    assert found.findings[0].code == "FLOW201"
    assert found.findings[0].cause == "activation gain"
    assert found.findings[0].severity == "error"
    assert found.findings[0].layer == "0"


def test_a_deep_network_with_tiny_weights_loses_its_gradient_to_the_weights(tmp_path):
    model = initialise(chain(8, 16, nn.Tanh), lambda w: nn.init.normal_(w, std=0.02))
    found = judged(tmp_path, model, TASK)
    assert found.verdict == "stuck"
    assert (found.findings[0].code, found.findings[0].cause) == ("FLOW206", "weight gain")
    fading = next(finding for finding in found.findings if finding.code == "FLOW201")
    assert (fading.cause, fading.consequence_of) == ("weight gain", "FLOW206")


def test_a_single_layer_that_kills_the_gradient_is_named(tmp_path):
    model = initialise(chain(6, 16, nn.Tanh), nn.init.xavier_normal_)
    with torch.no_grad():
        model[6].weight.mul_(1e-6)
    model[6].weight.requires_grad_(False)  # else it grows again within some steps
    found = judged(tmp_path, model, TASK)
    finding = found.findings[0]
    assert (finding.code, finding.cause, finding.layer) == ("FLOW201", "weight gain", "6")


def test_a_gradient_of_exactly_zero_is_a_lost_one_and_not_a_missing_number(tmp_path):
    model = he(chain(4, 16, nn.ReLU))
    with torch.no_grad():
        model[6].bias.fill_(-1e4)
    found = judged(tmp_path, model, TASK, steps=40, every=1)
    assert found.lines[0].arriving.max() == -math.inf
    listed = found.to_dict()["ledger"][0]
    assert listed["factors"]["activation"] is None
    assert "activation" in listed["zero"]
    assert found.findings[0].cause == "activation gain"


def test_a_deep_relu_network_with_he_initialisation_is_healthy(tmp_path):
    found = judged(tmp_path, he(chain(10, 16, nn.ReLU)), TASK, steps=400, lr=0.02)
    assert found.verdict in {"learning", "learned"}
    assert codes(found, "error", "warning") == []


def test_small_gradients_of_a_fitted_network_are_innocent(tmp_path):
    found = judged(tmp_path, he(chain(2, 32, nn.ReLU, inputs=16)), TASK, steps=600, lr=0.1)
    assert found.verdict == "learned"
    assert "small because the examples are right" in found.because
    assert codes(found, "error", "warning") == []


def test_a_weaker_gradient_in_a_network_that_learns_is_a_note_at_most(tmp_path):
    model = chain(
        4, 64, nn.Sigmoid, inputs=16
    )  # Xavier sigmoid: fades by about 3 decades, and learns
    initialise(model, lambda w: nn.init.xavier_normal_(w, gain=2.0))
    found = judged(tmp_path, model, TASK, optimizer=torch.optim.Adam, lr=1e-2, steps=500)
    assert found.verdict in {"learning", "learned"}
    assert codes(found, "error", "warning") == []


# -- exploding gradient ------------------------------------------------------------------------


def test_a_deep_network_with_large_weights_explodes(tmp_path):
    model = initialise(chain(10, 32, nn.ReLU, inputs=16), lambda w: nn.init.normal_(w, std=0.8))
    found = judged(tmp_path, model, TASK, every=1, steps=60)
    assert "FLOW202" in codes(found, "error", "warning")
    finding = next(f for f in found.findings if f.code == "FLOW202")
    assert finding.cause == "weight gain"


def test_larger_gradients_below_are_innocent_while_the_network_learns(tmp_path):
    model = he(chain(6, 32, nn.ReLU, inputs=16))
    with torch.no_grad():  # the same function, scaled: more gradient below, less above
        model[0].weight.mul_(0.02)
        model[-1].weight.mul_(50)
    found = judged(tmp_path, model, TASK, optimizer=torch.optim.Adam, lr=1e-3, steps=400)
    assert codes(found, "error", "warning") == []


# -- saturated activation ----------------------------------------------------------------------


@pytest.mark.parametrize(("activation", "scale"), [(nn.Tanh, 100.0), (nn.Sigmoid, 200.0)])
def test_weights_too_large_saturate_the_units(activation, scale, tmp_path):
    model = chain(3, 16, activation)
    with torch.no_grad():
        for layer in model[:-1:2]:
            layer.weight.mul_(scale)
    labels = torch.randint(0, 10, (400,))  # nothing to be learned in the head alone
    found = judged(tmp_path, model, (TASK[0], labels), lr=0.01)
    assert "FLOW101" in codes(found)
    finding = next(f for f in found.findings if f.code == "FLOW101")
    assert finding.cause == "activation gain"
    assert finding.evidence[0].value >= 0.9


def test_a_flat_output_unit_of_fitted_examples_is_innocent(tmp_path):
    points = torch.tensor([[1.0, 1.0], [-1.0, -1.0]]).repeat(32, 1)
    model = nn.Sequential(nn.Linear(2, 1), nn.Sigmoid())
    with torch.no_grad():
        model[0].weight.fill_(10.0)
        model[0].bias.zero_()
    labels = torch.tensor([[1.0], [0.0]]).repeat(32, 1)
    found = judged(tmp_path, model, (points, labels), loss=functional.binary_cross_entropy)
    assert found.verdict == "learned"
    assert codes(found, "error", "warning") == []


# -- dead units --------------------------------------------------------------------------------


def test_a_layer_whose_units_are_all_dead_cuts_the_chain(tmp_path):
    model = he(chain(3, 16, nn.ReLU))
    with torch.no_grad():
        model[2].bias.fill_(-100.0)
    found = judged(tmp_path, model, TASK)
    finding = found.findings[0]
    assert (finding.code, finding.layer, finding.severity) == ("FLOW102", "3", "error")
    assert found.recording.dead_units["3"] == list(range(16))
    assert found.verdict == "stuck"


def test_relu_sparsity_is_innocent(tmp_path):
    model = he(chain(2, 64, nn.ReLU, inputs=16))
    with torch.no_grad():  # two thirds of all outputs are zero, of ever different units
        model[0].bias.fill_(-1.0)
    found = judged(tmp_path, model, TASK)
    saturated = found.recording.column("activation", "saturated")
    assert saturated[0, 0] > 0.6
    assert "FLOW102" not in codes(found)
    assert codes(found, "error", "warning") == []


def test_half_dead_layers_of_a_network_that_learns_are_a_note(tmp_path):
    model = he(chain(2, 64, nn.ReLU, inputs=16))
    with torch.no_grad():
        model[0].bias[:40] = -100.0
    found = judged(tmp_path, model, TASK, steps=400)
    assert "FLOW102" in codes(found, "note")
    assert codes(found, "error", "warning") == []


# -- non-finite --------------------------------------------------------------------------------


class Overflow(nn.Module):
    """Becomes infinite in the forward pass after some calls."""

    def __init__(self, after: int):
        super().__init__()
        self.after, self.calls = after, 0

    def forward(self, x):
        self.calls += 1
        return x / 0 if self.calls > self.after else x * 1.0


def test_the_first_layer_to_make_a_non_finite_number_is_named_not_its_followers(tmp_path):
    model = nn.Sequential(
        nn.Linear(16, 16), nn.Tanh(), Overflow(after=20), nn.Linear(16, 16), nn.Linear(16, 10)
    )
    found = judged(tmp_path, model, TASK, every=1, steps=40)
    finding = found.findings[0]
    assert (finding.code, finding.layer, finding.cause) == ("FLOW501", "2", "non-finite output")
    assert "step 20" in finding.explanation
    assert found.verdict == "diverged"


def test_a_loss_of_nan_between_two_observations_is_told_with_its_step(tmp_path):
    model = chain(1, 16, nn.Tanh)
    calls = iter(range(100))

    def loss(out, labels):
        poison = math.nan if next(calls) == 13 else 1.0
        return functional.cross_entropy(out, labels) * poison

    found = judged(tmp_path, model, TASK, every=100, steps=14, loss=loss)
    assert found.findings[0].code == "FLOW501"
    assert "step 13" in found.findings[0].explanation


def test_an_infinite_input_that_is_masked_out_is_no_finding(tmp_path):
    found = judged(tmp_path, chain(1, 16, nn.Tanh), TASK)
    assert "FLOW501" not in codes(found)


# -- plateau -----------------------------------------------------------------------------------


def test_random_labels_under_a_tiny_rate_sit_at_ln_k(tmp_path):
    labels = torch.arange(400) % 4
    data = (torch.randn(400, 16), labels)
    found = judged(tmp_path, chain(1, 16, nn.Tanh, classes=4), data, lr=1e-7, steps=200)
    assert found.verdict in {"stuck", "undecided"}
    level = found.course.no_information
    assert level == pytest.approx(math.log(4), rel=1e-3)


def test_the_level_of_unequal_classes_is_the_entropy_of_their_frequencies(tmp_path):
    labels = (torch.arange(400) % 10 == 0).long()
    found = judged(tmp_path, chain(1, 16, nn.Tanh, classes=2), (TASK[0], labels), every=1, steps=70)
    share = 0.1
    entropy = -(share * math.log(share) + (1 - share) * math.log(1 - share))
    assert found.course.no_information == pytest.approx(entropy, rel=0.02)


def test_the_level_of_a_squared_error_is_the_variance_of_the_target(tmp_path):
    target = torch.randn(400, 2) * torch.tensor([1.0, 3.0])
    found = judged(
        tmp_path, chain(1, 16, nn.Tanh, classes=2), (TASK[0], target), every=1, steps=100,
        loss=functional.mse_loss, lr=1e-3,
    )  # fmt: skip
    expected = float(target.var(dim=0, correction=0).mean())
    assert found.course.no_information == pytest.approx(expected, rel=0.05)


def test_the_first_steps_of_a_healthy_run_are_no_plateau(tmp_path):
    found = judged(tmp_path, he(chain(2, 16, nn.ReLU)), TASK, steps=5, every=1, lr=1e-3)
    assert found.verdict == "undecided"
    assert codes(found, "error", "warning") == []


def test_a_loss_scaled_for_accumulation_is_held_against_its_level_unscaled(tmp_path):
    def quarter(out, labels):
        return functional.cross_entropy(out, labels) / 4

    found = judged(tmp_path, chain(10, 16, nn.Sigmoid), TASK, loss=quarter, every=2)
    assert found.verdict == "stuck"
    assert found.course.last == pytest.approx(math.log(10), rel=0.02)


# -- the engine --------------------------------------------------------------------------------


def test_a_rule_that_raises_becomes_a_finding_and_silences_nothing(tmp_path, monkeypatch):
    look = Rule.look

    def defective(rule, quantities):
        if rule.code == "FLOW101":
            raise ZeroDivisionError("a defect")
        return look(rule, quantities)

    monkeypatch.setattr(Rule, "look", defective)
    found = judged(tmp_path, chain(10, 16, nn.Sigmoid), TASK)
    assert "FLOW201" in codes(found, "error")
    failed = next(f for f in found.findings if f.cause == "rule failed")
    assert "ZeroDivisionError: a defect" in failed.explanation


def test_a_recording_without_a_step_is_undecided_and_says_so(tmp_path):
    with clinometer.watch(nn.Linear(2, 2), to=tmp_path / "a.clino"):
        pass
    found = clinometer.diagnose(clinometer.read(tmp_path / "a.clino"))
    assert found.verdict == "undecided"
    assert {code for code, _ in found.not_judged} >= {"FLOW101", "FLOW102", "FLOW201"}


def test_rules_have_codes_limits_and_remedies_of_their_own():
    rules = all_rules()
    assert len({rule.code for rule in rules}) == len(rules) == 38
    assert all(rule.name and rule.reads for rule in rules)


@pytest.mark.parametrize("labels", ["right", "exchanged"])
def test_the_chapters_model_b_is_learned_under_cross_entropy_only_when_it_is_right(
    labels, tmp_path
):
    points = torch.tensor([[1.0, 1.0], [-1.0, -1.0]])
    targets = torch.tensor([[1.0], [0.0]]) if labels == "right" else torch.tensor([[0.0], [1.0]])
    model = nn.Linear(2, 1)
    with torch.no_grad():
        model.weight.fill_(10.0)
        model.bias.zero_()
    found = judged(
        tmp_path, model, (points, targets), steps=100, lr=1e-3,
        loss=functional.binary_cross_entropy_with_logits,
    )  # fmt: skip
    assert (found.verdict == "learned") == (labels == "right")
