"""The table of what is observed, situation by situation: each cell says what a small training shows.

A cell is what is true, not what is wished for. Where a test fails because more is seen than before, the
table (`clinometer.records.coverage`) is what has to change.
"""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.utils.checkpoint import checkpoint

import clinometer
from clinometer.attach.facts import facts_of_run
from clinometer.attach.recorder import Recorder
from clinometer.records.coverage import LEVELS, SITUATIONS, Situation
from clinometer.records.recording import Recording
from clinometer.store.writer import Writer

ROOT = Path(__file__).parents[1]
SCRIPTS = Path(__file__).parent / "scripts"
BY_NAME = {situation.name: situation for situation in SITUATIONS}
BACKED: dict[str, str] = {}  # situation: function here that shows it

INPUTS, LABELS = torch.randn(16, 6), torch.arange(16) % 2
WORD = torch.arange(16) % 9
SEQUENCE = torch.randn(5, 16, 6)

Record = Callable[[Callable[[], Any]], Recording]
Test = Callable[..., None]


def backs(name: str, layers: str, parameters: str) -> Callable[[Test], Test]:
    """Say which situation a test shows, and what its two cells therefore are."""

    def mark(test: Test) -> Test:
        situation = BY_NAME[name]
        assert (situation.layers, situation.parameters) == (layers, parameters), name
        BACKED[name] = test.__name__
        return test

    return mark


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """Record every step of the training that a function does, as `clinometer run` would."""

    def recorded(train: Callable[[], Any]) -> Recording:
        path = str(tmp_path / f"{len([*tmp_path.glob('*.clino')])}.clino")
        recorder = Recorder(Writer(path, facts_of_run("coverage", [])), every=1)
        recorder.start()
        try:
            train()
        finally:
            recorder.stop("normal")
        recording = clinometer.read(path)
        assert not [note for note in recording.notes if "Error" in note]
        return recording

    return recorded


def script(name: str) -> Callable[[], Any]:
    """One of the scripts in `scripts/`, to be run in this process."""

    def run() -> None:
        sys.path.insert(0, str(SCRIPTS))
        try:
            runpy.run_path(str(SCRIPTS / f"{name}.py"), run_name="__main__")
        finally:
            sys.path.remove(str(SCRIPTS))

    return run


def run_cli(folder: Path, *command: str | Path, before: tuple[str, ...] = ()) -> Recording:
    """Record a script in a process of its own."""
    path = folder / "run.clino"
    done = subprocess.run(
        [sys.executable, *before, "-m", "clinometer", "run", "-o", path, *command],
        cwd=SCRIPTS,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return clinometer.read(path)


# -- small trainings ------------------------------------------------------------------------------


def mlp() -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 2))


def loss_of(model: nn.Module, inputs: torch.Tensor = INPUTS) -> torch.Tensor:
    return F.cross_entropy(model(inputs), LABELS[: len(inputs)])


def train(
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    loss: Callable[[nn.Module], torch.Tensor] = loss_of,
    steps: int = 4,
    clip: Callable[[], Any] = lambda: None,
) -> None:
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(model).backward()
        clip()
        optimizer.step()


class Block(nn.Module):
    """A linear map, something of one's own, and a linear map."""

    def __init__(self, middle: Callable[..., torch.Tensor], *parts: nn.Module) -> None:
        super().__init__()
        self.first, self.parts, self.last = nn.Linear(6, 8), nn.ModuleList(parts), nn.Linear(8, 2)
        self.middle = middle

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.middle(self.first(x), *self.parts))


# -- what was seen ----------------------------------------------------------------------------------


def figures(recording: Recording, kind: str, column: str) -> dict[str, int]:
    """By name of a site: in how many observations this column was measured, where in any."""
    found = np.isfinite(recording.column(kind, column)) & (recording.column(kind, "seen") > 0)
    counts = found.sum(axis=0).tolist()
    names = [site.name for site in recording.of_kind(kind)]
    return {name: count for name, count in zip(names, counts, strict=True) if count}


def layers(recording: Recording) -> dict[str, int]:
    """Layers whose gradient was measured, and how often."""
    return figures(recording, "call", "grad_out_rms")


def moved(recording: Recording) -> dict[str, int]:
    """Parameters whose stored step was measured, and how often."""
    return figures(recording, "parameter", "stored_rms")


def intended(recording: Recording) -> dict[str, int]:
    return figures(recording, "parameter", "intended_rms")


def whole(steps: int, *names: str) -> dict[str, int]:
    return dict.fromkeys(names, steps)


