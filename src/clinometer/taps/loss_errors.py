"""Terms of a loss that measure a distance to the target: squared, absolute, and those between."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from clinometer.taps.roles import NODE_ACTIVATION
from clinometer.taps.term import Above, Take, Term, below, number

MOST_OUTPUTS = 1_024  # moments of a target with more outputs than this are not kept
MOST_COLUMNS = 64  # the samples of more outputs than this are pooled
MOST_SAMPLED = 1_024  # targets that one look takes
REDUCTIONS = frozenset({"MeanBackward0", "MeanBackward1", "SumBackward0", "SumBackward1"})
Distance = Callable[[Any, torch.Tensor], torch.Tensor]


def squared_error(node: Any, take: Take, _above: Above) -> Term | None:
    """Squared error; with the moments of its targets, and who is right where they are labels."""
    found = _guess_and_target(node)
    if found is None:
        return None
    guess, target, fixed = found
    examples, columns = take(number(target.numel(), target)), _by_column(target)
    right = judged = moments = sample = None
    facts: dict[str, Any] = {}
    if fixed:
        right, judged = _right(node, guess.reshape(columns.shape), columns, take)
        sample, facts = _sample(columns, take)
        if columns.shape[1] <= MOST_OUTPUTS:
            moments = take(columns.sum(dim=0)), take(columns.square().sum(dim=0)), len(columns)
    return Term(
        name="squared_error",
        examples=examples,
        total=take((guess - target).square().sum()),
        right=right,
        judged=judged,
        moments=moments,
        sample=sample,
        facts=facts,
    )


def _smooth_l1(node: Any, error: torch.Tensor) -> torch.Tensor:
    beta, size = node._saved_beta, error.abs()
    return torch.where(size < beta, error.square() / (2 * beta), size - beta / 2)


def _huber(node: Any, error: torch.Tensor) -> torch.Tensor:
    delta, size = node._saved_delta, error.abs()
    return torch.where(size <= delta, error.square() / 2, delta * (size - delta / 2))


def _blunt(
    name: str, distance: Distance, parameter: str, node: Any, take: Take, _above: Above
) -> Term | None:
    found = _guess_and_target(node)
    if found is None:
        return None
    guess, target, fixed = found
    sample, facts = _sample(_by_column(target), take) if fixed else (None, {})
    return Term(
        name=name,
        examples=take(number(target.numel(), target)),
        total=take(distance(node, guess - target).sum()),
        sample=sample,
        facts=facts | {parameter: float(getattr(node, f"_saved_{parameter}"))},
    )


smooth_l1 = partial(_blunt, "smooth_l1", _smooth_l1, "beta")
huber = partial(_blunt, "huber", _huber, "delta")


def absolute_error(node: Any, take: Take, above: Above) -> Term | None:
    """mean |guess - target|: what F.l1_loss is made of. The target is told where the guess is at hand."""
    difference = node.next_functions[0][0]
    if type(difference).__name__ != "SubBackward0" or difference._saved_alpha != 1:
        return None
    ways = [way for way, _ in difference.next_functions]
    if len(ways) != 2 or (ways[0] is None) == (ways[1] is None):
        return None
    if not set(above.kinds(node)) <= REDUCTIONS or above.kinds(difference) != [type(node).__name__]:
        return None
    at = 0 if ways[0] is not None else 1
    source = below(difference, at)
    inner = source
    while inner is not None and above.holds(inner) and type(inner).__name__ in NODE_ACTIVATION:
        inner = below(inner)
    if inner is None or above.holds(inner):
        return None  # a distance of something else: a penalty
    error = node._saved_self.detach().double()
    guess, sample = above.made(source), None
    facts: dict[str, Any] = {}
    if guess is not None and guess.numel() == error.numel():
        guess = guess.detach().double().reshape(error.shape)
        target = guess - error if at == 0 else guess + error
        sample, facts = _sample(_by_column(target), take)
    return Term(
        name="absolute_error",
        examples=take(number(error.numel(), error)),
        total=take(error.abs().sum()),
        sample=sample,
        facts=facts,
    )


def _guess_and_target(node: Any) -> tuple[torch.Tensor, torch.Tensor, bool] | None:
    """(guess, target, whether the target is data), float64; the target may have been given first."""
    guess, target = node._saved_self.detach().double(), node._saved_target.detach().double()
    if guess.shape != target.shape:
        return None
    ways = [way for way, _ in node.next_functions]
    if ways[0] is None:
        guess, target = target, guess
    return guess, target, len(ways) < 2 or None in ways


def _by_column(target: torch.Tensor) -> torch.Tensor:
    """(rows, outputs)"""
    if not target.numel():
        return target.reshape(0, 1)
    return target.reshape(len(target), -1) if target.ndim else target.reshape(1, 1)


def _sample(columns: torch.Tensor, take: Take) -> tuple[tuple[int, int] | None, dict[str, Any]]:
    """Some rows of the targets, at an odd step: one does not keep time with rows of even number."""
    if not columns.numel():
        return None, {}
    facts: dict[str, Any] = {}
    if columns.shape[1] > MOST_COLUMNS:
        columns, facts = columns.reshape(-1, 1), {"pooled": True}
    step = -(-len(columns) * columns.shape[1] // MOST_SAMPLED)
    part = columns[:: step + 1 - step % 2]
    return (take(part.reshape(-1)), part.shape[1]), facts


def _right(
    node: Any, guess: torch.Tensor, target: torch.Tensor, take: Take
) -> tuple[int | None, int | None]:
    """(who is right, how many can be) where the targets are labels; none can be where they are not.

    Labels are rows with a single 1 among zeros; or, in one column, zeros and ones, where the guess is
    a sigmoid or looks like a probability.
    """
    hard = ((target == 0) | (target == 1)).all()
    if target.shape[1] > 1:
        labelled = hard & (target.sum(dim=1) == 1).all()
        hits = guess.argmax(dim=1) == target.argmax(dim=1)
    else:
        labelled = hard
        if not _is_sigmoid(node):
            labelled = labelled & ((guess >= 0) & (guess <= 1)).all()
        hits = ((guess > 0.5) == (target > 0.5))[:, 0]
    return take((hits & labelled).double()), take(labelled.double() * len(target))


def _is_sigmoid(node: Any) -> bool:
    position = next(i for i, (way, _) in enumerate(node.next_functions) if way is not None)
    return type(below(node, position)).__name__ == "SigmoidBackward0"
