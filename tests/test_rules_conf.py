"""Confidence in a recording (CONF101 to 301): sick, healthy, and innocent look-alikes; never an error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

import clinometer
from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.diagnosis.rule import Finding
from networks import Batch, blobs, chain

SEEDS = pytest.mark.parametrize("seed", range(2))
RULES = ("CONF101", "CONF102", "CONF201", "CONF202", "CONF203", "CONF204", "CONF301")
POINTS = torch.tensor([[1.0, 1.0], [-1.0, -1.0]])
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def trained(
    folder: Path,
    model: nn.Module,
    data: Batch,
    held: Batch | None = None,
    *,
    steps: int = 200,
    every: int = 5,
    pause: int = 20,
    loss: Loss = functional.cross_entropy,
    evaluated: Loss = functional.cross_entropy,
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.Adam,
    lr: float = 0.01,
    weight_decay: float = 0.0,
) -> Diagnosis:
    """Full batches; every so many steps (`pause`) the held-out rows are evaluated."""
    stepper = optimizer(model.parameters(), lr=lr, weight_decay=weight_decay)
    path = folder / f"run{len(list(folder.glob('*.clino')))}.clino"
    with clinometer.watch(model, to=path, every=every):
        for i in range(steps):
            stepper.zero_grad()
            loss(model(data[0]), data[1]).backward()
            stepper.step()
            if held is not None and i % pause == pause - 1:
                with torch.no_grad():
                    evaluated(model(held[0]), held[1])
    return clinometer.diagnose(clinometer.read(path))


def said(found: Diagnosis, code: str) -> Finding | None:
    return next((finding for finding in found.findings if finding.code == code), None)


def spoken(found: Diagnosis) -> dict[str, str]:
    """Severity by code, of this family."""
    return {f.code: f.severity for f in found.findings if f.code in RULES}


def parts(rows: int, spread: float, classes: int = 4, noise: float = 0.0) -> tuple[Batch, Batch]:
    """A task in two halves; a share of all labels is exchanged at random."""
    inputs, labels = blobs(rows, 8, classes, spread=spread)
    draw = torch.Generator().manual_seed(7)
    wrong = torch.rand(rows, generator=draw) < noise
    labels = torch.where(wrong, torch.randint(classes, (rows,), generator=draw), labels)
    order = torch.randperm(rows, generator=draw)
    inputs, labels = inputs[order], labels[order]
    half = rows // 2
    return (inputs[:half], labels[:half]), (inputs[half:], labels[half:])


def wide(classes: int = 4) -> nn.Sequential:
    return chain(1, 128, nn.ReLU, classes=classes, inputs=8)


def model_a() -> nn.Sequential:
    """The chapter's: weights (1, 1)."""
    unit = nn.Linear(2, 1)
    with torch.no_grad():
        unit.weight.fill_(1.0)
        unit.bias.zero_()
    return nn.Sequential(unit)


# -- CONF101: a separator that is only rescaled ----------------------------------------------------


def test_the_chapters_model_a_becomes_model_b_by_scale_alone(tmp_path):
    labels = torch.tensor([[1.0], [0.0]])
    found = trained(
        tmp_path, model_a(), (POINTS, labels), loss=functional.binary_cross_entropy_with_logits,
        optimizer=torch.optim.SGD, lr=0.1,
    )  # fmt: skip
    finding = said(found, "CONF101")
    assert finding.severity == "note"
    assert finding.evidence[0].value == pytest.approx(1.0, abs=1e-3)
    assert said(found, "CONF102").consequence_of == "CONF101"
    assert found.verdict in {"learning", "learned"}


@SEEDS
def test_a_linear_classifier_that_tells_all_rows_goes_on_by_scale(seed, tmp_path):
    torch.manual_seed(seed)
    data, _ = parts(400, 0.3)
    model = nn.Sequential(nn.Linear(8, 4))
    found = trained(tmp_path, model, data, optimizer=torch.optim.SGD, lr=1.0, steps=600)
    assert spoken(found)["CONF101"] == "note"
    assert all(finding.severity == "note" for finding in found.findings)


def test_while_rows_are_wrong_it_is_silent(tmp_path):
    data, _ = parts(400, 1.5)
    model = nn.Sequential(nn.Linear(8, 4))
    found = trained(tmp_path, model, data, optimizer=torch.optim.SGD, lr=1.0)
    assert "CONF101" not in spoken(found)
    assert "CONF101" not in dict(found.not_judged)


