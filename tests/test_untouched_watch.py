"""`clinometer.watch` touches nothing: the same bits with and without, and nothing left behind."""

from __future__ import annotations

import copy
import gc
import importlib
import inspect
import io
import pkgutil
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import clinometer
import clinometer.errors
import clinometer.taps
from scripts.digest import checksum, pickled, seed

Training = tuple[nn.Module, Callable[[nn.Module], torch.Tensor]]

# -- small trainings --------------------------------------------------------------------------


def dropout() -> Training:
    model = nn.Sequential(
        nn.Linear(6, 16), nn.ReLU(inplace=True), nn.Dropout(0.2), nn.Linear(16, 3), nn.Sigmoid()
    )
    return model, lambda m: functional.cross_entropy(m(torch.randn(8, 6)), torch.randint(3, (8,)))


def convolution() -> Training:
    layers = [nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Flatten()]
    model = nn.Sequential(*layers, nn.Linear(64, 2))
    return model, lambda m: m(torch.randn(5, 1, 6, 6)).logsumexp(dim=1).mean()


def transformer() -> Training:
    model = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=True)
    return model, lambda m: m(torch.randn(3, 5, 8)).square().mean()


def recurrent() -> Training:
    model = nn.LSTM(3, 5, num_layers=2, dropout=0.1)
    return model, lambda m: m(torch.randn(7, 2, 3))[0].square().mean()


def siamese() -> Training:
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh())
    return model, lambda m: (m(torch.randn(6, 4)) - m(torch.randn(6, 4))).abs().mean()


class Scale(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(0.5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scale * x


def scalar() -> Training:
    return Scale(), lambda m: (m(torch.rand(())) - 1) ** 2


def bfloat16() -> Training:
    model = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 1)).bfloat16()
    return model, lambda m: m(torch.randn(6, 4).bfloat16()).square().mean()


def spectral() -> Training:
    model = nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4)), nn.PReLU())
    return model, lambda m: m(torch.randn(6, 4)).square().mean()


TRAININGS = (
    dropout, convolution, transformer, recurrent, siamese, scalar, bfloat16, spectral,
)  # fmt: skip


def step(
    model: nn.Module,
    loss_of: Callable[[nn.Module], torch.Tensor],
    optimizer: torch.optim.Optimizer,
) -> float:
    optimizer.zero_grad()
    loss = loss_of(model)
    loss.backward()
    optimizer.step()
    return loss.item()


def train(
    make: Callable[[], Training],
    watching: Callable[[nn.Module], AbstractContextManager[Any]] = nullcontext,
    steps: int = 5,
) -> tuple[list[float], dict[str, str], nn.Module]:
    """Losses, checksums of everything that training leaves behind, and the model."""
    seed()
    model, loss_of = make()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    with watching(model):
        losses = [step(model, loss_of, optimizer) for _ in range(steps)]
    return losses, left_behind(model, optimizer), model


def left_behind(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, str]:
    return {
        "weights and buffers": checksum({**model.state_dict()}),
        "gradients": checksum([p.grad for p in model.parameters()]),
        "optimizer": checksum(optimizer.state_dict()),
        "torch": checksum(torch.get_rng_state()),
        "numpy": checksum(np.random.get_state()),  # noqa: NPY002
        "attributes": checksum([sorted(vars(module)) for module in model.modules()]),
        "of parameters": checksum([sorted(vars(p)) for p in model.parameters()]),
    }


# -- what must be as it was ---------------------------------------------------------------------

OPTIMIZER = sys.modules["torch.optim.optimizer"]  # PyTorch deletes the name
PATCHABLE = (
    torch, torch.Tensor, torch.amp, torch.amp.GradScaler, torch.autograd, torch.autograd.graph,
    torch.cuda.amp, torch.nn, torch.nn.Module, torch.nn.functional, torch.nn.modules.module,
    torch.nn.utils, torch.nn.utils.clip_grad, torch.optim, torch.optim.Optimizer, torch.optim.Adam,
    OPTIMIZER, torch.utils.checkpoint, torch.compiler, threading,
)  # fmt: skip
OF_SYSTEM = ("excepthook", "unraisablehook", "displayhook", "breakpointhook", "stdout", "stderr")


