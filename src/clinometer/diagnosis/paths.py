"""The network as it was recorded: calls, who feeds whom, and what each does to the gradient."""

from __future__ import annotations

from clinometer.records.recording import Recording
from clinometer.records.site import Site

# Autograd nodes that are activations, by the name that a report gives them (recordings of schema 1).
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


def plain(name: str) -> str:
    """A call's name without its number: the module's."""
    return name.partition("#")[0]


class Network:
    """The calls of a recording as a graph; what a recording should not hold is passed over."""

    def __init__(self, recording: Recording) -> None:
        self.calls = recording.of_kind("call")
        self.position = {call.name: i for i, call in enumerate(self.calls)}
        self.parents = [self._parents(i) for i in range(len(self.calls))]
        self.children: list[list[int]] = [[] for _ in self.calls]
        for i, parents in enumerate(self.parents):
            for parent in parents:
                self.children[parent].append(i)

    def _parents(self, call: int) -> list[int]:
        listed = self.calls[call].facts.get("parents")
        names = listed if isinstance(listed, list) else []
        found = [
            self.position[name] for name in names if self.position.get(str(name), call) != call
        ]
        return list(dict.fromkeys(found))

    def site(self, call: int) -> Site:
        """The call's site."""
        return self.calls[call]

    def parent(self, call: int) -> int | None:
        """The only call that feeds this one, or None."""
        listed = self.calls[call].facts.get("parents")
        alone = isinstance(listed, list) and len(listed) == 1
        return self.parents[call][0] if alone and self.parents[call] else None

    def role(self, call: int) -> str:
        """What the call does to the gradient."""
        return str(self.calls[call].facts.get("role", "other"))

    def is_output(self, call: int) -> bool:
        """Whether the loss takes its output."""
        return bool(self.calls[call].facts.get("output"))

    def is_pooled(self, call: int) -> bool:
        """Whether the row sums up many calls in one pass."""
        return bool(self.calls[call].facts.get("recurrent"))

    def averages(self, call: int) -> bool:
        """Whether its output is a mean of its input's elements."""
        facts = self.calls[call].facts
        words = f"{facts.get('class')} {facts.get('operations')}".lower()
        return "mean" in words or "avg" in words

    def weight_layers(self) -> list[int]:
        """Positions of the linear and convolution layers."""
        return [i for i in range(len(self.calls)) if self.role(i) == "weight"]

    # -- what lies between two calls, in a recording of schema 1 ----------------------------------

    def has_gaps(self, call: int) -> bool:
        """Whether `operations` are those between the call and the one before it."""
        return "chain" in self.calls[call].facts

    def gap_role(self, call: int) -> str:
        """Role of what lies, unseen as a place, between a call and its parent."""
        operations = self.calls[call].facts.get("operations", [])
        return "activation" if set(operations) & set(ACTIVATION_NODES) else "other"

    def gap_name(self, call: int, below: str) -> str:
        """Name of the functional call between a call and the one below it (`fc1:sigmoid`)."""
        operations = self.calls[call].facts.get("operations", [])
        named = [ACTIVATION_NODES[o] for o in operations if o in ACTIVATION_NODES]
        what = "+".join(named) or "+".join(o.removesuffix("Backward0").lower() for o in operations)
        return f"{below}:{what}"
