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


class ScriptCommand(click.Command):
    """What follows the script, or the module after -m, is the script's, whatever it looks like."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        valued = {
            name
            for option in self.params
            if isinstance(option, click.Option) and not option.is_flag
            for name in option.opts
        } - {"-m"}
        at = 0
        while at < len(args) and args[at].startswith("-") and args[at] != "--":
            if args[at].startswith("-m") and not args[at].startswith("--"):
                behind = at + (1 if len(args[at]) > 2 else 2)
                args = [*args[:behind], "--", *args[behind:]]
                break
            at += 2 if args[at] in valued else 1
        return super().parse_args(ctx, args)