class Cosine(nn.Module):
    """Cosines to one direction a class, times a number that stays: growth of its weight does nothing."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(8, 4, bias=False)

    def forward(self, x):
        return 6 * functional.linear(x, self.head.weight / self.head.weight.norm())


def test_look_alike_all_rows_are_right_and_the_layer_turns(tmp_path):
    data, _ = parts(400, 0.1)
    found = trained(tmp_path, Cosine(), data, steps=300)
    right = found.recording.column("loss", "right")[-10:, 0]
    assert (right == 1).all()
    assert "CONF101" not in spoken(found)


# -- CONF102: nothing but scale --------------------------------------------------------------------


def test_a_finished_direction_that_grows_is_named_though_rows_are_wrong(tmp_path):
    """A start at a tenth of its size, on the right line, with one label in ten exchanged."""
    inputs = torch.tensor([[1.0, 1.0], [-1.0, -1.0]]).repeat(10, 1)
    labels = torch.tensor([[1.0], [0.0]]).repeat(10, 1)
    labels[:2] = 1 - labels[:2]
    model = model_a()
    with torch.no_grad():
        model[0].weight.mul_(0.1)
    found = trained(
        tmp_path, model, (inputs, labels), loss=functional.binary_cross_entropy_with_logits,
        optimizer=torch.optim.SGD, lr=0.01, steps=120,
    )  # fmt: skip
    assert spoken(found) == {"CONF102": "note"}


@SEEDS
def test_a_network_that_learns_turns_as_it_grows(seed, tmp_path):
    torch.manual_seed(seed)
    data, _ = parts(400, 1.0)
    found = trained(tmp_path, wide(), data, steps=60, every=2, lr=1e-3)
    assert found.verdict == "learning"
    assert "CONF102" not in spoken(found)


def test_look_alike_weights_that_grow_before_a_normalisation(tmp_path):
    data, _ = parts(400, 0.8)
    model = nn.Sequential(
        nn.Linear(8, 32), nn.BatchNorm1d(32, affine=False), nn.ReLU(), nn.Linear(32, 4)
    )
    model[3].requires_grad_(False)
    found = trained(tmp_path, model, data, steps=60, every=2, lr=1e-2)
    assert "CONF102" not in spoken(found)


# -- CONF201: overconfident ------------------------------------------------------------------------


@SEEDS
def test_a_network_that_learned_noise_by_heart_is_overconfident(seed, tmp_path):
    torch.manual_seed(seed)
    data, held = parts(800, 0.8, noise=0.2)
    found = trained(tmp_path, wide(), data, held, steps=400)
    finding = said(found, "CONF201") or said(found, "CONF301")
    assert finding.severity == "warning"
    assert spoken(found)["CONF201"] == "warning"
    temperature = next(e for e in said(found, "CONF201").evidence if e.quantity == "temperature")
    assert temperature.value > 1.5


@SEEDS
def test_a_calibrated_classifier_is_not(seed, tmp_path):
    torch.manual_seed(seed)
    data, held = parts(4000, 1.0)
    found = trained(tmp_path, nn.Sequential(nn.Linear(8, 4)), data, held, lr=0.05)
    assert not {"CONF201", "CONF202"} & spoken(found).keys()
    assert not {"CONF201", "CONF202"} & dict(found.not_judged).keys()


@pytest.mark.parametrize("seed", range(5))
def test_look_alike_few_rows_differ_from_one_by_chance(seed, tmp_path):
    torch.manual_seed(seed)
    data, held = parts(4000, 1.0)
    few = held[0][seed * 20 : seed * 20 + 20], held[1][seed * 20 : seed * 20 + 20]
    found = trained(tmp_path, nn.Sequential(nn.Linear(8, 4)), data, few, lr=0.05)
    assert not {"CONF201", "CONF202"} & spoken(found).keys()


# -- CONF202: underconfident -----------------------------------------------------------------------


def softmaxed(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(logits.softmax(1), labels)


def quartered(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(logits / 4, labels)


@pytest.mark.parametrize("evaluated", [softmaxed, quartered])
def test_evaluated_through_what_was_not_trained_it_is_underconfident(evaluated, tmp_path):
    data, held = parts(1200, 0.7)
    model = nn.Sequential(nn.Linear(8, 4))
    found = trained(tmp_path, model, data, held, evaluated=evaluated, lr=0.1, steps=600)
    assert spoken(found)["CONF202"] == "warning"


def test_look_alike_a_network_that_is_still_learning_says_less_than_it_knows(tmp_path):
    data, held = parts(1200, 0.4)
    found = trained(tmp_path, nn.Sequential(nn.Linear(8, 4)), data, held, lr=0.01, steps=100)
    assert found.verdict == "learning"
    assert spoken(found).get("CONF202", "note") == "note"


def test_look_alike_smoothed_labels_ask_for_less_confidence(tmp_path):
    data, held = parts(1200, 0.5)

    def smoothed(logits, labels):
        return functional.cross_entropy(logits, labels, label_smoothing=0.3)

    model = nn.Sequential(nn.Linear(8, 4))
    found = trained(tmp_path, model, data, held, loss=smoothed, lr=0.1, steps=400)
    assert spoken(found) == {"CONF202": "note"}


def test_look_alike_on_an_easy_task_half_of_next_to_nothing_is_nothing(tmp_path):
    """Weight decay holds the logits down; the loss is small all the same."""
    data, held = parts(1200, 0.3)
    model = nn.Sequential(nn.Linear(8, 4))
    found = trained(tmp_path, model, data, held, lr=0.1, steps=400, weight_decay=3e-4)
    assert spoken(found).get("CONF202", "note") == "note"


# -- CONF203: more than the rows can prove ---------------------------------------------------------


@pytest.mark.parametrize("seen", [True, False], ids=["evaluated", "training alone"])
def test_a_claim_beyond_what_faultless_rows_earn_is_a_note(seen, tmp_path):
    data, held = parts(80, 0.05)
    found = trained(tmp_path, wide(), data, held if seen else None, steps=600)
    assert spoken(found)["CONF203"] == "note"
    finding = said(found, "CONF203")
    assert finding.evidence[0].value < finding.evidence[0].limit
    assert all(f.severity == "note" for f in found.findings)


def test_the_same_claim_is_earned_where_it_is_modest(tmp_path):
    data, held = parts(80, 0.05)
    found = trained(tmp_path, wide(), data, held, steps=600, weight_decay=0.05)
    assert "CONF203" not in spoken(found)


def test_look_alike_a_high_claim_that_wrong_rows_refute_is_another_matter(tmp_path):
    data, held = parts(200, 0.05)
    held[1][:5] = (held[1][:5] + 1) % 4
    found = trained(tmp_path, wide(), data, held, steps=600)
    assert "CONF203" not in spoken(found)
    assert "CONF201" in spoken(found)


# -- CONF204: at chance and sure -------------------------------------------------------------------


@SEEDS
def test_random_labels_learned_by_heart_leave_it_at_chance_and_sure(seed, tmp_path):
    torch.manual_seed(seed)
    data, held = parts(400, 1.0, noise=1.0)
    found = trained(tmp_path, wide(), data, held, steps=500)
    assert spoken(found)["CONF204"] == "warning"
    assert said(found, "CONF201").consequence_of == "CONF204"


def test_exchanged_label_numbers_in_the_evaluation_are_named(tmp_path):
    data, held = parts(400, 0.5)
    found = trained(tmp_path, wide(), data, (held[0], (held[1] + 1) % 4))
    assert said(found, "CONF204").severity == "warning"


def test_look_alike_a_network_at_chance_that_says_so(tmp_path):
    data, held = parts(4000, 1.0, noise=1.0)
    found = trained(tmp_path, nn.Sequential(nn.Linear(8, 4)), data, held)
    assert "CONF204" not in spoken(found)


def test_look_alike_a_rare_class_is_no_chance_level(tmp_path):
    draw = torch.Generator().manual_seed(0)
    inputs = torch.randn(1000, 8, generator=draw)
    labels = (torch.rand(1000, generator=draw) < 0.05).long()
    data, held = (inputs[:500], labels[:500]), (inputs[500:], labels[500:])
    found = trained(tmp_path, nn.Sequential(nn.Linear(8, 2)), data, held, lr=0.02)
    assert "CONF204" not in spoken(found)


# -- CONF301: past the best refinement -------------------------------------------------------------


@SEEDS
def test_separation_that_is_lost_to_noise_is_named(seed, tmp_path):
    torch.manual_seed(seed)
    data, held = parts(800, 0.8, noise=0.2)
    found = trained(tmp_path, wide(), data, held, steps=400)
    finding = said(found, "CONF301")
    assert (finding.severity, finding.cause) == ("warning", "lost separation")
    assert said(found, "CONF201").consequence_of == "CONF301"


def line(rows: int, wrong: int) -> Batch:
    """Rows at -1 and 1; so many have the label of the other side."""
    inputs = torch.tensor([[1.0], [-1.0]]).repeat(rows // 2, 1)
    labels = (inputs > 0).float()
    labels[:wrong] = 1 - labels[:wrong]
    return inputs, labels


def test_a_rise_that_a_temperature_takes_away_is_overconfident_not_overfitted(tmp_path):
    """One weight without a bias: nothing but scale can change."""
    binary = functional.binary_cross_entropy_with_logits
    found = trained(
        tmp_path, nn.Sequential(nn.Linear(1, 1, bias=False)), line(20, 0), line(400, 40),
        loss=binary, evaluated=binary, steps=500, every=20, lr=0.02,
    )  # fmt: skip
    finding = said(found, "CONF301")
    assert (finding.cause, finding.severity) == ("scale", "note")
    assert "overconfident, not overfitted" in finding.explanation


def test_look_alike_the_last_pass_is_always_a_little_above_the_least(tmp_path):
    data, held = parts(4000, 1.0)
    stream = torch.Generator().manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 4))
    stepper = torch.optim.SGD(model.parameters(), lr=0.1)
    with clinometer.watch(model, to=tmp_path / "run.clino", every=5):
        for i in range(400):
            rows = torch.randint(2000, (64,), generator=stream)
            stepper.zero_grad()
            functional.cross_entropy(model(data[0][rows]), data[1][rows]).backward()
            stepper.step()
            if i % 20 == 19:
                with torch.no_grad():
                    functional.cross_entropy(model(held[0]), held[1])
    found = clinometer.diagnose(clinometer.read(tmp_path / "run.clino"))
    assert "CONF301" not in spoken(found)
    assert "CONF301" not in dict(found.not_judged)


# -- what was not seen -----------------------------------------------------------------------------


def test_without_an_evaluation_pass_the_claim_is_not_judged(tmp_path):
    data, _ = parts(400, 1.0)
    silent = dict(trained(tmp_path, wide(), data).not_judged)
    for code in ("CONF201", "CONF202", "CONF204", "CONF301"):
        assert (
            silent[code]
            == "no late evaluation pass over a cross-entropy without gradients was seen"
        )


def test_a_pass_before_training_says_nothing_of_the_trained_network(tmp_path):
    data, held = parts(400, 1.0)
    found = trained(tmp_path, wide(), data, held, steps=200, pause=40)
    early = replace(found.recording, evaluations=found.recording.evaluations[:1])
    silent = dict(clinometer.diagnose(early).not_judged)
    assert {"CONF201", "CONF202", "CONF204", "CONF301"} <= silent.keys()


def test_older_recordings_are_not_judged():
    golden = Path(__file__).parent / "golden"
    for schema in (1, 2, 3):
        silent = dict(
            clinometer.diagnose(clinometer.read(golden / f"schema{schema}.clino")).not_judged
        )
        assert set(RULES) - {"CONF203"} <= silent.keys()


def test_no_finding_of_the_family_is_an_error_or_changes_the_verdict(tmp_path):
    data, held = parts(400, 1.0, noise=1.0)
    seen = trained(tmp_path, wide(), data, held, steps=500)
    unseen = trained(tmp_path, wide(), data, None, steps=500)
    assert "error" not in spoken(seen).values()
    assert seen.verdict == unseen.verdict


def test_the_hardest_rows_are_judged_where_the_script_evaluates_its_training_rows_too(tmp_path):
    data, held = parts(800, 0.8, noise=0.2)
    both = [0, 1]

    def evaluated(logits, labels):
        return functional.cross_entropy(logits, labels)

    model = wide()
    stepper = torch.optim.Adam(model.parameters(), lr=0.01)
    with clinometer.watch(model, to=tmp_path / "run.clino", every=5):
        for i in range(400):
            stepper.zero_grad()
            functional.cross_entropy(model(data[0]), data[1]).backward()
            stepper.step()
            if i % 50 == 49:
                with torch.no_grad():
                    both[0] = evaluated(model(data[0]), data[1])
                    both[1] = evaluated(model(held[0]), held[1])
    found = clinometer.diagnose(clinometer.read(tmp_path / "run.clino"))
    assert both[1] > both[0]
    assert spoken(found)["CONF201"] == "warning"