def surroundings() -> dict[str, Any]:
    """Every function and registry that a recorder might have taken hold of."""
    found: dict[str, Any] = {f"sys.{name}": getattr(sys, name) for name in OF_SYSTEM}
    found["sys.meta_path"] = list(sys.meta_path)
    for place in PATCHABLE:
        for name, value in [*vars(place).items()]:
            if isinstance(value, dict) and "hooks" in name:
                found[f"{place.__name__}.{name}"] = dict(value)
            elif callable(value):
                found[f"{place.__name__}.{name}"] = value
    return found


def changed(before: dict[str, Any]) -> list[str]:
    after = surroundings()
    return [
        name for name, value in before.items() if name in after and not same(value, after[name])
    ]


def same(one: Any, two: Any) -> bool:
    return one == two if isinstance(one, dict | list) else one is two


def hooks_of(model: nn.Module) -> list[Any]:
    """Everything registered on the modules and parameters of a model."""
    owners = [*model.modules(), *model.parameters()]
    names = {name for owner in owners for name in dir(owner) if name.endswith("_hooks")}
    registries = (getattr(owner, name, None) for owner in owners for name in names)
    return [hook for held in registries if isinstance(held, dict) for hook in held.values()]


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    torch.optim.Adam([torch.zeros(1)])  # PyTorch wraps the step of a class when it is first made
    before = surroundings()
    yield
    assert changed(before) == []


@pytest.fixture
def watching(tmp_path: Path) -> Callable[[nn.Module], AbstractContextManager[Any]]:
    return lambda model: clinometer.watch(model, to=tmp_path / "run.clino", every=1)


# -- the same bits --------------------------------------------------------------------------------


@pytest.mark.parametrize("make", TRAININGS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("every", [1, 3, None])
def test_watching_changes_no_bit(make, every, tmp_path) -> None:
    losses, plain, _ = train(make)
    path = tmp_path / "run.clino"
    told, watched, model = train(make, lambda m: clinometer.watch(m, to=path, every=every))
    assert [loss.hex() for loss in told] == [loss.hex() for loss in losses]
    assert watched == plain
    assert hooks_of(model) == []
    recording = clinometer.read(path)
    assert recording.step.tolist() == list(range(5))
    assert recording.loss.tolist() == losses
    if every:
        assert recording.observed.tolist() == list(range(0, 5, every))


def test_a_layer_called_twice_is_recorded_as_two_calls(watching, tmp_path) -> None:
    train(siamese, watching)
    recording = clinometer.read(tmp_path / "run.clino")
    calls = [site.name for site in recording.of_kind("call")]
    seen = recording.column("call", "seen")
    first = sum(seen[0][i] for i, name in enumerate(calls) if name.partition("#")[0] == "0")
    assert first == 2


def test_a_scaler_and_clipping_are_themselves_again(watching) -> None:
    def losses(watch) -> tuple[list[float], dict[str, Any]]:
        seed()
        model, loss_of = dropout()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        scaler = torch.amp.GradScaler("cpu", init_scale=64.0)
        told = []
        with watch(model):
            for number in range(6):
                optimizer.zero_grad()
                loss = loss_of(model) * (float("inf") if number == 3 else 1)
                scaler.scale(loss).backward()
                scaler.unscale_(optimizer)
                told.append(nn.utils.clip_grad_norm_(model.parameters(), 0.1).item())
                scaler.step(optimizer)
                scaler.update()
        left = left_behind(model, optimizer)
        return told, left | scaler.state_dict() | {"of scaler": sorted(vars(scaler))}

    assert repr(losses(nullcontext)) == repr(losses(watching))


# -- ends -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "ended"),
    [(ZeroDivisionError, "exception"), (KeyboardInterrupt, "interrupted"), (SystemExit, None)],
)
def test_a_block_that_is_left_by_an_error_is_closed(error, ended, watching, tmp_path) -> None:
    seed()
    model, loss_of = dropout()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def run() -> None:
        with watching(model):
            for _ in range(3):
                step(model, loss_of, optimizer)
            functional.relu(model[0](torch.randn(2, 6)))  # a pass that is never finished
            raise error

    with pytest.raises(error):
        run()
    assert hooks_of(model) == []
    recording = clinometer.read(tmp_path / "run.clino")
    assert recording.step.tolist() == [0, 1, 2]
    assert ended is None or recording.ended == ended