MLP = ("0", "1", "2")
MLP_PARAMETERS = ("0.bias", "0.weight", "2.bias", "2.weight")


def check_all(recording: Recording, steps: int = 4) -> None:
    """An MLP of which nothing was missed."""
    assert recording.observed.tolist() == list(range(steps))
    assert layers(recording) == whole(steps, *MLP)
    assert moved(recording) == intended(recording) == whole(steps, *MLP_PARAMETERS)


# -- the table itself -------------------------------------------------------------------------------


def test_every_cell_has_a_level_and_a_reason_in_one_line() -> None:
    assert len(BY_NAME) == len(SITUATIONS)
    for situation in SITUATIONS:
        assert {situation.layers, situation.parameters} <= set(LEVELS)
        assert 20 <= len(situation.why) <= 160
        assert "\n" not in situation.why


def test_every_test_here_stands_in_the_table_under_its_name() -> None:
    def here(situation: Situation) -> str:
        file, _, name = situation.test.partition("::")
        return name.partition("[")[0] if file == "tests/test_coverage.py" else ""

    named = {situation.name: here(situation) for situation in SITUATIONS if here(situation)}
    assert named == BACKED


def test_every_situation_names_a_test_that_exists() -> None:
    files = {situation.test.partition("::")[0] for situation in SITUATIONS}
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0", *sorted(files)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    known = set(found.stdout.splitlines())
    known |= {test.partition("[")[0] for test in known}
    missing = [situation.test for situation in SITUATIONS if situation.test not in known]
    assert not missing, found.stdout[-2000:] + found.stderr


# -- models and optimizers --------------------------------------------------------------------------


@backs("one model, one optimizer", "observed", "observed")
def test_one_model_with_one_optimizer(record) -> None:
    check_all(record(lambda: train(mlp())))


@backs("several models, an optimizer each", "observed", "partly")
def test_several_models(record) -> None:
    def run() -> None:
        models = [mlp(), mlp()]
        optimizers = [torch.optim.SGD(model.parameters(), lr=0.1) for model in models]
        for _ in range(4):
            for model, optimizer in zip(models, optimizers, strict=True):
                train(model, optimizer, steps=1)

    recording = record(run)
    other = [f"Sequential.{name}" for name in MLP]
    assert layers(recording) == whole(4, *MLP) | whole(3, *other)
    stepped = [f"Sequential.{name}" for name in MLP_PARAMETERS]
    assert moved(recording) == whole(4, *MLP_PARAMETERS) | whole(3, *stepped)


@backs("one model, several optimizers", "observed", "partly")
def test_several_optimizers(record) -> None:
    def run() -> None:
        model = mlp()
        first = torch.optim.SGD(model[0].parameters(), lr=0.1)
        second = torch.optim.Adam(model[2].parameters())
        for _ in range(4):
            model.zero_grad()
            loss_of(model).backward()
            first.step()
            second.step()

    recording = record(run)
    assert layers(recording) == whole(4, *MLP)
    late = whole(3, "2.weight", "2.bias")  # counted with the next step
    assert moved(recording) == whole(4, "0.weight", "0.bias") | late


@backs("GAN", "partly", "partly")
def test_a_generator_learns_through_its_discriminator(record) -> None:
    recording = record(script("gan"))
    assert len(recording.step) == 20
    seen = layers(recording)
    assert [seen[f"discriminator.{i}"] for i in range(4)] == [20] * 4
    assert (seen["0"], seen["2"]) == (9, 9)  # of ten steps; the last comes after the last tick
    assert "1" not in seen  # its own forward call was over before that step began
    assert moved(recording)["0.weight"] == 9
    assert moved(recording)["discriminator.0.weight"] == 20


@backs("no optimizer object", "partly", "partly")
def test_weights_moved_by_hand(record) -> None:
    def run() -> None:
        model = mlp()
        for _ in range(4):
            loss_of(model).backward()
            for p in model.parameters():
                p.data.add_(-0.1 * p.grad)
                p.grad = None

    recording = record(run)
    assert recording.step.tolist() == [0, 1, 2, 3]
    assert set(layers(recording).values()) == {4}
    assert set(layers(recording)) == {"0", "0:tanh", "2"}  # read off the graph
    assert set(figures(recording, "activation", "saturated").values()) == {4}
    assert set(moved(recording).values()) == {4}
    assert not intended(recording)


@backs("closures (LBFGS)", "observed", "partly")
def test_closures(record) -> None:
    recording = record(script("lbfgs"))
    assert recording.observed.tolist() == list(range(6))
    assert layers(recording) == whole(6, *MLP)
    assert set(moved(recording).values()) == {6}
    assert not intended(recording)
    assert (recording.scalars["passes"] > 1).any()


