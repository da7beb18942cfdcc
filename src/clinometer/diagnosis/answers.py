"""Three answers for a small gradient: learned, stuck or disconnected.

A gradient is small because the examples are right (learned), because a factor of the chain rule kills it
although they are wrong (stuck), or because no way leads to the tensor (disconnected). The number alone does
not tell which.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from clinometer.diagnosis.course import Course
from clinometer.diagnosis.line import GAINS, Line
from clinometer.diagnosis.margins import MARGIN, MOSTLY
from clinometer.diagnosis.scale import log10, median, settled
from clinometer.diagnosis.wiring import Parameter
from clinometer.records.recording import Bool, Recording

SMALL = 2.0  # decades: 1 %, what is taken everywhere here as practically nothing
LEARNED, STUCK, DISCONNECTED = "learned", "stuck", "disconnected"


@dataclass(frozen=True)
class Answer:
    """Why the gradient of one tensor is small.

    Attributes
    ----------
    parameter : the tensor's qualified name
    word : "learned", "stuck" or "disconnected"
    factor : what kills it, where it is stuck: `loss_end` or one of the gains; "" otherwise
    decades : how much that factor falls short of its reference (inf: nothing passes); nan otherwise
    why : why it is disconnected; "" otherwise
    """

    parameter: str
    word: str
    factor: str = ""
    decades: float = math.nan
    why: str = ""


@dataclass(frozen=True)
class Grounds:
    """What an answer rests on besides the ledger.

    Attributes
    ----------
    right : whether the examples are right
    learned : whether the loss alone says so
    late : the observations that speak for the run's end
    chance : `loss_end` of the best constant guess, for lines that do not know it [decades]
    """

    right: bool
    learned: bool
    late: Bool
    chance: float = math.nan


def grounds(recording: Recording, course: Course, state: str, late: Bool) -> Grounds:
    """Read the grounds off a recording."""
    chance = chance_loss_end(recording, course)
    return Grounds(are_right(course, state), state == LEARNED, late, chance)


def answers(
    lines: Iterable[Line], parameters: Iterable[Parameter], on: Grounds
) -> dict[str, Answer]:
    """An answer for each trainable tensor whose gradient is small or never came, by the tensor's name.

    Parameters
    ----------
    lines : the ledger
    parameters : what became of each parameter
    """
    found = {}
    for parameter in parameters:
        if why := why_disconnected(parameter):
            found[parameter.name] = Answer(parameter.name, DISCONNECTED, why=why)
    for line in lines:
        if line.parameter not in found and (answer := _of_line(line, on)):
            found[line.parameter] = answer
    return found


def why_disconnected(parameter: Parameter) -> str:
    """Why nothing can reach or move a tensor that wants to be trained; "" where something can.

    Frozen tensors want nothing, and one that an optimizer ever moved was connected.
    """
    if not parameter.trainable or not parameter.seen or parameter.was_trainable:
        return ""
    if parameter.called is False and not parameter.received:
        return "its layer never ran with gradients wanted"
    if not parameter.received:
        return "no gradient ever reached it"
    return "" if parameter.was_owned else "no optimizer that stepped owns it"


def are_right(course: Course, state: str) -> bool:
    """Whether the examples are right: most of what there was to learn is learned.

    Either the loss says so, or the share of right examples together with a loss below that of a
    constant guess.
    """
    if state == LEARNED:
        return True
    if course.right is None or course.last is None or course.no_information is None:
        return False
    return course.right >= MOSTLY and course.learned > MARGIN


def chance_loss_end(recording: Recording, course: Course) -> float:
    """`loss_end` of the best constant guess for a loss that is the mean of one term [decades].

    The gradient at N outputs is (p - y) / N for a cross-entropy and 2 (p - y) / N for a squared error;
    a guess of the mean makes the latter's mean square 4 times the target's variance. nan where the loss is
    another, has several terms or several outputs.
    """
    terms = recording.of_kind("loss")
    calls = recording.of_kind("call")
    ends = [i for i, call in enumerate(calls) if call.facts.get("output")]
    if len(terms) != 1 or len(ends) != 1:
        return math.nan
    squared = _squared_gradient(terms[0].name, recording.labels.get(terms[0].name, {}), course)
    if not squared > 0:
        return math.nan
    targets = log10(recording.column("loss", "examples")[:, 0])
    shape = (recording.column("call", name)[:, ends[0]] for name in ("examples", "elements"))
    examples, elements = (log10(column) for column in shape)
    return median((math.log10(squared) - targets + examples - elements) / 2)


def _squared_gradient(name: str, facts: Mapping[str, Any], course: Course) -> float:
    """|dC/d(output)|^2 of one target under a constant guess, before the mean is taken."""
    classes = facts.get("classes")
    if name.startswith("binary_cross_entropy"):
        return 0.25
    if name.startswith("cross_entropy") and isinstance(classes, int) and classes > 1:
        return 1.0 - 1.0 / classes
    if name.startswith("squared_error") and course.no_information is not None:
        return 4.0 * course.no_information
    return math.nan


def is_small(line: Line, on: Grounds) -> bool:
    """Whether little of the gradient arrives, or little leaves the loss: 1 % of a constant guess's.

    Where the latter is not known, only a gradient of exactly 0 counts.
    """
    return settled(line.arriving, on.late) <= -SMALL or shortfall(line, on)["loss_end"] >= SMALL


def shortfall(line: Line, on: Grounds) -> dict[str, float]:
    """How far the loss end and the gains fall short of their references [decades]; nan: not known."""
    lost = line.shortfall(on.late)
    loss_end = (
        settled(line.factors["loss_end"], on.late) if "loss_end" in line.factors else math.nan
    )
    known = line.uniform_loss_end if not math.isnan(line.uniform_loss_end) else on.chance
    if math.isnan(known) and loss_end == -math.inf:
        known = 0.0  # exactly nothing falls short of anything
    near = {"loss_end": known - loss_end}
    return near | {name: lost[name] for name in GAINS if name in lost}


def killer(line: Line, on: Grounds) -> tuple[str, float]:
    """Of the factors between the loss and the tensor the one that falls short most, and by how much.

    ("", nan) where none was measured.
    """
    known = {name: short for name, short in shortfall(line, on).items() if not math.isnan(short)}
    worst = max(known, key=lambda name: known[name], default="")
    return worst, known.get(worst, math.nan)


def _of_line(line: Line, on: Grounds) -> Answer | None:
    if not is_small(line, on):
        return None
    factor, decades = killer(line, on)
    if on.right and (on.learned or factor == "loss_end"):
        return Answer(line.parameter, LEARNED)
    return Answer(line.parameter, STUCK, factor, decades)