def test_a_block_without_training_leaves_an_empty_recording(watching, tmp_path) -> None:
    model, _ = dropout()
    with watching(model):
        pass
    assert hooks_of(model) == []
    assert clinometer.read(tmp_path / "run.clino").step.tolist() == []


def test_a_file_that_exists_already_is_refused_before_anything_is_attached(tmp_path) -> None:
    path = tmp_path / "run.clino"
    path.write_bytes(b"kept")
    model, _ = dropout()
    with pytest.raises(clinometer.errors.RecordingError), clinometer.watch(model, to=path):
        pass
    assert path.read_bytes() == b"kept"
    assert hooks_of(model) == []


def test_nothing_of_the_run_is_kept_alive(watching) -> None:
    model, loss_of = dropout()
    optimizer = torch.optim.Adam(model.parameters())
    with watching(model):
        step(model, loss_of, optimizer)
        graph = loss_of(model)
        during = weakref.ref(graph)
        del graph
        assert during() is None
        step(model, loss_of, optimizer)
    links = [weakref.ref(thing) for thing in (model, optimizer, model[0].weight)]
    del model, optimizer
    gc.collect()
    assert [link() for link in links] == [None] * 3


# -- several watches ----------------------------------------------------------------------------


def test_two_models_are_recorded_each_into_its_own_file(tmp_path) -> None:
    def run(first, second) -> tuple[list[float], list[dict[str, str]]]:
        seed()
        (a, loss_a), (b, loss_b) = dropout(), siamese()
        of_a, of_b = torch.optim.Adam(a.parameters()), torch.optim.Adam(b.parameters())
        losses = []
        with first(a), second(b):
            for _ in range(4):
                losses += [step(a, loss_a, of_a), step(b, loss_b, of_b)]
        return losses, [left_behind(a, of_a), left_behind(b, of_b)]

    paths = [tmp_path / "a.clino", tmp_path / "b.clino"]
    a, b = (lambda m, to=to: clinometer.watch(m, to=to, every=1) for to in paths)
    assert run(nullcontext, nullcontext) == run(a, b)
    for path, count in zip(paths, (4, 2), strict=True):
        recording = clinometer.read(path)
        assert recording.step.tolist() == [0, 1, 2, 3]
        assert len(recording.of_kind("parameter")) == count


def test_two_watches_of_one_model_record_the_same(tmp_path) -> None:
    def both(model: nn.Module) -> ExitStack:
        stack = ExitStack()
        for name in "ab":
            stack.enter_context(clinometer.watch(model, to=tmp_path / f"{name}.clino", every=1))
        return stack

    losses, plain, _ = train(dropout)
    told, watched, model = train(dropout, both)
    assert (told, watched) == (losses, plain)
    assert hooks_of(model) == []
    a, b = (clinometer.read(tmp_path / f"{name}.clino") for name in "ab")
    assert a.sites == b.sites
    for kind in ("call", "parameter", "loss"):
        assert a.rows[kind].shape[0] == 5
        np.testing.assert_array_equal(a.rows[kind], b.rows[kind])