@backs("optimizer in backward", "observed", "observed")
def test_each_parameter_is_stepped_inside_the_backward_pass(record) -> None:
    recording = record(script("in_backward"))
    assert layers(recording) == whole(12, *map(str, range(5)))
    assert set(moved(recording).values()) == {12}


@backs("gradient accumulation", "observed", "observed")
def test_micro_batches_are_added_up(record) -> None:
    def run() -> None:
        model = mlp()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(4):
            for size in (16, 16, 8):
                (loss_of(model, INPUTS[:size]) / 3).backward()
            optimizer.step()
            optimizer.zero_grad()

    recording = record(run)
    check_all(recording)
    assert (recording.column("call", "examples")[1:] == 40).all()


@backs("several losses", "observed", "observed")
def test_several_losses_on_one_graph(record) -> None:
    recording = record(script("several_losses"))
    assert layers(recording) == whole(10, "trunk.0", "trunk.1", "left", "right")
    assert set(moved(recording).values()) == {10}


@backs("a model called twice in a step", "observed", "observed")
def test_each_call_of_a_model_has_a_row(record) -> None:
    recording = record(script("siamese"))
    seen = layers(recording)
    assert [seen[name] for name in ("body.0", "body.0#2", "scale", "scale#2")] == [12] * 4


@backs("a scalar model", "observed", "observed")
def test_a_model_of_one_number(record) -> None:
    recording = record(script("scalar"))
    assert layers(recording) == {"Slope": 15}
    assert moved(recording) == {"Slope.slope": 15}


# -- precision and clipping ---------------------------------------------------------------------------


@backs("GradScaler with a skipped step", "observed", "observed")
def test_a_scaled_loss_and_a_skipped_step(record) -> None:
    recording = record(script("amp_scaler"))
    assert recording.scalars["skipped"].tolist() == [float(step == 7) for step in range(16)]
    assert recording.scalars["scale"][0] == 1024.0
    assert set(layers(recording).values()) <= {15, 16}
    assert set(moved(recording).values()) == {15}


@backs("autocast", "observed", "observed")
def test_autocast(record) -> None:
    def loss(model: nn.Module) -> torch.Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return loss_of(model)

    check_all(record(lambda: train(mlp(), loss=loss)))


@backs("pure bfloat16", "observed", "observed")
def test_bfloat16_loses_steps_and_it_shows(record) -> None:
    recording = record(script("bf16"))
    assert set(layers(recording).values()) == {20}
    assert set(intended(recording).values()) == {20}
    assert (recording.column("parameter", "lost") > 0).any()


@backs("clipping by norm", "observed", "observed")
def test_clipping_by_norm(record) -> None:
    model = mlp()
    clip = lambda: nn.utils.clip_grad_norm_(model.parameters(), 0.001)  # noqa: E731
    recording = record(lambda: train(model, clip=clip))
    check_all(recording)
    assert (recording.scalars["clip"] < 1).all()
    assert (factor(recording) < 1).all()


@backs("clipping by value", "observed", "observed")
def test_clipping_by_value(record) -> None:
    model = mlp()
    clip = lambda: nn.utils.clip_grad_value_(model.parameters(), 1e-5)  # noqa: E731
    recording = record(lambda: train(model, clip=clip))
    check_all(recording)
    assert (factor(recording) < 1).all()
    assert np.isnan(recording.scalars["clip"]).all()  # there is no one factor


@backs("clipping by hand", "observed", "observed")
def test_clipping_by_hand(record) -> None:
    model = mlp()
    clip = lambda: [p.grad.mul_(0.01) for p in model.parameters()]  # noqa: E731
    recording = record(lambda: train(model, clip=clip))
    check_all(recording)
    np.testing.assert_allclose(factor(recording), 0.01, rtol=1e-5)


def factor(recording: Recording) -> np.ndarray:
    """What was left of each parameter's gradient when the optimizer took it."""
    return recording.column("parameter", "grad_step_rms") / recording.column(
        "parameter", "grad_rms"
    )


# -- parameters -----------------------------------------------------------------------------------


@backs("tied parameters", "observed", "observed")
def test_tied_weights_are_one_parameter_with_two_names(record) -> None:
    recording = record(script("tied_frozen"))
    assert {"embed", "head"} <= set(layers(recording))
    assert moved(recording)["embed.weight"] == 16
    site = next(s for s in recording.of_kind("parameter") if s.name == "embed.weight")
    assert site.facts["also"] == ["head.weight"]


