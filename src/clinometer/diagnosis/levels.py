"""The no-information level: the loss of the best constant prediction, from the targets that were seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from clinometer.diagnosis.margins import MARGIN
from clinometer.records.recording import Recording
from clinometer.theory.constant import cross_entropy_level, level_by_output


def no_information(recording: Recording) -> tuple[float | None, str]:
    """(loss of the best constant prediction, in words); (None, why) where it is not known.

    Cross-entropy: entropy of the label frequencies [nat]. Squared error: variance of the target.
    Absolute error: its mean deviation from the median. Huber and smooth L1: the least of a constant.
    """
    terms = recording.of_kind("loss")
    if not terms:
        return None, "no loss term of PyTorch's own was seen in the graph"
    if len(terms) > 1:
        return None, "the loss has several terms"
    name, facts = terms[0].name, recording.labels.get(terms[0].name, {})
    if name == "nll_loss":
        return None, "NLLLoss was given what is no log-probability"
    if facts.get("counts"):
        return _entropy(facts)
    if name != "squared_error" and facts.get("targets"):
        return _of_differences(name, facts)
    if facts.get("rows"):
        rows = float(facts["rows"])
        mean = np.array(facts["sum"]) / rows
        level = float(np.mean(np.array(facts["squares"]) / rows - mean**2))
        return (level, "the variance of the target") if level > 0 else (None, "a constant target")
    return None, "the targets were not seen"


def _of_differences(name: str, facts: dict[str, Any]) -> tuple[float | None, str]:
    parameter = float(facts.get("beta", facts.get("delta", 1.0)) or 1.0)
    level = level_by_output(facts["targets"], name, parameter)
    spoken = "the loss of the best constant" if name != "absolute_error" else (
        "the target's mean deviation from its median"
    )  # fmt: skip
    return (level, spoken) if level > 0 else (None, "a constant target")


def _entropy(facts: dict[str, Any]) -> tuple[float | None, str]:
    counts = np.array(list(facts["counts"].values()), dtype=np.float64)
    level = cross_entropy_level(counts, facts.get("divisor"))
    classes = len(counts)
    if level <= 0:
        return None, "only one label was seen"
    if abs(level - np.log(classes)) <= MARGIN * level:
        return level, f"ln {classes}"
    if facts.get("weighted"):
        return level, "the entropy of the weighted label frequencies"
    return level, "the entropy of the label frequencies"
