"""A script as a syntax tree over its text, and small changes of that text."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Edit(NamedTuple):
    """Text in place of what stands between two offsets."""

    start: int
    end: int
    text: str


@dataclass(eq=False)
class Source:
    """A script that parses.

    Attributes
    ----------
    text : with line ends as Python reads them
    tree : its syntax

    Raises
    ------
    SyntaxError : of a text that is no Python.
    """

    text: str
    tree: ast.Module = field(init=False)

    def __post_init__(self) -> None:
        self.tree = ast.parse(self.text)

    # -- looking -------------------------------------------------------------------------------------

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """The node around each node."""
        return {
            inner: outer for outer in ast.walk(self.tree) for inner in ast.iter_child_nodes(outer)
        }

    @cached_property
    def names(self) -> dict[str, str]:
        """What imported names stand for: {"F": "torch.nn.functional"}."""
        found: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for one in node.names:
                    top = one.name.partition(".")[0]
                    found[one.asname or top] = one.name if one.asname else top
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for one in node.names:
                    found[one.asname or one.name] = f"{node.module}.{one.name}"
        return found

    def full(self, node: ast.AST) -> str:
        """A dotted name as it would be without import aliases; "" for anything else."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            inner = self.full(node.value)
            return f"{inner}.{node.attr}" if inner else ""
        return ""

    def of(self, node: ast.AST) -> str:
        """The text of a node."""
        start, end = self.span(node)
        return self.text[start:end]

    def calls(self, wanted: Callable[[str], bool]) -> list[ast.Call]:
        """Calls of functions by their full names, in the order of the text."""
        found = [
            n for n in ast.walk(self.tree) if isinstance(n, ast.Call) and wanted(self.full(n.func))
        ]
        return sorted(found, key=lambda one: (one.lineno, one.col_offset))

    def methods(self, name: str) -> list[ast.Call]:
        """Calls `something.name(...)`, in the order of the text."""
        found = [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == name
        ]
        return sorted(found, key=lambda one: (one.lineno, one.col_offset))

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """What encloses a node, from inside out."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def statement(self, node: ast.AST) -> ast.stmt:
        """The statement that a node stands in."""
        if isinstance(node, ast.stmt):
            return node
        return next(one for one in self.around(node) if isinstance(one, ast.stmt))

    def scope(self, node: ast.AST) -> ast.AST:
        """The function around a node, or the module."""
        functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.Module)
        return next(one for one in self.around(node) if isinstance(one, functions))

    # -- changing ------------------------------------------------------------------------------------

    @cached_property
    def _starts(self) -> list[int]:
        starts = [0]
        for line in self.text.split("\n"):
            starts.append(starts[-1] + len(line) + 1)
        return starts

    def _offset(self, line: int, column: int) -> int:
        """Of a place as `ast` counts it: lines from 1, columns in bytes of UTF-8."""
        start = self._starts[line - 1]
        row = self.text[start : self._starts[line] - 1]
        return start + len(row.encode()[:column].decode())

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Offsets of a node's text."""
        place = node.lineno, node.col_offset  # type: ignore[attr-defined]
        until = node.end_lineno, node.end_col_offset  # type: ignore[attr-defined]
        return self._offset(*place), self._offset(*until)

    def put(self, node: ast.AST, text: str) -> Edit:
        """A node's text, replaced."""
        return Edit(*self.span(node), text)

    def before(self, node: ast.AST, block: str) -> Edit | None:
        """Lines before the statement of a node; None where it shares its line with another."""
        statement = self.statement(node)
        start = self._starts[statement.lineno - 1]
        lead = self.text[start : self.span(statement)[0]]
        if lead.strip():
            return None
        return Edit(start, start, _indented(block, lead))

    def after(self, node: ast.AST, block: str) -> Edit | None:
        """Lines after the statement of a node; None where it shares its line with another."""
        statement = self.statement(node)
        start, end = self.span(statement)
        lead = self.text[self._starts[statement.lineno - 1] : start]
        stop = self._starts[statement.end_lineno or statement.lineno]
        rest = self.text[end:stop].strip()
        if lead.strip() or (rest and not rest.startswith("#")):
            return None
        newline = "" if self.text[:stop].endswith("\n") else "\n"
        stop = min(stop, len(self.text))
        return Edit(stop, stop, newline + _indented(block, lead))

    def keyword(self, call: ast.Call, name: str, value: str, position: int = -1) -> Edit:
        """An argument of a call, set: in its place where it is there, else added at the end."""
        known = argument(call, name, position)
        if known is not None:
            return self.put(known, value)
        start, end = self.span(call)
        inner = self.text[start : end - 1].rstrip()
        stop = start + len(inner)
        begin = "" if inner.endswith("(") else (" " if inner.endswith(",") else ", ")
        return Edit(stop, stop, f"{begin}{name}={value}")

    def changed(self, edits: list[Edit]) -> str:
        """The text with all edits made."""
        text = self.text
        for edit in sorted(edits, reverse=True):
            text = text[: edit.start] + edit.text + text[edit.end :]
        return text


def _indented(block: str, lead: str) -> str:
    return "".join(f"{lead}{line}\n" if line else "\n" for line in block.splitlines())


def argument(call: ast.Call, name: str, position: int = -1) -> ast.expr | None:
    """An argument by name, or by place; None where it is not given."""
    for one in call.keywords:
        if one.arg == name:
            return one.value
    plain = 0 <= position < len(call.args)
    return call.args[position] if plain and not _starred(call) else None


def _starred(call: ast.Call) -> bool:
    return any(isinstance(one, ast.Starred) for one in call.args)


def only(found: list[T]) -> T | None:
    """The one there is; None where there are none or several."""
    return found[0] if len(found) == 1 else None


def number(node: ast.AST | None) -> float | None:
    """The value of a number that is written out."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return None if isinstance(node.value, bool) else float(node.value)
    return None


def times(source: Source, node: ast.expr, factor: float) -> str:
    """An expression multiplied: worked out where it is a number, to 12 digits, else written as a product."""
    value = number(node)
    if value is not None:
        return repr(float(f"{value * factor:.12g}"))
    plain = isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call)
    return f"{factor:g} * {source.of(node) if plain else f'({source.of(node)})'}"
