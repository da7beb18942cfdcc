"""Each rule's measured rates, for its page and for its findings: `diagnosis/rates.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.zoo.scorecard import Part
from benchmarks.zoo.totals import rule_totals

SCHEMA = 1


def write(parts: Sequence[Part], path: Path, *, seeds: int, date: str, version: str) -> None:
    """Put these parts' rates into the file; those of parts that were not run stay as they are."""
    known = json.loads(path.read_text(encoding="utf-8"))["parts"] if path.exists() else {}
    fresh = {
        part.name: {"date": date, "clinometer": version, "seeds": seeds, "rules": rates(part)}
        for part in parts
    }
    whole = {"schema": SCHEMA, "parts": dict(sorted({**known, **fresh}.items()))}
    path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


def rates(part: Part) -> dict[str, Any]:
    """By code of every rule that exists, speaks or is meant: counts of runs."""
    from clinometer.diagnosis.diagnose import all_rules

    found = rule_totals(part.scores, [rule.code for rule in all_rules()])
    return {
        rule.code: {
            "detected": rule.runs.k,
            "sick": rule.runs.n,
            "alarms": rule.alarms.k,
            "healthy": rule.alarms.n,
        }
        for rule in found
    }