def test_watches_that_are_closed_in_another_order_leave_nothing(tmp_path) -> None:
    seed()
    model, loss_of = dropout()
    optimizer = torch.optim.Adam(model.parameters())
    a, b = (clinometer.watch(model, to=tmp_path / f"{name}.clino", every=1) for name in "ab")
    a.__enter__()
    step(model, loss_of, optimizer)
    b.__enter__()
    step(model, loss_of, optimizer)
    a.__exit__(None, None, None)
    step(model, loss_of, optimizer)
    b.__exit__(None, None, None)
    assert hooks_of(model) == []
    assert [len(clinometer.read(tmp_path / f"{n}.clino").step) for n in "ab"] == [2, 2]


def test_one_watch_after_another_begins_anew(tmp_path) -> None:
    model, loss_of = dropout()
    optimizer = torch.optim.Adam(model.parameters())
    for name, steps in (("a", 3), ("b", 2)):
        with clinometer.watch(model, to=tmp_path / f"{name}.clino", every=1):
            for _ in range(steps):
                step(model, loss_of, optimizer)
        recording = clinometer.read(tmp_path / f"{name}.clino")
        assert recording.step.tolist() == recording.observed.tolist() == list(range(steps))
        step(model, loss_of, optimizer)  # seen by nobody
    assert len(clinometer.read(tmp_path / "a.clino").step) == 3


def test_the_same_watch_cannot_record_another_model_by_accident(watching, tmp_path) -> None:
    (model, loss_of), (other, other_loss) = dropout(), siamese()
    optimizer = torch.optim.Adam(model.parameters())
    of_other = torch.optim.Adam(other.parameters())
    with watching(model):
        step(other, other_loss, of_other)
        step(model, loss_of, optimizer)
    recording = clinometer.read(tmp_path / "run.clino")
    assert len(recording.step) == 1
    assert len(recording.of_kind("parameter")) == 4


# -- copies inside the block ----------------------------------------------------------------------


