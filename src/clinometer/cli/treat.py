"""`clinometer treat`: proposed remedies against doing nothing, a sham and a random one."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

import click

from clinometer.cli.options import ScriptCommand

if TYPE_CHECKING:
    from clinometer.diagnosis.diagnosis import Diagnosis
    from clinometer.records.treatment import Treatment

HELP = """Try what might help on copies of a training, and say what is proven.

The script is run unchanged, in processes of its own, and recorded first; the remedies that its findings
name are then tried from the middle of the run, or from a new start where a running state cannot show
them. Each is held against doing nothing, a sham (a change that cannot matter) and a random remedy, on the
same batches, over several seeds. The script itself is never edited; options after it are its own.

\b
  clinometer treat train.py                            record, try, judge
  clinometer treat --recording first.clino train.py    with a recording that is there
  clinometer treat --remedy lower-rate train.py        one remedy, whatever was found; again for more
  clinometer treat --seeds 10 train.py                 narrower intervals
  clinometer treat --html cure.html train.py --lr 0.1  one page: verdict, arms, change, both well logs
  clinometer treat --backend ray -m package.train      on the machines of a Ray cluster

\b
Verdicts of a remedy:
  proven                  better than all three controls: the 95 % interval of the paired differences
                          lies above 0, by more than 1 % of what there is to learn
  no better than random   no improvement that would matter is left in the interval
  harmful                 worse than doing nothing and than the sham
  undecided               the interval holds 0; it says how many seeds would decide
Only a proven remedy is recommended, with the change as you would write it.

What was done is kept in --out: after Ctrl-C, or with more --seeds, the same command goes on there.

