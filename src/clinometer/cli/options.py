"""Options that several commands share."""

from __future__ import annotations

import click

alpha_option = click.option(
    "--alpha",
    type=click.FloatRange(0.0, 0.5, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="One minus the certainty of the intervals.",
)
weight_option = click.option(
    "--weight", metavar="COL", help="Column of the rows' relative importances."
)