@backs("frozen parameters", "observed", "observed")
def test_a_frozen_layer_between_trained_ones(record) -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 8), nn.Linear(8, 2))
    model[2].requires_grad_(requires_grad=False)
    recording = record(lambda: train(model))
    assert layers(recording) == whole(4, "0", "1", "2", "3")
    assert not {"2.weight", "2.bias"} & set(moved(recording))
    names = [site.name for site in recording.of_kind("parameter")]
    assert (recording.column("parameter", "trainable")[:, names.index("2.weight")] == 0).all()


@backs("layers below the lowest trained one", "not observed", "observed")
def test_no_gradient_reaches_the_frozen_beginning_of_a_network(record) -> None:
    model = mlp()
    model[0].requires_grad_(requires_grad=False)
    recording = record(lambda: train(model))
    assert layers(recording) == {"2": 4}
    assert not recording.of_kind("activation")
    assert figures(recording, "parameter", "trainable") == whole(4, *MLP_PARAMETERS)


@backs("parameters unfrozen in the run", "observed", "observed")
def test_a_layer_that_is_thawed_is_seen_from_then_on(record) -> None:
    recording = record(script("tied_frozen"))
    assert moved(recording)["body.0.weight"] == 8
    names = [site.name for site in recording.of_kind("parameter")]
    at = names.index("body.0.weight")
    trained = recording.column("parameter", "trainable")[:, at]
    assert trained.tolist() == [0.0] * 8 + [1.0] * 8


@backs("sparse gradients", "observed", "partly")
def test_sparse_gradients(record) -> None:
    recording = record(script("sparse_embedding"))
    assert layers(recording)["head"] == 12
    assert layers(recording)["bag"] == 12
    gradients = figures(recording, "parameter", "grad_rms")
    assert gradients["bag.weight"] == moved(recording)["bag.weight"] == 12
    assert "bag.weight" not in intended(recording)


@backs("layers in a plain list", "observed", "observed")
def test_layers_that_no_module_registers(record) -> None:
    recording = record(script("plain_list"))
    assert {f"layers[{i}]" for i in range(4)} <= set(layers(recording))
    assert set(layers(recording).values()) == {12}
    assert moved(recording)["layers[3].weight"] == 12


@backs("bare tensors as parameters", "observed", "observed")
def test_bare_tensors(record) -> None:
    def run() -> None:
        weight = torch.randn(6, 2, requires_grad=True)
        optimizer = torch.optim.SGD([weight], lr=0.1)
        train(nn.Identity(), optimizer, lambda _: F.cross_entropy(INPUTS @ weight, LABELS))

    recording = record(run)
    assert list(layers(recording).values()) == [4]
    assert list(intended(recording).values()) == [4]


@backs("parameters replaced in the run", "observed", "observed")
def test_parameters_are_followed_when_they_are_replaced(record) -> None:
    recording = record(script("replaced"))
    assert layers(recording) == whole(18, "body.0", "body.1", "fc")
    assert moved(recording)["fc.weight"] == 18


@backs("complex parameters", "partly", "not observed")
def test_complex_parameters(record) -> None:
    recording = record(script("complex_parameters"))
    assert layers(recording) == {"mix": 12}
    assert not figures(recording, "call", "in_rms")
    assert figures(recording, "parameter", "received")["mix.weight"] == 12
    assert not figures(recording, "parameter", "weight_rms")
    assert not moved(recording)


@backs("weights computed anew (parametrizations)", "partly", "observed")
def test_parametrized_weights(record) -> None:
    recording = record(script("parametrized"))
    seen = layers(recording)
    assert "0" not in seen  # the layer itself is a plain function call here
    assert seen["0.parametrizations.weight:addmm"] == 10
    assert moved(recording)["0.parametrizations.weight.original"] == 10


# -- evaluation, recomputation, workers ---------------------------------------------------------------


@backs("evaluation under no_grad", "observed", "observed")
def test_evaluation_is_not_recorded_as_training(record) -> None:
    def run() -> None:
        model = mlp()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(4):
            train(model, optimizer, steps=1)
            with torch.no_grad():
                model(INPUTS[:5])

    recording = record(run)
    check_all(recording)
    assert (recording.column("call", "examples") == 16).all()


@backs("evaluation with gradients enabled", "observed", "observed")
def test_a_pass_that_is_never_propagated_is_not_recorded(record) -> None:
    def run() -> None:
        model = mlp()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(4):
            train(model, optimizer, steps=1)
            loss_of(model, INPUTS[:5])

    recording = record(run)
    check_all(recording)
    assert (recording.column("call", "examples") == 16).all()


