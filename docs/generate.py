"""Write the reference pages that come from the program: commands, rules, remedies, public names.

    python docs/generate.py [--out FOLDER]     default: docs/reference

The pages are committed, so that they can be read without building anything;
tests/test_docs_up_to_date.py writes them again and fails when one differs.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import inspect
import pkgutil
import re
import textwrap
import typing
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from click.testing import CliRunner
from remedy_page import anchor, remedies_page

import clinometer
from clinometer.cli import COMMANDS, group
from clinometer.diagnosis import rates
from clinometer.diagnosis.remedies import in_words
from clinometer.records import columns, coverage
from clinometer.store import schema

NOTE = "<!-- Written by docs/generate.py: change the program, then run `make docs`. -->\n\n"
RULE_SECTIONS = {
    "Sees": "What it sees",
    "Matters": "Why it matters",
    "Not this": "What only looks like it",
    "Limits": "Limits",
    "Source": "Source",
}
FAMILIES = {
    "FLOW1": "The unit",
    "FLOW2": "The chain",
    "FLOW3": "The step",
    "FLOW4": "The wiring",
    "FLOW5": "The numbers",
    "CONF1": "Scale",
    "CONF2": "The claim",
    "CONF3": "Stopping",
    "RUN1": "The recording",
}


def pages() -> Iterator[tuple[str, str]]:
    """Every generated page: its path below the reference folder, and its text."""
    yield from command_pages()
    yield from rule_pages()
    yield "remedies.md", NOTE + remedies_page(rule_modules())
    yield "recording.md", recording_page()
    yield "coverage.md", coverage_page()
    yield "python.md", public_page()
    yield "theory.md", modules_page("theory", "Theory: what should happen", "Closed forms.")
    yield "stats.md", modules_page("stats", "Statistics: what did happen", "Estimators on arrays.")


# -- commands ------------------------------------------------------------------------------------


def command_pages() -> Iterator[tuple[str, str]]:
    """One page a command, with the text of its `--help` at 80 columns."""
    names = [name for name in COMMANDS if importlib.util.find_spec(f"clinometer.cli.{name}")]
    for name in names:
        text = f"# clinometer {name}\n\n{COMMANDS[name]}\n\n```text\n{help_text(name)}```\n"
        yield f"commands/{name}.md", NOTE + text
    rows = "".join(f"| [`clinometer {name}`]({name}.md) | {COMMANDS[name]} |\n" for name in names)
    table = f"# Commands\n\n| command | does |\n|---|---|\n{rows}\n"
    yield "commands/index.md", f"{NOTE}{table}```text\n{help_text()}```\n\n{toc(names)}"


def help_text(*command: str) -> str:
    """What `clinometer COMMAND --help` prints on a terminal of 80 columns."""
    result = CliRunner().invoke(
        group, [*command, "--help"], prog_name="clinometer", terminal_width=80
    )
    if result.exit_code:
        raise RuntimeError(f"clinometer {' '.join(command)} --help: {result.output}")
    return "\n".join(line.rstrip() for line in result.output.splitlines()) + "\n"


# -- rules ---------------------------------------------------------------------------------------


def rule_pages() -> Iterator[tuple[str, str]]:
    """One page a rule, from the docstring of its file and the data of its `RULE`."""
    found = sorted(rule_modules(), key=lambda module: module.RULE.code)
    slugs = []
    rows = dict.fromkeys(FAMILIES, "")
    for module in found:
        rule = module.RULE
        slugs.append(f"{rule.code.lower()}-{rule.name}")
        title = split_docstring(inspect.getdoc(module) or "")[0]
        family = rule.code[:-2]
        row = f"| [{rule.code}]({slugs[-1]}.md) | {rule.name} | {title} |\n"
        rows[family] = rows.get(family, "") + row
        yield f"rules/{slugs[-1]}.md", NOTE + rule_page(module)
    index = (
        "# Rules\n\nA rule that could not be applied is reported as not judged, never as healthy.\n"
    )
    for family, body in rows.items():
        if body:
            heading = f"{FAMILIES.get(family, family)} ({family}xx)"
            index += f"\n## {heading}\n\n| code | name | sees |\n|---|---|---|\n{body}"
    yield "rules/index.md", NOTE + index + "\n" + toc(slugs)


def rule_modules() -> Iterator[ModuleType]:
    """The modules that declare a rule; none when there is no such folder yet."""
    if importlib.util.find_spec("clinometer.diagnosis") is None:
        return
    folder = importlib.import_module("clinometer.diagnosis.rules")
    for entry in pkgutil.iter_modules(folder.__path__):
        module = importlib.import_module(f"{folder.__name__}.{entry.name}")
        if hasattr(module, "RULE"):
            yield module


def rule_page(module: ModuleType) -> str:
    """A rule's page in Markdown."""
    rule = module.RULE
    title, sections = split_docstring(inspect.getdoc(module) or "")
    text = f"# {rule.code} {rule.name}\n\n{title}\n"
    limits = limits_table(getattr(rule, "limits", {}))
    for key, heading in RULE_SECTIONS.items():
        told = sections.get(key, "") + (limits if key == "Limits" else "")
        if told.strip():
            text += f"\n## {heading}\n\n{told.strip()}\n"
    if reads := getattr(rule, "reads", ()):
        text += f"\n## Reads\n\n{', '.join(f'`{name}`' for name in reads)}. "
        text += "Where one of them is missing or not finite, the report says that this rule was "
        text += "not judged.\n"
    if remedies := getattr(rule, "remedies", ()):
        text += "\n## What might help\n\n" + "".join(
            f"- {in_words(name)} ([`{name}`](../remedies.md#{anchor(name)}))\n" for name in remedies
        )
    return f"{text}\n## How often it is right\n\n{measured(rule.code)}"


