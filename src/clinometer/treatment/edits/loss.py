"""Edits of the loss, and of what stands between the network and the loss."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping

from clinometer.treatment.edits.source import Edit, Source, argument, only
from clinometer.treatment.edits.step import Edits

LOSSES = "torch.nn."
ENTROPIES = ("torch.nn.CrossEntropyLoss", "torch.nn.functional.cross_entropy")
MODULES = {"torch.nn.Softmax": "softmax", "torch.nn.Sigmoid": "sigmoid"}
CALLS = {
    "torch.nn.functional.softmax": "softmax", "torch.softmax": "softmax", "torch.sigmoid": "sigmoid",
    "torch.nn.functional.sigmoid": "sigmoid",
}  # fmt: skip
# (what stands before, the script's loss) -> the loss that matches, as a class and as a function
MATCHING = {
    ("softmax", "CrossEntropyLoss"): "CrossEntropyLoss",
    ("sigmoid", "CrossEntropyLoss"): "CrossEntropyLoss",
    ("softmax", "NLLLoss"): "CrossEntropyLoss",
    ("sigmoid", "BCEWithLogitsLoss"): "BCEWithLogitsLoss",
    ("sigmoid", "BCELoss"): "BCEWithLogitsLoss",
    ("sigmoid", "MSELoss"): "BCEWithLogitsLoss",
    ("softmax", "MSELoss"): "CrossEntropyLoss",
    ("softmax of one", "BCELoss"): "BCEWithLogitsLoss",
}
FUNCTIONS = {
    "CrossEntropyLoss": "cross_entropy", "NLLLoss": "nll_loss", "BCELoss": "binary_cross_entropy",
    "BCEWithLogitsLoss": "binary_cross_entropy_with_logits", "MSELoss": "mse_loss",
}  # fmt: skip
CLASSES = {f"torch.nn.functional.{name}": kind for kind, name in FUNCTIONS.items()}
HALF, ITS_LOGIT = 0.5, "0"  # sigmoid(0) = 1/2


def smooth_labels(source: Source, _done: str) -> Edits:
    """label_smoothing=0.1 in the only cross-entropy that is trained on."""
    found = [
        one
        for one in source.calls(lambda name: name in ENTROPIES)
        if not without_gradients(source, one)
    ]
    call = only(found)
    if call is None or argument(call, "label_smoothing") is not None:
        return None
    return [source.keyword(call, "label_smoothing", "0.1")]


def matching_loss(source: Source, _done: str) -> Edits:
    """The last softmax or sigmoid taken out, and the loss that applies one itself."""
    return _logits(source, lambda kind: kind)


def one_unit(source: Source, _done: str) -> Edits:
    """A softmax over one unit taken out, and binary cross-entropy with logits."""
    return _logits(source, lambda kind: "softmax of one" if kind == "softmax" else "")


def over_classes(source: Source, _done: str) -> Edits:
    """dim=1 in the only softmax over axis 0."""
    names = {*CALLS, "torch.nn.Softmax", "torch.nn.functional.log_softmax", "torch.nn.LogSoftmax"}
    found = []
    for call in source.calls(lambda name: name in names):
        place = 0 if source.full(call.func) in {"torch.nn.Softmax", "torch.nn.LogSoftmax"} else 1
        axis = argument(call, "dim", place)
        if isinstance(axis, ast.Constant) and axis.value == 0:
            found.append(source.put(axis, "1"))
    return found if len(found) == 1 else None


def _logits(source: Source, named: Callable[[str], str]) -> Edits:
    ends = [*calls_at_the_end(source), *modules_at_the_end(source)]
    end = only(ends)
    losses = [
        one
        for one in source.calls(lambda name: _loss(name) != "")
        if not without_gradients(source, one)
    ]
    loss = only(losses)
    if end is None or loss is None:
        return None
    kind, edits = end
    before, is_class = _loss(source.full(loss.func)), source.full(loss.func) not in CLASSES
    after = MATCHING.get((named(kind), before))
    if after is None or not isinstance(loss.func, ast.Attribute):
        return None
    if before != after:
        if loss.keywords or (is_class and loss.args):
            return None
        name = after if is_class else FUNCTIONS[after]
        edits = [*edits, source.put(loss.func, f"{source.of(loss.func.value)}.{name}")]
    return [*edits, *_thresholds(source)] if kind == "sigmoid" or named(kind) != kind else edits


def _loss(name: str) -> str:
    """The class of a loss by the full name of its class or function; "" of anything else."""
    if name in CLASSES:
        return CLASSES[name]
    last = name.removeprefix(LOSSES)
    return last if name.startswith(LOSSES) and last in FUNCTIONS else ""


def calls_at_the_end(
    source: Source, calls: Mapping[str, str] = CALLS, modules: Mapping[str, str] = MODULES
) -> Iterator[tuple[str, list[Edit]]]:
    """Activations in what a `forward` returns: calls, and modules that are attributes."""
    made = {
        source.of(node.targets[0]): modules[source.full(node.value.func)]
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and source.full(node.value.func) in modules
    }
    for statement in ast.walk(source.tree):
        if not isinstance(statement, ast.Return) or statement.value is None:
            continue
        inside = [one for one in source.around(statement) if isinstance(one, ast.FunctionDef)]
        if not inside or inside[0].name != "forward":
            continue
        for node in outer_calls(statement.value):
            kind = calls.get(source.full(node.func)) or made.get(source.of(node.func))
            if kind:
                yield kind, [source.put(node, source.of(node.args[0]))]
            elif isinstance(node.func, ast.Attribute) and node.func.attr in set(modules.values()):
                yield node.func.attr, [source.put(node, source.of(node.func.value))]


def outer_calls(value: ast.AST) -> Iterator[ast.Call]:
    """The calls whose result is what is returned, reshaped at most: from outside in."""
    while True:
        if isinstance(value, ast.Subscript):
            value = value.value
        elif isinstance(value, ast.Call):
            yield value
            moves = {"squeeze", "flatten", "view", "reshape", "unsqueeze"}
            if not isinstance(value.func, ast.Attribute) or value.func.attr not in moves:
                return
            value = value.func.value
        else:
            return


def modules_at_the_end(
    source: Source, modules: Mapping[str, str] = MODULES
) -> Iterator[tuple[str, list[Edit]]]:
    """An activation that ends an nn.Sequential, with the comma before it."""
    for stack in source.calls(lambda name: name == "torch.nn.Sequential"):
        if len(stack.args) < 2:
            continue
        last, before = stack.args[-1], stack.args[-2]
        if isinstance(last, ast.Call) and source.full(last.func) in modules:
            _, start = source.span(before)
            _, end = source.span(last)
            if "#" not in source.text[start:end]:
                yield modules[source.full(last.func)], [Edit(start, end, "")]


def _thresholds(source: Source) -> list[Edit]:
    """`probability > 0.5` of what the network said becomes `logit > 0`."""
    said = {
        one.id
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Assign) and _is_network(source, node.value)
        for one in node.targets
        if isinstance(one, ast.Name)
    }
    found = []
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Compare) or len(node.comparators) != 1:
            continue
        limit = node.comparators[0]
        told = isinstance(node.left, ast.Name) and node.left.id in said
        if (
            (told or _is_network(source, node.left))
            and isinstance(limit, ast.Constant)
            and limit.value == HALF
        ):
            found.append(source.put(limit, ITS_LOGIT))
    return found


def _is_network(source: Source, value: ast.AST) -> bool:
    """Whether an expression is a call of the network, reshaped at most."""
    from clinometer.treatment.edits.training import network, optimizer

    made = optimizer(source)
    names = {network(source, made)} if made is not None else set()
    return any(source.of(call.func) in names - {""} for call in outer_calls(value))


def without_gradients(source: Source, node: ast.AST) -> bool:
    """Whether it stands in a block of no_grad or inference_mode."""
    off = ("torch.no_grad", "torch.inference_mode")
    return any(
        isinstance(item.context_expr, ast.Call) and source.full(item.context_expr.func) in off
        for one in source.around(node)
        if isinstance(one, ast.With)
        for item in one.items
    )