@backs("evaluation that propagates (saliency)", "partly", "partly")
def test_a_backward_pass_between_steps_counts_with_the_next_step(record) -> None:
    def run() -> None:
        model = mlp()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(4):
            train(model, optimizer, steps=1)
            model(INPUTS[:3].clone().requires_grad_()).sum().backward()

    recording = record(run)
    assert recording.scalars["passes"].tolist() == [1, 2, 2, 2]
    assert (recording.column("call", "examples")[1:] == 19).all()


def checkpointed(reentrant: bool) -> nn.Module:
    def middle(x: torch.Tensor, inner: nn.Module) -> torch.Tensor:
        return checkpoint(lambda y: torch.relu(inner(y)), x, use_reentrant=reentrant)

    return Block(middle, nn.Linear(8, 8))


@backs("checkpointing, non-reentrant", "observed", "observed")
def test_checkpointing_without_reentry(record) -> None:
    recording = record(lambda: train(checkpointed(reentrant=False)))
    assert sorted(name.partition(":")[2] for name in layers(recording)) == ["", "", "", "relu"]
    assert set(layers(recording).values()) == {4}
    assert not recording.of_kind("activation")  # reading it would compute the segment again
    assert set(moved(recording).values()) == {4}


@backs("checkpointing, reentrant", "partly", "observed")
def test_checkpointing_with_reentry(record) -> None:
    recording = record(lambda: train(checkpointed(reentrant=True)))
    seen = layers(recording)
    assert {"first", "parts.0", "last"} <= set(seen)
    inside = next(site for site in recording.of_kind("call") if site.name == "parts.0")
    assert not inside.facts.get("parents")  # it is not known what the segment's input came from
    assert set(moved(recording).values()) == {4}


@backs("data-loader workers (fork)", "observed", "observed")
def test_forked_workers_and_the_steps_beside_them(tmp_path) -> None:
    recording = run_cli(tmp_path, "--every", "1", "workers.py")
    assert layers(recording) == whole(16, "0", "1", "2", "3")
    assert recording.ended == "normal"


@backs("data-loader workers (spawn)", "observed", "observed")
def test_spawned_workers(tmp_path) -> None:
    recording = run_cli(tmp_path, "--every", "1", "spawn_workers.py")
    assert layers(recording) == whole(8, "0", "1", "2", "3")
    assert [path.name for path in tmp_path.iterdir()] == ["run.clino"]


@backs("a forked child that trains", "not observed", "not observed")
def test_what_a_forked_child_trains_is_not_recorded(tmp_path) -> None:
    recording = run_cli(tmp_path, "--every", "1", "workers.py")
    assert len(recording.step) == 16  # and none of the child's three


@backs("processes that the script starts", "not observed", "not observed")
def test_a_process_that_the_script_starts_is_not_recorded(tmp_path) -> None:
    starter = tmp_path / "starter.py"
    starter.write_text(
        "import subprocess, sys, torch\n"
        "done = subprocess.run([sys.executable, 'bf16.py'], capture_output=True)\n"
        "assert done.returncode == 0\n"
    )
    recording = run_cli(tmp_path, "--every", "1", starter)
    assert len(recording.step) == 0
    assert len([*tmp_path.glob("*.clino")]) == 1


@backs("training in one thread of its own", "observed", "observed")
def test_training_in_a_thread(record) -> None:
    def run() -> None:
        thread = threading.Thread(target=train, args=(mlp(),))
        thread.start()
        thread.join()

    check_all(record(run))


@backs("several threads that train at once", "partly", "partly")
def test_one_of_several_threads_that_train_at_once_is_recorded(tmp_path) -> None:
    recording = run_cli(tmp_path, "--every", "1", "threads.py")
    assert (
        30 <= len(recording.step) <= 60
    )  # the second's last steps, where the first is over before


# -- compilers ------------------------------------------------------------------------------------


@pytest.fixture
def compiler() -> Iterator[None]:
    """Nothing of what other tests had compiled, and nothing left."""
    torch.compiler.reset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own
        yield
    torch.compiler.reset()


AGAIN = "its layers were observed by running batches once more"


@backs("torch.compile(model)", "observed", "observed")
def test_a_compiled_model_is_run_again_eagerly(record, compiler) -> None:
    recording = record(lambda: train(torch.compile(mlp(), backend="aot_eager")))
    check_all(recording)
    assert any(AGAIN in note for note in recording.notes)


