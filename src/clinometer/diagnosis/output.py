"""The end of the network: what lies between its last weight layer and the loss, in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from clinometer.diagnosis.paths import Network
from clinometer.records.recording import Recording

WORDS = {
    "SoftmaxBackward0": "softmax", "SafeSoftmaxBackward0": "softmax", "Softmax": "softmax",
    "Softmax2d": "softmax", "LogSoftmaxBackward0": "log_softmax", "LogSoftmax": "log_softmax",
    "SigmoidBackward0": "sigmoid", "Sigmoid": "sigmoid", "TanhBackward0": "tanh", "Tanh": "tanh",
    "ReluBackward0": "relu", "ReLU": "relu", "LogSigmoidBackward0": "logsigmoid",
    "LogSigmoid": "logsigmoid", "LogBackward0": "log", "Log1PBackward0": "log",
    "ClampBackward1": "clamp", "NllLossBackward0": "nll", "NllLoss2DBackward0": "nll",
    "BinaryCrossEntropyBackward0": "bce", "BinaryCrossEntropyWithLogitsBackward0": "bce_logits",
    "MseLossBackward0": "mse", "AbsBackward0": "l1", "SmoothL1LossBackward0": "smooth_l1",
    "HuberLossBackward0": "huber", "KlDivBackward0": "kl_div",
}  # fmt: skip
LOSSES = frozenset({"nll", "bce", "bce_logits", "mse", "l1", "smooth_l1", "huber", "kl_div"})


@dataclass(frozen=True)
class Softmax:
    """One softmax at the output: over which of how many axes, of which length."""

    axis: int
    axes: int
    size: int


@dataclass(frozen=True)
class Output:
    """The way from one last weight layer to its loss.

    Attributes
    ----------
    layer : name of the last weight layer; of the output call where there is none
    steps : words of what follows, in order of execution, up to the loss ("softmax", "log_softmax",
        "nll"); what only reshapes or adds is left out
    softmaxes : the axes of every softmax and log-softmax among them
    """

    layer: str
    steps: tuple[str, ...]
    softmaxes: tuple[Softmax, ...] = field(default=())

    def follows(self, *pattern: str) -> bool:
        """Whether these words follow each other directly."""
        width = len(pattern)
        return any(self.steps[i : i + width] == pattern for i in range(len(self.steps)))


def outputs(recording: Recording) -> list[Output]:
    """The network's outputs, one a call that was flagged so."""
    network = Network(recording)
    return [_output(network, i) for i, call in enumerate(network.calls) if call.facts.get("output")]


def _output(network: Network, end: int) -> Output:
    way = [end]
    while network.role(way[0]) != "weight":
        parent = network.parent(way[0])
        if parent is None or parent in way:
            break
        way.insert(0, parent)
    steps: list[str] = []
    softmaxes: list[Softmax] = []
    for call in way[1:] if network.role(way[0]) == "weight" else way:
        facts = network.calls[call].facts
        named = [WORDS.get(name) for name in [facts.get("class", ""), *facts.get("operations", [])]]
        steps += [word for word in dict.fromkeys(named) if word]
        softmaxes += _axes([facts])
    facts = network.calls[end].facts
    tail = [WORDS[node] for node in facts.get("tail", []) if node in WORDS]
    steps += tail
    softmaxes += _axes(facts.get("softmax", []))
    return Output(network.calls[way[0]].name, tuple(steps), tuple(softmaxes))


def _axes(many: list[dict[str, Any]]) -> list[Softmax]:
    return [
        Softmax(int(one["axis"]), int(one["axes"]), int(one["size"]))
        for one in many
        if one.get("axis") is not None and one.get("size") is not None
    ]
