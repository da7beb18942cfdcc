"""The reference page of the remedies that can be tried, from what each of their files declares.

When a remedy cannot be tried is read from its code: every reason that `apply`, and what it calls, may give.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import FunctionType, ModuleType
from typing import Any

from clinometer.diagnosis.remedies import REMEDIES, in_words
from clinometer.treatment.patient import Patient
from clinometer.treatment.remedy import Remedy, all_remedies
from clinometer.treatment.script import EDITS, WEIGHTS

OURS = "clinometer.treatment."
WIDTH = 100  # columns of a paragraph's source
ASPECTS = {
    "weights": "First weights",
    "network": "The network",
    "data": "The data",
    "loss": "The loss",
    "step": "The step",
    "numbers": "Number formats",
    "wiring": "The wiring",
}
MOMENTS = {"running": "from the running state", "start": "from a new start"}
INTRO = """A remedy is a change that [`clinometer treat`](../treat.md) makes to a copy of your training, in
memory: your files are never edited. `--remedy NAME` tries one, whatever was found; else the findings of the
run name what is tried.

*From the running state* means at the middle of the run, with its weights and optimizer state; *from a new
start* means before the first step. Against a fault that ruins the running state
([which](../treat.md#how-a-trial-is-made)) every remedy is tried from a new start.

Below stands when each is not tried. *Not applicable* is an answer, and the report gives the reason; here
`...` is a value of the run.
"""


def remedies_page(rules: Iterable[ModuleType]) -> str:
    """The page: a table of all remedies, then a section for each, then what only a person can try."""
    known = all_remedies()
    named = names_by_remedy(rules)
    text = f"# Remedies\n\n{INTRO}\n"
    for aspect, title in ASPECTS.items():
        rows = "".join(
            f"| [{name}](#{name}) | {prose(in_words(name))} | {MOMENTS[one.moment]} |\n"
            for name, one in known.items()
            if one.changes == aspect
        )
        if rows:
            text += f"\n## {title}\n\n| remedy | in words | tried |\n|---|---|---|\n{rows}"
    text += "\n## Each of them\n"
    text += "".join(section(one, named.get(name, ())) for name, one in known.items())
    return text + by_hand([name for name in REMEDIES if name not in known], named)


def anchor(name: str) -> str:
    """Where the page speaks of a remedy."""
    return name if name in all_remedies() else "by-hand-only"


def names_by_remedy(rules: Iterable[ModuleType]) -> dict[str, list[str]]:
    """Links to the rules that name a remedy."""
    found: dict[str, list[str]] = {}
    for rule in sorted((module.RULE for module in rules), key=lambda one: str(one.code)):
        link = f"[{rule.code}](rules/{rule.code.lower()}-{rule.name}.md)"
        for name in rule.remedies:
            found.setdefault(name, []).append(link)
    return found


def section(one: Remedy, rules: Sequence[str]) -> str:
    """What one remedy does, when it is not tried, and its lines."""
    module = sys.modules[one.apply.__module__]
    told = f"{inspect.getdoc(module) or ''}\n\n{inspect.getdoc(one.apply) or ''}"
    text = f"\n### {one.name}\n\n{paragraphs(told)}\n"
    facts = [f"Tried {MOMENTS[one.moment]}"]
    if one.new_loss:
        facts.append("[the loss is another quantity afterwards](../treat.md#how-it-is-judged)")
    facts.append(f"named by {', '.join(rules)}" if rules else "named by no rule")
    text += f"\n{'; '.join(facts)}.\n"
    if reasons := list(dict.fromkeys(reasons_of(one.apply))):
        text += "\nNot applicable where:\n\n"
        text += "".join(f"- {prose(reason)}\n" for reason in reasons)
    diff = one.name in EDITS or one.name in WEIGHTS
    text += f"\nThe change, {'a diff where its place can be told, else as lines' if diff else 'as lines'}:\n"
    return f"{text}\n```python\n{one.lines.rstrip()}\n```\n"


def by_hand(names: Sequence[str], named: Mapping[str, Sequence[str]]) -> str:
    """What the report lists under *By hand*."""
    text = "\n## By hand only\n\nThese ask for a decision, for other data or for another network. "
    text += "A report names them; no trial is made.\n\n| advice | in words | named by |\n|---|---|---|\n"
    return text + "".join(
        f"| {name} | {prose(in_words(name))} | {', '.join(named.get(name, ())) or '-'} |\n"
        for name in names
    )


# -- Markdown ------------------------------------------------------------------------------------


def paragraphs(text: str) -> str:
    """Docstrings as paragraphs."""
    parts = [re.sub(r"\s+", " ", part).strip() for part in text.split("\n\n")]
    return "\n\n".join(
        textwrap.fill(prose(part), WIDTH, break_long_words=False, break_on_hyphens=False)
        for part in parts
        if part
    )


def prose(text: str) -> str:
    """Plain text in which nothing is markup but `code`."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([*_<>|\[\]])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


# -- reasons -------------------------------------------------------------------------------------


def reasons_of(apply: Any) -> Iterator[str]:
    """Every reason for not applicable in a function, and in what of ours it calls."""
    waiting, met = [apply], set()
    while waiting:
        one = waiting.pop(0)
        if one in met:
            continue
        met.add(one)
        tree = ast.parse(textwrap.dedent(inspect.getsource(one)))
        space = vars(sys.modules[one.__module__])
        yield from raised(tree, space)
        waiting += called(tree, space)


def raised(tree: ast.AST, space: Mapping[str, Any]) -> Iterator[str]:
    """Messages of `NotApplicable(...)`, and what `required` and its kin are handed as a reason."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id == "NotApplicable":
            yield from filter(None, spoken(node.args[0], space))
        elif node.func.id == "required":
            yield from filter(None, spoken(node.args[-1], space))


def spoken(node: ast.expr, space: Mapping[str, Any]) -> list[str]:
    """What a string in the code may say; a value that only a run knows is "..."; [] of a mere argument."""
    if isinstance(node, ast.Constant):
        return [str(node.value)]
    if isinstance(node, ast.Name):
        value = space.get(node.id)
        return [value] if isinstance(value, str) else []
    if isinstance(node, ast.IfExp):
        return [*spoken(node.body, space), *spoken(node.orelse, space)]
    if isinstance(node, ast.BinOp):
        after = spoken(node.right, space) or ["..."]
        return [one + two for one in spoken(node.left, space) for two in after]
    if isinstance(node, ast.JoinedStr):
        parts = [str(one.value) if isinstance(one, ast.Constant) else "..." for one in node.values]
        return ["".join(parts)]
    return []


def called(tree: ast.AST, space: Mapping[str, Any]) -> Iterator[Any]:
    """Our own functions and classes that code refers to, and the patient's methods."""
    for node in ast.walk(tree):
        found: Any = None
        if isinstance(node, ast.Name):
            found = space.get(node.id)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "patient":
            found = inspect.getattr_static(Patient, node.attr, None)
        found = inspect.unwrap(getattr(found, "fget", found)) if found is not None else None
        ours = getattr(found, "__module__", "").startswith(OURS)
        error = isinstance(found, type) and issubclass(found, Exception)
        if ours and isinstance(found, FunctionType | type) and not error:
            yield found
