"""A treatment as text: the sentence first, then arms, the change, and what was not tried."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable

from clinometer.diagnosis.remedies import in_words
from clinometer.records.treatment import ArmResult, Measured, Treatment
from clinometer.reports.layout import counted, cut, labelled, short, wrapped
from clinometer.stats.trials import MeanDifference

WIDTH = 80
NAME, WORD, LOSS = 22, 11, 23  # columns of an arm's name, verdict and loss
WORDS = {"no better than random": "no better", "proven": "PROVEN", "harmful": "HARMFUL"}
LEGEND = (
    "loss: mean of the last quarter, doing nothing -> arm. lower by: mean of the paired differences, with "
    "its 95 % interval. v: of the validation loss, for a claim about confidence. *: of the outcome, loss / "
    "(loss + no-information level), where losses are of another kind or not finite, or a spike is treated."
)


def treatment_text(treatment: Treatment, width: int = WIDTH, log: str = "") -> str:
    """The report: plain text, at most `width` columns wide, the change excepted.

    `log` : the two wells as `treatment_log` draws them.
    """
    parts = [
        "\n".join(wrapped(treatment.because, width)),
        _treated(treatment, width),
        _table(treatment, width),
        _change(treatment, width),
        log,
        _rest(treatment, width),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _treated(treatment: Treatment, width: int) -> str:
    lines = []
    if treatment.finding is not None:
        found = treatment.finding
        where = f" at {found['layer']}" if found.get("layer") else ""
        lines += labelled("Treated", [f"{found['code']} {found['name']}{where}"], width)
    if treatment.arms:
        lines += labelled("Trials", [trials_words(treatment)], width)
    return "\n".join(lines)


def trials_words(treatment: Treatment) -> str:
    """From which moment, how long, how often."""
    moments = {arm.moment for arm in treatment.arms}
    given = f" ({counted(treatment.at, 'step')} given up)" if treatment.at else ""
    said = {
        "running": f"in the running state after step {treatment.at:,}",
        "start": f"from a new start{given}",
    }
    where = ", or ".join(words for moment, words in said.items() if moment in moments)
    return (
        f"treated {where}; watched for up to {counted(treatment.steps, 'step')}, "
        f"{counted(treatment.seeds, 'seed')}."
    )


def _table(treatment: Treatment, width: int) -> str:
    if not treatment.arms:
        return ""
    head = f"  {'arm':<{NAME}}{'verdict':<{WORD}}{'loss':<{LOSS}}lower by"
    lines = [head]
    for arm in treatment.arms:
        lines.append(cut(_line(arm, treatment), width))
        lines += wrapped(arm_told(arm), width, " " * 6)
    return "\n".join([*lines, *wrapped(LEGEND, width, "  ")])


def _line(arm: ArmResult, treatment: Treatment) -> str:
    name = short(arm_name(arm, treatment), NAME - 1)
    word = WORDS.get(arm.verdict, arm.verdict)
    return (
        f"  {name:<{NAME}}{word:<{WORD}}{loss_column(arm):<{LOSS}}{difference_words(arm)}".rstrip()
    )


def arm_name(arm: ArmResult, treatment: Treatment) -> str:
    """Its name; with the moment where a name stands for two arms."""
    twice = sum(one.name == arm.name for one in treatment.arms) > 1
    return f"{arm.name} ({arm.moment})" if twice else arm.name


def loss_column(arm: ArmResult) -> str:
    """Doing nothing and the arm, of the loss that it is judged by."""
    judged = judged_loss(arm)
    return loss_words(judged) if judged is not None else "another loss"


def judged_loss(arm: ArmResult) -> Measured | None:
    """The loss that the arm is judged by: validation where that is, else training."""
    return arm.validation if arm.watched == "validation" else arm.loss


def loss_words(loss: Measured) -> str:
    """Doing nothing and the arm, in the loss's own unit.

    >>> loss_words(Measured(None, float("inf"), 0.41, "nat"))
    'inf -> 0.41'
    """
    return f"{figure(loss.nothing)} -> {figure(loss.arm)}"


def figure(value: float) -> str:
    """Four digits."""
    return f"{value:.4g}"


def difference_words(arm: ArmResult) -> str:
    """The improvement with its interval: in the loss's unit where it has one, else of the outcome."""
    judged = judged_loss(arm)
    found = judged.difference if judged is not None and arm.watched != "course" else None
    mark = "v" if arm.watched == "validation" else ""
    if found is None:
        found, mark = arm.against.get("nothing"), "*"
    if found is None:
        return ""
    return f"{found.mean + 0.0:.3g}{mark}{half_words(found)}"


