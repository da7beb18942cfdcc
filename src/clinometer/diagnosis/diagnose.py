"""Judge a recording: every rule looks, findings are ordered by blame, the verdict follows."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from functools import cache
from importlib.metadata import entry_points

import numpy as np

from clinometer.diagnosis import rules as rules_package
from clinometer.diagnosis.answers import Answer, answers, grounds
from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.diagnosis.guarded import Guarded, said
from clinometer.diagnosis.joining import joined
from clinometer.diagnosis.quantities import Quantities
from clinometer.diagnosis.rule import Evidence, Finding, NotJudged, Rule, Sign
from clinometer.diagnosis.verdict import because, verdict
from clinometer.records.recording import Int64, Recording


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule, by code: ours by their place, others by the entry-point group."""
    found = [
        importlib.import_module(f"{rules_package.__name__}.{module.name}").RULE
        for module in pkgutil.iter_modules(rules_package.__path__)
    ]
    found += [point.load() for point in entry_points(group="clinometer.rules")]
    return tuple(sorted(found, key=lambda rule: rule.code))


@np.errstate(
    all="ignore"
)  # what a recording holds may be anything: nan and inf speak for themselves
def diagnose(recording: Recording) -> Diagnosis:
    """Judge a recording as far as it goes.

    Returns
    -------
    Diagnosis : verdict, the sentence, findings ordered by blame, ledger, and what was not judged.
        Never raises for what a recording holds: a rule that raises becomes a finding itself.
    """
    quantities = Guarded(recording)
    rules = all_rules()
    findings, silent = _looked(rules, quantities)
    given = _answers(quantities)
    failed = {said(error): (name, error) for name, error in reversed(quantities.failed.items())}
    findings += [_failed(f"`{name}`", error) for name, error in failed.values()]
    findings = joined(findings, {rule.code: rule for rule in rules})
    word = verdict(quantities, findings)
    return Diagnosis(
        recording=recording,
        verdict=word,
        because=because(word, quantities, findings),
        course=quantities.course,
        findings=tuple(findings),
        lines=tuple(quantities.ledger),
        unlined=quantities.unlined,
        not_judged=tuple(silent),
        answers=given,
        rules=len(rules),
    )


def _looked(
    rules: Iterable[Rule], quantities: Quantities
) -> tuple[list[Finding], list[tuple[str, str]]]:
    """(what the rules found, (code, why) of those that could not judge)."""
    findings: list[Finding] = []
    silent: list[tuple[str, str]] = []
    for rule in rules:
        try:
            findings += _findings(rule, rule.look(quantities), quantities)
        except NotJudged as why:
            silent.append((rule.code, str(why)))
        except Exception as error:
            findings.append(_failed(f"Rule {rule.code} {rule.name}", error))
            silent.append((rule.code, f"the rule itself failed ({said(error)})"))
    return findings, silent


def _answers(quantities: Guarded) -> dict[str, Answer]:
    """Why gradients are small, as far as can be told."""
    try:
        parameters = quantities["wiring"]
    except NotJudged:
        parameters = []
    try:
        lines, late = quantities.ledger, quantities["late"]
    except NotJudged:
        lines, late = [], np.zeros(len(quantities.recording.observed), bool)
    on = grounds(quantities.recording, quantities.course, quantities.state, late)
    return answers(lines, parameters, on)


def _findings(rule: Rule, signs: list[Sign], quantities: Quantities) -> list[Finding]:
    """One finding for each cause that the rule names, the worst layer first."""
    causes = dict.fromkeys(sign.cause for sign in signs)
    return [
        _joined(rule, [sign for sign in signs if sign.cause == cause], quantities)
        for cause in causes
    ]


def _joined(rule: Rule, signs: list[Sign], quantities: Quantities) -> Finding:
    worst = max(signs, key=lambda sign: sign.size)
    observed = quantities.recording.observed
    layers = [sign.layer for sign in signs if sign.layer]
    return Finding(
        code=rule.code,
        name=rule.name,
        severity=worst.severity or quantities["symptom"],
        layer=worst.layer,
        layers=tuple(dict.fromkeys(layers)),
        cause=worst.cause,
        steps=_span(worst, observed),
        evidence=worst.evidence,
        explanation=worst.explanation,
        remedies=rule.remedies,
        size=worst.size,
    )


def _span(sign: Sign, observed: Int64) -> tuple[int, int]:
    if sign.step is not None:
        return sign.step, sign.step
    return (int(observed[0]), int(observed[-1])) if len(observed) else (0, 0)


def _failed(what: str, error: Exception) -> Finding:
    """What could not be worked out because our own code raised: a finding, and the others go on."""
    return Finding(
        code="RUN104",
        name="rule-failed",
        severity="note",
        layer="",
        layers=(),
        cause="rule failed",
        steps=(0, 0),
        evidence=(Evidence("failures", 1.0, 0.0, "failures", 1),),
        explanation=(
            f"{what} itself failed ({said(error)}) and judged nothing; the others did. Please report "
            "this."
        ),
        remedies=(),
    )
