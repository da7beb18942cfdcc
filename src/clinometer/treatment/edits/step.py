"""Edits of the optimizer, its rate, its steps and its gradients."""

from __future__ import annotations

import ast
import math
import re

from clinometer.treatment.edits.source import Edit, Source, argument, number, only, times
from clinometer.treatment.edits.training import (
    FRESH,
    backward,
    is_scaled,
    kind,
    network,
    optimizer,
    same_scope,
    schedulers,
    step,
    stepped,
    target,
)

Edits = list[Edit] | None
DECADE = 0.1
RATES = {"SGD": 1e-3, "Adam": 1e-3, "AdamW": 1e-3, "NAdam": 2e-3, "RAdam": 1e-3, "Adamax": 2e-3,
         "RMSprop": 1e-2, "Adagrad": 1e-2, "Adadelta": 1.0, "ASGD": 1e-2, "Rprop": 1e-2}  # fmt: skip
CLIP = "1.0"  # the remedy's own limit


def lower_rate(source: Source, _done: str) -> Edits:
    """A tenth of every rate that the optimizer or a scheduler is given."""
    return _rate(source, DECADE)


def raise_rate(source: Source, done: str) -> Edits:
    """Every rate that the optimizer or a scheduler is given, as many decades higher as in the trial.

    None where the trial held a rate that a schedule takes away: what is to change there is the schedule.
    """
    return None if kept(done) else _rate(source, raised(done))


def raised(done: str) -> float:
    """How many times the rate a trial took: what it says is rounded, and it goes by decades.

    >>> raised("learning rate 0, 2.5e-07 -> 0, 0.025"), raised("")
    (100000.0, 10.0)
    """
    told = re.fullmatch(r"learning rate ([\d.e+, -]+) -> ([\d.e+, -]+)", done)
    rows = [list(map(float, row.split(", "))) for row in told.groups()] if told else [[], []]
    decades = [round(math.log10(b / a)) for a, b in zip(*rows, strict=False) if a > 0 < b]
    return float(10 ** decades[0]) if decades else 1 / DECADE


def kept(done: str) -> str:
    """The rate that a trial held in place of a schedule's, as it says it; "" for none."""
    told = re.search(r"-> (\S+), and kept there", done)
    return told[1] if told else ""


def _rate(source: Source, factor: float) -> Edits:
    made = optimizer(source)
    if made is None:
        return None
    rate = argument(made, "lr", 1)
    groups = [
        value
        for node in ast.walk(made)
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "lr"
    ]
    found = [source.put(one, times(source, one, factor)) for one in groups]
    if rate is not None:
        found.append(source.put(rate, times(source, rate, factor)))
    elif kind(source, made) in RATES:
        value = float(f"{RATES[kind(source, made)] * factor:.12g}")
        found.append(source.keyword(made, "lr", repr(value), 1))
    elif not found:
        return None
    for one in schedulers(source):
        if kind(source, one) in FRESH:
            for name, place in (("max_lr", 1 if kind(source, one) == "OneCycleLR" else 2),
                                ("base_lr", -1 if kind(source, one) == "OneCycleLR" else 1)):  # fmt: skip
                known = argument(one, name, place)
                if known is not None:
                    found.append(source.put(known, times(source, known, factor)))
    return found


def change_optimizer(source: Source, _done: str) -> Edits:
    """AdamW(lr=1e-3) of the same parameters."""
    made = optimizer(source)
    given = argument(made, "params", 0) if made is not None else None
    absolute = any(kind(source, one) in FRESH for one in schedulers(source))
    if made is None or given is None or absolute or any(
        isinstance(node, ast.Dict) for node in ast.walk(made)
    ):  # fmt: skip
        return None
    name = _class_in_place(source, made, "AdamW")
    return None if name is None else [source.put(made, f"{name}({source.of(given)}, lr=1e-3)")]


def _class_in_place(source: Source, made: ast.Call, name: str) -> str | None:
    """How another class of torch.optim is written here."""
    if isinstance(made.func, ast.Attribute):
        return f"{source.of(made.func.value)}.{name}"
    return "torch.optim." + name if source.names.get("torch") == "torch" else None


def smaller_epsilon(source: Source, done: str) -> Edits:
    """The eps that the trial had."""
    made = optimizer(source)
    told = re.fullmatch(r"eps \S+ -> (\S+)", done)
    if made is None or told is None:
        return None
    return [source.keyword(made, "eps", told[1])]


def weight_decay(source: Source, done: str) -> Edits:
    """A decay in the optimizer; decoupled from the gradient where Adam would not be."""
    made = optimizer(source)
    told = re.search(r"weight decay \S+ -> ([0-9.e+-]+)", done)
    if made is None or told is None:
        return None
    found = [source.keyword(made, "weight_decay", told[1])]
    if kind(source, made) == "Adam":
        name = _class_in_place(source, made, "AdamW")
        if name is None:
            return None
        found.append(source.put(made.func, name))
    return found


