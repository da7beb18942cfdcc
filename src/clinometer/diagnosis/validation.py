"""What the script's own evaluation said: the passes over the rows that are hardest to tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clinometer.diagnosis.margins import LATE, SURE
from clinometer.records.evaluation import NODES, Evaluation
from clinometer.records.recording import Recording
from clinometer.stats.sums_layout import Layout

FEWEST = 10  # rows below which a temperature of calibrated models is anything from 0.6 to 1.2 (quartiles)


@dataclass(frozen=True)
class Validation:
    """The passes from one place of the script, in order."""

    passes: tuple[Evaluation, ...]

    @property
    def last(self) -> Evaluation:
        """The latest pass."""
        return self.passes[-1]


def validation(recording: Recording) -> Validation | None:
    """The passes to judge by; None where none of the last quarter of the run can be judged.

    A script may evaluate its training rows as well: of several places the one whose rows are told apart
    worst is judged, by its latest pass.
    """
    late = recording.steps * (1 - 1 / LATE)
    passes = hardest(recording, late, fewest=FEWEST, finite=True)
    return Validation(passes) if passes else None


def hardest(
    recording: Recording, since: float = 0.0, *, fewest: int = 1, finite: bool = False
) -> tuple[Evaluation, ...]:
    """The passes of the place whose rows are told apart worst, in order.

    A place counts whose latest pass is of step `since` or later; passes of at least `fewest` rows are taken,
    with `finite` only those whose rows all are.
    """
    places: dict[str, list[Evaluation]] = {}
    for one in recording.evaluations:
        if one.fit.rows >= fewest and not (finite and one.fit.not_finite):
            places.setdefault(one.name, []).append(one)
    known = [passes for passes in places.values() if passes[-1].step >= since]
    if not known:
        return ()
    last = [_difficulty(passes[-1]) for passes in known]
    return tuple(known[last.index(max(last))])


def least(passes: Sequence[Evaluation]) -> Evaluation | None:
    """The pass of the least refinement, of the least loss where that is not known; None if none is finite."""
    finite = [one for one in passes if not one.fit.not_finite]
    return min(finite, key=_difficulty, default=None)


def _difficulty(one: Evaluation) -> float:
    """Loss that no temperature takes away, and where that is not known the whole loss [nat]."""
    fit = one.fit
    return fit.loss if fit.refinement is None else fit.refinement


@dataclass(frozen=True)
class Claim:
    """What the confidence of a pass costs, beside what no temperature takes away.

    Attributes
    ----------
    cost : loss that the best temperature takes off, less what it takes off by chance [nat]
    rest : loss that stays [nat]
    level : loss of one who says nothing, ln K [nat]
    sure : whether the best temperature differs from 1 beyond doubt
    temperature : in words ("1.9 [1.6, 2.3]", "above 4"); value : as a number, a bound where it is one
    """

    cost: float
    rest: float
    level: float
    sure: bool
    temperature: str
    value: float

    @property
    def share(self) -> float:
        """cost / rest [-]"""
        return self.cost / self.rest if self.rest > 0 else float("inf")

    def is_grave(self, share: float, learnable: float) -> bool:
        """Whether the cost is a large part of what stays, and of what there was to learn."""
        return self.share >= share and self.cost >= learnable * self.level


def claim(one: Evaluation) -> Claim | None:
    """The claim of one pass; None where every row is right, so that no temperature is best.

    Where the best temperature lies beyond those that were summed (1/4 to 4), the last of them stands for it:
    the cost is then a lower bound. Where there is no signal it is infinite.
    """
    fit = one.fit
    if fit.status in {"zero", "empty", "not finite"}:
        return None
    rest, value, told = _best(one)
    optimism = fit.optimism or 0.0
    cost = max(fit.loss - rest - optimism, 0.0)
    sure = 2 * fit.effective * (fit.loss - rest) > SURE**2  # likelihood ratio: chi^2 of one degree
    if fit.interval is not None:
        low, high = fit.interval
        sure = sure and (low > 1 or (high is not None and high < 1))
    return Claim(cost, rest + optimism, level(one), bool(sure), told, value)


def level(one: Evaluation) -> float:
    """Mean loss of the rows where nothing is claimed: ln K [nat]."""
    layout = Layout(NODES)
    return float(one.vector[layout.single("uniform")] / one.vector[layout.single("weight")])


def _best(one: Evaluation) -> tuple[float, float, str]:
    """(loss at the best temperature, the temperature, in words)."""
    fit, sums, layout = one.fit, one.vector, Layout(NODES)
    weight = float(sums[layout.single("weight")])
    if fit.refinement is not None and fit.temperature is not None:
        low, high = fit.interval or (float("nan"), None)
        upper = "no bound" if high is None else f"{high:.3g}"
        return fit.refinement, fit.temperature, f"{fit.temperature:.3g} [{low:.3g}, {upper}]"
    losses = sums[layout.block("loss")].tolist()
    if fit.status == "above":
        return losses[0] / weight, fit.range[1], f"above {fit.range[1]:.3g}"
    if fit.status == "below":
        return losses[-1] / weight, fit.range[0], f"below {fit.range[0]:.3g}"
    return float(sums[layout.single("uniform")]) / weight, float("inf"), "infinite"


def in_words(one: Evaluation, made: Claim) -> str:
    """A pass and its claim in a sentence, the figures first.

    "97.1% sure on average, 95.7% right of 600 (step 1320). Of the loss, 0.161, ..."
    """
    fit = one.fit
    return (
        f"{fit.confidence:.1%} sure on average, {fit.accuracy:.1%} right of {fit.rows} (step {one.step}). "
        f"Of the loss, {fit.loss:.3g}, a temperature of {made.temperature} takes {made.cost:.3g} away; "
        f"{made.rest:.3g} stays."
    )
