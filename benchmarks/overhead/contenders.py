"""What is attached to a run: ours, what users write by hand, and other tools.

Each is a context manager over `(model, optimizer, place)`. It yields what the user's loop would call
after every optimizer step, `after(step, loss)`, or None where nothing has to be called. Imports
are inside: a process holds only what its own contender needs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

PEERS = Path(sys.prefix) / "peers"  # where `make bench` puts the other tools; see peers.txt
NEVER = 10**9

After = Callable[[int, torch.Tensor], None] | None


@dataclass(frozen=True)
class Place:
    """Where a contender may write, and the port at which a stand-in for a viewer listens."""

    folder: Path
    port: int

    @property
    def recording(self) -> Path:
        return self.folder / "run.clino"


Attach = Callable[[nn.Module, torch.optim.Optimizer, Place], AbstractContextManager[After]]


@dataclass(frozen=True)
class Contender:
    """How something is attached, and how it has to be measured.

    Attributes
    ----------
    period : takes part in every so many-th round (dear ones need fewer pairs)
    cycle : steps after which its work repeats; a block holds whole cycles
    instead : the contender from whose figure this one is computed where a cycle takes too long
    settles : share of the time to settle that it trains before its first pair
    null : nothing is attached; a second bare run
    """

    title: str
    attach: Attach
    period: int = 1
    cycle: int = 1
    instead: str | None = None
    settles: float = 0.0
    null: bool = False
    ours: bool = False


@contextmanager
def bare(model: nn.Module, optimizer: torch.optim.Optimizer, place: Place) -> Iterator[After]:
    yield None


def clinometer(**options: float) -> Attach:
    @contextmanager
    def attach(model: nn.Module, optimizer: torch.optim.Optimizer, place: Place) -> Iterator[After]:
        import clinometer

        with clinometer.watch(model, optimizer=optimizer, to=place.recording, **options):
            yield None

    return attach


@contextmanager
def by_hand(model: nn.Module, optimizer: torch.optim.Optimizer, place: Place) -> Iterator[After]:
    """What a user writes in ten minutes: forward hooks on the leaves, norms of the gradients."""
    history: dict[str, list[float]] = {}

    def note(name: str, value: torch.Tensor) -> None:
        history.setdefault(name, []).append(value.item())

    def seen(name: str):
        def hook(module: nn.Module, args: object, output: object) -> None:
            if isinstance(output, torch.Tensor):
                note(f"{name}.mean", output.detach().mean())
                note(f"{name}.std", output.detach().std())

        return hook

    leaves = [(n, m) for n, m in model.named_modules() if not any(m.children())]
    handles = [module.register_forward_hook(seen(name)) for name, module in leaves]

    def after(step: int, loss: torch.Tensor) -> None:
        note("loss", loss.detach())
        for name, parameter in model.named_parameters():
            note(f"{name}.grad", parameter.grad.norm())

    yield after
    for handle in handles:
        handle.remove()


def tensorboard(every: int) -> Attach:
    @contextmanager
    def attach(model: nn.Module, optimizer: torch.optim.Optimizer, place: Place) -> Iterator[After]:
        _find_peers()
        from torch.utils.tensorboard import SummaryWriter

        with SummaryWriter(str(place.folder)) as writer:

            def after(step: int, loss: torch.Tensor) -> None:
                writer.add_scalar("loss", loss.item(), step)
                if step % every == 0:
                    for name, parameter in model.named_parameters():
                        writer.add_histogram(name, parameter, step)
                        writer.add_histogram(f"{name}.grad", parameter.grad, step)

            yield after

    return attach


def wandb_watch(every: int) -> Attach:
    @contextmanager
    def attach(model: nn.Module, optimizer: torch.optim.Optimizer, place: Place) -> Iterator[After]:
        _find_peers()
        os.environ.update(
            WANDB_MODE="offline", WANDB_SILENT="true", WANDB_DIR=str(place.folder),
            WANDB_ERROR_REPORTING="false", OTEL_SDK_DISABLED="true",
        )  # fmt: skip
        import wandb

        run = wandb.init(project="benchmark")
        run.watch(model, log="all", log_freq=every)
        yield lambda step, loss: run.log({"loss": loss.item()})
        run.finish()

    return attach


@contextmanager
def neurolens(model: nn.Module, optimizer: torch.optim.Optimizer, place: Place) -> Iterator[After]:
    """Its documented loop; what it sends is read and dropped in place of its window."""
    _find_peers()
    import neurolens

    monitor = neurolens.monitor(model, optimizer, port=place.port)
    yield lambda step, loss: monitor.step(step, loss=loss)
    monitor.remove()
    monitor.viewer.close()


@contextmanager
def pulseml(model: nn.Module, optimizer: torch.optim.Optimizer, place: Place) -> Iterator[After]:
    """`auto_track(mode="stream")`: a thread that reads the loop's variables four times a second."""
    _find_peers()
    os.environ.update(PULSE_STREAM_DIR=str(place.folder), PULSE_HOME=str(place.folder))
    from pulse import auto_track

    auto_track(mode="stream")
    yield None
    from pulse import pulse_monitor  # what its exit handler calls

    pulse_monitor.detach()


def _find_peers() -> None:
    if str(PEERS) not in sys.path:
        sys.path.append(str(PEERS))


CONTENDERS = {
    "bare": Contender("bare", bare),
    "null1": Contender("bare again", bare, null=True),
    "null2": Contender("bare once more", bare, null=True),
    "idle": Contender("clinometer, idle", clinometer(every=NEVER), settles=0.25, ours=True),
    "budget": Contender("clinometer, default", clinometer(), settles=1.0, ours=True),
    "every1": Contender("clinometer, every=1", clinometer(every=1), period=2, ours=True),
    "hooks": Contender("hand-written .item()", by_hand, period=4),
    "tb1": Contender("TensorBoard, each step", tensorboard(1), period=4),
    "tb100": Contender("TensorBoard, every 100", tensorboard(100), 4, 100, instead="tb1"),
    "wandb1": Contender("wandb.watch, freq 1", wandb_watch(1), period=4),
    "wandb100": Contender("wandb.watch, freq 100", wandb_watch(100), 4, 100, instead="wandb1"),
    "neurolens": Contender("neurolens", neurolens, period=2),
    "pulseml": Contender("pulseml, stream", pulseml, period=2),
}
BASE = "bare"