@backs("model.compile()", "observed", "observed")
def test_a_model_compiled_in_place_is_run_again_eagerly(record, compiler) -> None:
    model = mlp()
    model.compile(backend="aot_eager")
    recording = record(lambda: train(model))
    assert set(MLP) <= set(layers(recording))
    assert moved(recording) == whole(4, *MLP_PARAMETERS)


@backs("a compiled part of a model", "partly", "observed")
def test_the_layers_of_a_compiled_part_are_not_seen(record, compiler) -> None:
    part = nn.Sequential(nn.Linear(8, 8), nn.Tanh())
    model = Block(lambda x, inner: inner(x), torch.compile(part, backend="aot_eager"))
    recording = record(lambda: train(model))
    assert {"first", "last"} <= set(layers(recording))
    assert not [name for name in layers(recording) if name.startswith("parts.")]
    assert len(moved(recording)) == 6
    assert any("compiled, its layers were not observed" in note for note in recording.notes)


@backs("a compiled function (loss or whole step)", "not observed", "observed")
@pytest.mark.parametrize("part", ["loss", "step"])
def test_the_layers_in_a_compiled_function_are_not_seen(part, record, compiler) -> None:
    def run() -> None:
        model = mlp()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

        @torch.compile(backend="aot_eager")
        def loss(inputs: torch.Tensor) -> torch.Tensor:
            return loss_of(model, inputs)

        @torch.compile(backend="aot_eager")
        def step() -> None:
            optimizer.zero_grad()
            loss_of(model).backward()
            optimizer.step()

        for _ in range(4):
            if part == "step":
                step()
            else:
                optimizer.zero_grad()
                loss(INPUTS).backward()
                optimizer.step()

    recording = record(run)
    assert not layers(recording)
    assert moved(recording) == whole(4, *MLP_PARAMETERS)


@backs("TorchScript", "partly", "observed")
def test_scripted_layers_are_seen_only_until_they_are_fused(record) -> None:
    with warnings.catch_warnings():
        recording = record(script("torchscript"))
    seen = layers(recording)
    scripted = [count for name, count in seen.items() if name.split(":")[0].split(".")[-1] in "ab"]
    assert [count for count in seen.values() if count == 10]
    assert scripted
    assert max(scripted) < 10
    assert set(moved(recording).values()) == {10}
    assert any("TorchScript" in note for note in recording.notes)


# -- several devices and ranks ----------------------------------------------------------------------


@backs("DistributedDataParallel, by budget", "partly", "observed")
def test_by_budget_only_rank_0_looks(tmp_path) -> None:
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    both = run_cli(tmp_path, "ddp.py", before=torchrun)
    assert len(both.observed)
    assert (both.column("call", "examples")[:, 0] == 16).all()  # half of 32: rank 0's
    other = clinometer.read(tmp_path / "run.1.clino", ranks=False)
    assert len(other.step) == 10
    assert not len(other.observed)


@contextmanager
def one_rank(folder: Path) -> Iterator[None]:
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/ranks", rank=0, world_size=1
    )
    try:
        yield
    finally:
        torch.distributed.destroy_process_group()


@backs("FSDP (DTensor parameters)", "observed", "not observed")
def test_sharded_parameters_are_not_read(tmp_path) -> None:
    path = tmp_path / "run.clino"
    with warnings.catch_warnings(), one_rank(tmp_path):
        warnings.simplefilter("ignore")
        mesh = torch.distributed.device_mesh.init_device_mesh("cpu", (1,))
        model = mlp()
        torch.distributed.fsdp.fully_shard(model, mesh=mesh)
        with clinometer.watch(model, to=path, every=1):
            train(model)
    recording = clinometer.read(path)
    assert recording.loss_seen.tolist() == [True] * 4
    assert not moved(recording)
    assert layers(recording) == {"0": 4, "1": 4, "2": 4}


@backs("DataParallel", "partly", "observed")
def test_data_parallel_on_one_device(record) -> None:
    check_all(record(lambda: train(nn.DataParallel(mlp()))))


# -- gradients by other ways -------------------------------------------------------------------------


@backs("torch.func transforms", "not observed", "observed")
def test_functional_transforms(record) -> None:
    def run() -> None:
        model = mlp()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        gradient = torch.func.grad(
            lambda w: F.cross_entropy(torch.func.functional_call(model, w, (INPUTS,)), LABELS)
        )
        for _ in range(4):
            found = gradient({name: p.detach() for name, p in model.named_parameters()})
            for name, p in model.named_parameters():
                p.grad = found[name]
            optimizer.step()

    recording = record(run)
    assert not layers(recording)
    assert not recording.loss_seen.any()
    assert moved(recording) == whole(4, *MLP_PARAMETERS)


