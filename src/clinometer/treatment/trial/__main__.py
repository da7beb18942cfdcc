"""`python -m clinometer.treatment.trial PLAN.json`: what a scheduler starts."""

from __future__ import annotations

import sys

from clinometer.errors import ClinometerError
from clinometer.treatment.trial.plan import Plan
from clinometer.treatment.trial.process import run


def main(arguments: list[str]) -> int:
    """Read the plan, make the trial; 0 where it was made, however its arms ended."""
    try:
        with open(arguments[0], encoding="utf-8") as file:
            plan = Plan.from_json(file.read())
    except (IndexError, OSError, ClinometerError) as error:
        sys.stderr.write(f"expected the path of a plan: {error}\n")
        return 2
    run(plan)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