def saved(thing: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(thing, buffer)
    return buffer.getvalue()


def copies(model: nn.Module) -> dict[str, str]:
    return {
        "pickle": checksum(pickled(model)),
        "saved": checksum(saved(model)),
        "state": checksum(saved(model.state_dict())),
        "copy": checksum(pickled(copy.deepcopy(model))),
        "keys": checksum(list(model.state_dict())),
    }


@pytest.mark.parametrize("make", [dropout, convolution, scalar, transformer])
def test_a_model_is_copied_and_saved_as_if_it_were_not_watched(make, watching) -> None:
    def run(watch) -> list[dict[str, str]]:
        seed()
        model, loss_of = make()
        optimizer = torch.optim.Adam(model.parameters())
        told = []
        with watch(model):
            for _ in range(3):
                told.append(copies(model))
                step(model, loss_of, optimizer)
                loss = loss_of(model)
                told.append(copies(model))  # between a forward and a backward pass
                loss.backward()
        return told

    assert run(nullcontext) == run(watching)


def test_a_copy_is_not_recorded_in_the_name_of_its_model(watching, tmp_path) -> None:
    model, loss_of = dropout()
    optimizer = torch.optim.Adam(model.parameters())
    with watching(model):
        step(model, loss_of, optimizer)
        twin = copy.deepcopy(model)
        assert hooks_of(twin) == []
        step(twin, loss_of, torch.optim.Adam(twin.parameters()))
        step(model, loss_of, optimizer)
    assert clinometer.read(tmp_path / "run.clino").step.tolist() == [0, 1]


@pytest.mark.parametrize("assign", [False, True])
def test_a_model_may_change_its_dtype_and_its_tensors(assign, watching, tmp_path) -> None:
    def run(watch) -> tuple[list[float], dict[str, str]]:
        seed()
        model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
        losses: list[float] = []
        with watch(model):
            for dtype in (torch.float32, torch.float64, torch.bfloat16):
                model.to(dtype)
                model.load_state_dict(
                    {k: v.clone() for k, v in model.state_dict().items()}, assign=assign
                )
                optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
                for _ in range(2):
                    inputs = torch.randn(6, 4, dtype=dtype)
                    losses.append(step(model, lambda m, x=inputs: m(x).square().mean(), optimizer))
        return losses, left_behind(model, optimizer)

    assert run(nullcontext) == run(watching)
    assert clinometer.read(tmp_path / "run.clino").step.tolist() == list(range(6))


# -- faults of ours -------------------------------------------------------------------------------


def ours() -> list[FunctionType]:
    """Every function of the taps: each is called from inside the user's run."""
    names = [found.name for found in pkgutil.iter_modules(clinometer.taps.__path__)]
    homes = [importlib.import_module(f"clinometer.taps.{name}") for name in names]
    return [
        function
        for home in homes
        for _, function in inspect.getmembers(home, inspect.isfunction)
        if function.__module__ == home.__name__ and home.__name__ != "clinometer.taps.handles"
    ]  # without what sets hooks at all there is nothing to count steps by


def named(function: FunctionType) -> str:
    return f"{function.__module__.rpartition('.')[2]}.{function.__name__}"


@pytest.mark.parametrize("broken", ours(), ids=named)
@pytest.mark.parametrize("make", [dropout, convolution], ids=lambda make: make.__name__)
def test_a_fault_of_ours_never_reaches_the_training(
    make, broken, watching, tmp_path, monkeypatch
) -> None:
    calls = []

    def fail(*_: Any, **__: Any) -> None:
        calls.append(1)
        raise ArithmeticError("a fault of ours")

    losses, plain, _ = train(make)
    for name, module in [*sys.modules.items()]:
        if name.startswith("clinometer.") and vars(module).get(broken.__name__) is broken:
            monkeypatch.setattr(module, broken.__name__, fail)
    told, watched, model = train(make, watching)
    assert (told, watched) == (losses, plain)
    assert hooks_of(model) == []
    recording = clinometer.read(tmp_path / "run.clino")
    assert recording.step.tolist() == list(range(5))
    if calls:
        assert [note for note in recording.notes if "a fault of ours" in note]


def test_the_training_s_own_fault_is_passed_on_as_it_is(watching) -> None:
    class Faulty(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise OSError("the model's own")

    model = nn.Sequential(nn.Linear(2, 2), Faulty(2, 2))
    with watching(model), pytest.raises(OSError, match="the model's own") as caught:
        model(torch.zeros(1, 2))
    assert not [entry for entry in caught.traceback if "clinometer/" in str(entry.path.parent / "")]
    assert hooks_of(model) == []


# -- extremes -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_ten_thousand_layers_are_watched_in_reasonable_time(watching, tmp_path) -> None:
    def make() -> Training:
        return (
            nn.Sequential(*(nn.Linear(1, 1) for _ in range(10_000))),
            lambda m: m(torch.ones(2, 1)).square().mean(),
        )

    begun = time.perf_counter()
    losses, plain, _ = train(make, steps=2)
    bare_s = time.perf_counter() - begun
    begun = time.perf_counter()
    told, watched, _ = train(make, watching, steps=2)
    watched_s = time.perf_counter() - begun
    print(
        f"10 000 layers, 2 steps: {bare_s:.1f} s bare, {watched_s:.1f} s with every step observed"
    )
    assert (told, watched) == (losses, plain)
    assert watched_s < 10 * bare_s + 5
    recording = clinometer.read(tmp_path / "run.clino")
    assert recording.observed.tolist() == [0, 1]
    assert len(recording.of_kind("call")) == 10_000


class Parts(nn.Module):
    """A layer that hands its result over piece by piece."""

    def forward(self, x):
        return (piece for piece in x.chunk(2, dim=1))


def test_a_generator_that_a_layer_returns_reaches_the_script_whole(tmp_path):
    first, parts = nn.Linear(4, 6), Parts()
    model = nn.Sequential(first, parts)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with clinometer.watch(model, to=tmp_path / "run.clino", every=1):
        pieces = list(model(torch.ones(3, 4)))
        torch.cat(pieces, dim=1).sum().backward()
        optimizer.step()
    assert [piece.shape[1] for piece in pieces] == [3, 3]