@backs("torch.autograd.grad without backward", "not observed", "observed")
def test_gradients_that_are_asked_for(record) -> None:
    def run() -> None:
        model = mlp()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        parameters = [*model.parameters()]
        for _ in range(4):
            gradients = torch.autograd.grad(loss_of(model), parameters)
            for p, gradient in zip(parameters, gradients, strict=True):
                p.grad = gradient
            optimizer.step()

    recording = record(run)
    assert not layers(recording)
    assert not recording.loss_seen.any()
    assert moved(recording) == whole(4, *MLP_PARAMETERS)


@backs("second-order gradients", "observed", "observed")
def test_what_a_penalty_on_the_gradient_adds_is_in_the_figures(record) -> None:
    true = []

    def run() -> None:
        model = mlp()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(4):
            inputs = INPUTS.clone().requires_grad_()
            hidden = model[0](inputs)
            hidden.retain_grad()
            out = model[2](model[1](hidden))
            (slope,) = torch.autograd.grad(out.sum(), inputs, create_graph=True)
            hidden.grad = None
            optimizer.zero_grad()
            (out.mean() + (slope.norm(dim=1) - 1).square().mean()).backward()
            true.append(hidden.grad.double().square().mean().sqrt().item())
            optimizer.step()

    recording = record(run)
    at = [site.name for site in recording.of_kind("call")].index("0")
    np.testing.assert_allclose(recording.column("call", "grad_out_rms")[:, at], true, rtol=1e-5)


# -- parts of networks ----------------------------------------------------------------------------


class Clamp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return x.clamp(-1, 1)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        return gradient * (x.abs() < 1)


@backs("F.relu, torch.sigmoid, ... as functions", "observed", "observed")
@pytest.mark.parametrize("function", [F.relu, torch.sigmoid, torch.tanh, F.gelu, F.silu])
def test_a_functional_activation_has_gradient_and_saturation(function, record) -> None:
    recording = record(lambda: train(Block(function)))
    name = f"first:{function.__name__}"
    assert layers(recording) == whole(4, "first", name, "last")
    assert figures(recording, "activation", "saturated") == {name: 4}


@backs("functional calls in place", "observed", "observed")
@pytest.mark.parametrize("function", [F.relu_, torch.sigmoid_, torch.tanh_, nn.ReLU(inplace=True)])
def test_an_activation_in_place_is_seen_like_any_other(function, record) -> None:
    recording = record(lambda: train(Block(function)))
    assert len(layers(recording)) == 3
    assert set(layers(recording).values()) == {4}
    assert list(figures(recording, "activation", "saturated").values()) == [4]


@backs("x * torch.sigmoid(x)", "partly", "observed")
def test_an_activation_of_several_functions_is_one_place(record) -> None:
    recording = record(lambda: train(Block(lambda x: x * torch.sigmoid(x))))
    assert layers(recording) == whole(4, "first", "first:sigmoid+mul", "last")
    assert not recording.of_kind("activation")


@backs("custom autograd.Function", "partly", "observed")
def test_a_function_with_its_own_backward(record) -> None:
    recording = record(lambda: train(Block(Clamp.apply)))
    assert layers(recording) == whole(4, "first", "first:clamp", "last")
    assert not recording.of_kind("activation")


@backs("residual joins", "observed", "observed")
def test_the_ways_of_the_gradient_through_a_residual_block(record) -> None:
    model = Block(lambda x, inner: x + torch.tanh(inner(x)), nn.Linear(8, 8))
    recording = record(lambda: train(model))
    share = figures(recording, "branch", "share")
    assert len(share) == 2
    assert all(name.startswith("first -> ") for name in share)


@backs("normalisation layers", "observed", "observed")
@pytest.mark.parametrize("norm", [nn.BatchNorm1d(8), nn.LayerNorm(8), nn.GroupNorm(2, 8)])
def test_a_normalisation_layer(norm, record) -> None:
    recording = record(lambda: train(Block(lambda x, inner: inner(x), norm)))
    site = next(site for site in recording.of_kind("call") if site.name == "parts.0")
    assert site.facts["role"] == "normalisation"
    assert figures(recording, "call", "in_rms")["parts.0"] == 4
    assert layers(recording)["parts.0"] == 4


@backs("normalisation as a function", "partly", "observed")
def test_a_functional_normalisation_is_a_place_without_a_role(record) -> None:
    recording = record(lambda: train(Block(lambda x: F.layer_norm(x, (8,)))))
    site = next(site for site in recording.of_kind("call") if "layer_norm" in site.name)
    assert site.facts["role"] == "other"
    assert layers(recording)[site.name] == 4


