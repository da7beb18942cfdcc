"""Edits of the network: its first weights, its activations."""

from __future__ import annotations

import ast
import re
from itertools import pairwise

from clinometer.treatment.edits.loss import outer_calls
from clinometer.treatment.edits.source import Edit, Source
from clinometer.treatment.edits.step import Edits
from clinometer.treatment.edits.training import network, optimizer

SQUASHES = ("Sigmoid", "Tanh")
FUNCTIONS = {
    "Sigmoid": "sigmoid", "Tanh": "tanh", "ReLU": "relu", "GELU": "gelu", "LeakyReLU": "leaky_relu",
    "SELU": "selu", "SiLU": "silu",
}  # fmt: skip
ORTHOGONAL = """for layer in model.modules():
    if isinstance(layer, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)):
        nn.init.orthogonal_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
"""


def first_weights(source: Source, lines: str, done: str) -> Edits:
    """A block that draws the weights anew, just before the optimizer is made."""
    made = optimizer(source)
    model = network(source, made) if made is not None else ""
    if made is None or not model or source.names.get("nn") != "torch.nn":
        return None
    if "orthogonal" in done and "recurrent" not in done:
        lines = ORTHOGONAL
    kept = [line for line in lines.splitlines() if not line.startswith("#")]
    block = re.sub(r"\bmodel\b", lambda _: model, "\n".join(kept))
    if re.search(r"\b(x|lstm)\b", block):  # names that the script does not have
        return None
    edit = source.before(made, block)
    return None if edit is None else [edit]


def change_activation(source: Source, done: str) -> Edits:
    """Another activation between layers; the last one of a network and gates stay."""
    told = re.search(r"-> (?:nn\.)?(\w+)", done)
    new = told[1] if told is not None else ""
    if new not in FUNCTIONS:
        return None
    olds = ("ReLU",) if new == "LeakyReLU" else SQUASHES
    found = _modules(source, olds, new)
    calls = _functions(source, olds)
    name = _function(source, FUNCTIONS[new])
    if calls and not name:
        return None
    return found + [source.put(call.func, name) for call in calls] or None


def _modules(source: Source, olds: tuple[str, ...], new: str) -> list[Edit]:
    """Classes of modules between layers, where they are made."""
    found = []
    for call in source.calls(lambda name: name in {f"torch.nn.{old}" for old in olds}):
        outer = source.parents[call]
        if not isinstance(call.func, ast.Attribute):
            continue
        if isinstance(outer, ast.Call) and source.full(outer.func) == "torch.nn.Sequential":
            inside = outer.args[-1] is not call
        else:
            inside = isinstance(outer, ast.Assign) and _all_between(source, outer.targets[0])
        if inside:
            found.append(source.put(call.func, f"{source.of(call.func.value)}.{new}"))
    return found


def _all_between(source: Source, target: ast.expr) -> bool:
    """Whether every call of a module that is an attribute stands between layers."""
    uses = [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and source.of(node.func) == source.of(target)
    ]
    return bool(uses) and all(_is_between(source, one) for one in uses)


def _functions(source: Source, olds: tuple[str, ...]) -> list[ast.Call]:
    """Calls of activations between layers."""
    names = {
        f"{place}.{FUNCTIONS[old]}" for old in olds for place in ("torch", "torch.nn.functional")
    }
    return [one for one in source.calls(names.__contains__) if _is_between(source, one)]


def _is_between(source: Source, call: ast.Call) -> bool:
    """Whether an activation in a forward pass works on a layer's output, and a layer on it."""
    inside = [one for one in source.around(call) if isinstance(one, ast.FunctionDef)]
    if not inside or inside[0].name != "forward" or len(call.args) != 1:
        return False
    if isinstance(source.parents[call], ast.BinOp | ast.Compare | ast.keyword):
        return False
    statement, given = source.statement(call), call.args[0]
    if isinstance(statement, ast.Return) and statement.value is not None:
        return call not in list(outer_calls(statement.value))
    kept = isinstance(statement, ast.Assign) and source.of(given) == source.of(statement.targets[0])
    return isinstance(given, ast.Call) or kept


def _function(source: Source, name: str) -> str:
    """How a function of torch.nn.functional is written in this script."""
    known = {full: alias for alias, full in source.names.items()}
    for full in ("torch.nn.functional", "torch.nn", "torch"):
        if full in known:
            rest = "torch.nn.functional"[len(full) :]
            return f"{known[full]}{rest}.{name}"
    return ""


def add_nonlinearity(source: Source, _done: str) -> Edits:
    """A ReLU between linear layers that follow each other."""
    if source.names.get("nn") != "torch.nn":
        return None
    found = _in_sequentials(source)
    return found or _in_forward(source)


def _in_sequentials(source: Source) -> list[Edit]:
    found = []
    for stack in source.calls(lambda name: name == "torch.nn.Sequential"):
        for one, after in pairwise(stack.args):
            if _is_linear(source, one) and _is_linear(source, after):
                _, end = source.span(one)
                start, _ = source.span(after)
                between = source.text[end:start]
                if "#" in between:
                    continue
                found.append(Edit(start, start, f"nn.ReLU(){between}"))
    return found


def _is_linear(source: Source, node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and source.full(node.func) == "torch.nn.Linear"


def _in_forward(source: Source) -> Edits:
    """`x = self.a(x)` of a linear layer whose x goes to the next statement's linear layer alone."""
    linear = {
        source.of(node.targets[0])
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Assign) and _is_linear(source, node.value)
    }
    found = []
    for body in ast.walk(source.tree):
        if not isinstance(body, ast.FunctionDef) or body.name != "forward":
            continue
        for one, after in pairwise(body.body):
            first, second = _applied(one), _applied(after)
            if first is None or second is None or not isinstance(one, ast.Assign):
                continue
            if {source.of(first.func), source.of(second.func)} <= linear and source.of(
                second.args[0]
            ) == source.of(one.targets[0]):
                name = _function(source, "relu")
                found.append(source.put(first, f"{name}({source.of(first)})"))
    return found or None


def _applied(node: ast.stmt) -> ast.Call | None:
    """The call of `name = layer(x)` or `return layer(x)`."""
    value = node.value if isinstance(node, ast.Assign | ast.Return) else None
    return value if isinstance(value, ast.Call) and len(value.args) == 1 else None
