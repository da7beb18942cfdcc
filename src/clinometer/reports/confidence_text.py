"""One model's confidence in the terminal: verdict and sentence, then claims, loss, groups, notes."""

from __future__ import annotations

from clinometer.calibration.confidence import Confidence
from clinometer.calibration.cures import cures
from clinometer.calibration.streamed_result import Streamed
from clinometer.calibration.words import confidence_text as claimed_text
from clinometer.reports.claims_text import NAME, WIDTH, claim_lines, group_lines, note_lines
from clinometer.reports.layout import counted, wrapped

STATUS = {
    "zero": "none: every row is right, so the best temperature is 0",
    "infinite": "none: the logits carry no signal, so the best temperature is infinite",
    "inverted": "none: the logits point away from the labels",
}


def confidence_text(result: Confidence) -> str:
    """The whole report, at most 80 columns wide, plain text (no colour, so NO_COLOR is respected)."""
    blocks = [
        wrapped(f"Verdict: {result.verdict}", WIDTH) + wrapped(result.because, WIDTH),
        [*_about(result), "", *claim_lines(result, result.surest)],
        _loss(result),
        _support(result),
        group_lines(result.groups),
        note_lines(result.notes),
    ]
    return "\n".join("\n".join(block) + "\n" for block in blocks if block)


def _about(result: Confidence) -> list[str]:
    model = result.predictions
    weighted = "" if model.weights is None else f" (worth {result.whole.n:,.0f} equal ones)"
    what = f"{counted(result.n, 'row')}{weighted}, {model.logits.shape[1]:,} classes"
    return wrapped(
        f"{model.source}: {what}; intervals at {1.0 - result.alpha:.0%}.", WIDTH, "  ", ""
    )


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
    return [*rows, temperature_line(result), ece_line(result.ece)]


def temperature_line(result: Confidence | Streamed) -> str:
    """The best temperature with its interval, or why there is none."""
    fit, name = result.fit, f"{'Temperature':<{NAME}}"
    if fit.temperature is None:
        return f"{name}  {STATUS.get(fit.status, f'none: {fit.status}')}"
    ends = result.temperature_interval
    if ends is None:
        return f"{name}{fit.temperature:>16.5g}"
    above = "no limit" if ends[1] is None else f"{ends[1]:.4g}"
    return f"{name}{fit.temperature:>16.5g}  {ends[0]:.4g} to {above} (1 is right)"


def ece_line(value: float) -> str:
    """The calibration error, a secondary figure."""
    return f"{'Calibration error (ECE)':<{NAME}}{value:>16.4f}  15 bins; describes these rows"


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
        *_settings(result),
        f"  {'log-odds, at most':<{NAME - 2}}{budget:>16.2f}  {beyond}",
    ]


def _settings(result: Confidence) -> list[str]:
    """What would earn the confidence, where it is not earned as it stands."""
    found = cures(result.predictions, result.claim)
    if result.verdict == "earned" or found.temperature is None:
        return []
    more = [
        f"{name} {value:.3g}"
        for name, value in (("label smoothing", found.label_smoothing), ("L2", found.l2))
        if value is not None
    ]
    lines = [f"  {'temperature it earns':<{NAME - 2}}{found.temperature:>16.5g}"]
    return [*lines, f"  {'or train with':<{NAME + 2}}{', '.join(more)}"] if more else lines
