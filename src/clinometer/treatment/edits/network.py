"""Edits of the network: its first weights, its activations."""

from __future__ import annotations

import ast
import re
from itertools import pairwise

from clinometer.treatment.edits.loss import outer_calls
from clinometer.treatment.edits.source import Edit, Source
from clinometer.treatment.edits.step import Edits
from clinometer.treatment.edits.training import network, optimizer

CLASSES = {"sigmoid": "Sigmoid", "tanh": "Tanh", "relu": "ReLU", "gelu": "GELU",
           "leaky_relu": "LeakyReLU"}  # fmt: skip
ONE_OF = (
    "for layer in model.modules():\n"
    "    if isinstance(layer, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)):\n"
)
NO_BIAS = "        if layer.bias is not None:\n            nn.init.zeros_(layer.bias)\n"
ORTHOGONAL = f"{ONE_OF}        nn.init.orthogonal_(layer.weight)\n{NO_BIAS}"
HE = f"{ONE_OF}        nn.init.kaiming_normal_(layer.weight)\n{NO_BIAS}"
GLOROT = f"{ONE_OF}        nn.init.xavier_normal_(layer.weight)\n{NO_BIAS}"
LAST_BY_GLOROT = """layers = [
    layer for layer in model.modules()
    if isinstance(layer, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d))
]
for layer in layers:
    if layer is layers[-1]:
        nn.init.xavier_normal_(layer.weight)
    else:
        nn.init.kaiming_normal_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
"""


def first_weights(source: Source, lines: str, done: str) -> Edits:
    """A block that draws the weights anew, just before the optimizer is made."""
    made = optimizer(source)
    model = network(source, made) if made is not None else ""
    if made is None or not model or source.names.get("nn") != "torch.nn":
        return None
    block = _block(lines, done)
    own = source.calls(
        lambda name: name == "torch.nn.Parameter"
    )  # of layers that the block passes by
    if not block or own or re.search(r"\b(x|lstm)\b", block):  # names that the script does not have
        return None
    edit = source.before(made, re.sub(r"\bmodel\b", lambda _: model, block))
    return None if edit is None else [edit]


def _block(lines: str, done: str) -> str:
    """What draws the weights as the trial did; "" where its words do not tell which layer has which rule."""
    he, glorot = (re.search(rf"(\d+) by {name}", done) for name in ("He", "Glorot"))
    if "orthogonal" in done and "recurrent" not in done:
        return ORTHOGONAL
    if "drawn anew" in done:
        if "recurrent" in done or "frozen" in done or not (he or glorot):
            return ""
        if he and glorot:
            return LAST_BY_GLOROT if glorot[1] == "1" else ""
        return HE if he else GLOROT
    return "\n".join(line for line in lines.splitlines() if not line.startswith("#"))


def change_activation(source: Source, done: str) -> Edits:
    """Another activation between layers; the last one of a network and gates stay."""
    told = re.findall(r"(\w+) -> (\w+) \((\d+) times\)", done)
    news = {new for _, new, _ in told}
    olds = {old for old, _, _ in told}
    if len(news) != 1 or not (olds | news) <= CLASSES.keys():
        return None
    new, name = news.pop(), ""
    found, calls = _modules(source, olds, CLASSES[new]), _functions(source, olds)
    if calls:
        name = _function(source, new)
    if found is None or (calls and not name):
        return None
    edits = found + [source.put(call.func, name) for call in calls]
    return edits if 0 < len(edits) <= sum(int(number) for *_, number in told) else None


def _modules(source: Source, olds: set[str], new: str) -> Edits:
    """Classes of modules between layers, where they are made; None where one may or may not be the last."""
    found = []
    for call in source.calls({f"torch.nn.{CLASSES[old]}" for old in olds}.__contains__):
        outer = source.parents[call]
        if isinstance(outer, ast.Call) and source.full(outer.func) == "torch.nn.Sequential":
            inside = outer.args[-1] is not call
            if not inside and isinstance(source.scope(call), ast.FunctionDef):
                return None
        else:
            inside = isinstance(outer, ast.Assign) and _all_between(source, outer.targets[0])
        if inside and isinstance(call.func, ast.Attribute):
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


def _functions(source: Source, olds: set[str]) -> list[ast.Call]:
    """Calls of activations between layers."""
    names = {f"{place}.{old}" for old in olds for place in ("torch", "torch.nn.functional")}
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


def add_nonlinearity(source: Source, done: str) -> Edits:
    """A ReLU between linear layers that follow each other, where these are all that the trial found."""
    told = re.search(r"at (\d+) place", done)
    if source.names.get("nn") != "torch.nn" or told is None:
        return None
    found = _in_sequentials(source) or _in_forward(source) or []
    return found if len(found) == int(told[1]) else None


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
