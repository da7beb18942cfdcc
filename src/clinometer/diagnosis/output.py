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
WEIGHT_NODES = frozenset(
    "AddmmBackward0 MmBackward0 BmmBackward0 BaddbmmBackward0 LinearBackward0 ConvolutionBackward0 "
    "MkldnnLinearBackward0 EmbeddingBackward0".split()
)

# (words that follow each other), what is wrong, what to do, whether it is a fault in itself
MISMATCHES = (
    (("softmax", "log_softmax", "nll"),
     "a softmax is applied before a loss that applies one itself (cross-entropy)",
     "give the logits to the loss", True),
    (("sigmoid", "log_softmax", "nll"),
     "a sigmoid squeezes the logits to (0, 1) before cross-entropy, which applies a softmax itself",
     "give the logits to the loss", True),
    (("sigmoid", "bce_logits"),
     "a sigmoid is applied before a loss that applies one itself (binary cross-entropy with logits)",
     "give the logits to the loss", True),
    (("softmax", "bce_logits"),
     "a softmax is applied before a loss that applies a sigmoid itself",
     "give the logits to the loss", True),
    (("softmax", "nll"),
     "probabilities are given to a loss that expects log-probabilities (NLLLoss)",
     "use log_softmax, or logits with cross-entropy", True),
    (("sigmoid", "nll"),
     "probabilities are given to a loss that expects log-probabilities (NLLLoss)",
     "use log_softmax, or logits with cross-entropy", True),
    (("relu", "log_softmax", "nll"),
     "a ReLU cuts the negative logits off before cross-entropy", "leave the last ReLU out", False),
    (("relu", "bce_logits"),
     "a ReLU cuts the negative logits off before a sigmoid: no probability below 1/2 can be said",
     "leave the last ReLU out", True),
    (("relu", "sigmoid", "bce"),
     "a ReLU cuts the negative logits off before the sigmoid: no probability below 1/2 can be said",
     "leave the last ReLU out", True),
    (("tanh", "log_softmax", "nll"),
     "a tanh squeezes the logits to (-1, 1) before cross-entropy: the network cannot be sure",
     "leave the tanh out", False),
    (("sigmoid", "mse"),
     "the squared error behind a sigmoid has no slope where the sigmoid is flat, right or wrong",
     "use binary cross-entropy on the logits", False),
    (("softmax", "mse"),
     "the squared error behind a softmax has no slope where the softmax is flat, right or wrong",
     "use cross-entropy on the logits", False),
)  # fmt: skip


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
    places : the call that makes each of the steps, "" where it is no layer of its own
    """

    layer: str
    steps: tuple[str, ...]
    softmaxes: tuple[Softmax, ...] = field(default=())
    places: tuple[str, ...] = field(default=())

    @property
    def mismatched(self) -> bool:
        """Whether the loss cannot be right for this output, whatever it has learned."""
        return any(self.where(*words) is not None for words, _, _, certain in MISMATCHES if certain)

    def where(self, *pattern: str) -> str | None:
        """Where these words follow each other directly: the place of the first; None: nowhere."""
        width = len(pattern)
        for i in range(len(self.steps)):
            if self.steps[i : i + width] == pattern:
                return self.places[i] or self.layer
        return None


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
    steps: list[tuple[str, str]] = []
    softmaxes: list[Softmax] = []
    for call in way[1:] if network.role(way[0]) == "weight" else way:
        facts = network.calls[call].facts
        named = [WORDS.get(name) for name in [facts.get("class", ""), *facts.get("operations", [])]]
        steps += [(word, network.calls[call].name) for word in dict.fromkeys(named) if word]
        softmaxes += _axes([facts])
    facts = network.calls[end].facts
    nodes = facts.get("tail", [])
    if WEIGHT_NODES & set(nodes):
        nodes = []  # its way to the loss leads through further layers
    steps += [(WORDS[node], "") for node in nodes if node in WORDS]
    softmaxes += _axes(facts.get("softmax", []) if nodes else [])
    words, places = zip(*steps, strict=True) if steps else ((), ())
    return Output(network.calls[way[0]].name, words, tuple(softmaxes), places)


def _axes(many: list[dict[str, Any]]) -> list[Softmax]:
    return [
        Softmax(int(one["axis"]), int(one["axes"]), int(one["size"]))
        for one in many
        if one.get("axis") is not None and one.get("size") is not None
    ]
