"""Judge a recording: every rule looks, findings are ordered by blame, the verdict follows."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib.metadata import entry_points

from clinometer.diagnosis import rules as rules_package
from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.diagnosis.joining import joined
from clinometer.diagnosis.quantities import Quantities
from clinometer.diagnosis.rule import Evidence, Finding, NotJudged, Rule, Sign
from clinometer.diagnosis.verdict import because, verdict
from clinometer.records.recording import Recording


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule, by code: ours by their place, others by the entry-point group."""
    found = [
        importlib.import_module(f"{rules_package.__name__}.{module.name}").RULE
        for module in pkgutil.iter_modules(rules_package.__path__)
    ]
    found += [point.load() for point in entry_points(group="clinometer.rules")]
    return tuple(sorted(found, key=lambda rule: rule.code))


def diagnose(recording: Recording) -> Diagnosis:
    """Judge a recording as far as it goes.

    Returns
    -------
    Diagnosis : verdict, the sentence, findings ordered by blame, ledger, and what was not judged.
        Never raises for what a recording holds: a rule that raises becomes a finding itself.
    """
    quantities = Quantities(recording)
    findings: list[Finding] = []
    silent: list[tuple[str, str]] = []
    rules = all_rules()
    for rule in rules:
        try:
            findings += _findings(rule, rule.look(quantities), quantities)
        except NotJudged as why:
            silent.append((rule.code, str(why)))
        except Exception as error:
            findings.append(_failed(rule, error))
    findings = joined(findings, {rule.code: rule for rule in rules})
    word = verdict(quantities, findings)
    return Diagnosis(
        recording=recording,
        verdict=word,
        because=because(word, quantities, findings),
        course=quantities.course,
        findings=tuple(findings),
        lines=tuple(quantities._ledger[0]),
        unlined=quantities.unlined,
        not_judged=tuple(silent),
    )


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
        severity=worst.severity or quantities.symptom,
        layer=worst.layer,
        layers=tuple(dict.fromkeys(layers)),
        cause=worst.cause,
        steps=(int(observed[0]), int(observed[-1])) if len(observed) else (0, 0),
        evidence=worst.evidence,
        explanation=worst.explanation,
        remedies=rule.remedies,
        size=worst.size,
    )


def _failed(rule: Rule, error: Exception) -> Finding:
    return Finding(
        code="RUN104",
        name="rule-failed",
        severity="note",
        layer="",
        layers=(),
        cause="rule failed",
        steps=(0, 0),
        evidence=(Evidence("rules that failed", 1.0, 0.0, "rules", 1),),
        explanation=(
            f"Rule {rule.code} {rule.name} itself failed ({type(error).__name__}: {error}) and judged "
            "nothing; the others did. Please report this."
        ),
        remedies=(),
    )
