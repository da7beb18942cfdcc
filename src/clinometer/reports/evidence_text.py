"""The numbers that speak for a finding, and how far a rule can be trusted, in words."""

from __future__ import annotations

import math

from clinometer.diagnosis.rates import Rate, rate
from clinometer.diagnosis.rule import Evidence, Finding
from clinometer.reports.layout import counted


def evidence_text(item: Evidence, usual: int | None = None) -> str:
    """One number beside its limit; its count of observations where it is not the usual one.

    >>> evidence_text(Evidence("gain", -6.0, -2.0, "decades", 61), 61)
    'gain 1e-06 (-6.0 decades), below the limit 0.01'
    >>> evidence_text(Evidence("owned by an optimizer", 0.0, 1.0, "yes or no", 9), 9)
    'owned by an optimizer: no'
    """
    said = f"{item.quantity}{value_text(item)}"
    if item.limit is not None and item.unit != "yes or no":
        said += limit_text(item)
    return said if item.n == usual or item.n < 2 else f"{said} (n = {item.n:,})"


def value_text(item: Evidence) -> str:
    """What follows the quantity's name: its value, with what it is a share or number of."""
    value, unit = item.value, item.unit
    if math.isnan(value):
        return ": not measured"
    if unit == "yes or no":
        return ": yes" if value else ": no"
    if unit == "decades":
        return f" {_decades(value)}"
    if _is_share(item):
        return f" {100 * value:.3g} % {unit}"
    return f" {value:.4g} {unit}".rstrip(" -")


def _decades(value: float) -> str:
    if value == -math.inf:
        return "exactly 0"
    if not -300 < value < 300:
        return f"{value:.0f} decades"
    return f"{10**value:.2g} ({value:.1f} decades)"


def limit_text(item: Evidence) -> str:
    """What follows the value: on which side of which limit it lies; only where there is a limit."""
    limit = item.limit
    assert limit is not None
    if item.unit == "decades" and limit == 0:
        return "; lossless would be 1"
    if item.unit == "decades" and -300 < limit < 300:
        told = f"{10**limit:.2g}"
    else:
        told = f"{100 * limit:.3g} %" if _is_share(item) else f"{limit:.4g}"
    side = "below" if item.value < limit else "above" if item.value > limit else "at"
    return f", {side} the limit {told}"


def _is_share(item: Evidence) -> bool:
    """Whether it is a share of something ("of units"), and no count ("2 of 10")."""
    return item.unit.startswith("of ") and not item.unit[3:4].isdigit() and abs(item.value) <= 10


def certainty(finding: Finding) -> str:
    """How far a finding can be trusted: this run's sample, and the rule's record elsewhere."""
    seen = finding.evidence[0].n if finding.evidence else 0
    here = f"n = {seen:,} in this run. " if seen > 0 else ""
    return f"{here}This rule: {rate_text(rate(finding.code))}."


def rate_text(measured: Rate | None) -> str:
    """Measured recall and false alarms in words.

    >>> rate_text(Rate(23, 25, 0, 280))
    'right in 23 of 25 sick runs, no false alarm in 280 healthy ones'
    >>> rate_text(None)
    'not measured yet'
    """
    if measured is None:
        return "not measured yet"
    sick = "no run with this fault was measured"
    if measured.sick:
        sick = f"right in {measured.detected:,} of {measured.sick:,} sick runs"
    if not measured.healthy:
        return sick
    alarms = "no false alarm" if not measured.alarms else counted(measured.alarms, "false alarm")
    return f"{sick}, {alarms} in {measured.healthy:,} healthy ones"