def clip_gradient(source: Source, _done: str) -> Edits:
    """Clip before the step; a scaled gradient is unscaled first."""
    made, call = optimizer(source), step(source)
    model = network(source, made) if made is not None else ""
    if made is None or call is None or not model:
        return None
    if call.args and not is_scaled(source, call):  # a closure works the gradients out inside
        return None
    if not same_scope(source, made, call) and not _is_argument(source, call, model):
        return None
    line = f"torch.nn.utils.clip_grad_norm_({model}.parameters(), {CLIP})"
    if is_scaled(source, call) and isinstance(call.func, ast.Attribute):
        line = f"{source.of(call.func.value)}.unscale_({stepped(source, call)})\n{line}"
    return _together([source.before(call, line)]) if _has_torch(source) else None


def zero_gradients(source: Source, _done: str) -> Edits:
    """Clear before the backward pass."""
    passed, name = backward(source), _optimizer_at(source)
    if passed is None or not name:
        return None
    return _together([source.before(passed, f"{name}.zero_grad()")])


def step_optimizer(source: Source, _done: str) -> Edits:
    """Step after the backward pass."""
    made, passed = optimizer(source), backward(source)
    if made is None or passed is None or step(source) is not None:
        return None
    name = target(source, made)
    known = same_scope(source, made, passed) or name.startswith("self.")
    return _together([source.after(passed, f"{name}.step()")]) if name and known else None


def _optimizer_at(source: Source) -> str:
    """The name by which the only optimizer is stepped."""
    call = step(source)
    return stepped(source, call) if call is not None else ""


def own_parameters(source: Source, _done: str) -> Edits:
    """All of a network where the optimizer was given a part: `model.encoder` becomes `model`."""
    made = optimizer(source)
    given = argument(made, "params", 0) if made is not None else None
    if not isinstance(given, ast.Call) or not isinstance(given.func, ast.Attribute):
        return None
    part = given.func.value
    if given.func.attr != "parameters" or not isinstance(part, ast.Attribute):
        return None
    whole = part.value
    if not isinstance(whole, ast.Name) or whole.id == "self":
        return None
    return [source.put(part, whole.id)]


def warm_up(source: Source, done: str) -> Edits:
    """A scheduler that lets the rate grow, stepped after the optimizer."""
    made, call = optimizer(source), step(source)
    told = re.search(r"over the first (\d+) steps", done)
    if made is None or call is None or told is None or schedulers(source):
        return None
    name = target(source, made)
    if not name or not same_scope(source, made, call) or not _has_torch(source):
        return None
    line = (
        f"warm_up = torch.optim.lr_scheduler.LambdaLR(\n    {name}, "
        f"lambda step: min(1.0, (step + 1) / {told[1]})\n)"
    )
    return _together([source.after(made, line), source.after(call, "warm_up.step()")])


def bfloat16(source: Source, _done: str) -> Edits:
    """Autocast blocks in bfloat16."""
    halves = {"torch.float16", "torch.half"}
    given = [
        one
        for call in source.calls(lambda name: name.rpartition(".")[2] == "autocast")
        for one in (*call.args, *(pair.value for pair in call.keywords))
    ]
    found = [
        source.put(one, f"{source.of(one.value)}.bfloat16")
        for one in given
        if source.full(one) in halves and isinstance(one, ast.Attribute)
    ]
    return found or None


def larger_batch(source: Source, _done: str) -> Edits:
    """Eight times the batch of the only DataLoader that shuffles."""
    loaders = source.calls(lambda name: name.startswith("torch.utils.data") and name.endswith(".DataLoader"))  # fmt: skip  # noqa: E501
    shuffled = [
        one for one in loaders
        if isinstance(told := argument(one, "shuffle", 2), ast.Constant) and told.value is True
    ]  # fmt: skip
    loader = only(shuffled)
    size = argument(loader, "batch_size", 1) if loader is not None else None
    if loader is None or size is None:
        return None
    value = number(size)
    found = [source.put(size, f"{8 * int(value)}" if value else times(source, size, 8))]
    if argument(loader, "drop_last") is None:
        found.append(source.keyword(loader, "drop_last", "True"))
    return found


def _is_argument(source: Source, node: ast.AST, name: str) -> bool:
    scope = source.scope(node)
    return isinstance(scope, ast.FunctionDef) and any(one.arg == name for one in scope.args.args)


def _has_torch(source: Source) -> bool:
    return source.names.get("torch") == "torch"


def _together(edits: list[Edit | None]) -> Edits:
    """All edits, or none where one has no place."""
    found = [one for one in edits if one is not None]
    return found if len(found) == len(edits) else None