def measured(code: str) -> str:
    """A rule's rates in the zoo: on scripts that its author never saw, then on those he did."""
    parts = {
        "On scripts that nobody who wrote a rule had seen": rates.HELD_OUT,
        "On the scripts that its limits were worked out on": rates.TUNED,
    }
    found = {where: rates.rate(code, part) for where, part in parts.items()}
    if not any(found.values()):
        return "Not measured yet.\n"
    lines = (f"- {where}: {rate_text(rate)}.\n" for where, rate in found.items())
    return (
        "".join(lines)
        + "\nIntervals are Wilson's, 95 %, over runs: several seeds of each script.\n"
    )


def rate_text(rate: rates.Rate | None) -> str:
    """Both rates in words."""
    if rate is None:
        return "not measured yet"
    recall = "no script has this fault"
    if rate.recall_interval:
        low, high = rate.recall_interval
        recall = f"found in {rate.detected} of {rate.sick} sick runs, 95 % interval "
        recall += f"{percent(low)} to {percent(high)}"
    if not rate.alarm_interval:
        return f"{recall}; no healthy script was run"
    alarms = f"false alarms in {rate.alarms} of {rate.healthy} healthy runs"
    return f"{recall}; {alarms}, at most {percent(rate.alarm_interval[1])}"


def percent(share: float) -> str:
    """A share in per cent, with a decimal where it is small."""
    return f"{100 * share:.{1 if share < 0.095 else 0}f} %"


def limits_table(limits: Mapping[str, float]) -> str:
    """The limits that the rule declares, as a table."""
    if not limits:
        return ""
    rows = "".join(f"| `{name}` | {value:g} |\n" for name, value in limits.items())
    return f"\n\n| quantity | limit |\n|---|---|\n{rows}"


def split_docstring(text: str) -> tuple[str, dict[str, str]]:
    """The first sentence, and the labelled paragraphs (`Sees`, `Matters` ...) unfolded."""
    title, _, body = text.partition("\n")
    labels = "|".join(map(re.escape, RULE_SECTIONS))
    parts = re.split(rf"^({labels})(?:\s*:)?\s+", body, flags=re.MULTILINE)
    unfold = (re.sub(r"\s+", " ", part).strip() for part in parts[2::2])
    return title.strip(), dict(zip(parts[1::2], unfold, strict=True))


# -- the recording -------------------------------------------------------------------------------

KINDS = {
    "call": "A layer's call",
    "parameter": "A parameter tensor",
    "loss": "A term of the loss",
}


def recording_page() -> str:
    """The recording's columns and tables, from the declarations that the program uses."""
    text = f"""# The recording

A recording, `run.clino`, is an SQLite database. It is readable while it is written and after its
process was killed: an observation is whole or absent. `clinometer.read(path)` turns it into plain
arrays; `Recording.to_pandas()` into one table. This is schema {columns.SCHEMA}: columns may be added, and old
recordings stay readable.

Each observation is one optimizer step seen in full. Its numbers are one packed row of
little-endian float32 for every site: a layer's call, a parameter tensor, a term of the loss.
"""
    for kind, listed in columns.COLUMNS.items():
        rows = "".join(f"| `{c.name}` | {c.unit} | {cell(c.meaning)} |\n" for c in listed)
        text += (
            f"\n## {KINDS.get(kind, kind)}\n\n| column | unit | meaning |\n|---|---|---|\n{rows}"
        )
    text += f"\n## Tables\n\n```sql\n{schema.TABLES.strip()}\n```\n"
    return f"{NOTE}{text}"


def coverage_page() -> str:
    """What is observed in which situation, with the test that shows it."""
    text = """# What is observed

A recording holds two things of each observed step: its *layers* (calls, activations, the gradient that
enters and leaves them) and its *parameters* (gradient, intended and stored step). This table says in
which situation which of them is recorded, as far as tests show it today; `clinometer doctor --coverage`
prints it too. The loss is recorded wherever a scalar is propagated back. What was not observed in a
run of yours is also said in its report.
"""
    for topic, situations in coverage.BY_TOPIC.items():
        text += f"\n## {topic}\n\n| situation | layers | parameters | what is seen | shown by |\n"
        text += "|---|---|---|---|---|\n"
        for one in situations:
            name = one.test.rpartition("::")[2]
            text += f"| {cell(one.name)} | {one.layers} | {one.parameters} | {cell(one.why)} | `{name}` |\n"
    return f"{NOTE}{text}"


