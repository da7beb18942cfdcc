"""`clinometer compare`: two models, separation or scale?"""

from __future__ import annotations

import json
from pathlib import Path

import click

from clinometer.cli.options import alpha_option, weight_option

EPILOG = """\b
A predictions file is .npz, .csv or .parquet, one row an example, A and B in the same order:
  label          whole numbers from 0, or names
  logits         (n, K), or (n,) for one logit     [npz]
  probabilities  the same, where logits are lost   [npz]
  weight, bias, x  a linear model and its data     [npz]
  logit_NAME, prob_NAME  one column a class, or one column `logit`   [csv, parquet]
  any other column may be named by --group or --weight

\b
Example:
  python -c "import numpy; numpy.savez('a.npz', label=[1,0], logits=[2,-2])"
  python -c "import numpy; numpy.savez('b.npz', label=[1,0], logits=[20,-20])"
  clinometer compare a.npz b.npz

\b
Verdicts: same separator, only scale, better separation, both, undecided.
Exit code: 0 whatever the verdict, 2 for input that cannot be used."""


@click.command(epilog=EPILOG)
@click.argument("a")
@click.argument("b")
@click.option(
    "--group", metavar="COL", help="Column that names each row's group: intervals of whole groups."
)
@weight_option
@click.option(
    "--margin",
    type=click.FloatRange(0.0, 1.0, min_open=True),
    default=0.01,
    show_default=True,
    help="Separations count as equal within this share of the better model's refinement.",
)
@alpha_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON (schema 1).")
@click.option(
    "--plot",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write the figures (png and svg) into this folder.",
)
def command(
    a: str,
    b: str,
    group: str | None,
    weight: str | None,
    margin: float,
    alpha: float,
    as_json: bool,
    plot: Path | None,
) -> None:
    """Two models: is the lower loss better separation, or a larger scale?

    A and B are predictions of two classifiers on the same rows. The difference of their losses is
    split into what a better separation gained and what a larger scale gained; beside it stands the
    confidence that the rows support, and what the claim would cost.
    """
    from clinometer.adapters.given import Rows
    from clinometer.adapters.taking import taken
    from clinometer.calibration.compare import compare

    rows = Rows(groups=group, weights=weight)
    comparison = compare(taken(a, rows), taken(b, rows), alpha=alpha, margin=margin)
    saved = None
    if plot is not None:
        from clinometer.reports.comparison_figures import save_figures

        saved = save_figures(comparison, plot)
    if as_json:
        result = comparison.to_dict()
        if saved:
            result["figures"] = {"written": saved[0], "left_out": saved[1]}
        click.echo(json.dumps(result, indent=2, allow_nan=False, ensure_ascii=False))
        return
    from clinometer.reports.comparison_text import comparison_text

    click.echo(comparison_text(comparison), nl=False)
    for path in saved[0] if saved else []:
        click.echo(f"Figure: {path}")
    for why in saved[1] if saved else []:
        click.echo(f"Left out: {why}")