def attending(kind: str) -> nn.Module:
    def middle(x: torch.Tensor, *inner: nn.Module) -> torch.Tensor:
        x = x[None]
        if kind == "module":
            return inner[0](x, x, x)[0][0]
        if kind == "fused":
            return F.scaled_dot_product_attention(x[None], x[None], x[None])[0, 0]
        return (torch.softmax(x @ x.transpose(1, 2) / 8**0.5, dim=-1) @ x)[0]

    return Block(middle, *([nn.MultiheadAttention(8, 2, batch_first=True)] * (kind == "module")))


@backs("nn.MultiheadAttention", "observed", "observed")
def test_the_parts_of_an_attention_module(record) -> None:
    recording = record(lambda: train(attending("module")))
    assert {"parts.0.in_proj", "parts.0.out_proj"} <= set(layers(recording))
    assert figures(recording, "attention", "entropy") == {"parts.0:attention": 4}


@backs("scaled_dot_product_attention", "observed", "observed")
def test_fused_attention(record) -> None:
    recording = record(lambda: train(attending("fused")))
    assert list(figures(recording, "attention", "entropy").values()) == [4]
    assert list(figures(recording, "attention", "largest_logit").values()) == [4]


@backs("attention by softmax", "partly", "observed")
def test_attention_by_hand_has_entropy_but_no_logit(record) -> None:
    recording = record(lambda: train(attending("hand")))
    assert list(figures(recording, "attention", "entropy").values()) == [4]
    assert not figures(recording, "attention", "largest_logit")


class Reader(nn.Module):
    """A recurrent layer or a loop over a cell, and a linear head on its last state."""

    def __init__(self, recurrent: nn.Module, packed: bool = False) -> None:
        super().__init__()
        self.recurrent, self.head, self.packed = recurrent, nn.Linear(8, 2), packed

    def forward(self, _: torch.Tensor) -> torch.Tensor:
        if isinstance(self.recurrent, nn.RNNBase):
            if self.packed:
                packed = nn.utils.rnn.pack_padded_sequence(SEQUENCE, [5] * 16)
                return self.head(nn.utils.rnn.pad_packed_sequence(self.recurrent(packed)[0])[0][-1])
            return self.head(self.recurrent(SEQUENCE)[0][-1])
        state = None
        for moment in SEQUENCE:
            state = self.recurrent(moment, state)
        return self.head(state[0] if isinstance(state, tuple) else state)


@backs("nn.RNN and nn.GRU by time step", "observed", "observed")
@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU])
def test_a_recurrent_layer_by_time(kind, record) -> None:
    check_lags(record(lambda: train(Reader(kind(6, 8)), steps=9)), steps=9, times=2)


@backs("nn.LSTM by time step", "observed", "observed")
def test_an_lstm_by_time(record) -> None:
    check_lags(record(lambda: train(Reader(nn.LSTM(6, 8)), steps=9)), steps=9, times=2)


@backs("loops over a cell, by lag", "observed", "observed")
@pytest.mark.parametrize("kind", [nn.RNNCell, nn.GRUCell, nn.LSTMCell])
def test_a_cell_in_a_loop_by_lag(kind, record) -> None:
    check_lags(record(lambda: train(Reader(kind(6, 8)))), steps=4, times=4)


def check_lags(recording: Recording, steps: int, times: int) -> None:
    assert layers(recording)["recurrent"] == steps
    for lag in (0, 1, 2, 4):
        assert figures(recording, "recurrence", f"lag_{lag}") == {"recurrent": times}


@backs("packed sequences", "partly", "observed")
def test_a_packed_sequence_is_one_layer_without_lags(record) -> None:
    recording = record(lambda: train(Reader(nn.GRU(6, 8), packed=True)))
    assert layers(recording)["recurrent"] == 4
    assert not recording.of_kind("recurrence")
    assert set(moved(recording).values()) == {4}


@backs("embeddings", "observed", "observed")
def test_an_embedding(record) -> None:
    model = nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 2))
    recording = record(lambda: train(model, loss=lambda m: loss_of(m, WORD)))
    assert layers(recording) == whole(4, "0", "1")
    assert set(moved(recording).values()) == {4}


@backs("the script's own hooks", "observed", "observed")
def test_hooks_of_the_script_s_own(record) -> None:
    recording = record(script("user_hooks"))
    assert {str(i) for i in range(5)} <= set(layers(recording))
    assert set(moved(recording).values()) == {10}
