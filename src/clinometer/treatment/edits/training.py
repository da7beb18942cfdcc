"""Where a script trains: its optimizers, their networks, its steps and backward passes."""

from __future__ import annotations

import ast

from clinometer.treatment.edits.source import Source, argument, only

OPTIM = "torch.optim."
SCHEDULERS = "torch.optim.lr_scheduler."
FRESH = ("OneCycleLR", "CyclicLR")  # which set rates of their own


def optimizer(source: Source) -> ast.Call | None:
    """The call that makes the only optimizer."""
    return only(source.calls(is_optimizer))


def is_optimizer(name: str) -> bool:
    """Whether a full name is a class of `torch.optim`."""
    last = name.removeprefix(OPTIM)
    return name.startswith(OPTIM) and "." not in last and last[:1].isupper()


def kind(source: Source, call: ast.Call) -> str:
    """Its class: "SGD"."""
    return source.full(call.func).rpartition(".")[2]


def target(source: Source, call: ast.Call) -> str:
    """What a call's result is assigned to, as text; "" where to nothing or to several."""
    outer = source.parents.get(call)
    if isinstance(outer, ast.Assign) and outer.value is call and len(outer.targets) == 1:
        found = outer.targets[0]
        return source.of(found) if isinstance(found, ast.Name | ast.Attribute) else ""
    if isinstance(outer, ast.AnnAssign) and outer.value is call:
        return source.of(outer.target)
    return ""


def network(source: Source, call: ast.Call) -> str:
    """The network whose `parameters()` an optimizer is given, as text; "" where it is not plainly one."""
    given = argument(call, "params", 0)
    if (
        isinstance(given, ast.Call)
        and isinstance(given.func, ast.Attribute)
        and given.func.attr == "parameters"
        and not given.args
    ):
        return source.of(given.func.value)
    return ""


def schedulers(source: Source) -> list[ast.Call]:
    """Calls that make schedulers of the rate."""
    return source.calls(lambda name: name.startswith(SCHEDULERS))


def step(source: Source) -> ast.Call | None:
    """The only call of an optimizer's `step`, as a statement: its own, or its scaler's."""
    others = {target(source, one) for one in schedulers(source)}
    found = [
        one
        for one in source.methods("step")
        if isinstance(source.parents[one], ast.Expr)
        and isinstance(one.func, ast.Attribute)
        and source.of(one.func.value) not in others
    ]
    return only(found)


def is_scaled(source: Source, call: ast.Call) -> bool:
    """Whether it is `scaler.step(optimizer)`."""
    return (
        bool(call.args)
        and isinstance(call.func, ast.Attribute)
        and ("scaler" in source.of(call.func.value).lower())
    )


def stepped(source: Source, call: ast.Call) -> str:
    """The optimizer that a call of `step` moves, as text."""
    if is_scaled(source, call):
        return source.of(call.args[0])
    return source.of(call.func.value) if isinstance(call.func, ast.Attribute) else ""


def backward(source: Source) -> ast.Call | None:
    """The only backward pass, as a statement."""
    found = source.methods("backward")
    return only([one for one in found if isinstance(source.parents[one], ast.Expr)])


def same_scope(source: Source, one: ast.AST, other: ast.AST) -> bool:
    """Whether a local name of one is known at the other."""
    scope = source.scope(one)
    return scope in (source.scope(other), source.tree)
