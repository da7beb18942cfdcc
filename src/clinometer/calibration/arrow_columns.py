"""Which columns of a Parquet or Arrow table are the label, the scores, the weight and the group.

Read in memory or in one pass, the same columns mean the same: this file is the one place that says so.
`label` beside `logits` / `probabilities` (a list of K numbers a row, or one number), or one column a
class: `logit_NAME` / `prob_NAME`; `row_weight` or `sample_weight` is the importance of a row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from clinometer.errors import PredictionsError

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["logits", "probabilities"]
PREFIXES: tuple[tuple[str, Kind], ...] = (("logit_", "logits"), ("prob_", "probabilities"))
ONE_COLUMN: dict[str, Kind] = {"logits": "logits", "logit": "logits"}
ONE_COLUMN |= {"probabilities": "probabilities", "probability": "probabilities"}
ONE_COLUMN |= {"prob": "probabilities"}
WEIGHTS = ("row_weight", "sample_weight")  # `weight` alone is the user's own quantity, or a model's


@dataclass(frozen=True, slots=True)
class ArrowColumns:
    """The columns that a judgement reads, and no other.

    Attributes
    ----------
    kind : what the scores are
    scores : one name a class, or the name of the one column
    listed : whether that one column holds a list of K numbers a row
    classes : class names from the headings; None where labels number the columns. One named column
        is the class that its score speaks for.
    """

    kind: Kind
    scores: tuple[str, ...]
    listed: bool
    classes: tuple[str, ...] | None
    label: str = "label"
    weight: str | None = None
    group: str | None = None

    @property
    def names(self) -> list[str]:
        """All columns to read, each once, in a fixed order."""
        optional = [name for name in (self.weight, self.group) if name is not None]
        return list(dict.fromkeys([self.label, *self.scores, *optional]))


def arrow_columns(
    schema: pa.Schema, *, source: str, group: str | None = None, weight: str | None = None
) -> ArrowColumns:
    """Find the columns of a schema; `group` and `weight` name columns that must be there.

    Raises
    ------
    PredictionsError : a column that is missing, occurs twice or is not numeric: with what was found.
    """
    found = list(schema.names)
    _checked(source, found, ["label", *(name for name in (group, weight) if name is not None)])
    kind, scores = _scores(source, found)
    listed = len(scores) == 1 and _is_list(schema.field(scores[0]).type)
    for name in scores:
        _numeric(source, name, schema.field(name).type)
    prefixed = scores[0].startswith(tuple(prefix for prefix, _ in PREFIXES))
    names = tuple(name.split("_", 1)[1] for name in scores) if prefixed else None
    if names is not None and not _named(schema.field("label").type, names):
        names = None
    weight = weight or next((name for name in WEIGHTS if name in found), None)
    if weight is not None:
        _numeric(source, weight, schema.field(weight).type)
    return ArrowColumns(kind, scores, listed, names, "label", weight, group)


def _checked(source: str, found: list[str], needed: list[str]) -> None:
    shown = ", ".join(found[:20]) + (", …" if len(found) > 20 else "")
    for name in needed:
        if name not in found:
            raise PredictionsError(
                f"{source}: found columns {shown or 'none'}; expected one called {name}"
            )
    if len(set(found)) < len(found):
        twice = next(name for name in found if found.count(name) > 1)
        raise PredictionsError(f"{source}: the column {twice} occurs twice: rename one")


def _scores(source: str, found: list[str]) -> tuple[Kind, tuple[str, ...]]:
    for prefix, kind in PREFIXES:
        names = tuple(name for name in found if name.startswith(prefix))
        if names:
            return kind, names
    for name, kind in ONE_COLUMN.items():
        if name in found:
            return kind, (name,)
    others = ", ".join([name for name in found if name != "label"][:20])
    raise PredictionsError(
        f"{source}: found columns {others or 'none'} beside label; expected `logits` (a list of numbers "
        "a row, or one number), or logit_NAME or prob_NAME for each class"
    )


def _numeric(source: str, name: str, kind: Any) -> None:
    import pyarrow as pa

    inner = kind.value_type if _is_list(kind) else kind
    if not (
        pa.types.is_integer(inner) or pa.types.is_floating(inner) or pa.types.is_decimal(inner)
    ):
        raise PredictionsError(f"{source}: the column {name} is {kind}: expected numbers")


def _is_list(kind: Any) -> bool:
    import pyarrow as pa

    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _named(label: Any, names: tuple[str, ...]) -> bool:
    """Whether labels are the names of columns: text always, whole numbers where all names are such."""
    import pyarrow as pa

    if pa.types.is_dictionary(label):
        label = label.value_type
    if pa.types.is_string(label) or pa.types.is_large_string(label):
        return True
    return len(names) > 1 and all(re.fullmatch(r"[+-]?\d+", name) for name in names)
