"""`clinometer confidence`: one model's claim against its record."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clinometer.cli.options import alpha_option, weight_option

if TYPE_CHECKING:
    from clinometer.calibration.stream_workers import Backend

HELP = """One model: is its confidence earned?

PREDICTIONS holds labels and predictions of one classifier on rows that it was not trained on
(.npz, .csv, .parquet, .arrow, or a folder of the two last). The confidence it claims is held against
how often it is right; the loss is split into what a temperature would remove and what stays; and it
is said what so few rows can support.

\b
  clinometer confidence preds.csv                  the verdict, its evidence, the detail
  clinometer confidence preds.csv --group well     by well too: rows of a well hang together
  clinometer confidence preds.csv --json           everything, for programs
  clinometer confidence preds.csv --plot figures   reliability diagram and more, png and svg
  clinometer confidence epoch*.npz                 a run, one file an epoch: where to stop
  clinometer confidence big/ --workers 8           past memory: one pass, running sums

\b
Verdicts:
  earned      it is right as often as it says, within the margin
  unearned    the rows refute the claim
  unproven    too few rows for the claim
  undecided   rows and groups disagree

\b
A predictions file has one row an example:
  label            whole numbers from 0, or names
  logit_NAME       one column a class, or one column `logit`; logits (n, K) in an .npz
  prob_NAME        the same where only probabilities are left (their tails are lost)
  any other column may be named by --group or --weight

Exit code: 0 whatever the verdict, 2 for input that cannot be used.
"""


@click.command(help=HELP)
@click.argument("predictions", nargs=-1, required=True)
@click.option(
    "--group", metavar="COL", help="Column that names each row's group: well, field, station."
)
@weight_option
@click.option(
    "--margin",
    type=click.FloatRange(0.0, 1.0, min_open=True),
    default=0.01,
    show_default=True,
    help="What a claim may cost and still count as right, as a share of the loss that stays.",
)
@alpha_option
@click.option(
    "--stream/--in-memory",
    default=None,
    help="Read Parquet or Arrow in one pass, or all at once. Default: by the memory that is free.",
)
@click.option(
    "--backend",
    type=click.Choice(["local", "dask", "ray"]),
    default="local",
    show_default=True,
    help="Where the parts of a stream are read.",
)
@click.option(
    "--workers", type=click.IntRange(1), default=1, show_default=True, help="And how many."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON (schema 1).")
@click.option(
    "--plot",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write the figures (png and svg) into this folder.",
)
def command(predictions: tuple[str, ...], as_json: bool, plot: Path | None, **options: Any) -> None:
    result, text = _judged(predictions, **options)
    saved: tuple[list[str], list[str]] = ([], [])
    if plot is not None:
        _can_draw(result)
        from clinometer.reports.confidence_figures import save_figures

        saved = save_figures(result, plot)
    if as_json:
        answer = result.to_dict()
        if plot is not None:
            answer["figures"] = {"written": saved[0], "left_out": saved[1]}
        click.echo(json.dumps(answer, indent=2, allow_nan=False, ensure_ascii=False))
        return
    click.echo(text(result), nl=False)
    for path in saved[0]:
        click.echo(f"Figure: {path}")
    for why in saved[1]:
        click.echo(f"Left out: {why}")


def _can_draw(result: Any) -> None:
    from clinometer.calibration.streamed_result import Streamed

    if isinstance(result, Streamed):
        raise click.UsageError(
            "figures need the rows in memory, and these were read in one pass: leave out --plot, or give "
            "a sample of the rows with --in-memory"
        )


def _judged(
    paths: tuple[str, ...],
    *,
    group: str | None,
    weight: str | None,
    margin: float,
    alpha: float,
    stream: bool | None,
    backend: Backend,
    workers: int,
) -> tuple[Any, Callable[[Any], str]]:
    """The result, and what puts it into words."""
    given: dict[str, Any] = {"alpha": alpha, "margin": margin}
    if len(paths) > 1:
        from clinometer.calibration.run_view import run_view_of_files
        from clinometer.reports.run_view_text import run_view_text

        return run_view_of_files(paths, group=group, weight=weight, **given), run_view_text
    if _streams(paths[0], stream, backend, workers):
        from clinometer.calibration.streamed import streamed
        from clinometer.reports.streamed_text import streamed_text

        given |= {"group": group, "weight": weight, "backend": backend, "workers": workers}
        return streamed(paths[0], **given), streamed_text
    from clinometer.adapters.given import Rows
    from clinometer.adapters.taking import taken
    from clinometer.calibration.judgement import judge
    from clinometer.reports.confidence_text import confidence_text

    return judge(taken(paths[0], Rows(groups=group, weights=weight)), **given), confidence_text


def _streams(path: str, wanted: bool | None, backend: str, workers: int) -> bool:
    """Whether to read in one pass: as asked for, else a folder, several workers, or what is too large."""
    if wanted is not None:
        return wanted
    from clinometer.calibration.memory import should_stream

    return backend != "local" or workers > 1 or should_stream(path)
