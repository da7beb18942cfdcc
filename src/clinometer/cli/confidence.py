"""`clinometer confidence`: one model's claim against its record."""

from __future__ import annotations

import json
from pathlib import Path

import click

HELP = """One model: is its confidence earned?

PREDICTIONS holds labels and predictions of one classifier on rows that it was not trained on
(.npz, .csv, .parquet, .arrow). The confidence it claims is held against how often it is right; the
loss is split into what a temperature would remove and what stays; and it is said what so few rows
can support.

\b
  clinometer confidence preds.csv                  the verdict, its evidence, the detail
  clinometer confidence preds.csv --group well     by well too: rows of a well hang together
  clinometer confidence preds.csv --json           everything, for programs
  clinometer confidence preds.csv --plot figures   reliability diagram and more, png and svg

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
@click.argument("predictions")
@click.option(
    "--group", metavar="COL", help="Column that names each row's group: well, field, station."
)
@click.option("--weight", metavar="COL", help="Column of the rows' relative importances.")
@click.option(
    "--margin",
    type=click.FloatRange(0.0, 1.0, min_open=True),
    default=0.01,
    show_default=True,
    help="What a claim may cost and still count as right, as a share of the loss that stays.",
)
@click.option(
    "--alpha",
    type=click.FloatRange(0.0, 0.5, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="One minus the certainty of the intervals.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON (schema 1).")
@click.option(
    "--plot",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write the figures (png and svg) into this folder.",
)
def command(
    predictions: str,
    group: str | None,
    weight: str | None,
    margin: float,
    alpha: float,
    as_json: bool,
    plot: Path | None,
) -> None:
    from clinometer.adapters.given import Rows
    from clinometer.adapters.taking import taken
    from clinometer.calibration.judgement import judge

    model = taken(predictions, Rows(groups=group, weights=weight))
    result = judge(model, alpha=alpha, margin=margin)
    if as_json:
        click.echo(json.dumps(result.to_dict(), indent=2, allow_nan=False, ensure_ascii=False))
        return
    from clinometer.reports.confidence_text import confidence_text

    click.echo(confidence_text(result), nl=False)
