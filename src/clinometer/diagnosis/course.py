"""The course of the loss: where it began, where it is, and what a constant guess would reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from clinometer.records.recording import Float64, Int64, Recording
from clinometer.theory.constant import cross_entropy_level, level_by_output

BLOCKS = 8  # a window's mean gets its standard error from the means of so many blocks of it
LATE = 4  # the late window is the last 4th of the run
SURE = 3.0  # standard errors; two-sided chance 0.3 % for a normal mean, 2 % for t with 7 degrees
MARGIN = 0.01  # practical equivalence: 1 % of what there is to learn counts as nothing learned
NOISE = 0.05  # of what there is to learn: more is not learned of labels without information
MOSTLY = 0.9  # of what there is to learn: then gradients are small because the examples are right


@dataclass(frozen=True)
class Course:
    """What the losses of a run say by themselves.

    Attributes
    ----------
    first, last : mean loss of the first `BLOCKS` steps (the first step in a run too short for
        that) and of the late window; None where no loss was seen
    error : standard error of `last`; nan where the window is too short to tell
    scatter : the same of a mean of `BLOCKS` single losses, as `first` is
    no_information : loss of the best constant prediction; None where the targets were not seen
    named : `no_information` in words
    falling : whether the second half of the run fell, beyond its noise
    right : share of the examples that were right, late in the run; None where it was not seen
    bad_step : first step whose loss is NaN or infinite, or None
    steps : optimizer steps with a loss
    guess : share of the most frequent label; None where labels were not counted
    judged : examples that `right` speaks of
    """

    first: float | None
    last: float | None
    error: float
    scatter: float
    no_information: float | None
    named: str
    falling: bool
    right: float | None
    bad_step: int | None
    steps: int
    guess: float | None = None
    judged: float = 0.0

    @property
    def reference(self) -> float | None:
        """The loss to beat: the no-information level, or the first loss where that is unknown."""
        return self.no_information if self.no_information is not None else self.first

    @property
    def learned(self) -> float:
        """Share of what there is to learn that has been learned; nan where it cannot be told."""
        if self.last is None or not self.reference:
            return float("nan")
        return (self.reference - self.last) / abs(self.reference)

    @property
    def doubt(self) -> float:
        """Standard error of `learned`; nan where it cannot be told."""
        return self.error / abs(self.reference) if self.reference else float("nan")


def course(recording: Recording) -> Course:
    """Read the course of the loss off a recording."""
    level, named = no_information(recording)
    steps, losses, is_term = _series(recording, level or 0.0)
    if level is not None and not is_term:
        level, named = None, "what is propagated back is not the loss term that was seen"
    finite = np.isfinite(losses)
    bad = steps[~finite]
    good = losses[finite]
    first, last, error = _windows(good)
    right, judged = _right(recording)
    return Course(
        first=first,
        last=last,
        error=error,
        scatter=float(good[-max(len(good) // LATE, 1) :].std() / np.sqrt(BLOCKS))
        if len(good)
        else 0.0,
        no_information=level,
        named=named,
        falling=_falls(good, level if level is not None else first),
        right=right,
        bad_step=int(bad[0]) if len(bad) else None,
        steps=len(losses),
        guess=_guess(recording),
        judged=judged,
    )


def _series(recording: Recording, level: float) -> tuple[Int64, Float64, bool]:
    """(steps, losses, whether they are values of the one loss term, which has a level to be held against).

    What is propagated back may be the term times a constant (accumulation, a weight), or the term and
    something beside it (a penalty), which is taken off as it was in the observed steps. Anything else,
    such as a term weighted by rewards, is not the term. A loss of NaN or infinity whose step a loss
    scaler skipped did no harm, and is left out. Where the loss of the steps was not seen (parameters that
    are stepped inside the backward pass) a term with a level stands for it, in the observed steps.
    """
    in_vain = (recording.scalars["skipped"] == 1) & ~np.isfinite(recording.loss)
    seen = recording.loss_seen & ~in_vain
    steps, losses = recording.step[seen], recording.loss[seen]
    if len(recording.of_kind("loss")) != 1:
        return steps, losses, False
    value = recording.column("loss", "value")[:, 0]
    if level and not recording.loss_seen.any():
        read = recording.column("loss", "seen")[:, 0] > 0
        return recording.observed[read], value[read], True
    known = np.isfinite(value) & np.isin(recording.observed, steps)
    at = recording.observed[known]
    whole, term = losses[np.searchsorted(steps, at)], value[known]
    good = np.isfinite(whole)
    whole, term, at = whole[good], term[good], at[good]
    # A difference that is small beside it is rounding, by its RMS: in bfloat16 one may be beyond 1 %.
    near = MARGIN * np.maximum(np.abs(term), level)
    apart = np.abs(whole - term) / np.maximum(near, np.finfo(np.float64).tiny)
    if not len(term) or np.mean(apart**2) <= 1:
        return steps, losses, True
    factor = _factor(whole, term)
    if factor is not None:
        return steps, losses * factor, True
    if np.any(whole < term - near):
        return steps, losses, False
    if _is_smooth(at, whole - term, (1 - MOSTLY) * level):
        return steps, losses - np.interp(steps, at, whole - term), True
    return at, term, True


def _is_smooth(at: Int64, beside: Float64, tolerance: float) -> bool:
    """Whether what lies beside the term is told by its neighbours in time, within a tolerance."""
    if len(at) < 3:
        return False
    share = (at[1:-1] - at[:-2]) / (at[2:] - at[:-2])
    told = beside[:-2] + share * (beside[2:] - beside[:-2])
    return bool(np.all(np.abs(beside[1:-1] - told)[len(at) // 2 :] <= tolerance))


def _factor(whole: Float64, term: Float64) -> float | None:
    """The constant by which every loss is scaled; None where it is not one."""
    if len(whole) < 3 or np.any(whole == 0):
        return None
    ratios = term / whole
    middle = float(np.median(ratios))
    return middle if np.all(np.abs(ratios - middle) <= MARGIN * abs(middle)) else None


def _windows(losses: Float64) -> tuple[float | None, float | None, float]:
    if not len(losses):
        return None, None, float("nan")
    early = losses[: BLOCKS if len(losses) >= LATE * BLOCKS else 1]
    late = losses[-max(len(losses) // LATE, 1) :]
    return float(early.mean()), float(late.mean()), standard_error(late)


def standard_error(values: Float64) -> float:
    """Standard error of the mean of a correlated series, from the means of `BLOCKS` blocks.

    nan where there are fewer values than blocks. Batch means: Law & Carson (1979), Oper. Res. 27(5).
    """
    if len(values) < BLOCKS:
        return float("nan")
    means = np.array([block.mean() for block in np.array_split(values, BLOCKS)])
    return float(means.std(ddof=1) / np.sqrt(BLOCKS))


def _falls(losses: Float64, reference: float | None) -> bool:
    """Whether the last quarter lies below the quarter before it, beyond noise and in earnest.

    In earnest: at this pace another run as long would gain `MARGIN` of what there is to learn.
    """
    quarter = len(losses) // LATE
    if quarter < BLOCKS or not reference:
        return False
    before, after = losses[-2 * quarter : -quarter], losses[-quarter:]
    noise = np.hypot(standard_error(before), standard_error(after))
    drop = before.mean() - after.mean()
    return bool(drop > SURE * noise and drop * LATE >= MARGIN * abs(reference))


def _right(recording: Recording) -> tuple[float | None, float]:
    """(share of the examples that were right late in the run, how many they were)."""
    if not recording.of_kind("loss") or not len(recording.observed):
        return None, 0.0
    right = recording.column("loss", "right")[:, 0]
    late = ~np.isnan(right) & (recording.observed >= (recording.steps - 1) * (1 - 1 / LATE))
    if not late.any():
        return None, 0.0
    judged = float(np.nansum(recording.column("loss", "examples")[late, 0]))
    return float(right[late].mean()), judged


def _guess(recording: Recording) -> float | None:
    """Share of the most frequent label."""
    terms = recording.of_kind("loss")
    counts = recording.labels.get(terms[0].name, {}).get("counts") if terms else None
    if not counts:
        return None
    numbers = [float(number) for number in counts.values()]
    return max(numbers) / sum(numbers) if sum(numbers) > 0 else None


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


def state(seen: Course) -> str:
    """The run's state by its loss: learning, learned, stuck, diverged or undecided.

    "Stuck" needs the no-information level: a flat loss alone may be a task that is done.
    """
    if seen.bad_step is not None:
        return "diverged"
    return state_while_finite(seen)


def state_while_finite(seen: Course) -> str:
    """The same of the part of the run before its loss became NaN or infinite."""
    if _overshot(seen):
        return "diverged"
    if seen.last is None or np.isnan(seen.doubt):
        return "undecided"
    sure = seen.learned - SURE * seen.doubt
    if seen.no_information is not None and sure >= MOSTLY:
        return "learned"
    if seen.falling:
        return "learning"
    if seen.no_information is not None and (seen.learned < MARGIN or _guesses(seen)):
        return "stuck"
    return "undecided"


def _guesses(seen: Course) -> bool:
    """Whether a loss a little below the level is noise learned by heart: no label is told better by it.

    Balanced classes only: of rare ones the network may know much before it dares to name any.
    """
    if seen.right is None or seen.guess is None or not seen.judged or seen.learned >= NOISE:
        return False
    noise = SURE * float(np.sqrt(seen.guess * (1 - seen.guess) / seen.judged))
    return bool("ln " in seen.named and seen.right <= seen.guess + noise)


def _overshot(seen: Course) -> bool:
    """Whether the loss ended above where it began by more than there was to learn."""
    if seen.first is None or seen.last is None or np.isnan(seen.error):
        return False
    worse = seen.last - max(seen.first, seen.reference or seen.first)
    noise = SURE * float(np.hypot(seen.error, seen.scatter))
    if seen.no_information is None:  # a loss of another kind may rise, as a generator's does
        return worse > max(noise, (1 / MARGIN - 1) * abs(seen.first))
    return worse > max(noise, abs(seen.no_information))
