"""The way of the gradient: from the loss back through the layers to one of them."""

from __future__ import annotations

from dataclasses import dataclass

from clinometer.records.recording import Recording
from clinometer.records.site import Site

# Autograd nodes that are activations, by the name that a report gives them.
ACTIVATION_NODES = {
    "SigmoidBackward0": "sigmoid",
    "TanhBackward0": "tanh",
    "ReluBackward0": "relu",
    "LeakyReluBackward0": "leaky_relu",
    "EluBackward0": "elu",
    "GeluBackward0": "gelu",
    "SiluBackward0": "silu",
    "SoftplusBackward0": "softplus",
    "HardtanhBackward0": "hardtanh",
    "HardsigmoidBackward0": "hardsigmoid",
    "HardswishBackward0": "hardswish",
    "MishBackward0": "mish",
    "LogSigmoidBackward0": "logsigmoid",
}


@dataclass(frozen=True)
class Path:
    """Calls from one layer up to the logits, nearest first.

    Attributes
    ----------
    start : position (in the calls) of the layer whose weight is judged
    above : positions of the calls between it and the logits, the logits' own layer last
    logits : position of the last weight layer before the loss
    """

    start: int
    above: tuple[int, ...]
    logits: int


class Network:
    """The calls of a recording as a graph."""

    def __init__(self, recording: Recording) -> None:
        self.calls = recording.of_kind("call")
        self.position = {call.name: i for i, call in enumerate(self.calls)}
        self.children: dict[int, list[int]] = {i: [] for i in range(len(self.calls))}
        for i, call in enumerate(self.calls):
            for parent in call.facts.get("parents", []):
                if parent in self.position:
                    self.children[self.position[parent]].append(i)

    def parent(self, call: int) -> int | None:
        """The only call that feeds this one, or None."""
        parents = [self.position.get(name) for name in self.calls[call].facts.get("parents", [])]
        return parents[0] if len(parents) == 1 else None

    def role(self, call: int) -> str:
        """What the call does to the gradient."""
        return str(self.calls[call].facts.get("role", "other"))

    def gap_role(self, call: int) -> str:
        """Role of what lies, unseen as a module, between a call and its parent."""
        operations = self.calls[call].facts.get("operations", [])
        return "activation" if set(operations) & set(ACTIVATION_NODES) else "other"

    def gap_name(self, call: int) -> str:
        """Name of the functional call between a call and its parent (`fc1:sigmoid`)."""
        parent = self.parent(call)
        operations = self.calls[call].facts.get("operations", [])
        named = [ACTIVATION_NODES[o] for o in operations if o in ACTIVATION_NODES]
        what = "+".join(named) or "+".join(o.removesuffix("Backward0").lower() for o in operations)
        return f"{self.calls[parent].name if parent is not None else ''}:{what}"

    def path(self, start: int) -> Path | str:
        """The way from the logits down to a layer, or in words why there is no single one."""
        above, here = [], start
        while not self.calls[here].facts.get("output"):
            ahead = self.children[here]
            name = self.calls[here].name
            if not ahead:
                return f"what uses the output of {name} was not observed"
            if len(ahead) > 1:
                return f"the output of {name} goes several ways"
            here = ahead[0]
            if self.parent(here) is None or not self.calls[here].facts.get("chain", True):
                return f"several signals meet before {self.calls[here].name}"
            if here in above or here == start:
                return f"{name} is used more than once"
            above.append(here)
        if self.children[here]:
            return f"the output of {self.calls[here].name} goes to the loss and further layers"
        weights = [i for i in [start, *above] if self.role(i) == "weight"]
        if not weights:
            return f"there is no weight layer between {self.calls[start].name} and the loss"
        logits = weights[-1]
        kept = above[: above.index(logits) + 1] if logits in above else []
        return Path(start, tuple(kept), logits)

    def weight_layers(self) -> list[int]:
        """Positions of the linear and convolution layers."""
        return [i for i in range(len(self.calls)) if self.role(i) == "weight"]

    def site(self, call: int) -> Site:
        """The call's site."""
        return self.calls[call]