def cell(text: str) -> str:
    """Text inside a table: a bar would end the cell."""
    return text.replace("|", "\\|")


# -- Python names --------------------------------------------------------------------------------


def public_page() -> str:
    """The names in `clinometer.__all__`; Sphinx fills in their docstrings."""
    text = "# Python\n\nThese names are public: `from clinometer import …`. "
    text += "Files behind them may change freely.\n\n"
    things = public_things()
    blocks = [directive(name, thing) for name, thing in things.items()]
    text += eval_rst("\n\n".join([".. currentmodule:: clinometer", *blocks]))
    if results := results_of(things.values()):
        text += "\n## What they take and return\n\n"
        names = (f"{thing.__module__}.{thing.__qualname__}" for thing in results)
        text += eval_rst("\n\n".join(f".. autoclass:: {name}\n   :members:" for name in names))
    return NOTE + text


OWN_PAGES = ("clinometer.theory.", "clinometer.stats.")  # whole packages with a page each


def results_of(things: Iterable[Any]) -> list[type]:
    """Our own classes that public things take, return or hold, in the order of first mention."""
    found: dict[type, None] = {}
    waiting = [hint for thing in things for hint in hints_of(thing)]
    while waiting:
        hint = waiting.pop(0)
        waiting += typing.get_args(hint)
        ours = inspect.isclass(hint) and hint.__module__.startswith("clinometer.")
        elsewhere = ours and hint.__module__.startswith(OWN_PAGES)
        if ours and not elsewhere and hint not in found and hint not in things:
            found[hint] = None
            waiting += hints_of(hint)
    return list(found)


def hints_of(thing: Any) -> list[Any]:
    """Types of a function's arguments and result, or of a class's fields and public methods."""
    holders = [thing]
    if inspect.isclass(thing):
        holders += [value for name, value in vars(thing).items() if not name.startswith("_")]
    hints: list[Any] = []
    for holder in holders:
        try:
            hints += typing.get_type_hints(getattr(holder, "fget", holder)).values()
        except (NameError, TypeError):  # types of other projects, or no annotations at all
            continue
    return hints


def public_things() -> dict[str, Any]:
    """The public names that are written already; a test says which are not."""
    found = {}
    for name in clinometer.__all__:
        try:
            found[name] = getattr(clinometer, name)
        except ModuleNotFoundError as error:
            if not str(error.name).startswith("clinometer."):
                raise
    return found


def directive(name: str, thing: Any) -> str:
    """The autodoc directive for one public name."""
    if inspect.isclass(thing):
        return f".. autoclass:: {name}\n   :members:"
    return f".. autofunction:: {name}"


def modules_page(package: str, title: str, lead: str) -> str:
    """Every public function of a package's modules; Sphinx fills in their docstrings."""
    text = f"# {title}\n\n{lead} Pure functions: no PyTorch, no files, no clock. "
    text += "These modules are documented because a report's numbers come from them; "
    text += "their names may still change.\n\n"
    if importlib.util.find_spec(f"clinometer.{package}") is None:
        return NOTE + text
    folder = importlib.import_module(f"clinometer.{package}")
    for entry in pkgutil.iter_modules(folder.__path__):
        if entry.name.startswith("_"):
            continue
        text += f"## {package}.{entry.name}\n\n"
        text += eval_rst(f".. automodule:: clinometer.{package}.{entry.name}\n   :members:") + "\n"
    return NOTE + text.rstrip() + "\n"


# -- Markdown ------------------------------------------------------------------------------------


def toc(names: list[str]) -> str:
    """A hidden table of contents."""
    return "```{toctree}\n:hidden:\n\n" + "".join(f"{name}\n" for name in names) + "```\n"


def eval_rst(text: str) -> str:
    """A directive in reStructuredText inside a Markdown page."""
    return f"```{{eval-rst}}\n{text}\n```\n"


def write(out: Path) -> None:
    """Write all pages below `out`; a page that is no longer produced is removed."""
    fresh = dict(pages())
    for folder in ("commands", "rules"):
        for old in (out / folder).glob("*.md"):
            if old.relative_to(out).as_posix() not in fresh:
                old.unlink()
    for name, text in fresh.items():
        page = out / name
        page.parent.mkdir(parents=True, exist_ok=True)
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")


def main() -> None:
    """Parse the command line and write."""
    parser = argparse.ArgumentParser(description=textwrap.dedent(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "reference")
    write(parser.parse_args().out)


if __name__ == "__main__":
    main()
