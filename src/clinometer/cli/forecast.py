"""`clinometer forecast`: gains at initialisation, measured beside theory, before any training."""

from __future__ import annotations

import ast
import json
from typing import Any

import click

from clinometer.errors import ForecastError, RequirementError

HELP = """Gains at initialisation, measured beside theory, before any training.

MODULE:FACTORY is a function or class that makes the model; the module is looked for in the current
folder first. One random batch of standard normal numbers goes forwards and back through a copy.

\b
  clinometer forecast models:make_cnn --input-shape 3,32,32
  clinometer forecast models:Net --set width=256 --input-shape 128
  clinometer forecast models:make_lm --input-shape 64 --dtype int64 --high 32000
  clinometer forecast models:Two --input-shape image=3,32,32 --input-shape table=12
  clinometer forecast models:Net --input-shape 128 --widths 64,128,256
  clinometer forecast models:Net --input-shape 128 --gain -0.1,0.1     for CI

\b
What it says:
  gains       of each layer, its weights and its activation, beside mean-field theory;
              no prediction where theory does not speak (normalisation, meeting paths)
  depth       at which float32, bfloat16 and float16 no longer carry the gradient
  inits       what Glorot, He, orthogonal and unit-output weights would give
  widths      whether the size of an output goes with the width

Exit code: 0; 1 where --gain or --carried-by is not met; 2 where the model cannot be measured.
"""
UNMET = 1


@click.command(help=HELP)
@click.argument("target", metavar="MODULE:FACTORY")
@click.option(
    "--input-shape", "shapes", multiple=True, required=True, metavar="[NAME=]N,N",
    help="Shape of one example, without the batch; again for each further input.",
)  # fmt: skip
@click.option(
    "--dtype", "dtypes", multiple=True, default=("float32",), show_default=True,
    type=click.Choice(["float32", "float64", "float16", "bfloat16", "int64", "int32", "bool"]),
    help="Of the inputs: one for all, or one for each.",
)  # fmt: skip
@click.option("--high", type=click.IntRange(1), default=2, show_default=True,
              help="Whole numbers are drawn from 0 to below this.")  # fmt: skip
@click.option("--batch", "rows", type=click.IntRange(1), default=32, show_default=True,
              help="Examples in the batch.")  # fmt: skip
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE",
              help="An argument of the factory; again for each further one.")  # fmt: skip
@click.option("--widths", metavar="N,N,N", help="Check how sizes go with the width, at these.")
@click.option("--width-argument", default="width", show_default=True,
              help="The factory's argument that sets the width.")  # fmt: skip
@click.option("--gain", metavar="LOW,HIGH", help="Require every layer's gain within [decades].")
@click.option(
    "--carried-by", type=click.Choice(["float32", "bfloat16", "float16"]),
    help="Require that this dtype carries the gradient at every layer.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print schema 1 JSON instead of text.")
def command(
    target: str,
    shapes: tuple[str, ...],
    dtypes: tuple[str, ...],
    high: int,
    rows: int,
    settings: tuple[str, ...],
    widths: str | None,
    width_argument: str,
    gain: str | None,
    carried_by: str | None,
    as_json: bool,
) -> int:
    bounds = _pair(gain)
    tried = _numbers(widths, "--widths") if widths else ()
    inputs = [_shape(shape) for shape in shapes]
    found = _forecast(
        target,
        dict(_setting(one) for one in settings),
        inputs,
        dtypes,
        rows,
        high,
        tried,
        width_argument,
    )
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2, allow_nan=False))
    else:
        from clinometer.reports.forecast_text import forecast_text

        click.echo(forecast_text(found), nl=False)
    try:
        found.require(gain=bounds, carried_by=carried_by)
    except RequirementError as unmet:
        click.echo(f"{type(unmet).__name__}: {unmet}", err=True)
        return UNMET
    return 0


def _forecast(
    target: str,
    settings: dict[str, Any],
    inputs: list[tuple[str, tuple[int, ...]]],
    dtypes: tuple[str, ...],
    rows: int,
    high: int,
    widths: tuple[int, ...],
    width_argument: str,
) -> Any:
    """Measured with seeds of its own: the same command gives the same report."""
    try:
        from clinometer.treatment.forecast import forecast
    except ImportError:
        raise ForecastError(
            "a forecast runs the model and needs PyTorch, which is not installed: "
            "pip install 'clinometer[torch]'"
        ) from None
    from clinometer.treatment.forecast_factory import batch, factory, seeded

    seeded()
    make = factory(target, settings)
    return forecast(
        make, batch(inputs, dtypes, rows, high), widths=widths, width_argument=width_argument
    )


def _shape(text: str) -> tuple[str, tuple[int, ...]]:
    name, equals, numbers = text.rpartition("=")
    return (name if equals else ""), _numbers(numbers, "--input-shape")


def _numbers(text: str, option: str) -> tuple[int, ...]:
    try:
        found = tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        found = (0,)
    if any(one < 1 for one in found):
        raise click.BadParameter(
            f"{text!r}: expected whole numbers above 0, such as 3,32,32", param_hint=option
        )
    return found


def _pair(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(
            f"{text!r}: expected two numbers in decades, such as -0.1,0.1", param_hint="--gain"
        ) from None
    return low, high


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"{text!r}: expected NAME=VALUE", param_hint="--set")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value  # a word
