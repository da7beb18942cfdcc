"""One model's confidence in the terminal: the verdict and its sentence, then claims, loss, groups, notes."""

from __future__ import annotations

from clinometer.calibration.claims import Record
from clinometer.calibration.confidence import Confidence
from clinometer.calibration.confidence_verdict import VERDICTS
from clinometer.calibration.confidence_words import sure
from clinometer.calibration.words import confidence_text as claimed_text
from clinometer.reports.layout import counted, short, wrapped

WIDTH = 80
NAME = 26  # columns of what a line is about
MOST_GROUPS = 12  # lines of groups; the most overstated come first
STATUS = {
    "zero": "none: every row is right, so the best temperature is 0",
    "infinite": "none: the logits carry no signal, so the best temperature is infinite",
    "inverted": "none: the logits point away from the labels",
}


def confidence_text(result: Confidence) -> str:
    """The whole report, at most 80 columns wide, plain text (no colour, so NO_COLOR is respected)."""
    blocks = [
        wrapped(f"Verdict: {result.verdict}", WIDTH) + wrapped(result.because, WIDTH),
        [*_about(result), "", *_claims(result)],
        _loss(result),
        _support(result),
        _groups(result),
        [
            row
            for note in result.notes
            for row in wrapped(f"{note[0].upper()}{note[1:]}.", WIDTH, "  ", "- ")
        ],
    ]
    return "\n".join("\n".join(block) + "\n" for block in blocks if block)


def _about(result: Confidence) -> list[str]:
    model = result.predictions
    weighted = "" if model.weights is None else f" (worth {result.whole.n:,.0f} equal ones)"
    what = f"{counted(result.n, 'row')}{weighted}, {model.logits.shape[1]:,} classes"
    return wrapped(
        f"{model.source}: {what}; intervals at {1.0 - result.alpha:.0%}.", WIDTH, "  ", ""
    )


def _claims(result: Confidence) -> list[str]:
    rows = [
        f"{'Is it right as often as it says?':<{NAME + 8}}{'says':>8}{'is right':>10}{'interval':>16}"
    ]
    rows.append(_claim_line("all rows", result.whole))
    if result.between is not None:
        rows.append(_claim_line(f"over {counted(len(result.groups), 'group')}", result.between))
    rows.append(_claim_line("its surest tenth", result.surest))
    worth = f"A record of {sure(result.whole.limits[1])} or more is worth the claim: the rest costs at most "
    return rows + wrapped(
        f"{worth}{100.0 * result.margin:.3g} % of the loss that stays.", WIDTH, "  ", "  "
    )


def _claim_line(name: str, record: Record) -> str:
    low, high = (1.0 - end for end in reversed(record.interval))
    between = f"{low:.3f} to {high:.3f}"
    numbers = f"{sure(record.claimed):>16}{sure(record.counted):>10}{between:>16}"
    return f"  {name:<{NAME - 2}}{numbers}  {record.word}"


def _loss(result: Confidence) -> list[str]:
    parts = result.ladder
    rows = [f"{'Loss [nat]':<{NAME}}{parts.total:>16.5g}"]
    for name, value, meaning in (
        ("scale", parts.scale, "one temperature removes it"),
        ("shift", parts.shift, "one constant a class removes it"),
        ("shape", parts.shape, "any monotone map removes it"),
        ("refinement", parts.refinement, "what it cannot tell apart"),
    ):
        size = "not judged" if value is None else f"{value:>16.5g}  {meaning}"
        rows.append(f"  {name:<{NAME - 2}}{size:>16}")
    return [*rows, f"{'Temperature':<{NAME}}{_temperature(result)}", _errors(result)]


def _temperature(result: Confidence) -> str:
    fit = result.fit
    if fit.temperature is None:
        return f"  {STATUS[fit.status]}"
    ends = result.temperature_interval
    if ends is None:
        return f"{fit.temperature:>16.5g}"
    above = "no limit" if ends[1] is None else f"{ends[1]:.4g}"
    return f"{fit.temperature:>16.5g}  {ends[0]:.4g} to {above} (1 is right)"


def _errors(result: Confidence) -> str:
    return f"{'Calibration error (ECE)':<{NAME}}{result.ece:>16.4f}  15 bins; describes these rows"


def _support(result: Confidence) -> list[str]:
    claim, budget = result.claim, result.logit_budget
    earned = "not judged" if claim.confidence is None else claimed_text(1.0 - claim.confidence)
    beyond = f"{counted(result.beyond_budget, 'row')} beyond it"
    price = "no number" if claim.points_needed is None else f"{claim.points_needed:,}"
    cost = f"  {'price of the claim':<{NAME - 2}}{price:>16}  fresh rows, all of them right"
    return [
        "What these rows can support",
        f"  {'earned confidence':<{NAME - 2}}{earned:>16}  Firth/Jeffreys, mean",
        f"  {'guarantee':<{NAME - 2}}{claim.guarantee:>16.4f}  right on fresh rows, at least",
        *([cost] if result.whole.counted == 0.0 else []),
        f"  {'log-odds, at most':<{NAME - 2}}{budget:>16.2f}  {beyond}",
    ]


def _groups(result: Confidence) -> list[str]:
    if not result.groups:
        return []
    rows = [f"{'Group':<{NAME}}{'rows':>8}{'says':>8}{'is right':>10}{'interval':>16}"]
    for group in result.groups[:MOST_GROUPS]:
        record = group.record
        low, high = (1.0 - end for end in reversed(record.interval))
        between = f"{low:.3f} to {high:.3f}"
        numbers = f"{group.n:>8,}{sure(record.claimed):>8}{sure(record.counted):>10}{between:>16}"
        rows.append(
            f"  {short(group.name, NAME - 2):<{NAME - 2}}{numbers}  {VERDICTS[record.word]}"
        )
    if len(result.groups) > MOST_GROUPS:
        rows.append(
            f"  and {counted(len(result.groups) - MOST_GROUPS, 'group')} that overstate less"
        )
    return rows
