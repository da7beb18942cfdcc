"""The change that a remedy asks for, as the user would write it: a diff of the script, or lines to add."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import PurePath
from typing import Any, Literal

from clinometer.treatment.edits import data, loss, network, normalisation, numbers, output, step
from clinometer.treatment.edits.source import Edit, Source

Find = Callable[[Source, str], "list[Edit] | None"]
EDITS: dict[str, Find] = {
    "lower-rate": step.lower_rate,
    "raise-rate": step.raise_rate,
    "change-optimizer": step.change_optimizer,
    "smaller-epsilon": step.smaller_epsilon,
    "weight-decay": step.weight_decay,
    "clip-gradient": step.clip_gradient,
    "zero-gradients": step.zero_gradients,
    "step-optimizer": step.step_optimizer,
    "own-parameters": step.own_parameters,
    "warm-up": step.warm_up,
    "bfloat16": step.bfloat16,
    "guard-root": numbers.guard_root,
    "larger-batch": step.larger_batch,
    "change-activation": network.change_activation,
    "add-nonlinearity": network.add_nonlinearity,
    "remove-normalisation": normalisation.remove_normalisation,
    "linear-output": output.linear_output,
    "standardise-input": data.standardise_input,
    "smooth-labels": loss.smooth_labels,
    "logits-with-matching-loss": loss.matching_loss,
    "sigmoid-for-one-unit": loss.one_unit,
    "softmax-over-classes": loss.over_classes,
}
WEIGHTS = ("scale-init", "fitted-init", "orthogonal-init", "random-init", "unfreeze-parameters")
RAISED = "*= 10"  # of the lines of raise-rate, which takes as many decades as are missing
CONTEXT = 3  # lines around a change, as diff and git have them


@dataclass(frozen=True)
class Change:
    """A change of a script.

    Attributes
    ----------
    kind : "diff" where the place can be told without doubt, else "lines"
    text : a unified diff that `git apply` and `patch -p1` take, or lines of Python
    where : in words, what the change belongs to
    """

    kind: Literal["diff", "lines"]
    text: str
    where: str


def change_of(remedy: str, source: str, path: str, done: str, finding: Mapping[str, Any]) -> Change:  # noqa: ARG001
    r"""The change for a remedy.

    Parameters
    ----------
    remedy : its name
    source : text of the script, which is never written to; "" where it could not be read
    path : of the script, as the diff is to name it
    done : what the trial said that it did, with its values
    finding : the treated finding, as in `report --json`; no edit needs it so far

    Returns
    -------
    Change : a diff only where its result is Python and differs from the script.

    >>> found = change_of("lower-rate", "opt = torch.optim.SGD(w, lr=0.02)", "a.py", "", {})
    >>> found.kind, found.text.splitlines()[-2:]  # the script's last line had no end
    ('diff', ['+opt = torch.optim.SGD(w, lr=0.002)', '\\ No newline at end of file'])
    """
    lines = _lines(remedy)
    after = _edited(remedy, source, done, lines)
    if after is None:
        lines = _with_value(lines, done)
        return Change("lines", lines, _place(lines, path))
    return Change(
        "diff", unified(source, after, path), f"{PurePath(path).name}: {_numbers(source, after)}"
    )


def edited(remedy: str, source: str, done: str = "") -> str | None:
    """The script with the change made; None where its place cannot be told."""
    return _edited(remedy, source, done, _lines(remedy))


def _edited(remedy: str, source: str, done: str, lines: str) -> str | None:
    find = EDITS.get(remedy)
    if find is None and remedy in WEIGHTS:
        find = partial(_weights, lines)
    if find is None or not source.strip():
        return None
    try:
        script = Source(source)
        edits = find(script, done)
        if not edits or _overlap(edits):
            return None
        after = script.changed(edits)
        Source(after)
    except (SyntaxError, ValueError, RecursionError):
        return None
    return after if after != source else None


def _weights(lines: str, source: Source, done: str) -> list[Edit] | None:
    return network.first_weights(source, lines, done)


def _overlap(edits: list[Edit]) -> bool:
    listed = sorted(edits)
    return any(one.end > after.start for one, after in pairwise(listed))


def unified(before: str, after: str, path: str) -> str:
    """A unified diff, with git's remark where the last line has no end."""
    name = PurePath(path).as_posix().lstrip("/")
    rows = difflib.unified_diff(
        _rows(before),
        _rows(after),
        f"a/{name}",
        f"b/{name}",
        n=CONTEXT,
    )
    return "".join(
        row if row.endswith("\n") else f"{row}\n\\ No newline at end of file\n" for row in rows
    )


def _rows(text: str) -> list[str]:
    """Lines with their ends; a form feed ends none."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _numbers(before: str, after: str) -> str:
    """Which lines of the script change."""
    matcher = difflib.SequenceMatcher(None, _rows(before), _rows(after), autojunk=False)
    found = [first + 1 for tag, first, *_ in matcher.get_opcodes() if tag != "equal"]
    return f"line {found[0]}" if len(found) == 1 else f"lines {', '.join(map(str, found))}"


def _lines(remedy: str) -> str:
    """The remedy's own lines; of one that cannot be tried from outside, its words."""
    from clinometer.diagnosis.remedies import in_words
    from clinometer.treatment.remedy import all_remedies

    known = all_remedies().get(remedy)
    return known.lines if known is not None else f"# {in_words(remedy)}\n"


def _with_value(lines: str, done: str) -> str:
    """Lines with the trial's temperature in place of its name, and its rate in place of one decade more."""
    if RAISED in lines and (rate := step.kept(done)):
        lines = lines.replace(RAISED, f"= {rate}").replace("before any", "without the")
    lines = lines.replace(RAISED, f"*= {step.raised(done):g}")
    told = re.match(r"temperature 1 -> (\S+)", done)
    return lines.replace("logits / temperature", f"logits / {told[1]}") if told else lines


def _place(lines: str, path: str) -> str:
    """Where lines belong: their first comment."""
    told = re.match(r"#\s*(.+)", lines)
    return f"{PurePath(path).name}: {told[1]}" if told else PurePath(path).name