Exit code: 0 where a remedy is proven or there is nothing to treat; 1 where none is; 2 where the script
cannot be tried; 130 after Ctrl-C.
"""
NOT_PROVEN, INTERRUPTED = 1, 130
SIZES = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def _size(ctx: click.Context, param: click.Parameter, value: str | None) -> int:
    """Bytes: 2G, 512MiB, 800000; 0 where nothing was said."""
    if value is None:
        return 0
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", value.strip(), re.IGNORECASE)
    if found is None or (number := float(found[1]) * SIZES[found[2].upper()]) < 1:
        raise click.BadParameter(f"{value!r}: expected a size, such as 2G or 512M", ctx, param)
    return int(number)


@click.command(
    cls=ScriptCommand,
    help=HELP,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option("--recording", metavar="FILE", help="Of the unchanged script; default: make one.")
@click.option("--steps", type=click.IntRange(1), metavar="N",
              help="Steps watched in each trial (default: as recorded, 300 at most).")  # fmt: skip
@click.option("--at", type=click.IntRange(0), metavar="N",
              help="Step after which a running state is treated (default: as the finding asks).")  # fmt: skip
@click.option("--seeds", type=click.IntRange(1), default=5, show_default=True, metavar="S",
              help="Pairs of runs, each with seeds of its own.")  # fmt: skip
@click.option("--remedy", "remedies", multiple=True, metavar="NAME",
              help="Try this one in place of those proposed; again for each further one.")  # fmt: skip
@click.option("--most", type=click.IntRange(1), default=6, show_default=True, metavar="N",
              help="Try at most so many of those proposed.")  # fmt: skip
@click.option("--backend", type=click.Choice(["local", "ray", "dask"]), default="local",
              show_default=True, help="Where trials run.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1), metavar="N",
              help="Trials at a time (default: one a core).")  # fmt: skip
@click.option("--out", metavar="DIR", help="Folder of the results (default: SCRIPT-treatment).")
@click.option("--time-limit", type=click.FloatRange(0, min_open=True), default=600.0, show_default=True,
              metavar="S", help="Seconds for the way to the treatment, and for each trial.")  # fmt: skip
@click.option("--memory-limit", "memory", callback=_size, metavar="SIZE",
              help="Memory of each trial, such as 2G (default: a fair share of what is free).")  # fmt: skip
@click.option("--in-place", is_flag=True,
              help="Run trials in this folder itself, not in a copy of it for each.")  # fmt: skip
@click.option("--allow-writes", is_flag=True,
              help="Let trials write outside of their folder.")  # fmt: skip
@click.option("--html", metavar="OUT", help="Write the report as one HTML file too.")
@click.option("--plot", metavar="OUT", help="Draw both well logs too: .png, .svg or .pdf.")
@click.option("--json", "as_json", is_flag=True, help="Print schema 1 JSON instead of text.")
@click.option("-m", "module", metavar="MODULE", help="Run a module, as python -m does.")
@click.argument("script", nargs=-1, type=click.UNPROCESSED, metavar="[SCRIPT] [ARGS]...")
@click.pass_context
def command(
    ctx: click.Context,
    recording: str | None,
    steps: int | None,
    at: int | None,
    seeds: int,
    remedies: tuple[str, ...],
    most: int,
    backend: str,
    workers: int | None,
    out: str | None,
    time_limit: float,
    memory: int,
    in_place: bool,
    allow_writes: bool,
    html: str | None,
    plot: str | None,
    as_json: bool,
    module: str | None,
    script: tuple[str, ...],
) -> int:
    if module is None and not script:
        raise click.UsageError(
            "no script given; expected clinometer treat [options] script.py", ctx
        )
    _check_outputs(html, plot)
    _check_torch()
    from clinometer.treatment.treat import Patience, treat

    try:
        found = treat(
            module if module is not None else script[0],
            arguments=script if module is not None else script[1:],
            module=module is not None,
            recording=recording,
            steps=steps,
            at=at,
            seeds=seeds,
            remedies=remedies,
            most=most,
            backend=backend,
            workers=workers,
            out=out,
            patience=Patience(time_limit, memory),
            in_place=in_place,
            allow_writes=allow_writes,
        )
    except KeyboardInterrupt:  # before the first trial, or after the last
        click.echo("Stopped. What was done is kept, and the same command goes on there.", err=True)
        return INTERRUPTED
    _tell(found, html=html, plot=plot, as_json=as_json)
    if found.interrupted:
        return INTERRUPTED
    return 0 if found.verdict in {"proven", "nothing to treat"} else NOT_PROVEN


def _check_outputs(html: str | None, plot: str | None) -> None:
    """Refuse before hours of trials, not after."""
    import os

    from clinometer.errors import ClinometerError

    if plot is not None:
        from clinometer.reports.well_log.plot import check_matplotlib, check_suffix

        check_suffix(plot)
        check_matplotlib()
    for path in (html, plot):
        folder = os.path.dirname(os.path.abspath(path)) if path is not None else None
        if folder is not None and not os.path.isdir(folder):
            raise ClinometerError(
                f"{folder}: no such folder.\n  Expected one that may be written to."
            )


def _check_torch() -> None:
    import importlib.util

    from clinometer.errors import TrialError

    if importlib.util.find_spec("torch") is None:
        raise TrialError(
            "a trial runs the script and needs PyTorch, which is not installed: "
            "pip install 'clinometer[torch]'"
        )


def _tell(found: Treatment, *, html: str | None, plot: str | None, as_json: bool) -> None:
    wells = _wells(found)
    if html is not None:
        from clinometer.reports.html.treatment_page import write_treatment_page

        write_treatment_page(found, html, wells)
    if plot is not None:
        _plot(wells, plot)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2, allow_nan=False))
        return
    from clinometer.reports.terminal_log import pen_for
    from clinometer.reports.treatment_log import treatment_log
    from clinometer.reports.treatment_text import WIDTH, treatment_text

    pen = pen_for(sys.stdout.encoding)
    treated = found.remedies[0].name if found.remedies else ""
    log = treatment_log(*wells, WIDTH, pen, treated) if wells else ""
    text = treatment_text(found, WIDTH, log)
    if sys.stdout.isatty():
        from clinometer.reports.styled import show

        show(text)
    else:
        click.echo(text, nl=False)


def _wells(found: Treatment) -> tuple[Diagnosis, Diagnosis] | None:
    """Both recordings, judged; None where there are no two."""
    if found.before is None or found.after is None:
        return None
    from clinometer.diagnosis.diagnose import diagnose
    from clinometer.store.reader import read

    return diagnose(read(found.before)), diagnose(read(found.after))


def _plot(wells: tuple[Diagnosis, Diagnosis] | None, to: str) -> None:
    from clinometer.errors import ClinometerError
    from clinometer.reports.well_log.plot import plot_log

    if wells is None:
        raise ClinometerError(
            f"{to}: there are no two runs to draw: no trial of a remedy was recorded."
        )
    plot_log(wells[0], beside=wells[1], to=to)
