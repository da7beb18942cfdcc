"""Edits of the data: standardised inputs."""

from __future__ import annotations

import ast

from clinometer.treatment.edits.loss import without_gradients
from clinometer.treatment.edits.source import Source, only
from clinometer.treatment.edits.step import Edits
from clinometer.treatment.edits.training import network, optimizer

# layers -> axes that a mean over examples (and places, and steps) goes over
AXES = (
    (("Conv2d",), "(0, 2, 3), keepdim=True"),
    (("Conv1d",), "(0, 2), keepdim=True"),
    (("RNN", "GRU", "LSTM"), "(0, 1)"),
)
DATASET = "torch.utils.data.TensorDataset"


def standardise_input(source: Source, _done: str) -> Edits:
    """Mean and spread of the training rows, taken off all rows that the network is given."""
    made = optimizer(source)
    model = network(source, made) if made is not None else ""
    if made is None or not model or source.names.get("torch") != "torch":
        return None
    trained, others = _given(source, model)
    name = only(sorted(trained))
    if name is None:
        return None
    at = _last_assignment(source, made, {name, *others})
    if at is None:
        return None
    over, used = _axes(source), {n.id for n in ast.walk(source.tree) if isinstance(n, ast.Name)}
    if not over or used & {"mean", "std"}:
        return None
    rows = [f"{one} = ({one} - mean) / std" for one in (name, *sorted(others - {name}))]
    first = _trained_rows(source, name)
    block = [
        f"mean, std = {first}.mean({over}), {first}.std({over})",
        "std = torch.where(std > 0, std, 1.0)  # of a constant feature",
        *rows,
    ]
    edit = source.after(at, "\n".join(block))
    return None if edit is None else [edit]


def _given(source: Source, model: str) -> tuple[set[str], set[str]]:
    """Names of tensors that the network is given where it trains, and elsewhere."""
    trained: set[str] = set()
    others: set[str] = set()
    for call in source.calls(lambda name: name == DATASET):
        trained |= _name(call.args[0]) if call.args else set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and source.of(node.func) == model and len(node.args) == 1:
            found = _name(node.args[0])
            if not _is_local(source, node, found):
                (others if without_gradients(source, node) else trained).update(found)
    return trained, others - trained


def _name(node: ast.AST) -> set[str]:
    """The tensor of `x`, `x[rows]` or `x[:n]`."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def _is_local(source: Source, node: ast.AST, names: set[str]) -> bool:
    """Whether a name is given by a loop around the call."""
    loops = [one for one in source.around(node) if isinstance(one, ast.For)]
    targets = {
        inner.id for one in loops for inner in ast.walk(one.target) if isinstance(inner, ast.Name)
    }
    return bool(names & targets)


def _last_assignment(source: Source, made: ast.Call, names: set[str]) -> ast.stmt | None:
    """The last statement, in the scope of the optimizer and before it, that makes one of the tensors."""
    scope = source.scope(made)
    body = getattr(scope, "body", [])
    if not isinstance(body, list):
        return None
    missing, found = set(names), None
    for statement in body:
        if statement.lineno >= made.lineno:
            break
        if isinstance(statement, ast.Assign):
            stored = {
                n.id for one in statement.targets for n in ast.walk(one) if isinstance(n, ast.Name)
            }
            if stored & names:
                missing, found = missing - stored, statement
    if missing or found is None or _used_early(source, found, names):
        return None
    return found


def _used_early(source: Source, after: ast.stmt, names: set[str]) -> bool:
    """Whether a data set was made of one of the tensors before the place."""
    return any(
        call.lineno <= after.lineno and call.args and _name(call.args[0]) & names
        for call in source.calls(lambda name: name == DATASET)
    )


def _axes(source: Source) -> str:
    """Arguments of a mean by feature, or by channel before convolutions; "" where it is not told."""
    made = {
        source.full(call.func) for call in source.calls(lambda name: name.startswith("torch.nn."))
    }
    if "torch.nn.Embedding" in made or "torch.nn.EmbeddingBag" in made:
        return ""  # numbers of words
    found = [over for layers, over in AXES if any(f"torch.nn.{one}" in made for one in layers)]
    return found[0] if len(found) == 1 else ("" if found else "0")


def _trained_rows(source: Source, name: str) -> str:
    """The tensor, or the part of it that a data set for training is made of."""
    given = [
        call.args[0]
        for call in source.calls(lambda one: one == DATASET)
        if call.args and _name(call.args[0]) == {name}
    ]
    part = given[0] if len(given) == 1 else None
    sliced = isinstance(part, ast.Subscript) and isinstance(part.slice, ast.Slice)
    return source.of(part) if part is not None and sliced else name