def half_words(found: MeanDifference) -> str:
    """Half the width of the interval, which is symmetric.

    >>> half_words(MeanDifference(1.0, 0.75, 1.25, 0.2, 5)), half_words(MeanDifference(1, 0, 2, 0.2, 1))
    (' ± 0.25', ' (one pair)')
    """
    return f" ± {(found.high - found.low) / 2:.2g}" if found.interval is not None else " (one pair)"


def arm_told(arm: ArmResult) -> str:
    """What else has to be said of an arm, in sentences."""
    said = []
    if arm.kind == "remedy" and arm.done:
        said.append(f"{arm.done}.")
    if arm.kind == "remedy" and arm.steps_given_up:
        said.append(f"From a new start: {counted(arm.steps_given_up, 'step')} given up.")
    if arm.verdict == "proven" and arm.steps_to_match is not None and _ended_finite(arm):
        said.append(f"Where doing nothing ended after {counted(arm.steps_to_match, 'step')}.")
    if arm.kind == "remedy":
        said += more_numbers(arm)
    if arm.why and arm.kind == "remedy":
        said.append(arm.why)
    if arm.seeds_needed and arm.kind == "remedy":
        said.append(f"About {arm.seeds_needed:,} seeds would decide.")
    return " ".join(said)


def _ended_finite(arm: ArmResult) -> bool:
    """Whether doing nothing ended somewhere that can be reached."""
    return arm.watched == "end" and arm.loss is not None and math.isfinite(arm.loss.nothing)


def more_numbers(arm: ArmResult) -> list[str]:
    """Validation loss and the blamed factor, where they were seen."""
    said = []
    if arm.watched == "validation":
        if arm.loss is not None:
            said.append(f"Training loss {loss_words(arm.loss)}{_by(arm.loss)}.")
    elif arm.validation is not None:
        said.append(f"Validation loss {loss_words(arm.validation)}{_by(arm.validation)}.")
    if arm.factor is not None:
        unit = arm.factor.unit.removeprefix("decades of ") or "the blamed factor"
        said.append(
            f"{unit[0].upper()}{unit[1:]} {arm.factor.nothing:+.1f} -> {arm.factor.arm:+.1f} decades"
            f"{_by(arm.factor)}."
        )
    if arm.arriving is not None:
        said.append(
            f"Gradient arriving there {arm.arriving.nothing:+.1f} -> {arm.arriving.arm:+.1f} decades"
            f"{_by(arm.arriving)}."
        )
    return said


def _by(measured: Measured) -> str:
    found = measured.difference
    if found is None or found.interval is None:
        return ""
    return f" ({found.mean + 0.0:+.3g}{half_words(found)})"


def _change(treatment: Treatment, width: int) -> str:
    change = treatment.change
    if not change or not change.get("text"):
        return ""
    kind = "The change, as a diff" if change["kind"] == "diff" else "The change, as lines to add"
    where = f" ({change['where']})" if change.get("where") else ""
    lines = str(change["text"]).rstrip("\n").splitlines()
    return "\n".join(
        [*wrapped(f"{kind}{where}:", width), *(f"  {line}".rstrip() for line in lines)]
    )


def rest_of(treatment: Treatment) -> list[tuple[str, str]]:
    """(title, words) of what was not tried, what has to be known, and where the trials are."""
    return [
        *(("By hand", f"{name}: {words}") for name, words in treatment.by_hand),
        *(("Not tried", f"{name}: {why}") for name, why in treatment.not_applicable),
        *(("Note", note) for note in treatment.notes),
        *(("Files", file) for file in _files(treatment)),
    ]


def _rest(treatment: Treatment, width: int) -> str:
    rest = rest_of(treatment)
    lines = []
    for title in dict.fromkeys(title for title, _ in rest):
        lines += labelled(title, [words for one, words in rest if one == title], width)
    if command := compare_line(treatment):
        lines += ["  Next", f"    {command}"]
    return "\n".join(lines)


def _files(treatment: Treatment) -> Iterable[str]:
    if treatment.trials is not None:
        yield f"{near(treatment.trials)} (every trial, one line each)"


def compare_line(treatment: Treatment) -> str:
    """The command that holds both runs against each other, on one line to be copied; "" without two."""
    if treatment.before is None or treatment.after is None:
        return ""
    return f"clinometer diff {near(treatment.before)} {near(treatment.after)}"


def near(path: str) -> str:
    """A path from the current folder where it lies below it."""
    inside = os.path.relpath(path)
    return path if inside.startswith(os.pardir) else inside


def words_of(arm: ArmResult) -> str:
    """What an arm does, in words."""
    return {
        "sham": "a change that cannot matter",
        "random": "a remedy that nothing asked for",
    }.get(arm.kind, in_words(arm.name))
