"""Edits of numbers: what goes into a root, kept above 0."""

from __future__ import annotations

import ast

from clinometer.treatment.edits.loss import without_gradients
from clinometer.treatment.edits.source import Edit, Source, only
from clinometer.treatment.edits.step import Edits

GIVEN = "torch.finfo(torch.float32).tiny"
BINDING = (
    ast.Name,
    ast.Call,
    ast.Attribute,
    ast.Subscript,
)  # a method may follow these as they are


def guard_root(source: Source, _done: str) -> Edits:
    """clamp_min in the only square root of torch, where no power, logarithm or other root is taken."""
    found = [
        one
        for one in source.calls(lambda name: name == "torch.sqrt")
        if len(one.args) == 1 and not one.keywords and isinstance(one.func, ast.Attribute)
    ]
    methods = [one for one in source.methods("sqrt") if _is_method(source, one)]
    roots = [*found, *methods]
    call = only([one for one in roots if not without_gradients(source, one)])
    if call is None or _others(source) or source.names.get("torch") != "torch":
        return None
    if call in methods:
        _, end = source.span(call.func)
        return [Edit(end - len("sqrt"), end - len("sqrt"), f"clamp_min({GIVEN}).")]
    inner = call.args[0]
    text = source.of(inner)
    plain = isinstance(inner, BINDING)
    return [source.put(inner, f"{text if plain else f'({text})'}.clamp_min({GIVEN})")]


def _is_method(source: Source, call: ast.Call) -> bool:
    """Whether it is `something.sqrt()` of a tensor: neither a module's function nor one with arguments."""
    assert isinstance(call.func, ast.Attribute)
    module = source.full(call.func.value).partition(".")[0] in source.names.values()
    return not call.args and not call.keywords and not module


def _others(source: Source) -> bool:
    """Whether another function of infinite slope at 0 is called: which of them met a 0, is not told."""
    names = ("log", "log2", "log10", "rsqrt")
    functions = {f"torch.{name}" for name in names}
    called = bool(source.calls(functions.__contains__)) or any(
        not call.args for name in names for call in source.methods(name)
    )
    return called or any(
        isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and _is_steep(node.right)
        for node in ast.walk(source.tree)
    )


def _is_steep(node: ast.expr) -> bool:
    """Whether an exponent is, or may be, less than 1."""
    return not (isinstance(node, ast.Constant) and isinstance(node.value, int) and node.value >= 1)
