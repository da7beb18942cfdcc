"""The sentence that carries the verdict on one model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clinometer.calibration.words import confidence_text, count

if TYPE_CHECKING:
    from clinometer.calibration.confidence import Confidence

MOST_NAMED = 5  # groups named in one sentence; the table has the rest
PLAIN = 5e-4  # errors from here on are written as confidences of three digits


def sentence(result: Confidence) -> str:
    """Because: what is claimed, what was counted, and what follows."""
    says = said(result)
    basis = result.decision.basis
    if result.verdict == "earned":
        return _earned(result, says)
    if result.verdict == "unproven":
        return _unproven(result, says)
    if basis == "classes":
        return _by_class(result)
    groups = _groups(result)
    if result.verdict == "undecided":
        return (
            f"Undecided: {says}, which refutes the claim if rows are independent; but over "
            f"{count(len(result.groups), 'group')} it may be chance{groups}."
        )
    return f"Overstates itself by {points(result.whole.counted - result.whole.claimed)}: {says}{groups}."


def said(result: Confidence) -> str:
    """Claim and record side by side."""
    whole = result.whole
    low, high = (1.0 - end for end in reversed(whole.interval))
    return (
        f"it says {sure(whole.claimed)} on average and is right on {sure(whole.counted)} of "
        f"{count(result.n, 'row')} ({low:.3f} to {high:.3f} at {1.0 - result.alpha:.0%})"
    )


def _earned(result: Confidence, says: str) -> str:
    whole = result.whole
    also = _groups(result, "; refuted all the same in ")
    if whole.too_high and not also:
        return f"Earned, and more: {says}."
    return f"Earned: {says}; {sure(whole.limits[1])} or more is worth the claim{also}."


def _unproven(result: Confidence, says: str) -> str:
    whole, claim = result.whole, result.claim
    if whole.counted == 0.0 and claim.confidence is not None:
        price = (
            "no number of rows would support that"
            if claim.points_needed is None
            else f"{count(claim.points_needed, 'fresh faultless row')} would support it"
        )
        earned = confidence_text(1.0 - claim.confidence)
        right = f"{count(result.n, 'row')}, all right, support"
        return f"Unproven: {right} {earned}, and it says {sure(whole.claimed)}; {price}."
    if result.decision.basis == "groups" and whole.word == "supported":
        among = count(len(result.groups), "group")
        return (
            f"Unproven: {says}, which supports the claim if rows are independent; but {among} "
            f"differ too much to say so{_groups(result)}."
        )
    needed = (result.between or whole).rows_to_decide
    more = f"; about {needed:,} rows would decide" if needed else ""
    return f"Unproven: {says}, neither refuted nor supported{more}{_groups(result)}."


def _by_class(result: Confidence) -> str:
    k, worst = result.classes[0]
    name = result.class_name(k)
    return (
        f"Class frequencies are misstated: it gives class {name} {_share(worst.claimed)} of the "
        f"probability, and {_share(worst.counted)} of {count(result.n, 'row')} are of it"
        f"{_more(len(result.classes) - 1)}."
    )


def _groups(result: Confidence, lead: str = "; refuted in ") -> str:
    names = result.decision.refuted_groups
    if not names:
        return ""
    shown = ", ".join(_group(result, name) for name in names[:MOST_NAMED])
    rest = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{lead}{shown}{rest} of {count(len(result.groups), 'group')}"


def _group(result: Confidence, name: str) -> str:
    record = next(group.record for group in result.groups if group.name == name)
    return f"{name} (says {sure(record.claimed)}, right {sure(record.counted)})"


def _more(others: int) -> str:
    return f" ({others} more {'class' if others == 1 else 'classes'} likewise)" if others else ""


def sure(error: float) -> str:
    """A confidence or accuracy by its error: three digits, more where it is nearer to 1.

    >>> sure(0.153), sure(2e-9), sure(0.0)
    ('0.847', '0.999999998', '1')
    """
    return f"{1.0 - error:.3f}" if error >= PLAIN else confidence_text(error)


def points(difference: float) -> str:
    """A difference of rates in hundredths.

    >>> points(0.236), points(0.0104)
    ('24 points', '1 point')
    """
    hundredths = f"{100.0 * difference:.0f}"
    return f"{hundredths} point" if hundredths == "1" else f"{hundredths} points"


def _share(rate: float) -> str:
    return f"{rate:.1%}".replace("%", " %")
